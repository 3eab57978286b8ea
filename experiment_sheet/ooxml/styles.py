"""Cell styles: which cells show a date, and the one style more that a new kind of value may need.

A cell's ``s`` is an index into ``cellXfs`` (ECMA-376 Part 1, 18.8.10). Formats are only ever appended, at the
end, so that every index in the workbook keeps its meaning; nothing existing is changed. At most 65,490
formats fit a workbook ("Excel specifications and limits"); beyond, cells get the style they have.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from experiment_sheet.errors import SheetDamaged
from experiment_sheet.ooxml import parts
from experiment_sheet.ooxml.xml import Edit, Node, apply, attribute, parse, with_attributes
from experiment_sheet.values import Cell, Link

_LIMIT: Final = 65_490
_FIRST_OWN_FORMAT: Final = 164  # smaller ids are built in: ECMA-376 Part 1, 18.8.30
_BUILT_IN: Final[dict[int, str]] = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    14: "mm-dd-yy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yy h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mmss.0",
    49: "@",
}
_BY_TYPE: Final[Mapping[type, tuple[str, Collection[type | None]]]] = {
    dt.datetime: ("yyyy-mm-dd hh:mm", {dt.datetime}),
    dt.date: ("yyyy-mm-dd", {dt.datetime}),
    dt.time: ("hh:mm:ss", {dt.time, dt.datetime}),
    dt.timedelta: ("[h]:mm:ss", {dt.timedelta}),
    str: ("General", {None, dt.datetime, dt.time, dt.timedelta}),
}
"""Format for a kind of value, and kinds of format (`kind_of`) that show it; any other value is a number."""
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_BOLD: Final = re.compile(
    rb"<(?:\w+:)?dxf>\s*<(?:\w+:)?font>\s*<(?:\w+:)?b(?: val=\"(?:1|true)\")?\s*/>\s*</[^>]*>\s*</[^>]*>"
)
_BEFORE_FORMATS: Final = ("fonts", "fills", "borders", "cellStyleXfs", "cellXfs")


class Styles:
    """The styles part of a workbook."""

    def __init__(self, data: bytes, what: str) -> None:
        self._document = parse(data, what)
        root = self._document.root
        if root.name != "styleSheet" or root.uri not in {parts.MAIN, parts.STRICT}:
            raise SheetDamaged(f"{self._document.what} holds no styles. Restore the workbook from a backup.")
        formats = root.first("numFmts")
        self._codes = {
            self._document.integer(node, "numFmtId"): node.attrs.get("formatCode", "")
            for node in (formats.all("numFmt") if formats else ())
        }
        self._xfs: Node | None = root.first("cellXfs")
        nodes = list(self._xfs.all("xf")) if self._xfs else []
        self._tags = [self._document.data[node.start : node.end] for node in nodes]
        self._attrs = [node.attrs for node in nodes]
        self._formats = [self._document.integer(node, "numFmtId") for node in nodes]
        self._had = len(self._tags)
        self._new_codes: dict[int, str] = {}
        self._bold: int | None = None  # index of one that is added

    def named(self, name: str) -> int | None:
        """Style of the cells that have a named cell style; None where the workbook has no such style."""
        styles = self._document.root.first("cellStyles")
        nodes = styles.all("cellStyle") if styles else ()
        wanted = next((node.attrs.get("xfId") for node in nodes if node.attrs.get("name") == name), None)
        indexes = (index for index, attrs in enumerate(self._attrs) if attrs.get("xfId") == wanted)
        return None if wanted is None else next(indexes, None)

    def code(self, style: int) -> str:
        """Number format code of a style."""
        number = self._formats[style] if 0 <= style < len(self._formats) else 0
        return self._codes.get(number) or _BUILT_IN.get(number, "General")

    def kind(self, style: int) -> type | None:
        """What a number in a cell of this style is: datetime, timedelta, time; None for a number."""
        return kind_of(self.code(style))

    def with_format(self, style: int, code: str) -> int:
        """Return a style like this one but for its number format: an existing one, else a new one."""
        if not 0 <= style < len(self._attrs):
            style = 0
        number = self._number(code)
        wanted = {**self._attrs[style], "numFmtId": str(number), "applyNumberFormat": "1"} if self._attrs else {}
        inside = _inside(self._tags[style]) if self._tags else b""
        for index, attrs in enumerate(self._attrs):
            if _meaning(attrs) == _meaning(wanted) and _inside(self._tags[index]) == inside:
                return index
        if not self._tags or len(self._tags) >= _LIMIT:
            return style
        if number not in self._codes and number not in _BUILT_IN:
            self._codes[number] = self._new_codes[number] = code
        start = self._tags[style].index(b">") + 1
        tag = with_attributes(self._tags[style][:start], {"numFmtId": str(number), "applyNumberFormat": "1"})
        self._tags.append(tag + self._tags[style][start:])
        self._attrs.append(wanted)
        self._formats.append(number)
        return len(self._tags) - 1

    def bold(self) -> int:
        """Index of a differential style (18.8.14) that is bold and nothing else: an existing one, else a new one."""
        if self._bold is not None:
            return self._bold
        holder = self._document.root.first("dxfs")
        found = list(holder.all("dxf")) if holder else []
        data = self._document.data
        plain = (index for index, node in enumerate(found) if _BOLD.fullmatch(data[node.start : node.end]))
        known = next(plain, None)
        if known is None:
            self._bold = len(found)
        return len(found) if known is None else known

    def changed(self) -> bytes | None:
        """Return the part with the styles that were added; None if there are none."""
        document, edits = self._document, self._bold_edits()
        if len(self._tags) != self._had and self._xfs is not None:
            more = b"".join(self._tags[self._had :])
            edits += [*document.extend(self._xfs, more, count=str(len(self._tags))), *self._format_edits()]
        return apply(document.data, edits) if edits else None

    def _bold_edits(self) -> list[Edit]:
        if self._bold is None:
            return []
        root = self._document.root
        holder, prefix = root.first("dxfs"), root.prefix
        style = b"<%bdxf><%bfont><%bb/></%bfont></%bdxf>" % ((prefix,) * 5)
        if holder is not None:
            return self._document.extend(holder, style, count=str(self._bold + 1))
        whole = b'<%bdxfs count="1">%b</%bdxfs>' % (prefix, style, prefix)
        return [self._document.insert(root, whole, before=("tableStyles", "colors", "extLst"))]

    def _number(self, code: str) -> int:
        known = {text: number for number, text in (_BUILT_IN | self._codes).items()}
        return known.get(code, max([_FIRST_OWN_FORMAT - 1, *self._codes]) + 1)

    def _format_edits(self) -> list[Edit]:
        if not self._new_codes:
            return []
        root = self._document.root
        formats = root.first("numFmts")
        more = b"".join(
            b'<%bnumFmt numFmtId="%d" formatCode="%b"/>' % (root.prefix, number, attribute(code))
            for number, code in self._new_codes.items()
        )
        if formats is not None:
            count = str(len(list(formats.all("numFmt"))) + len(self._new_codes))
            return self._document.extend(formats, more, count=count)
        whole = b'<%bnumFmts count="%d">%b</%bnumFmts>' % (root.prefix, len(self._new_codes), more, root.prefix)
        return [self._document.insert(root, whole, before=_BEFORE_FORMATS)]


@lru_cache(maxsize=1024)
def kind_of(code: str) -> type | None:
    """What a number format shows: datetime, time of day, timedelta; None for a plain number."""
    plain = _LITERAL.sub("", code.split(";")[0]).lower()
    if re.search(r"\[[hms]+\]", plain):
        return dt.timedelta
    if "general" in plain or not re.search(r"[ymdhs]", plain):
        return None
    if re.search(r"[yd]", plain) or ("m" in plain and not re.search(r"[hs]", plain)):
        return dt.datetime
    return dt.time


def fitting(code: str, value: Cell) -> str:
    """Number format, or another one that shows such a value as what it is: a date as one, a number as none."""
    if value is None or isinstance(value, bool | str | Link):
        return code
    usual, fits = _BY_TYPE.get(type(value), ("General", {None}))
    return code if kind_of(code) in fits else usual


def _inside(tag: bytes) -> bytes:
    start = tag.index(b">") + 1
    return tag[start:]


def _meaning(attrs: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in attrs.items() if key != "applyNumberFormat"}
