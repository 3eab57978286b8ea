"""The overview, and the colours of results, as requests. Pure.

The same plan as in an .xlsx, said in Google's words: arrays by ``ARRAYFORMULA``, cells of the runs by ``OFFSET`` (a
reference to a column that the grid hasn't is an error there), links to rows by the tab's id. Slots are plain references
to headers, which Sheets keeps right when columns are moved; `of_slots` fills those of columns that come later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from experiment_sheet.columns import Column
from experiment_sheet.look import Look
from experiment_sheet.overview import plan
from experiment_sheet.overview.choice import goals_of, groups_of
from experiment_sheet.overview.draft import FIRST
from experiment_sheet.overview.model import CHOICES, METRICS, Chart, Pick, Plan, Runs, Spot, Style, letters

JSON = dict[str, Any]

_PIXELS: Final = 7.3  # of a character of the default font, Arial 10
_CELL_FIELDS: Final = "userEnteredValue,userEnteredFormat"
_SLOT_COLUMNS: Final = {"goal": 14, "way": 15, "by": 20}
_WITH_MIDDLE: Final = 3  # colours of a scale
_MARGIN: Final = 20  # rows of the grid below the last that is used


def of_results(sheet_id: int, header: int, places: Mapping[int, Column], look: Look) -> Iterator[JSON]:
    """Colour scales and the best in bold, of new columns: index → column."""
    for at, column in places.items():
        goal, colors = look.goal(column), look.scale_of(column)
        below = {"sheetId": sheet_id, "startRowIndex": header + 1, "startColumnIndex": at, "endColumnIndex": at + 1}
        if goal and look.bold_best:
            first, whole = f"{letters(at + 1)}{header + 2}", f"{letters(at + 1)}${header + 2}:{letters(at + 1)}"
            formula = f"=AND(ISNUMBER({first}),{first}={goal.upper()}({whole}))"
            condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": formula}]}
            boolean = {"condition": condition, "format": {"textFormat": {"bold": True}}}
            yield {"addConditionalFormatRule": {"rule": {"ranges": [below], "booleanRule": boolean}, "index": 0}}
        if goal and len(colors) > 1:
            gradient = _gradient(colors if goal == "max" else colors[::-1], rising=goal == "max")
            yield {"addConditionalFormatRule": {"rule": {"ranges": [below], "gradientRule": gradient}, "index": 0}}


def _gradient(colors: Sequence[str], *, rising: bool) -> JSON:
    """Colours from the lowest value to the highest; the bad end is a percentile, so that no stray run takes all."""
    low = {"type": "PERCENTILE", "value": "5"} if rising else {"type": "MIN"}
    high = {"type": "MAX"} if rising else {"type": "PERCENTILE", "value": "95"}
    middle = {"type": "PERCENTILE", "value": "50", "colorStyle": _rgb(colors[1])}
    found: JSON = {"minpoint": {**low, "colorStyle": _rgb(colors[0])}}
    found |= {"midpoint": middle} if len(colors) == _WITH_MIDDLE else {}
    return found | {"maxpoint": {**high, "colorStyle": _rgb(colors[-1])}}


def of_overview(
    overview_id: int, runs: tuple[int, str], columns: Sequence[Column], look: Look, texts: Collection[Column] = ()
) -> list[JSON]:
    """Requests that make the overview's tab; none where the look has none, or a column of the run's own is missing.

    `runs`: id and title of the tab of runs; `columns`: those it has by then, from A on; `texts`: those that hold text.
    """
    runs_id, title = runs
    tab = "'{}'".format(title.replace("'", "''"))
    own = {column.key: letters(at) for at, column in enumerate(columns, 1) if column.role == "run"}
    if look.overview is None or not {"run", "run_id", "status", "started", "duration", "plots"} <= own.keys():
        return []
    held = _slots(look, columns, {column: at for at, column in enumerate(columns)}, tab, texts)
    link = _link(runs_id)
    where = Runs(tab, own, by_offset=True, slot=lambda kind, number: held.get((kind, number), '""'), link=link)
    made = plan(look, look.overview, where)
    return [
        *_tab(overview_id, made),
        *_cells(overview_id, made.spots),
        *_picks(overview_id, made),
        *_chart(overview_id, made),
    ]


def of_slots(
    overview_id: int,
    title: str,
    old: Sequence[Column],
    new: Mapping[int, Column],
    look: Look,
    texts: Collection[Column] = (),
) -> Iterator[JSON]:
    """Requests that tell the overview of new columns: index → column; `old`: those that were there before."""
    tab = "'{}'".format(title.replace("'", "''"))
    taken = {"goal": len(goals_of(look, old)), "by": len(groups_of(look, old, ()))}
    at = {column: index for index, column in new.items()}
    for (kind, number), text in _slots(look, list(at), at, tab, texts).items():
        place = number + taken["by" if kind == "by" else "goal"]
        if place <= (CHOICES if kind == "by" else METRICS):
            yield _set(overview_id, FIRST + place - 1, _SLOT_COLUMNS[kind], [_value(f'=IFERROR({text}&"","")')])


def _slots(
    look: Look, columns: Sequence[Column], at: Mapping[Column, int], tab: str, texts: Collection[Column]
) -> dict[tuple[str, int], str]:
    """Expression of each slot that columns take, counted from 1."""
    found: dict[tuple[str, int], str] = {}
    for number, column in enumerate(goals_of(look, columns)[:METRICS], 1):
        found["goal", number] = f"{tab}!${letters(at[column] + 1)}$1"
        found["way", number] = f'"{look.goal(column)}"'
    for number, column in enumerate(groups_of(look, columns, texts)[:CHOICES], 1):
        found["by", number] = f"{tab}!${letters(at[column] + 1)}$1"
    return found


def _link(runs_id: int) -> Any:
    return lambda row, text: f'HYPERLINK("#gid={runs_id}&range=A"&{row},{text})'


def _tab(overview_id: int, made: Plan) -> Iterator[JSON]:
    rows = max(spot.row for spot in made.spots) + _MARGIN
    grid = {"rowCount": rows, "columnCount": made.hidden[1], "hideGridlines": True}
    yield {"addSheet": {"properties": {"sheetId": overview_id, "title": made.tab, "gridProperties": grid}}}
    for number, width in enumerate(made.widths):
        properties = {"pixelSize": round(width * _PIXELS)}
        yield _dimension(overview_id, number, number + 1, properties, "pixelSize")
    yield _dimension(overview_id, made.hidden[0] - 1, made.hidden[1], {"hiddenByUser": True}, "hiddenByUser")


def _dimension(sheet_id: int, start: int, end: int, properties: JSON, fields: str) -> JSON:
    where = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": start, "endIndex": end}
    return {"updateDimensionProperties": {"range": where, "properties": properties, "fields": fields}}


def _cells(sheet_id: int, spots: Iterable[Spot]) -> Iterator[JSON]:
    """One request for each row: cells that aren't planned stay blank."""
    rows: dict[int, dict[int, Spot]] = {}
    for spot in spots:
        rows.setdefault(spot.row, {})[spot.column] = spot
    for number, row in sorted(rows.items()):
        first, last = min(row), max(row)
        values = [_cell(row[at]) if at in row else {} for at in range(first, last + 1)]
        yield _set(sheet_id, number, first, values)


