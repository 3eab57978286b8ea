"""Columns that come after a workbook was made: they are filled, and look like those that were there at once."""

from __future__ import annotations

import openpyxl

import experiment_sheet as es


def test_outputs_of_a_run_that_began_without_them() -> None:
    """A new workbook has a run's inputs first; its outputs get columns when they come."""
    with es.init("runs.xlsx", config={"lr": 0.1}) as run:
        run.log({"loss": 0.5}, step=1)
        run.summary["test_acc"] = 0.9
    (row,) = es.Sheet("runs.xlsx").read().itertuples()
    assert (row.loss, row.test_acc) == (0.5, 0.9)


def test_later_columns_look_like_the_first() -> None:
    """Headers of later columns have their role's colour, and their cells the look's number format, also to come."""
    with es.init("runs.xlsx", config={"lr": 0.1}) as run:
        run.log({"loss": 0.5}, step=1)
    es.log_run("other.xlsx", {"lr": 0.1, "loss": 0.5})
    later, first = (openpyxl.load_workbook(name).active for name in ("runs.xlsx", "other.xlsx"))
    for sheet in (later, first):
        assert sheet["S1"].value == "loss"
    assert later["S1"].fill.fgColor.rgb == first["S1"].fill.fgColor.rgb != later["R1"].fill.fgColor.rgb
    assert later["S2"].number_format == first["S2"].number_format
    assert later.column_dimensions["S"].number_format == first.column_dimensions["S"].number_format


def test_no_output_is_hidden_by_its_format() -> None:
    """Negative, tiny and huge results show as what they are; those of everyday size line up."""
    sheet = es.Sheet("runs.xlsx")
    for value in (0.5, 0.25, 0.125, 1e-7, -0.5, 123456.75, 0.0):
        sheet.log_run(outputs={"reward": value})
    column = [row[-1] for row in openpyxl.load_workbook("runs.xlsx").active.iter_rows(min_row=2)]
    shown = {cell.value: cell.number_format for cell in column}
    assert {value for value, code in shown.items() if code == "0.0000"} == {0.5, 0.25, 0.125, -0.5, 0}
    assert shown[1e-7] == shown[123456.75] == "General"
