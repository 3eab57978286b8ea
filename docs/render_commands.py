# ruff: noqa: INP001 - a script, not a package
"""Runs the examples of some pages in a terminal of 90 columns, and puts what they print below them.

    python docs/render_commands.py

An example is a line that begins with ``$`` in a block of ``console``; those of a page run one after the other in one
folder, where each file stands that a block before them has as its ``title``. A line that begins with ``#`` is a remark,
and a comment ``<!-- $ … -->`` a command that readers needn't see. ``tests/test_docs_commands.py`` holds the pages to
what is printed now, but for ids, times and machines.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

NAMES = ("commands.md", "tutorial.md", "three-questions.md", "how-to/many-processes.md")
PAGES = tuple(Path(__file__).parent / name for name in NAMES)
COLUMNS = 90

_PART = re.compile(
    r"^```console\n(?P<console>.*?)^```$"
    r"|^```\w+ title=\"(?P<name>[^\"\n]+)\"\n(?P<file>.*?)^```$"
    r"|^<!-- \$ (?P<unseen>[^\n]+) -->$",
    re.DOTALL | re.MULTILINE,
)
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


def main() -> None:
    """Write the pages anew."""
    for page in PAGES:
        page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")


def rendered(page: str) -> str:
    """Return a page with what its examples print now."""
    with tempfile.TemporaryDirectory() as folder:
        return played(page, folder)


def played(page: str, folder: str) -> str:
    """Run a page's examples in a folder, and return the page with what they print."""

    def part(match: re.Match[str]) -> str:
        if match["name"]:
            Path(folder, match["name"]).write_text(match["file"])
        elif match["unseen"]:
            printed(match["unseen"], folder)
        else:
            return f"```console\n{_played(match['console'], folder)}```"
        return match[0]

    return _PART.sub(part, page)


def _played(block: str, folder: str) -> str:
    lines = []
    for line in block.splitlines():
        if line.startswith("$ "):
            lines += [line, *printed(line[2:], folder)]
        elif line.startswith("#"):
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def printed(command: str, folder: str) -> list[str]:
    """Run a command in a terminal; return the lines that it prints."""
    end, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    settings = {key: value for key, value in os.environ.items() if not key.startswith("EXPERIMENT_SHEET")}
    settings |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "TERM": "dumb"}
    settings = {key: value for key, value in settings.items() if key not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        ["sh", "-c", command], cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = b""
    while chunk := _read(end):
        text += chunk
    process.wait()
    os.close(end)
    shown = _CODES.sub("", text.decode()).replace(os.path.realpath(folder), "/home/kim/digits")
    return [line.rstrip() for line in shown.splitlines()]


def _read(end: int) -> bytes:
    try:
        return os.read(end, 1 << 16)
    except OSError:  # nobody is left who could write
        return b""


if __name__ == "__main__":
    main()
