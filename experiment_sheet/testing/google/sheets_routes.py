"""The methods of Sheets v4.

A route that is a generator decides before its ``yield`` where to write, and writes after it; others may
come in between (`races.Races`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from experiment_sheet.testing.google import lookups, masks, requests, values, view
from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.call import Call
from experiment_sheet.testing.google.reading import option
from experiment_sheet.testing.google.refusal import JSON, Refused, bad_field, invalid
from experiment_sheet.testing.google.requests.edit import Arrival, Edit, plain
from experiment_sheet.testing.google.requests.tabs import copied, copy_title
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

T = TypeVar("T")

INSERT: Final = ("OVERWRITE", "INSERT_ROWS")
_TOP: Final = frozenset(
    {"spreadsheetId", "properties", "sheets", "namedRanges", "spreadsheetUrl", "developerMetadata"}
    | {"dataSources", "dataSourceSchedules", "*"}
)


def create(call: Call) -> JSON:
    """``spreadsheets.create``."""
    body = call.json()
    file = call.world.drive.add(body.get("properties", {}).get("title") or "Untitled spreadsheet", call.user)
    book = file.book
    assert book is not None
    book.properties |= plain({key: body.get("properties", {}).get(key) for key in ("locale", "timeZone", "autoRecalc")})
    if body.get("sheets"):
        book.tabs = []
        edit = Edit(book, call.user, call.world.races, Arrival.now(book))
        sheets = [{"addSheet": {"properties": sheet.get("properties", {})}} for sheet in body["sheets"]]
        requests.apply(edit, sheets)
    return view.spreadsheet(book, call.user)


def get(call: Call) -> JSON:
    """``spreadsheets.get``."""
    _, book = call.book()
    mask = _book_mask(call)
    areas = _areas([book.resolve(text) for text in call.many("ranges")])
    return view.spreadsheet(book, call.user, grid=values.truth(call.one("includeGridData")), areas=areas, mask=mask)


def _mask(call: Call) -> masks.Mask | None:
    fields = call.one("fields") or call.one("$fields")
    return masks.parse(fields) if fields else None


def _book_mask(call: Call) -> masks.Mask | None:
    mask = _mask(call)
    if unknown := next(iter((mask or {}).keys() - _TOP), None):
        text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{unknown}'."
        raise Refused(400, "Request contains an invalid argument.", details=bad_field(unknown, text).details)
    return mask


def _areas(found: list[tuple[Tab, Area]]) -> view.Areas | None:
    areas: view.Areas = {}
    for tab, area in found:
        areas.setdefault(tab.sheet_id, []).append(area)
    return areas or None


def get_by_filter(call: Call) -> JSON:
    """``spreadsheets.getByDataFilter``."""
    _, book = call.book()
    body = call.json()
    found = [place for one in body.get("dataFilters", []) for place in lookups.places(book, one)]
    mask = _book_mask(call)
    return view.spreadsheet(book, call.user, grid=bool(body.get("includeGridData")), areas=_areas(found), mask=mask)


def batch_update(call: Call) -> Iterator[JSON | None]:
    """``spreadsheets.batchUpdate``."""
    _, book = call.book("writer")
    body = call.json()
    arrival = Arrival.now(book)
    if _racy(body.get("requests")):
        yield None
    file, book = call.book("writer")
    edit = Edit(book, call.user, call.world.races, arrival)
    replies = requests.apply(edit, body.get("requests"))
    file.name = book.title
    call.world.drive.touch(file)
    answer: JSON = {"spreadsheetId": book.key, "replies": view.outgoing(replies)}
    mask = _mask(call)
    if body.get("includeSpreadsheetInResponse") and masks.wants(mask, "updatedSpreadsheet"):
        found = _areas([book.resolve(text) for text in body.get("responseRanges") or []])
        grid = bool(body.get("responseIncludeGridData"))
        below = mask.get("updatedSpreadsheet") if mask and grid else None
        answer["updatedSpreadsheet"] = view.spreadsheet(book, call.user, grid=grid, areas=found, mask=below or None)
    yield copy.deepcopy(masks.select(answer, mask) if mask else answer)


def _racy(sent: Any) -> bool:
    kinds = {"appendCells", "insertDimension"}
    return isinstance(sent, list) and any(isinstance(one, dict) and one.keys() & kinds for one in sent)


def copy_to(call: Call) -> JSON:
    """``spreadsheets.sheets.copyTo``."""
    _, book = call.book()
    source = book.tab(int(call.parts["sheet"]), what="sheet")
    body = call.json()
    file, target = call.world.drive.book(body.get("destinationSpreadsheetId", ""), call.user, "writer")
    tab = copied(target, source, copy_title(target, source.title))
    target.tabs.append(tab)
    target.renumber()
    target.check_size()
    call.world.drive.touch(file)
    return copy.deepcopy(tab.properties)


def values_get(call: Call) -> JSON:
    """``values.get``."""
    _, book = call.book()
    return values.read(book, *book.resolve(call.parts["range"]), call.one)


def values_batch_get(call: Call) -> JSON:
    """``values.batchGet``."""
    _, book = call.book()
    return values.batch_read(book, call.many("ranges"), call.one)


def values_batch_get_by_filter(call: Call) -> JSON:
    """``values.batchGetByDataFilter``."""
    _, book = call.book()
    body = call.json()
    found = []
    for one in body.get("dataFilters", []):
        for tab, area in lookups.places(book, one):
            found.append({"valueRange": values.read(book, tab, area, body.get), "dataFilters": [one]})
    return {"spreadsheetId": book.key} | ({"valueRanges": found} if found else {})


def values_update(call: Call) -> JSON:
    """``values.update``."""
    body = call.json()
    lines = values.lines_of(body)
    file, book = call.book("writer")
    how = _how(call)
    answer = _atomic(book, lambda: values.update(book, call.parts["range"], lines, how))
    call.world.drive.touch(file)
    return answer


def _how(call: Call) -> values.Writing:
    show = values.truth(call.one("includeValuesInResponse"))
    return values.Writing.of(call.user, call.one("valueInputOption"), show=show, query=call.one)


def _atomic(book: Spreadsheet, change: Callable[[], T]) -> T:
    """Do something to a spreadsheet, or nothing if it is refused."""
    saved = book.snapshot()
    try:
        return change()
    except BaseException:
        book.restore(saved)
        raise


def values_append(call: Call) -> Iterator[JSON | None]:
    """``values.append``."""
    body = call.json()
    lines, how = values.lines_of(body), _how(call)
    insert = option(call.one("insertDataOption"), "insert_data_option", INSERT) != INSERT[0]
    _, book = call.book("writer")
    where = values.place(book, call.parts["range"])
    yield None
    file, book = call.book("writer")
    if not call.world.races.appends_overlap:
        where = values.place(book, call.parts["range"])
    answer = _atomic(book, lambda: values.append(book, where, lines, how, insert=insert))
    call.world.drive.touch(file)
    yield answer


def values_clear(call: Call) -> JSON:
    """``values.clear``."""
    file, book = call.book("writer")
    cleared = values.clear(book, *book.resolve(call.parts["range"]), call.user)
    call.world.drive.touch(file)
    return {"spreadsheetId": book.key, "clearedRange": cleared}


def values_batch_clear(call: Call) -> JSON:
    """``values.batchClear``."""
    _, book = call.book("writer")
    found = [book.resolve(text) for text in call.json().get("ranges", [])]
    return _cleared(call, book, found)


def values_batch_clear_by_filter(call: Call) -> JSON:
    """``values.batchClearByDataFilter``."""
    _, book = call.book("writer")
    return _cleared(
        call, book, [place for one in call.json().get("dataFilters", []) for place in lookups.places(book, one)]
    )


def _cleared(call: Call, book: Spreadsheet, found: list[tuple[Tab, Area]]) -> JSON:
    cleared = _atomic(book, lambda: [values.clear(book, tab, area, call.user) for tab, area in found])
    call.world.drive.touch(call.book()[0])
    return {"spreadsheetId": book.key} | ({"clearedRanges": cleared} if cleared else {})


def values_batch_update(call: Call) -> JSON:
    """``values.batchUpdate``."""
    body = call.json()
    data = body.get("data") or []
    given = [(one, values.lines_of(one, f"data[{at}].values")) for at, one in enumerate(data)]
    _, book = call.book("writer")
    how = _body_how(call, body)

    def write() -> list[tuple[int, JSON]]:
        return [
            (book.resolve(one.get("range", ""))[0].sheet_id, values.update(book, one.get("range", ""), lines, how))
            for one, lines in given
        ]

    return _totals(call, book, write)


def _body_how(call: Call, body: JSON) -> values.Writing:
    show = bool(body.get("includeValuesInResponse"))
    return values.Writing.of(call.user, body.get("valueInputOption"), show=show, query=body.get)


def _totals(call: Call, book: Spreadsheet, write: Callable[[], list[tuple[int, JSON]]]) -> JSON:
    answers = _atomic(book, write)
    call.world.drive.touch(call.book()[0])
    return values.totals(book, answers)


def values_batch_update_by_filter(call: Call) -> JSON:
    """``values.batchUpdateByDataFilter``."""
    body = call.json()
    data = body.get("data") or []
    given = [(one.get("dataFilter") or {}, values.lines_of(one, f"data[{at}].values")) for at, one in enumerate(data)]
    _, book = call.book("writer")
    how = _body_how(call, body)

    def write() -> list[tuple[int, JSON]]:
        answers = []
        for one, lines in given:
            for tab, area in lookups.places(book, one):
                height, width = len(lines), max((len(line) for line in lines), default=0)
                if height > area.height or width > area.width:
                    raise invalid("Requested writing outside of the range that the dataFilter selects.")
                target = Area(area.top, area.left, area.top + height, area.left + width)
                answer = values.write(book, tab, target, lines, how)
                del answer["spreadsheetId"]
                answers.append((tab.sheet_id, answer | {"dataFilter": one}))
        return answers

    return _totals(call, book, write)


def metadata_search(call: Call) -> JSON:
    """``developerMetadata.search``."""
    _, book = call.book()
    return lookups.search(book, call.json().get("dataFilters", []))


def metadata_get(call: Call) -> JSON:
    """``developerMetadata.get``."""
    _, book = call.book()
    for item in book.metadata:
        if item["metadataId"] == int(call.parts["metadata"]):
            return item
    raise Refused(404)
