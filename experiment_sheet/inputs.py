"""What goes into a run: its config, by attribute and by item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from experiment_sheet.errors import UsageError
from experiment_sheet.values import fields_of


class Values(MutableMapping[str, Any]):
    """A dictionary whose items are attributes too; each change is told to whoever keeps it."""

    def __init__(self, changed: Callable[[], None], items: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._items: dict[str, Any] = dict(items)
        self._changed = changed

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __setitem__(self, key: str, value: object) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r}; there are {', '.join(map(str, self)) or 'none yet'}") from None

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __repr__(self) -> str:
        return repr(dict(self))

    def update(self, data: object = (), /, allow_val_change: bool | None = None, **more: object) -> None:  # noqa: ARG002 - wandb's keyword; values may always change here
        """Set several values at once. Takes whatever is like a dictionary, or pairs."""
        self._items.update(named(data))
        self._items.update(more)
        self._changed()

    def setdefaults(self, data: object) -> None:
        """Set only what is not there yet."""
        self.update({key: value for key, value in named(data).items() if key not in self})

    def as_dict(self) -> dict[str, Any]:
        """Return a plain dictionary."""
        return dict(self.items())


class Config(Values):
    """The inputs of a run. Nested dictionaries stay what they are; in the sheet their keys are dotted."""


def named(data: object) -> Mapping[str, Any]:
    """Return what is like a dictionary as one. Raises UsageError for anything else."""
    fields = fields_of(data)
    if fields is not None:
        return fields
    try:
        return dict(data)  # type: ignore[call-overload,no-any-return]
    except (TypeError, ValueError):
        raise UsageError(
            f"values come in a dictionary, dataclass, Namespace or config object, not in {type(data).__name__}"
        ) from None
