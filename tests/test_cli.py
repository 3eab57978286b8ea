"""The command line, run as a person runs it: in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet.cli import main
from experiment_sheet.cli.log import read_value
from experiment_sheet.cli.runs import find_run
from experiment_sheet.errors import RunNotFound, UsageError


def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command and return what came of it."""
    line = [sys.executable, "-m", "experiment_sheet", *words]
    settings = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False, env=settings)


def ok(*words: str, **environment: str) -> str:
    """Output of a command that succeeds and has nothing to complain of."""
    done = call(*words, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def runs() -> Path:
    """A sheet of three runs."""
    for name, lr, acc in (("calm-fox-1", 0.1, 0.8), ("old-owl-2", 0.01, 0.95), ("wise-elk-3", 0.001, 0.9)):
        es.log_run("runs.csv", {"lr": lr, "val_acc": acc, "model": "mlp"}, name=name)
    return Path("runs.csv").absolute()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("0.10", 0.1),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("inf", float("inf")),
        ("007", "007"),
        ("1_000", "1_000"),
        ("=1+1", "=1+1"),
        ("", ""),
        ("resnet 18", "resnet 18"),
        ("٣", "٣"),
    ],
)
def test_values_from_a_shell(text: str, value: object) -> None:
    """A number is read as one only where nobody can mean something else by it."""
    assert (read_value(text), type(read_value(text))) == (value, type(value))


def test_log_makes_a_row() -> None:
    """`log` prints the run_id of the row it made, and nothing else."""
    run_id = ok("log", "lr=0.001", "val_acc=0.9", "note=a=b", "--hypothesis", "it works", "-s", "runs.csv").strip()
    row = es.Sheet("runs.csv").read().loc[run_id]
    assert (row["lr"], row["val_acc"], row["note"], row["hypothesis"]) == (0.001, 0.9, "a=b", "it works")
    assert es.Sheet("runs.csv").columns()["val_acc"] == "output"


def test_log_with_stated_roles() -> None:
    """-i and -o say what a value is, whatever its name looks like."""
    ok("log", "-i", "score=1", "-o", "size=2", "-s", "runs.csv")
    roles = es.Sheet("runs.csv").columns()
    assert (roles["score"], roles["size"]) == ("input", "output")


def test_log_adds_to_a_run(runs: Path) -> None:
    """`log --run` fills cells of a run that is there."""
    ok("log", "--run", "old-owl-2", "test_acc=0.94", "--notes", "good", "-s", str(runs))
    row = es.Sheet(runs).read().query("run == 'old-owl-2'").iloc[0]
    assert (row["test_acc"], row["notes"]) == (0.94, "good")
    assert len(es.Sheet(runs).read()) == 3


def test_log_keeps_files() -> None:
    """--file keeps a copy in the run folder."""
    Path("model.bin").write_bytes(b"weights")
    run_id = ok("log", "loss=1", "--file", "model.bin", "-s", "runs.csv").strip()
    assert Path("runs_files", run_id, "files", "model.bin").read_bytes() == b"weights"


@pytest.mark.parametrize(
    "words",
    [["lr"], ["=1"], ["--run", "nobody", "a=1"], ["lr=1", "lr=2"], ["lr=1", "-i", "lr=1"], ["-o", "a=1", "a=2"]],
)
def test_log_of_nonsense(words: list[str]) -> None:
    """What can't be meant is answered with a message, and nothing is logged."""
    done = call("log", *words, "-s", "runs.csv")
    assert done.returncode in {1, 2}
    assert "Error" in done.stderr
    assert not Path("runs.csv").exists()


def test_default_sheet() -> None:
    """Without -s the sheet is $EXPERIMENT_SHEET, else runs.xlsx."""
    ok("log", "a=1", EXPERIMENT_SHEET="mine.csv")
    assert Path("mine.csv").exists()
    ok("log", "a=1")
    assert Path("runs.xlsx").exists()


def test_ls_in_a_pipe(runs: Path) -> None:
    """In a pipe nothing is cut, coloured or left out that differs."""
    lines = ok("ls", "-s", str(runs)).splitlines()
    assert lines[0].split()[:4] == ["run", "status", "val_acc", "lr"]
    assert [line.split()[0] for line in lines[1:]] == ["calm-fox-1", "old-owl-2", "wise-elk-3"]
    assert "\x1b" not in "".join(lines)


def test_ls_sorts_the_best_first(runs: Path) -> None:
    """--sort knows that more accuracy is better; --reverse turns it round."""
    best = [run["run"] for run in json.loads(ok("ls", "--sort", "val_acc", "--json", "-s", str(runs)))]
    assert best == ["old-owl-2", "wise-elk-3", "calm-fox-1"]
    worst = [run["run"] for run in json.loads(ok("ls", "--sort", "val_acc", "--reverse", "--json", "-s", str(runs)))]
    assert worst == best[::-1]


def test_ls_filters(runs: Path) -> None:
    """--where is a pandas query; --columns chooses."""
    found = json.loads(ok("ls", "--where", "lr < 0.05", "--columns", "run, lr", "--json", "-s", str(runs)))
    assert [(run["run"], run["lr"]) for run in found] == [("old-owl-2", 0.01), ("wise-elk-3", 0.001)]


