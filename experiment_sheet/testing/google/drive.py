"""The files of Drive v3, as far as spreadsheets need them: metadata, sharing, comments."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.testing.google.accounts import ROLES
from experiment_sheet.testing.google.quota import Clock
from experiment_sheet.testing.google.refusal import JSON, Refused, unsupported
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.view import ADDRESS

SPREADSHEET: Final = "application/vnd.google-apps.spreadsheet"
FOLDER: Final = "application/vnd.google-apps.folder"
ROOT: Final = "0AEmulatedRootFolder"
_LETTERS: Final = string.ascii_letters + string.digits + "-_"


def stamp(seconds: float) -> str:
    """A moment as Drive writes it."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass(slots=True)
class File:
    """A file. Times are seconds since 1970; `book` is what a spreadsheet's file holds."""

    id: str
    name: str
    mime: str
    owner: str
    created: float
    modified: float
    parents: list[str] = field(default_factory=lambda: [ROOT])
    permissions: list[JSON] = field(default_factory=list)
    comments: list[JSON] = field(default_factory=list)
    trashed: bool = False
    book: Spreadsheet | None = None
    extra: JSON = field(default_factory=dict)

    def role(self, user: str) -> str | None:
        """The strongest role of a user; None for no access."""
        mine = [p["role"] for p in self.permissions if _applies(p, user)]
        return max(mine, key=ROLES.index, default=None)

    def may(self, user: str, role: str) -> bool:
        """Whether a user's role is at least this one."""
        own = self.role(user)
        return own is not None and ROLES.index(own) >= ROLES.index(role)

    def json(self, user: str) -> JSON:
        """The Files resource, as a user sees it."""
        owner = {"kind": "drive#user", "displayName": self.owner, "emailAddress": self.owner, "me": self.owner == user}
        return {
            "kind": "drive#file",
            "id": self.id,
            "name": self.name,
            "mimeType": self.mime,
            "createdTime": stamp(self.created),
            "modifiedTime": stamp(self.modified),
            "parents": self.parents,
            "trashed": self.trashed,
            "explicitlyTrashed": self.trashed,
            "starred": False,
            "ownedByMe": self.owner == user,
            "shared": len(self.permissions) > 1,
            "owners": [owner],
            "permissions": self.permissions,
            "webViewLink": ADDRESS.format(self.id) + "?usp=drivesdk",
            "capabilities": {"canEdit": self.may(user, "writer"), "canComment": self.may(user, "commenter")},
            **self.extra,
        }


def _applies(permission: JSON, user: str) -> bool:
    kind = permission["type"]
    if kind == "anyone":
        return True
    if kind == "domain":
        return user.endswith("@" + str(permission.get("domain")))
    return bool(permission.get("emailAddress", "").lower() == user.lower())


def permission(role: str, kind: str, who: str | None = None, *, more: JSON | None = None) -> JSON:
    """A Permissions resource."""
    number = str(int(hashlib.sha256(f"{kind}{who}".lower().encode()).hexdigest(), 16))[:20]
    number = {"anyone": "anyoneWithLink", "domain": number + "k"}.get(kind, number)
    result: JSON = {"kind": "drive#permission", "id": number, "type": kind, "role": role}
    if kind == "domain":
        result |= {"domain": who, "displayName": who}
    elif kind == "anyone":
        result["allowFileDiscovery"] = False
    else:
        result |= {
            "emailAddress": who,
            "displayName": (who or "").split("@")[0],
            "deleted": False,
            "pendingOwner": False,
        }
    return result | (more or {})


