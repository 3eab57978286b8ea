"""The sheet as a person's code uses it: append, read, update, best, waiting rows."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from experiment_sheet import locks
from experiment_sheet.columns import Column
from experiment_sheet.errors import IllegalTab, RunNotFound, UnknownTarget, UsageError
from experiment_sheet.sheet import Sheet
from experiment_sheet.testing import check_workbook

STATUS, ACC = Column("run", "status"), Column("output", "acc")


def _csv(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_many_rows_go_in_with_one_call(tmp_path: Path) -> None:
    """Dictionaries become rows, nested keys dotted columns; the ids come back in order."""
    sheet = Sheet(tmp_path / "runs.csv")
    ids = sheet.append([{"lr": 0.1, "acc": 0.9}, {"lr": 0.2, "model": {"depth": 3}}])
    frame = sheet.read()
    assert list(frame.index) == ids
    assert frame["lr"].tolist() == [0.1, 0.2]
    assert frame["model.depth"].tolist()[1] == 3
    assert sheet.columns()["acc"] == "output"
    assert sheet.columns()["lr"] == "input"


def test_a_frame_goes_in_and_comes_back(tmp_path: Path) -> None:
    """What append took from a DataFrame, read answers as one."""
    frame = pd.DataFrame({"lr": [0.1, 0.2], "acc": [0.5, None], "model": ["cnn", "mlp"]})
    sheet = Sheet(tmp_path / "runs.csv")
    sheet.append(frame)
    back = sheet.read()[["lr", "acc", "model"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


def test_nothing_is_added_to_what_is_appended(tmp_path: Path) -> None:
    """Results from elsewhere get a run_id and no provenance of this process."""
    Sheet(tmp_path / "runs.csv").append({"acc": 0.9})
    (row,) = _csv(tmp_path / "runs.csv")
    assert {key for key, value in row.items() if value} == {"acc", "run_id"}


def test_a_run_is_updated_later_but_never_over_a_person(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Notes and verdict are written where nobody else wrote; else they are left and it is said."""
    path = tmp_path / "runs.csv"
    sheet = Sheet(path)
    (run,) = sheet.append({"acc": 0.9, "notes": "first"})
    assert sheet.update(run, {"notes": "second", "verdict": "confirmed"})
    assert (_csv(path)[0]["notes"], _csv(path)[0]["verdict"]) == ("second", "confirmed")
    path.write_text(path.read_text(encoding="utf-8-sig").replace("second", "mine"), encoding="utf-8-sig")
    assert not sheet.update(run, {"notes": "third", "acc": 0.91})
    assert (_csv(path)[0]["notes"], _csv(path)[0]["acc"]) == ("mine", "0.91")
    assert "left alone" in caplog.text
    assert sheet.update(run, {"notes": "forced"}, overwrite=True)
    assert _csv(path)[0]["notes"] == "forced"


def test_a_column_of_a_persons_own_is_filled_by_an_explicit_update(tmp_path: Path) -> None:
    """A header that a person typed is where code writes when told so."""
    path = tmp_path / "runs.csv"
    sheet = Sheet(path)
    (run,) = sheet.append({"acc": 0.9})
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text(f"{lines[0]},leaderboard\n{lines[1]},\n", encoding="utf-8-sig")
    assert sheet.update(run, {"leaderboard": 0.77})
    assert _csv(path)[0]["leaderboard"] == "0.77"
    assert sheet.read()["leaderboard"].tolist() == [0.77]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_second_word_about_a_run_changes_it(tmp_path: Path, suffix: str) -> None:
    """A run_id of one's own that is known already is the same run, not a second row and not silence."""
    sheet = Sheet(tmp_path / f"runs.{suffix}")
    for value in (1, 2):
        sheet.log_run({"run_id": "mine", "x": value})
    sheet.append([{"run_id": "mine", "y": 5}, {"run_id": "other", "y": 6}])
    sheet.append({"run_id": "mine", "y": 7})
    frame = sheet.read()
    assert frame.index.tolist() == ["mine", "other"]
    assert frame.loc["mine", ["x", "y"]].tolist() == [2, 7]


