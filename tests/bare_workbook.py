"""The smallest workbook there is, with a worksheet part of the test's own, spelled as the test likes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_REL = "http://schemas.openxmlformats.org/package/2006/relationships"


def relations(*found: tuple[str, str, str]) -> str:
    """Relationships part: (id, last word of the type, target) each."""
    inside = "".join(f'<Relationship Id="{i}" Type="{R}/{kind}" Target="{target}"/>' for i, kind, target in found)
    return f'<Relationships xmlns="{_REL}">{inside}</Relationships>'


def types(*overrides: tuple[str, str]) -> str:
    """Content types: (part, kind) each."""
    named = [("xl/workbook.xml", "sheet.main"), (SHEET, "worksheet"), *overrides]
    inside = "".join(f'<Override PartName="/{part}" ContentType="{_TYPE}{kind}+xml"/>' for part, kind in named)
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{inside}</Types>'
    )


def workbook(inside: str = "", sheets: str = '<sheet name="runs" sheetId="1" r:id="rId1"/>', before: str = "") -> str:
    """Workbook part; `inside` stands behind the sheets."""
    return f'<workbook xmlns="{MAIN}" xmlns:r="{R}">{before}<sheets>{sheets}</sheets>{inside}</workbook>'


def worksheet(rows: str, behind: str = "", before: str = "") -> str:
    """Worksheet part with these rows."""
    return f'<worksheet xmlns="{MAIN}" xmlns:r="{R}">{before}<sheetData>{rows}</sheetData>{behind}</worksheet>'


def text(ref: str, value: str) -> str:
    """Inline text cell."""
    return f'<c r="{ref}" t="inlineStr"><is><t>{value}</t></is></c>'


def header(*names: str) -> str:
    """First row, of texts."""
    return '<row r="1">' + "".join(text(f"{chr(65 + n)}1", name) for n, name in enumerate(names)) + "</row>"


def write(path: Path, sheet: str | bytes, parts: Mapping[str, str | bytes] | None = None) -> Path:
    """Zip a workbook with this worksheet; `parts` replaces or adds others."""
    whole: dict[str, str | bytes] = {
        "[Content_Types].xml": types(),
        "_rels/.rels": relations(("rId1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": workbook(),
        "xl/_rels/workbook.xml.rels": relations(("rId1", "worksheet", "worksheets/sheet1.xml")),
        SHEET: sheet,
        **(parts or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in whole.items():
            archive.writestr(name, data)
    return path


def read(path: Path, name: str = SHEET) -> str:
    """Text of a part."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()
