"""Other programs read the layout as any workbook: LibreOffice, openpyxl, calamine, Info-ZIP."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from experiment_sheet.ooxml.package import Grown, Laid, Package, Patched

PART, END = "xl/worksheets/sheet1.xml", b"</sheetData>"


def row(number: int) -> bytes:
    """A row of numbers that name it."""
    cells = b"".join(b'<c r="%c%d"><v>%d</v></c>' % (65 + column, number, number * 10 + column) for column in range(6))
    return b'<row r="%d">%s</row>' % (number, cells)


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """A workbook that was laid, grown many times in batches of all sizes, and patched far up."""
    path = tmp_path / "grown.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Runs")
        for number in range(5):
            sheet.write_row(number, 0, [number * 10 + 10 + column for column in range(6)])
    with Package.open(path) as package:
        text = package.read(PART).replace(b'<dimension ref="A1:F5"/>', b"")  # openpyxl would believe it
        at = text.index(END)
        many = text[:at] + b"".join(map(row, range(6, 20_001))) + text[at:]
        package.save({PART: Laid(many, many.index(b'<row r="19990"'))})
    for number, batch in enumerate([1] * 30 + [500, 1, 3000, 1, 1]):
        with Package.open(path) as package:
            tail = package.tail(PART)
            assert tail is not None
            at = tail.text.index(END)
            first = int(tail.text[:at].rpartition(b'<row r="')[2].partition(b'"')[0]) + 1
            new = tail.text[:at] + b"".join(map(row, range(first, first + batch))) + tail.text[at:]
            package.save({PART: Grown(tail, new, new.rindex(b"<row ") if number % 4 == 0 else 0)})
    with Package.open(path) as package:
        at = package.read(PART).index(b"<v>70000</v>")
        package.save({PART: Patched(at, at + len(b"<v>70000</v>"), b"<v>-1</v>")})
    return path


EXPECTED = [
    [-1 if number == 7000 and not column else number * 10 + column for column in range(6)]
    for number in range(1, 23_534)
]


def test_openpyxl_and_calamine_read_every_row(grown: Path) -> None:
    """Both see all rows, the patched cell too."""
    book = openpyxl.load_workbook(grown, read_only=True)
    assert [list(values) for values in book["Runs"].iter_rows(values_only=True)] == EXPECTED
    book.close()
    assert CalamineWorkbook.from_path(grown).get_sheet_by_index(0).to_python() == EXPECTED


@pytest.mark.libreoffice
def test_libreoffice_reads_every_row(grown: Path, soffice: str, tmp_path: Path) -> None:
    """LibreOffice converts the workbook to the rows that were written."""
    home = f"-env:UserInstallation={(tmp_path / 'office').as_uri()}"
    command = [soffice, home, "--headless", "--convert-to", "csv", "--outdir", tmp_path, grown]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    lines = (tmp_path / "grown.csv").read_text().splitlines()
    assert [[int(value) for value in line.split(",")] for line in lines] == EXPECTED


def test_info_zip_finds_no_fault(grown: Path) -> None:
    """The reference program for zip files, which reads headers and directory strictly, is content."""
    if not shutil.which("unzip"):
        pytest.skip("Info-ZIP's unzip is not on the PATH")
    run = subprocess.run(["unzip", "-tq", grown], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
