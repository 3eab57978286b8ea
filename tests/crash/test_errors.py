"""Errors at every system call that changes state: the training goes on, says so once, and nothing is lost.

Each call of a scene fails once, with each error that it may give; then the cause is gone. A scene is also played with
calls that fail every time, which is what a full disk is like. Short writes are played at the journal's own `os.write`,
and, of every file and at many lengths, by a limit on the size of files; too many open files at every depth by a limit
on their number.

Every scene with every error takes half an hour of a processor, and CI has less than that for all of its crashes:
``EXPERIMENT_SHEET_ALL_FAULTS=1`` does it. What runs by itself are the scenes of `SAMPLE`, which between them make every
kind of call that is made at all, with one error at each call, in turn.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.disturb import Call, Play, Stage, judge, rows_of
from crash.scenes import SCENES

pytestmark = [pytest.mark.crash]

ERRORS = {
    "openat": ("ENOSPC", "EIO", "EACCES", "EMFILE", "EINTR"),
    "mkdir": ("ENOSPC", "EACCES", "EIO"),
    "write": ("ENOSPC", "EIO", "EINTR", "EDQUOT"),
    "pwrite64": ("ENOSPC", "EIO", "EINTR"),
    "ftruncate": ("EIO", "EINTR"),
    "rename": ("ENOSPC", "EIO", "EACCES"),
    "link": ("ENOSPC", "EIO", "EACCES", "EPERM"),
    "unlink": ("EIO", "EACCES"),
    "fsync": ("ENOSPC", "EIO", "EINTR"),
    "fdatasync": ("EIO",),
    "copy_file_range": ("ENOSPC", "EIO", "EINTR", "EXDEV"),
    "fchmod": ("EPERM",),
    "fchown": ("EPERM",),
    "fsetxattr": ("ENOSPC",),
    "close": ("EIO", "ENOSPC", "EDQUOT"),
}
"""What each call may answer, by its manual page."""

EVERYTHING = bool(os.environ.get("EXPERIMENT_SHEET_ALL_FAULTS"))
SAMPLE = ("first", "session", "column", "archive")
"""Scenes that are played unless everything is asked for."""

LIMITS = {
    "FSIZE": [*range(0, 3000, 97 if EVERYTHING else 389), *range(3000, 24_000, 397 if EVERYTHING else 3989)],
    "NOFILE": [*range(8)],
}
"""Bytes that a file may have (a journal has some hundreds, a workbook twenty thousand); files that may be opened."""


def _faults(calls: list[Call]) -> Iterator[tuple[Call, str]]:
    """Every call with every error; of a sample, each error at every call, one after the other in turn."""
    turns: dict[str, Iterator[str]] = {name: itertools.cycle(errors) for name, errors in ERRORS.items()}
    for call in calls:
        if call.name in ERRORS:
            for error in ERRORS[call.name] if EVERYTHING else (next(turns[call.name]),):
                yield call, f"{call.name}:error={error}:when={call.number}"
        if call.name == "write" and '\\"run\\"' in call.arguments:  # the journal's
            yield call, f"write:retval=5:when={call.number}"


def _judge(play: Play, *, said_at_most: int = 1) -> None:
    assert play.status == 0, f"stopped the training: {play.errors}"
    assert "the actor raised" not in play.errors, play.errors
    said = play.warnings()
    assert len(said) <= said_at_most, f"said {len(said)} things: {said}"
    assert len(said) == len(set(said)), f"said something twice: {said}"
    rows_of(play.sheet)
    play.survive()
    judge(play)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("scene", SCENES if EVERYTHING else SAMPLE)
def test_a_call_that_fails_once_loses_nothing_and_stops_nothing(
    scene: str, suffix: str, stage: Stage, tmp_path: Path, tally: Counter[tuple[str, str]]
) -> None:
    """Whichever call fails, the process ends with 0, says at most one thing, and every row is there afterwards."""
    numbers = itertools.count()
    play = Play(stage, scene, tmp_path / str(next(numbers)), suffix)
    play.perform()
    failures, count = [], 0
    for call, fault in _faults(play.calls()):
        play = Play(stage, scene, tmp_path / str(next(numbers)), suffix)
        count += 1
        try:
            play.perform(fault)
            assert any("INJECTED" in line for line in play.log), "was not reached"
            _judge(play)
            tally[fault.split(":")[1], call.name] += 1
        except Exception as error:  # noqa: BLE001 - whatever a judge stumbles over
            failures.append(f"{fault} {call}\n    {type(error).__name__}: {str(error)[:900]}")
    assert not failures, f"{len(failures)} of {count}:\n" + "\n".join(failures)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("scene", SCENES if EVERYTHING else SAMPLE)
@pytest.mark.parametrize("fault", ["fsync:error=EIO", "write:error=ENOSPC", "rename:error=EACCES", "unlink:error=EIO"])
def test_a_call_that_fails_from_some_point_on_loses_nothing(
    fault: str, scene: str, suffix: str, stage: Stage, tmp_path: Path
) -> None:
    """From the first, third or fifth call on every one fails; what no file took was printed at exit."""
    for number in (1, 3, 5):
        play = Play(stage, scene, tmp_path / str(number), suffix)
        play.perform(f"{fault}:when={number}+")
        assert play.status == 0, play.errors
        assert "the actor raised" not in play.errors, play.errors
        play.survive()
        if not fault.startswith("write"):  # memory is gone with the process; stderr failed, too
            judge(play)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("scene", SCENES if EVERYTHING else SAMPLE)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_is_reached_loses_nothing(
    limit: str, scene: str, suffix: str, stage: Stage, tmp_path: Path, tally: Counter[tuple[str, str]]
) -> None:
    """Wherever a file is full, or no further one can be opened, the act goes on; with room again every row arrives.

    Several things may go wrong then, each of which is said once: the journal, the sheet, the steps, an artifact.
    """
    failures = []
    for value in LIMITS[limit]:
        play = Play(stage, scene, tmp_path / str(value), suffix)
        try:
            play.perform_limited(limit, value)
            _judge(play, said_at_most=10)
            tally["limit", limit] += 1
        except Exception as error:  # noqa: BLE001 - whatever a judge stumbles over
            failures.append(f"{limit} {value}\n    {type(error).__name__}: {str(error)[:900]}")
    assert not failures, f"{len(failures)} of {len(LIMITS[limit])}:\n" + "\n".join(failures)
