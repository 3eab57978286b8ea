"""XML as bytes with known places: read where things stand, then replace just those bytes.

A part is never parsed into a tree and written again, because every writer has its own spelling (prefixes,
quotes, attribute order, extension lists) that must stay as it is. `parse` lets expat tell, for each element,
at which byte its tags begin and end; a change is an `Edit` of a byte range; `apply` makes the new part.

Hostile XML: a document type (and with it every entity bomb) is refused, as are parts in another encoding
than UTF-8, which OOXML allows (ECMA-376 Part 2, 9.1.3) but no program of today writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final
from xml.parsers import expat

from experiment_sheet.errors import SheetDamaged, SheetRefused

Edit = tuple[int, int, bytes]
"""Replace the bytes from, up to (excluded), by these. Where both are equal: insert."""

IN_TAG: Final = rb"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+"""
"""What stands between an element's name and the ``>`` of its start tag (a value may hold ``>``)."""

_TAG: Final = re.compile(rb"<[^\s/>]+" + IN_TAG + rb">")
_ATTRIBUTE: Final = re.compile(rb"""([^\s=<>"'/]+)\s*=\s*("[^"]*"|'[^']*')""")
_ENTITY: Final = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(lt|gt|amp|quot|apos));")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_INTEGER: Final = re.compile(r"\s*[0-9]{1,10}\s*")
_UTF8: Final = frozenset({None, "utf-8", "utf8", "us-ascii", "ascii"})
_UNWRAP: Final = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(.*?)\]\]>|<[^<>]*>", re.DOTALL)
_SMALL: Final = 1 << 15
_DEEPEST: Final = 200  # no part of a real workbook nests deeper than some 30 elements


@dataclass(slots=True, eq=False)
class Node:
    """One element: its name, attributes (those without namespace) and where its tags stand."""

    name: str  # local
    uri: str
    prefix: bytes  # as written, with the colon
    attrs: dict[str, str]
    start: int
    inside: int  # behind the start tag
    inside_end: int = 0  # before the end tag
    end: int = 0
    children: list[Node] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether it is one self-closing tag."""
        return self.inside == self.end

    def all(self, *names: str) -> Iterator[Node]:
        """Children of these local names, in order."""
        return (child for child in self.children if child.name in names)

    def first(self, name: str) -> Node | None:
        """First child of this local name."""
        return next(self.all(name), None)

    def walk(self) -> Iterator[Node]:
        """This element and everything below it, in the document's order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


class Document:
    """A small part, read."""

    def __init__(self, data: bytes, root: Node, what: str) -> None:
        self.data = data
        self.root = root
        self.what = what

    @cached_property
    def elements(self) -> list[Node]:
        """Every element, in the document's order."""
        return list(self.root.walk())

    def integer(self, node: Node, name: str, default: int = 0) -> int:
        """Value of an attribute that is a whole number, not below 0; `default` where it is missing."""
        raw = node.attrs.get(name)
        if raw is None:
            return default
        if not _INTEGER.fullmatch(raw):
            raise SheetDamaged(f"{self.what}: {name}={raw[:40]!r} of <{node.name}> is no number. Restore a backup.")
        return int(raw)

    def text(self, node: Node) -> str:
        """Text directly in an element that has no children."""
        return text(self.data[node.inside : node.inside_end])

    def set(self, node: Node, **attrs: str | None) -> Edit:
        """Edit that gives an element these attributes; None takes one away."""
        return node.start, node.inside, with_attributes(self.data[node.start : node.inside], attrs)

    def fill(self, node: Node, content: str) -> Edit:
        """Edit that gives an element without children this text."""
        if not node.closed:
            return node.inside, node.inside_end, escape(content)
        return node.start, node.end, self._opened(node) + escape(content) + _closing(node)

    def append(self, node: Node, content: bytes) -> Edit:
        """Edit that puts elements at the end of this one's children."""
        if not node.closed:
            return node.inside_end, node.inside_end, content
        return node.start, node.end, self._opened(node) + content + _closing(node)

    def extend(self, node: Node, content: bytes, **attrs: str | None) -> list[Edit]:
        """Edits that put elements at the end of this one's children and set its attributes."""
        if not node.closed:
            return [self.set(node, **attrs), self.append(node, content)]
        tag = with_attributes(self._opened(node), dict(attrs))
        return [(node.start, node.end, tag + content + _closing(node))]

    def insert(self, parent: Node, content: bytes, *, before: Iterable[str]) -> Edit:
        """Edit that puts elements before the first child of one of these names, else at the end."""
        behind = frozenset(before)
        place = next((child.start for child in parent.children if child.name in behind), None)
        return self.append(parent, content) if place is None else (place, place, content)

    def _opened(self, node: Node) -> bytes:
        return self.data[node.start : node.inside].rstrip(b"/>").rstrip() + b">"


