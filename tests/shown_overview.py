"""What a person sees in an overview: the workbook opened by LibreOffice, its formulas computed there."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet


@dataclass(frozen=True)
class Shown:
    """The visible cells of an overview."""

    sheet: Worksheet

    @property
    def summary(self) -> str:
        """The line below the title."""
        return str(self.sheet["B2"].value)

    @property
    def left(self) -> dict[str, Any]:
        """Counts and times: label → value beside it; of two the first."""
        pairs = [(self.sheet.cell(row, 2).value, self.sheet.cell(row, 3).value) for row in range(5, 45)]
        return {label: value for label, value in reversed(pairs) if isinstance(label, str)}

    @property
    def days(self) -> list[int]:
        """Runs of each day, the last first."""
        (top,) = (row for row in range(5, 45) if self.sheet.cell(row, 2).value == "day")
        return [self.sheet.cell(row, 3).value for row in range(top + 1, top + 15)]

    @property
    def best(self) -> dict[str, list[Any]]:
        """Best runs: result → better, best, run, files, mean, runs."""
        rows = ([cell.value for cell in row] for row in self.sheet["F6:L13"])
        return {row[0]: row[1:] for row in rows if row[0]}

    @property
    def groups(self) -> dict[Any, list[Any]]:
        """Groups: value → runs, mean, standard deviation, best."""
        (top,) = (row for row in range(14, 60) if self.sheet.cell(row, 6).value == "group")
        rows = ([cell.value for cell in row] for row in self.sheet[f"F{top + 1}:K{top + 12}"])
        return {row[0]: [row[1], row[2], row[4], row[5]] for row in rows if row[0] not in (None, "")}

    @property
    def points(self) -> list[tuple[Any, Any, Any]]:
        """Points of the chart: run, value, best so far, without those that repeat the last one."""
        found = [tuple(cell.value for cell in row) for row in self.sheet["AA6:AC305"]]
        return list(dict.fromkeys(found))  # type: ignore[arg-type]


def shown(soffice: str, path: Path, *, tab: str = "Overview") -> Shown:
    """Open a workbook in LibreOffice, which computes what has no value, and read what it shows."""
    folder = path.parent / "opened"
    profile = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"
    call = [soffice, profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder)]
    subprocess.run([*call, str(path)], check=True, capture_output=True, timeout=180)
    return Shown(openpyxl.load_workbook(folder / path.name, data_only=True)[tab])
