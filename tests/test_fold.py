"""Folding: stamps decide, in whatever order and however often events are seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.columns import Column
from experiment_sheet.events import Event
from experiment_sheet.fold import fold

_COLUMNS = [Column("input", "lr"), Column("output", "acc"), Column("run", "status")]


@st.composite
def _histories(draw: st.DrawFn) -> list[Event]:
    """Some events of some runs, each with a stamp of its own."""
    stamps = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), unique=True, max_size=12))
    return [
        Event(
            "s",
            draw(st.sampled_from(["r1", "r2"])),
            draw(st.sampled_from(["start", "change", "end", "update"])),
            draw(st.dictionaries(st.sampled_from(_COLUMNS), st.integers(0, 5))),
            epoch=epoch,
            seq=seq,
            journal="j",
        )
        for epoch, seq in stamps
    ]


@given(_histories(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(events: list[Event], random: object) -> None:
    """Folding a shuffled, doubled history gives the same cells as the history itself."""
    doubled = events + events
    random.shuffle(doubled)  # type: ignore[attr-defined]
    expected, found = fold(events), fold(doubled)
    assert {run: folded.cells for run, folded in found.items()} == {run: f.cells for run, f in expected.items()}
    assert {run: (f.ended, f.made, f.last) for run, f in found.items()} == {
        run: (f.ended, f.made, f.last) for run, f in expected.items()
    }


@given(_histories())
def test_the_highest_stamp_that_names_a_cell_has_the_last_word(events: list[Event]) -> None:
    """Each cell holds what a plain search for the latest event that names it finds."""
    for run, folded in fold(events).items():
        for column in _COLUMNS:
            naming = [e for e in events if e.run == run and column in e.cells]
            if naming:
                assert folded.cells[column] == max(naming, key=lambda e: (e.epoch, e.seq)).cells[column]
            else:
                assert column not in folded.cells


def test_only_the_first_epoch_makes_a_row() -> None:
    """A resumed or updated run speaks of a row that was there, so its events add none."""
    assert fold([Event("s", "r", "start", {}, epoch=1, seq=1)])["r"].made
    assert fold([Event("s", "r", "end", {}, epoch=1, seq=1)])["r"].made
    assert not fold([Event("s", "r", "start", {}, epoch=2, seq=1)])["r"].made
    assert not fold([Event("s", "r", "update", {}, epoch=2, seq=1)])["r"].made


def test_a_resumed_run_lives_again() -> None:
    """A start behind an end takes the end back."""
    end, start = Event("s", "r", "end", {}, epoch=1, seq=5), Event("s", "r", "start", {}, epoch=2, seq=1)
    assert fold([end])["r"].ended
    assert not fold([start, end])["r"].ended
