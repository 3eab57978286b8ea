"""Google Sheets that fail: every row arrives exactly once, whatever happens to which request."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from google_target import LOSS, LR, STATUS, anything, backend_of, rows_of, served, write

from experiment_sheet.backends.base import Mark
from experiment_sheet.backends.gsheet import GoogleBackend
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetBusy
from experiment_sheet.testing.google import Fault, GoogleSheets, Quota, Races

FAULTS = {
    "429": Fault(status=429),
    "429 with Retry-After": Fault(status=429, retry_after=1),
    "401": Fault(status=401),
    "500": Fault(status=500),
    "500 applied": Fault(status=500, applied=True),
    "502 applied": Fault(status=502, applied=True),
    "503": Fault(status=503),
    "503 applied": Fault(status=503, applied=True),
    "slow": Fault(seconds=0.3),
    "reset": Fault(reset=True),
    "reset applied": Fault(reset=True, applied=True),
}
ACC = Column("output", "acc")


@pytest.fixture(params=[Races(), Races.none()], ids=["unsafe", "kind"])
def google(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleSheets]:
    yield from served(monkeypatch, request.param)


@pytest.mark.parametrize("request_", ["getByDataFilter", "batchUpdate", "drive"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_write_gets_over_every_fault(google: GoogleSheets, fault: Fault, request_: str) -> None:
    """A failing look, batch or Drive request doubles no row, loses none, and leaves every cell right."""
    key = google.create("runs")
    write(key, {"run-a": {LR: 0.1, STATUS: "running"}}, new=["run-a"])
    google.faults.plan(fault, path=request_)
    rows = {"run-b": {LR: 0.2, ACC: 0.5}, "run-a": {STATUS: "finished", LOSS: 1.5}}
    written = write(key, rows, new=["run-b"], last=anything(rows))
    assert [*written.added] == ["run-b"]
    assert not written.missing
    assert not written.kept
    assert rows_of(google, key) == [
        {"run_id": "run-a", "lr": 0.1, "status": "finished", "loss": 1.5},
        {"run_id": "run-b", "lr": 0.2, "acc": 0.5},
    ]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_tab_is_made_once(google: GoogleSheets, fault: Fault) -> None:
    """The first write of all makes one tab with one header, whatever happens to it."""
    key = google.create("runs")
    google.faults.plan(fault, path="batchUpdate")
    google.faults.plan(fault, path="fields")
    write(key, {"run-a": {LR: 0.1}}, new=["run-a"])
    assert [tab.title for tab in google.spreadsheet(key).tabs] == ["Sheet1", "runs"]
    assert rows_of(google, key) == [{"run_id": "run-a", "lr": 0.1}]


@pytest.mark.parametrize("edit", ["sort", "row", "column", "delete", "rename"])
@pytest.mark.parametrize("applied", [False, True])
def test_a_lost_answer_and_an_edit_at_once(google: GoogleSheets, applied: bool, edit: str) -> None:
    """A teammate edits before the batch whose answer is lost, and again before it is repeated."""
    key = google.create("runs")
    start = {f"run-{at}": {LR: at / 10, LOSS: float(at), STATUS: "running"} for at in range(1, 6)}
    write(key, start, new=[*start])
    mate = google.teammate(key, "runs")
    edits = {
        "sort": lambda: mate.sort("lr", descending=True),
        "row": lambda: mate.insert_row(3, ["", "a row of mine"]),
        "column": lambda: mate.insert_column(3, "mine", ["x"]),
        "delete": lambda: mate.delete_row(2),
        "rename": lambda: mate.rename_tab("experiments"),
    }
    google.faults.between(edits[edit], path="batchUpdate")
    google.faults.reset(applied=applied, path="batchUpdate")
    google.faults.between(lambda: mate.sort("run_id"), path="batchUpdate", after=1)
    rows = {"run-2": {LOSS: 0.25, STATUS: "finished"}, "run-6": {LR: 0.6, ACC: 1}}
    write(key, rows, new=["run-6"], last=anything(rows))
    tab = "experiments" if edit == "rename" else "runs"
    found = {row["run_id"]: row for row in rows_of(google, key, tab) if "run_id" in row}
    expected = {run: {"run_id": run, **{c.key: v for c, v in row.items()}} for run, row in start.items()}
    expected["run-2"] |= {"loss": 0.25, "status": "finished"}
    expected["run-6"] = {"run_id": "run-6", "lr": 0.6, "acc": 1}
    if edit == "delete":
        del expected["run-1"]
    assert {run: {k: v for k, v in row.items() if k != "mine"} for run, row in found.items()} == expected


def test_a_batch_whose_answer_never_came_is_looked_after_later(google: GoogleSheets) -> None:
    """After an outage that began with a lost answer, the next write mends what a sort displaced under the batch."""
    key = google.create("runs")
    start = {f"run-{at}": {LR: at / 10, LOSS: float(at)} for at in range(1, 5)}
    write(key, start, new=[*start])
    mate = google.teammate(key, "runs")
    google.faults.between(lambda: mate.sort("lr", descending=True), path="batchUpdate")
    google.faults.reset(applied=True, path="batchUpdate")
    google.faults.answer(503, times=1000, after=1, path="batchUpdate|getByDataFilter")
    with pytest.raises(SheetBusy):
        backend_of(key, patience=0.5).write({"run-1": {LOSS: 0.5}}, last={"run-1": {LOSS: [1.0]}})
    google.faults.clear()
    mate.sort("loss")
    write(key, {"run-5": {LR: 0.5}}, new=["run-5"])
    found = {row["run_id"]: row.get("loss") for row in rows_of(google, key)}
    assert found == {"run-1": 1, "run-2": 2, "run-3": 3, "run-4": 4, "run-5": None}


def test_a_batch_that_arrives_late_is_not_applied_twice(google: GoogleSheets) -> None:
    """A batch that was given up and sent again, and then arrives after all, changes nothing any more."""
    key = google.create("runs")
    write(key, {"run-a": {LR: 0.1}}, new=["run-a"])
    google.faults.slow(1.5, path="batchUpdate")
    backend = backend_of(key)
    backend.timeout = (5.0, 0.5)
    backend.write({"run-b": {LR: 0.2}, "run-a": {LR: 0.3}}, new=["run-b"], last={"run-a": {LR: [0.1]}})
    google.faults.between(lambda: None, path="batchUpdate")
    threading.Event().wait(1.6)
    assert rows_of(google, key) == [{"run_id": "run-a", "lr": 0.3}, {"run_id": "run-b", "lr": 0.2}]


def test_a_service_that_stays_away_is_given_up(google: GoogleSheets, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded time a write says that Google can't be reached; nothing was written."""
    key = google.create("runs")
    google.faults.answer(503, times=10_000)
    with pytest.raises(SheetBusy, match=key):
        backend_of(key, patience=1.0).write({"run-a": {LR: 0.1}}, new=["run-a"])
    google.faults.clear()
    monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_URL", "http://127.0.0.1:9")
    with pytest.raises(SheetBusy, match="network"):
        backend_of(key, patience=1.0).write({"run-a": {LR: 0.1}}, new=["run-a"])


