"""Several sheets for one run: ``init(["runs.xlsx", "https://docs.google.com/…"])``.

The first has journal and run folders, and may be a file; the others are far away, so that they can have writers that
know nothing of each other's locks. The journal of the first feeds them (`feeds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from experiment_sheet import feeds, notices
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.registry import backend_of
from experiment_sheet.columns import Column, RunId
from experiment_sheet.errors import UsageError
from experiment_sheet.events import Event, Kind
from experiment_sheet.ledger import Ledger
from experiment_sheet.ledgers import ledger_of
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import Cell


class Fed(Sheet):
    """A sheet that the journal of another one feeds."""

    def __init__(self, target: Target, feeder: Target, *, template: Look | None = None) -> None:
        self._feeder, self._template = feeder, template
        super().__init__(target, template=template)

    @property
    def _ledger(self) -> Ledger:
        return ledger_of(self.target, look=self._template or DEFAULT, feeder=self._feeder)


class Several(Sheet):
    """Sheets whose runs have a row in each. What else is asked of them concerns the first."""

    def __init__(self, targets: Sequence[Target], *, template: Look | None = None) -> None:
        first, *others = targets
        super().__init__(first, template=template)
        self._others = [Fed(target, first, template=template) for target in others]
        self._unheard: dict[tuple[Target, RunId], Mapping[Column, Cell]] = {}  # what a sheet has yet to hear of a run

    def record(
        self, run_id: RunId, cells: Mapping[Column, Cell], *, kind: Kind, drawn: bool = False, wait: float | None = None
    ) -> None:
        """As `Sheet.record`, for all of them. What goes into one journal is one write."""
        homes: list[Ledger] = []
        writes: dict[int, tuple[Ledger, list[Event]]] = {}
        for sheet in (self, *self._others):
            whole = {**self._unheard.pop((sheet.target, run_id), {}), **cells}
            home, event = sheet.news(run_id, whole, kind=kind, drawn=drawn)
            home.claim()
            writes.setdefault(id(home.journal), (home, []))[1].append(event)
            homes.append(home)
        durable = kind != "change"
        for home, events in writes.values():
            home.tell(home.post(events, wait=wait, durable=durable), home.target.path)
        for home in homes:
            if home is not writes[id(home.journal)][0]:
                home.follow(wait=wait, durable=durable)

    def resume(self, run_id: RunId) -> Mapping[Column, Cell] | None:
        """As `Sheet.resume`. A sheet that hasn't heard of the run is told all of it with the next event."""
        known = {self.target: super().resume(run_id)} | {sheet.target: sheet.resume(run_id) for sheet in self._others}
        told = [cells for cells in known.values() if cells is not None]
        whole = {column: cell for cells in reversed(told) for column, cell in cells.items()}
        self._unheard |= {(target, run_id): whole for target, cells in known.items() if cells is None}
        return whole if told else None

    def refresh(self) -> None:
        """As `Sheet.refresh`, for all of them."""
        super().refresh()
        for other in self._others:
            other.refresh()

    def arrive(self) -> None:
        """As `Sheet.arrive`, for all of them."""
        super().arrive()
        for other in self._others:
            other.arrive()

    def again(self, template: Look | None = None) -> Sheet:
        """As `Sheet.again`."""
        return Several([self.target, *(other.target for other in self._others)], template=template)


def several(sheets: Iterable[Sheet], call: str, template: Look | None) -> Sheet:
    """Put sheets together, a file first. Raises UsageError where none is given, or two of this machine."""
    targets = dict.fromkeys(sheet.target for sheet in sheets)
    if not targets:
        raise UsageError(f'{call} takes a sheet or some: {call}(["runs.xlsx", "https://docs.google.com/..."])')
    first, *others = sorted(targets, key=lambda target: backend_of(target).remote)
    if near := [target.path for target in others if not backend_of(target).remote]:
        raise UsageError(
            f"of several sheets one may lie on this machine, the others are Google's; {near[0]} is a second one."
            f" `experiment-sheet copy` brings runs from one file to another"
        )
    for target in others:
        try:
            feeds.note(first, target)
        except OSError as error:
            notices.say("note", target.path, f"`sync` of {target.path} alone won't know of {first.path}: {error}")
    return Several([first, *others], template=template) if others else Sheet(first, template=template)
