"""Names, texts, dates, formulas and tags: the small things, for any value."""

from __future__ import annotations

import datetime as dt
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.backends.base import Mark
from experiment_sheet.columns import Column
from experiment_sheet.ooxml import cells, names
from experiment_sheet.ooxml.formula import copied_down, follows_table, qualified
from experiment_sheet.ooxml.held import Holder
from experiment_sheet.ooxml.rows import cells_of, column_letters, column_number
from experiment_sheet.ooxml.strings import SharedStrings, rich_text
from experiment_sheet.ooxml.styles import Styles, kind_of
from experiment_sheet.ooxml.table import Area, area_of
from experiment_sheet.ooxml.workbook import place_of
from experiment_sheet.ooxml.worksheet import grown_list
from experiment_sheet.ooxml.xml import apply, parse, splice, with_attributes
from experiment_sheet.ooxml.xml import text as xml_text
from experiment_sheet.values import Cell, Link

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ROLES = st.sampled_from(["run", "input", "output", "people"])


@given(role=ROLES, key=TEXT)
def test_any_column_has_legal_names_and_comes_back(role: str, key: str) -> None:
    """Names obey Excel's rules, and lead to the column again, in any case."""
    column = Column(role, key)  # type: ignore[arg-type]
    found = names.names_of(column)
    assert all(re.fullmatch(r"_es\.[a-z0-9_.]+", name) and len(name) <= 255 for name in found)
    assert names.columns_of([(name.upper(), None) for name in found]) == {found[0].upper(): column}


@given(first=TEXT, second=TEXT)
def test_two_columns_never_share_a_name(first: str, second: str) -> None:
    """Not even caselessly, as Excel compares."""
    one, two = (names.column_name(Column("input", key)).lower() for key in (first, second))
    assert (one == two) == (first == second)


def test_names_of_others_are_none_of_ours() -> None:
    """Names that people made, and broken ones of ours."""
    for name in (
        "lr",
        "_xlnm.Print_Area",
        "_es.",
        "_es.mark",
        "_es.found",
        "_es.input",
        "_es.other.lr",
        "_es.input._x12",
    ):
        assert names.column_of(name) is None
    assert names.parse_mark(names.mark_formula(Mark("f00", 12))) == Mark("f00", 12)
    assert names.parse_mark("=runs!$A$1") is None


@given(text=TEXT)
def test_text_survives_its_spelling(text: str) -> None:
    """Control characters, escapes of them, and XML's own characters."""
    encoded = cells.encoded(text)
    assert cells.decoded(encoded) == text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]", encoded)


@given(value=st.one_of(st.booleans(), st.integers(), st.floats(), TEXT))
def test_a_cell_holds_what_was_written(value: Cell) -> None:
    """What `written` spells `Holder` reads, with any prefix."""
    holder = Holder(SharedStrings(lambda: ()), lambda: None, date1904=False)
    for prefix in (b"", b"x:"):
        element = cells.written(value, "B7", prefix=prefix)
        row = b'<%brow r="7">%b</%brow>' % (prefix, element, prefix)
        (cell,) = cells_of(row, prefix)
        assert cell.column == 2
        assert holder.holds(cell, value) or value == ""
        assert (
            type(holder.value(cell)) is type(value) or value == "" or isinstance(cells.special(str(value)), int | float)
        )


@given(moment=st.datetimes(dt.datetime(1904, 1, 1), dt.datetime(9999, 12, 31)), date1904=st.booleans())
def test_dates_survive_to_the_millisecond(moment: dt.datetime, date1904: bool) -> None:
    """In both date systems."""
    number = cells.serial(cells.settled(moment, date1904=date1904), date1904=date1904)  # type: ignore[arg-type]
    assert number is not None
    found = cells.moment(number, dt.datetime, date1904=date1904)
    whole = found if isinstance(found, dt.datetime) else dt.datetime.combine(found, dt.time())  # type: ignore[arg-type]
    assert abs(whole - moment) <= dt.timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("date", "number"),
    [
        (dt.date(1900, 1, 1), 1),
        (dt.date(1900, 2, 28), 59),
        (dt.date(1900, 3, 1), 61),
        (dt.date(2026, 1, 2), 46024),
        (dt.date(1899, 12, 31), None),
    ],
)
def test_serials_are_those_of_excel(date: dt.date, number: int | None) -> None:
    """The day 1900-02-29, which never was, has its number."""
    assert cells.serial(date) == number
    assert cells.settled(date) == (date if number else date.isoformat())


