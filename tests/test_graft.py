"""Pages as new tabs of workbooks that exist: real ones, whose other parts stay byte for byte."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
from sample_runs import sample
from terminal import ok, refused

import experiment_sheet as es
from experiment_sheet.errors import SheetRefused, UsageError
from experiment_sheet.ooxml import graft
from experiment_sheet.ooxml.pages import LineChart, Page, Range, Series, Style
from experiment_sheet.testing import check_workbook

GROWN = ("[content_types].xml", "workbook.xml", "workbook.xml.rels", "styles.xml")
"""Names of the parts that have to take something in."""


def pages(name: str = "Grafted") -> list[Page]:
    """A page of cells in odd formats, and one with a chart of them."""
    cells = Page(name, frozen=(1, 1), widths={1: 20.0}, heights={1: 30.0})
    cells.put(1, 1, "x", Style(bold=True, fill="DCFCE7", line="94A3B8"))
    cells.put(1, 2, '=1+1 <&> s="7"', Style(wrap=True, color="B91C1C"))
    for row in range(2, 6):
        cells.put(row, 1, float(row))
        cells.put(row, 2, row * 1.5, Style(number_format="+0.0%;-0.0%;0%", right=True))
    line = Series(Range(name, 2, 1, 1), Range(name, 1, 2, 5), Range(name, 2, 2, 5), "2563EB")
    return [cells, Page(f"{name} curves", charts=[LineChart("t", [line], (2, 1), (15, 8), (2, 5))])]


def parts(path: Path) -> dict[str, bytes]:
    """Every part of a workbook."""
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name) for name in book.namelist()}


def real() -> list[Path]:
    """Workbooks that other programs made."""
    folder = Path(__file__).parents[2] / "shared" / "workbooks"
    return sorted(path for path in folder.glob("*.xls[xm]") if "duplicate-filename" not in path.name)


@pytest.mark.parametrize("source", real(), ids=lambda path: path.name)
def test_real_workbooks_take_pages_in(source: Path, tmp_path: Path) -> None:
    """No fault comes; of what is there only lists grow."""
    path = tmp_path / f"book{source.suffix}"
    shutil.copyfile(source, path)
    before = {(fault.rule, fault.part) for fault in check_workbook(path)}
    graft.add(path, pages())
    assert [fault for fault in check_workbook(path) if (fault.rule, fault.part) not in before] == []
    old, new = parts(source), parts(path)
    changed = [name for name in old if old[name] != new[name]]
    assert [name for name in changed if name.lower().rpartition("/")[2] not in GROWN] == []


def test_a_page_looks_as_it_does_in_a_book_of_its_own(tmp_path: Path) -> None:
    """Values, formats, colours, widths and the chart, behind the workbook's own tabs, none of them selected."""
    path = tmp_path / "runs.xlsx"
    es.log_run(path, {"lr": 0.1, "loss": 0.5})
    styles = [cell.number_format for cell in openpyxl.load_workbook(path).worksheets[0][2]]
    tabs = openpyxl.load_workbook(path).sheetnames
    graft.add(path, pages())
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [*tabs, "Grafted", "Grafted curves"]
    sheet = book["Grafted"]
    assert (sheet["A1"].value, sheet["A1"].font.bold, sheet["A1"].fill.fgColor.rgb[-6:]) == ("x", True, "DCFCE7")
    assert (sheet["B1"].value, sheet["B1"].data_type, sheet["B1"].alignment.wrap_text) == ('=1+1 <&> s="7"', "s", True)
    assert (sheet["B3"].value, sheet["B3"].number_format) == (4.5, "+0.0%;-0.0%;0%")
    assert (sheet.column_dimensions["A"].width, sheet.row_dimensions[1].height) == (20, 30)
    assert book["Grafted curves"]._charts[0].series[0].yVal.numRef.f == "'Grafted'!$B$2:$B$5"
    assert [sheet.sheet_view.tabSelected for sheet in book.worksheets].count(True) <= 1
    assert [cell.number_format for cell in book.worksheets[0][2]] == styles


def test_pages_can_be_added_again_under_another_name(tmp_path: Path) -> None:
    """Parts get names that are free; a name that is taken is said, whatever its case."""
    path = tmp_path / "runs.xlsx"
    es.log_run(path, {"lr": 0.1})
    graft.add(path, pages("One"))
    graft.add(path, pages("Two"))
    assert check_workbook(path) == []
    before = path.read_bytes()
    with pytest.raises(UsageError, match="already"):
        graft.add(path, pages("oNE"))
    assert path.read_bytes() == before


def test_a_protected_structure_is_respected(tmp_path: Path) -> None:
    """It is refused, and the workbook is as it was."""
    path = tmp_path / "mine.xlsx"
    book = openpyxl.Workbook()
    book.security.lockStructure = True
    book.save(path)
    before = path.read_bytes()
    with pytest.raises(SheetRefused, match="protected"):
        graft.add(path, pages())
    assert path.read_bytes() == before


def test_a_comparison_in_the_sheets_own_workbook() -> None:
    """Logging goes on into the same tab; a second comparison needs another name; an open workbook is left alone."""
    ids = sample("xlsx")
    where = ("-s", "runs.xlsx")
    ok("compare", ids[0], ids[2], "--to", "runs.xlsx#Fox & elk", *where)
    assert check_workbook("runs.xlsx") == []
    assert openpyxl.load_workbook("runs.xlsx").sheetnames[-3:] == ["Fox & elk", "Fox & elk curves", "Fox & elk steps"]
    es.log_run("runs.xlsx", {"lr": 9.0}, name="late-comer-9")
    assert len(es.Sheet("runs.xlsx").read()) == 6
    assert check_workbook("runs.xlsx") == []
    assert "already" in refused("compare", ids[0], ids[2], "--to", "runs.xlsx#fox & ELK", *where)
    assert "31 characters" in refused("compare", ids[0], ids[2], "--to", f"runs.xlsx#{'x' * 32}", *where)
    ok("compare", ids[0], ids[2], "--to", f"runs.xlsx#{'x' * 31}", *where)


def test_a_workbook_that_is_not_there_is_made_with_that_tab() -> None:
    """As without a tab, under its name."""
    ids = sample()
    ok("compare", ids[0], ids[2], "--to", "new.xlsx#Mine", "-s", "runs.csv")
    assert openpyxl.load_workbook("new.xlsx").sheetnames == ["Mine", "Mine curves", "Mine steps"]


@pytest.mark.libreoffice
def test_libreoffice_opens_it(soffice: str) -> None:
    """With all tabs."""
    ids = sample("xlsx")
    ok("compare", ids[0], ids[2], "--to", "runs.xlsx#Comparison", "-s", "runs.xlsx")
    profile = f"-env:UserInstallation=file://{Path.cwd()}/lo"
    subprocess.run(
        [soffice, "--headless", profile, "--convert-to", "ods", "runs.xlsx"],
        check=True,
        capture_output=True,
        timeout=180,
    )
    names = parts(Path("runs.ods"))["content.xml"].decode()
    assert 'table:name="Comparison"' in names
    assert 'table:name="Comparison curves"' in names
