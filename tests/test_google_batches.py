"""The emulator beyond the recordings: batches as the API's reference says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gspread
import pytest
from google_sheet import Sheet

from experiment_sheet.testing.google import GoogleSheets


@pytest.fixture
def google() -> Iterator[GoogleSheets]:
    """An emulator."""
    with GoogleSheets(seed=1) as running:
        yield running


@pytest.fixture
def sheet(google: GoogleSheets) -> Sheet:
    """An empty spreadsheet of it."""
    return Sheet(google)


def message(answer: Any) -> str:
    """Message of an error."""
    return str(answer["error"]["message"])


def test_a_batch_is_applied_whole_or_not_at_all(sheet: Sheet) -> None:
    """If one request is invalid none is applied, and the error names it."""
    sheet.put("A1", [["kept"]])
    where = {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    answer = sheet.batch({"deleteDimension": {"range": where}}, {"addSheet": {"properties": {"title": "Sheet1"}}})
    assert message(answer).startswith('Invalid requests[1].addSheet: A sheet with the name "Sheet1" already exists.')
    assert sheet.get() == [["kept"]]


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"nope": {}}, 400, "Unknown name \"nope\" at 'requests[0]': Cannot find field."),
        ({"trimWhitespace": {}}, 501, "doesn't emulate the request kind trimWhitespace"),
        ({"updateCells": {"range": {}, "rows": []}}, 400, "At least one field must be listed in 'fields'."),
        ({"deleteSheet": {"sheetId": 0}}, 400, "You can't remove all the sheets in a document."),
        ({"deleteSheet": {"sheetId": 5}}, 400, "No sheet with id: 5"),
        ({"updateCells": {"range": {"sheetId": 5}, "fields": "note"}}, 400, "No grid with id: 5"),
        ({"appendDimension": {"dimension": "ROWS", "length": 10**7}}, 400, "above the limit of 10000000 cells."),
        ({"appendDimension": {"dimension": "COLUMNS", "length": 18_300}}, 400, "above the limit of 18278 columns."),
    ],
)
def test_refused_requests(sheet: Sheet, request_: Any, status: int, said: str) -> None:
    """Wrong requests are refused with a message; what isn't emulated names itself."""
    answer = sheet.batch(request_)
    assert answer["error"]["code"] == status
    assert said in message(answer)


def test_paths_that_are_not_emulated_name_themselves(google: GoogleSheets) -> None:
    """A call that the emulator lacks is a 501 with its name."""
    answer = google.session().get("https://www.googleapis.com/drive/v3/changes")
    assert answer.status_code == 501
    assert "GET /drive/v3/changes" in answer.json()["error"]["message"]


def test_append_cells_keeps_types_and_answers_with_the_sheet(sheet: Sheet) -> None:
    """Typed cells are stored unparsed, and the batch's answer can carry chosen ranges."""
    cells = [
        {"userEnteredValue": value} for value in ({"stringValue": "=1+1"}, {"numberValue": 0}, {"boolValue": False})
    ]
    answer = sheet.batch(
        {"appendCells": {"sheetId": 0, "rows": [{"values": cells}], "fields": "userEnteredValue"}},
        includeSpreadsheetInResponse=True,
        responseRanges=["Sheet1!A1:C1"],
        responseIncludeGridData=True,
    )
    row = answer["updatedSpreadsheet"]["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert [cell["formattedValue"] for cell in row] == ["=1+1", "0", "FALSE"]
    assert row[1]["effectiveValue"] == {"numberValue": 0}


def test_whatever_points_at_cells_follows_rows_and_columns(sheet: Sheet) -> None:
    """Formulas, merges, named and protected ranges, filters and metadata move with an inserted row and column."""
    area = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 2, "startColumnIndex": 1, "endColumnIndex": 3}
    where = {"dimensionRange": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}}
    metadata = {"metadataKey": "k", "location": where, "visibility": "DOCUMENT"}
    sheet.put("D2", [["=SUM(B2:C2)+$B$2"]], "USER_ENTERED")
    sheet.batch(
        {"mergeCells": {"range": area}},
        {"addNamedRange": {"namedRange": {"name": "mine", "range": area}}},
        {"addProtectedRange": {"protectedRange": {"range": area}}},
        {"setBasicFilter": {"filter": {"range": area}}},
        {"createDeveloperMetadata": {"developerMetadata": metadata}},
    )
    for dimension in ("ROWS", "COLUMNS"):
        span = {"sheetId": 0, "dimension": dimension, "startIndex": 1, "endIndex": 2}
        sheet.batch({"insertDimension": {"range": span}})
    moved = {"startRowIndex": 2, "endRowIndex": 3, "startColumnIndex": 2, "endColumnIndex": 4}
    book = sheet.ask("GET")
    tab = book["sheets"][0]
    assert tab["merges"] == [moved]
    assert book["namedRanges"][0]["range"] == moved
    assert tab["protectedRanges"][0]["range"] == moved
    assert tab["basicFilter"]["range"] == moved
    assert sheet.get("E3", valueRenderOption="FORMULA") == [["=SUM(C3:D3)+$C$3"]]
    found = sheet.ask(
        "POST", "/developerMetadata:search", {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "k"}}]}
    )
    location = found["matchedDeveloperMetadata"][0]["developerMetadata"]["location"]
    assert (location["locationType"], location["dimensionRange"]["startIndex"]) == ("COLUMN", 2)


