"""MLflow's habits: ``from experiment_sheet import mlflow``, and a script's calls make rows of a sheet.

An experiment is a sheet, ``<experiment>.xlsx`` (``runs.xlsx`` for the default one), or the project of the runs in the
sheet that `set_tracking_uri` or ``EXPERIMENT_SHEET`` names. Params are inputs, metrics are outputs, tags are words
``key=value`` in the cell `tags`. As in MLflow, what is logged without a run begins one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from experiment_sheet import current, notices, peers
from experiment_sheet.arguments import say_unknown
from experiment_sheet.backends.registry import parse
from experiment_sheet.destination import sheet_for
from experiment_sheet.errors import RunNotFound, UnknownTarget, UsageError
from experiment_sheet.filters import RUN_NAME, as_mlflow, ordered, selected, tags_in
from experiment_sheet.run import Run
from experiment_sheet.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd

_STATUSES: Final = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}
_ROLES: Final = {"training": "train", "train": "train", "validation": "validation", "test": "test", "eval": "test"}
_NOTE: Final = "mlflow.note.content"
_SPARED: Final = ("synchronous", "timestamp", "model_id", "dataset", "save_kwargs")  # nothing here depends on them


class _Place:
    """Where runs go."""

    target: str | None = None
    experiment: str | None = None
    last: ActiveRun | None = None


class ActiveRun:
    """A run as MLflow shows it: `info` and `data`. A context manager. `run` is the `Run`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.steps: dict[str, int] = {}  # what a metric's next step is where none is given
        self._first = run.step

    @property
    def info(self) -> SimpleNamespace:
        """Id, name, status and folder."""
        run = self.run
        return SimpleNamespace(
            run_id=run.id,
            run_name=run.name,
            status="FINISHED" if run.is_over else "RUNNING",
            artifact_uri=run.dir,
            experiment_id=_Place.experiment or "Default",
        )

    @property
    def data(self) -> SimpleNamespace:
        """Params, metrics and tags."""
        return SimpleNamespace(params=dict(self.run.config), metrics=dict(self.run.summary), tags=_tags(self.run))

    def next_step(self, keys: Iterable[str]) -> int:
        """Count a step of some metrics that were logged without one."""
        names = list(keys)
        step = max((self.steps.get(key, self._first) for key in names), default=self._first)
        self.steps.update(dict.fromkeys(names, step + 1))
        return step

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run.__exit__(kind, error, trace)


_active: dict[str, ActiveRun] = {}


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Name the sheet that all experiments go to. An address of MLflow's own stores is said once, and ignored."""
    try:
        parse(uri)
    except UnknownTarget:
        notices.say("tracking", str(uri), f"{uri} is no sheet; runs go to {_Place.target or 'the default sheet'}")
        return
    _Place.target = os.fspath(uri)


def get_tracking_uri() -> str:
    """Return the sheet that runs go to."""
    return _sheet().name


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None, **_: object) -> Any:
    """Have the runs from now on go to an experiment. Answers an object with its name and id, which are the same."""
    _Place.experiment = experiment_name or experiment_id
    return get_experiment_by_name(_Place.experiment or "Default")


def create_experiment(name: str, **_: object) -> str:
    """Answer an experiment's id, which is its name; the sheet is made by its first run."""
    return name


def get_experiment_by_name(name: str) -> Any:
    """Return an object with an experiment's name and id."""
    return SimpleNamespace(name=name, experiment_id=name, artifact_location=str(_sheet(name).files))


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    **more: Any,
) -> ActiveRun:
    """Begin a run, or go on with one. Raises UsageError where one is active and this one is not `nested`.

    A nested run's parent is the active one, or `parent_run_id`. Raises RunNotFound for a `run_id` that isn't there.
    """
    above = active_run()
    if above is not None and not (nested or parent_run_id):
        raise UsageError(
            f"run {above.run.id} is active; end_run() ends it, start_run(nested=True) begins one within it"
        )
    notes = more.pop("description", None)
    more.pop("log_system_metrics", None)
    say_unknown("start_run", more)
    parent: Run | str | None = parent_run_id or (above.run if above and nested else None)
    name = experiment_id or _Place.experiment
    run = current.init(
        _sheet(name),
        project=name if _Place.target else None,
        name=run_name,
        notes=notes,
        id=run_id,
        resume="must" if run_id else None,
        parent=parent,
    )
    _active[run.id] = _Place.last = ActiveRun(run)
    if tags:
        set_tags(tags)
    return _active[run.id]


