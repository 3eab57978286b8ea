"""A requests session that sends to the emulator what is meant for Google."""

from __future__ import annotations

from typing import Any

import requests

_GOOGLE = ("https://sheets.googleapis.com", "https://www.googleapis.com")


class Redirect(requests.Session):
    """Replaces Google's addresses; everything else goes where it is sent."""

    def __init__(self, url: str, token: str | None = None) -> None:
        super().__init__()
        self._url = url
        self.trust_env = False  # no proxy between a test and its own machine
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request."""
        for address in _GOOGLE:
            if str(url).startswith(address):
                url = self._url + str(url)[len(address) :]
        return super().request(method, url, *arguments, **options)


def session(url: str, token: str | None) -> Redirect:
    """A session for an emulator's address."""
    return Redirect(url, token)
