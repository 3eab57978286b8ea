"""Disturbing an actor at one of its system calls, with strace, and judging what is left."""

from __future__ import annotations

import collections
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CALLS = (
    "openat,mkdir,write,pwrite64,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,symlinkat,unlink,"
    "unlinkat,rmdir,fsync,fdatasync,copy_file_range,sendfile,fchmod,chmod,fchown,fsetxattr,utimensat,close"
)
"""The calls that change state, as far as strace knows their names on this machine. ``flock`` changes none on disk, nor
does ``close``; but that is where a network file system says what it could not write."""

_MARKER = "getpriority"
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)$")
_WRITES = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC")
_ANSWER = re.compile(r" = (\d+)$")


@dataclass(frozen=True, slots=True)
class Call:
    """The n-th call of a name, counted from 1 since the marker."""

    name: str
    number: int
    arguments: str

    def __str__(self) -> str:
        return f"{self.name}#{self.number}({self.arguments[:100]}"


class Stage:
    """The other end of `stage.py`."""

    def __init__(self, spare: Path) -> None:
        ours, theirs = socket.socketpair()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TZ": "UTC"}
        command = [sys.executable, "-W", "error", "-m", "crash.stage", str(theirs.fileno()), str(spare)]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        theirs.close()
        self._socket, self._orders = ours, ours.makefile("rw")

    def order(self, **order: object) -> int:
        """Give an order; answer what comes back."""
        self._orders.write(json.dumps(order, default=str) + "\n")
        self._orders.flush()
        return int(json.loads(self._orders.readline()))

    def close(self) -> None:
        """Send everybody home."""
        self._orders.close()
        self._socket.close()
        self._process.wait(10)


@dataclass(slots=True)
class Play:
    """One performance of a scene in a folder of its own."""

    stage: Stage
    scene: str
    folder: Path
    suffix: str
    status: int = 0
    pid: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def sheet(self) -> Path:
        """The sheet."""
        return self.folder / "lab" / f"runs{self.suffix}"

    @property
    def _paths(self) -> dict[str, Path]:
        return {"sheet": self.sheet, "notes": self.folder / "notes", "errors": self.folder / "errors"}

    def perform(self, *inject: str) -> None:
        """Play what went before, then the act under strace."""
        self.sheet.parent.mkdir(parents=True)
        self.stage.order(before=self.scene, **self._paths)
        self.pid = self.stage.order(act=self.scene, **self._paths)
        log = self.folder / "strace"
        options = [f"--inject={what}" for what in inject]
        command = [
            "strace",
            "-p",
            str(self.pid),
            "-o",
            str(log),
            "-s",
            "40",
            "-e",
            f"trace={CALLS},{_MARKER}",
            *options,
        ]
        tracer = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        self.status = self.stage.order(wait=self.pid)
        self.log = log.read_text(errors="replace").splitlines()
        assert any(line.startswith(_MARKER) for line in self.log[:1]), (tracer.stderr, self.log[:3])

    def perform_limited(self, limit: str, value: int) -> None:
        """Play what went before, then the act under a limit of resources, which ends with the act."""
        self.sheet.parent.mkdir(parents=True)
        self.stage.order(before=self.scene, **self._paths)
        self.pid = self.stage.order(act=self.scene, limit=limit, value=value, **self._paths)
        self.status = self.stage.order(wait=self.pid)

    def survive(self) -> None:
        """Let a new process log a row and sync; it must not be held up."""
        status = self.stage.order(after=1, **self._paths)
        assert status == 0, self.errors

    @property
    def errors(self) -> str:
        """What went to the actors' stderr."""
        path = self.folder / "errors"
        return path.read_text() if path.exists() else ""

    def noted(self, kind: str) -> list[dict[str, object]]:
        """What actors noted, of one kind: ``run``, ``said``, ``left``."""
        path = self.folder / "notes"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if kind in line]

    def warnings(self) -> list[str]:
        """What the library warned of in the act."""
        said = [note for note in self.noted("said") if note["pid"] == self.pid and int(str(note["level"])) >= 30]
        return [str(note["said"]) for note in said]

    def calls(self) -> list[Call]:
        """The calls that changed state in the act, and those that closed what they had opened to write."""
        counts: collections.Counter[str] = collections.Counter()
        found = []
        writing: set[str] = set()
        for line in self.log:
            match = _LINE.match(line)
            if match is None or match[1] == _MARKER:
                continue
            name, arguments = match[1], match[2]
            counts[name] += 1
            if name == "openat" and not _WRITES.search(arguments):
                continue
            if name == "openat" and (answer := _ANSWER.search(arguments)):
                writing.add(answer[1])
            if name == "close":
                if (number := arguments.partition(")")[0]) not in writing:
                    continue
                writing.discard(number)
            found.append(Call(name, counts[name], arguments))
        return found


