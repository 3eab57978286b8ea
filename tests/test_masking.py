"""Credentials are masked, and what only sounds like one is not."""

from __future__ import annotations

import pytest

from experiment_sheet.masking import MASK, is_secret, mask_cell, mask_command, mask_text


@pytest.mark.parametrize(
    "key",
    ["password", "DB_PASSWORD", "api_key", "apiKey", "OPENAI_API_KEY", "hf_token", "token", "auth.token",
     "client-secret", "AWS_SECRET_ACCESS_KEY", "private_key", "--wandb-api-key", "secret", "user.passwd",
     "password (2)", "db.api_key (output) (3)", "api_key_1", "password2"],
)  # fmt: skip
def test_a_key_that_names_a_credential_is_secret(key: str) -> None:
    """However it is spelled and nested."""
    assert is_secret(key)
    assert mask_cell(key, "hunter2") == MASK


@pytest.mark.parametrize(
    "key",
    ["max_tokens", "num_tokens", "pad_token", "eos_token", "tokenizer", "tokens_per_second", "primary_key", "key", "lr",
     "sort_key", "secretary", "author", "keyboard", "mask_token", "token_dropout", "attention.key", "bos_token"],
)  # fmt: skip
def test_what_only_sounds_like_one_is_not(key: str) -> None:
    """Machine learning is full of tokens and keys."""
    assert not is_secret(key)
    assert mask_cell(key, "<pad>") == "<pad>"


def test_numbers_and_empty_cells_are_never_masked() -> None:
    """A credential is text."""
    assert mask_cell("token", 128) == 128
    assert mask_cell("password", None) is None


@pytest.mark.parametrize(
    "secret",
    ["AKIA" + "ABCDEFGH12345678", "ghp_" + "a1B2" * 9, "hf_" + "Ab3" * 11, "sk-" + "abcDEF1234" * 3,
     "xoxb-1234567890-abc", "AIza" + "a" * 35, "eyJhbGciOiJI.eyJzdWIiOiIx.abc", "glpat-" + "x" * 20],
)  # fmt: skip
def test_a_known_shape_is_masked_wherever_it_stands(secret: str) -> None:
    """The text around it stays."""
    assert mask_text(f"use {secret} here") == f"use {MASK} here"


def test_credentials_in_addresses_are_masked() -> None:
    """User and password of a URL go, the address stays."""
    assert mask_text("git clone https://kim:s3cret@example.org/r.git") == f"git clone https://{MASK}@example.org/r.git"
    assert mask_text("https://example.org/a@b") == "https://example.org/a@b"


def test_a_private_key_is_masked_whole() -> None:
    """All its lines."""
    assert mask_text("a -----BEGIN RSA PRIVATE KEY-----\nMII\nabc\n-----END RSA PRIVATE KEY----- b") == f"a {MASK} b"


def test_options_of_a_command_are_masked() -> None:
    """Their values, in every spelling; other options stay."""
    command = ["train.py", "--lr", "0.1", "--token", "abc", "--api-key=abc", "HF_TOKEN=abc", "--password", "--verbose"]
    assert mask_command(command) == [
        "train.py", "--lr", "0.1", "--token", MASK, f"--api-key={MASK}", f"HF_TOKEN={MASK}", "--password", "--verbose",
    ]  # fmt: skip


def test_the_environment_widens_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns of one's own are masked too."""
    assert not is_secret("db.my_dsn")
    monkeypatch.setenv("EXPERIMENT_SHEET_MASK", "*_dsn, license*")
    assert is_secret("db.my_dsn")
    assert is_secret("LICENSE_NO")
