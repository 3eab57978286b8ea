"""What comes from somebody else is only data, and what is written stays in its folder."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet.cells import Link
from experiment_sheet.columns import Column
from experiment_sheet.events import Event, encode
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.sheet import Sheet

PACKAGE = Path(es.__file__).parent
POSIX = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")


# Nothing is executed


def test_nothing_is_executed() -> None:
    """No module unpickles, evaluates or runs text, but for a constant of its own."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', '')}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                runs = node.func.id in ("eval", "exec", "compile", "__import__")
                assert not runs or all(isinstance(argument, ast.Constant) for argument in node.args), where
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & forbidden, where
            if isinstance(node, ast.keyword) and node.arg == "shell":
                pytest.fail(f"{where} runs a shell")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_text_from_data_is_never_a_formula(suffix: str) -> None:
    """Keys, values, names and what stands in somebody's journal are text in the sheet, whatever they begin with."""
    from openpyxl import load_workbook

    evil = ['=HYPERLINK("http://evil","x")', "+1+1", "-1+1", "@SUM(A1)", '=cmd|" /C calc"!A0', "\t=1+1", "\r=1"]
    sheet = Sheet(f"runs.{suffix}")
    sheet.append([{"run_id": f"r{n}", text: text, "=key": text} for n, text in enumerate(evil)])
    frame = sheet.read()
    assert [str(text).strip() for text in frame["=key"]] == [text.strip() for text in evil]
    if suffix == "xlsx":
        cells = [cell for row in load_workbook("runs.xlsx").active.iter_rows() for cell in row]
        assert not [cell.value for cell in cells if cell.data_type == "f"]
    else:
        import csv

        with open("runs.csv", encoding="utf-8-sig", newline="") as file:
            assert not [c for row in csv.reader(file) for c in row if c.startswith(("=", "+", "@", "-1+", "\t", "\r"))]


def test_a_links_address_stays_inside_its_formula() -> None:
    """The only formula that is written is HYPERLINK, of two texts; quotes in them end nothing."""
    from openpyxl import load_workbook

    evil = 'x",WEBSERVICE("http://evil"))&("'
    journal = Sheet("runs.xlsx").files / "journal" / "somebody-0.jsonl"
    Sheet("runs.xlsx").append({"run_id": "r1"})
    event = Event("runs.xlsx", "r2", "end", {Column("run", "plots"): Link(evil, evil)})
    journal.write_bytes(encode(event))
    Sheet("runs.xlsx").sync()
    formulas = [c.value for row in load_workbook("runs.xlsx").active.iter_rows() for c in row if c.data_type == "f"]
    assert all(formula.count('"') % 2 == 0 for formula in formulas)
    outside = ["".join(str(formula).replace('""', "").split('"')[::2]) for formula in formulas]
    assert all("WEBSERVICE" not in part for part in outside), outside


def test_a_sheet_cannot_control_the_terminal() -> None:
    """Escape sequences that somebody typed into a sheet are not sent to the terminal."""
    text = "\x1b]0;owned\x07\x1b[2J\x9b2J"
    Path("runs.csv").write_text(f"run,run_id,acc\n{text},r1,0.5\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "experiment_sheet", "ls", "-s", "runs.csv"], capture_output=True)
    assert done.returncode == 0
    assert not {0x1B, 0x07} & set(done.stdout)
    assert "\x9b" not in done.stdout.decode()


# Nothing leaves the folder

NAMES = [
    "../../evil", "..", ".", "/etc/passwd", "C:\\Windows\\x", "\\\\server\\share", "a/../../b", "nul", "CON.txt",
    "com1", "a\0b", "x" * 400, "~/x", "file:///x", "a:b", "", " ", "...", "\u202egnp.exe", "\ud800", "LPT¹",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_plots_and_artifacts_lead_nowhere_else(name: str) -> None:
    """Whatever somebody calls a plot, an artifact, a key or a run, its files lie in the run's folder."""
    Path("model.bin").write_bytes(b"123")
    Path("curve.png").write_bytes(b"\x89PNG")
    before = set(Path().rglob("*"))
    run_id = Sheet("runs.csv").log_run({"long": "y" * 40_000}, plots={name: "curve.png"}, artifacts={name: "model.bin"})
    new = {path for path in Path().rglob("*") if path.is_file()} - before
    inside = Path("runs_files", run_id)
    assert {path for path in new if path.name.startswith(("model", "curve")) or path.suffix in (".bin", ".png")}
    strays = [p for p in new if not p.is_relative_to(inside) and not p.is_relative_to("runs_files/journal")]
    assert strays == [Path("runs.csv")]
    assert not Path("/etc/passwd-evil").exists()


@given(st.text())
def test_any_name_is_one_that_every_system_takes(name: str) -> None:
    """One part, no device of Windows, no trailing dot, of bounded length."""
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set('<>:"/\\|?*\0')
    assert not safe.endswith((".", " "))
    assert len(safe.encode()) <= 255


@POSIX
def test_a_link_does_not_lead_a_run_out_of_its_folder(tmp_path: Path) -> None:
    """A run folder, or a folder in it, that somebody made a link to elsewhere is not written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    files = tmp_path / "runs_files"
    files.mkdir()
    (files / "mine").symlink_to(outside, target_is_directory=True)
    (files / "other").mkdir()
    (files / "other" / "files").symlink_to(outside, target_is_directory=True)
    source = tmp_path / "model.bin"
    source.write_bytes(b"123")
    for folder in (RunFolder(files / "mine"), RunFolder(files / "other")):
        with pytest.raises(OSError, match="outside"):
            folder.store(source)
        with pytest.raises(OSError, match="outside"):
            folder.write("files/x.txt", "x")
    run = es.init(tmp_path / "runs.csv", id="mine")
    run.log({"acc": 0.5})
    run.log_artifact(source)
    run.finish()
    assert list(outside.iterdir()) == []
    assert Sheet(tmp_path / "runs.csv").read().loc["mine", "acc"] == 0.5


@POSIX
def test_a_link_in_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    """What it led to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = RunFolder(tmp_path / "runs_files" / "r1")
    (folder.make("plots") / "a.png").symlink_to(victim)
    folder.write("plots/a.png", b"new")
    assert victim.read_text() == "mine"


def test_events_of_another_run_id_stay_in_the_files_folder() -> None:
    """A journal from somebody else names a run like a path; nothing outside is read or written."""
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1"})
    Path("history-evil.jsonl").write_text('{"step": 1, "time": 1, "log": {"acc": 1}}\n')
    journal = sheet.files / "journal" / "somebody-0.jsonl"
    journal.write_bytes(encode(Event("runs.csv", "../..", "start", {Column("run", "status"): "running"})))
    sheet.sync()
    assert sheet.history("../..").empty


# Modes


@POSIX
@pytest.mark.parametrize("umask", [0o002, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_modes_follow_the_umask(tmp_path: Path, umask: int, suffix: str) -> None:
    """Every file and folder that is made has the mode that the person's umask says, locks included."""
    Path("model.bin").write_bytes(b"123")
    program = f"""
import os, experiment_sheet as es
os.umask({umask})
for n in range(2):
    run = es.init("results/runs.{suffix}")
    run.log({{"acc": n, "text": "x" * 40_000}})
    run.log_artifact("model.bin")
    run.finish()
es.Sheet("results/runs.{suffix}").sync()
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    wrong = []
    for path in [Path("results"), *Path("results").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = (0o777 if path.is_dir() else 0o666) & ~umask
        if mode != wanted:
            wrong.append((str(path), oct(mode), oct(wanted)))
    assert wrong == []
