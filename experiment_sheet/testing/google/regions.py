"""The "tables" that ``values.append`` finds.

A table is a rectangle around cells that hold something and touch, corners included; rectangles that touch are one.
The input range picks the last table that it meets. Where it meets none, values go to the range's first
cell (https://developers.google.com/workspace/sheets/api/guides/values#append_values, with its examples). Blank cells
therefore split what people take for one table.
"""

from __future__ import annotations

from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.tab import Tab


def last_table(tab: Tab, within: Area) -> Area | None:
    """The last table that an area meets: lowest, then rightmost, by its first cell."""
    met = [table for table in tables(tab) if table.meets(within)]
    return max(met, key=lambda table: (table.top, table.left), default=None)


def tables(tab: Tab) -> list[Area]:
    """Every table of a tab."""
    found: list[Area] = []
    growing: list[Area] = []
    for row in range(len(tab.rows)):
        done = [area for area in growing if area.bottom < row]
        found += done
        growing = _joined([area for area in growing if area.bottom >= row] + _runs(tab, row))
    return _settled(found + growing)


def _runs(tab: Tab, row: int) -> list[Area]:
    """Rectangles of neighbouring filled cells of one row."""
    runs: list[Area] = []
    for column in sorted(c for c, cell in tab.rows[row].items() if cell.get("userEnteredValue")):
        if runs and runs[-1].right == column:
            runs[-1] = Area(row, runs[-1].left, row + 1, column + 1)
        else:
            runs.append(Area(row, column, row + 1, column + 1))
    return runs


def _joined(areas: list[Area]) -> list[Area]:
    """Join rectangles that touch until none do."""
    result: list[Area] = []
    for area in areas:
        current = area
        while touching := [other for other in result if _touch(other, current)]:
            for other in touching:
                result.remove(other)
                current = _around(current, other)
        result.append(current)
    return result


def _settled(areas: list[Area]) -> list[Area]:
    joined = _joined(areas)
    return joined if len(joined) == len(areas) else _settled(joined)


def _touch(one: Area, other: Area) -> bool:
    return one.top <= other.bottom and other.top <= one.bottom and one.left <= other.right and other.left <= one.right


def _around(one: Area, other: Area) -> Area:
    return Area(
        min(one.top, other.top),
        min(one.left, other.left),
        max(one.bottom, other.bottom),
        max(one.right, other.right),
    )
