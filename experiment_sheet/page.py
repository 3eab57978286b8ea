"""The page of a run: ``index.html``, readable without a server, a script or a network.

Pure. All text is escaped, all links are relative to the run folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final
from urllib.parse import quote

from experiment_sheet.columns import Column, Role
from experiment_sheet.folder import Stored
from experiment_sheet.values import Cell, Link, to_text

_PICTURES: Final = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; margin-bottom: 0; }}
h2 {{ font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #8884; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; vertical-align: top; padding: .15rem 1.5rem .15rem 0; overflow-wrap: anywhere; }}
th {{ font-weight: 500; white-space: nowrap; }}
td {{ font-variant-numeric: tabular-nums; white-space: pre-wrap; }}
figure {{ display: inline-block; margin: .5rem 1rem .5rem 0; }}
img {{ max-width: 100%; background: #fff; }}
.columns {{ display: flex; flex-wrap: wrap; gap: 0 4rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def render(
    cells: Mapping[Column, Cell], pictures: Iterable[str], stored: Iterable[Stored], others: Iterable[str]
) -> str:
    """Write the page of a run: its cells by role, its pictures, its files. Names are relative to the run folder."""
    run = _of_role(cells, "run")
    title = escape(to_text(run.get("run")) or to_text(run.get("run_id")))
    parts = [
        _table("Run", {key: cell for key, cell in run.items() if key not in ("run", "plots")}),
        '<div class="columns">',
        f"<div>{_table('Inputs', _of_role(cells, 'input'))}</div>",
        f"<div>{_table('Outputs', _of_role(cells, 'output'))}</div>",
        "</div>",
        _section("Plots", [_picture(name) for name in pictures]),
        _section("Files", [_file(item) for item in stored] + [f"<p>{_link(name)}</p>" for name in others]),
    ]
    return _PAGE.format(title=title, body="\n".join(part for part in parts if part))


def _of_role(cells: Mapping[Column, Cell], role: Role) -> dict[str, Cell]:
    return {column.key: cell for column, cell in cells.items() if column.role == role and cell not in (None, "")}


def _table(heading: str, cells: Mapping[str, Cell]) -> str:
    rows = "\n".join(f"<tr><th>{escape(key)}</th><td>{_shown(cell)}</td></tr>" for key, cell in cells.items())
    return f"<h2>{heading}</h2>\n<table>\n{rows}\n</table>" if rows else ""


def _shown(cell: Cell) -> str:
    if isinstance(cell, Link):
        return escape(cell.text)
    if isinstance(cell, float):
        return escape(f"{cell:.6g}")
    return escape(to_text(cell))


def _section(heading: str, items: list[str]) -> str:
    return f"<h2>{heading}</h2>\n" + "\n".join(items) if items else ""


def _picture(name: str) -> str:
    if not name.lower().endswith(_PICTURES):
        return f"<p>{_link(name)}</p>"
    address, caption = escape(quote(name)), escape(name.partition("/")[2].rpartition(".")[0])
    image = f'<a href="{address}"><img src="{address}" alt="{caption}"></a>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _file(item: Stored) -> str:
    kind = f"{escape(item.type)}, " if item.type else ""
    return f"<p>{_link(item.name)} ({kind}{item.size:,} bytes, blake2b {item.blake2b[:12]}…)</p>"


def _link(name: str) -> str:
    return f'<a href="{escape(quote(name))}">{escape(name)}</a>'
