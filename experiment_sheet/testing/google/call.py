"""One request on its way through the service."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass, field
from typing import Any, NoReturn

from experiment_sheet.testing.google.accounts import Accounts
from experiment_sheet.testing.google.drive import Drive, File
from experiment_sheet.testing.google.quota import Clock, Quota
from experiment_sheet.testing.google.races import Races
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.spreadsheet import Spreadsheet


@dataclass(slots=True)
class World:
    """Everything there is: files, accounts, time, readings. `lock` guards it."""

    clock: Clock
    drive: Drive
    accounts: Accounts
    races: Races
    quota: Quota | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def new(cls, *, seed: int | None, email: str, races: Races, quota: Quota | None) -> World:
        """An empty world."""
        clock = Clock()
        drive = Drive(clock, random.Random(seed))  # noqa: S311 - ids of an emulator are no secrets
        return cls(clock, drive, Accounts(default=email), races, quota)


@dataclass(slots=True)
class Call:
    """A request: who wants what. `parts` are the pieces of its path that its route names."""

    world: World
    user: str
    parts: dict[str, str]
    query: dict[str, list[str]]
    content: bytes

    def one(self, name: str) -> str | None:
        """A parameter; of several the last."""
        found = self.query.get(name)
        return found[-1] if found else None

    def many(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return self.query.get(name, [])

    def json(self) -> JSON:
        """The body."""
        if not self.content:
            return {}
        try:
            body: Any = json.loads(self.content, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise invalid("Invalid JSON payload received. Unexpected token.") from None
        if not isinstance(body, dict):
            raise invalid('Invalid JSON payload received. Unknown name "": Root element must be a message.')
        return body

    def book(self, role: str = "reader") -> tuple[File, Spreadsheet]:
        """The spreadsheet of the path, if the user's role is enough."""
        return self.world.drive.book(self.parts["key"], self.user, role)

    def file(self, role: str = "reader") -> File:
        """The file of the path, if the user's role is enough."""
        return self.world.drive.get(self.parts["key"], self.user, role)


def _no_constant(name: str) -> NoReturn:
    """NaN and the infinities are no JSON."""
    raise ValueError(name)
