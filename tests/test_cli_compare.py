"""`experiment-sheet compare`: what differs, in the terminal, as JSON and as a workbook."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import unquote

import openpyxl
import pytest
from openxml_audit import OpenXmlValidator
from sample_runs import sample
from terminal import ok, refused

import experiment_sheet as es
from experiment_sheet.testing import check_workbook

HERE = ("-s", "runs.csv")


def test_the_table_shows_results_with_differences_then_what_differs() -> None:
    """What is the same in all is set aside."""
    sample()
    lines = ok("compare", "calm-fox-1", "wise-elk-3", *HERE).splitlines()
    assert lines[0].split() == ["calm-fox-1", "wise-elk-3"]
    assert lines[1].split() == ["loss", "0.3333", "0.2", "(-0.13)"]
    assert any(line.split() == ["lr", "0.1", "0.03333"] for line in lines)
    assert lines[-1].startswith("the same in all: ")
    assert "epochs 3" in lines[-1]


def test_json() -> None:
    """Strict; differences are to the first run, absolute and relative."""
    ids = sample()
    told = json.loads(ok("compare", ids[0], ids[2], "nan-run", "--json", *HERE), parse_constant=pytest.fail)
    assert [run["run"] for run in told["runs"]] == ["calm-fox-1", "wise-elk-3", "nan-run"]
    acc = told["outputs"]["val_acc"]
    assert acc["values"][2] is None
    assert acc["difference"] == [0.0, pytest.approx(0.4), None]
    assert acc["relative"][1] == pytest.approx(0.4 / 0.3)
    assert told["inputs"]["lr"] == [0.1, pytest.approx(0.1 / 3), 0.5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["calm-fox-1"], "two runs or more"),
        (["calm-fox-1", "calm-fox-1"], "named twice"),
        (["calm-fox-1", "old-owl-2"], "may mean 2 runs"),
        (["calm-fox-1", "wise-elk-3", "--to", "runs.csv"], ".xlsx"),
        (["calm-fox-1", "wise-elk-3", "--to", "gsheet://KEY/Tab"], ".xlsx"),
        (["calm-fox-1", "wise-elk-3", "--to", "here.xlsx"], "is there already"),
    ],
)
def test_what_cant_be_compared(words: list[str], said: str) -> None:
    """Said at once; a file that is there stays as it is."""
    sample()
    Path("here.xlsx").write_text("mine")
    assert said in refused("compare", *words, *HERE)
    assert Path("here.xlsx").read_text() == "mine"


def workbook(*runs: str, to: str = "compare.xlsx") -> openpyxl.Workbook:
    """Make a comparison as a workbook; it has no fault that two validators know of."""
    ok("compare", *runs, "--to", to, *HERE)
    assert check_workbook(to) == []
    assert OpenXmlValidator().validate(to).is_valid
    return openpyxl.load_workbook(to)


def cells(sheet: object) -> dict[str, list[object]]:
    """Rows of a tab by their first cell."""
    return {str(row[0]): list(row[1:]) for row in sheet.iter_rows(values_only=True) if row[0]}  # type: ignore[attr-defined]


def test_a_workbook() -> None:
    """Results side by side with differences, a chart of each shared metric, the steps they are drawn from."""
    ids = sample()
    book = workbook("calm-fox-1", ids[1], ids[3])
    assert book.sheetnames == ["Comparison", "Comparison curves", "Comparison steps"]
    rows = cells(book["Comparison"])
    assert rows["run"][:3] == ["calm-fox-1", "old-owl-2", "old-owl-2"]
    assert rows["val_acc"][:3] == pytest.approx([0.3, 0.5, 0.9])
    assert rows["val_acc"][4:] == pytest.approx([0.2, 0.2 / 0.3, 0.6, 2.0])
    assert rows["lr"][:3] == pytest.approx([0.1, 0.05, 0.025])
    assert rows["epochs"][0] == 3
    assert "loss.curve" not in rows
    charts = book["Comparison curves"]._charts
    assert [len(chart.series) for chart in charts] == [3, 3]
    y = charts[0].series[1].yVal.numRef.f
    assert y == "'Comparison steps'!$C$3:$C$5"
    assert [cell[0].value for cell in book["Comparison steps"]["C3:C5"]] == pytest.approx([1 / 2, 1 / 3, 1 / 4])


def test_links_lead_to_the_run_folders() -> None:
    """From wherever the workbook lies."""
    sample()
    ok("compare", "calm-fox-1", "wise-elk-3", "--to", "out/far away.xlsx", *HERE)
    sheet = openpyxl.load_workbook("out/far away.xlsx")["Comparison"]
    link = str(cells(sheet)["everything"][0])
    target = unquote(link.split('"')[1])
    assert link.startswith("=HYPERLINK")
    assert (Path("out") / target).resolve().is_file()


def test_runs_without_history_and_with_nan() -> None:
    """There are no curves then, and NaN is shown and compared with nothing."""
    sample()
    book = workbook("calm-fox-1", "nan-run")
    assert book.sheetnames == ["Comparison"]
    assert cells(book["Comparison"])["val_acc"][:5] == [pytest.approx(0.3), "NaN", None, None, None]


def test_odd_names_and_values_in_a_workbook() -> None:
    """Text that looks like a formula is text; a name may hold anything."""
    for name in ("=1+1", 'quo"te <&> \x07'):
        with es.init("runs.csv", config={"note": "=CMD()", "who": name, "big": 10**30}, name=name) as run:
            run.log({"a/b:c*?": 1e-12, "inf": float("inf")})
            run.log({"a/b:c*?": 2e9})
    ids = list(es.Sheet("runs.csv").read().index)
    rows = cells(workbook(*ids)["Comparison"])
    assert rows["run"][0] == "=1+1"
    assert rows["who"][0] == "=1+1"


def test_long_histories_are_thinned() -> None:
    """A chart has at most so many points, the last one among them; it is said."""
    for name in ("one", "two"):
        with es.init("runs.csv", name=name) as run:
            for step in range(5_000):
                run.log({"loss": step * 1.0}, step=step)
    book = workbook("one", "two")
    column = [cell.value for cell in book["Comparison steps"]["B"][2:]]
    assert (len(column) <= 1_001, column[-1]) == (True, 4_999)
    assert "every 6th point" in str(book["Comparison curves"]["A2"].value)


def test_it_replaces_a_file_only_if_told() -> None:
    """With --replace."""
    sample()
    Path("compare.xlsx").write_text("old")
    ok("compare", "calm-fox-1", "wise-elk-3", "--to", "compare.xlsx", "--replace", *HERE)
    assert check_workbook("compare.xlsx") == []


@pytest.mark.libreoffice
def test_libreoffice_opens_it(soffice: str) -> None:
    """As three tabs, the charts drawn."""
    sample()
    ok("compare", "calm-fox-1", "wise-elk-3", "--to", "compare.xlsx", *HERE)
    line = [
        soffice,
        "--headless",
        f"-env:UserInstallation=file://{Path.cwd()}/lo",
        "--convert-to",
        "pdf",
        "compare.xlsx",
    ]
    subprocess.run(line, check=True, capture_output=True, timeout=180)
    assert Path("compare.pdf").stat().st_size > 10_000
