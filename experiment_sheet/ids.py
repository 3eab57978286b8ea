"""Drawing run_ids."""

from __future__ import annotations

import os
from typing import Final

# Without i, l, o and u (Crockford's base32), so that an id is read aloud and typed without a slip.
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH: Final = 13  # times 5 bits


def draw_run_id() -> str:
    """Draw a run_id: 65 random bits behind an ``r``, so that no spreadsheet program reads it as a number or a date."""
    return "r" + "".join([_LETTERS[byte & 31] for byte in os.urandom(_LENGTH)])
