"""Where a run comes from: real git repositories, and everything that may be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiment_sheet.provenance import command_line, git_state, provenance

git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def repository(path: Path) -> Path:
    """Make a repository with one commit."""
    path.mkdir()
    (path / "train.py").write_text("print()\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        command = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=e@x", *words]
        subprocess.run(command, check=True)
    return path


@git
def test_the_commit_and_whether_it_is_all() -> None:
    """A clean tree is its short commit; with a changed tracked file it is dirty; a new file says nothing."""
    clean, dirty = repository(Path("clean")), repository(Path("dirty"))
    (clean / "notes.txt").write_text("untracked")
    (dirty / "train.py").write_text("print(1)\n")
    words = ["git", "-C", "clean", "rev-parse", "--short=7", "HEAD"]
    head = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    assert git_state(clean) == head
    assert str(git_state(dirty)).endswith("-dirty")


@git
def test_the_scripts_repository_counts_before_the_working_folder() -> None:
    """A script that is run from elsewhere still says which code it is."""
    script = repository(Path("code")) / "train.py"
    script.write_text("from experiment_sheet.provenance import git_state; print(git_state())\n")
    subprocess.run(
        ["git", "-C", "code", "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qam", "x"], check=True
    )
    Path("away").mkdir()
    done = subprocess.run([sys.executable, script.absolute()], cwd="away", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == git_state(Path("code"))


@git
def test_an_installed_program_is_not_the_experiment() -> None:
    """Our own program, or one of the interpreter's, says nothing of the code; the working folder does."""
    code = repository(Path("code"))
    done = subprocess.run(
        [sys.executable, "-m", "experiment_sheet", "log", "-s", "runs.csv", "lr=1"],
        cwd=code,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    assert f",{git_state(code)}," in (code / "runs.csv").read_text("utf-8")


@git
def test_no_repository_and_no_commit_is_none(tmp_path: Path) -> None:
    """What isn't there isn't said."""
    assert git_state(tmp_path) is None
    subprocess.run(["git", "init", "-q", "empty"], check=True)
    assert git_state(Path("empty")) is None
    assert git_state(Path("nowhere")) is None


def test_without_git_and_without_a_working_folder() -> None:
    """No git on the path, a deleted working folder, no name for the user: the rest is still known."""
    program = (
        "import os, tempfile\n"
        "from experiment_sheet.provenance import provenance\n"
        "folder = tempfile.mkdtemp(); os.chdir(folder)\n"
        "os.name == 'nt' or os.rmdir(folder)\n"
        "print(provenance())\n"
    )
    environ = {"PATH": "", "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'git'" not in done.stdout
    assert "'host'" in done.stdout


def test_the_command_can_be_typed_again() -> None:
    """The command line is quoted as a shell needs it, without the interpreter's folder; a long one is cut."""
    program = "from experiment_sheet.provenance import command_line as c; print(c())"
    done = subprocess.run([sys.executable, "-c", program, "a b"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith("python")
    assert done.stdout.strip().endswith("'a b'")
    done = subprocess.run([sys.executable, "-c", program, "x" * 5000], capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) <= 1000
    assert command_line()


def test_provenance_is_text() -> None:
    """Every part is a text without surprises."""
    found = provenance()
    assert {"host", "command"} <= set(found) <= {"git", "host", "user", "command"}
    assert all(isinstance(text, str) and text for text in found.values())