@given(
    href=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
    text=TEXT.filter(str.isprintable),
)
def test_a_link_comes_back(href: str, text: str) -> None:
    """Whatever its path and text hold, if Excel's limits allow a formula."""
    value = Link("files/" + href, text or "x")
    held = cells.settled(value)
    element = cells.written(value, "A1").decode()
    if isinstance(held, Link):
        formula = re.search("<f>(.*)</f>", element)
        assert formula is not None
        plain = formula[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert cells.link(plain) == value


@pytest.mark.parametrize("href", ["x" * 256, "ü" * 50])
def test_a_link_too_long_for_a_formula_is_text(href: str) -> None:
    """Literals in a formula end at 255 characters."""
    assert cells.settled(Link(href, "plots")) == "plots"
    assert cells.settled(Link(href, "")) == href


@pytest.mark.parametrize(
    ("formula", "down"),
    [
        ("A1+$A1+A$1+$A$1", "A4+$A4+A$1+$A$1"),
        ('"A1"&LOG10(A1)', '"A1"&LOG10(A4)'),
        ("'it''s A1'!B2+x.A1", "'it''s A1'!B5+x.A1"),
        ("Runs[[#This Row],[A1]]*2", "Runs[[#This Row],[A1]]*2"),
        ("SUM(A1:B2)", "SUM(A4:B5)"),
        ("1E5+A1", "1E5+A4"),
    ],
)
def test_formulas_are_copied_down(formula: str, down: str) -> None:
    """Relative rows move, nothing else."""
    assert copied_down(formula, 3) == down


def test_formulas_of_a_totals_row_follow_the_table() -> None:
    """Ranges that ended with the data grow, references to the row itself go along, others stay."""
    assert follows_table("SUM(B2:B9)+B10+B9+X!B2:B9", last=9, totals=10, added=2) == "SUM(B2:B11)+B12+B9+X!B2:B9"
    assert qualified("SUM([a])+T[a]+[1]S!A1", "Runs") == "SUM(Runs[a])+T[a]+[1]S!A1"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", None),
        ("0.00", None),
        ('"day" 0', None),
        ("[Red]0", None),
        ("yyyy-mm-dd", dt.datetime),
        ("m/d/yy h:mm", dt.datetime),
        ("[$-407]d. mmm", dt.datetime),
        ("h:mm AM/PM", dt.time),
        ("[h]:mm:ss", dt.timedelta),
        ("mm:ss.0", dt.time),
    ],
)
def test_formats_say_what_a_number_is(code: str, kind: type | None) -> None:
    """Dates, times and spans; literals don't count."""
    assert kind_of(code) is kind


def test_styles_are_appended_and_reused() -> None:
    """A format that exists is found; a new one comes last, whatever the prefix."""
    data = (
        b'<x:styleSheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:cellXfs count="2">'
        b'<x:xf numFmtId="0" fontId="3"/><x:xf numFmtId="14"><x:a/></x:xf></x:cellXfs></x:styleSheet>'
    )
    styles = Styles(data, "styles")
    assert styles.changed() is None
    assert styles.with_format(0, "0.0##") == 2
    assert styles.with_format(0, "0.0##") == 2
    assert styles.with_format(1, "[h]:mm:ss") == 3
    changed = styles.changed() or b""
    assert (
        b'<x:numFmts count="1"><x:numFmt numFmtId="164" formatCode="0.0##"/></x:numFmts><x:cellXfs count="4">'
        in changed
    )
    assert b'<x:xf numFmtId="46" applyNumberFormat="1"><x:a/></x:xf></x:cellXfs>' in changed
    assert Styles(changed, "styles").kind(3) is dt.timedelta


