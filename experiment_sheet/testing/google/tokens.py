"""The OAuth token endpoint, ``/token``: what credentials call to get a bearer token.

A service account's file with ``"token_uri": google.url + "/token"`` and any RSA key works; signatures are not checked.
A refresh token is taken for the token of an account in `Accounts.tokens`.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final
from urllib.parse import parse_qs

from experiment_sheet.testing.google.call import Call
from experiment_sheet.testing.google.refusal import JSON, Refused

LIFETIME: Final = 3599
"""Seconds that a token is said to live."""


def grant(call: Call) -> JSON:
    """Give a bearer token for a signed claim or a refresh token."""
    form = {name: values[-1] for name, values in parse_qs(call.content.decode()).items()}
    accounts = call.world.accounts
    email = _issuer(form["assertion"]) if "assertion" in form else accounts.tokens.get(form.get("refresh_token", ""))
    if email is None or email in accounts.revoked:
        text = "Token has been expired or revoked." if "refresh_token" in form else "Invalid JWT Signature."
        raise Refused(400, text, whole={"error": "invalid_grant", "error_description": text})
    token = f"ya29.{call.world.drive.new_key()}"
    accounts.tokens[token] = email
    return {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"}


def _issuer(assertion: str) -> str | None:
    """Who signed a JSON Web Token (RFC 7519), by its own words."""
    try:
        claims = assertion.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("iss")
    except (IndexError, ValueError, binascii.Error):
        return None
    return str(issuer) if issuer else None
