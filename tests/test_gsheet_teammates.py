"""Teammates in the sheet: whatever they do between any two requests, every cell ends where it belongs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google_target import LOSS, LR, NOTES, STATUS, anything, backend_of, rows_of, served, whole, worksheet, write

from experiment_sheet.backends.base import ANYTHING
from experiment_sheet.columns import Column
from experiment_sheet.testing.google import Fault, GoogleSheets, Races

ACC = Column("output", "acc")
START = {f"run-{at}": {LR: at / 10, LOSS: float(at), STATUS: "running"} for at in range(1, 7)}
LOST = (Fault(reset=True, applied=True), Fault(status=503, applied=True), Fault(status=500), Fault(reset=True))


@pytest.fixture(params=[Races(), Races.none()], ids=["unsafe", "kind"])
def google(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleSheets]:
    yield from served(monkeypatch, request.param)


class Team:
    """A sheet of six runs, in which a teammate has a row, a column and a formula in each row; and what it should be."""

    def __init__(self, google: GoogleSheets, seed: int = 0) -> None:
        self.google = google
        self.chance = random.Random(seed)
        self.key = google.create("runs")
        write(self.key, START, new=[*START])
        self.mate = google.teammate(self.key, "runs")
        head = worksheet(google, self.key).row_values(1)
        lr = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[head.index("lr")]
        marks = [f"mark of {run}" for run in START]
        self.mate.insert_column(len(head), "mine", marks)
        self.mate.insert_column(len(head) + 1, "double", [f"={lr}{row}*2" for row in range(2, 8)])
        self.mate.type(9, "mine", "a row of mine")
        self.mate.type(9, "notes", "planned")
        self.mate.type(9, "lr", 0.7)
        self.mate.type(9, "double", f"={lr}9*2")
        self.runs = {run: {c.key: v for c, v in row.items()} for run, row in START.items()}
        for run, row in self.runs.items():
            row |= {"run_id": run, "mine": f"mark of {run}", "double": float(START[run][LR]) * 2}
        self.theirs = {"a row of mine": {"mine": "a row of mine", "notes": "planned", "lr": 0.7, "double": 1.4}}
        self.inserted = 0
        self.whole = 20_000

    def write(self, rows: dict[str, dict[Column, Any]], new: tuple[str, ...] = ()) -> None:
        """Write, and remember what was written."""
        backend = backend_of(self.key)
        backend.whole = self.whole
        backend.write(rows, new=new, last=anything(rows))
        for run, row in rows.items():
            if run in self.runs or run in new:
                self.runs.setdefault(run, {"run_id": run}).update({c.key: v for c, v in row.items()})

    def slip(self, edit: Callable[[], object], path: str = "batchUpdate", after: int = 0) -> None:
        """Let an edit slip in before a request."""
        self.google.faults.between(edit, path=path, after=after)

    def check(self) -> None:
        """Every cell is where it belongs, and nothing else is anywhere."""
        self.google.faults.clear()
        found = rows_of(self.google, self.key)
        ours = [row for row in found if "run_id" in row]
        assert sorted(row["run_id"] for row in ours) == sorted(self.runs)
        for row in ours:
            assert rounded(row) == rounded(self.runs[row["run_id"]])
        others = {str(row["mine"]): rounded(row) for row in found if "run_id" not in row}
        assert others == {name: rounded(row) for name, row in self.theirs.items()}

    # Edits

    def sort(self) -> None:
        """Sort by a column."""
        self.mate.sort(self.chance.choice(["lr", "loss", "run_id", "mine"]), descending=self.chance.random() < 0.5)

    def insert_row(self) -> None:
        """Insert a row, and type into it."""
        row = self.chance.randint(2, 9)
        self.inserted += 1
        name = f"inserted {self.inserted}"
        self.mate.insert_row(row)
        self.mate.type(row, "mine", name)
        self.theirs[name] = {"mine": name}

    def insert_blank_row(self) -> None:
        """Insert a row, and leave it blank."""
        self.mate.insert_row(self.chance.randint(2, 8))

    def insert_column(self) -> None:
        """Insert a column without a header."""
        self.mate.insert_column(self.chance.randint(0, 19))

    def move_column(self) -> None:
        """Drag a column."""
        self.mate.move_column(
            self.chance.choice(["lr", "loss", "run_id", "mine", "status"]), self.chance.randint(0, 18)
        )

    def move_row(self) -> None:
        """Drag a row."""
        self.mate.move_row(self.chance.randint(2, 7), self.chance.randint(2, 7))

    def delete_row(self) -> None:
        """Delete the row of a run."""
        ids = worksheet_ids(self.google, self.key)
        run = self.chance.choice([run for run in ids if run in START])
        self.mate.delete_row(ids.index(run) + 2)
        self.runs.pop(run)

    def filter(self) -> None:
        """Filter rows away."""
        self.mate.filter("status", "finished")

    def type_below(self) -> None:
        """Type a row below the others."""
        self.inserted += 1
        name = f"typed {self.inserted}"
        self.mate.type(len(self.mate.grid()) + 1, "mine", name)
        self.theirs[name] = {"mine": name}

    def edit_a_row(self) -> None:
        """Type into one's own cell of a run's row."""
        ids = worksheet_ids(self.google, self.key)
        run = self.chance.choice([run for run in ids if run in self.runs])
        self.inserted += 1
        self.mate.type(ids.index(run) + 2, "mine", f"edited {self.inserted}")
        self.runs[run]["mine"] = f"edited {self.inserted}"


EDITS = [
    *(Team.sort, Team.insert_row, Team.insert_blank_row, Team.insert_column, Team.move_column, Team.move_row),
    *(Team.delete_row, Team.filter, Team.type_below, Team.edit_a_row),
]


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers without the noise of a product; cells under no header left out."""
    return {key: round(v, 9) if isinstance(v, float) else v for key, v in row.items() if key}


