"""Says what a write did to a workbook beyond what it was asked for; the judge of the lossless tests.

Before and after are compared entry by entry. An entry that had no reason to change must be the same bytes in
its compressed form, local header included. In those that had (the tab's worksheet and tables, the workbook
part, and parts that hold a range which reached the last row) everything must be as it was, except

- rows below the old ones, columns right of the old ones, and the cells that the test says were written;
- a totals row, which moves down by the rows that were added, without cached values, its ``[loss]`` as ``Runs[loss]``;
- ranges that ended at the last row and now end at the new one; the dimension, which may go;
- ``fullCalcOnLoad``, hidden names that begin with ``_es.``, and formats added behind the old ones.

lxml reads the XML, so the judge shares no reader with the engine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from lossless_growth import Change, Elements, Place, children_differ, elements_differ, local
from lxml import etree

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.book import Table, Workbook, Worksheet
from experiment_sheet.testing.workbook.package import CONTENT_TYPES, part_name


def compare(before: Path, after: Path, *, tab: str, cells: Collection[str] = ()) -> list[str]:
    """What differs and should not, one sentence each; nothing where only rows and columns came.

    `cells` are addresses or ranges in the tab (``B3``, ``D1:D9``) that the write was asked to change.
    """
    old, new = Workbook(before), Workbook(after)
    try:
        return list(_differences(old, new, _change(old, new, tab, cells)))
    finally:
        old.close()
        new.close()


def _change(old: Workbook, new: Workbook, tab: str, cells: Collection[str]) -> Change:
    sheet = _sheet(old, tab)
    change = Change(sheet.part, tables={table.part for table in sheet.tables})
    for text in cells:
        area = refs.area(text)
        assert area is not None, text
        change.written |= {(r, c) for r in range(area.top, area.bottom + 1) for c in range(area.left, area.right + 1)}
    _measure(change, sheet, _sheet(new, tab))
    return change


def _measure(change: Change, old: Worksheet, new: Worksheet) -> None:
    pairs = zip(old.tables, new.tables, strict=False)
    grown = [pair for pair in pairs if pair[0].root.get("ref") != pair[1].root.get("ref")]
    if grown or len(old.tables) == 1:
        first, second = grown[0] if grown else (old.tables[0], new.tables[0])
        change.area, area = first.area, second.area
        assert change.area is not None
        assert area is not None
        totals = _totals(first)
        change.old_last, change.new_last = change.area.bottom - totals, area.bottom - _totals(second)
        change.old_right, change.new_right = change.area.right, area.right
        change.totals = change.area.bottom if totals else 0
    else:
        change.old_last, change.old_right = _extent(old)
        change.new_last, change.new_right = (max(pair) for pair in zip(_extent(old), _extent(new), strict=True))


def _totals(table: Table) -> int:
    return table.root.number("totalsRowCount")


def _extent(sheet: Worksheet) -> tuple[int, int]:
    places = [place for place, cell in _cells(_rows(_tree(sheet.book, sheet.part))).items() if len(cell)]
    return max((row for row, _ in places), default=0), max((column for _, column in places), default=0)


def _sheet(book: Workbook, tab: str) -> Worksheet:
    return next(sheet for sheet in book.worksheets if sheet.name == tab)


def _differences(old: Workbook, new: Workbook, change: Change) -> Iterator[str]:
    old_names, new_names = ({part_name(info): info for info in book.entries} for book in (old, new))
    yield from (f"{name}: is gone" for name in old_names.keys() - new_names.keys())
    yield from (f"{name}: has come" for name in new_names.keys() - old_names.keys())
    for name in old_names.keys() & new_names.keys():
        if _raw(old, name) != _raw(new, name):
            yield from _part_differences(old, new, name, change)
    for name, info in old_names.items():
        other = new_names.get(name, info)
        for attribute in ("filename", "external_attr", "create_system", "comment", "extra"):
            if getattr(info, attribute) != getattr(other, attribute) and _raw(old, name) == _raw(new, name):
                yield f"{name}: {attribute} of the entry was {getattr(info, attribute)!r}"


def _raw(book: Workbook, name: str) -> bytes:
    info = next(info for info in book.entries if part_name(info) == name)
    header = book.bytes_at(info.header_offset, 30)
    length = 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return book.bytes_at(info.header_offset, length + info.compress_size)


def _part_differences(old: Workbook, new: Workbook, part: str, change: Change) -> Iterator[str]:
    rule = _RULES.get("worksheet" if part == change.part else _kind(old, part))
    if rule is None or (part in change.tables) != (rule is _table_differences):
        yield f"{part}: was changed, and had no reason to"
        return
    trees = _tree(old, part), _tree(new, part)
    yield from (f"{part}: {difference}" for difference in rule(*trees, change))


def _kind(book: Workbook, part: str) -> str:
    kind = book.content_type(part)
    if part == CONTENT_TYPES or "worksheet+xml" in kind:
        return ""
    return "workbook" if "main+xml" in kind else kind.rpartition("/")[2].rpartition(".")[2].removesuffix("+xml")


def _tree(book: Workbook, part: str) -> etree._Element:
    with book._zip.open(book.parts[part.lower()]) as stream:
        return etree.parse(stream, etree.XMLParser(resolve_entities=False, huge_tree=True)).getroot()


# ------------------------------------------------------------------------------------------- the worksheet


def _rows(root: etree._Element) -> dict[int, etree._Element]:
    rows: dict[int, etree._Element] = {}
    data = next(child for child in root if local(child) == "sheetData")
    number = 0
    for row in data:
        number = int(row.get("r", number + 1))
        rows[number] = row
    return rows


def _cells(rows: dict[int, etree._Element]) -> dict[Place, etree._Element]:
    cells: dict[Place, etree._Element] = {}
    for number, row in rows.items():
        column = 0
        for cell in (child for child in row if local(child) == "c"):
            place = refs.cell(cell.get("r", ""))
            column = place[1] if place else column + 1
            cells[number, column] = cell
    return cells


def _worksheet_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    if (old.tag, dict(old.attrib), old.nsmap) != (new.tag, dict(new.attrib), new.nsmap):
        yield f"<{local(old)}> has other attributes or namespaces"
    _forget_new_columns(old, new, change)
    outside = [[child for child in root if local(child) not in ("sheetData", "dimension")] for root in (old, new)]
    yield from children_differ("worksheet", outside[0], outside[1], change)
    old_rows, new_rows = _rows(old), _rows(new)
    old_cells, new_cells = _cells(old_rows), _cells(new_rows)
    yield from _rows_differ(old_rows, new_rows, old_cells, new_cells)
    yield from _cells_differ(old_cells, new_cells, change)


def _forget_new_columns(old: etree._Element, new: etree._Element, change: Change) -> None:
    """Columns that came at the right may have a width of their own."""
    known = {col.get("min") for col in old.iterfind("{*}cols/{*}col")}
    for cols in new.findall("{*}cols"):
        for col in [col for col in cols if col.get("min") not in known]:
            if int(col.get("min", "0")) > change.old_right:
                cols.remove(col)
        if not len(cols):
            new.remove(cols)


def _rows_differ(
    old: dict[int, etree._Element],
    new: dict[int, etree._Element],
    old_cells: dict[Place, etree._Element],
    new_cells: dict[Place, etree._Element],
) -> Iterator[str]:
    filled = {row for row, _ in new_cells.keys() - old_cells.keys()}
    for number, row in old.items():
        if number not in new:
            yield f"row {number} is gone"
            continue
        for name in sorted(set(row.attrib) | set(new[number].attrib)):
            first, second = row.get(name), new[number].get(name)
            if first != second and name != "r" and not (name == "spans" and number in filled):
                yield f"row {number}: {name} was {first!r}, is {second!r}"


def _cells_differ(old: dict[Place, etree._Element], new: dict[Place, etree._Element], change: Change) -> Iterator[str]:
    blank = _blank_rows(old, change)
    for place, cell in old.items():
        moved = place[0] + change.grown if _moves(place, change) else place[0]
        other = new.get((moved, place[1]))
        if other is None:
            yield f"{refs.name(*place)} is gone"
        elif not change.may_write(place):
            free = place[0] in blank
            yield from _cell_differs(refs.name(*place), cell, other, value_is_free=free, totals=_moves(place, change))
    for place in new.keys() - old.keys():
        old_row = place[0] <= max(change.old_last, change.totals) and place[0] not in blank
        outside = change.area is not None and not change.area.left <= place[1]
        beyond = place[0] > max(change.new_last, change.totals + change.grown)
        if (old_row or outside or beyond) and not change.may_write(place) and not _was_totals(place, change):
            yield f"{refs.name(*place)} has come"


def _moves(place: Place, change: Change) -> bool:
    area = change.area
    return area is not None and place[0] == change.totals and area.left <= place[1] <= area.right


def _was_totals(place: Place, change: Change) -> bool:
    return bool(change.totals) and change.grown > 0 and place[0] >= change.totals


def _blank_rows(cells: dict[Place, etree._Element], change: Change) -> set[int]:
    area = change.area
    if area is None:
        return set()
    filled = {row for (row, column), cell in cells.items() if len(cell) and area.left <= column <= area.right}
    return set(range(area.top, change.old_last + 1)) - filled


def _cell_differs(
    where: str, old: etree._Element, new: etree._Element, *, value_is_free: bool, totals: bool
) -> Iterator[str]:
    free = {"r"} | ({"t"} if value_is_free or totals else set())
    for name in sorted((set(old.attrib) | set(new.attrib)) - free):
        if old.get(name) != new.get(name):
            yield f"{where}: {name} was {old.get(name)!r}, is {new.get(name)!r}"
    skipped = ("v",) if totals and any(local(child) == "f" for child in old) else ()
    first, second = ([child for child in cell if local(child) not in skipped] for cell in (old, new))
    shapes = [[_shape(child, totals=totals) for child in children] for children in (first, second)]
    if shapes[0] != shapes[1] and not value_is_free:
        yield f"{where}: was {_shown(first)}, is {_shown(second)}"


def _shape(element: etree._Element, *, totals: bool = False) -> tuple[object, ...]:
    inside = tuple(_shape(child) for child in element)
    text = element.text or ""
    if totals and local(element) == "f":
        text = re.sub(r"[\w.]+(?=\[)", "", text)
    return element.tag, tuple(sorted(element.attrib.items())), text, inside


def _shown(elements: Elements) -> str:
    text = b"".join(etree.tostring(element, with_tail=False) for element in elements).decode()
    return re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)[:300]


# ------------------------------------------------------------------------------------------- other parts


def _table_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    first, second = ([column for column in root.iter() if local(column) == "tableColumn"] for root in (old, new))
    for column in second[len(first) :]:
        if column.get("id") in {known.get("id") for known in first}:
            yield f"the new column {column.get('name')!r} has an old one's id"
        columns = column.getparent()
        assert columns is not None
        columns.set("count", str(int(columns.get("count", "0")) - 1))
        columns.remove(column)
    yield from elements_differ(old, new, change)


def _workbook_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    names = [{name.get("name", "") for name in root.iter("{*}definedName")} for root in (old, new)]
    yield from (f"the name {name!r} is gone" for name in sorted(names[0] - names[1]) if name.startswith("_es."))
    for root in (old, new):
        for element in [child for child in root.iter() if isinstance(child.tag, str)]:
            parent = element.getparent()
            if parent is not None and local(element) == "definedName" and element.get("name", "").startswith("_es."):
                if element.get("hidden") != "1":
                    yield f"the name {element.get('name')!r} is not hidden"
                parent.remove(element)
        for name in ("definedNames", "calcPr"):
            for element in [child for child in root if local(child) == name]:
                element.attrib.pop("fullCalcOnLoad", None)
                if old.find("{*}calcPr") is None:
                    element.attrib.pop("calcId", None)
                if not len(element) and not element.attrib:
                    root.remove(element)
    yield from elements_differ(old, new, change)


def _styles_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    for first in old:
        second = next((child for child in new if child.tag == first.tag), None)
        if second is None:
            yield f"<{local(first)}> is gone"
            continue
        for extra in list(second)[len(first) :]:
            second.remove(extra)
        if "count" in first.attrib:
            second.set("count", first.get("count", ""))
        yield from elements_differ(first, second, change)
    added = {local(child) for child in new} - {local(child) for child in old}
    yield from (f"<{name}> has come" for name in sorted(added - {"numFmts", "dxfs"}))


def _chain_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    first, second = (_chain(root) for root in (old, new))
    for cell, sheet in first:
        place = refs.cell(cell)
        moved = refs.name(place[0] + change.grown, place[1]) if place and _moves(place, change) else cell
        if (cell, sheet) not in second and (moved, sheet) not in second:
            yield f"{cell} of sheet {sheet} is no longer listed"


def _chain(root: etree._Element) -> list[tuple[str, str]]:
    found, sheet = [], ""
    for cell in root:
        sheet = cell.get("i", sheet)
        found.append((cell.get("r", ""), sheet))
    return found


def _pivot_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    new.attrib.pop("refreshOnLoad", None)
    old.attrib.pop("refreshOnLoad", None)
    yield from elements_differ(old, new, change)


def _query_differences(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    """New columns of a query's table become fields of their own, bound to no data."""
    known = {field.get("id") for field in old.iter("{*}queryTableField")}
    for field in [field for field in new.iter("{*}queryTableField") if field.get("id") not in known]:
        if field.get("dataBound") != "0":
            yield f"the new field {field.get('id')} is bound to data"
        fields = field.getparent()
        assert fields is not None
        fields.remove(field)
        if "count" in fields.attrib:
            fields.set("count", str(len(fields)))
    for root in (old, new):
        for refresh in root.iter("{*}queryTableRefresh"):
            for name in ("nextId", "unboundColumnsRight"):
                refresh.attrib.pop(name, None)
    yield from elements_differ(old, new, change)


_RULES = {
    "worksheet": _worksheet_differences,
    "table": _table_differences,
    "workbook": _workbook_differences,
    "styles": _styles_differences,
    "calcChain": _chain_differences,
    "pivotCacheDefinition": _pivot_differences,
    "queryTable": _query_differences,
    "chart": elements_differ,
}
