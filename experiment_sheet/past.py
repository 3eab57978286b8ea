"""Runs that were: which one goes on, which was done before, what the folds of one came to. Read from the sheet.

A sheet that can't be read now has no runs for these questions, and one message says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import background
from experiment_sheet.backends.registry import backend_of
from experiment_sheet.columns import Column, RunId
from experiment_sheet.family import together
from experiment_sheet.report import forgiving
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import to_cell

if TYPE_CHECKING:
    import pandas as pd

_BROKEN_OFF: Final = ("failed", "killed", "crashed", "lost")
_WAIT: Final = 10.0  # seconds for the sheet's lock, as everywhere


def broken_off(sheet: Sheet, facts: Mapping[str, object]) -> RunId | None:
    """Return the latest run with these cells (``command``, ``host``) if it was broken off."""
    found = _with(sheet, facts)
    return str(found.index[-1]) if found is not None and found["status"].iloc[-1] in _BROKEN_OFF else None


def same_inputs(sheet: Sheet, inputs_hash: str) -> dict[RunId, str]:
    """Return the runs that were begun with these inputs, and how each stands, the latest last."""
    found = _with(sheet, {"inputs_hash": inputs_hash})
    return {} if found is None else {str(run): str(status) for run, status in found["status"].items() if run}


def inputs_of(sheet: Sheet, run_id: RunId) -> dict[str, Any] | None:
    """Return the inputs of a run: as it told them, else as the sheet has them; None where there is no such run."""
    if (known := sheet.known(run_id)) is not None:
        return {column.key: cell for column, cell in known.items() if column.role == "input"}
    found = _with(sheet, {})
    if found is None or run_id not in found.index:
        return None
    roles = found.attrs.get("roles", {})
    row = found.loc[[run_id]].iloc[0]
    return {str(name): to_cell(cell) for name, cell in row.items() if roles.get(str(name)) == "input"}


def tell_parent(sheet: Sheet, parent: RunId) -> None:
    """Put what a run's finished children came to into its row; in the background where reading takes its time."""
    if backend_of(sheet.target).remote:
        background.start(sheet.files, "telling the parent", lambda: _tell_parent(sheet, parent))
    else:
        _tell_parent(sheet, parent)


def _tell_parent(sheet: Sheet, parent: RunId) -> None:
    """A parent without a row is nobody's."""
    children = _with(sheet, {"parent": parent, "status": "finished"})
    writer = sheet.again()  # it speaks later than the parent itself did
    if children is None or writer.resume(parent) is None:
        return
    roles = children.attrs.get("roles", {})
    outputs = [str(name) for name in children.columns if roles.get(str(name)) == "output"]
    told = together({name: row[name] for name in outputs} for _, row in children.iterrows())
    cells: dict[Column, Any] = {Column("output", key): value for key, value in told.items()}
    writer.record(parent, cells, kind="update", wait=_WAIT)


def _with(sheet: Sheet, facts: Mapping[str, object]) -> pd.DataFrame | None:
    """Return the runs that have these cells; None if there is none."""
    with forgiving("reading", sheet.name):
        frame = sheet.read()
        for key, value in facts.items():
            if key not in frame.columns:
                return None
            frame = frame[frame[key] == value]
        return frame if len(frame) and "status" in frame.columns else None
    return None
