"""The run of the moment: what `log`, `config`, `summary` and `finish` without a run speak of.

It is the run that was opened last and is not over. At exit every open run of this process is ended: ``failed`` with the
error if an exception ends the process, ``killed`` by Ctrl-C or SIGTERM, else ``finished``.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import beginning, environment, past
from experiment_sheet.arguments import chosen, joined, listed, say_unknown
from experiment_sheet.destination import Where, look_named, sheet_for
from experiment_sheet.errors import UsageError
from experiment_sheet.family import together
from experiment_sheet.folder import Stored
from experiment_sheet.ids import draw_run_id
from experiment_sheet.inputs import Values
from experiment_sheet.live import Live
from experiment_sheet.look import Look
from experiment_sheet.ranks import rank_of
from experiment_sheet.report import forgiving
from experiment_sheet.run import Run
from experiment_sheet.sheet import Sheet
from experiment_sheet.signals import on_sigterm
from experiment_sheet.status import ending, passing_exception, watch_exits

if TYPE_CHECKING:
    from experiment_sheet.artifact import Artifact
    from experiment_sheet.contents import How
    from experiment_sheet.dataset import Dataset

_REINIT: Final[Mapping[object, str]] = {
    None: "finish_previous",
    "default": "finish_previous",
    "finish_previous": "finish_previous",
    "return_previous": "return_previous",
    "create_new": "create_new",
    True: "finish_previous",
    False: "return_previous",
}

_open: list[Run] = []
_guard = threading.Lock()
_children: dict[str, dict[str, Mapping[str, object]]] = {}  # by parent: what its finished children came to


def init(
    sheet: Where | Sequence[Where] | None = None,
    *,
    project: str | None = None,
    name: str | None = None,
    config: object = None,
    notes: str | None = None,
    tags: str | Iterable[str] | None = None,
    group: str | bool | None = None,
    job_type: str | None = None,
    id: str | None = None,  # noqa: A002 - wandb's word, as `dir`
    resume: str | bool | None = None,
    mode: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002
    reinit: str | bool | None = None,
    hypothesis: str | None = None,
    template: Look | str | os.PathLike[str] | None = None,
    parent: Run | str | None = None,
    if_exists: str | None = None,
    ignore: Iterable[str] = (),
    rank: int | None = None,
    rank_history: bool = False,
    baseline: Run | str | None = None,
    **unknown: Any,
) -> Run:
    """Begin a run: its row is in the sheet, as ``running``, when this returns, or waits and a message says so.

    To a Google Sheet a thread sends it, so that nothing waits for a network but the end of the run.

    What is left out is looked for in the environment, see `environment`.

    Args:
        sheet: Where the row goes; else ``EXPERIMENT_SHEET``, else ``<project>.xlsx``, else ``runs.xlsx``, in `dir`.
            A list, a file and addresses of Google Sheets, makes a row in each; the run's folder lies beside the file.
        config: The inputs: a dictionary, dataclass, Namespace, OmegaConf or pydantic object.
        group: Runs that belong together; True: those with the same inputs, but for the keys of `ignore`.
        id: The run's id, to continue that run if the sheet has it; else one is drawn.
        resume: ``must`` (raises RunNotFound if there is no such run), ``never`` (UsageError if there is), ``allow``;
            ``auto`` without an id: the latest run of this command on this machine, if it was broken off.
        mode: ``disabled`` keeps nothing: no row, no file. All others are the same here.
        reinit: What becomes of a run that is open: ``finish_previous`` (default), ``return_previous``, ``create_new``.
        template: What a sheet looks like that is yet to be made: a name, like ``kaggle``, or a path; see `Sheet`.
        parent: The run, or its id, that this one is a fold or a seed of: it stays open, and its row gets mean and
            standard deviation of what its finished children came to.
        if_exists: What if a run with the same inputs is there, but for the keys of `ignore`: ``skip`` (the run that is
            answered has ``skipped`` set and is over), ``resume`` it, or begin a ``new`` one.
        rank: The rank of this process within one run; above 0 it makes no row. Else `ranks` finds it out.
        baseline: The run, or its id, that ``changed`` compares the inputs with; else the parent, else the last run of
            the group, else that of the sheet.
        rank_history: Keep the steps of such a process, too; needs the `id` that all ranks share.
    """
    say_unknown("init", unknown)
    words: dict[str, Any] = {"project": project, "name": name, "notes": notes, "group": group, "job_type": job_type}
    words |= {"id": id, "resume": resume, "mode": mode, "dir": dir, "tags": joined(tags)}
    said = {key: environment.said(key) if word is None else word for key, word in words.items()}
    policy = chosen("reinit", "create_new" if parent is not None and reinit is None else reinit, _REINIT)
    if policy == "return_previous" and (previous := current()) is not None:
        return previous
    start = beginning.Start(
        config=config,
        said=said,
        hypothesis=hypothesis,
        parent=parent.id if isinstance(parent, Run) else parent,
        against=baseline.id if isinstance(baseline, Run) else baseline,
        inputs_of={run.id: run.inputs() for run in (*open_runs(), parent, baseline) if isinstance(run, Run)},
        if_exists=if_exists,
        ignore=listed("ignore", ignore),
        rank=rank_of(rank),
        rank_history=rank_history,
    )
    start.check()
    if start.is_disabled:
        sheet = Sheet(f"memory://disabled-{draw_run_id()}")
    look = look_named(template)
    where = sheet_for(sheet, said["project"], said["dir"], look)
    if policy == "finish_previous":
        for run in open_runs():
            run.finish()
    on_sigterm(_end_killed)
    watch_exits()
    run = start.begin(where, look, named_sheet=sheet is not None, on_end=_tell_parent)
    with _guard:
        _open[:] = [*(one for one in _open if not one.is_over), *([] if run.is_over else [run])]
    if not (run.is_over or run.rank or start.is_disabled):
        _live.begin()
    return run


def open_runs() -> list[Run]:
    """Return the runs of this process that are not over; a forked child has none of its parent's."""
    return [run for run in tuple(_open) if not run.is_over and run.pid == os.getpid()]


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
    path: str | os.PathLike[str] | Artifact,
    name: str | None = None,
    type: str | None = None,  # noqa: A002
    aliases: Iterable[str] | None = None,
    how: How = "copy",
    **unknown: Any,
) -> Stored | Artifact | None:
    """Copy a file, a folder or an artifact into the current run's folder; see `Run.log_artifact`."""
    return _the_run("log_artifact").log_artifact(path, name, type, aliases, how=how, **unknown)


