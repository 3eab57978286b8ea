"""How a run begins: anew, as one that goes on, as one that was done before, or as a rank of another process's run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from experiment_sheet import environment, notices, past
from experiment_sheet.arguments import checked_id, chosen, path_of
from experiment_sheet.columns import MAX_COLUMNS, RunId
from experiment_sheet.errors import RunNotFound, UsageError
from experiment_sheet.family import inputs_hash
from experiment_sheet.ids import draw_run_id
from experiment_sheet.inputs import named
from experiment_sheet.look import Look
from experiment_sheet.provenance import provenance
from experiment_sheet.row import RunRow
from experiment_sheet.run import Run
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import Cell

_RESUME: Final[Mapping[object, str]] = {
    None: "allow",
    "allow": "allow",
    "auto": "auto",
    "must": "must",
    "never": "never",
    True: "auto",
    False: "allow",
}
_MODES: Final[Mapping[object, str]] = {
    None: "on",
    "online": "on",
    "offline": "on",
    "shared": "on",
    "run": "on",
    "dryrun": "on",
    "disabled": "disabled",
}
_IF_EXISTS: Final[Mapping[object, str]] = {None: "", "skip": "skip", "resume": "resume", "new": "new"}


@dataclass(frozen=True, slots=True)
class Start:
    """What `init` was asked, with what the environment says instead of what it was not."""

    config: object
    said: Mapping[str, Any]
    hypothesis: str | None = None
    parent: str | None = None
    against: str | None = None  # the run that the inputs are compared with
    inputs_of: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)  # of runs at hand, by their ids
    if_exists: str | None = None
    ignore: tuple[str, ...] = ()
    rank: int = 0
    rank_history: bool = False

    @property
    def is_disabled(self) -> bool:
        """Whether nothing is to be kept."""
        return chosen("mode", self.said["mode"], _MODES) == "disabled"

    def check(self) -> None:
        """Raise UsageError for what can't be meant."""
        chosen("mode", self.said["mode"], _MODES)
        chosen("if_exists", self.if_exists, _IF_EXISTS)
        if chosen("resume", self.said["resume"], _RESUME) == "must" and self.said["id"] is None:
            raise UsageError("resume='must' needs the id of the run to go on with: init(id=...)")
        if self.said["id"] is not None:
            checked_id(self.said["id"])
        if self.parent is not None:
            checked_id(self.parent)
        if self.said["dir"] is not None:
            path_of("init(dir=...)", self.said["dir"])
        if self.rank and self.rank_history and self.said["id"] is None:
            raise UsageError("rank_history needs the id that all ranks of the run share: init(id=...)")
        named({} if self.config is None else self.config)

    def begin(
        self, sheet: Sheet, template: Look | None, *, named_sheet: bool, on_end: Callable[[Run, str], None]
    ) -> Run:
        """Begin the run. Raises RunNotFound and UsageError where `resume` can't be had."""
        limit = template.max_columns if template else MAX_COLUMNS
        if self.is_disabled:
            row = RunRow(sheet, self.said["id"] or draw_run_id(), max_columns=limit)
            return Run(row, self._details({}), self.config, kept=False, on_end=on_end)
        if self.rank:
            return self._beside(sheet, limit)
        facts: dict[str, Any] = dict(provenance())
        if self.if_exists:
            facts["inputs_hash"] = inputs_hash(self.config, self.ignore)
        run_id, is_done = self._which(sheet, facts)
        row = self._row(sheet, run_id, template, limit)
        # A sheet that is named after the project needs no column that says it in every row.
        facts["project"] = self.said["project"] if named_sheet else None
        return Run(row, self._details(facts), self.config, skipped=is_done, on_end=on_end)

    def _beside(self, sheet: Sheet, limit: int) -> Run:
        """Make the run of a process whose run another one keeps. Where that one skips it, this one does, too."""
        row = RunRow(sheet, self.said["id"] or draw_run_id(), max_columns=limit)
        runs = past.same_inputs(sheet, inputs_hash(self.config, self.ignore)) if self.if_exists == "skip" else {}
        is_done = "finished" in runs.values()  # one that is running may be our own
        details = self._details({})
        return Run(row, details, self.config, rank=self.rank, own_history=self.rank_history, skipped=is_done)

    def _details(self, facts: Mapping[str, Any]) -> dict[str, object]:
        group = self.said["group"]
        if group is True:
            group = inputs_hash(self.config, self.ignore)
        told = {"run": self.said["name"], "hypothesis": self.hypothesis}
        told |= {key: self.said[key] for key in ("notes", "tags", "job_type")}
        return {**told, "group": group or environment.job_group(), "parent": self.parent, **facts}

    def _which(self, sheet: Sheet, facts: Mapping[str, Any]) -> tuple[RunId | None, bool]:
        """Choose the run to go on with, if any, and whether it is done."""
        if self.said["id"] is not None:
            return self.said["id"], False
        if chosen("resume", self.said["resume"], _RESUME) == "auto":
            same = {key: facts[key] for key in ("command", "host") if key in facts}
            if found := past.broken_off(sheet, same):
                return found, False
        if self.if_exists in ("skip", "resume"):
            runs = past.same_inputs(sheet, facts["inputs_hash"])
            if self.if_exists == "resume":
                return next(reversed(runs), None), False
            done = [run for run, status in runs.items() if status in ("finished", "running")]
            return (done[-1], True) if done else (None, False)
        return None, False

    def _row(self, sheet: Sheet, run_id: RunId | None, template: Look | None, limit: int) -> RunRow:
        if run_id is None:
            return RunRow(sheet, draw_run_id(), max_columns=limit, against=self._compared(sheet))
        resuming = chosen("resume", self.said["resume"], _RESUME)
        known = sheet.resume(run_id)
        if known is None and resuming == "must":
            raise RunNotFound(f"{sheet.name} has no run {run_id!r} to resume; leave resume='must' out to begin it")
        if known is not None and resuming == "never":
            raise UsageError(f"{sheet.name} has a run {run_id!r} already; choose another id, or resume='allow'")
        if known is None:  # asking counted as a second life; this run begins its first
            sheet = sheet.again(template)
        against = None if known else self._compared(sheet)
        return RunRow(sheet, run_id, drawn=False, max_columns=limit, cells=dict(known or {}), against=against)

    def _compared(self, sheet: Sheet) -> Mapping[str, Cell] | None:
        """Return the inputs that the run's are compared with, where a run was named; else those before it tell."""
        named_run = self.against or self.parent
        if named_run is None:
            return None
        if named_run in self.inputs_of:
            return self.inputs_of[named_run]
        found = past.inputs_of(sheet, named_run)
        if found is None and self.against:
            notices.logger.warning(
                "%s has no run %s, which was named as baseline; the run before is compared with", sheet.name, named_run
            )
        return found
