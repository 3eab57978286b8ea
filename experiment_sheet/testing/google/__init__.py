"""An emulator of Google Sheets v4 and Drive v3: a real HTTP server on this machine, for tests without a network.

```python
with GoogleSheets() as google:
    gc = google.client()                         # the same as gspread.authorize(None, session=google.session())
    key = gc.create("runs").id
    google.faults.answer(503, applied=True)      # the next request takes effect and answers 503
    mate = google.teammate(key)
    google.faults.between(lambda: mate.sort("loss"), path="batchUpdate")
    ...
    assert google.log.count("write") <= 5
```

Any other client sends what it would send to ``https://sheets.googleapis.com`` and ``https://www.googleapis.com``
to `GoogleSheets.url` instead. ``python -m experiment_sheet.testing.google`` runs one by hand. What the service's
documentation leaves open is read in the way that is hardest on a client (`Races`); what isn't emulated answers
501 and says what it is. Standard library only; `session` needs requests and `client` gspread.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Final, Self

from experiment_sheet.testing.google.accounts import SERVICE_ACCOUNT, Accounts
from experiment_sheet.testing.google.call import World
from experiment_sheet.testing.google.drive import Drive
from experiment_sheet.testing.google.faults import Fault, Faults
from experiment_sheet.testing.google.quota import Clock, Quota
from experiment_sheet.testing.google.races import Races
from experiment_sheet.testing.google.server import Exchange, Log, Server
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.teammate import Teammate

GOOGLE: Final = ("https://sheets.googleapis.com", "https://www.googleapis.com")
"""Addresses of the real services, which `GoogleSheets.session` replaces."""


class GoogleSheets:
    """The emulated services; a context manager, or `start` and `stop`.

    `port`: 0 for a free one. `quota`: requests per minute, None (the default) for any number. `email`: who
    calls when no token says otherwise. `seed`: draws the same ids every time.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        races: Races | None = None,
        quota: Quota | None = None,
        email: str = SERVICE_ACCOUNT,
        seed: int | None = None,
    ) -> None:
        self._world = World.new(seed=seed, email=email, races=races or Races(), quota=quota)
        self.faults = Faults()
        self._server = Server(self._world, self.faults, port)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base address of both services."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def clock(self) -> Clock:
        """The services' time."""
        return self._world.clock

    @property
    def races(self) -> Races:
        """How undocumented races are read."""
        return self._world.races

    @property
    def accounts(self) -> Accounts:
        """Tokens, revoked credentials, services that aren't enabled."""
        return self._world.accounts

    @property
    def drive(self) -> Drive:
        """The files, to look at and to prepare."""
        return self._world.drive

    @property
    def quota(self) -> Quota | None:
        """Requests per minute that are answered; None for any number."""
        return self._world.quota

    @quota.setter
    def quota(self, quota: Quota | None) -> None:
        self._world.quota = quota

    @property
    def log(self) -> Log:
        """Every request so far."""
        return self._server.log

    def create(self, title: str, *, owner: str | None = None, key: str | None = None) -> str:
        """Make a spreadsheet without a request and return its key. `owner`: of whom; else the default account's."""
        with self._world.lock:
            return self._world.drive.add(title, owner or self.accounts.default, key=key).id

    def spreadsheet(self, key: str) -> Spreadsheet:
        """What a spreadsheet holds, without a request."""
        book = self._world.drive.files[key].book
        if book is None:
            raise LookupError(f"{key} is no spreadsheet")
        return book

    def teammate(self, key: str, tab: str | None = None, *, email: str = "teammate@example.org") -> Teammate:
        """Somebody who edits a spreadsheet by hand, in the first visible tab or another."""
        return Teammate(self._world, key, tab, email)

    def session(self, token: str | None = None) -> Any:
        """A requests session that sends here what is meant for Google. `token`: of whom, see `accounts`."""
        from experiment_sheet.testing.google.redirect import session

        return session(self.url, token)

    def client(self, token: str | None = None) -> Any:
        """A gspread client that works here."""
        import gspread

        return gspread.authorize(None, session=self.session(token))  # type: ignore[arg-type]

    def start(self) -> Self:
        """Begin to serve, in a thread."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name=self.url, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every connection and serve no more."""
        if self._thread:
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


__all__ = ["Accounts", "Clock", "Exchange", "Fault", "Faults", "GoogleSheets", "Quota", "Races", "Teammate"]
