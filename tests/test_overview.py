"""The overview: right in every state of the sheet, as LibreOffice computes it, and never in the way of an append."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openxml_audit import OpenXmlValidator, ValidationSeverity
from shown_overview import shown

import experiment_sheet as es
from experiment_sheet.columns import Column
from experiment_sheet.look import DEFAULT, ColumnLook, Overview
from experiment_sheet.overview import plan
from experiment_sheet.overview.choice import goals_of, groups_of
from experiment_sheet.overview.model import BLOCKS, METRICS, Runs
from experiment_sheet.testing import check_workbook

BOOK = Path("runs.xlsx")
DAY = dt.datetime(2026, 3, 1, 12)


def rows(count: int) -> list[dict[str, object]]:
    """Results from elsewhere, with what a sheet may hold: failures, NaN, missing values, groups of three."""
    made = []
    for number in range(count):
        row: dict[str, object] = {
            "run": f"run-{number}",
            "status": "failed" if number % 5 == 4 else "finished",
            "started": DAY + dt.timedelta(hours=9 * number),
            "duration": dt.timedelta(minutes=number + 1),
            "model": ("mlp", "forest", "svm")[number % 3],
            "lr": 10.0 ** -(number % 4),
            "val_acc": 0.9 + (number * 37 % 100) / 1000,
            "val_loss": 1.0 / (number + 2),
        }
        if number % 7 == 3:
            row["val_acc"] = float("nan")
        if number % 7 == 5:
            del row["val_acc"]
        made.append(row)
    return made


def sound(path: Path) -> None:
    """Every validator at hand is content."""
    assert check_workbook(path) == []
    found = OpenXmlValidator().validate(str(path)).errors
    assert [e.description for e in found if e.severity is ValidationSeverity.ERROR] == []


def expected_best(frame: pd.DataFrame, metric: str, goal: str) -> list[object]:
    """Best, its run, mean and count, as pandas computes them."""
    values = pd.to_numeric(frame[metric], errors="coerce").dropna()
    best = values.idxmax() if goal == "max" else values.idxmin()
    return [goal, pytest.approx(values[best], rel=1e-4), frame["run"][best], pytest.approx(values.mean(), rel=1e-4)]


@pytest.mark.libreoffice
def test_overview_says_what_pandas_says(soffice: str) -> None:
    """Counts, best runs, days, time, groups and the line of the best are those that pandas computes."""
    sheet = es.Sheet(BOOK)
    sheet.append(rows(3))
    sheet.append(rows(23)[3:])
    sound(BOOK)
    frame, seen = sheet.read(), shown(soffice, BOOK.absolute())
    assert (seen.left["finished"], seen.left["failed"], seen.left["other"]) == (19, 4, 0)
    assert seen.left["all runs"] == frame["duration"].sum()
    assert seen.left["lost in failures"] == frame.loc[frame["status"] == "failed", "duration"].sum()
    per_day = pd.to_datetime(frame["started"]).dt.date.value_counts().sort_index(ascending=False).tolist()
    assert seen.days == per_day + [0] * (14 - len(per_day))
    assert list(seen.best) == ["val_acc", "val_loss"]
    for metric, goal in (("val_acc", "max"), ("val_loss", "min")):
        better, best, run, _, mean, count = seen.best[metric]
        assert [better, best, run, mean] == expected_best(frame, metric, goal)
        assert count == pd.to_numeric(frame[metric], errors="coerce").count()
    assert seen.summary.startswith("23 runs, the best val_acc is 0.9")
    _check_groups(seen.groups, frame)
    values = pd.to_numeric(frame["val_acc"], errors="coerce").reset_index(drop=True)
    so_far = values.cummax().ffill()
    assert [point[2] for point in seen.points] == pytest.approx(so_far.tolist())
    assert [point[0] for point in seen.points] == list(range(1, 24))


def _check_groups(groups: dict[str, list[object]], frame: pd.DataFrame) -> None:
    """Means and deviations by model, the best mean first."""
    values = pd.to_numeric(frame["val_acc"], errors="coerce").groupby(frame["model"])
    told = values.agg(["count", "mean", "std", "max"]).sort_values("mean", ascending=False)
    assert list(groups) == told.index.tolist()
    for name, row in told.iterrows():
        assert groups[str(name)] == pytest.approx(row.tolist(), rel=1e-4)


@pytest.mark.libreoffice
def test_overview_of_no_run(soffice: str) -> None:
    """An empty sheet has an overview without an error in it."""
    es.Sheet(BOOK).create()
    sound(BOOK)
    seen = shown(soffice, BOOK.absolute())
    assert seen.summary == "0 runs"
    assert (seen.best, seen.groups, set(seen.days)) == ({}, {}, {None})
    visible = [cell.value for row in seen.sheet["A1:M48"] for cell in row]
    assert not [value for value in visible if str(value).startswith("#")]


@pytest.mark.libreoffice
def test_overview_of_one_run_whose_results_come_later(soffice: str) -> None:
    """Results that a run logs after its row was made are in the overview; its files are a link away."""
    with es.init(BOOK, config={"model": "mlp", "lr": 0.1}) as run:
        run.log({"train_acc": 0.9, "val_loss": 0.5}, step=0)
        run.log({"val_acc": 0.8}, step=1)
    sound(BOOK)
    seen = shown(soffice, BOOK.absolute())
    name = es.Sheet(BOOK).read()["run"].item()
    assert set(seen.best) == {"val_acc", "val_loss", "train_acc"}
    assert seen.best["val_acc"][:4] == ["max", 0.8, name, "files"]
    assert list(seen.groups) == ["mlp"]


@pytest.mark.libreoffice
def test_overview_after_what_people_do(soffice: str) -> None:
    """Rows that a person deleted are gone from it, a renamed column has its new name, a typed row counts."""
    sheet = es.Sheet(BOOK)
    sheet.append(rows(12))
    book = openpyxl.load_workbook(BOOK)
    tab = book.worksheets[0]
    headers = {cell.value: cell for cell in tab[1]}
    headers["val_acc"].value = "accuracy"
    (column,) = (c for c in tab.tables["Runs"].tableColumns if c.name == "val_acc")
    column.name = "accuracy"
    tab.delete_rows(3, 2)
    tab.tables["Runs"].ref = tab.tables["Runs"].autoFilter.ref = re.sub(r"\d+$", "11", tab.tables["Runs"].ref)
    book.save(BOOK)
    sheet.append([{"run": "later", "status": "finished", "val_acc": 0.9999, "model": "svm"}])
    frame, seen = sheet.read(), shown(soffice, BOOK.absolute())
    assert len(frame) == 11
    assert seen.summary == "11 runs, the best accuracy is 0.9999"
    assert seen.best["accuracy"][:3] == ["max", 0.9999, "later"]
    assert seen.left["finished"] == (frame["status"] == "finished").sum()
    _check_groups(seen.groups, frame)


@pytest.mark.libreoffice
def test_overview_lives_on_when_another_program_saved_it(soffice: str) -> None:
    """LibreOffice keeps what formulas came to; the next row makes it compute them again."""
    sheet = es.Sheet(BOOK)
    sheet.append(rows(5))
    shown(soffice, BOOK.absolute())
    BOOK.write_bytes(Path("opened/runs.xlsx").read_bytes())
    sheet.append([{"run": "later", "val_acc": 0.9999, "model": "svm"}])
    assert check_workbook(BOOK) == []
    seen = shown(soffice, BOOK.absolute())
    assert seen.summary == "6 runs, the best val_acc is 0.9999"
    assert seen.left["other"] == 1


@pytest.mark.libreoffice
def test_person_chooses_another_result_and_group(soffice: str) -> None:
    """What is typed into the two cells that ask for it decides what chart and groups show; any column will do."""
    es.Sheet(BOOK).append(rows(9))
    book = openpyxl.load_workbook(BOOK)
    picks = [rule for rule in book["Overview"].data_validations.dataValidation if rule.prompt]
    for rule, text in zip(picks, ("val_loss", "lr"), strict=True):
        book["Overview"][str(rule.sqref)].value = text
    book.save(BOOK)
    frame, seen = es.Sheet(BOOK).read(), shown(soffice, BOOK.absolute())
    means = frame.groupby("lr")["val_loss"].mean().sort_values()
    assert list(seen.groups) == pytest.approx(means.index.tolist())
    assert [point[1] for point in seen.points] == pytest.approx(frame["val_loss"].tolist())
    assert [point[2] for point in seen.points] == pytest.approx(frame["val_loss"].cummin().tolist())


@pytest.mark.libreoffice
def test_chart_shows_the_last_runs_of_many(soffice: str) -> None:
    """Of more runs than the chart has points it shows the last, and the best so far knows of all."""
    many = [{"run": f"r{n}", "val_acc": 0.5 if n else 0.9} for n in range(320)]
    es.Sheet(BOOK).append(many)
    points = shown(soffice, BOOK.absolute()).points
    assert (len(points), points[0][0], points[-1][0]) == (300, 21, 320)
    assert {point[2] for point in points} == {0.9}


def overview_part() -> bytes:
    """The overview's part, as it is in the file."""
    with zipfile.ZipFile(BOOK) as archive:
        return archive.read("xl/worksheets/sheet2.xml")


