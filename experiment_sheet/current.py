"""The run of the moment: what `log`, `config`, `summary` and `finish` without a run speak of.

It is the run that was opened last and is not over. At exit every open run of this process is ended: ``failed`` with the
error if an exception ends the process, ``killed`` by Ctrl-C or SIGTERM, else ``finished``.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from experiment_sheet.arguments import checked_id, joined, say_unknown
from experiment_sheet.columns import MAX_COLUMNS
from experiment_sheet.errors import RunNotFound, UsageError
from experiment_sheet.folder import Stored, safe_name
from experiment_sheet.ids import draw_run_id
from experiment_sheet.inputs import Values
from experiment_sheet.look import Look
from experiment_sheet.provenance import provenance
from experiment_sheet.row import RunRow
from experiment_sheet.run import Run, sheet_of
from experiment_sheet.sheet import Sheet, default_target
from experiment_sheet.signals import on_sigterm
from experiment_sheet.status import ending, passing_exception

_REINIT: Final[Mapping[object, str]] = {
    None: "finish_previous",
    "default": "finish_previous",
    "finish_previous": "finish_previous",
    "return_previous": "return_previous",
    "create_new": "create_new",
    True: "finish_previous",
    False: "return_previous",
}
_RESUME: Final[Mapping[object, str]] = {
    None: "allow",
    "allow": "allow",
    "auto": "allow",
    "must": "must",
    "never": "never",
    True: "allow",
    False: "allow",
}
_MODES: Final = (None, "online", "offline", "shared", "run", "dryrun", "disabled")

_open: list[Run] = []


def init(
    sheet: Sheet | str | os.PathLike[str] | None = None,
    *,
    project: str | None = None,
    name: str | None = None,
    config: object = None,
    notes: str | None = None,
    tags: str | Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    id: str | None = None,  # noqa: A002 - wandb's word, as `dir`
    resume: str | bool | None = None,
    mode: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002
    reinit: str | bool | None = None,
    hypothesis: str | None = None,
    template: Look | None = None,
    **unknown: Any,
) -> Run:
    """Begin a run: its row is in the sheet, as ``running``, when this returns, or waits and a message says so.

    Args:
        sheet: Where the row goes; else ``EXPERIMENT_SHEET``, else ``<project>.xlsx``, else ``runs.xlsx``, in `dir`.
        config: The inputs: a dictionary, dataclass, Namespace, OmegaConf or pydantic object.
        id: The run's id, to continue that run if the sheet has it; else one is drawn.
        resume: ``must`` (raises RunNotFound if there is no such run), ``never`` (UsageError if there is), ``allow``.
        mode: ``disabled`` keeps everything in memory, for as long as the process lives. All others are the same here.
        reinit: What becomes of a run that is open: ``finish_previous`` (default), ``return_previous``, ``create_new``.
        template: What a sheet looks like that is yet to be made.
    """
    say_unknown("init", unknown)
    policy = _chosen("reinit", reinit, _REINIT)
    if mode not in _MODES:
        raise UsageError(f"mode is 'disabled' or left out, not {mode!r}")
    resuming = _chosen("resume", resume, _RESUME)
    if policy == "return_previous" and (previous := current()) is not None:
        return previous
    if mode == "disabled":
        sheet = Sheet(f"memory://disabled-{draw_run_id()}")
    where = _sheet(sheet, project, dir, template)
    if policy == "finish_previous":
        for run in open_runs():
            run.finish()
    details = {"run": name, "hypothesis": hypothesis, "notes": notes, "tags": joined(tags)}
    # A sheet that is named after the project needs no column that says it in every row.
    details |= {"project": None if sheet is None else project, "group": group, "job_type": job_type, **provenance()}
    on_sigterm(_end_killed)
    run = Run(_row(where, id, resuming, template), details, config)
    _open.append(run)
    return run


def open_runs() -> list[Run]:
    """Return the runs of this process that are not over; a forked child has none of its parent's."""
    _open[:] = [run for run in _open if not run.is_over]
    return [run for run in _open if run.pid == os.getpid()]


def current() -> Run | None:
    """Return the run that was opened last and is not over."""
    runs = open_runs()
    return runs[-1] if runs else None


