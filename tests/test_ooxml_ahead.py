"""Copying ahead: the disk works while the changes are worked out, and the file that comes out is the same."""

from __future__ import annotations

import zipfile
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from package_model import END, PART, contents, laid

from experiment_sheet.backends.base import Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetBusy
from experiment_sheet.ooxml.package import Grown, Laid, Package
from experiment_sheet.ooxml.replacement import Replacement

OLD = bytes(range(256)) * 8

steps = st.lists(
    st.one_of(
        st.tuples(st.just("copy"), st.integers(0, len(OLD)), st.integers(0, len(OLD))),
        st.tuples(st.just("on"), st.integers(0, len(OLD)), st.just(0)),  # copy what stands at the same place
        st.tuples(st.just("write"), st.integers(0, 300), st.just(0)),
        st.tuples(st.just("rewrite"), st.integers(0, len(OLD)), st.integers(0, 50)),
    ),
    max_size=12,
)


@given(ahead=st.integers(0, len(OLD)), done=steps)
@settings(max_examples=300)
def test_what_was_copied_ahead_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, ahead: int, done: list[tuple[str, int, int]]
) -> None:
    """Whatever is copied and written afterwards, the new file holds what a model without copying ahead holds."""
    path = tmp_path_factory.mktemp("ahead") / "a.bin"
    path.write_bytes(OLD)
    model = b""
    with FileIO(path) as source, Replacement(path) as out:
        out.copy_ahead(source, ahead)
        for verb, first, second in done:
            if verb == "write":
                out.write(b"w" * first)
                model += b"w" * first
            elif verb == "rewrite":
                at, text = min(first, len(model)), b"r" * min(second, max(0, len(model) - first))
                out.rewrite(at, text)
                model = model[:at] + text + model[at + len(text) :]
            else:
                start = min(len(model), len(OLD)) if verb == "on" else first
                length = min(first if verb == "on" else second, len(OLD) - start)
                out.copy(source, start, length)
                model += OLD[start : start + length]
        out.commit(path.stat(), prove=lambda: None)
    assert path.read_bytes() == model


def test_a_save_of_something_else_than_was_copied_ahead_is_whole(tmp_path: Path) -> None:
    """The part that was expected to grow is laid anew, or another one is: nothing of what was copied ahead shows."""
    for number, changes in enumerate(
        ({PART: Laid(b"<x>" + b"y" * 100 + END, 3)}, {"xl/workbook.xml": b"<w/>"}, {PART: b"<plain/>"}, {})
    ):
        path = laid_at(tmp_path / f"{number}.xlsx")
        before = contents(path)
        with Package.open(path) as package:
            package.copy_ahead(PART)
            package.save(changes)
        texts = {name: change.text if isinstance(change, Laid) else change for name, change in changes.items()}
        assert contents(path) == before | texts


def test_an_append_after_copying_ahead_writes_the_same_bytes(tmp_path: Path) -> None:
    """With and without, the file comes out the same."""
    files = [laid_at(tmp_path / name) for name in ("ahead.xlsx", "plain.xlsx")]
    for path in files:
        for number in range(3):
            with Package.open(path) as package:
                tail = package.tail(PART)
                assert tail
                if path.stem == "ahead":
                    package.copy_ahead(PART)
                text = tail.text.removesuffix(END) + b"<row r='%d'/>" % number + END
                package.save({PART: Grown(tail, text, 0), "xl/workbook.xml": b"<w>%d</w>" % number})
    assert files[0].read_bytes() == files[1].read_bytes()


def test_nothing_is_left_where_nothing_is_saved(tmp_path: Path) -> None:
    """A package that is closed without a save takes its temporary file along."""
    path = laid_at(tmp_path / "a.xlsx")
    before = path.read_bytes()
    with Package.open(path) as package:
        package.copy_ahead(PART)
        assert len(list(tmp_path.iterdir())) == 2
    assert [found.name for found in tmp_path.iterdir()] == ["a.xlsx"]
    assert path.read_bytes() == before


def test_a_read_only_workbook_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    """The refusal is that of a save."""
    path = laid_at(tmp_path / "a.xlsx")
    path.chmod(0o444)
    with Package.open(path) as package, pytest.raises(SheetBusy, match="read-only"):
        package.copy_ahead(PART)


def test_from_the_second_append_on_nothing_but_the_end_is_written_anew(tmp_path: Path) -> None:
    """Up to the stored tail, the file holds the same bytes at the same place from append to append."""
    path = tmp_path / "runs.xlsx"
    backend = XlsxBackend(Target("file", str(path)))
    backend.write(
        {f"r{n}": {Column("input", "x"): "some text " * 20} for n in range(500)}, new=[f"r{n}" for n in range(500)]
    )
    backend.write({"rx": {Column("input", "x"): 1}}, new=["rx"])
    before = path.read_bytes()
    backend.write({"ry": {Column("input", "x"): 1}}, new=["ry"])
    after = path.read_bytes()
    same = next(at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
    with Package.open(path) as package:
        names = [entry.filename for entry in sorted(package_entries(path), key=lambda entry: entry.header_offset)]
        assert package.tail(tab_part(package)) is not None
    header = next(e.header_offset for e in package_entries(path) if e.filename == names[-3])
    assert names[-3].startswith("xl/worksheets/")
    assert same >= header
    assert before[header + 100 : header + 1000] == after[header + 100 : header + 1000]


def laid_at(path: Path) -> Path:
    """A workbook in our layout."""
    laid(path)
    return path


def package_entries(path: Path) -> list[zipfile.ZipInfo]:
    """Entries, judged by zipfile."""
    with zipfile.ZipFile(path) as book:
        return book.infolist()


def tab_part(package: Package) -> str:
    """The part of the only tab."""
    return next(name for name in package.names if name.startswith("xl/worksheets/sheet"))
