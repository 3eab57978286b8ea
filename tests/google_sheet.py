"""One spreadsheet of an emulator, spoken to in raw requests."""

from __future__ import annotations

from typing import Any

from experiment_sheet.testing.google import GoogleSheets

BOOKS = "https://sheets.googleapis.com/v4/spreadsheets"


class Sheet:
    """A new spreadsheet."""

    def __init__(self, google: GoogleSheets) -> None:
        self.google = google
        self.key = google.create("runs")
        self.url = f"{BOOKS}/{self.key}"
        self.session = google.session()

    def ask(self, method: str, path: str = "", body: Any = None, **query: Any) -> Any:
        """Send a request and return the answer's JSON; an error's too."""
        return self.session.request(method, self.url + path, json=body, params=query).json()

    def put(self, where: str, rows: list[list[Any]], how: str = "RAW") -> Any:
        """Write values."""
        return self.ask("PUT", f"/values/{where}", {"values": rows}, valueInputOption=how)

    def get(self, where: str = "Sheet1", **query: Any) -> Any:
        """Read values."""
        return self.ask("GET", f"/values/{where}", **query).get("values", [])

    def append(self, where: str, rows: list[list[Any]], **query: Any) -> Any:
        """Append values."""
        return self.ask("POST", f"/values/{where}:append", {"values": rows}, valueInputOption="RAW", **query)

    def batch(self, *sent: Any, **more: Any) -> Any:
        """Send a ``batchUpdate``."""
        return self.ask("POST", ":batchUpdate", {"requests": list(sent), **more})
