"""The methods of Drive v3 that spreadsheets need, and the upload of v2 that imports a CSV."""

from __future__ import annotations

import copy
from typing import Any, Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.accounts import ROLES
from experiment_sheet.testing.google.call import Call
from experiment_sheet.testing.google.drive import SPREADSHEET, File, permission, stamp
from experiment_sheet.testing.google.exports import EXPORTS, import_csv
from experiment_sheet.testing.google.refusal import JSON, Refused, unsupported
from experiment_sheet.testing.google.values import truth

_FILE: Final = "kind,id,name,mimeType"
_PERMISSION: Final = "kind,id,type,role"
_MOST: Final = 1000
_USUAL: Final = 100


def _shown(call: Call, resource: JSON, usual: str) -> JSON:
    """What the ``fields`` parameter leaves of a resource."""
    shown: JSON = copy.deepcopy(masks.select(resource, masks.parse(call.one("fields") or usual)))
    return shown


def _page(call: Call, items: list[JSON], name: str, kind: str) -> JSON:
    """One page of a list."""
    size = min(int(call.one("pageSize") or _USUAL), _MOST)
    token = call.one("pageToken")
    try:
        start = int(token) if token else 0
    except ValueError:
        raise Refused(400, "Invalid Value", reason="invalid", location="pageToken") from None
    answer: JSON = {"kind": kind, name: items[start : start + size]}
    return answer | ({"nextPageToken": str(start + size)} if start + size < len(items) else {})


def files_list(call: Call) -> JSON:
    """``files.list``."""
    found = call.world.drive.find(call.one("q") or "", call.user)
    page = _page(call, [file.json(call.user) for file in found], "files", "drive#fileList")
    page["incompleteSearch"] = False
    return _shown(call, page, f"kind,nextPageToken,incompleteSearch,files({_FILE})")


def files_create(call: Call) -> JSON:
    """``files.create``, without content."""
    body = call.json()
    mime, name = body.get("mimeType") or "application/octet-stream", body.get("name") or "Untitled"
    file = call.world.drive.add(name, call.user, mime=mime, parents=body.get("parents"))
    return _shown(call, file.json(call.user), _FILE)


def files_get(call: Call) -> JSON:
    """``files.get``."""
    return _shown(call, call.file().json(call.user), _FILE)


def files_update(call: Call) -> JSON:
    """``files.update``: name, bin, folders, and whatever else is sent."""
    file, body = call.file("writer"), call.json()
    if "name" in body:
        file.name = body["name"]
        if file.book:
            file.book.properties["title"] = body["name"]
    if "trashed" in body:
        file.trashed = bool(body["trashed"])
    removed = (call.one("removeParents") or "").split(",")
    file.parents = [parent for parent in file.parents if parent not in removed]
    file.parents += [parent for parent in (call.one("addParents") or "").split(",") if parent]
    file.extra |= {
        key: value for key, value in body.items() if key in {"description", "starred", "appProperties", "properties"}
    }
    call.world.drive.touch(file)
    return _shown(call, file.json(call.user), _FILE)


def files_delete(call: Call) -> None:
    """``files.delete``: gone, not binned."""
    file = call.file("owner")
    del call.world.drive.files[file.id]


def files_copy(call: Call) -> JSON:
    """``files.copy``."""
    source, body = call.file(), call.json()
    drive = call.world.drive
    name = body.get("name") or f"Copy of {source.name}"
    file = drive.add(name, call.user, mime=source.mime, parents=body.get("parents") or list(source.parents))
    if file.book and source.book:
        file.book.restore(source.book.snapshot())
        file.book.properties["title"] = name
    return _shown(call, file.json(call.user), _FILE)


def files_export(call: Call) -> tuple[bytes, str]:
    """``files.export``."""
    file, mime = call.file(), call.one("mimeType") or ""
    if file.book is None:
        raise Refused(403, "Export only supports Docs Editors files.", reason="fileNotExportable")
    if mime not in EXPORTS:
        raise unsupported(f"the export as {mime}")
    return EXPORTS[mime](file.book), mime


def upload(call: Call) -> JSON:
    """Drive v2 ``files.update`` with the content of a CSV, to be converted."""
    file = call.file("writer")
    if file.book is None or not truth(call.one("convert")):
        raise unsupported("uploads other than a CSV into a spreadsheet")
    import_csv(file.book, call.content)
    call.world.drive.touch(file)
    times = {"createdDate": stamp(file.created), "modifiedDate": stamp(file.modified)}
    return {"kind": "drive#file", "id": file.id, "title": file.name, "mimeType": SPREADSHEET, **times}


def permissions_list(call: Call) -> JSON:
    """``permissions.list``."""
    page = _page(call, call.file().permissions, "permissions", "drive#permissionList")
    return _shown(call, page, f"kind,nextPageToken,permissions({_PERMISSION})")