def worksheet_ids(google: GoogleSheets, key: str) -> list[str]:
    """The run_id of every row, without a request that a fault could meet."""
    grid = google.teammate(key, "runs").grid()
    place = grid[0].index("run_id")
    return [row[place] if len(row) > place else "" for row in grid[1:]]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("request_", ["getByDataFilter", "batchUpdate"])
def test_an_edit_before_any_request_displaces_nothing(
    google: GoogleSheets, request_: str, seed: int, edit: Callable[[Team], None]
) -> None:
    """One edit between look and batch, or before the look, while runs change, arrive and bring a column."""
    team = Team(google, seed)
    team.slip(lambda: edit(team), request_)
    team.write({"run-2": {LOSS: 0.2, STATUS: "finished"}, "run-5": {LOSS: 0.5}, "run-7": {LR: 0.7, ACC: 1}}, ("run-7",))
    team.check()


def test_what_was_displaced_is_put_right_by_the_next_request(google: GoogleSheets) -> None:
    """The answer of a batch shows what a sort displaced; no other read is needed to put it back."""
    team = Team(google)
    reads, writes = google.log.count("read"), google.log.count("write")
    team.slip(lambda: team.mate.sort("lr", descending=True))
    team.write({"run-2": {LOSS: 0.2, STATUS: "finished"}})
    assert (google.log.count("read"), google.log.count("write")) == (reads + 1, writes + 2)
    team.check()


@pytest.mark.parametrize("seed", range(12))
def test_random_edits_between_requests(google: GoogleSheets, seed: int) -> None:
    """Several edits slip in between the requests of several writes, some of whose answers are lost."""
    team = Team(google, seed)
    for step in range(4):
        for _ in range(team.chance.randint(1, 3)):
            edit, path = team.chance.choice(EDITS), team.chance.choice(["getByDataFilter", "batchUpdate"])
            team.slip(lambda edit=edit: edit(team), path, team.chance.choice([0, 0, 0, 1]))
        if team.chance.random() < 0.4:
            google.faults.plan(team.chance.choice(LOST), path="batchUpdate")
        run = team.chance.choice(sorted(START))
        rows = {run: {LOSS: step + 0.5, STATUS: f"state {step}"}, f"new-{step}": {LR: step / 10, LOSS: 1.0}}
        team.write(rows, (f"new-{step}",))
        google.faults.clear()
        team.check()


def test_an_insertion_at_the_moment_of_writing_loses_no_row(google: GoogleSheets) -> None:
    """Where Google moves a batch's own insertion along with a teammate's, the last row isn't overwritten for good."""
    team = Team(google)
    google.races.window = 0.3
    timer = threading.Timer(0.15, team.mate.insert_row, (3,))
    google.faults.between(timer.start, path="batchUpdate")
    team.write({"run-7": {LR: 0.7, LOSS: 7.0, ACC: 1}}, ("run-7",))
    timer.join()
    google.races.window = 0.0
    team.check()


