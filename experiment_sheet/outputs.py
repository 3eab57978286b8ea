"""What comes out of a run: the last value of each metric, and the statistics that were asked for.

Pure. A metric's cell is its last value. `define_metric("acc", summary="max")` adds ``acc.max`` and, with the step
where it was reached, ``acc.max_step``. NaN counts for no statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from experiment_sheet.errors import UsageError
from experiment_sheet.inputs import Values
from experiment_sheet.metrics import Goal, goal
from experiment_sheet.sparkline import Curve

SUMMARIES: Final = ("max", "min", "mean", "first", "last", "best", "none")

_CURVE: Final = ".curve"
_BATCH: Final = 512  # steps that wait for their curves
_MANY: Final = 200  # values that are too many to keep so often


@dataclass(frozen=True, slots=True)
class Definition:
    """What was said of a metric, or of all that match a pattern such as ``val/*``."""

    name: str
    summaries: tuple[str, ...] = ()
    step_metric: str | None = None
    goal: Goal | None = None


def define(name: str, summary: str | None, step_metric: str | None, way: str | None) -> Definition:
    """Make a definition of wandb's words. Raises UsageError for a summary or goal that doesn't exist."""
    goals: dict[str | None, Goal | None] = {
        None: None,
        "max": "max",
        "min": "min",
        "maximize": "max",
        "minimize": "min",
    }
    if not isinstance(name, str) or not isinstance(summary, str | None) or not isinstance(step_metric, str | None):
        raise UsageError('define_metric takes texts, like define_metric("val_acc", summary="max,mean")')
    if not isinstance(way, str | None) or way not in goals:
        raise UsageError(f"goal is 'max' or 'min', not {way!r:.100}")
    words = tuple(word.strip() for word in (summary or "").split(",") if word.strip())
    if wrong := [word for word in words if word not in SUMMARIES]:
        raise UsageError(f"summary is one of {', '.join(SUMMARIES)}, not {wrong[0]!r}")
    direction = goals[way] or goal(name)
    if "best" in words and direction is None:
        raise UsageError(f"summary='best' of {name!r} needs goal='max' or goal='min'")
    return Definition(name, tuple(str(direction) if word == "best" else word for word in words), step_metric, direction)


@dataclass(slots=True)
class _Statistics:
    """Running statistics of one metric."""

    count: int = 0
    total: float = 0.0
    first: float | None = None
    max: tuple[float, float] | None = None  # value, step
    min: tuple[float, float] | None = None

    def add(self, value: float, step: float) -> None:
        if value != value:
            return
        self.count += 1
        self.total += value
        self.first = value if self.first is None else self.first
        if self.max is None or value > self.max[0]:
            self.max = (value, step)
        if self.min is None or value < self.min[0]:
            self.min = (value, step)

    def named(self, name: str, summaries: tuple[str, ...]) -> dict[str, float]:
        found: dict[str, float] = {}
        if not self.count:
            return found
        for word in summaries:
            if word in ("max", "min"):
                found[f"{name}.{word}"], found[f"{name}.{word}_step"] = getattr(self, word)
            elif word == "mean":
                found[f"{name}.mean"] = self.total / self.count
            elif word == "first" and self.first is not None:
                found[f"{name}.first"] = self.first
        return found


@dataclass(slots=True)
class Outputs:
    """The outputs of a run as its row has them."""

    last: dict[str, Any] = field(default_factory=dict)  # what was logged last, or set as summary, by key
    definitions: list[Definition] = field(default_factory=list)
    _statistics: dict[str, _Statistics] = field(default_factory=dict)
    _curves: dict[str, Curve | None] = field(default_factory=dict)  # None: it has no goal
    _recent: list[tuple[float, dict[str, Any]]] = field(default_factory=list)  # steps that no curve has yet

    def add(self, values: Mapping[str, Any], step: float) -> None:
        """Take the values of one step."""
        self.last.update(values)
        if self.definitions:
            self._count(values, step)
        self.trace(values, step)

    def recount(self, definition: Definition, values: Mapping[str, Any], step: float) -> None:
        """Count a step of an earlier life for a definition that was made after it."""
        chosen = {key: value for key, value in values.items() if self.definition_of(key) is definition}
        self._count(chosen, step)

    def trace(self, values: Mapping[str, Any], step: float) -> None:
        """Take the values of one step for the curves alone. They are drawn in later, many at a time: `log` is hot."""
        self._recent.append((step, dict(values)))
        if len(self._recent) >= _BATCH or len(values) > _MANY:
            self._trace_recent()

    def sparklines(self) -> dict[str, str]:
        """Return a small curve, ``loss.curve``, of each metric of which it is known which way is better."""
        self._trace_recent()
        drawn = {key: curve.text() for key, curve in self._curves.items() if curve is not None and key in self.last}
        return {key + _CURVE: text for key, text in drawn.items() if text}

    def _trace_recent(self) -> None:
        recent, self._recent = self._recent, []
        for step, values in recent:
            for key, value in values.items():
                if key not in self._curves:
                    self._curves[key] = Curve() if self._has_goal(key) else None
                curve = self._curves[key]
                if curve is not None and isinstance(value, int | float):
                    curve.add(step, value)

    def _has_goal(self, key: str) -> bool:
        definition = self.definition_of(key)
        if definition is not None and "none" in definition.summaries:
            return False
        return bool((definition and definition.goal) or goal(key))

    def _count(self, values: Mapping[str, Any], step: float) -> None:
        for key, value in values.items():
            definition = self.definition_of(key)
            if definition and definition.summaries and isinstance(value, int | float):
                place = self.last.get(definition.step_metric, step) if definition.step_metric else step
                at = place if isinstance(place, int | float) else step
                self._statistics.setdefault(key, _Statistics()).add(value, at)

    def definition_of(self, key: str) -> Definition | None:
        """Return what was said of a metric: by its name, else by the latest pattern that fits."""
        for definition in reversed(self.definitions):
            if definition.name == key:
                return definition
        return next((d for d in reversed(self.definitions) if "*" in d.name and fnmatchcase(key, d.name)), None)

    def values(self) -> dict[str, Any]:
        """Return the outputs: last values but for those defined as ``none``, each followed by its statistics."""
        found: dict[str, Any] = {}
        for key, value in self.last.items():
            definition = self.definition_of(key) if self.definitions else None
            if definition is None or "none" not in definition.summaries:
                found[key] = value
            if definition and key in self._statistics:
                found.update(self._statistics[key].named(key, definition.summaries))
        return found


def is_curve(key: str) -> bool:
    """Tell whether an output is the small curve of another."""
    return key.endswith(_CURVE)


class Summary(Values):
    """The outputs of a run, to be read and set by item or attribute. What was set or logged last is there."""

    def __init__(self, outputs: Outputs, changed: Callable[[], None]) -> None:
        super().__init__(changed)
        self._outputs = outputs
        self._items = outputs.last

    def __getitem__(self, key: str) -> Any:
        return self._outputs.last[key] if key in self._outputs.last else self._outputs.values()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs.values())

    def __len__(self) -> int:
        return len(self._outputs.values())
