"""The run folder: safe names, whole copies, a page that leads nowhere else."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.columns import Column
from experiment_sheet.folder import RunFolder, Stored, distinct_name, safe_name
from experiment_sheet.page import render


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plot", "plot"),
        ("val/confusion", "val_confusion"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\0b\nc", "a_b_c"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("console", "console"),
        ("trailing. ", "trailing"),
        ('a<b>:"c|d?*', "a_b_c_d_"),
        ("größe", "größe"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    """What a key may hold, a file name may not; what is harmless stays readable."""
    assert safe_name(name) == safe


@given(st.text(max_size=300))
def test_any_text_makes_a_file_in_the_folder(name: str) -> None:
    """A safe name has one part, ends well, is short, and is safe already."""
    safe = safe_name(name)
    assert safe
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', safe)
    assert safe not in (".", "..")
    assert not safe.endswith((".", " "))
    assert len(safe.encode()) <= 255
    assert safe_name(safe) == safe


def test_long_names_stay_apart_and_keep_their_suffix() -> None:
    """Two long names that begin alike are two files."""
    one, two = safe_name("x" * 300 + "1.png"), safe_name("x" * 300 + "2.png")
    assert one != two
    assert one.endswith(".png")


def test_names_that_come_out_alike_are_told_apart() -> None:
    """On file systems that don't see case, too."""
    taken: dict[str, str] = {}
    names = [distinct_name(name, taken) for name in ("a/b", "a_b", "A_b", "a/b")]
    assert len({name.casefold() for name in names}) == 3
    assert names[0] == names[3]


def test_a_file_is_stored_whole(tmp_path: Path) -> None:
    """The hash is that of `b2sum -l 256`, and no temporary file stays."""
    (tmp_path / "model.pt").write_bytes(b"abc")
    folder = RunFolder(tmp_path / "run")
    stored = folder.store(tmp_path / "model.pt", type="model")
    digest = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    assert stored == Stored("files/model.pt", 3, digest, "model")
    assert folder.listing("files") == ["files/model.pt"]
    assert list((tmp_path / "run" / "files").iterdir()) == [tmp_path / "run" / "files" / "model.pt"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_folder_is_stored_without_following_links(tmp_path: Path) -> None:
    """Folders keep their shape; a loop of links ends, and the run folder itself is left out."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "sub" / "b.txt").write_text("bb")
    (source / "sub" / "loop").symlink_to(source)
    (source / "gone").symlink_to(tmp_path / "nowhere")
    folder = RunFolder(source / "run")
    stored = folder.store(source)
    assert stored.size == 3
    assert folder.listing("files") == ["files/source/a.txt", "files/source/sub/b.txt"]
    assert folder.store(source, "again").blake2b == stored.blake2b
    assert folder.store(tmp_path / "source", "../up").name == "files/_up"


def test_a_missing_file_raises_for_the_caller_to_say(tmp_path: Path) -> None:
    """The folder tells what the world refuses; the run makes a message of it."""
    with pytest.raises(FileNotFoundError):
        RunFolder(tmp_path / "run").store(tmp_path / "missing")


def test_the_page_is_escaped_and_its_links_lead_to_files() -> None:
    """Whatever a key or value holds, the page shows it as text and links stay in the folder."""
    cells = {
        Column("run", "run"): "<script>alert(1)</script>",
        Column("input", "a<b"): 'x"y&z',
        Column("output", "loss"): 0.1 + 0.2,
        Column("output", "nothing"): None,
    }
    stored = [Stored("files/a b.pt", 1234, "ab" * 32, "<t>")]
    page = render(cells, ["plots/c#1.png", "plots/x.html"], stored, ["files/'q'.txt"])
    assert "<script>" not in page
    assert "a&lt;b" in page
    assert "x&quot;y&amp;z" in page
    assert ">0.3<" in page
    assert "nothing" not in page
    assert 'src="plots/c%231.png"' in page
    assert "1,234 bytes" in page
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert links
    assert not [link for link in links if ":" in link or link.startswith(("/", ".."))]


def test_the_page_shows_what_was_recorded_and_trusts_none_of_it() -> None:
    """Data, models, code and machine; nonsense in a file that somebody edited breaks nothing and stays text."""
    recorded = {
        "code": {"command": ["python", "<x>"], "repository": {"commit": "abc", "dirty": True}, "files": ["a b.py"]},
        "system": {"python": "3.11", "memory": 1 << 34, "packages": {"numpy": "==2.0"}},
        "datasets": {"d (train)": {"rows": 1234567, "dtypes": {"<a>": "int64"}}},
        "models": {"m": {"parameters": 1000, "architecture": "Net(\n  <layer>\n)"}},
    }
    page = render({Column("run", "status"): "failed"}, [], [], [], recorded)
    parts = ("1,234,567", "&lt;a&gt;", "&lt;layer&gt;", "&lt;x&gt;", "16.0 GB", "numpy==2.0", "code/files/a%20b.py")
    for part in parts:
        assert part in page
    assert not re.search(r"<(x|a|layer)>", page)
    for odd in (None, 3, "text", [1], {"repository": 3, "files": 7, "command": 5, "packages": [], "gpus": 1}):
        render({}, [], [], [], dict.fromkeys(recorded, odd))
