"""Credentials reach no file and no log line, and what only looks a little like one is left alone."""

from __future__ import annotations

import gzip
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiment_sheet import masking, notices
from experiment_sheet.sheet import Sheet

SECRET = "sk-" + "abcDEF1234" * 3

LEAKS = {
    "api_key": "hunter2-by-key",
    "plain": f"before {SECRET} after",
    "nested": {"db": {"password": "hunter2-nested"}, "list": [{"token": "hunter2-in-list"}]},
    "url": "postgres://kim:hunter2-in-url@host/db",
    "code": "connect(password='hunter2-in-code')",
    "json": '{"api_key": "hunter2-in-json", "lr": 0.1}',
    f"key {SECRET}": 1,
    "header": "Authorization: Bearer hunter2-in-header",
}


def everything_below(folder: Path) -> bytes:
    """All that is written in files, archives unpacked."""
    parts = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            parts += [str(path).encode(), data]
            if path.name.endswith(".gz"):
                parts.append(gzip.decompress(data))
            if path.suffix == ".xlsx":
                import zipfile

                with zipfile.ZipFile(path) as book:
                    parts += [book.read(name) for name in book.namelist()]
    return b"\n".join(parts)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_credentials_reach_no_file_and_no_log_line(suffix: str) -> None:
    """By key and by shape: not config, metrics, texts, errors, names, notes, the command line, nor what is said."""
    program = f"""
import logging, sys, experiment_sheet as es
logging.basicConfig(level=logging.DEBUG)
LEAKS = {LEAKS!r}
SECRET = {SECRET!r}
sheet = es.Sheet("results/runs.{suffix}")
sheet.log_run(LEAKS, notes=f"use {{SECRET}}", name=f"run {{SECRET}}", artifacts={{SECRET: __file__}},
              plots={{SECRET: "no-such-{{SECRET}}.png"}}, tags=[SECRET])
sheet.append(LEAKS)
(run,) = sheet.append({{"acc": 1}})
sheet.update(run, LEAKS)
try:
    with es.init(sheet, config=LEAKS) as run:
        run.log(LEAKS)
        run.log({{"said": f"x {{SECRET}}", "long": SECRET + " x" * 40_000}})
        run.summary.update(LEAKS)
        run.log_artifact(__file__, name=SECRET, type=SECRET)
        run.log_artifact("no-such-" + SECRET)
        raise ValueError(f"no access with password='hunter2-in-error' to {{SECRET}}")
except ValueError:
    pass
es.Sheet("results/runs.{suffix}").sync()
"""
    Path("train.py").write_text(program)
    line = [sys.executable, "train.py", "--token", "hunter2-option", "--api-key=hunter2-equals", f"--x={SECRET}"]
    secrets = {
        "OPENAI_API_KEY": "hunter2-env",
        "HF_TOKEN": "hunter2-env",
        "SLURM_DB": "x://a:hunter2@h",
        "CUDA_X": SECRET,
    }
    line.append("WANDB_API_KEY=hunter2-var")
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ | secrets)
    assert done.returncode == 0, done.stderr[-2000:]
    Path("train.py").unlink()
    for copy in Path("results").rglob("train.py"):  # a person who logs a file has its contents logged
        copy.unlink()
    for copy in Path("results").rglob("*"):
        if copy.is_file() and b"LEAKS = " in copy.read_bytes():
            copy.unlink()
    written = everything_below(Path("results")) + done.stdout.encode() + done.stderr.encode()
    assert b"***" in written
    for secret in (SECRET.encode(), b"hunter2"):
        places = [written[max(0, i - 120) : i + 60] for i in find_all(written, secret)]
        assert places == []


def find_all(text: bytes, part: bytes) -> list[int]:
    """Where a part stands in a text."""
    found, place = [], text.find(part)
    while place >= 0:
        found.append(place)
        place = text.find(part, place + 1)
    return found


def test_numbers_and_common_words_are_left_as_they_are() -> None:
    """Masking costs no result: tokens of language models, keys of dictionaries, prose about secrets."""
    values = {
        "max_tokens": 128,
        "text": "max_tokens=128, pad_token='<pad>', tokenizer=bpe; the secret: use warmup",
        "repr": "Adam(lr=0.001, betas=(0.9, 0.999))",
        "dict": "{'key': 'value', 'eos_token': '</s>'}",
        "mail": "ask kim@example.org",
        "url": "https://example.org/a?b=c",
    }
    run = Sheet("runs.csv").log_run(values)
    row = Sheet("runs.csv").read().loc[run]
    assert {key: row[key] for key in values} == values


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=abc next", "password=*** next"),
        ("--config=password=abc", "--config=password=***"),
        ("https://h/x?access_token=abc&y=1", "https://h/x?access_token=***&y=1"),
        ("{'api_key': 'a\\'b', 'lr': 1}", "{'api_key': ***, 'lr': 1}"),
        ('{"password": "a b"}', '{"password": ***}'),
        ("Authorization: Basic a2ltOnB3", "Authorization: Basic ***"),
        ("curl -H 'Authorization: Bearer abc.def'", "curl -H 'Authorization: Bearer ***'"),
        ("password=123456", "password=***"),
        ("token=5", "token=5"),
    ],
)
def test_credentials_inside_texts_are_masked(text: str, masked: str) -> None:
    """Where a text says that something is one."""
    assert masking.mask_text(text) == masked


def test_masking_takes_time_in_proportion() -> None:
    """No text, however made, makes the patterns try again and again."""
    for part in ("a", "a.", "a=", "password=", "eyJ", "://", "sk-", "'a': ", "-----BEGIN ", "Bearer "):
        masking.mask_text(part * (100_000 // len(part)))


def test_messages_and_tracebacks_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    """What the library says to the log holds no credential, nor does a traceback that comes with it."""
    notices.say("test", "masks", f"can't open https://kim:hunter2@host and {SECRET}")
    try:
        raise ValueError(SECRET)
    except ValueError:
        notices.logger.exception("failed with %s", SECRET)
    lines = [logging.Formatter().format(record) for record in caplog.records]
    assert len(lines) == 2
    assert SECRET not in "".join(lines)
    assert "hunter2" not in "".join(lines)
