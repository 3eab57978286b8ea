"""Several tabs of one workbook: which one is meant where none is named, whatever was logged into the others."""

from __future__ import annotations

from pathlib import Path

import openpyxl

import experiment_sheet as es


def names(path: str = "runs.xlsx") -> dict[str, list[object]]:
    """The runs' names, by tab that holds runs."""
    tabs = [tab for tab in openpyxl.load_workbook(path) if any(cell.value == "run_id" for cell in tab[1])]
    return {tab.title: [row[0] for row in tab.iter_rows(min_row=2, values_only=True)] for tab in tabs}


def test_the_tab_that_is_meant_without_a_name_stays_the_one() -> None:
    """Logging into another tab by its name doesn't move it."""
    es.log_run("runs.xlsx", {"lr": 1}, name="first")
    es.log_run("runs.xlsx#Two", {"lr": 1}, name="second")
    es.log_run("runs.xlsx", {"lr": 2}, name="third")
    assert names() == {"runs": ["first", "third"], "Two": ["second"]}


def test_a_run_that_goes_on_keeps_its_row_while_others_log_into_other_tabs() -> None:
    """It ends in the tab where it began."""
    run = es.init("runs.xlsx", name="mine")
    es.log_run("runs.xlsx#Two", {"lr": 1}, name="another")
    run.log({"loss": 0.5})
    run.finish()
    assert names() == {"runs": ["mine"], "Two": ["another"]}
    assert es.Sheet("runs.xlsx").read().loc[run.id, "status"] == "finished"


def test_of_several_named_tabs_the_last_becomes_the_one() -> None:
    """Where no tab was meant yet without a name, it is the one that was logged into last, and stays it."""
    for tab in ("One", "Two"):
        es.log_run(f"runs.xlsx#{tab}", {"lr": 1}, name=tab)
    es.log_run("runs.xlsx", {"lr": 1}, name="a")
    es.log_run("runs.xlsx#One", {"lr": 1}, name="b")
    es.log_run("runs.xlsx", {"lr": 1}, name="c")
    assert names() == {"One": ["One", "b"], "Two": ["Two", "a", "c"]}


def test_the_one_may_be_renamed_and_named() -> None:
    """Its new name, and none, mean the same tab."""
    es.log_run("runs.xlsx", {"lr": 1}, name="a")
    book = openpyxl.load_workbook("runs.xlsx")
    book["runs"].title = "Versuche"
    book.save("runs.xlsx")
    es.log_run("runs.xlsx#Two", {"lr": 1}, name="b")
    es.log_run("runs.xlsx#Versuche", {"lr": 1}, name="c")
    es.log_run("runs.xlsx#Two", {"lr": 1}, name="d")
    es.log_run(Path("runs.xlsx"), {"lr": 1}, name="e")
    assert names() == {"Versuche": ["a", "c", "e"], "Two": ["b", "d"]}