class Drive:
    """Every file of the service."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.files: dict[str, File] = {}
        self.clock = clock
        self.chance = chance
        self.full: set[str] = set()
        """Addresses whose storage is full, as every service account's is since 2025."""

    def new_key(self) -> str:
        """A random file id, in the form of the service's."""
        return "1" + "".join(self.chance.choices(_LETTERS, k=43))

    def add(
        self, name: str, user: str, *, mime: str = SPREADSHEET, key: str | None = None, parents: list[str] | None = None
    ) -> File:
        """Make a file of one's own; a spreadsheet's has one empty tab."""
        if user in self.full:
            text = "The user's Drive storage quota has been exceeded."
            raise Refused(403, text, reason="storageQuotaExceeded", domain="usageLimits")
        now = self.clock.now()
        file = File(key or self.new_key(), name, mime, user, now, now, parents or [ROOT])
        file.permissions.append(permission("owner", "user", user))
        if mime == SPREADSHEET:
            file.book = Spreadsheet(file.id, name, owner=user, chance=self.chance)
        self.files[file.id] = file
        return file

    def get(self, key: str, user: str, role: str = "reader") -> File:
        """A file that a user has a role in; Drive hides the others."""
        file = self.files.get(key)
        if file is None or not file.may(user, "reader"):
            raise Refused(404, f"File not found: {key}.", location="fileId")
        if not file.may(user, role):
            text = "The user does not have sufficient permissions for this file."
            raise Refused(403, text, reason="insufficientFilePermissions")
        return file

    def book(self, key: str, user: str, role: str = "reader") -> tuple[File, Spreadsheet]:
        """A spreadsheet that a user has a role in, as Sheets finds it."""
        file = self.files.get(key)
        if file is None:
            raise Refused(404)
        if not file.may(user, role):
            raise Refused(403)
        if file.book is None:
            raise Refused(400, "This operation is not supported for this document")
        return file, file.book

    def touch(self, file: File) -> None:
        """Note a change."""
        file.modified = self.clock.now()

    def find(self, query: str, user: str) -> list[File]:
        """Files that a user sees and a search query selects, the last changed first."""
        tests = [_term(term) for term in _terms(query)]
        seen = [file for file in self.files.values() if file.may(user, "reader")]
        chosen = [file for file in seen if all(test(file) for test in tests)]
        return sorted(chosen, key=lambda file: file.modified, reverse=True)


_QUERY: Final = re.compile(
    r"""\s*(?:(?P<not>not)\s+)?(?:
    (?P<field>mimeType|name|fullText|trashed|modifiedTime|createdTime|starred)\s*(?P<sign>!=|<=|>=|<|>|=|contains)\s*
        (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|true|false)
    |parents\s+in\s+(?P<folder>"[^"]*"|'[^']*')
    |(?P<member>"[^"]*"|'[^']*')\s+in\s+(?P<list>parents|owners|writers|readers)
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)


def _terms(query: str) -> list[re.Match[str]]:
    terms, at = [], 0
    while query.strip() and at <= len(query):
        match = _QUERY.match(query, at)
        if not match:
            raise unsupported(f"the Drive search {query[at:]!r}")
        terms.append(match)
        at = match.end()
        if at == len(query):
            break
        if not query[at:].lower().startswith("and"):
            raise unsupported(f"the Drive search {query[at:]!r}")
        at += 3
    return terms


def _term(match: re.Match[str]) -> Callable[[File], bool]:
    """Test of one term of a search query."""
    wanted = not match["not"]
    if match["folder"] or match["list"] == "parents":
        folder = (match["folder"] or match["member"])[1:-1]
        return lambda file: ((folder in file.parents) or (folder == "root" and ROOT in file.parents)) is wanted
    if match["member"]:
        who, least = match["member"][1:-1], {"owners": "owner", "writers": "writer", "readers": "reader"}[match["list"]]
        return lambda file: file.may(who, least) is wanted
    name, sign, value = match["field"], match["sign"].lower(), match["value"]
    if value in {"true", "false"}:
        return lambda file: ((getattr(file, name, False) is True) == (value == "true")) is (wanted == (sign != "!="))
    text = re.sub(r"\\(.)", r"\1", value[1:-1])
    return lambda file: _compared(file, name, sign, text) is wanted


def _compared(file: File, name: str, sign: str, text: str) -> bool:
    own = {
        "name": file.name,
        "fullText": file.name,
        "mimeType": file.mime,
        "modifiedTime": stamp(file.modified),
        "createdTime": stamp(file.created),
    }[name]
    return {
        "=": own.lower() == text.lower() if name == "name" else own == text,
        "!=": own != text,
        "contains": text.lower() in own.lower(),
        "<": own < text,
        "<=": own <= text,
        ">": own > text,
        ">=": own >= text,
    }[sign]
