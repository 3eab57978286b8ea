"""The ledgers of this process: one per target, and one more for each other target whose journal feeds it (`feeds`).

At exit waiting rows get a last chance, sheets that are far away all together, and events that no file took are printed
to stderr. A forked child lets go of its parent's journals.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from dataclasses import replace

from experiment_sheet import feeds
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.registry import backend_of
from experiment_sheet.files import files_of
from experiment_sheet.journal import Journal
from experiment_sheet.ledger import Ledger
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.status import pass_on

_ledgers: dict[tuple[Target, Target | None], Ledger] = {}
_lock = threading.Lock()


def ledger_of(target: Target, *, look: Look = DEFAULT, feeder: Target | None = None) -> Ledger:
    """The ledger of a target in this process, or the one of what another target's journal feeds it.

    The look counts only if the sheet is yet to be made.
    """
    source = None if feeder is None else ledger_of(feeder)
    whole = replace(target, tab=None)
    key = whole, None if source is None else source.target
    with _lock:
        ledger = _ledgers.get(key)
        if ledger is None:
            journal = Journal(files_of(whole)) if source is None else source.journal
            ledger = _ledgers[key] = _kind_of(whole)(whole, look, journal, source)
        elif look is not DEFAULT:  # somebody said it, later
            ledger.look = look
    return ledger


def ledgers_to(own: Ledger) -> list[Ledger]:
    """A ledger and the others of its target: its own, and those of journals that feed it, as far as this user noted."""
    if not own.is_far:
        return [own]
    others = [ledger_of(own.target), *(ledger_of(own.target, feeder=feeder) for feeder in feeds.feeders(own.target))]
    return [own, *(other for other in others if other is not own)]


def ledgers_from(ledger: Ledger) -> list[Ledger]:
    """The ledgers of what a ledger's journal feeds other targets, as far as this user has noted."""
    if ledger.feeder is not None:
        return []
    return [ledger_of(target, feeder=ledger.target) for target in feeds.fed_by(ledger.target)]


def _kind_of(target: Target) -> type[Ledger]:
    if not backend_of(target).remote:
        return Ledger
    from experiment_sheet.far import FarLedger  # with threads and pauses that a file needs nothing of

    return FarLedger


def _at_exit() -> None:
    ledgers = list(_ledgers.values())
    try:
        for ledger in ledgers:
            ledger.at_exit()
        if any(ledger.is_far for ledger in ledgers):
            from experiment_sheet import far

            far.arrive(ledgers, last=True)
    finally:
        for ledger in ledgers:
            if ledger.feeder is None:
                ledger.journal.print_unwritten()
        pass_on()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for ledger in _ledgers.values():
        ledger.after_fork()


weakref.finalize(Ledger, int).atexit = False  # has weakref register its own end, which closes the connections of
atexit.register(_at_exit)  # urllib3, before ours, so that it comes after ours: what is opened later it doesn't close
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
