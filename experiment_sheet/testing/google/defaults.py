"""What a new spreadsheet has: default format, theme, grid; and how the service completes colours.

Taken from recorded answers of the service (2023 to 2026), where every new spreadsheet has the same.
"""

from __future__ import annotations

import copy
import struct
from typing import Any, Final

from experiment_sheet.testing.google.refusal import JSON

ROWS: Final = 1000
COLUMNS: Final = 26
ROW_PIXELS: Final = 21
COLUMN_PIXELS: Final = 100

_WHITE: Final = {"red": 1, "green": 1, "blue": 1}

DEFAULT_FORMAT: Final[JSON] = {
    "backgroundColor": _WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": _WHITE},
}

_THEME_COLORS: Final = {
    "TEXT": (0, 0, 0),
    "BACKGROUND": (255, 255, 255),
    "ACCENT1": (66, 133, 244),
    "ACCENT2": (234, 67, 53),
    "ACCENT3": (251, 188, 4),
    "ACCENT4": (52, 168, 83),
    "ACCENT5": (255, 109, 1),
    "ACCENT6": (70, 189, 198),
    "LINK": (17, 85, 204),
}


def new_properties(title: str, *, locale: str = "en_US", time_zone: str = "Etc/GMT") -> JSON:
    """Properties of a new spreadsheet."""
    return {
        "title": title,
        "locale": locale,
        "autoRecalc": "ON_CHANGE",
        "timeZone": time_zone,
        "defaultFormat": copy.deepcopy(DEFAULT_FORMAT),
        "spreadsheetTheme": {
            "primaryFontFamily": "Arial",
            "themeColors": [
                {"colorType": kind, "color": {"rgbColor": _rgb(parts)}} for kind, parts in _THEME_COLORS.items()
            ],
        },
    }


def _rgb(parts: tuple[int, int, int]) -> JSON:
    names = zip(("red", "green", "blue"), parts, strict=True)
    return {name: shortest(part / 255) for name, part in names if part}


def shortest(number: float) -> float | int:
    """A number as the service prints it after keeping it in 32 bits: shortest text that gives the same bits."""
    try:
        bits = struct.pack("f", number)
    except OverflowError:
        return number
    (kept,) = struct.unpack("f", bits)
    for digits in range(1, 10):
        text = f"{kept:.{digits}g}"
        if struct.pack("f", float(text)) == bits:
            return int(float(text)) if float(text).is_integer() else float(text)
    return number


_COLORS: Final = {
    "backgroundColor": "backgroundColorStyle",
    "foregroundColor": "foregroundColorStyle",
    "tabColor": "tabColorStyle",
    "color": "colorStyle",
    "firstBandColor": "firstBandColorStyle",
    "secondBandColor": "secondBandColorStyle",
    "headerColor": "headerColorStyle",
    "footerColor": "footerColorStyle",
}
"""Old field → the field that replaced it; the service keeps both alike."""


def normal(node: Any) -> Any:
    """Complete colours and drop the zeros and nulls that the service doesn't keep."""
    if isinstance(node, list):
        return [normal(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: normal(value) for key, value in node.items() if value is not None}
    if result.keys() <= {"red", "green", "blue", "alpha"}:
        return {key: shortest(value) for key, value in result.items() if value}
    for old, new in _COLORS.items():
        _mirror(result, old, new)
    return result


def _mirror(result: JSON, old: str, new: str) -> None:
    """Keep a colour and its style alike; the style wins."""
    style = result.get(new)
    if isinstance(style, dict):
        if "rgbColor" in style:
            result[old] = style["rgbColor"]
        elif "themeColor" in style:
            result[old] = _rgb(_THEME_COLORS.get(style["themeColor"], (0, 0, 0)))
        else:
            result.pop(old, None)
            result.pop(new)
    elif isinstance(result.get(old), dict) and result[old].keys() <= {"red", "green", "blue", "alpha"}:
        result[new] = {"rgbColor": result[old]}


def with_colors(mask: JSON) -> JSON:
    """A mask that names one of a colour's two fields names both."""
    result = {key: with_colors(below) for key, below in mask.items()}
    for old, new in _COLORS.items():
        if (old in result) != (new in result):
            missing, present = (old, new) if new in result else (new, old)
            result[missing] = {} if missing == old else result[present]
    return result
