"""What can be asked of a sheet of runs, whatever it is stored in: the best, what differs, means of groups, curves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiment_sheet import compare, frames, history, naming
from experiment_sheet.columns import RunId
from experiment_sheet.errors import UsageError
from experiment_sheet.folder import safe_name
from experiment_sheet.metrics import Goal

if TYPE_CHECKING:
    import pandas as pd

    from experiment_sheet.effects import Changes
    from experiment_sheet.pivot import Bold, Pivot


class Questions(ABC):
    """Questions about runs. `where` is a pandas query everywhere, as ``"latency_ms < 20 and model == 'cnn'"``."""

    @abstractmethod
    def read(self) -> pd.DataFrame:
        """Everything in the sheet, indexed by run_id."""

    @property
    @abstractmethod
    def files(self) -> Path:
        """The files folder."""

    @property
    @abstractmethod
    def goals(self) -> Mapping[str, Goal]:
        """Which way of an output is better, by key, as far as the sheet's look says."""

    def best(self, metric: str, *, mode: Goal | None = None, where: str | None = None) -> pd.Series[Any]:
        """The best run by a metric; `where` is a pandas query (``"latency_ms < 20"``).

        `mode` (``"max"`` or ``"min"``) is needed where neither the sheet's look nor the metric's name says which way
        is better. Raises UnknownColumn, UsageError.
        """
        return compare.best(self.read(), metric, mode=self._mode(metric, mode), where=where)

    def top(self, metric: str, count: int = 5, *, mode: Goal | None = None, where: str | None = None) -> pd.DataFrame:
        """The `count` best runs by a metric, the best first; as `best`."""
        if not isinstance(count, int):
            raise UsageError(f"count is a whole number, not {count!r}")
        return compare.top(self.read(), metric, count=count, mode=self._mode(metric, mode), where=where)

    def compare(self, runs: str | Iterable[str], *more: str) -> pd.DataFrame:
        """Some runs side by side: one row per column in which they differ, outputs with their differences.

        Runs are run_ids, beginnings of them, names, ``@last`` or ``@best``; differences are to the first one,
        absolute (``Δ``) and in percent (``Δ%``). Raises RunNotFound, UsageError.
        """
        from experiment_sheet import differences

        return differences.compare(self.read(), [runs, *more] if isinstance(runs, str) else [*runs, *more])

    def group(
        self, by: str | Iterable[str] | None = None, *, agg: str | Iterable[str] = "mean", where: str | None = None
    ) -> pd.DataFrame:
        """What runs came to, by the values of some columns: ``mean``, ``std``, ``min``, ``max``, ``median``, ``count``.

        Without `by`, runs of the same settings are put together, whatever their seeds, folds and places of results.
        Raises UnknownColumn, UsageError.
        """
        from experiment_sheet import groups

        return groups.group(self._chosen(where), by, agg=agg)

    def pivot(
        self,
        rows: str | Iterable[str],
        columns: str | Iterable[str] | None,
        value: str,
        *,
        agg: str = "mean±std",
        mode: Goal | None = None,
        bold: Bold = "column",
        digits: int | None = None,
        where: str | None = None,
    ) -> Pivot:
        """A table for a paper: one value over rows and columns, ``to_latex``, ``to_markdown``, ``to_excel``.

        The best of each ``column`` (or ``row``, or the ``table``) is `bold`. Raises UnknownColumn, UsageError.
        """
        from experiment_sheet import pivot

        layout = pivot.Layout(rows, columns, agg=agg, bold=bold, digits=digits)
        return pivot.pivot(self._chosen(where), value, layout, mode=self._mode(value, mode))

    def changes(self, metric: str | None = None, *, mode: Goal | None = None, where: str | None = None) -> Changes:
        """Single changes of inputs, ranked by the improvement of a metric that followed.

        Without `metric`, the one that ``gain`` is of. Runs that differ from all earlier ones in several inputs at once
        prove nothing of any of them, and are only counted. Raises UnknownColumn, UsageError.
        """
        from experiment_sheet import effects

        frame = self._chosen(where)
        if metric is None:
            metric, way = compare.main_metric(frame, self.goals)
            return effects.changes(frame, metric, mode or way)
        compare.column_in(frame, metric)
        return effects.changes(frame, metric, compare.direction(metric, self._mode(metric, mode)))

    def history(self, runs: RunId | Iterable[RunId], metric: str | None = None) -> pd.DataFrame:
        """What a run logged step by step: one row per step, one column per metric. Empty where it logged none.

        With a `metric`, that one of several runs: one column per run, aligned by step; runs may be named as in
        `compare`. Raises RunNotFound, UnknownColumn, UsageError.
        """
        if metric is None:
            if not isinstance(runs, str):
                raise UsageError('curves of several runs need a metric: history(["first", "second"], "val_acc")')
            return self._steps(runs)
        from experiment_sheet import curves

        frame = self.read()
        return curves.aligned(naming.titles(frame, naming.find_runs(frame, runs)), metric, self._steps)

    def _steps(self, run_id: RunId) -> pd.DataFrame:
        return frames.frame_of_steps(history.read(self.files / safe_name(run_id)))

    def _chosen(self, where: str | None) -> pd.DataFrame:
        frame = self.read()
        return frame if where is None else compare.query(frame, where)

    def _mode(self, metric: str, mode: Goal | None) -> Goal | None:
        return self.goals.get(metric) if mode is None else mode