def test_metadata_is_gone_with_its_column_and_finds_values(sheet: Sheet) -> None:
    """Values are read and written by a column's metadata; deleting the column deletes it."""
    sheet.put("A1", [["a", "b"], [1, 2]])
    where = {"dimensionRange": {"dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}}
    metadata = {"metadataId": 7, "metadataKey": "k", "location": where, "visibility": "DOCUMENT"}
    sheet.batch({"createDeveloperMetadata": {"developerMetadata": metadata}})
    filters = [{"developerMetadataLookup": {"metadataId": 7}}]
    read = sheet.ask("POST", "/values:batchGetByDataFilter", {"dataFilters": filters})
    assert read["valueRanges"][0]["valueRange"]["values"] == [["b"], ["2"]]
    data = [{"dataFilter": filters[0], "values": [["new"]]}]
    body = {"valueInputOption": "RAW", "data": data}
    assert sheet.ask("POST", "/values:batchUpdateByDataFilter", body)["totalUpdatedCells"] == 1
    assert sheet.get("B1") == [["new"]]
    sheet.google.teammate(sheet.key).delete_column("new")
    assert sheet.ask("GET", "/developerMetadata/7")["error"]["code"] == 404


@pytest.mark.parametrize("unique", [False, True])
def test_metadata_ids_are_unique_only_if_the_reading_says_so(sheet: Sheet, unique: bool) -> None:
    """By default a second creation with the same id is accepted, as the hardest reading has it."""
    sheet.google.races.metadata_ids_unique = unique
    metadata = {"metadataId": 7, "metadataKey": "k", "location": {"spreadsheet": True}, "visibility": "DOCUMENT"}
    create = {"createDeveloperMetadata": {"developerMetadata": metadata}}
    assert "replies" in sheet.batch(create)
    assert ("error" in sheet.batch(create)) is unique


def test_protected_cells_refuse_others_and_the_whole_batch(sheet: Sheet) -> None:
    """Cells that somebody protected can't be written by who is no editor and no owner."""
    google = sheet.google
    google.accounts.tokens["other"] = "other@example.org"
    google.client().open_by_key(sheet.key).share("other@example.org", perm_type="user", role="writer")
    google.teammate(sheet.key, email="mate@example.org").protect(1, 0)
    other = google.client("other").open_by_key(sheet.key).sheet1
    other.update([["free"]], "B1")
    with pytest.raises(gspread.exceptions.APIError, match="protected cell"):
        other.update([["taken"]], "A1")


def test_sorting_puts_numbers_first_and_blanks_last(sheet: Sheet) -> None:
    """Numbers, text whatever its case, FALSE, TRUE, blanks; formulas keep meaning their own row."""
    sheet.put("A1:B7", [["k", "="], ["b", "=A2"], [True, "=A3"], [None, "x"], [2, "=A5"], ["A", "=A6"], [False, "=A7"]])
    sheet.put("B2", [["=A2"]], "USER_ENTERED")
    sheet.google.teammate(sheet.key).sort("k")
    assert [row[0] for row in sheet.get()] == ["k", "2", "A", "b", "FALSE", "TRUE", ""]
    assert sheet.get("B4", valueRenderOption="FORMULA") == [["=A4"]]


def test_tables_grow_when_cells_are_appended(sheet: Sheet) -> None:
    """appendCells to a table writes below its body and moves what stands there."""
    sheet.put("A1", [["h"], [1], ["below"]])
    area = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 2, "startColumnIndex": 0, "endColumnIndex": 1}
    table = sheet.batch({"addTable": {"table": {"name": "t", "range": area}}})["replies"][0]["addTable"]["table"]
    assert table["columnProperties"] == [{"columnName": "h"}]
    row = {"values": [{"userEnteredValue": {"numberValue": 2}}]}
    append = {"tableId": table["tableId"], "rows": [row], "fields": "userEnteredValue"}
    sheet.batch({"appendCells": append})
    assert sheet.get() == [["h"], ["1"], ["2"], ["below"]]
    assert sheet.ask("GET")["sheets"][0]["tables"][0]["range"]["endRowIndex"] == 3


AREA = {"startRowIndex": 0, "endRowIndex": 2, "startColumnIndex": 0, "endColumnIndex": 2}
RULE = {
    "condition": {"type": "NUMBER_GREATER", "values": [{"userEnteredValue": "1"}]},
    "format": {"textFormat": {"bold": True}},
}
OBJECTS: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "addConditionalFormatRule": (
        {"rule": {"ranges": [AREA], "booleanRule": RULE}, "index": 0},
        "conditionalFormats",
        lambda _: {"deleteConditionalFormatRule": {"sheetId": 0, "index": 0}},
    ),
    "addProtectedRange": (
        {"protectedRange": {"range": AREA}},
        "protectedRanges",
        lambda item: {"deleteProtectedRange": {"protectedRangeId": item["protectedRangeId"]}},
    ),
    "addFilterView": (
        {"filter": {"title": "mine", "range": AREA}},
        "filterViews",
        lambda item: {"deleteFilterView": {"filterId": item["filterViewId"]}},
    ),
    "addBanding": (
        {"bandedRange": {"range": AREA, "rowProperties": {"firstBandColor": {"red": 1}}}},
        "bandedRanges",
        lambda item: {"deleteBanding": {"bandedRangeId": item["bandedRangeId"]}},
    ),
    "addTable": (
        {"table": {"name": "t", "range": AREA}},
        "tables",
        lambda item: {"deleteTable": {"tableId": item["tableId"]}},
    ),
    "addChart": (
        {"chart": {"spec": {"title": "loss"}, "position": {"overlayPosition": {"anchorCell": {}}}}},
        "charts",
        lambda item: {"deleteEmbeddedObject": {"objectId": item["chartId"]}},
    ),
    "addDimensionGroup": (
        {"range": {"dimension": "ROWS", "startIndex": 1, "endIndex": 3}},
        "rowGroups",
        lambda item: {"deleteDimensionGroup": {"range": item["range"]}},
    ),
    "mergeCells": ({"range": AREA}, "merges", lambda item: {"unmergeCells": {"range": item}}),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_is_added_is_shown_and_can_be_removed(sheet: Sheet, kind: str) -> None:
    """Rules, protections, views, bands, tables, charts, groups and merges come and go."""
    body, part, remove = OBJECTS[kind]
    assert "error" not in sheet.batch({kind: body})
    (item,) = sheet.ask("GET")["sheets"][0][part]
    assert "error" not in sheet.batch(remove(item))
    assert part not in sheet.ask("GET")["sheets"][0]


def test_formats_notes_and_validation_are_kept_and_cleared_by_mask(sheet: Sheet) -> None:
    """updateCells sets what its mask names and nothing else; clearing values leaves formats and notes."""
    rule = {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "x"}]}, "strict": True}
    cell = {
        "userEnteredValue": {"numberValue": 0.5},
        "userEnteredFormat": {"numberFormat": {"type": "PERCENT", "pattern": "0%"}, "textFormat": {"bold": True}},
        "note": "why",
        "dataValidation": rule,
    }
    start = {"sheetId": 0, "rowIndex": 1, "columnIndex": 1}
    fields = "userEnteredValue,userEnteredFormat.numberFormat,note,dataValidation"
    sheet.batch({"updateCells": {"start": start, "rows": [{"values": [cell]}], "fields": fields}})
    assert sheet.get("B2") == [["50%"]]
    sheet.ask("POST", "/values/B2:clear")
    found = sheet.ask("GET", ranges="B2", fields="sheets(data(rowData(values(note,userEnteredFormat,dataValidation))))")
    (values,) = found["sheets"][0]["data"][0]["rowData"]
    assert values["values"] == [
        {
            "note": "why",
            "userEnteredFormat": {"numberFormat": {"type": "PERCENT", "pattern": "0%"}},
            "dataValidation": rule,
        }
    ]


