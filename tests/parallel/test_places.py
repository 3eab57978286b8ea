"""Where sheets lie, on which machines, under which clocks: no place may cost a row."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from parallel.program import PRELUDE, acked, judge, rows_of, run

pytestmark = [pytest.mark.crash, pytest.mark.skipif(os.name == "nt", reason="names and modes of POSIX")]

SUFFIXES = pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
LOG = "ack(es.log_run(sys.argv[1], {'lr': 1}))"


@SUFFIXES
@pytest.mark.parametrize(
    "name",
    ["with space", "Versuche – größer", "実験", "a'b\"c", "x" * 250, "é" * 120, "-rf", "a;b&c$(d)", "new\nline", "%41"],
    ids=range(10),
)
def test_names_of_sheets_and_folders(name: str, suffix: str, tmp_path: Path) -> None:
    """Whatever a file system takes as a name is a name of a sheet and of its folder."""
    folder = tmp_path / name[:120]
    folder.mkdir()
    for _ in range(2):
        run(LOG, folder, f"./{name}{suffix}")
    rows = judge_at(folder, folder / f"{name}{suffix}")
    assert len(rows) == 2
    assert not [path for path in folder.rglob("*") if path.suffix == ".tmp"]


def judge_at(folder: Path, sheet: Path) -> list[dict[str, object]]:
    """As `judge`, for names that start like an option."""
    left = run("print(es.Sheet(sys.argv[1]).sync())", folder, f"./{sheet.name}")
    assert left.strip() == "0", left
    rows = rows_of(sheet)
    assert {str(row["run_id"]) for row in rows} == set(acked(folder))
    return rows


@SUFFIXES
def test_a_symlink_is_the_same_sheet(suffix: str, tmp_path: Path) -> None:
    """Logging through a link to the file, through a link to its folder, and directly fills one sheet, one journal."""
    real, name = tmp_path / "real", f"runs{suffix}"
    real.mkdir()
    run(LOG, tmp_path, real / name)
    (tmp_path / f"link{suffix}").symlink_to(real / name)
    (tmp_path / "folder").symlink_to(real)
    run(LOG, tmp_path, tmp_path / f"link{suffix}")
    run(LOG, tmp_path, tmp_path / "folder" / name)
    assert {str(row["run_id"]) for row in rows_of(real / name)} == set(acked(tmp_path))
    assert (tmp_path / f"link{suffix}").is_symlink()
    assert [path.name for path in tmp_path.rglob("*_files")] == ["runs_files"]


@SUFFIXES
def test_a_relative_target_stays_where_it_was_when_the_program_moves(suffix: str, tmp_path: Path) -> None:
    """chdir in the middle of a run, and before the last words at exit, moves nothing."""
    (tmp_path / "elsewhere").mkdir()
    run(
        """
        sheet = es.Sheet(sys.argv[1])
        ack(sheet.log_run({"lr": 1}))
        mine = es.init(sys.argv[1], config={"lr": 2})
        os.chdir("elsewhere")
        mine.log({"loss": 1})
        ack(sheet.log_run({"lr": 3}))
        ack(mine.id)
        """,
        tmp_path,
        f"runs{suffix}",
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert {row["status"] for row in judge(tmp_path, tmp_path / f"runs{suffix}").values()} == {"finished"}


@SUFFIXES
def test_a_folder_that_cant_be_written(suffix: str, tmp_path: Path) -> None:
    """The journal goes to the state folder, one message says that rows wait; with the folder writable they arrive."""
    folder, state = tmp_path / "lab", tmp_path / "state"
    folder.mkdir()
    state.mkdir()
    folder.chmod(0o555)
    program = PRELUDE.replace('"acks"', repr(str(state / "acks"))) + LOG + "\n" + LOG
    environment = os.environ | {
        "EXPERIMENT_SHEET_DIR": str(state),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-W", "error", "-c", program, str(folder / f"runs{suffix}")]
    if os.geteuid() == 0:  # whom modes don't bind, as long as root has root's capabilities
        if not shutil.which("setpriv"):
            pytest.skip("root without setpriv can't be bound by modes")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    done = subprocess.run(command, env=environment, cwd=state, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert list(folder.iterdir()) == []
    folder.chmod(0o777)
    os.environ["EXPERIMENT_SHEET_DIR"] = str(state)
    try:
        run("assert es.Sheet(sys.argv[1]).sync() == 0", tmp_path, folder / f"runs{suffix}")
    finally:
        del os.environ["EXPERIMENT_SHEET_DIR"]
    assert {str(row["run_id"]) for row in rows_of(folder / f"runs{suffix}")} == set(acked(state))
    assert len(acked(state)) == 2


@SUFFIXES
@pytest.mark.parametrize("year", [1970, 2099])
def test_a_clock_that_jumps(year: int, suffix: str, tmp_path: Path) -> None:
    """Files from long before or long after now change nothing: order is by stamp, death by the lock."""
    name = f"runs{suffix}"
    run(
        "mine = es.init(sys.argv[1], config={'lr': 1}); mine.log({'loss': 1}); ack(mine.id); os._exit(0)",
        tmp_path,
        name,
    )
    when = (year - 1970) * 365.25 * 86400
    for path in tmp_path.rglob("*"):
        if path.name != "acks":
            os.utime(path, (when, when))
    run(LOG, tmp_path, name)
    rows = judge(tmp_path, tmp_path / name)
    assert sorted(str(row["status"]) for row in rows.values()) == ["crashed", "finished"]


JUMPS = """
jump = Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).write_text
owner = Path(f".~lock.{sys.argv[1]}#")
mine = es.init(sys.argv[1], config={"lr": 1})
jump("-400d")
mine.log({"loss": 1})
ack(es.log_run(sys.argv[1], {"lr": 2}))
jump("+4000d")
mine.log({"loss": 2})
owner.write_text("A Person,person,elsewhere.example,01.01.2026 10:00,profile;")
ack(es.log_run(sys.argv[1], {"lr": 3}))
assert len(es.Sheet(sys.argv[1]).pending()) == 1, "who has it open was taken for long gone"
owner.unlink()
mine.log({"loss": 3})
jump("+0")
ack(mine.id)
mine.finish()
"""


@SUFFIXES
def test_a_real_clock_that_jumps(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock goes back a year and forth ten while a run logs: rows, order and duration are right."""
    if not shutil.which("faketime"):
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail("CI on Linux has to have faketime; .ci/run installs it")
        pytest.skip("faketime is not on the PATH")
    told = subprocess.run(["faketime", "now", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True)
    (tmp_path / "clock").write_text("+0")
    settings = {"TIMESTAMP_FILE": str(tmp_path / "clock"), "NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"FAKETIME_{name}", value)
    monkeypatch.setenv("NO_FAKE_STAT", "1")  # a file system's clock is not the machine's
    monkeypatch.setenv("LD_PRELOAD", told.stdout.strip())
    run(JUMPS, tmp_path, name := f"runs{suffix}")
    monkeypatch.delenv("LD_PRELOAD")
    rows = judge(tmp_path, tmp_path / name)
    assert {row["status"] for row in rows.values()} == {"finished"}
    mine = rows[acked(tmp_path)[-1]]
    assert float(str(mine["loss"])) == 3
    assert "day" not in str(mine["duration"])


@pytest.mark.parametrize("host", ["../../etc/passwd", "a b'c\"", "größe", ".", "x" * 64, "-rf", ""], ids=range(7))
def test_host_names(host: str, tmp_path: Path) -> None:
    """Whatever the machine calls itself, its journals are files of the journal folder."""
    if os.geteuid() or not shutil.which("unshare") or sys.platform != "linux":
        pytest.skip("only root may give a process a host name of its own")
    (tmp_path / "host").write_text(host)
    (tmp_path / "log.py").write_text(
        "import ctypes, json, os\n"
        "name = os.fsencode(open('host').read())\n"
        "assert ctypes.CDLL(None, use_errno=True).sethostname(name, len(name)) == 0\n"
        "import experiment_sheet as es\n"
        "mine = es.init('runs.csv'); print(json.dumps(mine.id)); os._exit(0)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        ["unshare", "--uts", sys.executable, "log.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip("this machine lets nobody unshare")
    assert done.returncode == 0, done.stderr
    (tmp_path / "acks").write_text(json.loads(done.stdout))
    rows = judge(tmp_path, tmp_path / "runs.csv")
    assert [row["status"] for row in rows.values()] == ["crashed"]
    assert not [path for path in tmp_path.rglob("*.jsonl*") if path.parent.name != "journal"]


def test_two_sheets_of_one_stem(tmp_path: Path) -> None:
    """runs.xlsx, runs.csv and runs.tsv in one folder, begun at the same time, keep apart."""
    names = ["runs.xlsx", "runs.csv", "runs.tsv"]
    for _ in range(2):
        run("for name in sys.argv[1:]: ack(es.log_run(name, {'lr': 1}))", tmp_path, *names)
    assert len({str(row["run_id"]) for name in names[:2] for row in rows_of(tmp_path / name)}) == 4
    assert sorted(path.name for path in tmp_path.glob("*_files")) == ["runs.csv_files", "runs.tsv_files", "runs_files"]