def log(data: Mapping[str, Any], step: float | None = None, commit: bool | None = None) -> None:
    """Log the values of one step of the current run; see `Run.log`. Raises UsageError without a run."""
    if isinstance(data, str | os.PathLike):
        raise UsageError(
            f"log adds a step to the current run and takes a dictionary first; "
            f'to log a whole run into a sheet write log_run("{os.fspath(data)}", {{...}})'
        )
    _the_run("log").log(data, step, commit)


def log_artifact(
    path: str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,  # noqa: A002
    **unknown: Any,
) -> Stored | None:
    """Copy a file or folder into the current run's folder; see `Run.log_artifact`."""
    return _the_run("log_artifact").log_artifact(path, name, type, **unknown)


def define_metric(name: str, step_metric: str | None = None, **words: Any) -> None:
    """Say what the current run's row keeps of a metric; see `Run.define_metric`."""
    _the_run("define_metric").define_metric(name, step_metric, **words)


def finish(exit_code: int | None = None) -> None:
    """End the current run; without one nothing happens."""
    run = current()
    if run is not None:
        run.finish(exit_code)


class Current(Values):
    """The config or summary of whatever run is the current one. Raises UsageError where there is none."""

    def __init__(self, part: Callable[[Run], Values], name: str) -> None:
        self._part, self._name = part, name

    def __repr__(self) -> str:
        return repr(self._values()) if current() else f"<{self._name} of no run>"

    def __getitem__(self, key: str) -> Any:
        return self._values()[key]

    def __delitem__(self, key: str) -> None:
        del self._values()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def update(self, data: object = (), /, allow_val_change: bool | None = None, **more: object) -> None:
        """Set several values at once."""
        self._values().update(data, allow_val_change, **more)

    def _values(self) -> Values:
        return self._part(_the_run(self._name))


config: Final = Current(lambda run: run.config, "config")
"""The inputs of the current run."""

summary: Final = Current(lambda run: run.summary, "summary")
"""The outputs of the current run."""


def _the_run(call: str) -> Run:
    run = current()
    if run is None:
        raise UsageError(
            f'{call} speaks of the current run, and there is none; begin one with init("runs.xlsx"), '
            f'or log a whole run with log_run("runs.xlsx", {{...}})'
        )
    return run


def _chosen(keyword: str, value: object, choices: Mapping[object, str]) -> str:
    if value not in choices:
        words = ", ".join(sorted({repr(choice) for choice in choices if isinstance(choice, str)}))
        raise UsageError(f"{keyword} is one of {words}, not {value!r}")
    return choices[value]


def _sheet(
    sheet: Sheet | str | os.PathLike[str] | None,
    project: str | None,
    folder: str | os.PathLike[str] | None,
    template: Look | None,
) -> Sheet:
    if isinstance(sheet, Sheet):
        return sheet
    if sheet is None:
        named = safe_name(f"{project}.xlsx") if project and not os.environ.get("EXPERIMENT_SHEET") else default_target()
        # An address stays what it is; a file's name is looked for in the folder.
        sheet = named if "://" in named else Path(folder or "") / named
    return sheet_of(sheet, "init", template=template)


def _row(sheet: Sheet, run_id: str | None, resuming: str, template: Look | None) -> RunRow:
    limit = template.max_columns if template else MAX_COLUMNS
    if run_id is None:
        if resuming == "must":
            raise UsageError("resume='must' needs the id of the run to go on with: init(id=...)")
        return RunRow(sheet, draw_run_id(), max_columns=limit)
    known = sheet.resume(checked_id(run_id))
    if known is None and resuming == "must":
        raise RunNotFound(f"{sheet.name} has no run {run_id!r} to resume; leave resume='must' out to begin it")
    if known is not None and resuming == "never":
        raise UsageError(f"{sheet.name} has a run {run_id!r} already; choose another id, or resume='allow'")
    if known is None:  # asking counted as a second life; this run begins its first
        sheet = Sheet(sheet.target, template=template)
    return RunRow(sheet, run_id, drawn=False, max_columns=limit, cells=dict(known or {}))


def _end_open_runs() -> None:
    """End what is still open when the process ends. A forked child's runs are its parent's."""
    error = passing_exception()
    for run in reversed(open_runs()):
        run.end(*ending(error))


def _end_killed() -> None:
    for run in reversed(open_runs()):
        run.end_now("killed", "SIGTERM")


atexit.register(_end_open_runs)
