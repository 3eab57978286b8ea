"""Tables that belong to a query: a column that people add there is a field without data (``dataBound="0"``).

A column that is no field makes Excel offer a repair (ECMA-376 Part 1, 18.5.1.3 and 18.12.9 to 18.12.11).
"""

from __future__ import annotations

from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml import parts
from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.xml import apply, parse


def with_fields(source: Source, table: str, columns: range) -> tuple[dict[str, bytes], range] | None:
    """Query part of a table with a field for each of these new column ids, and the fields' ids.

    None where the table belongs to no query.
    """
    related = (found.part for found in parts.relationships(source, table) if found.kind == "queryTable")
    part = next((name for name in related if name and source.has(name)), None)
    if part is None or not columns:
        return None
    what = f"{source.path}, {part}"
    document = parse(source.read(part), what)
    refresh = document.root.first("queryTableRefresh")
    holder = refresh.first("queryTableFields") if refresh else None
    if refresh is None or holder is None:
        raise SheetRefused(
            f"{what}: the table belongs to a query that says nothing of its columns. Refresh it in Excel."
        )
    used = max((document.integer(node, "id") for node in holder.children), default=0)
    first = max(document.integer(refresh, "nextId", 1), used + 1)
    fields = range(first, first + len(columns))
    unbound = document.integer(refresh, "unboundColumnsRight") + len(columns)
    elements = b"".join(
        b'<%bqueryTableField id="%d" dataBound="0" tableColumnId="%d"/>' % (document.root.prefix, field, column)
        for field, column in zip(fields, columns, strict=True)
    )
    edits = document.extend(holder, elements, count=str(len(holder.children) + len(columns)))
    edits.append(document.set(refresh, nextId=str(fields.stop), unboundColumnsRight=str(unbound)))
    return {part: apply(document.data, edits)}, fields