def test_a_row_without_a_run_id_gets_one_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    """An empty or missing id is drawn; one that no sheet keeps, or that stands twice, is the caller's mistake."""
    sheet = Sheet(tmp_path / "runs.csv")
    ids = sheet.append([{"run_id": None, "x": 1}, {"run_id": "", "x": 2}, {"run_id": float("nan"), "x": 3}])
    assert len(set(ids)) == 3
    assert sheet.read()["x"].tolist() == [1, 2, 3]
    for rows in ([{"run_id": "=1+1"}], [{"run_id": 7}], [{"run_id": "a1x"}, {"run_id": "a1x"}]):
        with pytest.raises(UsageError, match="id"):
            sheet.append(rows)
    assert len(sheet.read()) == 3


def test_update_wants_a_dictionary_of_cells(tmp_path: Path) -> None:
    """Anything else, and a new run_id, is refused rather than taken for nothing."""
    sheet = Sheet(tmp_path / "runs.csv")
    (run,) = sheet.append({"x": 1})
    for values in ("x", None, {"run_id": "other"}):
        with pytest.raises(UsageError, match="update takes"):
            sheet.update(run, values)  # type: ignore[arg-type]


def test_a_stale_save_is_seen_by_readers_and_mended_by_sync(tmp_path: Path) -> None:
    """Rows that an older copy lacks are in read and pending at once, and back in the file after sync."""
    path = tmp_path / "runs.xlsx"
    sheet = Sheet(path)
    sheet.append([{"x": 1}, {"x": 2}])
    stale = path.read_bytes()
    sheet.append({"x": 3})
    path.write_bytes(stale)
    assert sheet.read()["x"].tolist() == [1, 2, 3]
    assert len(sheet.pending()) == 1
    assert sheet.sync() == 0
    assert pd.read_excel(path, engine="openpyxl")["x"].tolist() == [1, 2, 3]


def test_a_save_by_pandas_is_no_stale_one(tmp_path: Path) -> None:
    """pandas writes the file anew, without our mark: rows it dropped stay deleted; rows of later writes come back."""
    path = tmp_path / "runs.xlsx"
    sheet = Sheet(path)
    for x in range(4):
        sheet.append({"x": x})
    frame = pd.read_excel(path, engine="openpyxl")
    frame[frame["x"] != 1].to_excel(path, index=False, sheet_name="runs")
    sheet.append({"x": 9})
    assert sheet.read()["x"].tolist() == [0, 2, 3, 9]
    frame[frame["x"] < 1].to_excel(path, index=False, sheet_name="runs")  # a copy of before, as far as its rows tell
    assert sheet.sync() == 0
    assert sheet.read()["x"].tolist() == [0, 1, 2, 3, 9]


def test_two_sheets_of_one_stem_never_share_a_folder(tmp_path: Path) -> None:
    """Also where both were opened before either had written: the second to write goes elsewhere, and is found."""
    excel, text = Sheet(tmp_path / "runs.xlsx"), Sheet(tmp_path / "runs.csv")
    assert excel.pending() == text.pending() == []
    excel.append({"x": 1})
    owner = tmp_path / "~$runs.csv"
    owner.write_bytes(b"\x03Kim")
    text.append({"x": 2})
    assert (excel.files.name, text.files.name) == ("runs_files", "runs.csv_files")
    owner.unlink()
    program = f"from experiment_sheet import Sheet; print(Sheet({str(tmp_path / 'runs.csv')!r}).sync())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "0\n"
    assert text.read()["x"].tolist() == [2]


def test_a_run_that_is_not_there_is_said(tmp_path: Path) -> None:
    """An update of nothing is a mistake in the code, not in the world."""
    sheet = Sheet(tmp_path / "runs.csv")
    sheet.append({"acc": 0.9})
    with pytest.raises(RunNotFound, match="rnope"):
        sheet.update("rnope", {"notes": "x"})


