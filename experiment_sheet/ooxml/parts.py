"""How parts of a package find each other: relationships and content types.

Sources: ECMA-376 Part 2 (relationships, content types). Part names are compared without case by `Package`;
targets may be absolute (``/xl/…``) or relative to the part, with either slash.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

from experiment_sheet.ooxml.lay import Tail
from experiment_sheet.ooxml.xml import Node, apply, attribute, parse

CONTENT_TYPES: Final = "[Content_Types].xml"
RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT_RELATIONSHIPS: Final = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_PACKAGE_RELATIONSHIPS: Final = b"http://schemas.openxmlformats.org/package/2006/relationships"
MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT: Final = "http://purl.oclc.org/ooxml/spreadsheetml/main"


class Source(Protocol):
    """What gives the parts of a workbook: a `Package`, or one with changes laid over it."""

    path: Path
    identity: str
    names: Sequence[str]

    def has(self, name: str) -> bool:
        """Whether there is such a part."""

    def read(self, name: str) -> bytes:
        """Return the text of a part."""

    def chunks(self, name: str, size: int = ...) -> Iterator[bytes]:
        """Return the text of a part in pieces."""

    def crc(self, name: str) -> int:
        """Return the CRC-32 of a part's text."""

    def tail(self, name: str) -> Tail | None:
        """Return the proven tail of a part."""


class Overlay:
    """A source with some parts new or replaced."""

    def __init__(self, source: Source, changes: Mapping[str, bytes]) -> None:
        self.path = source.path
        self.identity = source.identity
        self._source = source
        self._changes = {name.lower(): data for name, data in changes.items()}
        self.names: Sequence[str] = [*source.names, *(name for name in changes if not source.has(name))]

    def has(self, name: str) -> bool:
        """Whether there is such a part."""
        return name.lower() in self._changes or self._source.has(name)

    def read(self, name: str) -> bytes:
        """Return the text of a part."""
        changed = self._changes.get(name.lower())
        return self._source.read(name) if changed is None else changed

    def chunks(self, name: str, size: int = 1 << 20) -> Iterator[bytes]:
        """Return the text of a part in pieces."""
        changed = self._changes.get(name.lower())
        return self._source.chunks(name, size) if changed is None else iter([changed])

    def crc(self, name: str) -> int:
        """Return the CRC-32 of a part's text."""
        changed = self._changes.get(name.lower())
        return self._source.crc(name) if changed is None else zlib.crc32(changed)

    def tail(self, name: str) -> Tail | None:
        """Return the proven tail of a part; a changed one has none."""
        return None if name.lower() in self._changes else self._source.tail(name)


@dataclass(frozen=True, slots=True)
class Relationship:
    """One relationship: its id, the last word of its type, the part it leads to (None: outside the package)."""

    id: str
    kind: str
    part: str | None


def rels_name(part: str) -> str:
    """Name of the part that holds a part's relationships; for the package itself, `part` is empty."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", name + ".rels")


def relationships(source: Source, part: str) -> list[Relationship]:
    """Relationships of a part, in order."""
    name = rels_name(part)
    if not source.has(name):
        return []
    found = []
    for node in parse(source.read(name), name).root.all("Relationship"):
        inside = node.attrs.get("TargetMode") != "External"
        kind = node.attrs.get("Type", "").rpartition("/")[2]
        target = _resolved(source, part, node.attrs.get("Target", "")) if inside else None
        found.append(Relationship(node.attrs.get("Id", ""), kind, target))
    return found


def with_relationship(data: bytes | None, *, kind: str, target: str, strict: bool = False) -> tuple[bytes, str]:
    """Relationships part with one more (from nothing where there was none), and the new id."""
    if data is None:
        data = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Relationships xmlns="%b"/>' % (
            _PACKAGE_RELATIONSHIPS
        )
    document = parse(data, "relationships")
    taken = {node.attrs.get("Id") for node in document.root.children}
    number = next(n for n in range(len(taken) + 1, 2 * len(taken) + 3) if f"rId{n}" not in taken)
    family = _STRICT_RELATIONSHIPS if strict else RELATIONSHIPS
    element = b'<%bRelationship Id="rId%d" Type="%b/%b" Target="%b"/>' % (
        document.root.prefix,
        number,
        family.encode(),
        kind.encode(),
        attribute(target),
    )
    return apply(data, [document.append(document.root, element)]), f"rId{number}"


def with_override(data: bytes, *, part: str, content_type: str) -> bytes:
    """Content types with one more part."""
    document = parse(data, CONTENT_TYPES)
    element = b'<%bOverride PartName="/%b" ContentType="%b"/>' % (
        document.root.prefix,
        attribute(part),
        content_type.encode(),
    )
    return apply(data, [document.append(document.root, element)])


def typed(data: bytes) -> list[str]:
    """Parts that the content types name, whether they are there or not."""
    return [node.attrs.get("PartName", "") for node in parse(data, CONTENT_TYPES).root.all("Override")]


def unlisted(source: Source, *, owner: str, part: str) -> dict[str, bytes]:
    """Relationships of `owner`, and content types, without a part that is to go."""
    rels = rels_name(owner)
    gone = {found.id for found in relationships(source, owner) if found.part and found.part.lower() == part.lower()}
    return {
        rels: _without(source.read(rels), rels, lambda node: node.attrs.get("Id") in gone),
        CONTENT_TYPES: _without(
            source.read(CONTENT_TYPES),
            CONTENT_TYPES,
            lambda node: node.attrs.get("PartName", "").lower() == f"/{part.lower()}",
        ),
    }


def _without(data: bytes, what: str, goes: Callable[[Node], bool]) -> bytes:
    document = parse(data, what)
    return apply(data, [(node.start, node.end, b"") for node in document.root.children if goes(node)])


def free_name(names: Iterable[str], pattern: str) -> str:
    """First of ``pattern % 1``, ``pattern % 2`` … that no part has, caselessly."""
    taken = {name.lower().lstrip("/") for name in names}
    return next(name for n in range(1, len(taken) + 2) if (name := pattern % n).lower() not in taken)


def relative(part: str, target: str) -> str:
    """Target of a relationship from one part to another."""
    return posixpath.relpath(target, posixpath.dirname(part))


def _resolved(source: Source, part: str, target: str) -> str:
    target = target.replace("\\", "/")
    plain = target[1:] if target.startswith("/") else posixpath.join(posixpath.dirname(part), target)
    plain = posixpath.normpath(re.sub(r"#.*", "", plain)).lstrip("./")
    return plain if source.has(plain) else unquote(plain)
