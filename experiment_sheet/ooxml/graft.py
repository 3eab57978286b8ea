"""Pages as new tabs of a workbook that exists: nothing that is there changes its meaning, or a byte it need not.

openpyxl makes the pages as a book of their own (`pages`); its parts are then put in under names that are free. Formats
are only ever appended to the workbook's own, so every index in it keeps its meaning; the new tabs' cells get the
indexes that theirs have there. Tabs are added at the end, which moves no other's index; so defined names keep their
scope. The new tab is not the selected one: two tabs that are selected are edited together.

Refused before anything is written, with the workbook as it was: a tab of that name, a protected structure, a signature,
a shared workbook, the strict spelling (ISO 29500 Strict), a workbook without styles or with as many as it may have.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from experiment_sheet.errors import SheetRefused, UsageError
from experiment_sheet.ooxml import fresh, parts
from experiment_sheet.ooxml.package import Package
from experiment_sheet.ooxml.pages import Page, made
from experiment_sheet.ooxml.parts import CONTENT_TYPES, Overlay, Source
from experiment_sheet.ooxml.workbook import Workbook, check_editable
from experiment_sheet.ooxml.xml import Document, Edit, Node, apply, parse, with_attributes

_STYLES: Final = "xl/styles.xml"  # where openpyxl has it
_MOST_FORMATS: Final = 65_490  # "Excel specifications and limits"
_FIRST_OWN_FORMAT: Final = 164  # ECMA-376 Part 1, 18.8.30
_LISTS: Final = {"fonts": "fontId", "fills": "fillId", "borders": "borderId"}  # list → what points into it
_AFTER: Final = ("fonts", "fills", "borders", "cellStyleXfs", "cellXfs")
_STYLED: Final = re.compile(rb'(<c r="[A-Z]+[0-9]+" s=")(\d+)(?=")')
_ELEMENT: Final = re.compile(rb"<(/?)(?=\w)")
_SELECTED: Final = re.compile(rb' tabSelected="[^"]*"')
_RELATIONSHIPS: Final = "application/vnd.openxmlformats-package.relationships+xml"
_MOVED: Final = {
    "xl/drawings/drawing%d.xml": "application/vnd.openxmlformats-officedocument.drawing+xml",
    "xl/charts/chart%d.xml": "application/vnd.openxmlformats-officedocument.drawingml.chart+xml",
}
"""Parts that a page brings along, and their types."""


def add(path: Path, pages: Sequence[Page]) -> None:
    """Add pages to a workbook as tabs at its end.

    Raises UsageError if it has a tab of that name, SheetRefused where an addition might do harm, SheetError.
    """
    with Package.open(path) as package:
        workbook = Workbook(package)
        check_editable(package, workbook)
        taken = {tab.name.casefold() for tab in workbook.tabs}
        for page in pages:
            if page.name.casefold() in taken:
                raise UsageError(f"{path} has a tab {page.name!r} already; name another one, or delete it first")
        if workbook.strict:
            raise SheetRefused(f"{path} is spelled as Strict Open XML; write a workbook of its own instead")
        package.save(_grafted(package, workbook, pages))


def _grafted(package: Package, workbook: Workbook, pages: Sequence[Page]) -> dict[str, bytes]:
    """Changed and new parts."""
    with zipfile.ZipFile(io.BytesIO(made(pages))) as book:
        scion = {name: book.read(name) for name in book.namelist()}
    styles = workbook.part_of("styles")
    if styles is None:
        raise SheetRefused(f"{package.path} has no styles; write a workbook of its own instead")
    changed, places = _with_styles(package.read(styles), scion[_STYLES], f"{package.path}, {styles}")
    changes: dict[str, bytes] = {styles: changed}
    for number, page in enumerate(pages, 1):
        source = Overlay(package, changes)
        changes |= fresh.with_tab(source, Workbook(source), page.name)
        tab = Workbook(Overlay(package, changes)).tabs[-1]
        sheet = f"xl/worksheets/sheet{number}.xml"
        changes[tab.part] = _STYLED.sub(lambda m: m[1] + b"%d" % places[int(m[2])], _SELECTED.sub(b"", scion[sheet]))
        if (rels := parts.rels_name(sheet)) in scion:
            changes[parts.rels_name(tab.part)] = scion[rels]
    return _with_drawings(package, changes, scion)


def _with_drawings(package: Source, changes: dict[str, bytes], scion: Mapping[str, bytes]) -> dict[str, bytes]:
    """Put drawings and charts in under free names, and lead the relationships there."""
    moved: dict[str, str] = {}
    types = changes[CONTENT_TYPES]
    for pattern, kind in _MOVED.items():
        stem = pattern.partition("%d")[0]
        for name in [name for name in scion if name.startswith(stem) and name.endswith(".xml")]:
            taken = [*package.names, *changes, *moved.values(), *parts.typed(types)]
            moved[name] = parts.free_name(taken, pattern)
            types = parts.with_override(types, part=moved[name], content_type=kind)
    brought = {new: scion[old] for old, new in moved.items()}
    brought |= {
        parts.rels_name(new): scion[parts.rels_name(old)] for old, new in moved.items() if parts.rels_name(old) in scion
    }
    ours = [name for name in changes if name.endswith(".rels") and name.startswith("xl/worksheets/")]
    for name, data in [*brought.items(), *((name, changes[name]) for name in ours)]:
        changes[name] = _led(data, moved) if name.endswith(".rels") else data
    if not _types_relationships(types):
        for name in [name for name in changes if name.endswith(".rels") and not package.has(name)]:
            types = parts.with_override(types, part=name, content_type=_RELATIONSHIPS)
    changes[CONTENT_TYPES] = types
    return changes


def _types_relationships(types: bytes) -> bool:
    """Whether parts that end in ``.rels`` have a type by that; some programs type each by its name."""
    defaults = parse(types, CONTENT_TYPES).root.all("Default")
    return any(node.attrs.get("Extension", "").lower() == "rels" for node in defaults)


def _led(rels: bytes, moved: Mapping[str, str]) -> bytes:
    """Lead relationships to where their parts are now; openpyxl writes targets from the root."""
    return re.sub(
        rb'Target="/([^"]+)"', lambda m: b'Target="/%b"' % moved.get(m[1].decode(), m[1].decode()).encode(), rels
    )


# Formats


def _with_styles(stock: bytes, scion: bytes, what: str) -> tuple[bytes, list[int]]:
    """Return the workbook's styles with those of the pages behind them, and where each of those now is."""
    old, new = parse(stock, what), parse(scion, "the pages' styles")
    xfs = old.root.first("cellXfs")
    if xfs is None or any(old.root.first(name) is None for name in _LISTS):
        raise SheetRefused(f"{what} has no formats that could be added to; write a workbook of its own instead")
    edits: list[Edit] = []
    shifts = {pointer: _append(old, new, name, edits) for name, pointer in _LISTS.items()}
    codes = _append_codes(old, new, edits)
    first = len(list(xfs.all("xf")))
    added = []
    for node in _nodes(new, "cellXfs", "xf"):
        moved: dict[str, str | None] = {key: str(int(node.attrs[key]) + shift) for key, shift in shifts.items()}
        moved |= {"numFmtId": str(codes.get(node.attrs["numFmtId"], node.attrs["numFmtId"])), "xfId": "0"}
        moved |= dict.fromkeys(("applyFont", "applyFill", "applyBorder", "applyNumberFormat", "applyAlignment"), "1")
        tag = with_attributes(new.data[node.start : node.inside], moved)
        added.append(_prefixed(tag + new.data[node.inside : node.end], old.root.prefix))
    if first + len(added) > _MOST_FORMATS:
        raise SheetRefused(f"{what} has as many formats as it may have; write a workbook of its own instead")
    edits += old.extend(xfs, b"".join(added), count=str(first + len(added)))
    return apply(stock, sorted(edits)), list(range(first, first + len(added)))


