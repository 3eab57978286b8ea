"""What the service's documentation leaves open, and how the emulator reads it.

Every switch is by default the reading that is hardest on a client. Code that keeps all rows here needs no luck there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Races:
    """Switches; each may be changed at any time."""

    window: float = 0.003
    """Seconds between deciding where something goes and writing it there, in which others get in between."""

    appends_overlap: bool = True
    """Two ``values.append`` at once may choose the same place and the later overwrites the earlier (OVERWRITE), as
    40 parallel appends that left 3 rows (theoephraim/node-google-spreadsheet#294)."""

    append_cells_overlap: bool = True
    """The same for ``appendCells``, whose behaviour in a race nobody documents."""

    inserts_drift: bool = True
    """When somebody inserts rows between arrival and application of a batch, its own ``insertDimension`` moves along
    ("changes may be altered with respect to collaborator changes") but its other requests don't, so that it
    writes into a neighbour's row."""

    metadata_ids_unique: bool = False
    """Whether ``createDeveloperMetadata`` refuses a metadataId that exists already, so that a batch sent twice is
    applied once. The reference says "spreadsheet-scoped unique", not what a second creation does."""

    metadata_follows_sort: bool = False
    """Whether developer metadata of a row goes with the row when people sort."""

    @classmethod
    def none(cls) -> Races:
        """The reading that is kindest to a client: nothing races."""
        return cls(
            window=0.0,
            appends_overlap=False,
            append_cells_overlap=False,
            inserts_drift=False,
            metadata_ids_unique=True,
            metadata_follows_sort=True,
        )