def end_run(status: str = "FINISHED") -> None:
    """End the active run; without one nothing happens. Raises UsageError for a status that doesn't exist."""
    if status not in _STATUSES:
        raise UsageError(f"status is one of {', '.join(_STATUSES)}, not {status!r}")
    run = current.current()
    if run is not None:
        run.end(_STATUSES[status])


def active_run() -> ActiveRun | None:
    """Return the run that is going on."""
    run = current.current()
    return None if run is None else _active.setdefault(run.id, ActiveRun(run))


def last_active_run() -> ActiveRun | None:
    """Return the run that is going on, or that was begun last."""
    return active_run() or _Place.last


def log_param(key: str, value: Any, **more: Any) -> Any:
    """Set an input; answers the value."""
    log_params({key: value}, **more)
    return value


def log_params(params: Mapping[str, Any], run_id: str | None = None, **more: Any) -> None:
    """Set inputs."""
    _say("log_params", more)
    _run(run_id).run.config.update(params)


def log_metric(key: str, value: float, step: int | None = None, run_id: str | None = None, **more: Any) -> None:
    """Log one value of a metric; without a step, the next one of this metric."""
    log_metrics({key: value}, step, run_id, **more)


def log_metrics(metrics: Mapping[str, float], step: int | None = None, run_id: str | None = None, **more: Any) -> None:
    """Log values of one step; without one, the next of these metrics."""
    _say("log_metrics", more)
    active = _run(run_id)
    active.run.log(metrics, step=active.next_step(metrics) if step is None else step)


def set_tag(key: str, value: Any, **more: Any) -> None:
    """Tag the run. ``mlflow.note.content`` is its notes, ``mlflow.runName`` its name."""
    set_tags({key: value}, **more)


def set_tags(tags: Mapping[str, Any], run_id: str | None = None, **more: Any) -> None:
    """Tag the run several times. A comma in a value becomes a semicolon, because commas part the tags."""
    _say("set_tags", more)
    run = _run(run_id).run
    if _NOTE in tags:
        run.notes = str(tags[_NOTE])
    if RUN_NAME in tags:
        run.name = str(tags[RUN_NAME])
    _tag(run, _tags(run) | {key: str(value) for key, value in tags.items() if key not in (_NOTE, RUN_NAME)})


def delete_tag(key: str) -> None:
    """Take a tag away."""
    run = _run(None).run
    _tag(run, {name: value for name, value in _tags(run).items() if name != key})


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep a copy of a file or folder, below `artifact_path`."""
    path = Path(local_path)
    _run(run_id).run.keep_file(path, f"{artifact_path}/{path.name}" if artifact_path else path.name)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep a copy of what is in a folder, below `artifact_path`."""
    run = _run(run_id).run
    for path in sorted(Path(local_dir).iterdir()) if Path(local_dir).is_dir() else [Path(local_dir)]:
        run.keep_file(path, f"{artifact_path}/{path.name}" if artifact_path else path.name)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a text as a file."""
    _run(run_id).run.keep_text(text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a dictionary as a file of JSON, which YAML programs read, too."""
    _run(run_id).run.keep_text(json.dumps(dictionary, indent=2, default=str), artifact_file)


def log_figure(figure: Any, artifact_file: str, **more: Any) -> None:
    """Keep a figure as a plot; the suffix is that of what is drawn (``.png``, ``.html`` of plotly's)."""
    _say("log_figure", more)
    _run(None).run.keep_exhibit(_stem(artifact_file), figure)


