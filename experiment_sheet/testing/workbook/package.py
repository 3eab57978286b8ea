"""The package: zip entries, parts, content types, relationships (ECMA-376 Part 2)."""

from __future__ import annotations

import os
import posixpath
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import unquote

from experiment_sheet.testing.workbook.markup import Node, Scan, Take, scan

CONTENT_TYPES: Final = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class Relation:
    """One relationship: `kind` is the last word of its type, `target` the part it means."""

    id: str
    kind: str
    target: str
    external: bool


class Package:
    """An open .xlsx file and its parts, by name without the leading slash.

    Raises `zipfile.BadZipFile` where the file is no zip archive.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._zip = zipfile.ZipFile(path)
        self.suffix = os.fspath(path).rpartition(".")[2].lower()
        self._scans: dict[str, Scan] = {}

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    @cached_property
    def entries(self) -> list[zipfile.ZipInfo]:
        """Every zip entry that is no folder, in the central directory's order."""
        return [info for info in self._zip.infolist() if not info.is_dir()]

    @cached_property
    def parts(self) -> dict[str, zipfile.ZipInfo]:
        """Parts by caseless name; of namesakes the last."""
        return {part_name(info).lower(): info for info in self.entries if part_name(info) != CONTENT_TYPES}

    def part(self, name: str) -> str | None:
        """Name of a part as it is written in the package; None if there is no such part."""
        info = self.parts.get(name.lower()) or self.parts.get(unquote(name).lower())
        return None if info is None else part_name(info)

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Raw bytes of the file; fewer at its end."""
        file = self._zip.fp
        assert file is not None
        file.seek(max(offset, 0))
        return file.read(count)

    @property
    def directory_offset(self) -> int:
        """Where the central directory begins."""
        return self._zip.start_dir

    def read_through(self, info: zipfile.ZipInfo) -> str:
        """Read one entry to its end; what is wrong with it, or nothing."""
        try:
            with self._zip.open(info) as stream:
                while stream.read(1 << 16):
                    pass
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            return str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001 - zlib, lzma and bz2 have an error class each
            return f"{type(error).__name__}: {error}"
        return ""

    def scan(self, part: str, *, hand_out: str = "", take: Take | None = None) -> Scan:
        """One pass over a part; remembered, so that `take` is called only the first time.

        An entry that can't be decompressed scans as empty.
        """
        if part not in self._scans:
            info = self._zip.getinfo(CONTENT_TYPES) if part == CONTENT_TYPES else self.parts[part.lower()]
            if self.read_through(info):
                self._scans[part] = Scan()
            else:
                with self._zip.open(info) as stream:
                    self._scans[part] = scan(stream, hand_out=hand_out, take=take)
        return self._scans[part]

    def root(self, part: str | None) -> Node:
        """Root element of a part; an empty one where the part is absent or damaged, which another rule reports."""
        root = self.scan(part).root if part is not None and part.lower() in self.parts else None
        return root or Node("", {})

    @cached_property
    def typed(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """([(extension, type)], [(part, type)]) as [Content_Types].xml says, in its order."""
        if CONTENT_TYPES not in self._zip.NameToInfo:
            return [], []
        root = self.scan(CONTENT_TYPES).root or Node("", {})
        defaults = [(node.get("Extension").lower(), node.get("ContentType")) for node in root.all("ct:Default")]
        names = [(node.get("PartName"), node.get("ContentType")) for node in root.all("ct:Override")]
        return defaults, [(name.lstrip("/"), kind) for name, kind in names]

    def content_type(self, part: str) -> str:
        """Content type of a part; empty where nothing says."""
        by_extension, by_name = self._types
        return by_name.get(part.lower()) or by_extension.get(part.rpartition(".")[2].lower(), "")

    @cached_property
    def _types(self) -> tuple[dict[str, str], dict[str, str]]:
        defaults, overrides = self.typed
        return dict(defaults), {name.lower(): kind for name, kind in overrides}

    @cached_property
    def xml_parts(self) -> list[str]:
        """Every part that is XML by type or by name, without the relationship parts."""
        names = (part_name(info) for info in self.parts.values())
        return [name for name in names if not is_relations(name) and self._is_xml(name)]

    def _is_xml(self, part: str) -> bool:
        kind = self.content_type(part)
        return kind.endswith(("+xml", "/xml")) or (not kind and part.lower().endswith(".xml"))

    def relations(self, part: str) -> list[Relation]:
        """Relationships of a part, of the package itself for ``""``."""
        rels = self.part(relations_of(part))
        return [] if rels is None else [_relation(part, node) for node in self.root(rels).all("rel:Relationship")]

    def related(self, part: str, kind: str) -> list[str]:
        """Parts of this package to which a part has relationships of this kind."""
        targets = (
            self.part(found.target) for found in self.relations(part) if found.kind == kind and not found.external
        )
        return [target for target in targets if target is not None]


def part_name(info: zipfile.ZipInfo) -> str:
    """Part that a zip entry holds; some writers use backslashes or a leading slash."""
    return info.filename.replace("\\", "/").lstrip("/")


def is_relations(part: str) -> bool:
    """Whether it is a relationship part."""
    return part.lower().endswith(".rels")


def relations_of(part: str) -> str:
    """Name of the part that holds a part's relationships (ECMA-376 Part 2, 6.5.2.2)."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", name + ".rels")


def source_of(rels: str) -> str:
    """Name of the part whose relationships a part holds."""
    folder, name = posixpath.split(rels)
    return posixpath.join(posixpath.dirname(folder), name[: -len(".rels")])


def _relation(source: str, node: Node) -> Relation:
    target = node.get("Target")
    external = node.get("TargetMode").lower() == "external"
    if not external:
        target = _resolve(source, target)
    return Relation(node.get("Id"), node.get("Type").rpartition("/")[2], target, external)


def _resolve(source: str, target: str) -> str:
    target = target.replace("\\", "/").partition("#")[0]
    if not target:
        return source
    joined = target if target.startswith("/") else posixpath.join("/", posixpath.dirname(source), target)
    return posixpath.normpath(joined).lstrip("/")