def test_copied_formulas_move_along_and_cut_ones_stay(sheet: Sheet) -> None:
    """copyPaste moves relative references, PASTE_VALUES takes results, cutPaste keeps the formula."""
    sheet.put("A1", [[1, "=A1+$A$1"], [2]], "USER_ENTERED")
    source = {"startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2}
    down = {"startRowIndex": 1, "endRowIndex": 2, "startColumnIndex": 1, "endColumnIndex": 2}
    right = {"startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 2, "endColumnIndex": 3}
    sheet.batch(
        {"copyPaste": {"source": source, "destination": down}},
        {"copyPaste": {"source": source, "destination": right, "pasteType": "PASTE_VALUES"}},
        {"cutPaste": {"source": source, "destination": {"rowIndex": 0, "columnIndex": 3}}},
    )
    query = {"valueRenderOption": "FORMULA"}
    assert sheet.get("A1:D2", **query) == [[1, "", 2, "=A1+$A$1"], [2, "=A2+$A$1"]]


def test_find_and_replace_counts(sheet: Sheet) -> None:
    """findReplace answers how much it changed."""
    sheet.put("A1", [["loss", "Loss of loss"], [1, "win"]])
    answer = sheet.batch({"findReplace": {"find": "loss", "replacement": "x", "allSheets": True}})
    assert answer["replies"][0]["findReplace"] == {
        "valuesChanged": 2,
        "rowsChanged": 1,
        "sheetsChanged": 1,
        "occurrencesChanged": 3,
    }
    assert sheet.get() == [["x", "x of x"], ["1", "win"]]


@pytest.mark.parametrize("follows", [False, True])
def test_row_metadata_follows_a_sort_only_if_the_reading_says_so(sheet: Sheet, follows: bool) -> None:
    """By default metadata stays where it was when people sort the rows."""
    sheet.google.races.metadata_follows_sort = follows
    sheet.put("A1", [["k"], [2], [1]])
    where = {"dimensionRange": {"dimension": "ROWS", "startIndex": 1, "endIndex": 2}}
    metadata = {"metadataId": 7, "metadataKey": "k", "location": where, "visibility": "DOCUMENT"}
    sheet.batch({"createDeveloperMetadata": {"developerMetadata": metadata}})
    sheet.google.teammate(sheet.key).sort("k")
    assert sheet.ask("GET", "/developerMetadata/7")["location"]["dimensionRange"]["startIndex"] == (2 if follows else 1)


def test_metadata_has_little_room(sheet: Sheet) -> None:
    """Keys and values of a tab's metadata are limited to 30,000 characters."""
    metadata = {"metadataKey": "k", "metadataValue": "x" * 30_000, "location": {"sheetId": 0}, "visibility": "DOCUMENT"}
    assert "30000" in message(sheet.batch({"createDeveloperMetadata": {"developerMetadata": metadata}}))


def test_an_id_of_a_named_range_is_given_once(sheet: Sheet) -> None:
    """The reference: it is an error to add a range with an id that exists already; once removed, the id is free."""
    area = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}

    def add(name: str) -> Any:
        return sheet.batch({"addNamedRange": {"namedRange": {"namedRangeId": "turn", "name": name, "range": area}}})

    assert "error" not in add("first")
    assert "it exists already" in message(add("second"))
    assert "error" not in sheet.batch({"deleteNamedRange": {"namedRangeId": "turn"}})
    assert "error" not in add("second")