def test_a_target_of_unknown_kind_is_refused_at_once() -> None:
    """Before anything is logged, not at the end of a training."""
    with pytest.raises(UnknownTarget):
        Sheet("runs.docx")


@pytest.mark.parametrize("tab", ["a:b", "x" * 32, "'quoted'", "what?"])
def test_a_tab_that_cannot_be_is_refused_at_once(tab: str, tmp_path: Path) -> None:
    """Before anything is logged, and nothing is journalled."""
    with pytest.raises(IllegalTab):
        Sheet(f"{tmp_path}/runs.xlsx#{tab}")
    assert not (tmp_path / "runs_files").exists()


def test_a_tab_under_its_own_name_is_the_same_sheet(tmp_path: Path) -> None:
    """What was logged without naming the tab is changed by who names it."""
    run = Sheet(tmp_path / "runs.xlsx").log_run({"acc": 0.5})
    named = Sheet(f"{tmp_path}/runs.xlsx#runs")
    assert named.update(run, {"acc": 0.6})
    assert named.read().loc[run, "acc"] == 0.6
    assert Sheet(tmp_path / "runs.xlsx").update(run, {"acc": 0.7})
    assert len(named.read()) == 1


def test_a_tab_that_is_not_there_is_made(tmp_path: Path) -> None:
    """In a workbook of ours as in one of people's, whole for Excel, and the first tab stays as it is."""
    pd.DataFrame({"a": [1]}).to_excel(tmp_path / "theirs.xlsx", index=False)
    Sheet(tmp_path / "ours.xlsx").append({"lr": 0.1})
    for name in ("ours.xlsx", "theirs.xlsx"):
        sheet = Sheet(f"{tmp_path / name}#Ablations")
        sheet.append({"lr": 0.2})
        assert sheet.read()["lr"].tolist() == [0.2]
        assert check_workbook(tmp_path / name) == []
        there = ["runs", "Overview"] if name == "ours.xlsx" else ["Sheet1"]
        assert openpyxl.load_workbook(tmp_path / name).sheetnames == [*there, "Ablations"]
        assert sheet.pending() == []


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_sheet_of_peoples_own_gets_only_what_was_logged(tmp_path: Path, suffix: str) -> None:
    """Their columns are filled; beside the logged keys and run_id none is added."""
    path = tmp_path / f"mine.{suffix}"
    frame = pd.DataFrame({"lr": [0.1], "acc": [0.5], "status": ["done"]})
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_excel(path, index=False)
    Sheet(path).log_run({"lr": 0.2, "acc": 0.6, "depth": 3}, notes="mine")
    Sheet(path).log_run({"lr": 0.3})
    back = pd.read_csv(path) if suffix == "csv" else pd.read_excel(path, engine="openpyxl")
    assert sorted(back.columns) == ["acc", "depth", "lr", "notes", "run_id", "status"]
    assert back["lr"].tolist() == [0.1, 0.2, 0.3]
    assert back["status"].tolist() == ["done", "finished", "finished"]


def test_a_full_table_leaves_the_rest_to_run_json(tmp_path: Path) -> None:
    """With 16,384 columns there is no room for another: the row arrives, the new key is in the run's run.json."""
    path = tmp_path / "wide.xlsx"
    pd.DataFrame([["", *range(2, 16_385)]], columns=["run_id", *(f"c{n}" for n in range(2, 16_385))]).to_excel(
        path, index=False
    )
    sheet = Sheet(path)
    run = sheet.log_run({"c3": 7, "brand_new": 5})
    assert sheet.read().loc[run, "c3"] == 7
    assert json.loads((sheet.files / run / "run.json").read_text())["inputs"]["brand_new"] == 5


def test_a_sheet_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    """Reading makes nothing."""
    sheet = Sheet(tmp_path / "runs.csv")
    assert sheet.read().empty
    assert sheet.pending() == []
    assert not list(tmp_path.glob("runs*"))


