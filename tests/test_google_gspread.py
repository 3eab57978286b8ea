"""Every public method of gspread that sends a request is answered by the emulator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gspread
import pytest
from gspread.utils import ExportFormat, ValidationConditionType

from experiment_sheet.testing.google import GoogleSheets

Act = Callable[[Any], object]

SPREADSHEET: dict[str, Act] = {
    "accept_ownership": lambda b: b.accept_ownership(b.list_permissions()[0]["id"]),
    "add_worksheet": lambda b: b.add_worksheet("more", 2, 2, index=0),
    "batch_update": lambda b: b.batch_update({"requests": [{"addSheet": {}}]}),
    "del_worksheet": lambda b: b.del_worksheet(b.add_worksheet("more", 2, 2)),
    "del_worksheet_by_id": lambda b: b.del_worksheet_by_id(b.add_worksheet("more", 2, 2).id),
    "duplicate_sheet": lambda b: b.duplicate_sheet(0, insert_sheet_index=1, new_sheet_id=7, new_sheet_name="two"),
    "export": lambda b: [b.export(kind) for kind in ExportFormat],
    "fetch_sheet_metadata": lambda b: b.fetch_sheet_metadata(),
    "get_lastUpdateTime": lambda b: b.get_lastUpdateTime(),
    "get_worksheet": lambda b: b.get_worksheet(0),
    "get_worksheet_by_id": lambda b: b.get_worksheet_by_id(0),
    "list_named_ranges": lambda b: b.list_named_ranges(),
    "list_permissions": lambda b: b.list_permissions(),
    "list_protected_ranges": lambda b: b.list_protected_ranges(0),
    "named_range": lambda b: (b.sheet1.define_named_range("A1:B2", "mine"), b.named_range("mine")),
    "remove_permissions": lambda b: (b.share("a@example.org", "user", "reader"), b.remove_permissions("a@example.org")),
    "reorder_worksheets": lambda b: (b.add_worksheet("z", 2, 2), b.reorder_worksheets(b.worksheets()[::-1])),
    "share": lambda b: (b.share("", "anyone", "reader"), b.share("example.org", "domain", "writer")),
    "transfer_ownership": lambda b: b.transfer_ownership(b.share("a@example.org", "user", "writer").json()["id"]),
    "update_drive_metadata": lambda b: b.update_drive_metadata(),
    "update_locale": lambda b: b.update_locale("de_DE"),
    "update_timezone": lambda b: b.update_timezone("Europe/Paris"),
    "update_title": lambda b: b.update_title("new"),
    "values_append": lambda b: b.values_append("Sheet1", {"valueInputOption": "RAW"}, {"values": [[1]]}),
    "values_batch_get": lambda b: b.values_batch_get(["A1", "B1:C2"]),
    "values_batch_update": lambda b: b.values_batch_update(
        {"valueInputOption": "RAW", "data": [{"range": "A1", "values": [[1]]}]}
    ),
    "values_clear": lambda b: b.values_clear("A1"),
    "values_get": lambda b: b.values_get("A1"),
    "values_update": lambda b: b.values_update("A1", {"valueInputOption": "RAW"}, {"values": [[1]]}),
    "values_batch_clear": lambda b: b.values_batch_clear(body={"ranges": ["A1"]}),
    "worksheet": lambda b: b.worksheet("Sheet1"),
    "worksheets": lambda b: b.worksheets(),
}

WORKSHEET: dict[str, Act] = {
    "acell": lambda w: w.acell("A1"),
    "add_cols": lambda w: w.add_cols(1),
    "add_dimension_group_columns": lambda w: w.add_dimension_group_columns(0, 2),
    "add_dimension_group_rows": lambda w: w.add_dimension_group_rows(0, 2),
    "add_protected_range": lambda w: w.add_protected_range("A1:B2", ["a@example.org"], description="mine"),
    "add_rows": lambda w: w.add_rows(1),
    "add_validation": lambda w: w.add_validation("A1", ValidationConditionType.one_of_list, ["x"], strict=True),
    "append_row": lambda w: w.append_row([1]),
    "append_rows": lambda w: w.append_rows([[1]], insert_data_option="INSERT_ROWS", table_range="A1:B2"),
    "batch_clear": lambda w: w.batch_clear(["A1", "B1"]),
    "batch_format": lambda w: w.batch_format([{"range": "A1", "format": {"textFormat": {"bold": True}}}]),
    "batch_get": lambda w: w.batch_get(["A1", "B:B"]),
    "batch_merge": lambda w: w.batch_merge([{"range": "A1:B1"}]),
    "batch_update": lambda w: w.batch_update([{"range": "A1", "values": [[1]]}]),
    "cell": lambda w: w.cell(1, 1),
    "clear": lambda w: w.clear(),
    "clear_basic_filter": lambda w: w.clear_basic_filter(),
    "clear_note": lambda w: w.clear_note("A1"),
    "clear_notes": lambda w: w.clear_notes(["A1", "B1"]),
    "clear_tab_color": lambda w: (w.update_tab_color("#ff7f00"), w.clear_tab_color()),
    "col_values": lambda w: w.col_values(1),
    "columns_auto_resize": lambda w: w.columns_auto_resize(0, 2),
    "copy_range": lambda w: w.copy_range("A1:B1", "C1"),
    "copy_to": lambda w: w.copy_to(w.spreadsheet_id),
    "cut_range": lambda w: w.cut_range("A1:B1", "C1"),
    "define_named_range": lambda w: w.define_named_range("A1:B2", "mine"),
    "delete_columns": lambda w: w.delete_columns(2),
    "delete_dimension": lambda w: w.delete_dimension("ROWS", 2, 3),
    "delete_dimension_group_columns": lambda w: (
        w.add_dimension_group_columns(0, 2),
        w.delete_dimension_group_columns(0, 2),
    ),
    "delete_dimension_group_rows": lambda w: (w.add_dimension_group_rows(0, 2), w.delete_dimension_group_rows(0, 2)),
    "delete_named_range": lambda w: w.delete_named_range(
        w.define_named_range("A1", "mine")["replies"][0]["addNamedRange"]["namedRange"]["namedRangeId"]
    ),
    "delete_protected_range": lambda w: w.delete_protected_range(
        w.add_protected_range("A1")["replies"][0]["addProtectedRange"]["protectedRange"]["protectedRangeId"]
    ),
    "delete_rows": lambda w: w.delete_rows(2),
    "duplicate": lambda w: w.duplicate(),
    "expand": lambda w: w.expand("A1"),
    "find": lambda w: w.find("x"),
    "findall": lambda w: w.findall("x"),
    "format": lambda w: w.format("A1:B1", {"horizontalAlignment": "CENTER"}),
    "freeze": lambda w: w.freeze(rows=1, cols=1),
    "get": lambda w: w.get("A1:B2"),
    "get_all_cells": lambda w: w.get_all_cells(),
    "get_all_records": lambda w: w.get_all_records(),
    "get_all_values": lambda w: w.get_all_values(),
    "get_note": lambda w: w.get_note("A1"),
    "get_notes": lambda w: w.get_notes(),
    "get_tab_color": lambda w: w.get_tab_color(),
    "get_values": lambda w: w.get_values(combine_merged_cells=True),
    "hide": lambda w: (w.duplicate(), w.hide()),
    "hide_columns": lambda w: w.hide_columns(0, 1),
    "hide_gridlines": lambda w: w.hide_gridlines(),
    "hide_rows": lambda w: w.hide_rows(0, 1),
    "insert_cols": lambda w: w.insert_cols([["h", 1]], col=2, inherit_from_before=True),
    "insert_note": lambda w: w.insert_note("A1", "note"),
    "insert_notes": lambda w: w.insert_notes({"A1": "note"}),
    "insert_row": lambda w: w.insert_row([1], index=2),
    "insert_rows": lambda w: w.insert_rows([[1]], row=2, inherit_from_before=True),
    "list_dimension_group_columns": lambda w: w.list_dimension_group_columns(),
    "list_dimension_group_rows": lambda w: w.list_dimension_group_rows(),
    "merge_cells": lambda w: w.merge_cells("A1:B2", merge_type="MERGE_ROWS"),
    "range": lambda w: w.range("A1:B2"),
    "resize": lambda w: w.resize(10, 10),
    "row_values": lambda w: w.row_values(1),
    "rows_auto_resize": lambda w: w.rows_auto_resize(0, 2),
    "set_basic_filter": lambda w: w.set_basic_filter("A1:B2"),
    "show": lambda w: w.show(),
    "show_gridlines": lambda w: w.show_gridlines(),
    "sort": lambda w: w.sort((1, "asc"), (2, "des"), range="A2:B9"),
    "unhide_columns": lambda w: w.unhide_columns(0, 1),
    "unhide_rows": lambda w: w.unhide_rows(0, 1),
    "unmerge_cells": lambda w: w.unmerge_cells("A1:B2"),
    "update": lambda w: w.update([[1, 2]], "A1"),
    "update_acell": lambda w: w.update_acell("A1", "=1+1"),
    "update_cell": lambda w: w.update_cell(1, 1, 1),
    "update_cells": lambda w: w.update_cells(w.range("A1:B2")),
    "update_index": lambda w: w.update_index(0),
    "update_note": lambda w: w.update_note("A1", "note"),
    "update_notes": lambda w: w.update_notes({"A1": "note"}),
    "update_tab_color": lambda w: w.update_tab_color("#ff7f00"),
    "update_title": lambda w: w.update_title("new"),
}

CLIENT: dict[str, Act] = {
    "copy": lambda c: c.copy(c.open("runs").id, "two", copy_permissions=True),
    "create": lambda c: c.create("two", folder_id="folder"),
    "del_spreadsheet": lambda c: c.del_spreadsheet(c.open("runs").id),
    "export": lambda c: c.export(c.open("runs").id, ExportFormat.CSV),
    "get_file_drive_metadata": lambda c: c.get_file_drive_metadata(c.open("runs").id),
    "import_csv": lambda c: c.import_csv(c.open("runs").id, "a,b\n1,2\n"),
    "insert_permission": lambda c: c.insert_permission(c.open("runs").id, "a@example.org", "user", "reader"),
    "list_permissions": lambda c: c.list_permissions(c.open("runs").id),
    "list_spreadsheet_files": lambda c: c.list_spreadsheet_files("runs", folder_id="root"),
    "open": lambda c: c.open("runs"),
    "open_by_key": lambda c: c.open_by_key(c.open("runs").id),
    "open_by_url": lambda c: c.open_by_url(c.open("runs").url),
    "openall": lambda c: c.openall(),
    "remove_permission": lambda c: c.remove_permission(
        c.open("runs").id,
        c.insert_permission(c.open("runs").id, "a@example.org", "user", "reader").json()["id"],
    ),
}

SILENT = {"login", "set_timeout", "client", "from_dict"}
"""Methods that send nothing to Sheets or Drive."""

TABLES = {gspread.Client: CLIENT, gspread.Spreadsheet: SPREADSHEET, gspread.Worksheet: WORKSHEET}
CASES = [
    pytest.param(kind, act, id=f"{kind.__name__}.{name}") for kind, acts in TABLES.items() for name, act in acts.items()
]


@pytest.fixture
def client() -> Iterator[gspread.Client]:
    """A client of an emulator with a small spreadsheet."""
    with GoogleSheets(seed=1) as google:
        made: gspread.Client = google.client()
        made.create("runs").sheet1.update([["name", "x"], ["a", 1], ["b", 2]], "A1")
        yield made


@pytest.mark.parametrize(("kind", "act"), CASES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_method_is_answered(client: gspread.Client, kind: type, act: Act) -> None:
    """The method gets what it needs from the emulator."""
    book = client.open("runs")
    act({gspread.Client: client, gspread.Spreadsheet: book, gspread.Worksheet: book.sheet1}[kind])


@pytest.mark.skipif(not gspread.__version__.startswith("6.2."), reason="the tables are for gspread 6.2")
@pytest.mark.parametrize("kind", TABLES)
def test_no_method_is_forgotten(kind: type) -> None:
    """Every public method of this gspread has its case here."""
    public = {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}
    assert public - SILENT <= TABLES[kind].keys()
