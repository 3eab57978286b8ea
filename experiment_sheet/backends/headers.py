"""Which column is which, for sheets that hold nothing but headers. Pure; the rules of names are in `columns`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from experiment_sheet.columns import Column, find, label


def stand(
    wanted: Iterable[Column], headers: Sequence[str], known: Mapping[str, Column]
) -> tuple[dict[Column, int], dict[str, Column]]:
    """Find where columns that a write names stand.

    Returns their places, and `known` with the headers that were adopted now: a header can be adopted once, so of
    two new namesakes the second gets a column of its own.
    """
    places: dict[Column, int] = {}
    learned = dict(known)
    for column in wanted:
        place = find(column, headers, learned)
        if place is None or place in places.values():
            continue
        places[column] = place
        if column.role != "people":
            learned[headers[place]] = column
    return places, learned


def labels(columns: Iterable[Column], headers: Iterable[str], known: Mapping[str, Column]) -> dict[str, Column]:
    """Give new columns their headers, in order. One that is known, though gone now, is given to no other column."""
    taken = list(headers)
    given: dict[str, Column] = {}
    for column in columns:
        others = [header for header, owner in known.items() if owner != column]
        header = label(column, [*taken, *others])
        taken.append(header)
        given[header] = column
    return given


def owned(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Leave out people's columns, which are known by nothing but their header."""
    return {header: column for header, column in columns.items() if column.role != "people"}
