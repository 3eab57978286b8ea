"""Kill -9 at every system call that changes state: nothing acknowledged is lost, doubled, torn or left lying about.

A sweep plays a scene once to list its calls, then once for each of them, killed as the call is entered. Between two of
these calls nothing changes on disk, so this is every state that a kill can leave.
"""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from crash.disturb import Play, Stage, judge, rows_of
from crash.scenes import SCENES

pytestmark = [pytest.mark.crash]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_at_any_call_loses_and_doubles_nothing(
    scene: str, suffix: str, stage: Stage, tmp_path: Path, tally: Counter[tuple[str, str]]
) -> None:
    """Whichever call the writer is killed at, the next process finds a sound sheet and brings every row into it."""
    numbers = itertools.count()
    play = Play(stage, scene, tmp_path / str(next(numbers)), suffix)
    play.perform()
    assert play.status == 0, play.errors
    play.survive()
    judge(play)
    calls = [call for call in play.calls() if call.name != "close"]  # which changes nothing on disk
    assert len(calls) > 5
    failures = []
    for call in calls:
        play = Play(stage, scene, tmp_path / str(next(numbers)), suffix)
        try:
            play.perform(f"{call.name}:signal=KILL:when={call.number}")
            assert play.status == 9, f"was not killed: {play.errors}"
            rows_of(play.sheet)
            play.survive()
            judge(play)
            tally["kill -9", call.name] += 1
        except Exception as error:  # noqa: BLE001 - whatever a judge stumbles over
            failures.append(f"{call}\n    {type(error).__name__}: {str(error)[:600]}")
    assert not failures, f"{len(failures)} of {len(calls)}:\n" + "\n".join(failures)
