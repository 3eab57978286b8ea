"""README and docs/: what they show runs, what they name exists, and what exists is named."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import experiment_sheet as es

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
THREE_SCREENS = 125  # lines

_BLOCK = re.compile(r"^(<!-- not run: .+ -->\n)?```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|(?:src|href)=\"([^\"#]+)")


def examples() -> Iterator[tuple[str, str]]:
    """Every Python example of README and docs, with where it stands, save those that say why they are not run."""
    for page in (README, *PAGES):
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            if not match[1]:
                yield f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}", match[2]


@pytest.mark.parametrize("code", [pytest.param(code, id=place) for place, code in examples()])
def test_example_runs(code: str) -> None:
    """An example runs as it stands, in an empty folder, and says nothing on stderr."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_readme_is_short() -> None:
    """README takes at most three screens."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= THREE_SCREENS


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and picture of a page is there."""
    links = [a or b for a, b in _LINK.findall(page.read_text(encoding="utf-8"))]
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not lost


def public_names() -> Iterator[str]:
    """Every name a user can write: exports, and the public methods of `Sheet` and `Run`."""
    yield from (name for name in es.__all__ if not name.startswith("__"))
    for kind in (es.Sheet, es.Run):
        members = inspect.getmembers(kind, lambda member: callable(member) or isinstance(member, property))
        yield from (f"{kind.__name__}.{name}" for name, _ in members if not name.startswith("_"))


def documented() -> str:
    """All that README and docs say."""
    return "\n".join(page.read_text(encoding="utf-8") for page in (README, *PAGES))


def test_every_public_name_is_documented() -> None:
    """What can be called is explained somewhere."""
    text = documented()
    missing = [name for name in public_names() if not re.search(rf"\b{re.escape(name)}\b", text)]
    assert not missing


def test_every_command_is_documented() -> None:
    """Each command is explained, and its help shows an example."""
    from experiment_sheet.cli import main

    text = documented()
    for name, command in main.commands.items():
        assert f"experiment-sheet {name}" in text, f"docs don't name {name}"
        assert f"experiment-sheet {name}" in (command.help or ""), f"--help of {name} shows no example"
