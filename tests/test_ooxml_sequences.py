"""Random sequences of saves against a plain model, a dict of texts; zipfile is the judge after every step."""

from __future__ import annotations

import random
import tempfile
import zipfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from package_model import PARTS, contents, made, rows

from experiment_sheet.ooxml import layout
from experiment_sheet.ooxml.package import Grown, Laid, Package, Patched

TEXT = rows(40_000)
NAMES = st.sampled_from(["xl/workbook.xml", "xl/a.xml", "xl/b.xml", "xl/worksheets/sheet1.xml", "ü.xml"])
LENGTHS = st.one_of(st.integers(0, 200), st.integers(0, 70_000), st.integers(0, 3 * layout.SEGMENT))


def text(length: int, seed: int) -> bytes:
    """Some rows, cut anywhere."""
    start = random.Random(seed).randrange(len(TEXT) - 3 * layout.SEGMENT)
    return TEXT[start : start + length]


class Saves(RuleBasedStateMachine):
    """Every way to save, and the ways of others."""

    @initialize()
    def begin(self) -> None:
        """A small workbook."""
        self.folder = tempfile.TemporaryDirectory()
        self.path = made(Path(self.folder.name) / "a.xlsx")
        self.model = dict(PARTS)
        self.laid: set[str] = set()
        self.identity = ""

    def teardown(self) -> None:
        """Leave nothing."""
        if hasattr(self, "folder"):
            assert list(Path(self.folder.name).iterdir()) == [self.path]
            self.folder.cleanup()

    @rule(name=NAMES, length=LENGTHS, seed=st.integers(0, 99))
    def plain(self, name: str, length: int, seed: int) -> None:
        """Change or add a part."""
        self.model[name] = text(length, seed)
        with Package.open(self.path) as package:
            self.identity = package.save({name: self.model[name]})
        self.laid.discard(name)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        """Remove a part, there or not."""
        with Package.open(self.path) as package:
            self.identity = package.save({}, remove=[name])
        self.model.pop(name, None)
        self.laid.discard(name)

    @rule(names=st.sets(NAMES, min_size=1, max_size=3), length=LENGTHS, share=st.floats(0, 1), seed=st.integers(0, 99))
    def lay(self, names: set[str], length: int, share: float, seed: int) -> None:
        """Lay parts anew."""
        for name in names:
            self.model[name] = b"<x>" + text(length, seed)
        with Package.open(self.path) as package:
            laid = {name: Laid(self.model[name], 1 + round(share * (length + 2))) for name in names}
            self.identity = package.save(laid)
        self.laid |= names

    @precondition(lambda self: self.laid)
    @rule(data=st.data(), length=LENGTHS, keep=st.floats(0, 1), cold=st.floats(0, 1), seed=st.integers(0, 99))
    def grow(self, data: st.DataObject, length: int, keep: float, cold: float, seed: int) -> None:
        """Append behind some of the tail; some of it grows cold."""
        name = data.draw(st.sampled_from(sorted(self.laid)))
        with Package.open(self.path) as package:
            tail = package.tail(name)
            assert tail is not None
            new = tail.text[: round(keep * len(tail.text))] + text(length, seed)
            self.model[name] = self.model[name][: tail.start] + new
            self.identity = package.save({name: Grown(tail, new, round(cold * len(new)))})

    @precondition(lambda self: self.laid)
    @rule(data=st.data(), length=st.one_of(st.integers(0, 20), LENGTHS), seed=st.integers(0, 99))
    def patch(self, data: st.DataObject, length: int, seed: int) -> None:
        """Replace cold text anywhere, in two places, and perhaps the tail."""
        name = data.draw(st.sampled_from(sorted(self.laid)))
        with Package.open(self.path) as package:
            tail = package.tail(name)
            assert tail is not None
            place = st.integers(0, tail.start - 1)
            a, b, c, d = sorted(data.draw(st.lists(place, min_size=4, max_size=4)))
            old, new = self.model[name], text(length, seed)
            end = data.draw(st.sampled_from([None, b"", b"<row/>" * 5]))
            text_end = old[tail.start :] if end is None else end
            whole = old[:a] + new + old[b:c] + b"!" + old[d : tail.start] + text_end
            self.identity = package.save({name: Patched(a, b, new, end, more=[(c, d, b"!")])})
        self.model[name] = whole

    @rule()
    def another_program_saves(self) -> None:
        """Everything is compressed anew; nothing of our layout may be believed then."""
        texts = contents(self.path)
        with zipfile.ZipFile(self.path) as old:
            infos = old.infolist()
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as book:
            for info in infos:
                book.writestr(info, texts[info.filename])
        self.laid.clear()
        with Package.open(self.path) as package:
            self.identity = package.identity

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        """Names, texts and order; tails exactly where something is laid."""
        if not hasattr(self, "model"):
            return
        assert contents(self.path) == self.model
        with Package.open(self.path) as package:
            assert self.identity in ("", package.identity)
            for name, expected in self.model.items():
                tail = package.tail(name)
                assert (tail is not None) == (name in self.laid)
                assert tail is None or expected[tail.start :] == tail.text
                assert package.read(name) == expected


Saves.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
test_sequences_of_saves = Saves.TestCase