def test_a_quota_that_is_used_up_is_waited_for(google: GoogleSheets) -> None:
    """Requests beyond the quota are refused by Google, and sent again when the minute is over."""
    key = google.create("runs")
    write(key, {"run-a": {LR: 0.1}}, new=["run-a"])
    google.clock.stop(at=6000.0)
    google.quota = Quota(reads_per_user=1, writes_per_user=1)
    threading.Timer(1.0, google.clock.advance, (60.0,)).start()
    for run in ("run-b", "run-c"):
        write(key, {run: {LR: 0.1}}, new=[run])
    assert any(one.status == 429 for one in google.log), "one was refused"
    google.quota = None
    assert [row["run_id"] for row in rows_of(google, key)] == ["run-a", "run-b", "run-c"]


def test_many_rows_take_few_requests(google: GoogleSheets) -> None:
    """A thousand rows of thirty columns are at most five writes; one row is one write and one look."""
    key = google.create("runs")
    columns = [Column("input", f"parameter_{number}") for number in range(30)]
    rows = {f"run-{at:04}": dict.fromkeys(columns, at / 7) for at in range(1000)}
    written = write(key, rows, new=[*rows])
    assert len(written.added) == 1000
    assert google.log.count("write") <= 5
    assert google.log.count("read") <= 4
    assert [row["run_id"] for row in rows_of(google, key)] == [*rows]
    before = (google.log.count("read"), google.log.count("write"))
    backend = backend_of(key)
    backend.mark()
    backend.write({"run-x": {columns[0]: 1.0}}, new=["run-x"], mark=Mark("sheet", 2))
    assert (google.log.count("read"), google.log.count("write")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("seed", range(2))
def test_a_long_life_among_faults(google: GoogleSheets, seed: int) -> None:
    """With a third of all requests failing in every way, fifteen writes leave what they said."""
    key = google.create("runs")
    google.faults.share(0.33, [fault for name, fault in FAULTS.items() if not name.startswith("4")], seed=seed)
    for at in range(5):
        run = f"run-{at}"
        for step, row in enumerate([{LR: at, STATUS: "running"}, {LOSS: 1.0}, {LOSS: 0.5, STATUS: "finished"}]):
            backend = GoogleBackend(backend_of(key).target)
            backend.write({run: row}, new=[run] if not step else (), last=anything({run: row}))
    google.faults.clear()
    expected = [{"run_id": f"run-{at}", "lr": at, "loss": 0.5, "status": "finished"} for at in range(5)]
    assert rows_of(google, key) == expected
