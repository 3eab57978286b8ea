"""Credentials that Google would have made, with keys of our own; an emulator's token endpoint takes them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

EMAIL = "trainer@my-project.iam.gserviceaccount.com"


@cache
def private_key() -> str:
    """Make a key once; it takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()


def service_account(email: str = EMAIL) -> dict[str, Any]:
    """The content of a service account's key file, as the console's "Create new key" writes it."""
    return {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "0123456789abcdef",
        "private_key": private_key(),
        "client_email": email,
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def user(refresh_token: str) -> dict[str, Any]:
    """The content of ``authorized_user.json``, as gspread keeps it."""
    return {
        "type": "authorized_user",
        "client_id": "1.apps.googleusercontent.com",
        "client_secret": "not a secret",
        "refresh_token": refresh_token,
    }


def kept(path: Path, content: dict[str, Any]) -> Path:
    """Write credentials to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