def test_shared_strings_are_read_as_far_as_needed() -> None:
    """In pieces of any size, runs joined, pronunciation left out; an index out of range is empty."""
    rich = b"<si><r><t>c</t></r><r><t xml:space='preserve'> d</t></r><rPh><t>e</t></rPh></si>"
    data = b"<sst><si><t>a&amp;b</t></si><si/>" + rich + b"</sst>"
    for size in (1, 5, 1000):
        strings = SharedStrings(lambda size=size: (data[at : at + size] for at in range(0, len(data), size)))
        assert [strings[2], strings[0], strings[1], strings[9]] == ["c d", "a&b", "", ""]
    assert rich_text(b"<is><t>_x0041_</t></is>") == "A"


@given(number=st.integers(1, 16_384))
def test_columns_have_letters(number: int) -> None:
    """Both ways."""
    assert column_number(column_letters(number)) == number
    assert area_of(f"{column_letters(number)}5") == Area(5, number, 5, number)


def test_areas_and_places_are_read() -> None:
    """With dollars, turned around, or not at all."""
    assert area_of("$C$7:A1") == Area(1, 1, 7, 3)
    assert area_of("A:A") is None
    assert place_of("'it''s'!$B$3", "it's") == (3, 2)
    assert place_of("runs!$B$3", "RUNS") == (3, 2)
    assert place_of("#REF!", "runs") is None
    assert grown_list("B2:B5 C9", Area(2, 1, 5, 3), 8) == "B2:B8 C9"
    assert grown_list("B2:B4", Area(2, 1, 5, 3), 8) is None


@given(
    data=st.binary(max_size=60),
    cuts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.binary(max_size=4))),
    size=st.integers(1, 70),
)
def test_splicing_pieces_is_splicing_the_whole(data: bytes, cuts: list[tuple[int, int, bytes]], size: int) -> None:
    """Edits of a stream give what they give of the whole, however it is cut."""
    edits, done = [], 0
    for start, length, content in sorted(cuts):
        if done <= start and start + length <= len(data):
            edits.append((start, start + length, content))
            done = start + length
    expected, at = b"", 0
    for start, end, content in edits:
        expected += data[at:start] + content
        at = end
    expected += data[at:]
    assert apply(data, edits) == expected
    assert b"".join(splice([data[n : n + size] for n in range(0, len(data), size)], edits)) == expected


def test_tags_are_changed_in_place() -> None:
    """Only the attribute that is named, however it is spelled."""
    assert with_attributes(b"<a x='1'  y=\"2\" />", {"x": "3"}) == b'<a x="3"  y="2" />'
    assert with_attributes(b'<a x="1" xx="2"/>', {"x": None, "z": '"<'}) == b'<a xx="2" z="&quot;&lt;"/>'
    document = parse(b'<a><b t=">"/><!-- <b/> --><b>1</b></a>', "a")
    assert [document.data[node.start : node.end] for node in document.root.children] == [b'<b t=">"/>', b"<b>1</b>"]


def test_nan_and_long_ints_are_text_that_reads_as_numbers() -> None:
    """No number cell can hold them; text that only looks like them stays text."""
    assert b"NaN" in cells.written(math.nan, "A1")
    assert cells.special("-inf") == -math.inf
    assert cells.special("1234567890123456") == 1234567890123456
    assert [cells.special(text) for text in ("007", "nan", "123", "1e999", "-0")] == [
        "007",
        "nan",
        "123",
        "1e999",
        "-0",
    ]


def test_text_is_what_stands_between_tags() -> None:
    """Comments and elements are no part of it, CDATA sections are, and what is escaped in them isn't read again."""
    assert xml_text(b"a<!-- <b> --><b r='1'/><![CDATA[<c/>&amp;]]>&lt;") == "a<c/>&amp;<"