def _set(sheet_id: int, row: int, column: int, values: list[JSON]) -> JSON:
    start = {"sheetId": sheet_id, "rowIndex": row - 1, "columnIndex": column - 1}
    fields = _CELL_FIELDS if any("userEnteredFormat" in value for value in values) else "userEnteredValue"
    return {"updateCells": {"start": start, "rows": [{"values": values}], "fields": fields}}


def _cell(spot: Spot) -> JSON:
    text = spot.text.replace("_xlfn.", "")
    return _value(f"=ARRAYFORMULA({text[1:]})" if spot.array else text) | {"userEnteredFormat": _format(spot.style)}


def _value(text: str) -> JSON:
    return {"userEnteredValue": {"formulaValue" if text.startswith("=") else "stringValue": text}}


def _format(style: Style) -> JSON:
    text: JSON = {"fontSize": style.size - 1, "foregroundColorStyle": _rgb(style.color), "bold": style.bold}
    form: JSON = {"textFormat": text, "horizontalAlignment": "RIGHT" if style.right else "LEFT"}
    if style.indent:
        form["padding"] = {"left": 8}
    if style.fill:
        form["backgroundColorStyle"] = _rgb(style.fill)
    if style.line:
        form["borders"] = {"bottom": {"style": "SOLID", "colorStyle": _rgb(style.line)}}
    if style.number_format:
        kind = "DATE" if "yy" in style.number_format else "NUMBER"
        form["numberFormat"] = {"type": kind, "pattern": style.number_format}
    return form


