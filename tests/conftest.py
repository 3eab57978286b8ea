"""What every test stands on: a clean environment, its own folder, and the real files where they are at hand."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(autouse=True)
def _clean_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder, without settings of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("EXPERIMENT_SHEET", "WANDB_", "MLFLOW_")):
            monkeypatch.delenv(name)
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / ".xdg"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _no_run_left_open() -> Iterator[None]:
    """End what a test that failed half-way left open, so that the next one begins without a run."""
    yield
    import experiment_sheet as es

    while es.run is not None:
        es.finish()


@pytest.fixture
def shared_workbooks() -> Path:
    """Folder of workbooks that other programs made."""
    return _shared("workbooks")


@pytest.fixture
def shared_runs() -> Path:
    """Folder of results that other tools logged."""
    return _shared("runs")


@pytest.fixture
def soffice() -> str:
    """LibreOffice's program. On the project's CI its absence is a failure, elsewhere a skip."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found:
        return found
    if os.environ.get("CI") and sys.platform == "linux":
        pytest.fail("CI on Linux has to have LibreOffice; .ci/run installs it")
    pytest.skip("LibreOffice (soffice) is not on the PATH")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"../shared/{name} is not beside the project")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person run the tests that need Google itself: `test_google_live` says what they look at."""
    parser.addoption("--live-google", metavar="URL", help="a spreadsheet of yours that those tests may write into")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that run LibreOffice in one worker: some ask whether it is running on this machine."""
    for item in items:
        if "soffice" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("libreoffice"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many kills and errors were injected and survived, of all workers together (see `crash/conftest.py`)."""
    kinds: dict[str, Counter[str]] = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, told in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "teardown" else ():
            if name == "survived":
                kinds.setdefault(told[0], Counter())[told[1]] += told[2]
    for kind, calls in sorted(kinds.items()):
        listed = ", ".join(f"{call} {times}" for call, times in sorted(calls.items()))
        terminalreporter.write_line(f"{kind}: {calls.total()} injected and survived ({listed})")
