"""What `Run.watch` sees of a PyTorch model: the norms of its gradients and weights.

Knows torch only by how its models look. Norms are taken on the device, without waiting for it, once per so many
forward passes; they become numbers with the next `log`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from experiment_sheet.errors import UsageError


@dataclass(slots=True)
class Watch:
    """One model that is watched. `what` is ``gradients``, ``parameters`` or ``all``."""

    model: Any
    what: str
    every: int
    prefix: str
    _passes: int = 0
    _found: dict[str, Any] = field(default_factory=dict)  # norms that were not logged yet
    _hooks: list[Any] = field(default_factory=list)

    def begin(self) -> None:
        """Hook into the model."""
        self._hooks.append(self.model.register_forward_hook(self._after_forward))
        if self.what in ("gradients", "all"):
            for name, weight in self.model.named_parameters():
                if weight.requires_grad:
                    self._hooks.append(weight.register_hook(partial(self._note, "gradients", name)))

    def end(self) -> None:
        """Leave the model as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def taken(self) -> dict[str, float]:
        """Return the norms since the last time, by ``gradients/<name>`` and ``parameters/<name>``, and totals."""
        found, self._found = self._found, {}
        norms = {f"{self.prefix}{key}": float(norm) for key, norm in found.items()}
        for kind, total in (("gradients", "grad_norm"), ("parameters", "weight_norm")):
            squares = [norm * norm for key, norm in norms.items() if key.startswith(f"{self.prefix}{kind}/")]
            if squares:
                norms[f"{self.prefix}{total}"] = sum(squares) ** 0.5
        return norms

    @property
    def totals(self) -> tuple[str, str]:
        """The keys that the row has; the others are in the steps only."""
        return (f"{self.prefix}grad_norm", f"{self.prefix}weight_norm")

    def _after_forward(self, *_: object) -> None:
        self._passes += self.model.training
        if self._is_due and self.what in ("parameters", "all"):
            for name, weight in self.model.named_parameters():
                self._note("parameters", name, weight.detach())

    @property
    def _is_due(self) -> bool:
        return bool(self.model.training) and (self._passes - 1) % self.every == 0

    def _note(self, kind: str, name: str, tensor: Any) -> None:
        if self._is_due:
            self._found[f"{kind}/{name}"] = tensor.detach().float().norm()


def watch(models: Any, what: str | None, every: int, already: int) -> list[Watch]:
    """Watch a model or several. Raises UsageError for what is no PyTorch model."""
    if what not in (None, "gradients", "parameters", "all"):
        raise UsageError(f"log is 'gradients', 'parameters', 'all' or None, not {what!r}")
    found = list(models) if isinstance(models, Iterable) and not hasattr(models, "named_parameters") else [models]
    for model in found:
        if not hasattr(model, "named_parameters") or not hasattr(model, "register_forward_hook"):
            raise UsageError(f"watch takes PyTorch models, not {type(model).__name__}")
    if what is None:
        return []
    prefixes = ["" if number == 0 else f"model {number + 1}/" for number in range(already, already + len(found))]
    watches = [Watch(model, what, max(1, every), prefix) for model, prefix in zip(found, prefixes, strict=True)]
    for one in watches:
        one.begin()
    return watches
