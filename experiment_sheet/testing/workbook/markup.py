"""XML parts, read with expat: names shortened, big lists handed out row by row, oddities noted.

Nothing but the standard library, and nothing from the engine that is judged here. Names of the two
SpreadsheetML namespaces (transitional and strict) lose their namespace; the few others that rules ask for
get the prefix below, whatever prefix the writer chose; all others keep ``{namespace}name``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final
from xml.parsers import expat

PREFIXES: Final = {
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "",
    "http://purl.oclc.org/ooxml/spreadsheetml/main": "",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r:",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r:",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc:",
    "http://schemas.openxmlformats.org/package/2006/content-types": "ct:",
    "http://schemas.openxmlformats.org/package/2006/relationships": "rel:",
    "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing": "xdr:",
    "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing": "xdr:",
    "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main": "x14:",
    "http://schemas.microsoft.com/office/excel/2006/main": "xm:",
    "http://www.w3.org/XML/1998/namespace": "xml:",
}
_UNDERSTOOD: Final = ("r:", "mc:", "xml:", "xdr:")
_OPAQUE: Final = ("ext", "mc:AlternateContent")  # whose content an older reader skips
_CHUNK: Final = 1 << 16


class Node:
    """One element: `name`, `attributes`, `children`, and `text`, the characters directly in it."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node] = []
        self.text = ""

    def get(self, attribute: str, default: str = "") -> str:
        """Value of an attribute; `default` where it is absent."""
        return self.attributes.get(attribute, default)

    def number(self, attribute: str, default: int = 0) -> int:
        """Value of an attribute as an integer; -1 where it is none."""
        try:
            return int(self.attributes.get(attribute, default))
        except ValueError:
            return -1

    def find(self, name: str) -> Node | None:
        """First child of this name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Node]:
        """Every child of this name."""
        return (child for child in self.children if child.name == name)

    def walk(self) -> Iterator[Node]:
        """This element and every one in it, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def path(self, *names: str) -> Iterator[Node]:
        """Every element reached by going down by these names."""
        nodes = [self]
        for name in names:
            nodes = [child for node in nodes for child in node.all(name)]
        return iter(nodes)


@dataclass(slots=True)
class Scan:
    """What one pass over a part found."""

    root: Node | None = None
    error: str = ""  # why it is no well-formed XML
    doctype: bool = False
    relation_ids: list[tuple[str, str]] = field(default_factory=list)  # (id, element that names it)
    undeclared: list[str] = field(default_factory=list)  # prefixes in mc:Ignorable that no one declared
    foreign: dict[str, str] = field(default_factory=dict)  # namespace → first name in it, not ignorable


class _Doctype(Exception):
    """The part has a document type declaration; nothing after it is read."""


Take = Callable[[Node], None]


def scan(stream: IO[bytes], *, hand_out: str = "", take: Take | None = None) -> Scan:
    """Read one part. Elements at the path `hand_out` (``sheetData/row``) go to `take` when they end, unkept."""
    reader = _Reader(hand_out, take)
    try:
        reader.read(stream)
    except expat.ExpatError as error:
        reader.found.error = str(error)
    except _Doctype:
        reader.found.doctype = True
    except LookupError as error:
        if isinstance(error, KeyError | IndexError):
            raise
        reader.found.error = str(error)  # an encoding that nobody knows
    return reader.found


class _Reader:
    def __init__(self, hand_out: str, take: Take | None) -> None:
        self.found = Scan()
        self._within, _, self._hand_out = hand_out.partition("/")
        self._take = take
        self._open: list[Node] = []
        self._opaque = 0
        self._names: dict[str, str] = {}
        self._declared: dict[str, list[str]] = {}
        self._ignorable: set[str] = set()

    def read(self, stream: IO[bytes]) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartNamespaceDeclHandler = self._declare
        parser.EndNamespaceDeclHandler = self._forget
        parser.StartDoctypeDeclHandler = self._doctype
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def _short(self, name: str) -> str:
        namespace, _, local = name.rpartition(" ")
        prefix = PREFIXES.get(namespace, f"{{{namespace}}}" if namespace else "")
        return self._names.setdefault(name, prefix + local)

    def _start(self, long_name: str, attributes: dict[str, str]) -> None:
        name = self._names.get(long_name) or self._short(long_name)
        if any(" " in key for key in attributes):
            attributes = {self._names.get(key) or self._short(key): value for key, value in attributes.items()}
            self._note_attributes(name, attributes)
        if name[0] == "{" or ":" in name:
            self._note_foreign(name)
        node = Node(name, attributes)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.found.root = node
        self._open.append(node)
        self._opaque += name in _OPAQUE

    def _note_attributes(self, element: str, attributes: dict[str, str]) -> None:
        for prefix in attributes.get("mc:Ignorable", "").split():
            if self._declared.get(prefix):
                self._ignorable.add(self._declared[prefix][-1])
            else:
                self.found.undeclared.append(prefix)
        for key, value in attributes.items():
            if key.startswith("r:"):
                self.found.relation_ids.append((value, element))
            elif key[0] == "{" or ":" in key:
                self._note_foreign(key)

    def _note_foreign(self, name: str) -> None:
        if self._opaque or name.startswith(_UNDERSTOOD):
            return
        prefix = name.partition(":")[0] + ":"
        namespace = name[1:].partition("}")[0] if name[0] == "{" else _BY_PREFIX[prefix]
        if namespace not in self._ignorable:
            self.found.foreign.setdefault(namespace, name.rpartition("}")[2])

    def _end(self, _: str) -> None:
        node = self._open.pop()
        self._opaque -= node.name in _OPAQUE
        if node.name == self._hand_out and self._take and self._open and self._open[-1].name == self._within:
            self._open[-1].children.pop()
            self._take(node)

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared.setdefault(prefix or "", []).append(uri or "")

    def _forget(self, prefix: str | None) -> None:
        self._declared[prefix or ""].pop()

    def _doctype(self, *_: object) -> None:
        raise _Doctype


_BY_PREFIX: Final = {prefix: namespace for namespace, prefix in PREFIXES.items()}
