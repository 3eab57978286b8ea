"""Pages of HTML that are logged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from experiment_sheet.arguments import path_of, say_unknown
from experiment_sheet.exhibit import Exhibit, Parts


class Html(Exhibit):
    """A page to log: HTML as text, an open file, or the path of one. `inject` is accepted; pages stay as they are."""

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False, **unknown: Any) -> None:  # noqa: ARG002
        say_unknown("Html", unknown)
        self._text = data.read() if hasattr(data, "read") else None
        self._path: Path | None = None
        if self._text is None:
            text = path_of("Html", data)
            looks_so = isinstance(data, os.PathLike) or text.lower().endswith((".html", ".htm"))
            is_path = looks_so and not data_is_not_path
            self._path, self._text = (Path(text), None) if is_path else (None, text)

    def parts(self, name: str) -> Parts:
        """Write the page. Raises OSError for a file that can't be read."""
        content = self._text if self._path is None else self._path.read_bytes()
        return {f"plots/{name}.html": content or ""}
