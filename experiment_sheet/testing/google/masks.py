"""Field masks: which parts of an answer are wanted, which parts of a resource a request sets.

``a.b``, ``a/b``, ``a(b,c)`` and ``*`` (https://developers.google.com/workspace/sheets/api/guides/field-masks).
A parsed mask is a nested dict; an empty one stands for everything below.
"""

from __future__ import annotations

import re
from typing import Any, Final

from experiment_sheet.testing.google.refusal import JSON, invalid

Mask = dict[str, Any]

_TOKEN: Final = re.compile(r"\s*([A-Za-z0-9_$*-]+|[().,/])")


def parse(text: str) -> Mask:
    """Parse a field mask."""
    tokens = _TOKEN.findall(text)
    mask, rest = _list(tokens, 0)
    if rest != len(tokens) or "".join(tokens) != re.sub(r"\s", "", text):
        raise invalid(f"Invalid field mask: {text}")
    return mask


def _list(tokens: list[str], at: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while at < len(tokens):
        at = _path(tokens, at, mask)
        if at >= len(tokens) or tokens[at] != ",":
            break
        at += 1
    return mask, at


def _path(tokens: list[str], at: int, mask: Mask) -> int:
    """Add one path to a mask and return where it ends."""
    whole = False
    while True:
        name = tokens[at] if at < len(tokens) else ""
        if not name or name in "().,/":
            raise invalid("Invalid field mask.")
        known = name in mask
        whole = known and not mask[name]
        below = mask.setdefault(name, {})
        at += 1
        if at < len(tokens) and tokens[at] in "./":
            at += 1
            mask = {} if whole else below  # "a,a.b" is "a"
            continue
        break
    if at < len(tokens) and tokens[at] == "(":
        inner, at = _list(tokens, at + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise invalid("Invalid field mask.")
        if not whole:
            below.update(inner)
        return at + 1
    below.clear()
    return at


def select(node: Any, mask: Mask) -> Any:
    """Keep what a mask names. Lists are gone through, missing parts stay missing."""
    if not mask or "*" in mask:
        deeper = mask.get("*") if mask else None
        if deeper and isinstance(node, dict):
            return {key: select(value, deeper) for key, value in node.items()}
        return node
    if isinstance(node, list):
        return [select(item, mask) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: select(node[key], below) for key, below in mask.items() if key in node}


def wants(mask: Mask | None, *path: str) -> bool:
    """Whether a mask, or None for everything, asks for something at a path."""
    for name in path:
        if not mask or "*" in mask:
            return True
        if name not in mask:
            return False
        mask = mask[name]
    return True


def apply(old: JSON, new: JSON, mask: Mask) -> JSON:
    """Return a resource with the masked parts of another put in; what the other lacks is cleared."""
    if not mask or "*" in mask:
        return dict(new)
    result = dict(old)
    for key, below in mask.items():
        value = new.get(key)
        if below and "*" not in below:
            value = apply(result.get(key) or {}, value or {}, below)
        if value is None or value == {}:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def required(body: JSON) -> Mask:
    """Parse the ``fields`` that an update must name."""
    if not body.get("fields"):
        raise invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    return parse(str(body["fields"]))
