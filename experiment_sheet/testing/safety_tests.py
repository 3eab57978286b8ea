"""Clauses 1 and 10, `since` and `mark`: what holds when something comes in between."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from experiment_sheet.backends.base import Last, Mark
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetChanged, SheetError
from experiment_sheet.testing.subject import LIFE, LOSS, LR, MODEL, A, B, C, Subject

_WRITE_FOR_EVER = """
import sys
from importlib import import_module
from experiment_sheet.backends.base import ANYTHING, Target
from experiment_sheet.columns import Column
module, name, scheme, path, tab = sys.argv[1:]
backend = getattr(import_module(module), name)(Target(scheme, path, tab or None))
for number in range(100_000):
    row = {Column("input", name): number for name in ("lr", f"metric_{number // 5}", "twin")}
    rows = {"run-0": {Column("input", "seed"): number}, f"run-{number}": row}
    written = backend.write(rows, new=[f"run-{number}"], last={"run-0": {Column("input", "seed"): ANYTHING}})
    backend.known = written.known
    print(number, flush=True)
"""


class SafetyTests(Subject):
    """A crash, a person's save or a broken file never leaves a sheet between before and after."""

    # Clause 1

    @pytest.mark.parametrize("delay", [0.0, 0.003, 0.011])
    def test_a_killed_write_leaves_before_or_after(self, tmp_path: Path, delay: float) -> None:
        """After a kill at any moment the sheet reads, holds every row that was acknowledged, and no half row."""
        backend = self.backend_at(tmp_path)
        kind, target = type(backend), backend.target
        home = find_spec(kind.__module__) and import_module(kind.__module__)
        if target.scheme != "file" or getattr(home, kind.__qualname__, None) is not kind:
            pytest.skip("capability: killed writer (the backend's class can't be imported by another process)")
        command = [sys.executable, "-c", _WRITE_FOR_EVER, kind.__module__, kind.__qualname__]
        command += [target.scheme, target.path, target.tab or ""]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(12)]
        assert all(acknowledged), "the writer died by itself; its error is above"
        time.sleep(delay)
        writer.kill()
        acknowledged += writer.stdout.readlines()
        writer.stdout.close()
        writer.wait()
        shown = self.shown(tmp_path)
        done = sum(line.endswith("\n") for line in acknowledged)
        assert shown.ids()[:done] == [f"run-{number}" for number in range(done)]
        assert len(shown.ids()) <= done + 1
        columns = [shown.headers.index("lr"), shown.headers.index("twin")]
        assert all(row[columns[0]] == row[columns[1]] is not None for row in shown.filled)
        rows = len(self.read(tmp_path).rows)
        self.write(tmp_path, {A: {LR: 0.1}}, new=[A])
        assert len(self.read(tmp_path).rows) == rows + 1

    # Clause 10

    def test_a_save_in_between_is_noticed(self, tmp_path: Path) -> None:
        """If a person saved the sheet after this instance read it, write raises and leaves it as saved."""
        after = self.begin(tmp_path)
        for look in ("read", "mark"):
            backend = self.backend_at(tmp_path)
            backend.known = after.known
            getattr(backend, look)()
            self.person(tmp_path).set_cell(0, "notes", f"saved after {look}")
            saved = self.state(tmp_path)
            with pytest.raises(SheetChanged, match=r".{20,}"):
                backend.write({B: LIFE[0]}, new=[B])
            assert self.state(tmp_path) == saved
            backend.read()
            backend.write({f"after-{look}": LIFE[0]}, new=[f"after-{look}"])
        assert self.shown(tmp_path).ids() == [A, "after-read", "after-mark"]

    def test_one_instance_writes_again_and_again(self, tmp_path: Path) -> None:
        """An instance doesn't take its own writes for somebody else's, also after close."""
        backend = self.backend_at(tmp_path)
        for run in (A, B):
            backend.known = backend.write({run: LIFE[0]}, new=[run]).known
            backend.read()
        backend.close()
        backend.known = backend.write({C: LIFE[0]}, new=[C]).known
        assert len(backend.read().rows) == 3
        backend.close()

    @pytest.mark.parametrize("kind", ["folder", "empty"])
    def test_what_is_no_sheet_is_refused_and_kept(self, tmp_path: Path, kind: str) -> None:
        """A folder or an empty file under the sheet's name raises an error that names it, and stays."""
        target = self.backend_at(tmp_path).target
        if target.scheme != "file":
            pytest.skip("capability: file")
        path = Path(target.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if kind == "folder" else path.write_bytes(b"")
        with pytest.raises(SheetError, match=path.name):
            self.backend_at(tmp_path).read()
        with pytest.raises(SheetError, match=path.name):
            self.write(tmp_path, {A: LIFE[0]}, new=[A])
        assert path.is_dir() if kind == "folder" else path.read_bytes() == b""
        assert [other.name for other in path.parent.iterdir()] == [path.name]

    def test_a_missing_folder_is_made(self, tmp_path: Path) -> None:
        """A sheet in folders that don't exist yet is made with them."""
        if self.backend_at(tmp_path).target.scheme != "file":
            pytest.skip("capability: file")
        folder = tmp_path / "not" / "yet"
        self.begin(folder)
        assert self.shown(folder).ids() == [A]

    def test_nothing_is_left_beside_the_sheet(self, tmp_path: Path) -> None:
        """Temporary files don't stay."""
        if self.backend_at(tmp_path).target.scheme != "file":
            pytest.skip("capability: file")
        after = self.begin(tmp_path)
        self.write(tmp_path, {B: {Column("output", "acc"): 1.0}, A: {LOSS: 9.0}}, new=[B], after=after)
        assert [path.name for path in tmp_path.iterdir()] == [Path(self.backend_at(tmp_path).target.path).name]

    # since

    def test_since_never_changes_the_result(self, tmp_path: Path) -> None:
        """With a token that still names the sheet, with an old one and with nonsense the rows are the same."""
        after = self.begin(tmp_path)
        first = after.token
        for number, token in enumerate(["last", "last", "first", "nonsense"]):
            backend = self.backend_at(tmp_path)
            backend.known = after.known
            since = {"last": after.token, "first": first}.get(token, token)
            after = backend.write({f"run-{number}": LIFE[1]}, new=[f"run-{number}"], since=since)
            assert [*after.added] == [f"run-{number}"]
            backend.close()
        assert self.shown(tmp_path).ids() == [A, "run-0", "run-1", "run-2", "run-3"]
        assert len(self.read(tmp_path, after).rows) == 5

    def test_since_a_persons_save_is_looked_at(self, tmp_path: Path) -> None:
        """A token from before a person moved the columns doesn't lead values into wrong ones."""
        after = self.begin(tmp_path)
        self.person(tmp_path).move_column("loss", 0)
        backend = self.backend_at(tmp_path)
        backend.known = after.known
        backend.write(
            {B: {LOSS: 1.0, MODEL: "x"}, A: {MODEL: "y"}}, new=[B], last={A: {MODEL: ["mlp"]}}, since=after.token
        )
        shown = self.shown(tmp_path)
        assert [shown.cell(B, "loss"), shown.cell(B, "model"), shown.cell(A, "model")] == [self.shows(1.0), "x", "y"]

    def test_since_with_updates_and_new_columns(self, tmp_path: Path) -> None:
        """A write under a valid token may also change rows and bring columns."""
        after = self.begin(tmp_path)
        backend = self.backend_at(tmp_path)
        backend.known = after.known
        last: Last = {A: {LOSS: [2.5]}}
        rows = {B: {Column("output", "acc"): 0.5}, A: {LOSS: 1.0}}
        after = backend.write(rows, new=[B], last=last, since=after.token)
        shown = self.shown(tmp_path)
        assert [shown.cell(B, "acc"), shown.cell(A, "loss")] == [self.shows(0.5), self.shows(1.0)]

    # mark

    def test_a_mark_is_kept_and_raised(self, tmp_path: Path) -> None:
        """The mark of the last write that gave one comes back from a fresh instance, whatever people do in between."""
        self.backend_at(tmp_path).write({A: LIFE[0]}, new=[A], mark=Mark("sheet-1", 1))
        if self.backend_at(tmp_path).mark() is None:
            pytest.skip("capability: mark")
        assert self.backend_at(tmp_path).mark() == Mark("sheet-1", 1)
        self.backend_at(tmp_path).write({B: LIFE[0]}, new=[B], mark=Mark("sheet-1", 2))
        assert self.backend_at(tmp_path).mark() == Mark("sheet-1", 2)
        self.backend_at(tmp_path).write({A: LIFE[0]}, mark=Mark("sheet-1", 3))
        assert self.backend_at(tmp_path).mark() == Mark("sheet-1", 3)
        self.person(tmp_path).set_cell(0, "notes", "mine")
        assert self.backend_at(tmp_path).mark() == Mark("sheet-1", 3)