def permissions_create(call: Call) -> JSON:
    """``permissions.create``."""
    file, body = call.file("writer"), call.json()
    kind, role = body.get("type"), body.get("role")
    if role not in ROLES or kind not in {"user", "group", "domain", "anyone"}:
        raise Refused(400, "The permission type and role fields are required.", reason="required")
    who = body.get("domain") if kind == "domain" else body.get("emailAddress")
    if kind != "anyone" and not who:
        raise Refused(
            400,
            "The specified emailAddress is invalid or not applicable for the given permission type.",
            reason="invalidSharingRequest",
        )
    held = next((old for old in file.permissions if old.get("emailAddress") == who and old["role"] == role), None)
    if held and who:
        return _shown(call, held, _PERMISSION)
    if role == "owner" and not truth(call.one("transferOwnership")):
        text = "The transferOwnership parameter must be enabled when the permission role is 'owner'."
        raise Refused(403, text, reason="forbidden", location="transferOwnership")
    new = permission(
        role, kind, who, more={key: body[key] for key in ("pendingOwner", "expirationTime") if key in body}
    )
    file.permissions = [old for old in file.permissions if old["id"] != new["id"]] + [new]
    _own(file, new)
    return _shown(call, new, _PERMISSION)


def _own(file: File, new: JSON) -> None:
    """Make a new owner the only one."""
    if new["role"] != "owner":
        return
    for other in file.permissions:
        if other is not new and other["role"] == "owner":
            other["role"] = "writer"
    file.owner = str(new["emailAddress"])
    if file.book:
        file.book.owner = file.owner


def _permission(call: Call, file: File) -> JSON:
    for found in file.permissions:
        if found["id"] == call.parts["permission"]:
            return found
    text = f"Permission not found: {call.parts['permission']}."
    raise Refused(404, text, location="permissionId")


def permissions_get(call: Call) -> JSON:
    """``permissions.get``."""
    return _shown(call, _permission(call, call.file()), _PERMISSION)


def permissions_update(call: Call) -> JSON:
    """``permissions.update``, with the two steps of handing over."""
    file = call.file()
    found, body = _permission(call, file), call.json()
    mine = found.get("emailAddress") == call.user and found.get("pendingOwner")
    if not (mine or file.may(call.user, "writer")):
        raise Refused(
            403, "The user does not have sufficient permissions for this file.", reason="insufficientFilePermissions"
        )
    found |= {key: body[key] for key in ("role", "pendingOwner", "expirationTime") if key in body}
    if found["role"] == "owner":
        found["pendingOwner"] = False
        _own(file, found)
    return _shown(call, found, _PERMISSION)


def permissions_delete(call: Call) -> None:
    """``permissions.delete``."""
    file = call.file("writer")
    found = _permission(call, file)
    if found["role"] == "owner":
        raise Refused(403, "The owner of a file cannot be removed.", reason="cannotRemoveOwner")
    file.permissions.remove(found)


def comments_list(call: Call) -> JSON:
    """``comments.list``."""
    page = _page(call, call.file().comments, "comments", "drive#commentList")
    return _shown(call, page, _required_fields(call))


def comments_create(call: Call) -> JSON:
    """``comments.create``."""
    file, body = call.file("commenter"), call.json()
    fields = _required_fields(call)
    if not body.get("content"):
        raise Refused(400, "The content field is required.", reason="required")
    now = stamp(call.world.clock.now())
    author = {"kind": "drive#user", "displayName": call.user, "me": True}
    comment: JSON = {
        "kind": "drive#comment",
        "id": call.world.drive.new_key()[:11],
        "createdTime": now,
        "modifiedTime": now,
    }
    comment |= {"author": author, "deleted": False, "resolved": False, "replies": [], "content": body["content"]}
    comment |= {key: body[key] for key in ("anchor", "quotedFileContent") if key in body}
    file.comments.append(comment)
    return _shown(call, comment, fields)


def _required_fields(call: Call) -> str:
    fields = call.one("fields")
    if not fields:
        text = "The 'fields' parameter is required for this method."
        raise Refused(400, text, reason="required", location="fields")
    return fields


def _comment(call: Call, file: File) -> JSON:
    for found in file.comments:
        if found["id"] == call.parts["comment"]:
            return found
    raise Refused(404, f"Comment not found: {call.parts['comment']}.", location="commentId")


def comments_get(call: Call) -> JSON:
    """``comments.get``."""
    return _shown(call, _comment(call, call.file()), _required_fields(call))


def comments_delete(call: Call) -> None:
    """``comments.delete``."""
    file = call.file("commenter")
    file.comments.remove(_comment(call, file))


def about(call: Call) -> JSON:
    """``about.get``: who asks."""
    user: JSON = {"kind": "drive#user", "displayName": call.user, "me": True, "emailAddress": call.user}
    full = call.user in call.world.drive.full
    storage: dict[str, Any] = {"limit": "0" if full else "16106127360", "usage": "0"}
    return _shown(call, {"kind": "drive#about", "user": user, "storageQuota": storage}, _required_fields(call))
