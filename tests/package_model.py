"""What the tests of the package share: workbooks made with zipfile, and zipfile as the judge of what was saved."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

from experiment_sheet.ooxml.package import Grown, Laid, Package

PART = "xl/worksheets/sheet1.xml"
HEAD, END = b"<worksheet><sheetData>", b"</sheetData></worksheet>"
PARTS = {
    "[Content_Types].xml": b"<Types/>" * 20,
    "_rels/.rels": b"<Relationships/>",
    "xl/workbook.xml": b"<workbook/>" * 30,
    PART: HEAD + b'<row r="1"/>' + END,
    "xl/media/image1.png": random.Random(1).randbytes(5000),
}


TWO_CASES = "poi__duplicate-filename-case-insensitive.xlsx"
"""The real workbook that holds one name in two cases, and is refused."""


def real_books(folder: Path) -> list[Path]:
    """Real workbooks that can be opened at all."""
    return [path for path in sorted(folder.glob("*.xlsx")) if path.name != TWO_CASES]


def rows(count: int, seed: int = 1, first: int = 1) -> bytes:
    """Rows of three random cells."""
    draw = random.Random(seed)
    cells = (b"".join(b"<c><v>%r</v></c>" % draw.random() for _ in range(3)) for _ in range(count))
    return b"".join(b'<row r="%d">%s</row>' % (number, row) for number, row in enumerate(cells, first))


def made(path: Path, parts: dict[str, bytes] | None = None, *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip file of these parts, the same bytes whenever it is made."""
    with zipfile.ZipFile(path, "w") as book:
        for name, text in (PARTS if parts is None else parts).items():
            book.writestr(zipfile.ZipInfo(name), text, method)
    return path


def laid(path: Path, count: int = 2000, *, hot: int = 50) -> bytes:
    """Make a workbook whose sheet of `count` rows is laid, the last `hot` of them in the tail; returns its text."""
    made(path)
    text = HEAD + rows(count) + END
    with Package.open(path) as package:
        package.save({PART: Laid(text, text.index(b'<row r="%d"' % (count - hot)))})
    return text


def append(path: Path, new: bytes, *, hot: int = 0) -> None:
    """Append rows to the laid sheet; all but the last `hot` bytes of the new tail go cold, or nothing if 0."""
    with Package.open(path) as package:
        tail = package.tail(PART)
        assert tail is not None
        text = tail.text.removesuffix(END) + new + END
        package.save({PART: Grown(tail, text, max(0, len(text) - hot) if hot else 0)})


def contents(path: Path) -> dict[str, bytes]:
    """Every part's text as zipfile reads it, checksums proven."""
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None
        return {name: book.read(name) for name in book.namelist()}


def raw_entries(path: Path) -> dict[str, bytes]:
    """Every entry's bytes on disk: local header, extra field and compressed data."""
    data = path.read_bytes()
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for info in book.infolist():
            at = info.header_offset
            size = (
                30
                + int.from_bytes(data[at + 26 : at + 28], "little")
                + int.from_bytes(data[at + 28 : at + 30], "little")
            )
            found[info.filename] = data[at : at + size + info.compress_size]
    return found


def directory_facts(path: Path) -> dict[str, tuple[object, ...]]:
    """What the directory says of every entry, save where it lies."""
    with zipfile.ZipFile(path) as book:
        return {
            i.filename: (i.date_time, i.compress_type, i.comment, i.extra, i.create_system, i.create_version,
                         i.extract_version, i.flag_bits, i.internal_attr, i.external_attr, i.CRC, i.file_size)
            for i in book.infolist()
        }  # fmt: skip
