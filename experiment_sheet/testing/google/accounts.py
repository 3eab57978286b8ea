"""Who calls: bearer tokens, the people behind them, and what they may."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.testing.google.refusal import Refused

SERVICE_ACCOUNT: Final = "emulator@experiment-sheet.iam.gserviceaccount.com"

ROLES: Final = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
"""Roles of Drive permissions, weakest first."""


@dataclass(slots=True)
class Accounts:
    """Accounts of the emulated service.

    A request without token, or with one that isn't in `tokens`, is `default`'s. Addresses in `revoked` are
    answered 401; of the services named in `disabled` ("sheets", "drive") every request is answered 403.
    """

    default: str = SERVICE_ACCOUNT
    tokens: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)

    def caller(self, authorization: str | None) -> str:
        """Address behind an Authorization header."""
        token = (authorization or "").removeprefix("Bearer ").strip()
        user = self.tokens.get(token, self.default)
        if user in self.revoked:
            raise Refused(401)
        return user

    def check_enabled(self, service: str) -> None:
        """Refuse requests to a service that the project hasn't switched on."""
        if service in self.disabled:
            name = {"sheets": "Google Sheets API", "drive": "Google Drive API"}[service]
            where = f"https://console.developers.google.com/apis/api/{service}.googleapis.com/overview?project=1"
            text = (
                f"{name} has not been used in project 1 before or it is disabled. Enable it by visiting {where} then "
                "retry. If you enabled this API recently, wait a few minutes for the action to propagate to our "
                "systems and retry."
            )
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            info = {"@type": kind, "reason": "SERVICE_DISABLED", "domain": "googleapis.com"}
            raise Refused(403, text, details=[info], reason="accessNotConfigured", domain="usageLimits")