def test_append_leaves_the_overview_as_it_is() -> None:
    """Formulas read whole columns, so a row changes nothing in their tab, nor does a new column."""
    sheet = es.Sheet(BOOK)
    sheet.append(rows(2))
    before = overview_part()
    sheet.append(rows(40)[2:])
    sheet.append([{"f1": 0.5}])
    assert overview_part() == before
    sound(BOOK)


def test_formulas_carry_no_value() -> None:
    """So that every program computes them when it opens the workbook."""
    es.Sheet(BOOK).append(rows(2))
    part = overview_part()
    assert part.count(b"</f>") > 900
    assert b"<v>" not in part
    assert b"<v/>" not in part


def test_formulas_need_no_new_excel() -> None:
    """No function of dynamic arrays; the one that Excel 2007 lacks has its prefix; none is too long for Excel."""
    es.Sheet(BOOK).append(rows(1))
    formulas = re.findall(r"<f[^>]*>(.*?)</f>", overview_part().decode())
    text = " ".join(formulas)
    assert not re.search(r"\b(UNIQUE|FILTER|SORT|LET|LAMBDA|XLOOKUP|MAXIFS|TEXTJOIN|SEQUENCE)\(", text)
    assert "FORMULATEXT(" not in text.replace("_xlfn.FORMULATEXT(", "")
    assert max(map(len, formulas)) < 8192


