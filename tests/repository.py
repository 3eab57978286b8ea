"""A real git repository with a training script in it, for tests of what is recorded and restored."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

TRAIN = """\
import sys
import experiment_sheet as es
from layers import width

with es.init("runs.csv", config={"lr": float(sys.argv[1]), "width": width()}) as run:
    for step in range(5):
        run.log({"loss": run.config.lr * width() / (step + 1)})
"""


def git(folder: Path, *words: str) -> str:
    """Run git as a person without settings of their own."""
    settings = ("-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", "-C", str(folder), *settings, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(path: Path, **files: str) -> Path:
    """Make a repository with one commit of files, named without their ``.py``."""
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / f"{name}.py").write_text(text)
    git(path, "init", "-q", "-b", "main")
    git(path, "add", ".")
    git(path, "commit", "-q", "--allow-empty", "-m", "first")
    return path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in a folder; its failure is the test's."""
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done
