"""A spreadsheet as pages for people: OpenDocument, HTML and PDF, plain but valid."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from html import escape
from typing import Final
from xml.sax.saxutils import quoteattr

from experiment_sheet.testing.google.reading import Reader
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
_NAMES: Final = "urn:oasis:names:tc:opendocument:xmlns"


def texts(reader: Reader, tab: Tab) -> list[list[str]]:
    """What a tab shows, every row as wide as the widest."""
    used = tab.used
    return [[reader.text(tab, row, column) for column in range(used.right)] for row in range(used.bottom)]


def open_document(book: Spreadsheet) -> bytes:
    """An .ods (OASIS OpenDocument 1.3)."""
    reader = Reader(book)
    tables = []
    for tab in book.tabs:
        rows = (
            "".join(
                f'<table:table-cell office:value-type="string"><text:p>{escape(text)}</text:p></table:table-cell>'
                for text in row
            )
            for row in texts(reader, tab) or [[""]]
        )
        body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
        tables.append(f"<table:table table:name={quoteattr(tab.title)}>{body}</table:table>")
    names = " ".join(f'xmlns:{name}="{_NAMES}:{name}:1.0"' for name in ("office", "table", "text"))
    sheet = f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet>"
    content = f'<office:document-content {names} office:version="1.3"><office:body>{sheet}</office:body>'
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="{kind}"/>'
        for path, kind in (("/", ODS), ("content.xml", "text/xml"))
    )
    manifest = f'<manifest:manifest xmlns:manifest="{_NAMES}:manifest:1.0" manifest:version="1.3">{entries}'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", ODS, zipfile.ZIP_STORED)  # first and stored, as the format wants
        package.writestr("content.xml", content + "</office:document-content>")
        package.writestr("META-INF/manifest.xml", manifest + "</manifest:manifest>")
    return out.getvalue()


def zipped_html(book: Spreadsheet) -> bytes:
    """A page for each tab, zipped."""
    reader, out = Reader(book), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for tab in book.tabs:
            rows = "".join(
                f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in texts(reader, tab)
            )
            page = f'<!DOCTYPE html><meta charset="utf-8"><title>{escape(tab.title)}</title><table>{rows}</table>'
            package.writestr(f"{tab.title.replace('/', '_')}.html", page)
    return out.getvalue()


_LINES: Final = 50


def pdf(book: Spreadsheet) -> bytes:
    """The first tab as lines of text (ISO 32000-1); letters beyond Latin-1 become question marks."""
    lines = ["  ".join(row) for row in texts(Reader(book), book.tabs[0])] or [""]
    pages = [lines[at : at + _LINES] for at in range(0, len(lines), _LINES)]
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for at, page in enumerate(pages):
        where = f"/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents {5 + 2 * at} 0 R"
        objects.append(f"<</Type/Page/Parent 2 0 R{where}>>".encode())
        stream = b"BT /F 10 Tf 14 TL 40 750 Td " + b" ".join(_shown(line) for line in page) + b" ET"
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
    return _file(objects)


def _shown(line: str) -> bytes:
    text = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").replace("\n", " ")
    return b"(" + text.encode("latin-1", "replace") + b") Tj T*"


def _file(objects: Iterable[bytes]) -> bytes:
    """Numbered objects with the table of their places."""
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return out + b"xref\n0 %d\n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        len(out),
    )
