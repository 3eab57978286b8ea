"""Rules that show which results are good: a colour scale, and the best in bold (ECMA-376 Part 1, 18.3.1.18).

The scale's worst end is the 95th percentile of the bad side, so that one run that went astray doesn't take the colour
from all others. In a new workbook openpyxl writes the rules; for a column that comes later they are added as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from experiment_sheet.columns import Column
from experiment_sheet.look import Look

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_Kind = Literal["percentile", "max", "min"]
_Stop = tuple[_Kind, int | None, str]  # type and value of a threshold, colour
_STOPS: Final = (2, 3)  # colours that a scale can have


def add_rules(sheet: Worksheet, look: Look, column: Column, below: str) -> None:
    """Add the rules of a column to a new workbook's tab; none where neither way is better."""
    from openpyxl.formatting.rule import ColorScale, FormatObject, Rule
    from openpyxl.styles import Color, Font
    from openpyxl.styles.differential import DifferentialStyle

    stops = _stops(look, column)
    if stops:
        points = [FormatObject(kind, value) for kind, value, _ in stops]
        scale = ColorScale(points, [Color(f"FF{color}") for _, _, color in stops])
        sheet.conditional_formatting.add(below, Rule("colorScale", colorScale=scale))
    if look.bold_best and (goal := look.goal(column)):
        bold = DifferentialStyle(font=Font(b=True))
        sheet.conditional_formatting.add(below, Rule("top10", rank=1, bottom=goal == "min" or None, dxf=bold))


def rules_text(look: Look, column: Column, below: str, *, priority: int, bold: int | None, prefix: bytes) -> bytes:
    """Element that holds a column's rules, of which there are at most two; nothing where neither way is better.

    `priority`: of the first; `bold`: index of the style of the best.
    """
    goal, stops = look.goal(column), _stops(look, column)
    rules = b""
    if stops:
        rules += b'<{p}cfRule type="colorScale" priority="%d"><{p}colorScale>%b</{p}colorScale></{p}cfRule>' % (
            priority,
            _scale(stops),
        )
    if look.bold_best and goal and bold is not None:
        bottom = b' bottom="1"' if goal == "min" else b""
        rules += b'<{p}cfRule type="top10" dxfId="%d" priority="%d"%b rank="1"/>' % (bold, priority + 1, bottom)
    if not rules:
        return b""
    whole = b'<{p}conditionalFormatting sqref="%b">%b</{p}conditionalFormatting>' % (below.encode(), rules)
    return whole.replace(b"{p}", prefix)


def _scale(stops: Sequence[_Stop]) -> bytes:
    values = (b"" if value is None else b' val="%d"' % value for _, value, _ in stops)
    points = (b'<{p}cfvo type="%b"%b/>' % (stop[0].encode(), value) for stop, value in zip(stops, values, strict=True))
    colors = (b'<{p}color rgb="FF%b"/>' % color.encode() for _, _, color in stops)
    return b"".join([*points, *colors])


def _stops(look: Look, column: Column) -> list[_Stop]:
    """Thresholds from the lowest value to the highest."""
    colors, goal = look.scale_of(column), look.goal(column)
    if goal is None or len(colors) not in _STOPS:
        return []
    return _rising(colors) if goal == "max" else _falling(colors)


def _rising(colors: Sequence[str]) -> list[_Stop]:
    middle: list[_Stop] = [("percentile", 50, colors[1])] if len(colors) > _STOPS[0] else []
    return [("percentile", 5, colors[0]), *middle, ("max", None, colors[-1])]


def _falling(colors: Sequence[str]) -> list[_Stop]:
    best_first = colors[::-1]
    middle: list[_Stop] = [("percentile", 50, best_first[1])] if len(colors) > _STOPS[0] else []
    return [("min", None, best_first[0]), *middle, ("percentile", 95, best_first[-1])]
