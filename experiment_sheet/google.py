"""Google's side of a sheet: whose credentials are used, what they may, and sharing.

`check` sends at most four requests and changes nothing: its only write asks Google to delete developer metadata that
isn't there, which takes the right to write and does nothing. That Google answers so is inferred from the reference of
``DeleteDeveloperMetadataRequest``, and on the list of what the live tests look at (docs/google.md).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Final

from experiment_sheet.backends.base import Target
from experiment_sheet.backends.gsheet.access import SCOPES, WAYS, Access, access, use
from experiment_sheet.backends.gsheet.access import log_in as login
from experiment_sheet.backends.gsheet.problems import Answered, told
from experiment_sheet.backends.gsheet.service import Service
from experiment_sheet.backends.registry import parse
from experiment_sheet.errors import SheetError, UsageError

__all__ = ["ROLES", "WAYS", "Report", "check", "login", "share", "use"]

ROLES: Final = ("reader", "commenter", "writer")
"""What a person may be given (https://developers.google.com/workspace/drive/api/guides/ref-roles)."""

PATIENCE: Final = 20.0
"""Seconds that a request is repeated; a person waits for the answer."""

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ENABLE: Final = re.compile(r"https://console\.\S+?/apis?/\S+?(?=[\s,;]|\.?$|\.\s)")
_NOTHING: Final = {"developerMetadataLookup": {"metadataKey": "experiment_sheet.no_such_key"}}
_BOOK: Final = (
    "properties(title,locale),sheets(properties(sheetId,title),protectedRanges(requestingUserCanEdit,warningOnly))"
)
_SCOPED: Final = ",".join(("https://www.googleapis.com/auth/cloud-platform", *SCOPES))


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found. `todo` is the one thing to do next, empty where nothing is in the way."""

    identity: str
    kind: str  # service account, user, nobody
    way: str  # where the credentials were found
    url: str = ""
    title: str = ""
    can_read: bool = False
    can_write: bool = False
    error: str = ""
    todo: str = ""
    hint: str = ""  # what else is good to know


def share(target: str | os.PathLike[str] | Target, email: str, *, role: str = "writer", notify: bool = True) -> None:
    """Give a person access to a Google Sheet; Google tells them by mail unless `notify` is False.

    `role`: ``writer``, ``commenter`` or ``reader``. Whoever has another role gets this one. Raises UsageError for what
    can't be meant, SheetError where Google refuses.
    """
    place = _sheet_at(target, "share")
    if not isinstance(email, str) or not _ADDRESS.fullmatch(email):
        raise UsageError(f"share takes a mail address, not {email!r}")
    if role not in ROLES:
        raise UsageError(f"role is one of {', '.join(ROLES)}, not {role!r}")
    account = access()
    body = {"type": "user", "role": role, "emailAddress": email}
    with told(_address(place), account.identity):
        try:
            path, query = f"files/{place.path}/permissions", {"sendNotificationEmail": str(notify).lower()}
            Service(account, patience=PATIENCE).drive("POST", path, query=query, body=body)
        except Answered as answer:
            if todo := _todo(answer, account.identity, sharing=True):
                raise SheetError(f"{_address(place)}: {email} was not added. {todo}") from answer
            raise


def check(target: str | os.PathLike[str] | Target | None = None) -> Report:
    """Say whose credentials are used, whether they can read and write a sheet and, where not, what to do.

    Without a target: whose they are, and whether Google accepts them. Raises UsageError for what is no Google Sheet.
    """
    place = None if target is None else _sheet_at(target, "check")
    url = _address(place) if place else ""
    try:
        account = access()
    except SheetError as error:
        return Report("nobody", "nobody", "nowhere", url, error=str(error), todo=_GET_IN)
    service = Service(account, patience=PATIENCE)
    identity, hint, refused = _who(service, account)
    facts: dict[str, Any] = {"identity": identity, "kind": account.kind, "way": account.way, "url": url, "hint": hint}
    if refused:
        return Report(**facts, error=refused[0], todo=refused[1])
    if place is None:
        return Report(
            **facts, todo=f"make a sheet (sheets.new), share it with {identity} as Editor, and check its address"
        )
    return Report(**facts, **_rights(service, place, identity))


def _rights(service: Service, place: Target, identity: str) -> dict[str, Any]:
    """Whether a sheet can be read and written."""
    found: dict[str, Any] = {}
    try:
        book = service.sheets("GET", place.path, query={"fields": _BOOK}, kind="read")
        found |= {"title": book.get("properties", {}).get("title", ""), "can_read": True}
        request = {"requests": [{"deleteDeveloperMetadata": {"dataFilter": _NOTHING}}]}
        service.sheets("POST", f"{place.path}:batchUpdate", body=request, kind="write")
    except Exception as error:  # noqa: BLE001 - `_explained` raises again what is nobody's trouble
        said, todo = _explained(error, identity)
        return {**found, "error": said, "todo": todo}
    locked = _locked_tabs(book, place.tab)
    if locked:
        text = f"let {identity} edit the protected ranges of the tab {locked[0]!r} (Data > Protect sheets and ranges)"
        return {**found, "can_write": True, "todo": text}
    return {**found, "can_write": True}


def _locked_tabs(book: dict[str, Any], tab: str | None) -> list[str]:
    """Titles of tabs (of the one that is meant, if one is) with cells that are protected against whoever asks."""
    meant = [one for one in book.get("sheets", ()) if tab in (None, *_names(one["properties"]))]
    return [
        one["properties"]["title"]
        for one in meant
        if any(
            not area.get("requestingUserCanEdit", False) and not area.get("warningOnly")
            for area in one.get("protectedRanges", ())
        )
    ]


def _names(properties: dict[str, Any]) -> tuple[str, str]:
    return properties["title"], f"gid={properties.get('sheetId', 0)}"


def _who(service: Service, account: Access) -> tuple[str, str, tuple[str, str] | None]:
    """The account's address, what is good to know, and why its credentials are of no use, if they are not."""
    try:
        user = service.drive("GET", "about", query={"fields": "user(emailAddress)"}).get("user", {})
    except Answered as answer:  # the Drive API is off, or out of scope: logging needs it not
        if answer.status == 401:
            return account.identity, "", _explained(answer, account.identity)
        todo = _todo(answer, account.identity) or str(answer)
        return account.identity, f"Google Drive doesn't answer, which only sharing from here needs: {todo}", None
    except Exception as error:  # noqa: BLE001 - as above
        return account.identity, "", _explained(error, account.identity)
    return user.get("emailAddress") or account.identity, "", None


_MAKE: Final = "make a sheet (sheets.new), share it with {identity} as Editor, and check its address"
_GET_IN: Final = "get credentials: docs/google.md, five minutes; a service account's key is the shortest way"


def _explained(error: Exception, identity: str) -> tuple[str, str]:
    """What went wrong, and the one thing to do. Raises the error itself where it is a mistake of ours."""
    if isinstance(error, Answered):
        return f"Google says: {error}", _todo(error, identity)
    try:
        with told("Google", identity):
            raise error
    except SheetError as known:
        return str(known), _todo(error, identity) or _GET_IN


_TODOS: Final = {
    "insufficient authentication scopes|invalid_scope|ACCESS_TOKEN_SCOPE": (
        f"these credentials are not for Sheets: `gcloud auth application-default login --scopes={_SCOPED}`"
    ),
    "quota project": "name a project: `gcloud auth application-default set-quota-project PROJECT`",
    "reasonable timeframe|iat and exp|used too early|used too late": "set this machine's clock; it is wrong",
    "invalid_grant|revoked|401|invalid_client|deleted_client|expired": (
        "these credentials were revoked or have expired: make a new key for the service account, or log in again with"
        " `experiment-sheet google login`"
    ),
    "storageQuotaExceeded|storage quota": (
        "a service account has no room in Drive: make the sheet in your own (sheets.new) and share it with {identity}"
    ),
    "not supported for this document": (
        "this is an Office file in Drive: open it, choose File > Save as Google Sheets, and use that address"
    ),
    "sharingRateLimitExceeded": "Google allows no more invitations now; use the sheet's Share button, or wait",
    "invalidSharingRequest|no Google account": "that address has no Google account: leave --quiet out, so that Google"
    " can write to it, or use another one",
}
"""What Google or google-auth says → the one thing to do."""


def _todo(error: Exception, identity: str, *, sharing: bool = False) -> str:
    said = " ".join([str(error), *sorted(getattr(error, "reasons", ()))])
    if found := _ENABLE.search(said):
        return f"switch the API on, wait a minute, and try again: {found[0]}"
    for pattern, todo in _TODOS.items():
        if re.search(pattern, said, re.IGNORECASE):
            return todo.format(identity=identity)
    if isinstance(error, Answered) and error.status == 403:
        if sharing:
            return f"{identity} may not share this sheet: its owner can, with the Share button"
        return f"press Share in the sheet and add {identity} as Editor"
    if isinstance(error, Answered) and error.status == 404:
        return "copy the sheet's address from the browser once more; nothing is at this one" + (
            f", or {identity} may not see it" if sharing else ""
        )
    return "" if isinstance(error, Answered) else _NETWORK if _is_network(error) else ""


_NETWORK: Final = "see whether this machine reaches https://sheets.googleapis.com (network, proxy: $HTTPS_PROXY)"


def _is_network(error: Exception) -> bool:
    return any(kind.__name__ in ("ConnectionError", "Timeout", "TransportError") for kind in type(error).__mro__)


def _sheet_at(target: str | os.PathLike[str] | Target, what: str) -> Target:
    place = parse(target)
    if place.scheme == "gsheet":
        return place
    if what == "share":
        raise UsageError(
            f"{place.path} is no Google Sheet, so nobody can be invited to it: put it into a folder you share, or"
            f" `experiment-sheet copy {place.path} URL` into a Google Sheet and share that"
        )
    raise UsageError(
        f"{place.path} is no Google Sheet; its address begins with https://docs.google.com/spreadsheets/d/"
    )


def _address(place: Target) -> str:
    return f"https://docs.google.com/spreadsheets/d/{place.path}"
