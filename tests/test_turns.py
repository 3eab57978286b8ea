"""When a far sheet is sent to: counted on a clock that the tests drive."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import pytest

from experiment_sheet.sender import LONGEST_PAUSE, MOMENT, PACE, SHARE, Answer, Sender, Turn


def sent(
    asks: Iterable[tuple[float, bool]], *, cost: float = 1.0, until: float = math.inf, answers: Iterable[Answer] = ()
) -> list[float]:
    """When a sheet is sent to that is asked for at some times (soon or not), each sending costing so many seconds."""
    turn, begun, coming, said = Turn(lambda: "sent"), [], list(asks), iter(answers)
    while True:
        ask = coming[0][0] if coming else math.inf
        if min(ask, turn.due) > until or math.isinf(min(ask, turn.due)):
            return begun
        if ask <= turn.due:
            turn.ask(ask, soon=coming.pop(0)[1])
            continue
        now = turn.due
        begun.append(now)
        upto = turn.began(now)
        while coming and coming[0][0] <= now + cost:
            turn.ask(coming[0][0], soon=coming.pop(0)[1])
        turn.ended(now + cost, upto, next(said, "sent"))


def test_what_comes_together_goes_together() -> None:
    """A run that begins and ends within a moment is sent once, a moment after it began."""
    assert sent([(0, True), (MOMENT / 2, True)]) == [MOMENT]


def test_start_and_end_are_sent_when_they_come() -> None:
    """However long the run."""
    assert sent([(0, True), (3600, True)]) == [MOMENT, 3600 + MOMENT]


def test_a_loop_of_calls_is_sent_a_handful_of_times() -> None:
    """A thousand in ten seconds; and in an hour of them one every half minute."""
    assert len(sent([(n / 100, True) for n in range(1000)])) <= 6
    assert len(sent([(float(n), True) for n in range(3600)])) <= 3600 / PACE + 5


def test_after_a_pause_news_are_sent_at_once_again() -> None:
    """A loop of calls slows down those of the loop, and none that come later."""
    loop = [(n / 100, True) for n in range(1000)]
    assert sent([*loop, (1000, True)])[-1] == 1000 + MOMENT


@pytest.mark.parametrize(("cost", "apart"), [(0.1, PACE), (1.0, SHARE), (20.0, 20 * SHARE)])
def test_runs_that_go_on_are_refreshed_at_the_pace_of_what_it_costs(cost: float, apart: float) -> None:
    """Half a minute apart, and fifty times what the last sending took."""
    times = sent([(0, True), *((30.0 * n, False) for n in range(1, 400))], cost=cost)
    assert all(later - earlier >= max(PACE, apart) - 1e-6 for earlier, later in itertools.pairwise(times))
    assert len(times) >= 12_000 / max(PACE + 30, apart + 30)


def test_after_errors_it_is_tried_again_ever_more_slowly() -> None:
    """Unasked, for ever, never more than the longest pause apart; new rows change nothing."""
    asks = [(float(n), True) for n in range(10_000)]
    times = sent(asks, cost=0.0, until=10_000, answers=["waits"] * 1000)
    apart = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 2.5 <= apart[0] <= 5
    assert all(LONGEST_PAUSE / 2 <= pause <= LONGEST_PAUSE for pause in apart[10:])
    assert len(times) < 80
    assert len(sent(asks[:1], cost=0.0, until=10_000, answers=["waits"] * 5)) == 6


def test_a_lock_that_is_held_is_tried_every_few_seconds() -> None:
    """Another process is sending, maybe our rows, too."""
    times = sent([(0, True)], cost=0.0, answers=["busy"] * 20)
    assert len(times) == 21
    assert times[-1] < 45


def test_whoever_waits_is_told_how_it_went() -> None:
    """At once when it has arrived, or can't; and nobody waits in vain twice."""
    sender, answers, tried = Sender(), ["waits", "waits", "sent"], []

    def send() -> Answer:
        tried.append(1)
        return answers.pop(0)  # type: ignore[return-value]

    turn = Turn(send)
    for arrived in (False, False):
        sender.ask(turn, soon=True)
        assert sender.arrived([turn], within=60) is arrived
    assert len(tried) == 1  # the second one didn't even have it tried
    turn.in_vain = False
    assert not sender.arrived([turn], within=60)
    turn.in_vain = False
    assert sender.arrived([turn], within=60)
    assert sender.arrived([turn], within=60)
    assert not answers


def test_an_error_of_ours_ends_neither_thread_nor_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and tried again."""
    sender, errors = Sender(), [ZeroDivisionError("a mistake")]

    def send() -> Answer:
        if errors:
            raise errors.pop()
        return "sent"

    turn = Turn(send)
    sender.ask(turn, soon=True)
    assert not sender.arrived([turn], within=60)
    assert "a mistake" in caplog.text
    turn.in_vain = False
    assert sender.arrived([turn], within=60)
