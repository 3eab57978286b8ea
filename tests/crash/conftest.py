"""What all crash tests share: the stage, and the count of what was injected, which pytest says at its end."""

from __future__ import annotations

import collections
from collections.abc import Iterator

import pytest
from crash.disturb import Stage, strace_or_skip

Tally = collections.Counter[tuple[str, str]]
_TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for all scenes."""
    strace_or_skip()
    opened = Stage(tmp_path_factory.mktemp("spare"))
    yield opened
    opened.close()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """What was injected and survived: (``kill`` or an error, call) → times."""
    return request.config.stash.setdefault(_TALLY, Tally())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much was injected and survived."""
    tally = config.stash.get(_TALLY, Tally())
    kinds: dict[str, dict[str, int]] = {}
    for (kind, call), times in sorted(tally.items()):
        kinds.setdefault(kind, {})[call] = times
    for kind, calls in kinds.items():
        listed = ", ".join(f"{call} {times}" for call, times in calls.items())
        terminalreporter.write_line(f"{kind}: {sum(calls.values())} injected and survived ({listed})")