def test_waiting_rows_are_read_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While another process holds the lock rows wait: they are in read, in pending, and one message says so."""
    path = tmp_path / "runs.csv"
    sheet = Sheet(path)
    sheet.append({"acc": 0.9})
    held = locks.take(sheet.files / "journal" / "sheet.lock")
    assert held is not None
    for value in (0.5, 0.6):
        sheet.record(f"rwait{value}", {ACC: value, STATUS: "finished"}, kind="end", wait=0.1)
    assert len(_csv(path)) == 1
    assert sheet.read()["acc"].tolist() == [0.9, 0.5, 0.6]
    assert sheet.pending() == ["rwait0.5", "rwait0.6"]
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1
    held.release()
    assert sheet.sync() == 0
    assert [row["acc"] for row in _csv(path)] == ["0.9", "0.5", "0.6"]


def test_what_a_person_typed_shines_through_what_waits(tmp_path: Path) -> None:
    """Reading lays waiting cells only over cells that are still the library's."""
    path = tmp_path / "runs.csv"
    sheet = Sheet(path)
    sheet.record("r1", {ACC: 0.1, STATUS: "running"}, kind="start", wait=5)
    path.write_text(path.read_text(encoding="utf-8-sig").replace("0.1", "0.77"), encoding="utf-8-sig")
    sheet.record("r1", {ACC: 0.2, STATUS: "finished"}, kind="change")
    frame = sheet.read()
    assert frame.loc["r1", "acc"] == 0.77
    assert frame.loc["r1", "status"] == "finished"


def test_a_symlink_is_the_same_sheet(tmp_path: Path) -> None:
    """Sheet, lock and journal are found through the real path."""
    (tmp_path / "real").mkdir()
    real = Sheet(tmp_path / "real" / "runs.csv")
    real.append({"acc": 0.9})
    (tmp_path / "link.csv").symlink_to(tmp_path / "real" / "runs.csv")
    link = Sheet(tmp_path / "link.csv")
    link.append({"acc": 0.8})
    assert link.files == real.files
    assert len(_csv(tmp_path / "real" / "runs.csv")) == 2


def test_a_sheet_keeps_its_place_when_the_process_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative target means the folder in which the sheet was named."""
    monkeypatch.chdir(tmp_path)
    sheet = Sheet("runs.csv")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sheet.append({"acc": 0.9})
    assert len(_csv(tmp_path / "runs.csv")) == 1


def test_the_default_sheet_is_runs_xlsx_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """No target means the default."""
    assert Path(Sheet().target.path).name == "runs.xlsx"
    monkeypatch.setenv("EXPERIMENT_SHEET", "mine.csv")
    assert Path(Sheet().target.path).name == "mine.csv"


def test_best_and_top_read_the_sheet(tmp_path: Path) -> None:
    """The questions people ask most are one call."""
    sheet = Sheet(tmp_path / "runs.csv")
    sheet.append([{"acc": value, "lr": value / 10} for value in (0.1, 0.9, 0.5)])
    assert sheet.best("acc")["lr"] == pytest.approx(0.09)
    assert sheet.top("acc", 2)["acc"].tolist() == [0.9, 0.5]
    assert sheet.best("acc", where="lr < 0.06")["acc"] == 0.5


def test_real_results_of_others_go_in_whole(tmp_path: Path, shared_runs: Path) -> None:
    """AutoML benchmark results, a W&B export, an MLflow export and step logs come back as they were."""
    for source in sorted(shared_runs.glob("*.csv")):
        frame = pd.read_csv(source, skipinitialspace=True)
        sheet = Sheet(tmp_path / f"{source.stem}.csv")
        ids = sheet.append(frame)
        assert len(ids) == len(frame)
        back = sheet.read()
        assert len(back) == len(frame)
        numeric = [c for c in frame.select_dtypes("number").columns if frame[c].notna().any()]
        for column in numeric[:5]:
            name = column if column in back.columns else next(n for n in back.columns if n.startswith(column))
            assert back[name].astype(float).fillna(-1).tolist() == frame[column].astype(float).fillna(-1).tolist()
