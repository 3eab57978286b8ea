"""What all crash tests share: the stage, and the count of what was injected, which pytest says at its end."""

from __future__ import annotations

import collections
from collections.abc import Iterator

import pytest
from crash.disturb import Stage, strace_or_skip

Tally = collections.Counter[tuple[str, str]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for all scenes."""
    strace_or_skip()
    opened = Stage(tmp_path_factory.mktemp("spare"))
    yield opened
    opened.close()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What was injected and survived: (``kill`` or an error, call) → times. pytest says the sums at its end."""
    counted: Tally = collections.Counter()
    yield counted
    request.node.user_properties += [("survived", [kind, call, times]) for (kind, call), times in counted.items()]
