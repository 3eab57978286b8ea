"""Rules of the package: zip entries, content types, relationships, XML."""

from __future__ import annotations

import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from experiment_sheet.testing.workbook.book import Workbook
from experiment_sheet.testing.workbook.package import CONTENT_TYPES, is_relations, part_name, source_of
from experiment_sheet.testing.workbook.report import Finding

_SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_TYPE_OF: Final = {
    "worksheet": (_SPREADSHEET + "worksheet+xml",),
    "chartsheet": (_SPREADSHEET + "chartsheet+xml",),
    "styles": (_SPREADSHEET + "styles+xml",),
    "sharedStrings": (_SPREADSHEET + "sharedStrings+xml",),
    "table": (_SPREADSHEET + "table+xml",),
    "calcChain": (_SPREADSHEET + "calcChain+xml",),
    "drawing": ("application/vnd.openxmlformats-officedocument.drawing+xml",),
    "comments": (_SPREADSHEET + "comments+xml",),
    "theme": ("application/vnd.openxmlformats-officedocument.theme+xml",),
    "vbaProject": ("application/vnd.ms-office.vbaProject",),
}
_ROOT_OF: Final = {
    "officeDocument": "workbook",
    "worksheet": "worksheet",
    "styles": "styleSheet",
    "sharedStrings": "sst",
    "table": "table",
    "calcChain": "calcChain",
}
_WORKBOOK_TYPE: Final = {
    "xlsx": _SPREADSHEET + "sheet.main+xml",
    "xltx": _SPREADSHEET + "template.main+xml",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    "xltm": "application/vnd.ms-excel.template.macroEnabled.main+xml",
    "xlam": "application/vnd.ms-excel.addin.macroEnabled.main+xml",
}


def entries_whole(book: Workbook) -> Iterator[Finding]:
    """Every entry decompresses to its size and checksum (PKWARE APPNOTE, 4.4.7 to 4.4.9)."""
    for info in book.entries:
        if problem := book.read_through(info):
            yield Finding(part_name(info), "zip entry", f"can't be read to its end: {problem}")


def entries_plain(book: Workbook) -> Iterator[Finding]:
    """Stored or deflated, not encrypted (ECMA-376 Part 2, annex B.4; facts of paper-xlsx `zipguard`)."""
    for info in book.entries:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            yield Finding(part_name(info), "zip entry", f"compression method {info.compress_type} is not allowed")
        if info.flag_bits & 0x2041:
            yield Finding(part_name(info), "zip entry", "is encrypted")


def local_headers_agree(book: Workbook) -> Iterator[Finding]:
    """Each local header says what the central directory says, and no entry reaches into the next
    (PKWARE APPNOTE, 4.3.7, 4.3.9 and 4.3.12; ECMA-376 Part 2, annex B.4)."""
    offsets = [*sorted(info.header_offset for info in book.entries), book.directory_offset]
    ends = dict(pairwise(offsets))
    for info in book.entries:
        if problem := _local_problem(book, info, ends[info.header_offset]):
            yield Finding(part_name(info), "local header", problem)


