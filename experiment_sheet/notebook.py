"""How runs show themselves in a notebook: as HTML with links that work from where the notebook lies."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from experiment_sheet.columns import Column
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.values import Cell, Link, to_cell, to_text

if TYPE_CHECKING:
    import pandas as pd

_MOST: Final = 60  # rows that are shown, as in pandas
_HEADINGS: Final = {"run": "Run", "input": "Inputs", "output": "Outputs"}
_LEFT: Final = "text-align:left"
_QUIET: Final = ("run", "plots", "host", "user", "command", "git")


def html_of_run(folder: Path, name: str, values: Mapping[Column, object]) -> str:
    """Write a run as HTML: its values by role, its plots, a link to its folder."""
    parts = [f"<b>{_linked(folder, name) if folder.is_dir() else escape(name)}</b>"]
    for role, heading in _HEADINGS.items():
        cells = {mask_key(c.key): mask_cell(c.key, to_cell(v)) for c, v in values.items() if c.role == role}
        shown = {key: cell for key, cell in cells.items() if cell not in (None, "") and key not in _QUIET}
        if shown:
            rows = "".join(
                f"<tr><th style='{_LEFT}'>{escape(key)}</th><td style='{_LEFT}'>{_shown(cell)}</td></tr>"
                for key, cell in shown.items()
            )
            parts.append(f"<td style='vertical-align:top'><b>{heading}</b><table>{rows}</table></td>")
    return f"<div>{parts[0]}<table><tr>{''.join(parts[1:])}</tr></table></div>"


def html_of_frame(frame: pd.DataFrame) -> str:
    """Write a DataFrame of runs as an HTML table in which links lead to the run folders."""
    base = Path(frame.attrs.get("folder", ""))
    roles = frame.attrs.get("roles", {})
    linking = {name for name in frame.columns if roles.get(name) in ("run", "output")}
    shown = [*range(len(frame))] if len(frame) <= _MOST else [*range(_MOST // 2), *range(-(_MOST // 2), 0)]
    head = "".join(f"<th>{escape(str(name))}</th>" for name in [frame.index.name or "", *frame.columns])
    body = []
    for place in shown:
        cells = [f"<th>{escape(str(frame.index[place]))}</th>"]
        for name, value in zip(frame.columns, frame.iloc[place], strict=True):
            cells.append(f"<td>{_of_frame(value, base if name in linking else None)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    runs = "1 run" if len(frame) == 1 else f"{len(frame):,} runs"
    size = f"<p>{runs} × {len(frame.columns)} columns</p>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{size}"


def show_frames() -> None:
    """Have a notebook show DataFrames of runs with links. Other frames look as before; outside, nothing happens."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    pandas = sys.modules.get("pandas")
    if shell is None or pandas is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    before = formatter.type_printers.get(pandas.DataFrame)
    if before is None or not hasattr(before, "shows_runs"):
        formatter.for_type(pandas.DataFrame, _printer(before))


def _printer(before: Callable[[Any], str | None] | None) -> Callable[[Any], str | None]:
    def show(frame: Any) -> str | None:
        if "roles" in frame.attrs and "folder" in frame.attrs:
            return html_of_frame(frame)
        html: str | None = before(frame) if before is not None else frame._repr_html_()
        return html

    show.shows_runs = True  # type: ignore[attr-defined]
    return show


def _of_frame(value: Any, base: Path | None) -> str:
    if value is None or value != value:
        return ""
    if base is not None and isinstance(value, str) and value:
        if value.startswith(("http://", "https://")):
            return _linked(value, value)
        if "/" in value and (base / value).exists():
            return _linked(base / value, Path(value).name)
    return _shown(to_cell(value))


def _shown(cell: Cell) -> str:
    if isinstance(cell, Link):
        return _linked(cell.href, cell.text)
    if isinstance(cell, float):
        return escape(f"{cell:.6g}")
    return escape(to_text(cell))


def _linked(place: Path | str, text: str) -> str:
    address = quote(_from_here(place)) if isinstance(place, Path) else place
    return f'<a href="{escape(address)}" target="_blank">{escape(text)}</a>'


def _from_here(place: Path) -> str:
    """Return a path as a notebook in the working folder names it."""
    try:
        return Path(os.path.relpath(place)).as_posix()
    except ValueError:  # another drive of Windows
        return place.absolute().as_posix()
