"""A program that trains and logs to a Google Sheet, in a process of its own, and the Google that it meets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from google_target import rows_of

from experiment_sheet.testing.google import GoogleSheets

NOBODY = "http://127.0.0.1:9"  # the port of "discard", where nobody listens

_WATCH = """
import atexit, json, sys, threading
talking = set()
def hear(event, _):
    if event in ("socket.connect", "socket.getaddrinfo"):
        talking.add(threading.current_thread().name)
sys.addaudithook(hear)
atexit.register(lambda: print(json.dumps(sorted(talking))))
import experiment_sheet as es
"""


class Ended:
    """How a program ended: what it printed, what it said on stderr, and which of its threads used the network."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.said = code, [line for line in err.splitlines() if line.strip()]
        self.printed, self.talking = out.splitlines(), []
        if code >= 0:  # who was killed had no last word
            self.talking = json.loads(self.printed.pop())

    def fine(self) -> Ended:
        """Fail unless it ended well, without a word."""
        assert (self.code, self.said) == (0, []), "\n".join(self.said)
        return self


class Training:
    """A program that is running."""

    def __init__(self, code: str, environ: dict[str, str]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed when the program has ended
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def says(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> Ended:
        """Close its input, and wait for its end."""
        with self.process, self._errors:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.close()
            out = self.process.stdout.read()
            code = self.process.wait(120)
            self._errors.seek(0)
            return Ended(code, out, self._errors.read())


class World:
    """An emulated Google with one spreadsheet; `target` is a tab of it."""

    def __init__(self, google: GoogleSheets) -> None:
        self.google = google
        self.key = google.create("runs")
        self.target = f"gsheet://{self.key}/runs"
        self.environ = {"EXPERIMENT_SHEET_GOOGLE_URL": google.url, "EXPERIMENT_SHEET_DIR": str(Path("state").resolve())}

    def begin(self, program: str, **environ: str) -> Training:
        """Start a program; in it `URL` is the target."""
        return Training(f"{_WATCH}URL = {self.target!r}\n{program}", {**self.environ, **environ})

    def run(self, program: str, **environ: str) -> Ended:
        """Run a program to its end."""
        return self.begin(program, **environ).end()

    def rows(self) -> list[dict[str, Any]]:
        """What is in the sheet, as gspread reads it; none where the tab was not made yet."""
        tabs = [sheet.title for sheet in self.google.client().open_by_key(self.key).worksheets()]
        return rows_of(self.google, self.key) if "runs" in tabs else []

    def sync(self, target: str | None = None) -> int:
        """Send what waits, in a new process with the network as it should be; answer what still waits."""
        done = self.run(f"print(es.Sheet({target or self.target!r}).sync())").fine()
        return int(done.printed[0])
