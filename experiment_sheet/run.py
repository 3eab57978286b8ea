"""Runs: `Run` is one experiment while it goes on.

Its steps go to the history in the run folder, one line per call; what its row has of them is told now and then (see
`telling`). What depends on the world (files, figures, git, the sheet) never raises here; it becomes a message. What
the caller got wrong raises `UsageError` at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from experiment_sheet import notices, peers
from experiment_sheet.arguments import number_of, path_of, say_unknown
from experiment_sheet.errors import UsageError
from experiment_sheet.folder import RunFolder, Stored
from experiment_sheet.history import TIME, History, last_step, read, size
from experiment_sheet.logged import line_of, taken_in
from experiment_sheet.outputs import define
from experiment_sheet.provenance import record
from experiment_sheet.report import forgiving, publish, write_page
from experiment_sheet.row import RunRow
from experiment_sheet.shelf import is_code
from experiment_sheet.status import ending
from experiment_sheet.telling import Telling

if TYPE_CHECKING:
    from experiment_sheet.artifact import Artifact
    from experiment_sheet.contents import How
    from experiment_sheet.dataset import Dataset
    from experiment_sheet.gradients import Watch

REFRESH: Final = 30.0
"""Seconds between two times that a logging run tells its row."""

START_WAIT: Final = 10.0
"""Seconds that `init` waits for the sheet's lock; then the row waits."""

WHOLE: Final = 16 << 20
"""Bytes of steps that a resumed run reads whole; of a longer history it reads a sample."""

FINISH_WAIT: Final = 30.0
"""Seconds that `finish` waits for the sheet's lock."""


class _NoHistory:
    """Takes the steps of a run that another process keeps."""

    def write(self, line: bytes) -> None:
        """Take a line."""

    def close(self) -> None:
        """Do nothing."""

    def reopen_if_gone(self) -> None:
        """Do nothing."""


