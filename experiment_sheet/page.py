"""The page of a run: ``index.html``, readable without a server, a script or a network.

Pure. All text is escaped, all links are relative to the run folder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote

from experiment_sheet.columns import Column, Role
from experiment_sheet.folder import Stored
from experiment_sheet.look import DEFAULT
from experiment_sheet.values import Cell, Link, to_text

_PICTURES: Final = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")
_LISTED: Final = 200  # files and packages a page can show; a folder shows more

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.6rem; margin: 0; }}
h1 small {{ font-size: .85rem; font-weight: 500; padding: .1rem .6rem; border-radius: 1rem; color: #fff;
  background: #6b7280; vertical-align: middle; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #8884; }}
.lead {{ margin: .2rem 0 0; opacity: .75; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; vertical-align: top; padding: .15rem 1.5rem .15rem 0; overflow-wrap: anywhere; }}
th {{ font-weight: 500; white-space: nowrap; opacity: .8; }}
td {{ font-variant-numeric: tabular-nums; white-space: pre-wrap; }}
code {{ font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }}
pre {{ font: 13px/1.4 ui-monospace, monospace; overflow-x: auto; padding: .7rem; background: #8881; }}
figure {{ display: inline-block; margin: .5rem 1rem .5rem 0; }}
figcaption {{ opacity: .75; }}
img {{ max-width: 100%; max-height: 26rem; background: #fff; }}
summary {{ cursor: pointer; margin: .4rem 0; }}
.columns {{ display: flex; flex-wrap: wrap; gap: 0 4rem; }}
.columns > div {{ min-width: 16rem; }}
</style>
</head>
<body>
{heading}
{body}
</body>
</html>
"""


def render(
    cells: Mapping[Column, Cell],
    pictures: Iterable[str],
    stored: Iterable[Stored],
    others: Iterable[str],
    recorded: Mapping[str, Any] | None = None,
) -> str:
    """Write the page of a run: its cells by role, its pictures, its files, and what was recorded of its making.

    Names are relative to the run folder.
    """
    run = _of_role(cells, "run")
    known = recorded or {}
    parts = [
        '<div class="columns">',
        f"<div>{_table('Outputs', _of_role(cells, 'output'))}</div>",
        f"<div>{_table('Inputs', _of_role(cells, 'input'))}</div>",
        "</div>",
        _section("Plots", [_picture(name) for name in pictures]),
        _files([_file(item) for item in stored] + [f"<p>{_link(name)}</p>" for name in others]),
        *(_described("Data", name, facts) for name, facts in _named(known.get("datasets"))),
        *(_described("Model", name, facts) for name, facts in _named(known.get("models"))),
        _table("Run", {key: cell for key, cell in run.items() if key not in _IN_HEADING}),
        _code(known.get("code")),
        _system(known.get("system")),
    ]
    title = escape(to_text(run.get("run")) or to_text(run.get("run_id")))
    return _PAGE.format(title=title, heading=_heading(title, run), body="\n".join(part for part in parts if part))


_IN_HEADING: Final = ("run", "plots", "status", "hypothesis")


def _heading(title: str, run: Mapping[str, Cell]) -> str:
    status = to_text(run.get("status"))
    hypothesis = to_text(run.get("hypothesis"))
    color = DEFAULT.status_colors.get(status, "6B7280")
    badge = f' <small style="background: #{color}">{escape(status)}</small>' if status else ""
    lead = f'\n<p class="lead">{escape(hypothesis)}</p>' if hypothesis else ""
    return f"<h1>{title}{badge}</h1>{lead}"


def _of_role(cells: Mapping[Column, Cell], role: Role) -> dict[str, Cell]:
    return {column.key: cell for column, cell in cells.items() if column.role == role and cell not in (None, "")}


def _table(heading: str, cells: Mapping[str, Cell]) -> str:
    rows = _rows({key: _shown(cell) for key, cell in cells.items()})
    return f"<h2>{escape(heading)}</h2>\n{rows}" if rows else ""


def _rows(shown: Mapping[str, str]) -> str:
    """Return a table of texts that are HTML already."""
    rows = "\n".join(f"<tr><th>{escape(key)}</th><td>{text}</td></tr>" for key, text in shown.items() if text)
    return f"<table>\n{rows}\n</table>" if rows else ""


def _shown(cell: Cell) -> str:
    if isinstance(cell, Link):
        return escape(cell.text)
    if isinstance(cell, float):
        return escape(f"{cell:.6g}")
    if isinstance(cell, dt.timedelta) and cell >= dt.timedelta(seconds=10):
        return escape(to_text(dt.timedelta(seconds=round(cell.total_seconds()))))
    return escape(to_text(cell))


