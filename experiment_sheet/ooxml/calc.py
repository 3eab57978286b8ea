"""The calculation chain: the list of cells that hold a formula (ECMA-376 Part 1, 18.6).

A listed cell without a formula makes Excel offer a repair; a formula that isn't listed does no harm. So it changes
only where a formula moved or went.
"""

from __future__ import annotations

from collections.abc import Mapping

from experiment_sheet.ooxml.xml import Edit, apply, parse


def rechained(data: bytes, what: str, sheet_id: int, moved: Mapping[str, str | None]) -> bytes | None:
    """Chain with these cells of a sheet moved (old → new reference) or, where None, taken out.

    Returns None where nothing would be left: an empty chain is not allowed.
    """
    document = parse(data, what)
    edits: list[Edit] = []
    current, pending, left = 0, None, 0
    for node in document.root.all("c"):
        given = node.attrs.get("i")
        current = document.integer(node, "i", current)
        new = moved.get(node.attrs.get("r", ""), "") if current == sheet_id else ""
        if new is None:
            edits.append((node.start, node.end, b""))
            pending = given or pending  # the next one may lean on this one's sheet
            continue
        left += 1
        changes = {"r": new} if new else {}
        if pending and not given:
            changes["i"] = pending
        pending = None
        if changes:
            edits.append(document.set(node, **changes))
    return apply(data, edits) if left else None
