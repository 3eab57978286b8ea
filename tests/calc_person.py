"""A person with LibreOffice Calc: a real one, headless, that opens a sheet, types into it, saves and closes it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from xml.sax.saxutils import escape

PATIENCE = 40.0
"""Seconds until something that the program was asked for counts as failed; the first start makes a profile."""

_MACRO = """
Sub Person(path As String, signs As String)
  Dim none()
  doc = StarDesktop.loadComponentFromURL(ConvertToURL(path), "_blank", 0, none())
  Say signs & "/opened"
  Do While Not FileExists(signs & "/close")
    If FileExists(signs & "/type") Then
      Open signs & "/type" For Input As #1
      Line Input #1, place
      Line Input #1, text
      Close #1
      doc.Sheets.getByIndex(0).getCellRangeByName(place).setString(text)
      Kill signs & "/type"
    End If
    If FileExists(signs & "/save") Then
      doc.store()
      Kill signs & "/save"
    End If
    Wait 50
  Loop
  doc.close(True)
  Say signs & "/closed"
  StarDesktop.terminate()
End Sub

Sub Say(path As String)
  Open path For Output As #2
  Print #2, "yes"
  Close #2
End Sub
"""

_LIBRARY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
"""


class CalcPerson:
    """One LibreOffice with one sheet open, from `with` to its end."""

    def __init__(self, soffice: str, path: Path, folder: Path) -> None:
        self.path = path
        self.signs = folder / "signs"
        self.profile = folder / "profile"
        self.signs.mkdir(parents=True)
        self.soffice, self.home = soffice, f"-env:UserInstallation={self.profile.as_uri()}"
        self._install()
        macro = f'macro:///Standard.Person.Person("{path}","{self.signs}")'
        line = [soffice, "--headless", "--norestore", "--nologo", "--nodefault", self.home, macro]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.program = subprocess.Popen(line, start_new_session=True, **quiet)

    def __enter__(self) -> CalcPerson:
        self._wait_for("opened", True)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.close()
            self.program.wait(10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.program.pid, signal.SIGKILL)

    def type(self, place: str, text: str) -> None:
        """Type into a cell, without saving."""
        self._ask("type", f"{place}\n{text}\n")

    def save(self) -> None:
        """Save, in the file's own format."""
        self._ask("save", "yes\n")

    def close(self) -> None:
        """Close the sheet."""
        (self.signs / "close").write_text("yes\n")
        self._wait_for("closed", True)

    def _ask(self, sign: str, text: str) -> None:
        spare = self.signs / f"{sign}.tmp"
        spare.write_text(text)
        spare.replace(self.signs / sign)
        self._wait_for(sign, False)

    def _wait_for(self, sign: str, there: bool) -> None:
        deadline = time.monotonic() + PATIENCE
        while (self.signs / sign).exists() is not there:
            assert time.monotonic() < deadline, f"LibreOffice has not {sign}"
            time.sleep(0.05)

    def _install(self) -> None:
        """Make a profile, and put the macro into it."""
        start = [self.soffice, "--headless", "--terminate_after_init", self.home]
        subprocess.run(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=PATIENCE)
        basic = self.profile / "user" / "basic"
        spaces = 'xmlns:library="http://openoffice.org/2000/library" xmlns:xlink="http://www.w3.org/1999/xlink"'
        (basic / "Standard" / "script.xlb").write_text(
            _LIBRARY
            + f'<library:library {spaces} library:name="Standard" library:readonly="false"'
            + ' library:passwordprotected="false"><library:element library:name="Person"/></library:library>'
        )
        (basic / "Standard" / "Person.xba").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">\n'
            '<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Person"'
            f' script:language="StarBasic">{escape(_MACRO)}</script:module>'
        )
