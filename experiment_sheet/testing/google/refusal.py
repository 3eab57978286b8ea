"""The errors that the services answer with, in the bodies Google writes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

JSON = dict[str, Any]
"""A JSON object."""

STATUS_NAMES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""HTTP status → canonical name (https://cloud.google.com/apis/design/errors, table of error codes)."""

MESSAGES: Final = {
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    500: "Internal error encountered.",
    502: "Bad gateway.",
    503: "The service is currently unavailable.",
    504: "Deadline exceeded.",
}
"""HTTP status → what Google says when it says nothing special."""


class Refused(Exception):
    """A request is answered with an error.

    `reason`, `domain` and `location` are for Drive's bodies, `details` for those of Sheets; `whole` is a body of its
    own.
    """

    def __init__(
        self,
        code: int,
        message: str | None = None,
        *,
        details: list[JSON] | None = None,
        reason: str | None = None,
        domain: str = "global",
        location: str | None = None,
        whole: JSON | None = None,
    ) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, HTTPStatus(code).phrase)
        self.details = details
        self.reason = reason or _REASONS.get(code, "backendError")
        self.domain = domain
        self.location = location
        self.whole = whole
        super().__init__(self.message)

    def body(self, *, drive: bool = False) -> JSON:
        """The answer's JSON, as Sheets v4 or as Drive v3 writes it."""
        if self.whole is not None:
            return self.whole
        error: JSON = {"code": self.code, "message": self.message}
        if not drive:
            error["status"] = STATUS_NAMES.get(self.code, "UNKNOWN")
            return {"error": error | ({"details": self.details} if self.details else {})}
        item: JSON = {"message": self.message, "domain": self.domain, "reason": self.reason}
        if self.location:
            item |= {"location": self.location, "locationType": "parameter"}
        return {"error": error | {"errors": [item]}}


_REASONS: Final = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    429: "rateLimitExceeded",
    500: "internalError",
    501: "notImplemented",
}


def invalid(message: str) -> Refused:
    """A 400 without details."""
    return Refused(400, message)


def bad_field(field: str, description: str) -> Refused:
    """A 400 about one field of the request, with the details that the JSON parser of Google adds."""
    violation = {"field": field, "description": description}
    kind = "type.googleapis.com/google.rpc.BadRequest"
    return Refused(400, description, details=[{"@type": kind, "fieldViolations": [violation]}])


def unsupported(what: str) -> Refused:
    """The 501 of the emulator itself: Google has this, the emulator hasn't."""
    return Refused(501, f"experiment_sheet.testing.google doesn't emulate {what}.")
