"""Tables as their header cells say, where another program changed the cells and not the table.

openpyxl deletes and renames columns without the table that holds them, and neither it nor LibreOffice extends a table
when a column is typed right beside it, as Excel does. Excel offers a repair where header cell and column name differ
(ECMA-376 Part 1, 18.5.1.3), so the next write mends the table: columns follow their headers, what was typed beside
belongs to it, what is gone is gone. Nothing is done where that would be a guess: header cells that are blank within
the table, no text, or alike, or a table that a query fills.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from experiment_sheet.ooxml.table import ExcelTable, column_element, new_ids, table_of
from experiment_sheet.ooxml.xml import Edit, Node, apply
from experiment_sheet.values import Cell


def refitted(table: ExcelTable, cells: Mapping[int, Cell], *, limit: int) -> ExcelTable:
    """Table with one column for each of the header cells, or as it is.

    `cells`: the header row by column. `limit`: last column that it may take.
    """
    typed = _typed(table, cells, limit)
    if typed is None or [_key(name) for name in typed] == [_key(column.name) for column in table.columns]:
        return table
    document = table.document
    area = replace(table.area, right=table.area.left + len(typed) - 1)
    found = table_of(apply(document.data, _edits(table, typed, str(area))), table.part, document.what)
    return replace(found, mended=True)


def _typed(table: ExcelTable, cells: Mapping[int, Cell], limit: int) -> list[str] | None:
    """Headers that stand side by side from the table's left on; None where they can't be a table's."""
    found: list[str] = []
    at = table.area.left
    while at <= limit and isinstance(text := cells.get(at), str) and text.strip():
        found.append(text)
        at += 1
    broken = any(cells.get(column) is not None for column in range(at, table.area.right + 1))
    alike = len({_key(text) for text in found}) < len(found)
    return None if not found or broken or alike or "tableType" in table.document.root.attrs else found


def _edits(table: ExcelTable, typed: Sequence[str], area: str) -> list[Edit]:
    document, root = table.document, table.document.root
    edits = [document.set(root, ref=area)]
    gone = {_key(column.name) for column in table.columns} - {_key(name) for name in typed}
    for node in root.all("autoFilter"):
        plain = b'<%bautoFilter ref="%b"/>' % (node.prefix, area.encode())  # what it filtered by may be gone
        edits.append((node.start, node.end, plain) if gone else document.set(node, ref=area))
    edits += [(node.start, node.end, b"") for node in root.all("sortState") if gone]
    holder = root.first("tableColumns")
    assert holder is not None  # `table_of` has counted them
    edits.append((holder.inside, holder.inside_end, b"".join(_columns(table, holder, typed))))
    return [*edits, document.set(holder, count=str(len(typed)))]


def _columns(table: ExcelTable, holder: Node, typed: Sequence[str]) -> list[bytes]:
    """Elements of the columns: the old one of the name, or of the place if none came or went, else a new one."""
    document = table.document
    nodes = list(holder.all("tableColumn"))
    named = dict(zip((_key(column.name) for column in table.columns), nodes, strict=True))
    fresh = iter(new_ids(table, len(typed)))
    made = []
    for place, name in enumerate(typed):
        node = named.get(_key(name))
        if node is None and len(nodes) == len(typed) and _key(table.columns[place].name) not in map(_key, typed):
            node = nodes[place]  # it was renamed
        if node is None:
            made.append(column_element(next(fresh), name, holder.prefix))
            continue
        tag = document.set(node, name=name)[2]
        made.append(tag.replace(b"&#10;", b"_x000a_") + document.data[node.inside : node.end])
    return made


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