def _append(old: Document, new: Document, name: str, edits: list[Edit]) -> int:
    """Append a list's elements; return how far their indexes move."""
    there = old.root.first(name)
    assert there is not None
    count, nodes = len(there.children), _nodes(new, name, name.removesuffix("s"))
    more = b"".join(_prefixed(new.data[node.start : node.end], old.root.prefix) for node in nodes)
    edits += old.extend(there, more, count=str(count + len(nodes)))
    return count


def _append_codes(old: Document, new: Document, edits: list[Edit]) -> dict[str, int]:
    """Append number format codes under ids that are free; return the new id of each."""
    there = old.root.first("numFmts")
    known = [old.integer(node, "numFmtId") for node in there.children] if there else []
    nodes = _nodes(new, "numFmts", "numFmt")
    if not nodes:
        return {}
    first = max([_FIRST_OWN_FORMAT - 1, *known]) + 1
    ids = {node.attrs["numFmtId"]: first + at for at, node in enumerate(nodes)}
    more = b"".join(
        _prefixed(
            with_attributes(new.data[node.start : node.end], {"numFmtId": str(ids[node.attrs["numFmtId"]])}),
            old.root.prefix,
        )
        for node in nodes
    )
    if there is not None:
        edits += old.extend(there, more, count=str(len(known) + len(nodes)))
    else:
        prefix = old.root.prefix
        whole = b'<%bnumFmts count="%d">%b</%bnumFmts>' % (prefix, len(nodes), more, prefix)
        edits.append(old.insert(old.root, whole, before=_AFTER))
    return ids


def _nodes(document: Document, parent: str, child: str) -> list[Node]:
    node = document.root.first(parent)
    return list(node.all(child)) if node is not None else []


def _prefixed(element: bytes, prefix: bytes) -> bytes:
    """Give an element and those in it the prefix that the workbook's own elements have."""
    return _ELEMENT.sub(lambda m: b"<" + m[1] + prefix, element) if prefix else element
