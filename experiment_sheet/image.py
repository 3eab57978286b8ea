"""Pictures: of PIL, of an array, of a tensor, of a figure, or of a file."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from experiment_sheet import arrays
from experiment_sheet.arguments import say_unknown
from experiment_sheet.arrays import Pixels
from experiment_sheet.exhibit import Exhibit, Parts, exhibit_of

_COLOUR_TYPES: Final = {1: 0, 3: 2, 4: 6}  # channels → colour type


class Image(Exhibit):
    """A picture to log: ``run.log({"sample": Image(array, caption="a cat")})``.

    `data` is a PIL image, an array (height by width, with or without channels), a torch tensor (channels first),
    a figure, or the path of a picture. What is no picture becomes a message when it is logged.
    """

    def __init__(
        self,
        data: Any,
        mode: str | None = None,  # noqa: ARG002 - the channels tell it
        caption: str | Sequence[str] | None = None,
        grouping: int | None = None,  # noqa: ARG002 - wandb's
        **unknown: Any,
    ) -> None:
        say_unknown("Image", unknown)
        self.caption = caption if isinstance(caption, str) or caption is None else ", ".join(map(str, caption))
        self._data = data
        self._kept: bytes | Exception | None = None
        if not isinstance(self._data, str | os.PathLike):
            try:  # now, because the program may go on to change it
                self._kept = _drawn(self._data)
            except Exception as error:  # noqa: BLE001 - told when it is logged; nothing here may stop a training
                self._kept = error

    def parts(self, name: str) -> Parts:
        """Make the picture's file. Raises OSError for one that can't be read, ValueError for what is no picture."""
        if isinstance(self._kept, Exception):
            raise self._kept
        if self._kept is not None:
            return {f"plots/{name}.png": self._kept}
        path = Path(self._data)
        return {f"plots/{name}{path.suffix.lower()}": path.read_bytes()}


def _drawn(data: Any) -> bytes:
    """Return a picture as PNG. Raises ValueError for what is none."""
    exhibit = exhibit_of(data)
    if exhibit is None:
        return to_png(arrays.pixels(data))
    path, content = next(iter(exhibit.parts("x").items()))
    if not path.endswith(".png") or isinstance(content, str):
        raise ValueError(f"{type(data).__name__} is no still picture; log it as it is")
    return content


def to_png(picture: Pixels) -> bytes:
    """Write a picture as PNG ("Portable Network Graphics Specification (Third Edition)", W3C, 5 and 11.2)."""
    stride = picture.width * picture.channels
    rows = (picture.samples[at : at + stride] for at in range(0, len(picture.samples), stride))
    raw = b"".join(b"\0" + row for row in rows)  # filter 0: as it is
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, _COLOUR_TYPES[picture.channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
