"""Groups of runs: means and spreads, whatever seeds and folds; and the tables for papers that are made of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet import groups
from experiment_sheet.errors import UnknownColumn, UsageError

ROWS = [
    {"model": model, "lr": lr, "seed": seed, "val_acc": acc, "out_dir": f"out/{model}{seed}"}
    for model, lr, seed, acc in [
        ("cnn", 0.1, 1, 0.80), ("cnn", 0.1, 2, 0.90), ("cnn", 0.01, 1, 0.7),
        ("mlp", 0.1, 1, 0.60), ("mlp", 0.1, 2, 0.62), ("mlp", 0.01, 1, 0.95),
    ]
]  # fmt: skip


@pytest.fixture
def sheet() -> es.Sheet:
    """Two models, two learning rates, some seeds."""
    found = es.Sheet("runs.csv")
    found.append(ROWS)
    return found


def test_runs_of_one_setting_are_a_group(sheet: es.Sheet) -> None:
    """Without being told what to group by: by what differs, but for seeds and places of results."""
    table = sheet.group()
    assert table.index.names == ["model", "lr"]
    assert table.loc[("cnn", 0.1), ["runs", "val_acc"]].tolist() == [2, pytest.approx(0.85)]
    assert sheet.group("model", where="lr > 0.05")["val_acc"].tolist() == [pytest.approx(0.85), pytest.approx(0.61)]


def test_several_aggregates(sheet: es.Sheet) -> None:
    """Each has a column, as a parent's row names them; the deviation is a sample's."""
    table = sheet.group("model", agg=["mean", "std", "min", "max", "count", "median"])
    assert table.loc["mlp", "val_acc.std"] == pytest.approx(pd.Series([0.60, 0.62, 0.95]).std())
    assert table.loc["mlp", ["val_acc.min", "val_acc.max", "val_acc.count"]].tolist() == [0.60, 0.95, 3]


def test_what_can_not_be_grouped_is_said(sheet: es.Sheet) -> None:
    """A typo gets the nearest column, an unknown aggregate the list of them."""
    with pytest.raises(UnknownColumn, match="did you mean 'model'"):
        sheet.group("modle")
    with pytest.raises(UsageError, match="mean, std"):
        sheet.group("model", agg="average")
    with pytest.raises(UsageError):
        sheet.group("model", agg=[])


def test_missing_mixed_and_nothing_at_all() -> None:
    """Runs without a value are a group of their own; keys that can't be ordered keep their order; NaN doesn't count."""
    nan = float("nan")
    sheet = es.Sheet("runs.csv")
    sheet.append([{"k": 1, "acc": 0.5}, {"k": "one", "acc": nan}, {"acc": 0.7}, {"k": "one", "acc": 0.9}])
    sheet.append([{"k": 2, "acc": "diverged"}])
    table = sheet.group("k")
    assert table["runs"].tolist() == [1, 2, 1, 1]
    assert table.loc["one", "acc"] == 0.9
    assert es.Sheet("empty.csv").group().empty
    alike = es.Sheet("alike.csv")
    alike.append([{"lr": 1, "acc": 0.4}, {"lr": 1, "acc": 0.6}])
    assert alike.group().loc["all runs", "acc"] == 0.5


def test_a_sheet_with_only_peoples_columns() -> None:
    """What people typed is grouped by what people typed."""
    Path("mine.csv").write_text("who,score\nana,3\nben,5\nana,4\n", encoding="utf-8")
    sheet = es.Sheet("mine.csv")
    assert sheet.group("who")["score"].tolist() == [3.5, 5]
    assert sheet.pivot("who", None, "score", mode="max").to_markdown().count("**") == 2


def test_folds_have_their_parents_inputs() -> None:
    """A fold's own config may be its number alone; the parent doesn't count beside its folds."""
    for lr in (1, 2):
        with es.init("runs.csv", config={"lr": lr}) as parent:
            for fold in range(3):
                with es.init("runs.csv", parent=parent, config={"fold": fold}) as run:
                    run.log({"val_acc": lr / 10 + fold / 100})
    table = es.Sheet("runs.csv").group("lr")
    assert table["runs"].tolist() == [3, 3]
    assert table["val_acc"].tolist() == [pytest.approx(0.11), pytest.approx(0.21)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_group_agrees_with_plain_arithmetic(runs: list[tuple[str, int, float]]) -> None:
    """Sums and counts of each group are those of its runs."""
    frame = pd.DataFrame(runs, columns=["model", "seed", "acc"])
    frame.attrs["roles"] = {"model": "input", "seed": "input", "acc": "output"}
    table = groups.group(frame, "model")
    for model in {model for model, *_ in runs}:
        values = [acc for name, _, acc in runs if name == model]
        assert table.loc[model, "runs"] == len(values)
        assert table.loc[model, "acc"] == pytest.approx(sum(values) / len(values), abs=1e-6)


# Pivot


def test_pivot_shows_means_with_deviations(sheet: es.Sheet) -> None:
    """One run alone has no deviation; the best of each column is marked; what is missing is a dash."""
    text = str(sheet.pivot("model", "lr", "val_acc"))
    assert "0.8500 ± 0.0707 *" in text
    assert "0.9500 *" in text
    assert sheet.pivot("model", "lr", "val_acc", agg="count").to_frame().to_numpy().tolist() == [["1", "2"], ["1", "2"]]
    sheet.append([{"model": "svm", "lr": 7, "val_acc": 0.3}])
    assert sheet.pivot("model", "lr", "val_acc").to_frame().loc["svm", 0.1] == "–"


def test_what_is_bold(sheet: es.Sheet) -> None:
    """By column, row or table; the other way round where less is better; nothing where that is unknown."""
    assert sheet.pivot("model", "lr", "val_acc").to_markdown().count("**") == 4
    assert sheet.pivot("model", "lr", "val_acc", bold="table").to_markdown().count("**") == 2
    low = sheet.pivot("model", "lr", "val_acc", bold="row", mode="min").to_markdown()
    assert "**0.7000**" in low
    assert "**" not in sheet.pivot("model", "seed", "lr").to_markdown()


def test_latex_is_escaped_and_compiles_as_a_table(sheet: es.Sheet) -> None:
    """Names of people's hold anything."""
    sheet.append([{"model": "50% & $more$_\\x{}~^#", "lr": 0.1, "val_acc": 0.99}])
    latex = sheet.pivot("model", "lr", "val_acc", digits=2).to_latex(caption="a_b", label="tab:x")
    assert r"50\% \& \$more\$\_\textbackslash{}x\{\}\textasciitilde{}\textasciicircum{}\#" in latex
    assert r"\textbf{0.99}" in latex
    assert r"0.85 $\pm$ 0.07" in latex
    assert r"\caption{a\_b}" in latex
    lines = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in lines} == {2}