def parse(data: bytes, what: str) -> Document:
    """Read a part. `what` names file and part in errors.

    Small parts that were read before are not read again: relationships, styles and the workbook are the same at
    every append. What is remembered is found by the text itself, so that it can't be out of date, and nobody
    changes a document.
    """
    return _remembered(data, what) if len(data) <= _SMALL else _parsed(data, what)


def _parsed(data: bytes, what: str) -> Document:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        raise SheetRefused(f"{what} is not UTF-8. Save the workbook again with Excel or LibreOffice.")
    reader = _Reader(data, what)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SheetDamaged(f"{what} is not well-formed XML ({error}). Restore the workbook from a backup.") from None
    return Document(data, reader.root, what)


_remembered: Final = lru_cache(maxsize=16)(_parsed)


def well_formed(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    """Pieces of a large part, handed on as they are read; raises at the end of the first that is not well-formed."""
    parser = expat.ParserCreate()
    reader = _Reader(b"", what)
    parser.XmlDeclHandler, parser.StartDoctypeDeclHandler = reader.declaration, reader.doctype
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            yield chunk
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise SheetDamaged(f"{what} is not well-formed XML ({error}). Restore the workbook from a backup.") from None


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Make every change; ranges don't overlap, and insertions at one place keep their order."""
    return b"".join(splice([data], edits))


def splice(chunks: Iterable[bytes], edits: Iterable[Edit]) -> Iterator[bytes]:
    """Make every change to a part that comes in pieces."""
    waiting = sorted(edits, key=lambda edit: (edit[0], edit[1]))[::-1]  # equals stay in order
    at = 0  # of the first byte of `chunk` in the part
    skip = 0  # up to here the part has been replaced
    for chunk in chunks:
        done = max(at, skip)
        end = at + len(chunk)
        while waiting and waiting[-1][0] < end:
            start, stop, content = waiting.pop()
            if start > done:
                yield chunk[done - at : start - at]
            yield content
            done = skip = max(stop, done)
        if done < end:
            yield chunk[done - at :] if done > at else chunk
        at = end
    for _, _, content in reversed(waiting):
        yield content


def escape(value: str) -> bytes:
    """Text between tags. Characters that XML can't hold must be gone already."""
    if "&" in value or "<" in value or ">" in value:
        value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.encode().replace(b"\r", b"&#13;")


def attribute(value: str) -> bytes:
    """Value of an attribute, without its quotes."""
    quoted = escape(value).replace(b'"', b"&quot;")
    return quoted.replace(b"\n", b"&#10;").replace(b"\t", b"&#9;")


def text(raw: bytes) -> str:
    """Text that bytes between tags (or quotes) stand for; elements in it are none."""
    if b"<" in raw:
        raw = _UNWRAP.sub(lambda match: escape((match[1] or b"").decode()), raw)
    plain = raw.decode("utf-8", "replace")
    if "\r" in plain:
        plain = plain.replace("\r\n", "\n").replace("\r", "\n")
    return _ENTITY.sub(_entity, plain) if "&" in plain else plain


def attributes(tag: bytes) -> dict[str, str]:
    """Attributes of a start tag, by the names as written."""
    return {match[1].decode(): text(match[2][1:-1]) for match in _ATTRIBUTE.finditer(tag)}


def with_attributes(tag: bytes, attrs: dict[str, str | None]) -> bytes:
    """Start tag with these attributes set, or taken away where None; all else as it is."""
    for name, value in attrs.items():
        key = name.encode()
        found = next((match for match in _ATTRIBUTE.finditer(tag) if match[1] == key), None)
        if found is not None:
            new = b"" if value is None else key + b'="' + attribute(value) + b'"'
            start = found.start() if new else len(tag[: found.start()].rstrip())
            tag = tag[:start] + new + tag[found.end() :]
        elif value is not None:
            end = len(tag) - (2 if tag.endswith(b"/>") else 1)
            tag = tag[:end].rstrip() + b" " + key + b'="' + attribute(value) + b'"' + tag[end:]
    return tag


def _closing(node: Node) -> bytes:
    return b"</" + node.prefix + node.name.encode() + b">"


def _entity(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1], 16) if match[1] else int(match[2])
    return chr(code) if code < 0x110000 else "\ufffd"