def log_image(
    image: Any, artifact_file: str | None = None, key: str | None = None, step: int | None = None, **more: Any
) -> None:
    """Keep a picture: under a file's name, or as the value of a key at a step. Raises UsageError without either."""
    from experiment_sheet.image import Image

    _say("log_image", more)
    run = _run(None).run
    if artifact_file is not None:
        run.keep_exhibit(_stem(artifact_file), Image(image))
    elif key is not None:
        run.log({key: Image(image)}, step=step, commit=False)
    else:
        raise UsageError("log_image takes artifact_file or key")


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a table as CSV: a DataFrame, or columns by name."""
    from experiment_sheet.table import Table

    if isinstance(data, Mapping):
        columns = {str(name): column if hasattr(column, "__len__") else [column] for name, column in data.items()}
        table = Table(columns=list(columns), data=list(zip(*columns.values(), strict=True)))
    else:
        table = Table(dataframe=data)
    _run(run_id).run.keep_exhibit(_stem(artifact_file), table)


def log_input(dataset: Any = None, context: str | None = None, tags: object = None, model: object = None) -> None:  # noqa: ARG001
    """Note which data the run works on: what `data.from_pandas` answered, a path, a DataFrame, an array."""
    held = next(
        (found for name in ("df", "features", "source") if (found := getattr(dataset, name, None)) is not None), dataset
    )
    name = getattr(dataset, "name", None) or (held.name if isinstance(held, Path) else "dataset")
    _run(None).run.log_dataset(str(name), held, role=_ROLES.get(context or "training", "train"))


def search_runs(
    experiment_ids: Iterable[str] | None = None,
    filter_string: str = "",
    run_view_type: int = 1,  # noqa: ARG001 - nothing is hidden here
    max_results: int = 100_000,
    order_by: Iterable[str] | None = None,
    experiment_names: Iterable[str] | None = None,
    **more: Any,
) -> pd.DataFrame:
    """Return runs as MLflow does: ``run_id``, ``status``, times, ``params.*``, ``metrics.*``, ``tags.*``.

    `filter_string` is comparisons joined by ``and``: ``metrics.acc > 0.9 and params.model = 'x'``; else UsageError.
    """
    for known in ("output_format", "search_all_experiments"):
        more.pop(known, None)
    say_unknown("search_runs", more)
    names: list[str | None] = [*(experiment_ids or ()), *(experiment_names or ())] or [_Place.experiment]
    frame = as_mlflow(_sheet(names[0]).read(), str(names[0] or "Default"))
    return ordered(selected(frame, filter_string), order_by or ()).head(max_results).reset_index(drop=True)


def get_run(run_id: str) -> Any:
    """Return a run's `info` and `data`. Raises RunNotFound."""
    frame = search_runs()
    found = frame[frame["run_id"] == run_id] if len(frame) else frame
    if not len(found):
        raise RunNotFound(f"{_sheet().name} has no run {run_id!r}")
    row = {str(key): value for key, value in found.iloc[0].items() if value == value and value is not None}
    parts = {part: {key.removeprefix(f"{part}."): row[key] for key in row if key.startswith(f"{part}.")} for part in
             ("params", "metrics", "tags")}  # fmt: skip
    info = {key: value for key, value in row.items() if "." not in key}
    return SimpleNamespace(info=SimpleNamespace(**info), data=SimpleNamespace(**parts))


data: Final = SimpleNamespace(
    from_pandas=lambda df, source=None, name=None, **_: SimpleNamespace(df=df, source=source, name=name),
    from_numpy=lambda features, source=None, name=None, **_: SimpleNamespace(
        features=features, source=source, name=name
    ),
)
"""MLflow's datasets, as far as `log_input` needs them."""


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return peers.of_mlflow(name, log_model)


def log_model(model: Any, artifact_path: str | None = None, name: str | None = None, **_: object) -> Any:
    """Keep a model, of whatever framework; see `Run.log_model`."""
    return _run(None).run.log_model(model, name or artifact_path or "model")


def _run(run_id: str | None) -> ActiveRun:
    """Return the active run, begun now if there is none, or another one that is open. Raises UsageError."""
    if run_id is not None:
        for run in current.open_runs():
            if run.id == run_id:
                return _active.setdefault(run.id, ActiveRun(run))
        raise UsageError(f"run {run_id} is not open; start_run(run_id={run_id!r}) goes on with it")
    return active_run() or start_run()


def _sheet(experiment: str | None = None) -> Sheet:
    name = experiment or _Place.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    return sheet_for(_Place.target, None if name in (None, "Default", "0") else name, None, None)


def _say(call: str, more: dict[str, Any]) -> None:
    for known in _SPARED:
        more.pop(known, None)
    say_unknown(call, more)


def _stem(artifact_file: str) -> str:
    stem, dot, _ = artifact_file.rpartition(".")
    return stem if dot else artifact_file


def _tags(run: Run) -> dict[str, str]:
    return tags_in(", ".join(run.tags))


def _tag(run: Run, tags: Mapping[str, str]) -> None:
    run.tags = [f"{key}={value}".replace(",", ";") if value else key for key, value in tags.items()]