class Run(Telling):
    """One experiment while it goes on. Made by `init`; a context manager that notes how its block ended.

    With a `rank` above zero another process keeps the run: this one accepts everything and makes no row; with
    `own_history` its steps are kept beside the others', in ``rank-<number>/`` of the run folder.
    A run that was `skipped` is one that was done before: it is over, and its config and summary are as its row is.
    One that is not `kept` was disabled: it accepts everything, and nothing is left of it.
    """

    def __init__(
        self,
        row: RunRow,
        details: Mapping[str, object],
        config: object = None,
        *,
        rank: int = 0,
        own_history: bool = False,
        skipped: bool = False,
        kept: bool = True,
        on_end: Callable[[Run, str], None] | None = None,
    ) -> None:
        super().__init__(row, details, config, mute=rank > 0 or skipped or not kept)
        self.rank, self.skipped, self.resumed = rank, skipped, bool(row.cells) and not skipped
        self._history: History | _NoHistory = _NoHistory()
        self._on_end = on_end
        self._watches: list[Watch] = []
        self._step = 0
        self._over = skipped
        if kept:
            folder = row.folder if not rank else RunFolder(row.folder.path / f"rank-{rank}")
            self._history = History(folder) if own_history or not rank else self._history
            self._step = last_step(folder.path) + 1
        if self._step and not rank:
            self._take_up()
        self._tell(kind="start", wait=START_WAIT)
        if not self._mute:
            record(row.folder)

    @property
    def step(self) -> int:
        """The step that the next `log` without one gets."""
        return self._step

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(*ending(error))

    if not TYPE_CHECKING:  # a type checker is to find what isn't there

        def __getattr__(self, name: str) -> Any:
            """Answer what wandb's runs have and this one hasn't, with a word."""
            return peers.of_run(name)

    def log(self, data: Mapping[str, Any], step: float | None = None, commit: bool | None = None) -> None:
        """Log the values of one step: metrics, texts, figures (a figure becomes a plot), nested as you like.

        The line has reached the operating system when this returns; the row holds each metric's last value, at the
        latest 30 s later. Steps may come in any order. Without `step` the next one is taken; ``commit=False``
        stays on it. Raises UsageError for what is no dictionary, and for a step that is no number.
        """
        if self._over:
            if self.skipped:
                return
            notices.say("log after finish", self.id, f"run {self.id} is over; what is logged now is not kept")
            return
        with self._lock:
            at = self._step if step is None else number_of(step)
            clock = time.monotonic()
            values, line = taken_in(data, at, step, round(clock - self._clock, 3), self._shelf)
            self._history.write(line.encode() + b"\n")
            self._outputs.add(values, at)
            if commit is not False:
                self._step = max(self._step, int(at) + 1)
            if self._watches:
                self._log_norms(at, clock)
            if clock - self._told > REFRESH:
                self._history.reopen_if_gone()
                self._tell()

    def define_metric(
        self,
        name: str,
        step_metric: str | None = None,
        *,
        summary: str | None = None,
        goal: str | None = None,
        **unknown: Any,
    ) -> None:
        """Say what the row keeps of a metric beside its last value.

        ``summary="max"`` adds ``val_acc.max`` and ``val_acc.max_step``; also ``min``, ``mean``, ``first``, ``best``
        (by its `goal`), ``last``, or ``none`` for no cell at all; several are joined by commas. `name` may be
        a pattern, ``val/*``. `goal` (``max``, ``min``) says which way is better where the name doesn't. The step is
        then that of `step_metric`. What this process logged before doesn't count; what the run logged in an earlier
        life does.
        """
        for known in ("step_sync", "hidden", "overwrite"):  # nothing here depends on them
            unknown.pop(known, None)
        say_unknown("define_metric", unknown)
        with self._lock:
            definition = define(name, summary, step_metric, goal)
            self._outputs.definitions.append(definition)
            if goal and definition.goal:
                self._row.goals[name] = definition.goal
            if definition.summaries and self.resumed:
                for step, values in self._earlier_steps():
                    self._outputs.recount(definition, values, step)

    def log_artifact(
        self,
        path: str | os.PathLike[str] | Artifact,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - wandb's word
        aliases: Iterable[str] | None = None,
        *,
        how: How = "copy",
        **unknown: Any,
    ) -> Stored | Artifact | None:
        """Copy a file or folder into the run folder, with size and hash; None, and a message, if it can't be had.

        What is big may be shared instead (``how="hardlink"``) or only pointed to (``"link"``): then a later change of
        the original changes it here. An `Artifact` is copied with all that is in it, gets its version, and is answered.
        """
        say_unknown("log_artifact", unknown)
        with self._lock:
            if not isinstance(path, str | os.PathLike) and hasattr(path, "add_reference"):
                self._shelf.log_artifact(path, aliases or ())
                return path
            return self._shelf.store(path, name, type, how)

    def use_artifact(self, name: str | Artifact, type: str | None = None, **unknown: Any) -> Artifact:  # noqa: A002, ARG002
        """Find an artifact that a run of this sheet logged (``mnist``, ``mnist:v0``), and note it as an input.

        Its name and version stand in the input ``uses``. Raises Unsupported where there is none.
        """
        from experiment_sheet import artifact

        for known in ("aliases", "use_as"):
            unknown.pop(known, None)
        say_unknown("use_artifact", unknown)
        if not isinstance(name, str | artifact.Artifact):
            raise UsageError(f"use_artifact takes an artifact's name, like 'mnist:latest', not {name!r:.100}")
        found = artifact.find(self._row.sheet.files, name) if isinstance(name, str) else name
        used = [word for word in str(self._config.get("uses", "")).split(", ") if word]
        if found.qualified_name not in used:
            self._config["uses"] = ", ".join([*used, found.qualified_name])
        return found

    def log_dataset(
        self,
        name: str,
        data: Any,
        *,
        role: str = "train",
        version: object = None,
        features: object = None,
        augmentations: object = None,
    ) -> Dataset | None:
        """Note which data the run works on: size, rows, columns, types, a hash of the contents.

        `data` is a path, DataFrame or array; `role` is train, validation or test. The row shows name, `version` and
        the hash's first characters, and `features` and `augmentations`, texts or lists of them.
        """
        from experiment_sheet import dataset

        if self._mute:
            return None
        with self._lock:
            described = dataset.log(
                self._row, name, data, role=role, version=version, features=features, augmentations=augmentations
            )
            self._changed()
            return described

    def log_model(self, model: Any, name: str = "model") -> Stored | None:
        """Keep a model of PyTorch, scikit-learn, Keras, XGBoost or LightGBM, or a file, and what it is made of."""
        from experiment_sheet import model as models

        if self._mute:
            return None
        with self._lock:
            stored = models.log(self._row, model, name)
            if stored is not None:
                self._shelf.note(stored)
            self._changed()
            return stored

    def keep_exhibit(self, name: str, value: Any) -> None:
        """Keep a figure, a picture or a table under a name, and nothing in the steps."""
        with self._lock:
            self._shelf.keep(name, value)

    def keep_text(self, text: str, name: str) -> None:
        """Keep a text as a file, ``files/<name>``; `name` may have folders."""
        with self._lock:
            self._shelf.keep_text(text, name)

    def keep_file(self, path: str | os.PathLike[str], name: str) -> None:
        """Keep a copy of a file or folder as ``files/<name>``; `name` may have folders."""
        with self._lock:
            self._shelf.keep_file(Path(path), name)

    def save(
        self,
        glob_str: str | os.PathLike[str] | None = None,
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        **unknown: Any,
    ) -> list[str]:
        """Copy files that fit a pattern into the run folder, and again when it ends unless `policy` is ``now``.

        With `base_path` they keep their place below it. Answers where the copies are. Raises UsageError for a policy
        that doesn't exist.
        """
        unknown.pop("glob", None)
        say_unknown("save", unknown)
        if policy not in ("live", "now", "end"):
            raise UsageError(f"policy is 'live', 'now' or 'end', not {policy!r}")
        if glob_str is None:
            return []
        base = None if base_path is None else Path(base_path)
        with self._lock:
            return self._shelf.save(path_of("save", glob_str), base, again=policy != "now")

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,  # noqa: ARG002 - wandb's keyword
        include_fn: Callable[..., bool] = is_code,
        exclude_fn: Callable[..., bool] = lambda _: False,
    ) -> int:
        """Copy the code below a folder into the run folder; answer how many files. Both functions get a path."""
        with self._lock, forgiving("copying the code", str(root)):
            return self._shelf.log_code(Path(root or "."), lambda path: include_fn(path) and not exclude_fn(path))
        return 0

    def watch(
        self,
        models: Any,
        criterion: object = None,  # noqa: ARG002 - wandb's keywords, as below
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,  # noqa: ARG002
        log_graph: bool = False,  # noqa: ARG002
    ) -> None:
        """Log norms of a PyTorch model's gradients (``parameters``: weights; ``all``), every `log_freq` passes.

        Each layer's norm is in the steps, the whole model's in the row too: ``grad_norm``, ``weight_norm``.
        """
        from experiment_sheet import gradients

        if not self._mute:
            self._watches += gradients.watch(models, log, log_freq, len(self._watches))

    def unwatch(self, models: Any = None) -> None:
        """Leave models alone again: the given ones, or all."""
        chosen = [models] if hasattr(models, "named_parameters") else models
        for one in self._watches:
            if chosen is None or any(one.model is model for model in chosen):
                one.end()
        self._watches = [one for one in self._watches if chosen is not None and one.model not in chosen]

    def finish(self, exit_code: int | None = None, **unknown: Any) -> None:
        """End the run; its row is in the sheet when this returns, or waits and a message says so. Twice is once.

        A Google Sheet is waited for ``EXPERIMENT_SHEET_WAIT`` seconds, 30 where that says nothing.
        """
        unknown.pop("quiet", None)
        say_unknown("finish", unknown)
        self.end(*(("failed", f"exit code {exit_code}") if exit_code else ("finished", None)))

    def end(self, status: str, error: str | None = None, *, wait: bool = True) -> None:
        """End the run with a status; for who knows more than `finish` can say. `wait`: for a sheet that is far away."""
        with self._lock:
            if self._over:
                return
            self._over = True
            self._stop_clock()
            self.unwatch()
            if self._is_mute:
                self._history.close()
                return
            self._details |= {"status": status, "error": error}
            try:
                self._history.close()
                self._shelf.finish()
                if self._row.folder.is_there:  # drawing takes long enough to be killed meanwhile
                    self._tell(kind="change")
                self._details["plots"] = publish(self._row.folder, self.name)
            finally:  # a second Ctrl-C while curves are drawn must not cost the row its end
                self._tell(kind="end", wait=FINISH_WAIT)
            if self._details["plots"] or self._row.left_out:
                definitions = self._outputs.definitions
                write_page(self._row.folder, self._row.everything(), self._shelf.stored, definitions)
        if self._on_end is not None:
            self._on_end(self, status)
        if wait:
            self._row.sheet.arrive()

    def end_now(self, status: str, error: str | None = None) -> None:
        """End the run with a word in the journal and no more, because the process is about to be gone."""
        with self._lock:
            if not self._over:
                self._over = True
                self._details |= {"status": status, "error": error}
                self._tell(kind="end")

    def outputs(self) -> dict[str, object]:
        """Return the outputs as the row has them, but for the curves."""
        return {column.key: cell for column, cell in self._row.everything().items() if column.role == "output"}

    def _take_up(self) -> None:
        """Go on with the curves of a resumed run."""
        for step, values in self._earlier_steps():
            self._outputs.trace(values, step)

    def _earlier_steps(self) -> Iterator[tuple[float, dict[str, Any]]]:
        with forgiving("reading the history", self.id):
            path = self._row.folder.path
            for step, values in read(path, thinned=1 + size(path) // WHOLE).items():
                yield step, {key: value for key, value in values.items() if key != TIME}

    def _log_norms(self, at: float, clock: float) -> None:
        norms = {key: norm for one in self._watches for key, norm in one.taken().items() if norm == norm}
        if norms:
            self._history.write(line_of(norms, at, round(clock - self._clock, 3)).encode() + b"\n")
            totals = {key for one in self._watches for key in one.totals}
            self._outputs.add({key: norm for key, norm in norms.items() if key in totals}, at)