@lru_cache(maxsize=4096)
def _parted(name: str) -> tuple[str, str, bytes]:
    """Namespace, local name and prefix (with its colon) of a name as expat gives it."""
    parts = name.split(" ")  # local; namespace, local; namespace, local, prefix
    uri, local, prefix = ("", *parts, "")[-3:] if len(parts) == 1 else (*parts, "")[:3]
    return uri, local, prefix.encode() + b":" if prefix else b""


def _braced(name: str) -> str:
    uri, local, _ = _parted(name)
    return f"{{{uri}}}{local}"


class _Reader:
    """Builds the tree while expat reads."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.what = what
        self.stack: list[Node] = []
        self.root: Node
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.XmlDeclHandler = self.declaration
        self.parser.StartDoctypeDeclHandler = self.doctype

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG002
        """Refuse other encodings than UTF-8."""
        if (encoding.lower() if encoding else None) not in _UTF8:
            raise SheetRefused(f"{self.what} is {encoding}, not UTF-8. Save the workbook again with Excel.")

    def doctype(self, *_: object) -> None:
        """Refuse document types."""
        raise SheetRefused(f"{self.what} declares a document type, which no workbook needs and attacks use.")

    def _start(self, name: str, attrs: dict[str, str]) -> None:
        if len(self.stack) >= _DEEPEST:
            raise SheetRefused(f"{self.what} nests elements more than {_DEEPEST} deep.")
        uri, local, prefix = _parted(name)
        if " " in "".join(attrs):  # an attribute with a namespace
            attrs = {_braced(key) if " " in key else key: value for key, value in attrs.items()}
        start = self.parser.CurrentByteIndex
        node = Node(local, uri, prefix, attrs, start, self._tag_end(start))
        if self.stack:
            self.stack[-1].children.append(node)
        else:
            self.root = node
        self.stack.append(node)

    def _tag_end(self, start: int) -> int:
        data = self.data
        end = data.find(b">", start) + 1
        if end and data.count(b'"', start, end) % 2 == 0 and data.count(b"'", start, end) % 2 == 0:
            return end
        tag = _TAG.match(data, start)  # a ">" or an apostrophe in a value
        if tag is None:
            raise SheetDamaged(f"{self.what} holds a tag that can't be read at byte {start}.")
        return tag.end()

    def _end(self, name: str) -> None:  # noqa: ARG002
        node = self.stack.pop()
        if self.data[node.inside - 2 : node.inside] == b"/>":
            node.inside_end = node.end = node.inside
        else:
            node.inside_end = self.parser.CurrentByteIndex
            node.end = self.data.index(b">", node.inside_end) + 1
