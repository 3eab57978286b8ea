"""What openpyxl makes of a workbook, without a file.

Its own `save` writes each tab to a temporary file in the system's folder for such. A kill leaves that lying there, a
full disk cuts it short (in silence, or by an exception of lxml's where that is installed), and the workbook with it.
The classes below it take a buffer instead.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any


def saved(book: Any) -> bytes:
    """Return the file of an `openpyxl.Workbook`."""
    from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
    from openpyxl.worksheet._writer import WorksheetWriter
    from openpyxl.writer.excel import ExcelWriter

    class Writer(ExcelWriter):
        """As openpyxl's, but for where a tab is written to."""

        def write_worksheet(self, ws: Any) -> None:
            """Write one tab."""
            ws._drawing = SpreadsheetDrawing()  # noqa: SLF001 - as the method in its place does
            ws._drawing.charts, ws._drawing.images = ws._charts, ws._images  # noqa: SLF001
            tab: Any = WorksheetWriter(ws, io.BytesIO())
            tab.write()
            ws._rels = tab._rels  # noqa: SLF001
            archive.writestr(ws.path[1:], tab.read())
            self.manifest.append(ws)

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        Writer(book, archive).save()
    return out.getvalue()
