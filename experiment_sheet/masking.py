"""Keeping credentials out of journals, sheets and log lines. Pure.

A value is masked if its key says that it is one (``password``, ``api_key``, ``hf_token``) or if it has the shape of a
known one, wherever it stands. Machine learning is full of tokens that are none (``max_tokens``, ``pad_token``), so a
key counts only by its whole last words, and only for text. ``EXPERIMENT_SHEET_MASK`` widens it: key patterns with
commas between (``*_dsn,license*``), as `fnmatch` reads them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from experiment_sheet.values import Cell

MASK: Final = "***"

_NUMBERED: Final = re.compile(r"(?: \([^()]*\))+$")  # as `columns` tells namesakes apart: password (input) (2)
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS: Final = frozenset(
    ("password", "passwd", "passphrase", "pwd", "secret", "secrets", "credential", "credentials", "apikey", "token")
)
"""Last words of keys that are secret; ``secret`` and ``token`` only alone or behind one of `_OWNERS`."""

_SERVICES: Final = ("wandb", "aws", "azure", "openai", "anthropic", "comet", "hf", "huggingface", "github", "google")
_OWNERS: Final = frozenset(
    (*_SERVICES, "api", "access", "auth", "bearer", "client", "refresh", "session", "my", "gitlab", "slack", "neptune")
)
_KEY_OWNERS: Final = frozenset((*_SERVICES, "api", "access", "secret", "private", "encryption", "signing", "ssh"))
"""Words before ``key`` that make it a secret: ``api_key``; not ``primary_key``."""

_SHAPES: Final = re.compile(
    r"""
      (?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])       # AWS access key id
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b | \bgithub_pat_\w{30,}          # GitHub
    | \bglpat-[\w-]{20,}                                             # GitLab
    | \bhf_[A-Za-z0-9]{30,}\b                                        # Hugging Face
    | \bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}                         # OpenAI, Anthropic
    | \bxox[abprs]-[A-Za-z0-9-]{10,}                                 # Slack
    | \bAIza[0-9A-Za-z_-]{35}                                        # Google API key
    | \bya29\.[0-9A-Za-z_-]{20,}                                     # Google OAuth
    | \beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*   # JSON web token
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_SAID: Final = re.compile(
    r"""
      (?P<before>
        (?<![\w.-])(?P<name>[\w.-]{1,64}+)        # password=…, in a command, a repr, a connection string
        (?:=|["']\s?:\s?(?=["']))                # "password": "…", in JSON or the repr of a dictionary
      | (?<=(?i:authorization):\ )[A-Za-z]+\     # Authorization: Bearer …
      | \b[Bb]earer\ (?=[\w.~+/-]{20})
      )
      (?P<value>"(?:\\.|[^"\\\n])*+" | '(?:\\.|[^'\\\n])*+' | [^\s,;&'")\]}=]++(?!=))
    """,
    re.VERBOSE,
)
_IN_URL: Final = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|(?<=://)[^/\s:@]{20,}(?=@)")


def is_secret(key: str) -> bool:
    """Tell whether a key names a credential."""
    return _is_secret(key, os.environ.get("EXPERIMENT_SHEET_MASK", ""))


@lru_cache(maxsize=4096)  # the same keys come in every row
def _is_secret(key: str, said: str) -> bool:
    name = _NUMBERED.sub("", key).rsplit(".", 1)[-1].lstrip("-")
    if any(fnmatchcase(name.casefold(), pattern) for pattern in _patterns(said)):
        return True
    words = [word.casefold() for word in _WORDS.findall(name)]
    while words and words[-1].isdigit():  # password2
        words.pop()
    if not words:
        return False
    before = words[-2] if len(words) > 1 else None
    if words[-1] in _SECRET_WORDS:
        return before is None or words[-1] not in ("token", "secret") or before in _OWNERS
    return words[-1] == "key" and before in _KEY_OWNERS


def mask_cell(key: str, cell: Cell) -> Cell:
    """Mask a cell under its key."""
    if not isinstance(cell, str) or not cell:
        return cell
    return MASK if is_secret(key) else mask_text(cell)


def mask_text(text: str) -> str:
    """Mask what looks like a credential inside a text."""
    return _SAID.sub(_masked_value, _IN_URL.sub(MASK, _SHAPES.sub(MASK, text)))


def mask_key(key: str) -> str:
    """Mask what looks like a credential in a key, a file's name or a metric's: its shape alone, no words."""
    return _IN_URL.sub(MASK, _SHAPES.sub(MASK, key))


def _masked_value(found: re.Match[str]) -> str:
    name = found["name"]
    if name is not None and (not is_secret(name) or (name.casefold().endswith("token") and found["value"].isdigit())):
        return found[0]
    return f"{found['before']}{MASK}"


def mask_command(words: Sequence[str]) -> list[str]:
    """Mask the values of secret options (``--token X``, ``--token=X``, ``TOKEN=X``) and known shapes."""
    masked: list[str] = []
    secret_option = False
    for word in words:
        name, equals, value = word.partition("=")
        if secret_option and not word.startswith("-"):
            masked.append(MASK)
        elif equals and value and is_secret(name):
            masked.append(f"{name}={MASK}")
        else:
            masked.append(mask_text(word))
        secret_option = word.startswith("-") and not equals and is_secret(word)
    return masked


def _patterns(said: str) -> list[str]:
    return [pattern.strip().casefold() for pattern in said.split(",") if pattern.strip()]
