"""What a run leaves in its folder when it ends: ``run.json``, ``history.csv``, the curves, the page.

Each is made by itself: one that can't be made is one message, the others are still there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from experiment_sheet import background, history, media, notices
from experiment_sheet.columns import Column, order
from experiment_sheet.folder import RunFolder, Stored, safe_name
from experiment_sheet.outputs import Definition
from experiment_sheet.values import CELL_LIMIT, Cell, Link, to_json, units

CURVES: Final = "plots/curves.png"

RECORDS: Final = {
    "code": "code/code.json",
    "system": "system.json",
    "datasets": "datasets.json",
    "models": "models.json",
}
"""What a run writes down as it goes, by the name that it has in ``run.json``."""

_WHOLE: Final = 64 << 20
"""Bytes of steps that are still read whole, in seconds and below a gigabyte of memory. Of longer histories the
curves show a sample, and there is no ``history.csv``, which no spreadsheet program could open either."""


@contextmanager
def forgiving(what: str, subject: str) -> Iterator[None]:
    """Turn whatever goes wrong in the world into one message: nothing here may stop a training."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - drawing and other people's objects raise anything
        notices.say(what, subject, f"{what} of {subject} failed and was left out: {type(error).__name__}: {error}")


def publish(folder: RunFolder, title: str) -> Link | None:
    """Make curves and ``history.csv`` of the steps; answer the link to the page that `write_page` will write.

    None where the run has no folder, and so nothing to show. What the run does in the background is waited for.
    """
    background.settle(folder.path)
    if "IPython" in sys.modules:  # more cells were run since the run began
        from experiment_sheet import code

        with forgiving("keeping the cells", title):
            code.keep_cells(folder)
    if not folder.is_there:
        return None
    with forgiving("reading the history", title):
        thinned = 1 + history.size(folder.path) // _WHOLE
        steps = history.read(folder.path, thinned=thinned)
        if steps and thinned == 1:
            with forgiving("writing history.csv", title):
                folder.write("history.csv", history.to_csv(steps))
        if curves := history.curves(steps):
            with forgiving("drawing the curves", title):
                folder.write(CURVES, media.draw_curves(curves, title))
    count = len(folder.listing("plots"))
    text = "files" if not count else "1 plot" if count == 1 else f"{count} plots"
    return Link(f"{folder.path.parent.name}/{folder.path.name}/index.html", text)


def write_page(
    folder: RunFolder, cells: Mapping[Column, Cell], stored: Sequence[Stored], definitions: Collection[Definition] = ()
) -> None:
    """Write ``run.json`` and ``index.html``."""
    from experiment_sheet import page  # few processes write one, all would pay for its imports

    cells = {column: cells[column] for column in order(cells)}
    name = folder.path.name
    with forgiving("writing run.json", name):
        folder.write("run.json", json.dumps(_facts(folder, cells, stored, definitions), indent=1, allow_nan=False))
    with forgiving("writing index.html", name):
        listed = {item.name for item in stored}
        others = [path for path in folder.listing("files") if not listed & set(_above(path))]
        plots = sorted(folder.listing("plots"), key=lambda plot: plot != CURVES)
        tables = ["history.csv"] if (folder.path / "history.csv").exists() else []
        folder.write("index.html", page.render(cells, plots, stored, others + tables, recorded(folder)))


def keep(folder: RunFolder, cells: Mapping[Column, Cell]) -> None:
    """Keep in ``run.json`` cells that the sheet has no room for; a run that writes its own has them in it anyway."""
    with forgiving("writing run.json", folder.path.name):
        if not (folder.path / "run.json").exists():
            folder.write("run.json", json.dumps(_facts(folder, cells, [], []), indent=1, allow_nan=False))


def keep_texts(folder: RunFolder, cells: Mapping[Column, Cell]) -> None:
    """Keep whole, in ``files/``, text of which a cell holds only a part; what was cut has been kept before."""
    for column, text in cells.items():
        if isinstance(text, str) and units(text) < CELL_LIMIT:
            with forgiving("keeping the text of", column.key):
                folder.write(f"files/{safe_name(column.key)}.txt", text)


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _facts(
    folder: RunFolder, cells: Mapping[Column, Cell], stored: Sequence[Stored], definitions: Collection[Definition]
) -> dict[str, Any]:
    roles: dict[str, dict[str, object]] = {"run": {}, "input": {}, "output": {}}
    for column, cell in cells.items():
        roles.setdefault(column.role, {})[column.key] = to_json(cell)
    return {
        "run": roles["run"],
        "inputs": roles["input"],
        "outputs": roles["output"],
        "metrics": [asdict(definition) for definition in definitions],
        "plots": folder.listing("plots"),
        "files": [asdict(item) for item in stored],
    } | recorded(folder)


def recorded(folder: RunFolder) -> dict[str, Any]:
    """Return what was written down while the run went on; a run that was killed has that alone."""
    return {name: found for name, path in RECORDS.items() if (found := folder.read_json(path))}