def test_ls_suggests_the_nearest_column(runs: Path) -> None:
    """A typo is answered with the column that was probably meant, and exit code 2."""
    done = call("ls", "--sort", "val_ac", "-s", str(runs))
    assert done.returncode == 2
    assert "did you mean 'val_acc'" in done.stderr


def test_ls_json_is_strict() -> None:
    """JSON for programs has no NaN, durations in seconds and dates in ISO form."""
    with es.init("runs.csv", config={"lr": 1.0}) as logged:
        logged.log({"loss": float("nan")})
    (run,) = json.loads(ok("ls", "--json", "-s", "runs.csv"), parse_constant=pytest.fail)
    assert run["loss"] is None
    assert isinstance(run["duration"], float | int)
    assert run["started"][10] == "T"


def test_ls_of_nothing() -> None:
    """A sheet that doesn't exist yet has no runs; that is no error."""
    assert "no runs" in ok("ls")
    assert json.loads(ok("ls", "--json")) == []
    assert not Path("runs.xlsx").exists()


def test_ls_of_no_workbook() -> None:
    """What is no workbook is an error of the world: a message and exit code 1."""
    Path("runs.xlsx").write_text("not a zip")
    done = call("ls")
    assert done.returncode == 1
    assert "runs.xlsx" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_target_is_a_wrong_call() -> None:
    """A target of unknown kind ends with exit code 2."""
    done = call("ls", "-s", "runs.docx")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_narrow_terminal(runs: Path) -> None:
    """In a terminal of 40 columns a line never wraps."""
    pty = pytest.importorskip("pty", reason="a pseudo-terminal is POSIX")
    master, slave = pty.openpty()
    line = [sys.executable, "-m", "experiment_sheet", "ls", "-s", str(runs)]
    settings = {**os.environ, "COLUMNS": "40", "TERM": "xterm-256color"}
    subprocess.run(line, stdout=slave, stderr=slave, stdin=slave, check=True, env=settings)
    os.close(slave)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    assert "\x1b[" in shown
    from rich.text import Text

    assert all(len(Text.from_ansi(part)) <= 40 for part in shown.splitlines())


def test_sync_of_nothing() -> None:
    """`sync` says that nothing was waiting."""
    es.log_run("runs.csv", {"a": 1})
    assert "nothing was waiting" in ok("sync", "-s", "runs.csv")
    assert json.loads(ok("sync", "-s", "runs.csv", "--json"))["waiting"] == 0


@pytest.mark.parametrize("command", ["sync", "ls", "doctor"])
def test_looking_at_a_sheet_that_nobody_logged_into_leaves_nothing_behind(command: str) -> None:
    """No folder appears beside a name that was only asked for, nor beside a workbook of people's."""
    call(command, "-s", "missing.xlsx")
    Path("people.csv").write_text("a,b\n1,2\n")
    call(command, "-s", "people.csv")
    assert [path.name for path in Path().iterdir()] == ["people.csv"]


def test_sync_puts_waiting_rows_in() -> None:
    """Rows that waited because the sheet was no workbook are written once it is one."""
    Path("runs.csv").mkdir()
    assert call("log", "a=1", "-s", "runs.csv").returncode == 0
    stuck = call("sync", "-s", "runs.csv")
    assert (stuck.returncode, "1 run still waiting" in stuck.stdout) == (1, True)
    Path("runs.csv").rmdir()
    assert "1 run written" in ok("sync", "-s", "runs.csv")
    assert len(Path("runs.csv").read_text(encoding="utf-8-sig").splitlines()) == 2


@pytest.mark.parametrize("text", ["old-owl-2", "@best", "@best:val_acc"])
def test_run_addressing(runs: Path, text: str) -> None:
    """A name, and @best, lead to a run."""
    frame = es.Sheet(runs).read()
    assert frame.loc[find_run(frame, text), "run"] == "old-owl-2"


def test_run_addressing_by_id(runs: Path) -> None:
    """A run_id, a unique prefix of one, and @last lead to a run."""
    frame = es.Sheet(runs).read()
    last = frame.index[-1]
    assert find_run(frame, last) == find_run(frame, last[:8]) == find_run(frame, "@last") == last


def test_run_addressing_that_is_not_clear(runs: Path) -> None:
    """Two runs of one name are told by their ids; nobody is told from the nearest."""
    es.log_run(runs, {"lr": 1.0}, name="calm-fox-1")
    frame = es.Sheet(runs).read()
    with pytest.raises(UsageError, match="may mean"):
        find_run(frame, "calm-fox-1")
    with pytest.raises(RunNotFound, match="did you mean old-owl-2"):
        find_run(frame, "old-owl-3")
    with pytest.raises(RunNotFound):
        find_run(frame.iloc[:0], "@last")


@pytest.mark.parametrize("name", sorted(main.commands))
def test_help_shows_an_example(name: str) -> None:
    """--help of every command shows one."""
    assert f"experiment-sheet {name}" in ok(name, "--help")
