"""The workbook part: tabs, defined names, how dates count, and what forbids an edit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from experiment_sheet.backends.base import Mark
from experiment_sheet.errors import IllegalTab, SheetDamaged, SheetRefused
from experiment_sheet.ooxml import names, parts
from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.rows import column_number
from experiment_sheet.ooxml.xml import Edit, Node, apply, attribute, escape, parse

_ILLEGAL_IN_TAB: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_AFTER_NAMES: Final = (
    "calcPr",
    "oleSize",
    "customWorkbookViews",
    "pivotCaches",
    "smartTagPr",
    "smartTagTypes",
    "webPublishing",
    "fileRecoveryPr",
    "webPublishObjects",
    "extLst",
)
_REFERENCE: Final = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!\$?([A-Za-z]{1,3})\$?([0-9]+)")


@dataclass(frozen=True, slots=True)
class Tab:
    """One sheet of the workbook."""

    name: str
    index: int  # in the order of tabs, as localSheetId counts
    sheet_id: int  # as calcChain counts
    part: str
    kind: str  # last word of the relationship's type
    hidden: bool

    @property
    def is_worksheet(self) -> bool:
        """Whether it holds cells (chart sheets, dialogs and macro sheets don't)."""
        return self.kind == "worksheet"


@dataclass(frozen=True, slots=True)
class Name:
    """One defined name."""

    name: str
    scope: int | None  # index of its tab; None for the whole workbook
    text: str
    comment: str | None
    node: Node
    ours: bool


class Workbook:
    """The workbook part of a package, read; `changed` gives it anew."""

    def __init__(self, package: Source) -> None:
        self.package = package
        self.part = self._find()
        self._document = parse(package.read(self.part), f"{package.path}, {self.part}")
        root = self._document.root
        if root.name != "workbook" or root.first("sheets") is None:
            raise SheetDamaged(f"{package.path}, {self.part} is no workbook. Restore the file from a backup.")
        self.strict = root.uri == parts.STRICT
        self.relationships = {found.id: found for found in parts.relationships(package, self.part)}
        self.tabs = [self._tab(index, node) for index, node in enumerate(self._nodes("sheets", "sheet"))]
        self.names = [self._name(node) for node in self._nodes("definedNames", "definedName")]
        properties = root.first("workbookPr")
        self.date1904 = properties is not None and properties.attrs.get("date1904") in {"1", "true"}

    def part_of(self, kind: str) -> str | None:
        """Part that the workbook has by a relationship of this kind: ``styles``, ``sharedStrings``, ``calcChain``."""
        found = (r.part for r in self.relationships.values() if r.kind == kind and r.part)
        return next((part for part in found if self.package.has(part)), None)

    def columns(self, tab: Tab) -> dict[int, list[tuple[str, int]]]:
        """Header row → (defined name, column number) of the names of ours in a tab."""
        found: dict[int, list[tuple[str, int]]] = {}
        for name in self.names:
            place = self._place(name, tab) if name.ours else None
            if place:
                found.setdefault(place[0], []).append((name.name, place[1]))
        return found

    def identities(self, tab: Tab) -> list[tuple[str, str | None]]:
        """Names of ours that belong to a tab, with their comments."""
        return [(n.name, n.comment) for n in self.names if n.ours and n.scope == tab.index]

    def mark(self, tab: Tab) -> Mark | None:
        """Mark that a tab holds; one that belongs to the whole workbook counts where the tab has none."""
        found = {n.scope: names.parse_mark(n.text) for n in self.names if n.name.lower() == names.MARK}
        return found.get(tab.index) or found.get(None)

    def constant(self, tab: Tab, name: str) -> str | None:
        """Text that a hidden name of ours keeps for a tab."""
        found = next((n.text for n in self.names if n.scope == tab.index and n.name.lower() == name), None)
        return None if found is None else found.strip('"')

    def with_names(self, tab: Tab, new: Mapping[str, str], gone: Iterable[str] = ()) -> list[Edit]:
        """Edits that set hidden names of a tab (name → formula text) and take others away."""
        drop = {name.lower() for name in (*gone, *new)}
        edits: list[Edit] = [
            (name.node.start, name.node.end, b"") for name in self.names if self._is_dropped(name, tab, drop)
        ]
        # LibreOffice shows hidden names again.
        edits += [self._document.set(name.node, hidden="1") for name in self.names if self._has_come_up(name, drop)]
        return [*edits, *self._names_added(tab, new)] if new else edits

    def _has_come_up(self, name: Name, drop: Collection[str]) -> bool:
        hidden = name.node.attrs.get("hidden") in {"1", "true"}
        return name.ours and not hidden and name.name.lower() not in drop

    def _is_dropped(self, name: Name, tab: Tab, drop: Collection[str]) -> bool:
        low = name.name.lower()
        return low in drop and (name.scope == tab.index or (low == names.MARK and name.scope is None))

    def with_text(self, name: Name, text: str) -> Edit:
        """Edit that gives a defined name another text."""
        return self._document.fill(name.node, text)

    def with_tab(self, name: str, rel_id: str, family: str) -> Edit:
        """Edit that adds a tab at the end; `family` is the namespace of relationships in this workbook."""
        sheets = self._document.root.first("sheets")
        assert sheets is not None
        sheet_id = max((tab.sheet_id for tab in self.tabs), default=0) + 1
        # The prefix is declared here, because workbooks declare it where they like (openpyxl: in each sheet element).
        element = b'<%bsheet xmlns:r="%b" name="%b" sheetId="%d" r:id="%b"/>' % (
            self._document.root.prefix,
            family.encode(),
            attribute(name),
            sheet_id,
            rel_id.encode(),
        )
        return self._document.append(sheets, element)

    def recalculated(self) -> Edit:
        """Edit that makes Excel compute every formula when it opens the workbook."""
        root = self._document.root
        node = root.first("calcPr")
        if node is not None:
            return self._document.set(node, fullCalcOnLoad="1")
        element = b'<%bcalcPr calcId="0" fullCalcOnLoad="1"/>' % root.prefix
        return self._document.insert(root, element, before=_AFTER_NAMES[1:])

    def changed(self, edits: Iterable[Edit]) -> bytes:
        """Return the workbook part with these changes."""
        return apply(self._document.data, edits)

    @property
    def locked(self) -> bool:
        """Whether tabs may not be added."""
        node = self._document.root.first("workbookProtection")
        return node is not None and node.attrs.get("lockStructure") in {"1", "true"}

    def _find(self) -> str:
        package = self.package
        for found in parts.relationships(package, ""):
            if found.kind == "officeDocument" and found.part and package.has(found.part):
                return found.part
        raise SheetDamaged(f"{package.path} is a zip file but no workbook. Choose another target.")

    def _nodes(self, parent: str, child: str) -> list[Node]:
        node = self._document.root.first(parent)
        return list(node.all(child)) if node else []

    def _tab(self, index: int, node: Node) -> Tab:
        rel_id = next((value for key, value in node.attrs.items() if key.endswith("}id")), "")
        found = self.relationships.get(rel_id)
        name = node.attrs.get("name", "")
        if found is None or found.part is None or not self.package.has(found.part):
            raise SheetDamaged(f"{self.package.path}: the part of tab {name!r} is missing. Restore a backup.")
        hidden = node.attrs.get("state", "visible") != "visible"
        sheet_id = self._document.integer(node, "sheetId", index + 1)
        return Tab(name, index, sheet_id, found.part, found.kind, hidden)

    def _name(self, node: Node) -> Name:
        name = node.attrs.get("name", "")
        if node.children:
            raise SheetDamaged(f"{self._document.what}: the name {name!r} holds elements. Restore a backup.")
        return Name(
            name,
            self._document.integer(node, "localSheetId") if "localSheetId" in node.attrs else None,
            self._document.text(node),
            node.attrs.get("comment"),
            node,
            names.is_ours(name),
        )

    def _place(self, name: Name, tab: Tab) -> tuple[int, int] | None:
        if name.scope != tab.index:
            return None
        return place_of(name.text, tab.name)

    def _names_added(self, tab: Tab, new: Mapping[str, str]) -> list[Edit]:
        root = self._document.root
        elements = b"".join(
            b'<%bdefinedName name="%b" localSheetId="%d" hidden="1">%b</%bdefinedName>'
            % (root.prefix, name.encode(), tab.index, escape(text), root.prefix)
            for name, text in new.items()
        )
        node = root.first("definedNames")
        if node is not None:
            return [self._document.append(node, elements)]
        whole = b"<%bdefinedNames>%b</%bdefinedNames>" % (root.prefix, elements, root.prefix)
        return [self._document.insert(root, whole, before=_AFTER_NAMES)]


@lru_cache(maxsize=1024)  # the same names are read at every write
def place_of(text: str, tab: str) -> tuple[int, int] | None:
    """(row, column) of a reference to one cell of a tab."""
    match = _REFERENCE.fullmatch(text.strip().removeprefix("="))
    if match is None:
        return None
    sheet = match[1].replace("''", "'") if match[1] else match[2]
    return (int(match[4]), column_number(match[3])) if sheet.casefold() == tab.casefold() else None


def check_tab(name: str) -> None:
    """Raise `IllegalTab` unless Excel takes this name for a tab (facts: XlsxWriter's checks; 31 UTF-16 units)."""
    problem = None
    if not name.strip():
        problem = "is empty"
    elif len(name.encode("utf-16-le", "surrogatepass")) > 62:
        problem = "has more than 31 characters"
    elif _ILLEGAL_IN_TAB.search(name):
        problem = "holds one of [ ] : * ? / \\"
    elif name[0] == "'" or name[-1] == "'":
        problem = "begins or ends with an apostrophe"
    elif name.casefold() == "history":
        problem = "is kept by Excel for itself"
    if problem:
        raise IllegalTab(f"No tab can be named {name!r}: it {problem}. Choose another name.")


def check_editable(package: Source, workbook: Workbook) -> None:
    """Raise `SheetRefused` where any edit would do harm to the workbook as a whole."""
    lower = [name.lower() for name in package.names]
    if any(name.startswith("_xmlsignatures/") for name in lower):
        raise SheetRefused(f"{package.path} is digitally signed; a change would break the signature. Use a copy.")
    if any(found.kind in {"revisionHeaders", "usernames"} for found in workbook.relationships.values()):
        raise SheetRefused(
            f"{package.path} is a shared workbook that tracks changes. Turn off 'Share Workbook' in Excel."
        )
