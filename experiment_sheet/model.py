"""The model of a run: its architecture, how many parameters it has, and its file.

Models are known by how they look and saved by their own methods, so no framework is imported here: whoever has a
model of it has imported it already. Nothing here ever loads a model; files of scikit-learn and PyTorch are pickles, so
load them only where you know who wrote them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiment_sheet.columns import Column
from experiment_sheet.errors import UsageError
from experiment_sheet.folder import Stored
from experiment_sheet.masking import mask_text
from experiment_sheet.report import RECORDS, forgiving
from experiment_sheet.row import RunRow
from experiment_sheet.values import Link, clean, cut

_SHORT: Final = 200  # characters of an architecture in the row
_LAYERED: Final = ("PyTorch", "Keras")  # whose text has a line per layer
_LONG: Final = 100_000  # and in run.json; the largest transformers print less


@dataclass(frozen=True, slots=True)
class Kind:
    """How the models of one framework are told, described, counted and saved."""

    name: str
    suffix: str
    claims: Callable[[Any], bool]
    describe: Callable[[Any], str]
    count: Callable[[Any], int | None]
    save: Callable[[Any, Path], object]


def log(row: RunRow, model: object, name: str = "model") -> Stored | None:
    """Save a model, or a copy of a model's file, into the run folder; link it in the row.

    None, and a message, if it can't be saved. Raises UsageError for what is no model that is known here.
    """
    if isinstance(model, str | os.PathLike):
        return _log_file(row, Path(model), name)
    kind = next((kind for kind in KINDS if _claims(kind, model)), None)
    if kind is None:
        known = ", ".join(kind.name for kind in KINDS)
        raise UsageError(
            f"log_model knows models of {known}, and paths of files; save this {type(model).__qualname__} to a file"
        )
    architecture, count = _described(kind, model)
    short = " ".join(architecture.split())
    if len(short) > _SHORT or kind.name in _LAYERED:
        short = type(model).__qualname__ + (f", {count:,} parameters" if count is not None else "")
    row.recorded[Column("input", "architecture")] = short
    stored = _saved(row, kind, model, name)
    facts = {"kind": kind.name, "class": type(model).__qualname__, "parameters": count, "architecture": architecture}
    _keep(row, name, facts, stored)
    return stored


def _log_file(row: RunRow, path: Path, name: str) -> Stored | None:
    stored = None
    with forgiving("storing the model", str(path)):
        named = name if name.endswith(path.suffix) else name + path.suffix
        stored = row.folder.store(path, named, type="model")
    _keep(row, name, {"kind": "file"}, stored)
    return stored


def _claims(kind: Kind, model: object) -> bool:
    try:
        return kind.claims(model)
    except Exception:  # noqa: BLE001 - a model's own attributes
        return False


def _described(kind: Kind, model: object) -> tuple[str, int | None]:
    architecture, count = type(model).__qualname__, None
    with forgiving("describing the model", architecture), _undisturbed():
        architecture = cut(mask_text(clean(kind.describe(model))), _LONG)
    with forgiving("counting the parameters", architecture[:50]):
        count = kind.count(model)
    return architecture, count


def _saved(row: RunRow, kind: Kind, model: object, name: str) -> Stored | None:
    with forgiving("saving the model", name), tempfile.TemporaryDirectory(dir=row.folder.make()) as spare:
        path = Path(spare) / f"model{kind.suffix}"
        with _undisturbed():
            kind.save(model, path)
        named = name if name.endswith(kind.suffix) else name + kind.suffix
        return row.folder.store(path, named, type="model", how="hardlink")
    return None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep frameworks' warnings, of what they will change some day, from becoming errors under ``-W error``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _keep(row: RunRow, name: str, facts: dict[str, Any], stored: Stored | None) -> None:
    if stored is not None:
        facts |= {"file": stored.name, "size": stored.size, "blake2b": stored.blake2b}
        link = f"{row.folder.path.parent.name}/{row.folder.path.name}/{stored.name}"
        row.recorded[Column("output", "model")] = Link(link, Path(stored.name).name)
    with forgiving("recording the model", name):
        known = row.folder.read_json(RECORDS["models"])
        known[name] = {key: value for key, value in facts.items() if value is not None}
        row.folder.write(RECORDS["models"], json.dumps(known, indent=1))


# PyTorch


def _save_torch(model: Any, path: Path) -> None:
    sys.modules["torch"].save(model.state_dict(), path)


def _count_torch(model: Any) -> int:
    return sum(int(parameter.numel()) for parameter in model.parameters())


# Keras


def _describe_keras(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    return "\n".join(lines)


# XGBoost and LightGBM


def _booster(model: Any) -> Any:
    return model.get_booster() if hasattr(model, "get_booster") else getattr(model, "booster_", model)


def _describe_boosted(model: Any) -> str:
    booster = _booster(model)
    rounds = booster.num_boosted_rounds() if hasattr(booster, "num_boosted_rounds") else booster.num_trees()
    shown = repr(model) if hasattr(model, "get_params") else type(model).__qualname__
    return f"{' '.join(shown.split())}, {rounds} rounds"


# scikit-learn


def _save_sklearn(model: object, path: Path) -> None:
    sys.modules["joblib"].dump(model, path)


def _count_sklearn(model: Any) -> int | None:
    """Count fitted coefficients, and the nodes of trees; None of models that have neither."""
    if hasattr(model, "steps"):
        counts = [_count_sklearn(step) for _, step in model.steps if not isinstance(step, str)]
        return sum(count for count in counts if count is not None) if any(c is not None for c in counts) else None
    if hasattr(model, "tree_"):
        return int(model.tree_.node_count)
    if hasattr(model, "estimators_"):
        members = model.estimators_.ravel() if hasattr(model.estimators_, "ravel") else model.estimators_
        return sum(_count_sklearn(member) or 0 for member in members)
    names = [name for name in ("coef_", "intercept_", "coefs_", "intercepts_") if hasattr(model, name)]
    return sum(_sized(getattr(model, name)) for name in names) if names else None


def _sized(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(_sized, value))
    return int(value.size) if hasattr(value, "size") else 1


def _of(model: object, packages: Iterable[str]) -> bool:
    """Tell whether a model's class, or one it derives from, belongs to a package."""
    return any(base.__module__.partition(".")[0] in packages for base in type(model).__mro__)


KINDS: Final = (
    Kind(
        "Keras",
        ".keras",
        lambda m: _of(m, ("keras", "tensorflow", "tf_keras")) and hasattr(m, "summary"),
        _describe_keras,
        lambda m: int(m.count_params()),
        lambda m, path: m.save(path),
    ),
    Kind("PyTorch", ".pt", lambda m: _of(m, ("torch",)) and hasattr(m, "state_dict"), repr, _count_torch, _save_torch),
    Kind(
        "XGBoost",
        ".ubj",
        lambda m: _of(m, ("xgboost",)) and hasattr(m, "save_model"),
        _describe_boosted,
        lambda _: None,
        lambda m, path: m.save_model(path),
    ),
    Kind(
        "LightGBM",
        ".txt",
        lambda m: _of(m, ("lightgbm",)) and hasattr(_booster(m), "save_model"),
        _describe_boosted,
        lambda _: None,
        lambda m, path: _booster(m).save_model(path),
    ),
    Kind(
        "scikit-learn",
        ".joblib",
        lambda m: _of(m, ("sklearn",)) and hasattr(m, "get_params"),
        repr,
        _count_sklearn,
        _save_sklearn,
    ),
)
"""The first that claims a model has it: XGBoost's and LightGBM's classes are scikit-learn's, too, and Keras's may be
PyTorch's."""