def _picks(sheet_id: int, made: Plan) -> Iterator[JSON]:
    for pick in made.picks:
        where = _range(sheet_id, (pick.row, pick.row), (pick.column, pick.column))
        rule = {"condition": _choices(pick), "strict": False, "showCustomUi": True}
        yield {"setDataValidation": {"range": where, "rule": rule | ({"inputMessage": pick.help} if pick.help else {})}}


def _choices(pick: Pick) -> JSON:
    if pick.words:
        return {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": word} for word in pick.words]}
    at = letters(pick.among)
    whole = f"=${at}${pick.rows[0]}:${at}${pick.rows[1]}"
    return {"type": "ONE_OF_RANGE", "values": [{"userEnteredValue": whole}]}


def _range(sheet_id: int, rows: tuple[int, int], columns: tuple[int, int]) -> JSON:
    """GridRange of rows and columns that count from 1 and belong to it."""
    across = {"startColumnIndex": columns[0] - 1, "endColumnIndex": columns[1]}
    return {"sheetId": sheet_id, "startRowIndex": rows[0] - 1, "endRowIndex": rows[1], **across}


def _chart(sheet_id: int, made: Plan) -> Iterator[JSON]:
    if made.chart is not None:
        spec = {"hiddenDimensionStrategy": "SHOW_ALL", "basicChart": _drawing(sheet_id, made.chart)}
        left, top = made.chart.columns_shown[0] - 1, made.chart.rows_shown[0] - 1
        corner = {"sheetId": sheet_id, "rowIndex": top, "columnIndex": left}
        width = round(sum(made.widths[left : made.chart.columns_shown[1]]) * _PIXELS)
        height = (made.chart.rows_shown[1] - top) * 21  # pixels of a row
        place = {"overlayPosition": {"anchorCell": corner, "widthPixels": width, "heightPixels": height}}
        yield {"addChart": {"chart": {"spec": spec, "position": place}}}


def _drawing(sheet_id: int, chart: Chart) -> JSON:
    """Points alone: a line over repeated points needs an axis of numbers, which only this kind of chart has there."""
    rows = (chart.rows[0] - 1, chart.rows[1])  # with the series' names above

    def data(column: int) -> JSON:
        return {"sourceRange": {"sources": [_range(sheet_id, rows, (column, column))]}}

    series = [
        {"series": data(at), "targetAxis": "LEFT_AXIS", "colorStyle": _rgb(color), "pointStyle": {"size": size}}
        for at, color, size in ((chart.value, "93A3B8", 7), (chart.best, "15803D", 3))
    ]
    return {
        "chartType": "SCATTER",
        "legendPosition": "BOTTOM_LEGEND",
        "headerCount": 1,
        "domains": [{"domain": data(chart.x)}],
        "series": series,
    }


def _rgb(color: str) -> JSON:
    parts = (int(color[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return {"rgbColor": dict(zip(("red", "green", "blue"), (round(part, 4) for part in parts), strict=True))}