def test_results_are_coloured_and_the_best_is_bold() -> None:
    """Each result with a goal has a colour scale that ends at its best, and the best in bold, whenever it came."""
    sheet = es.Sheet(BOOK)
    sheet.append([{"val_acc": 0.5}])
    sheet.append([{"val_loss": 0.5, "batches": 3}])
    found = openpyxl.load_workbook(BOOK).worksheets[0]
    headers = {cell.value: cell.column_letter for cell in found[1]}
    rules = {str(ranges.sqref): ranges.rules for ranges in found.conditional_formatting}
    for header, bottom, stops in (("val_acc", None, ["percentile", "max"]), ("val_loss", True, ["min", "percentile"])):
        scale, best = rules[f"{headers[header]}2:{headers[header]}1048576"]
        assert [stop.type for stop in scale.colorScale.cfvo] == stops
        assert (best.type, best.rank, best.bottom, best.dxf.font.b) == ("top10", 1, bottom, True)
    assert f"{headers['batches']}2:{headers['batches']}1048576" not in rules
    sound(BOOK)


def test_a_workbook_of_people_gets_neither() -> None:
    """In a workbook that a person made, a result brings no rules and no tab."""
    book = openpyxl.Workbook()
    book.active.append(["name", "lr"])
    book.active.append(["mine", 0.1])
    book.save(BOOK)
    es.Sheet(BOOK).append([{"lr": 0.2, "val_acc": 0.5}])
    found = openpyxl.load_workbook(BOOK)
    assert len(found.sheetnames) == 1
    assert len(found.active.conditional_formatting) == 0


