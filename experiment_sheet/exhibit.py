"""Exhibits: logged values that are kept as files, because no cell can hold them.

What is one is known by how it looks, so that neither matplotlib nor plotly nor PIL is imported for who doesn't use
them. Making the files may raise anything; whoever keeps them (`shelf`) turns that into a message.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any, Final

from experiment_sheet import media

Parts = Mapping[str, bytes | str]
"""Contents by path, relative to the run folder; the first is the one to look at."""

_PLAIN: Final = frozenset((float, int, str, bool, type(None), bytes, dict))


class Exhibit:
    """A value that is kept as files."""

    caption: str | None = None

    def parts(self, name: str) -> Parts:
        """Make its files; `name` is safe and has no suffix. May raise anything."""
        raise NotImplementedError


class Drawing(Exhibit):
    """What draws itself by matplotlib."""

    def __init__(self, figure: object) -> None:
        self._figure = figure

    def parts(self, name: str) -> Parts:
        """Draw it."""
        return {f"plots/{name}.png": media.png_of(self._figure)}


class Picture(Exhibit):
    """A picture of PIL, as it is when it is logged."""

    def __init__(self, picture: Any) -> None:
        self._picture = picture

    def parts(self, name: str) -> Parts:
        """Write it as PNG."""
        out = io.BytesIO()
        self._picture.save(out, "PNG")
        return {f"plots/{name}.png": out.getvalue()}


class Interactive(Exhibit):
    """A plotly figure, as a page that needs no network: plotly's script lies once beside the plots."""

    def __init__(self, figure: Any) -> None:
        self._figure = figure

    def parts(self, name: str) -> Parts:
        """Write the page, and the script that it loads."""
        page = self._figure.to_html(include_plotlyjs="../plotly.min.js", full_html=True)
        return {f"plots/{name}.html": page, "plotly.min.js": sys.modules["plotly"].offline.get_plotlyjs()}


class Several(Exhibit):
    """A list of exhibits, logged under one key."""

    def __init__(self, exhibits: list[Exhibit]) -> None:
        self._exhibits = exhibits
        self.caption = next((one.caption for one in exhibits if one.caption), None)

    def parts(self, name: str) -> Parts:
        """Make the files of each, numbered."""
        return {
            path: content
            for number, one in enumerate(self._exhibits)
            for path, content in one.parts(f"{name}-{number}").items()
        }


class Nothing(Exhibit):
    """What is accepted and not kept."""

    def parts(self, name: str) -> Parts:  # noqa: ARG002 - a contract's argument
        """Make no file."""
        return {}


def exhibit_of(value: object) -> Exhibit | None:
    """Return what is to be kept of a value; None of one that is for a cell."""
    if type(value) in _PLAIN:
        return None
    if isinstance(value, Exhibit):
        return value
    if media.is_figure(value):
        return Drawing(value)
    if "PIL.Image" in sys.modules and _is_a("Image", "PIL.", value):
        return Picture(value)
    if "plotly" in sys.modules and _is_a("BaseFigure", "plotly.", value):
        return Interactive(value)
    # A list in a list is for a cell, which bounds its depth: it may hold itself.
    if isinstance(value, list | tuple) and value and not isinstance(value[0], list | tuple) and exhibit_of(value[0]):
        found = [exhibit_of(item) for item in value]
        return Several([one for one in found if one is not None])
    return None


def _is_a(name: str, package: str, value: object) -> bool:
    return any(base.__name__ == name and base.__module__.startswith(package) for base in type(value).__mro__)
