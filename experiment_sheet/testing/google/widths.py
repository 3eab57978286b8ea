"""How wide text is in Arial, for columns that are sized to fit.

Advance widths per 1000 em of Helvetica, whose metrics Arial shares (Adobe Font Metrics, Core 14). Pixels per em
are fitted to one recorded answer of the service: 1024 capital A's at 10 pt are 8691 pixels wide.
"""

from __future__ import annotations

from typing import Final

_GROUPS: Final = {
    191: "'",
    222: "ijl",
    260: "|",
    278: " !,./:;It[]\\f",
    333: "()-`r",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "cksvxyzJ",
    556: "#$0123456789?L_abdeghnopqu",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1015: "@",
}
_WIDTHS: Final = {letter: width for width, letters in _GROUPS.items() for letter in letters}
_PIXELS_PER_EM: Final = 12.7173
_MARGIN: Final = 5
_OTHER: Final = 556
_WIDE: Final = 1000
_FIRST_WIDE: Final = 0x2E80


def pixels(text: str, points: float = 10) -> int:
    """Width of the longest line of a text, margins included, in pixels."""
    ems = max((sum(map(_width, line)) for line in text.split("\n")), default=0) / 1000
    return round(ems * _PIXELS_PER_EM * points / 10) + _MARGIN


def _width(letter: str) -> int:
    return _WIDTHS.get(letter, _WIDE if ord(letter) >= _FIRST_WIDE else _OTHER)