def use_artifact(name: str | Artifact, type: str | None = None, **unknown: Any) -> Artifact:  # noqa: A002
    """Find an artifact that a run of this sheet logged; see `Run.use_artifact`."""
    return _the_run("use_artifact").use_artifact(name, type, **unknown)


def save(
    glob_str: str | os.PathLike[str] | None = None,
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
    **unknown: Any,
) -> list[str]:
    """Copy files that fit a pattern into the current run's folder; see `Run.save`."""
    return _the_run("save").save(glob_str, base_path, policy, **unknown)


def log_code(root: str | os.PathLike[str] | None = ".", name: str | None = None, **chosen: Callable[..., bool]) -> int:
    """Copy the code below a folder into the current run's folder; see `Run.log_code`."""
    return _the_run("log_code").log_code(root, name, **chosen)


def log_dataset(
    name: str,
    data: Any,
    *,
    role: str = "train",
    version: object = None,
    features: object = None,
    augmentations: object = None,
) -> Dataset | None:
    """Note which data the current run works on; see `Run.log_dataset`."""
    run = _the_run("log_dataset")
    return run.log_dataset(name, data, role=role, version=version, features=features, augmentations=augmentations)


def log_model(model: Any, name: str = "model") -> Stored | None:
    """Keep a model of the current run; see `Run.log_model`."""
    return _the_run("log_model").log_model(model, name)


def watch(
    models: Any, criterion: object = None, log: str | None = "gradients", log_freq: int = 1000, **more: Any
) -> None:
    """Log norms of a PyTorch model with the current run; see `Run.watch`."""
    _the_run("watch").watch(models, criterion, log, log_freq, **more)


def unwatch(models: Any = None) -> None:
    """Leave models alone again that the current run watches."""
    _the_run("unwatch").unwatch(models)


def login(*_: object, **__: object) -> bool:
    """Answer True: there is no account, and nothing to log in to."""
    return True


def define_metric(name: str, step_metric: str | None = None, **words: Any) -> None:
    """Say what the current run's row keeps of a metric; see `Run.define_metric`."""
    _the_run("define_metric").define_metric(name, step_metric, **words)


def finish(exit_code: int | None = None, **unknown: Any) -> None:
    """End the current run; without one nothing happens."""
    run = current()
    if run is not None:
        run.finish(exit_code, **unknown)


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


def _tell_parent(child: Run, status: str) -> None:
    """Tell a parent what its child came to: here, where it is open, else in the sheet."""
    if child.parent is None or status != "finished":
        return
    parent = next((run for run in open_runs() if run.id == child.parent), None)
    with forgiving("telling the parent", child.parent):
        if parent is not None:
            outputs = _children.setdefault(parent.id, {})
            outputs[child.id] = child.outputs()
            parent.summary.update(together(outputs.values()))
        elif isinstance(child.sheet, Sheet):
            past.tell_parent(child.sheet, child.parent)


def _end_open_runs() -> None:
    """End what is still open when the process ends. A forked child's runs are its parent's."""
    error = passing_exception()
    for run in reversed(open_runs()):
        run.end(*ending(error), wait=False)  # all far sheets are waited for together, later (`ledgers`)


def _end_killed() -> None:
    for run in reversed(open_runs()):
        run.end_now("killed", "SIGTERM")


def _after_fork() -> None:
    global _guard
    _guard = threading.Lock()
    for run in _open:
        run.after_fork()


_live: Final = Live(open_runs)
atexit.register(_end_open_runs)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
