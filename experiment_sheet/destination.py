"""Which sheet a call means, and the call that logs a whole run into it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from experiment_sheet.errors import UnknownTarget, UsageError
from experiment_sheet.folder import safe_name
from experiment_sheet.look import Look
from experiment_sheet.once import Artifacts
from experiment_sheet.sheet import Sheet, default_target

Where = Sheet | str | os.PathLike[str]


def log_run(
    sheet: Where | Sequence[Where],
    data: object = None,
    /,
    *,
    inputs: object = None,
    outputs: object = None,
    plots: Mapping[str, object] | None = None,
    artifacts: Artifacts | None = None,
    name: str | None = None,
    hypothesis: str | None = None,
    notes: str | None = None,
    tags: str | Iterable[str] | None = None,
    status: str = "finished",
) -> str:
    """Log a whole run in one call: one row. As `Sheet.log_run`; `sheet` is a target or a Sheet, or a list of them."""
    return sheet_of(sheet, "log_run").log_run(
        data,
        inputs=inputs,
        outputs=outputs,
        plots=plots,
        artifacts=artifacts,
        name=name,
        hypothesis=hypothesis,
        notes=notes,
        tags=tags,
        status=status,
    )


def sheet_of(target: Where | Sequence[Where], call: str, *, template: Look | None = None) -> Sheet:
    """Open a sheet, or some for the same runs, for a call, or say what was probably meant. Raises UsageError."""
    if isinstance(target, Sheet):
        return target
    if isinstance(target, list | tuple):
        from experiment_sheet.several import several

        return several([sheet_of(one, call, template=template) for one in target], call, template)
    if not isinstance(target, str | os.PathLike):
        raise UsageError(f'{call} takes the sheet first: {call}("runs.xlsx", ...), not {type(target).__name__}')
    try:
        return Sheet(target, template=template)
    except UnknownTarget as error:
        text = os.fspath(target)
        if any(mark in text for mark in "./:\\#"):
            raise
        meant = f'init(project="{text}")' if call == "init" else f'{call}("{text}.xlsx", ...)'
        raise UnknownTarget(f"{error} To log into the file {text}.xlsx write {meant}.") from None


def sheet_for(
    sheet: Where | Sequence[Where] | None,
    project: str | None,
    folder: str | os.PathLike[str] | None,
    template: Look | None,
) -> Sheet:
    """Return the sheet that `init` means: the given one, else `default_target`, else the project's, in a folder."""
    if sheet is None:
        named = safe_name(f"{project}.xlsx") if project and not os.environ.get("EXPERIMENT_SHEET") else default_target()
        # An address stays what it is; a file's name is looked for in the folder.
        sheet = named if "://" in named else Path(folder or "") / named
    return sheet_of(sheet, "init", template=template)


def look_named(template: Look | str | os.PathLike[str] | None) -> Look | None:
    """Look that a template means; None where none is named. Raises UsageError for a wrong template."""
    if template is None:
        return None
    from experiment_sheet.template import look_of  # only who names a template needs it

    return look_of(template)