def _section(heading: str, items: list[str]) -> str:
    return f"<h2>{heading}</h2>\n" + "\n".join(items) if items else ""


def _files(items: list[str]) -> str:
    more = [f"<p>… and {len(items) - _LISTED:,} more in the folder</p>"] if len(items) > _LISTED else []
    return _section("Files", items[:_LISTED] + more)


def _picture(name: str) -> str:
    if not name.lower().endswith(_PICTURES):
        return f"<p>{_link(name)}</p>"
    address, caption = _address(name), escape(name.partition("/")[2].rpartition(".")[0])
    image = f'<a href="{address}"><img src="{address}" alt="{caption}" loading="lazy"></a>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _file(item: Stored) -> str:
    kind = f"{escape(item.type)}, " if item.type else ""
    return f"<p>{_link(item.name)} ({kind}{item.size:,} bytes, blake2b {item.blake2b[:12]}…)</p>"


def _link(name: str) -> str:
    return f'<a href="{_address(name)}">{_text(name)}</a>'


def _address(name: str) -> str:
    return escape(quote(name, errors="surrogateescape"))


def _text(value: object) -> str:
    """Escape; file names may hold bytes that are no text."""
    return escape(str(value).encode(errors="replace").decode())


# What was recorded. It is read back from files, so nothing in it is taken for granted.


def _named(found: object) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(found, Mapping):
        return []
    return [(str(name), facts) for name, facts in found.items() if isinstance(facts, Mapping)]


def _items(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _objects(found: object) -> list[Mapping[str, Any]]:
    return [item for item in _items(found) if isinstance(item, Mapping)]


def _described(kind: str, name: str, facts: Mapping[str, Any]) -> str:
    """Show a dataset or model: short facts as a table, long ones folded away."""
    texts = {key: _fact(value) for key, value in facts.items() if value not in (None, "", [], {})}
    short = {key: _text(text) for key, text in texts.items() if "\n" not in text}
    long = [_folded(key, f"<pre>{_text(text)}</pre>") for key, text in texts.items() if "\n" in text]
    return "\n".join([f"<h2>{kind}: {_text(name)}</h2>", _rows(short), *long])


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        lines = [f"{key}: {text}" for key, text in value.items()]
        return "\n".join(lines) if len(lines) > 3 else ", ".join(lines)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{_text(title)}</summary>\n{content}\n</details>"


def _code(found: object) -> str:
    if not isinstance(found, Mapping):
        return ""
    git = found.get("repository")
    git = git if isinstance(git, Mapping) else {}
    files = [name for name in _items(found.get("files")) if isinstance(name, str)]
    patch = found.get("diff")
    lost = "changes, which were not kept" if git.get("dirty") else ""
    kept = _link(patch) if isinstance(patch, str) else lost
    left_out = [f"{facts.get('path')}: {facts.get('why')}" for facts in _objects(found.get("left_out"))]
    rows = {
        "command": f"<code>{_text(' '.join(map(str, _items(found.get('command')))))}</code>",
        "script": _text(found.get("script") or ""),
        "commit": f"<code>{_text(git.get('commit') or '')}</code>" if git else "",
        "branch": _text(git.get("branch") or ("(detached)" if git.get("commit") else "")),
        "remote": _text(git.get("remote") or ""),
        "not committed": kept,
        "submodules": _text("\n".join(f"{s.get('path')} {s.get('commit')}" for s in _objects(git.get("submodules")))),
        "kept": "\n".join(_link(f"code/files/{name}") for name in files[:_LISTED]),
        "left out": _text("\n".join(left_out[:_LISTED])),
    }
    return f"<h2>Code</h2>\n{_rows(rows)}"


def _system(found: object) -> str:
    if not isinstance(found, Mapping):
        return ""
    shown = {
        key: value for key, value in found.items() if key not in ("packages", "environment", "memory", "gpus", "pid")
    }
    memory = found.get("memory")
    rows = {key: _text(_fact(value)) for key, value in shown.items()}
    rows["memory"] = f"{memory / (1 << 30):.1f} GB" if isinstance(memory, int) else ""
    gpus = _objects(found.get("gpus"))
    rows["gpus"] = _text("\n".join(f"{gpu.get('name')}, {gpu.get('memory.total')}" for gpu in gpus))
    parts = [f"<h2>System</h2>\n{_rows(rows)}"]
    for key in ("environment", "packages"):
        if isinstance(facts := found.get(key), Mapping) and facts:
            lines = "\n".join(f"{name}{text if key == 'packages' else f'={text}'}" for name, text in facts.items())
            parts.append(_folded(f"{len(facts)} {key}" if key == "packages" else key, f"<pre>{_text(lines)}</pre>"))
    return "\n".join(parts)