def test_two_machines_keep_their_rows_and_columns(google: GoogleSheets) -> None:
    """Two writers at once, each with rows and a new column of its own, both keep all of it."""
    key = google.create("runs")

    def work(name: str) -> None:
        for at in range(8):
            run = f"{name}-{at}"
            write(key, {run: {LR: at, Column("output", f"of_{name}"): at}}, new=[run])
            write(key, {run: {LOSS: at / 2}}, last={run: {LOSS: ANYTHING}})

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {row["run_id"]: row for row in rows_of(google, key)}
    assert len(rows_of(google, key)) == 24
    for name in ("one", "two", "three"):
        for at in range(8):
            run = f"{name}-{at}"
            assert found[run] == {"run_id": run, "lr": at, f"of_{name}": at, "loss": at / 2}
    head = worksheet(google, key).row_values(1)
    assert len(set(head)) == len(head)


MACHINE = """
import sys
from google_target import LOSS, write
print("ready", flush=True)
sys.stdin.readline()
write(sys.argv[1], {"run-6": {LOSS: 0.25}}, last={"run-6": {LOSS: [6.0]}})
"""


def test_a_row_that_is_being_mended_is_waited_for(google: GoogleSheets) -> None:
    """While one machine puts a displaced cell back, another that changes that cell's run waits, and finds it whole."""
    team = Team(google)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", MACHINE, team.key]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        team.slip(lambda: team.mate.sort("lr", descending=True))  # run-6 stands in the place of run-2 then
        google.faults.reset(applied=True, path="batchUpdate")
        team.slip(lambda: print(file=other.stdin, flush=True), after=1)
        google.faults.slow(1.0, path="batchUpdate", after=1)
        team.write({"run-2": {LOSS: 0.125}})
        assert other.wait(30) == 0
    team.runs["run-6"]["loss"] = 0.25
    team.check()


def test_renamed_columns_and_tab_stay_known(google: GoogleSheets) -> None:
    """Identity lies in metadata: headers and the tab's name are labels, for a process that begins later too."""
    key = google.create("runs")
    write(key, START, new=[*START])
    mate = google.teammate(key, "runs")
    for header, name in {"loss": "Verlust", "run_id": "id", "lr": "loss", "status": "Stand"}.items():
        mate.rename(header, name)
    mate.rename_tab("Versuche")
    write(key, {"run-1": {LOSS: 0.5, LR: 0.25}}, last={"run-1": {LOSS: [1.0], LR: [0.1]}})
    found = rows_of(google, key, "Versuche")[0]
    assert (found["Verlust"], found["loss"], found["id"]) == (0.5, 0.25, "run-1")


def test_nothing_of_a_person_is_touched(google: GoogleSheets) -> None:
    """Notes, colours, rules, and columns that are not the library's are after a write as before."""
    team = Team(google)
    team.mate.note(3, "loss", "look at this")
    red = {"userEnteredFormat": {"backgroundColor": {"red": 1}}}
    where = {"sheetId": team.mate._sheet_id, "startRowIndex": 2, "endRowIndex": 4}
    team.mate.send({"repeatCell": {"range": where, "cell": red, "fields": "userEnteredFormat.backgroundColor"}})
    before = whole(google, team.key)["sheets"][1]
    team.write({"run-2": {LOSS: 0.2, NOTES: "ours"}})
    after = whole(google, team.key)["sheets"][1]
    changed = []
    for row, (one, other) in enumerate(zip(before["data"][0]["rowData"], after["data"][0]["rowData"], strict=True)):
        for at, cell in enumerate(other["values"]):
            old = one["values"][at] if at < len(one["values"]) else {}
            if cell != old:
                changed.append((row, at))
                keep = ("note", "userEnteredFormat.backgroundColor")
                assert [cell.get(key) for key in keep] == [old.get(key) for key in keep]
    assert len(changed) == 2
    assert {key: before[key] for key in before if key not in ("data", "developerMetadata")} == {
        key: after[key] for key in after if key not in ("data", "developerMetadata")
    }


def test_a_large_tab_is_answered_in_part(google: GoogleSheets) -> None:
    """Of a tab with many cells an answer shows what was written; a sort in between is mended all the same."""
    team = Team(google)
    team.whole = 10
    team.write({"run-2": {LOSS: 0.2}, "run-7": {LR: 0.7}}, ("run-7",))
    assert len(google.log[-1].json()["responseRanges"]) > 1
    team.check()
    team.slip(lambda: team.mate.sort("lr", descending=True))
    team.write({"run-2": {LOSS: 0.1}, "run-8": {LR: 0.8}}, ("run-8",))
    team.check()