def test_markdown_is_escaped(sheet: es.Sheet) -> None:
    """A bar or a star in a name doesn't break the table."""
    sheet.append([{"model": "a|b *c*\nd", "lr": 0.1, "val_acc": 0.1}])
    row = next(line for line in sheet.pivot("model", "lr", "val_acc").to_markdown().splitlines() if "a" in line[:4])
    assert row.startswith(r"| a\|b \*c\* d |")


def test_excel_holds_numbers(sheet: es.Sheet, tmp_path: Path) -> None:
    """Means are numbers, the best bold, deviations beside them, no text a formula, and no file is written over."""
    sheet.append([{"model": "=1+1", "lr": 0.1, "val_acc": 0.2}])
    pivot = sheet.pivot("model", "lr", "val_acc")
    pivot.to_excel("table.xlsx")
    tab = openpyxl.load_workbook("table.xlsx").active
    rows = list(tab.iter_rows(values_only=True))
    assert rows[0] == ("model", "0.01", "± 0.01", "0.1", "± 0.1")
    assert rows[1][:2] == ("=1+1", None)
    assert tab["A2"].data_type == "s"
    assert (tab["D3"].value, tab["D3"].font.b, tab["D4"].font.b) == (pytest.approx(0.85), True, False)
    with pytest.raises(FileExistsError):
        pivot.to_excel("table.xlsx")
    pivot.to_excel("table.xlsx", overwrite=True)


def test_pivot_shows_itself_in_a_notebook(sheet: es.Sheet) -> None:
    """As HTML, escaped."""
    sheet.append([{"model": "<b>", "lr": 0.1, "val_acc": 0.1}])
    html = sheet.pivot(["model", "lr"], None, "val_acc")._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>0.9500</b>" in html


def test_pivot_says_what_is_wrong(sheet: es.Sheet) -> None:
    """Columns that are no columns, the same one twice, a value without numbers, a word that is none."""
    with pytest.raises(UnknownColumn):
        sheet.pivot("model", "lr", "val_ac")
    with pytest.raises(UsageError):
        sheet.pivot("model", "model", "val_acc")
    with pytest.raises(UsageError, match="no run has a number"):
        sheet.pivot("lr", None, "model")
    with pytest.raises(UsageError, match="bold"):
        sheet.pivot("model", "lr", "val_acc", bold="all")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="agg"):
        sheet.pivot("model", "lr", "val_acc", agg="sum")


def test_columns_of_mixed_kinds_and_big_numbers() -> None:
    """Rows that can't be ordered keep their order; digits follow the size of the numbers."""
    sheet = es.Sheet("runs.csv")
    sheet.append([{"k": 1, "rows": 12345.6}, {"k": "one", "rows": 2.0}, {"rows": 1.0}])
    frame = sheet.pivot("k", None, "rows").to_frame()
    assert frame["rows"].tolist() == ["12346", "2", "1"]


@pytest.mark.skipif(subprocess.run(["which", "pdflatex"], capture_output=True, check=False).returncode != 0,
                    reason="needs pdflatex")  # fmt: skip
def test_latex_compiles(sheet: es.Sheet, tmp_path: Path) -> None:
    """LaTeX itself accepts the table."""
    body = sheet.pivot("model", "lr", "val_acc").to_latex()
    text = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + body + "\\end{document}\n"
    (tmp_path / "t.tex").write_text(text, encoding="utf-8")
    subprocess.run(["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, check=True, capture_output=True)
