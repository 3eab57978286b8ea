"""New tabs and new tables in a workbook that exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml import parts
from experiment_sheet.ooxml.parts import CONTENT_TYPES, Source
from experiment_sheet.ooxml.table import Area, free_table_name, new_table, read_table
from experiment_sheet.ooxml.workbook import Tab, Workbook, check_tab
from experiment_sheet.ooxml.worksheet import Worksheet
from experiment_sheet.ooxml.xml import Edit

_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.%s+xml"
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT_FAMILY: Final = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_SHEET: Final = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{}"><sheetViews><sheetView '
    'workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView>'
    '</sheetViews><sheetFormatPr defaultRowHeight="15"/><sheetData/></worksheet>'
)


def with_tab(source: Source, workbook: Workbook, name: str) -> dict[str, bytes]:
    """Changed and new parts that give a workbook one blank tab more, at the end."""
    check_tab(name)
    if workbook.locked:
        raise SheetRefused(
            f"{source.path}: the structure is protected, so tab {name!r} can't be added. Add it in Excel."
        )
    types = source.read(CONTENT_TYPES)
    part = parts.free_name([*source.names, *parts.typed(types)], "xl/worksheets/sheet%d.xml")
    rels = parts.rels_name(workbook.part)
    target = parts.relative(workbook.part, part)
    related, rel_id = parts.with_relationship(
        source.read(rels), kind="worksheet", target=target, strict=workbook.strict
    )
    return {
        CONTENT_TYPES: parts.with_override(types, part=part, content_type=_TYPE % "worksheet"),
        workbook.part: workbook.changed([workbook.with_tab(name, rel_id, _family(workbook))]),
        rels: related,
        part: _SHEET.format(parts.STRICT if workbook.strict else _MAIN).encode(),
    }


def with_table(
    source: Source, workbook: Workbook, sheet: Worksheet, area: Area, headers: Sequence[str]
) -> tuple[Mapping[str, bytes], list[Edit]]:
    """New and changed parts that make an area of a tab a table, and the edits of the tab's own part."""
    existing = [
        read_table(source, found.part)
        for tab in workbook.tabs
        for found in parts.relationships(source, tab.part)
        if found.kind == "table" and found.part and source.has(found.part)
    ]
    taken = [table.name for table in existing] + [name.name for name in workbook.names]
    numbers = [table.document.integer(table.document.root, "id") for table in existing]
    types = source.read(CONTENT_TYPES)
    part = parts.free_name([*source.names, *parts.typed(types)], "xl/tables/table%d.xml")
    rels = parts.rels_name(sheet.part)
    related, rel_id = parts.with_relationship(
        source.read(rels) if source.has(rels) else None,
        kind="table",
        target=parts.relative(sheet.part, part),
        strict=workbook.strict,
    )
    made = new_table(
        number=max(numbers, default=0) + 1,
        name=free_table_name(sheet.tab.name, taken),
        area=area,
        headers=headers,
        namespace=sheet.document.root.uri,
    )
    changes = {
        part: made,
        rels: related,
        CONTENT_TYPES: parts.with_override(types, part=part, content_type=_TYPE % "table"),
    }
    return changes, sheet.with_table(rel_id, _family(workbook))


def home(workbook: Workbook) -> Tab | None:
    """Last tab, which is where a new one was put."""
    return workbook.tabs[-1] if workbook.tabs else None


def _family(workbook: Workbook) -> str:
    return _STRICT_FAMILY if workbook.strict else parts.RELATIONSHIPS