def test_more_results_than_the_overview_has_room_for() -> None:
    """The first ones stand there; none is written over."""
    sheet = es.Sheet(BOOK)
    sheet.append([{f"val_acc_{n}": 0.5 for n in range(METRICS - 1)}])
    sheet.append([{f"test_acc_{n}": 0.5 for n in range(3)}])
    names = openpyxl.load_workbook(BOOK).worksheets[0].defined_names
    held = [names[f"_es.goal.{n}"].attr_text for n in range(1, METRICS + 1)]
    assert len(set(held)) == METRICS
    sound(BOOK)


@pytest.mark.parametrize("block", BLOCKS)
def test_each_block_stands_alone(block: str, soffice: str) -> None:
    """A template may show any of the blocks alone."""
    look = replace(DEFAULT, overview=Overview(tab="Board", show=(block,)))
    es.Sheet(BOOK, template=look).append(rows(6))
    sound(BOOK)
    if block not in ("status", "groups"):
        return  # two of them are opened: one of either side
    board = shown(soffice, BOOK.absolute(), tab="Board")
    visible = [cell.value for row in board.sheet["A1:M48"] for cell in row]
    assert not [value for value in visible if str(value).startswith("#")]
    assert board.left.get("finished") == (5 if block == "status" else None)


def test_no_overview_where_the_look_has_none() -> None:
    """``overview = false``: the runs stand alone, without names for what isn't there."""
    es.Sheet(BOOK, template=replace(DEFAULT, overview=None)).append(rows(1))
    book = openpyxl.load_workbook(BOOK)
    assert book.sheetnames == ["runs"]
    assert not [name for name in book.worksheets[0].defined_names if name.startswith("_es.goal")]


def test_tab_that_is_called_like_the_overview() -> None:
    """Runs in a tab of that name leave it to them."""
    es.Sheet(f"{BOOK}#Overview").append(rows(1))
    assert openpyxl.load_workbook(BOOK).sheetnames == ["Overview", "Overview of runs"]
    sound(BOOK)


def test_what_comes_first() -> None:
    """Results: those that the look names, then those of held-out data; groups: what it names, then words."""
    goals = [Column("output", key) for key in ("train_acc", "epoch", "val_loss", "test_acc", "val_acc")]
    assert [c.key for c in goals_of(DEFAULT, goals)] == ["val_loss", "test_acc", "val_acc", "train_acc"]
    named = replace(DEFAULT, overview=Overview(metrics=("train_acc",), group="seed"))
    assert goals_of(named, goals)[0].key == "train_acc"
    inputs = [Column("input", key) for key in ("lr", "model", "seed")] + [Column("run", "group")]
    assert [c.key for c in groups_of(DEFAULT, inputs, {Column("input", "model")})] == ["group", "model", "lr", "seed"]
    assert groups_of(named, inputs, ())[0].key == "seed"


def test_people_give_a_result_its_goal() -> None:
    """A column of people's that a template gives a goal is a result as any other."""
    typed = Column("people", "public LB")
    look = replace(DEFAULT, looks={**DEFAULT.looks, typed: ColumnLook(goal="min")})
    assert goals_of(look, [typed]) == [typed]


def test_plan_is_pure() -> None:
    """A plan needs no workbook; no cell is planned twice."""
    made = plan(DEFAULT, Overview(), Runs("runs", dict.fromkeys(DEFAULT_KEYS, "B")))
    places = [(spot.row, spot.column) for spot in made.spots]
    assert len(places) == len(set(places))
    assert made.chart is not None


DEFAULT_KEYS = [column.key for column in DEFAULT.columns]


@pytest.mark.libreoffice
def test_printed_overview_fits_a_page(soffice: str, tmp_path: Path) -> None:
    """Printed, it is one page."""
    es.Sheet(BOOK).append(rows(9))
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run([soffice, profile, "--headless", "--convert-to", "pdf", str(BOOK)], check=True, timeout=180)
    assert len(re.findall(rb"/Type\s*/Page\b", Path("runs.pdf").read_bytes())) == 2  # the runs', and this one
