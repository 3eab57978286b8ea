"""The site of docs/: it builds without a warning, its links lead somewhere, and it fetches nothing from the web."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.xdist_group("site")  # it is built once

NEEDED = ("mkdocs", "material", "mkdocstrings_handlers.python")

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
"""What a browser fetches by itself."""


class Page(HTMLParser):
    """Links, fetched addresses and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag points at."""
        said = {name: value for name, value in attrs if value}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        self.links |= {said[name] for name in ("href", "src") if name in said}
        if tag in LOADED and LOADED[tag] in said:
            self.loaded.add(said[LOADED[tag]])


def missing(name: str) -> bool:
    """Whether a package isn't installed."""
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    if lacking := [name for name in NEEDED if missing(name)]:
        pytest.skip(f"{', '.join(lacking)} not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    # Without --quiet: it hides warnings from --strict, too.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    silent = os.environ | {"NO_MKDOCS_2_WARNING": "1"}  # of mkdocs-material, about its own future
    done = subprocess.run(command, cwd=ROOT, env=silent, capture_output=True, text=True, check=False, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "WARNING" not in said
    return folder


def test_links_and_pictures_resolve(site: Path) -> None:
    """Every link within the site leads to a page that is there, and to an anchor that it has."""
    pages = {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(pages) > 15
    lost = []
    for path, page in pages.items():
        for link in page.links:
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            if not target.is_file() or (target in pages and unquote(to.fragment) not in pages[target].anchors):
                lost.append(f"{path.name}: {link}")
    assert lost == []


def test_nothing_is_fetched_from_the_web(site: Path) -> None:
    """Scripts, styles, fonts and pictures are the site's own, so that it can be read without a network."""
    fetched = {link for path in site.rglob("*.html") for link in Page(path).loaded if "//" in link}
    assert fetched == set()
    styles = "\n".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


def test_every_command_has_its_options(site: Path) -> None:
    """The page of options is made of what ``--help`` prints, and has all commands."""
    from experiment_sheet.cli import main

    anchors = Page(site / "help.html").anchors
    assert set(main.commands) <= anchors
