"""Requests about groups of rows or columns, which people fold."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.dimensions import dimension_range
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed, plain
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS
from experiment_sheet.testing.google.tab import Tab

DEEPEST: Final = 8
"""Levels of groups (reference of AddDimensionGroupRequest)."""

_PARTS: Final = {ROWS: "rowGroups", COLUMNS: "columnGroups"}
_CONTROLS: Final = {ROWS: "rowGroupControlAfter", COLUMNS: "columnGroupControlAfter"}


def _depths(tab: Tab, dimension: str) -> dict[int, int]:
    """Row or column → how many groups it is in."""
    depths: dict[int, int] = {}
    for group in tab.parts.get(_PARTS[dimension], ()):
        for at in range(group["range"]["startIndex"], group["range"]["endIndex"]):
            depths[at] = max(depths.get(at, 0), group["depth"])
    return depths


def _regroup(tab: Tab, dimension: str, depths: dict[int, int]) -> list[JSON]:
    """Set the groups that give each row or column its depth."""
    folded = {_key(group) for group in tab.parts.get(_PARTS[dimension], ()) if group.get("collapsed")}
    groups = []
    for depth in range(1, max(depths.values(), default=0) + 1):
        inside = sorted(at for at, deep in depths.items() if deep >= depth)
        for _, run in groupby(enumerate(inside), key=lambda pair: pair[1] - pair[0]):
            span = [at for _, at in run]
            where = {"sheetId": tab.sheet_id, "dimension": dimension, "startIndex": span[0], "endIndex": span[-1] + 1}
            group: JSON = {"range": where, "depth": depth}
            groups.append(group | ({"collapsed": True} if _key(group) in folded else {}))
    tab.parts[_PARTS[dimension]] = groups
    return groups


def _key(group: JSON) -> tuple[int, int, int]:
    return group["range"]["startIndex"], group["range"]["endIndex"], group["depth"]


def add_dimension_group(edit: Edit, body: JSON) -> JSON:
    """Group rows or columns, one level deeper than they are."""
    tab, dimension, start, end = dimension_range(edit, needed(body, "range"))
    depths = _depths(tab, dimension)
    depths |= {at: depths.get(at, 0) + 1 for at in range(start, end)}
    if max(depths.values()) > DEEPEST:
        raise invalid(f"Groups can't be nested deeper than {DEEPEST} levels.")
    tab.grid[_CONTROLS[dimension]] = True
    return {"dimensionGroups": _regroup(tab, dimension, depths)}


def delete_dimension_group(edit: Edit, body: JSON) -> JSON:
    """Take rows or columns out of their innermost group."""
    tab, dimension, start, end = dimension_range(edit, needed(body, "range"))
    depths = _depths(tab, dimension)
    if not any(depths.get(at) for at in range(start, end)):
        raise invalid("There are no groups to delete in the range.")
    depths |= {at: max(0, depths.get(at, 0) - 1) for at in range(start, end)}
    groups = _regroup(tab, dimension, depths)
    return {"dimensionGroups": groups} if groups else {}


def update_dimension_group(edit: Edit, body: JSON) -> JSON:
    """Fold or unfold a group; its rows or columns hide or show with it."""
    mask = masks.required(body)
    asked = plain(needed(body, "dimensionGroup"))
    tab, dimension, start, end = dimension_range(edit, asked.get("range"))
    for group in tab.parts.get(_PARTS[dimension], ()):
        if _key(group) == (start, end, asked.get("depth", 0)):
            collapsed = bool(asked.get("collapsed")) if masks.wants(mask, "collapsed") else group.get("collapsed")
            group.pop("collapsed", None)
            group |= {"collapsed": True} if collapsed else {}
            _hide(tab, dimension, range(start, end), hidden=bool(collapsed))
            return {}
    raise invalid("There is no group with that range and depth.")


def _hide(tab: Tab, dimension: str, span: range, *, hidden: bool) -> None:
    for at in span:
        size = {key: value for key, value in tab.size(dimension, at).items() if key != "hiddenByUser"}
        tab.sizes[dimension][at] = size | ({"hiddenByUser": True} if hidden else {})


KINDS: Final[dict[str, Handler]] = {
    "addDimensionGroup": add_dimension_group,
    "deleteDimensionGroup": delete_dimension_group,
    "updateDimensionGroup": update_dimension_group,
}