def _local_problem(book: Workbook, info: zipfile.ZipInfo, end: int) -> str:
    header = book.bytes_at(info.header_offset, 30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        return "is not where the central directory says"
    _, flags, method, _, checksum, packed, size, name_length, extra_length = struct.unpack("<4xHHHIIIIHH", header)
    if method != info.compress_type or (flags ^ info.flag_bits) & 0x0809:
        return "has another method or other flags"
    start = info.header_offset + 30 + name_length + extra_length
    told = (checksum, packed, size)
    if flags & 8:
        told = _descriptor(book.bytes_at(start + info.compress_size, 24), info)
    for mine, theirs in zip(told, (info.CRC, info.compress_size, info.file_size), strict=True):
        if mine not in (theirs, 0xFFFFFFFF):
            return f"tells another checksum or size, {mine} instead of {theirs}"
    return "" if start + info.compress_size <= end else "the data reaches into the next entry"


def _descriptor(after: bytes, info: zipfile.ZipInfo) -> tuple[int, int, int]:
    after = after.removeprefix(b"PK\x07\x08").ljust(20, b"\0")
    short: tuple[int, int, int] = struct.unpack_from("<III", after)
    long: tuple[int, int, int] = struct.unpack_from("<IQQ", after)
    return long if long[1:] == (info.compress_size, info.file_size) else short


def entry_names_unique(book: Workbook) -> Iterator[Finding]:
    """Names differ by more than case (ECMA-376 Part 2, 6.2.2.3 and 7.3.4)."""
    names = Counter(part_name(info).lower() for info in book.entries)
    for info in book.entries:
        if (count := names.pop(part_name(info).lower(), 1)) > 1:
            yield Finding(part_name(info), "zip entry", f"{count} entries have this name, but for case")


def part_names_legal(book: Workbook) -> Iterator[Finding]:
    """No empty segment, none that ends with a dot, no encoded slash (ECMA-376 Part 2, 6.2.2.2)."""
    for info in book.entries:
        name = part_name(info)
        illegal = any(segment.endswith(".") or not segment for segment in name.split("/"))
        if illegal or "%2f" in name.lower() or "%5c" in name.lower():
            yield Finding(name, "zip entry", "is no legal part name")


def content_types_present(book: Workbook) -> Iterator[Finding]:
    """One stream of content types (ECMA-376 Part 2, 7.3.7). Its place is free: LibreOffice and Google write it last."""
    if CONTENT_TYPES not in {info.filename for info in book.entries}:
        yield Finding(CONTENT_TYPES, "zip entry", "is missing")


def content_types_unique(book: Workbook) -> Iterator[Finding]:
    """One Default per extension, one Override per part (ECMA-376 Part 2, 7.2.3.2)."""
    for kind, listed in zip(("Default", "Override"), book.typed, strict=True):
        for name, count in Counter(name.lower() for name, _ in listed).items():
            if count > 1:
                yield Finding(CONTENT_TYPES, f"{kind} {name}", f"stands there {count} times")


def parts_typed(book: Workbook) -> Iterator[Finding]:
    """Every part has a content type (ECMA-376 Part 2, 7.2.3.3; exceljs#106, hucre#108)."""
    if CONTENT_TYPES in {info.filename for info in book.entries}:
        for info in book.parts.values():
            name = part_name(info)
            if not book.content_type(name) and not _junk(name):
                yield Finding(CONTENT_TYPES, name, "the part has no content type")


def _junk(name: str) -> bool:
    return name.startswith(("[trash]/", "__MACOSX/"))  # ECMA-376 Part 2, 7.3.8; left by macOS archivers


def overrides_present(book: Workbook) -> Iterator[Finding]:
    """Every Override names a part that is there (exceljs#106, hucre#108)."""
    for name, _ in book.typed[1]:
        if book.part(name) is None:
            yield Finding(CONTENT_TYPES, f"Override /{name}", "there is no such part")


def workbook_typed(book: Workbook) -> Iterator[Finding]:
    """One workbook part, with the content type its suffix promises: Excel refuses others (ECMA-376 Part 1, 12.3.23)."""
    parts = book.related("", "officeDocument")
    if len(parts) != 1:
        yield Finding("_rels/.rels", "officeDocument", f"names {len(parts)} workbook parts instead of one")
    for part in parts[:1]:
        kind = book.content_type(part)
        wanted = _WORKBOOK_TYPE.get(book.suffix)
        if kind not in (_WORKBOOK_TYPE.values() if wanted is None else (wanted,)):
            yield Finding(CONTENT_TYPES, part, f"type {kind!r} doesn't fit a .{book.suffix or 'xlsx'} file")


def related_parts_typed(book: Workbook) -> Iterator[Finding]:
    """A part's content type is the one its relationship asks for (ECMA-376 Part 1, 12.3 and 15.2)."""
    for rels in _relation_parts(book):
        for relation in book.relations(source_of(rels)):
            part, allowed = book.part(relation.target), _TYPE_OF.get(relation.kind)
            if part is None or allowed is None or relation.external or not book.content_type(part):
                continue
            if book.content_type(part) not in allowed:
                yield Finding(CONTENT_TYPES, part, f"type {book.content_type(part)!r} is none of a {relation.kind}")


def roots_right(book: Workbook) -> Iterator[Finding]:
    """A part's root element is the one of its kind, in a SpreadsheetML namespace (ECMA-376 Part 1, 12.3)."""
    for rels in _relation_parts(book):
        for relation in book.relations(source_of(rels)):
            part, wanted = book.part(relation.target), _ROOT_OF.get(relation.kind)
            root = None if part is None or wanted is None or relation.external else book.scan(part).root
            if root is not None and part is not None and root.name != wanted:
                yield Finding(part, "root element", f"is <{root.name}>, not <{wanted}>")


def relations_resolve(book: Workbook) -> Iterator[Finding]:
    """Every internal relationship leads to a part, and its own part is there (ECMA-376 Part 2, 6.5.3.4)."""
    for rels in _relation_parts(book):
        source = source_of(rels)
        if source and book.part(source) is None:
            yield Finding(rels, "zip entry", f"holds relationships of {source}, which is not there")
        for relation in book.relations(source):
            if not relation.external and relation.target != source and book.part(relation.target) is None:
                yield Finding(rels, relation.id, f"leads to {relation.target}, which is not there")


def relation_ids_unique(book: Workbook) -> Iterator[Finding]:
    """Ids are unique in a relationship part and not empty (ECMA-376 Part 2, 6.5.3.4)."""
    for rels in _relation_parts(book):
        for name, count in Counter(relation.id for relation in book.relations(source_of(rels))).items():
            if count > 1 or not name:
                yield Finding(rels, name, "stands there more than once" if name else "a relationship has no id")


def relation_ids_resolve(book: Workbook) -> Iterator[Finding]:
    """Every r:id, r:embed, … of a part is in its relationships (exceljs#106, hucre#108)."""
    for part in book.xml_parts:
        known = {relation.id for relation in book.relations(part)}
        for name, element in book.scan(part).relation_ids:
            if name and name not in known:
                yield Finding(part, element.rpartition("}")[2], f"relationship {name} is not there")


def xml_well_formed(book: Workbook) -> Iterator[Finding]:
    """XML 1.0 with every prefix declared and no character it forbids: no NUL, no lone surrogate, no U+FFFE
    (XML 1.0, 2.2; Namespaces in XML, 5; XlsxWriter and openpyxl escape or refuse them)."""
    for part in _all_xml(book):
        if error := book.scan(part).error:
            yield Finding(part, "XML", error)


def no_doctype(book: Workbook) -> Iterator[Finding]:
    """No document type declaration, hence no entities (ECMA-376 Part 2, 6.5.3.1 and 8.3.1)."""
    for part in _all_xml(book):
        if book.scan(part).doctype:
            yield Finding(part, "XML", "has a document type declaration")


def ignorable_declared(book: Workbook) -> Iterator[Finding]:
    """Every prefix in mc:Ignorable is declared (ECMA-376 Part 3, 7.2)."""
    for part in book.xml_parts:
        for prefix in book.scan(part).undeclared:
            yield Finding(part, "mc:Ignorable", f"prefix {prefix} is declared nowhere")


def foreign_ignorable(book: Workbook) -> Iterator[Finding]:
    """What another namespace adds to SpreadsheetML is in mc:Ignorable or in an extension list (ECMA-376 Part 3, 7)."""
    for part in book.xml_parts:
        found = book.scan(part)
        if found.root is not None and not found.root.name.startswith("{") and ":" not in found.root.name:
            for namespace, name in found.foreign.items():
                yield Finding(part, name, f"namespace {namespace} is not in mc:Ignorable")


def _relation_parts(book: Workbook) -> list[str]:
    return [part_name(info) for info in book.parts.values() if is_relations(info.filename)]


def _all_xml(book: Workbook) -> list[str]:
    types = [CONTENT_TYPES for info in book.entries if info.filename == CONTENT_TYPES]
    return [*types[:1], *_relation_parts(book), *book.xml_parts]


RULES: Final = (
    entries_whole,
    entries_plain,
    local_headers_agree,
    entry_names_unique,
    part_names_legal,
    content_types_present,
    content_types_unique,
    parts_typed,
    overrides_present,
    workbook_typed,
    related_parts_typed,
    roots_right,
    relations_resolve,
    relation_ids_unique,
    relation_ids_resolve,
    xml_well_formed,
    no_doctype,
    ignorable_declared,
    foreign_ignorable,
)