def strace_or_skip() -> None:
    """Skip without strace; on the project's CI its absence is a failure."""
    if shutil.which("strace") and sys.platform == "linux":
        return
    if os.environ.get("CI") and sys.platform == "linux":
        pytest.fail("CI on Linux has to have strace; .ci/run installs it")
    pytest.skip("strace is not on the PATH")


# Judges: independent readers


def rows_of(sheet: Path) -> list[dict[str, object]]:
    """Every row, as a program that is none of ours reads it; empty where there is no sheet."""
    if not sheet.exists():
        return []
    if sheet.suffix == ".csv":
        text = sheet.read_text(encoding="utf-8-sig")
        assert not text or text.endswith("\n"), f"the last line is torn: {text[-80:]!r}"
        return [dict(row) for row in csv.DictReader(text.splitlines(), strict=True)]
    with zipfile.ZipFile(sheet) as book:
        assert book.testzip() is None
    import openpyxl

    lines = openpyxl.load_workbook(sheet).worksheets[0].iter_rows(values_only=True)
    head = next(lines)
    return [dict(zip(head, line, strict=True)) for line in lines]


def ids_of(sheet: Path) -> list[str]:
    """The run_ids in the sheet, doubles included."""
    return [str(row["run_id"]) for row in rows_of(sheet) if row.get("run_id")]


_KNOWN = re.compile(
    r"README|\.gitignore|sheet\.json|checkpoint\.json|generations\.log|sheet\.lock|archive\.jsonl\.gz"
    r"|[A-Za-z0-9-]+\.jsonl(\.lock)?"
)


def litter(sheet: Path) -> Iterator[str]:
    """Files that should not be there: temporary ones, locks of no journal, journals of nobody."""
    for path in sheet.parent.rglob("*"):
        inside = path.parent.name == "journal"
        if path.is_dir() or path == sheet:
            continue
        if path.suffix == ".tmp" or (inside and not _KNOWN.fullmatch(path.name)) or path.parent == sheet.parent:
            yield str(path.relative_to(sheet.parent))
        elif inside and path.name.endswith(".jsonl.lock") and not path.with_suffix("").exists():
            yield f"{path.name} of no journal"
        elif inside and path.suffix == ".jsonl" and b"\n" not in path.read_bytes():
            yield f"{path.name} without a whole line"


def judge(play: Play) -> None:
    """Nothing acknowledged is lost, nothing is doubled, nothing is left lying about."""
    rows = rows_of(play.sheet)
    ids = [str(row["run_id"]) for row in rows if row.get("run_id")]
    doubled = [run for run, count in collections.Counter(ids).items() if count > 1]
    assert not doubled, f"doubled: {doubled}"
    by_id = {str(row["run_id"]): row for row in rows}
    for note in play.noted("run"):
        run = str(note["run"])
        assert run in by_id, f"lost: {run} of {note}"
        if "acc" in note:
            assert float(str(by_id[run]["acc"])) == note["acc"], (note, by_id[run])
        if "step" in note:
            assert note["step"] in _steps(play.sheet, run), f"step {note['step']} of {run} is lost"
    assert all(note["left"] == [0, 0] for note in play.noted("left")), "rows still wait"
    assert not (left := [*litter(play.sheet)]), f"left behind: {left}"


def _steps(sheet: Path, run: str) -> set[object]:
    lines: list[str] = []
    for path in sheet.parent.glob(f"*_files/{run}/history-*.jsonl"):
        lines += path.read_text().splitlines(keepends=True)
    return {json.loads(line)["step"] for line in lines if line.endswith("\n")}
