"""What comes from somebody else is only data, what is written stays in its folder, and credentials reach no file."""

from __future__ import annotations

import ast
import gzip
import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet import archive, history, masking, notices
from experiment_sheet import state as states
from experiment_sheet.cells import Link
from experiment_sheet.columns import Column
from experiment_sheet.doctor import Doctor
from experiment_sheet.events import Event, decode, encode
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.journal import journals_in, read
from experiment_sheet.jsonl import whole_lines
from experiment_sheet.sheet import Sheet

PACKAGE = Path(es.__file__).parent
POSIX = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")
SECRET = "sk-" + "abcDEF1234" * 3


def bounded(program: str, *, megabytes: int) -> subprocess.CompletedProcess[str]:
    """Run a program that may use so much memory and no more."""
    resource = pytest.importorskip("resource", reason="memory is bounded by POSIX's setrlimit")
    limit = megabytes << 20
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )


# Nothing is executed


def test_nothing_is_executed() -> None:
    """No module unpickles, evaluates or runs text."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', '')}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), where
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & forbidden, where
            if isinstance(node, ast.keyword) and node.arg == "shell":
                pytest.fail(f"{where} runs a shell")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_text_from_data_is_never_a_formula(suffix: str) -> None:
    """Keys, values, names and what stands in somebody's journal are text in the sheet, whatever they begin with."""
    from openpyxl import load_workbook

    evil = ['=HYPERLINK("http://evil","x")', "+1+1", "-1+1", "@SUM(A1)", '=cmd|" /C calc"!A0', "\t=1+1", "\r=1"]
    sheet = Sheet(f"runs.{suffix}")
    sheet.append([{"run_id": f"r{n}", text: text, "=key": text} for n, text in enumerate(evil)])
    frame = sheet.read()
    assert [str(text).strip() for text in frame["=key"]] == [text.strip() for text in evil]
    if suffix == "xlsx":
        cells = [cell for row in load_workbook("runs.xlsx").active.iter_rows() for cell in row]
        assert not [cell.value for cell in cells if cell.data_type == "f"]
    else:
        import csv

        with open("runs.csv", encoding="utf-8-sig", newline="") as file:
            assert not [c for row in csv.reader(file) for c in row if c.startswith(("=", "+", "@", "-1+", "\t", "\r"))]


def test_a_links_address_stays_inside_its_formula() -> None:
    """The only formula that is written is HYPERLINK, of two texts; quotes in them end nothing."""
    from openpyxl import load_workbook

    evil = 'x",WEBSERVICE("http://evil"))&("'
    journal = Sheet("runs.xlsx").files / "journal" / "somebody-0.jsonl"
    Sheet("runs.xlsx").append({"run_id": "r1"})
    event = Event("runs.xlsx", "r2", "end", {Column("run", "plots"): Link(evil, evil)})
    journal.write_bytes(encode(event))
    Sheet("runs.xlsx").sync()
    formulas = [c.value for row in load_workbook("runs.xlsx").active.iter_rows() for c in row if c.data_type == "f"]
    assert all(formula.count('"') % 2 == 0 for formula in formulas)
    outside = ["".join(str(formula).replace('""', "").split('"')[::2]) for formula in formulas]
    assert all("WEBSERVICE" not in part for part in outside), outside


def test_a_sheet_cannot_control_the_terminal() -> None:
    """Escape sequences that somebody typed into a sheet are not sent to the terminal."""
    text = "\x1b]0;owned\x07\x1b[2J\x9b2J"
    Path("runs.csv").write_text(f"run,run_id,acc\n{text},r1,0.5\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "experiment_sheet", "ls", "-s", "runs.csv"], capture_output=True)
    assert done.returncode == 0
    assert not {0x1B, 0x07} & set(done.stdout)
    assert "\x9b" not in done.stdout.decode()


# Nothing leaves the folder

NAMES = [
    "../../evil", "..", ".", "/etc/passwd", "C:\\Windows\\x", "\\\\server\\share", "a/../../b", "nul", "CON.txt",
    "com1", "a\0b", "x" * 400, "~/x", "file:///x", "a:b", "", " ", "...", "\u202egnp.exe", "\ud800", "LPT¹",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_plots_and_artifacts_lead_nowhere_else(name: str) -> None:
    """Whatever somebody calls a plot, an artifact, a key or a run, its files lie in the run's folder."""
    Path("model.bin").write_bytes(b"123")
    Path("curve.png").write_bytes(b"\x89PNG")
    before = set(Path().rglob("*"))
    run_id = Sheet("runs.csv").log_run({"long": "y" * 40_000}, plots={name: "curve.png"}, artifacts={name: "model.bin"})
    new = {path for path in Path().rglob("*") if path.is_file()} - before
    inside = Path("runs_files", run_id)
    assert {path for path in new if path.name.startswith(("model", "curve")) or path.suffix in (".bin", ".png")}
    strays = [p for p in new if not p.is_relative_to(inside) and not p.is_relative_to("runs_files/journal")]
    assert strays == [Path("runs.csv")]
    assert not Path("/etc/passwd-evil").exists()


@given(st.text())
def test_any_name_is_one_that_every_system_takes(name: str) -> None:
    """One part, no device of Windows, no trailing dot, of bounded length."""
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set('<>:"/\\|?*\0')
    assert not safe.endswith((".", " "))
    assert len(safe.encode()) <= 255


@POSIX
def test_a_link_does_not_lead_a_run_out_of_its_folder(tmp_path: Path) -> None:
    """A run folder, or a folder in it, that somebody made a link to elsewhere is not written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    files = tmp_path / "runs_files"
    files.mkdir()
    (files / "mine").symlink_to(outside, target_is_directory=True)
    (files / "other").mkdir()
    (files / "other" / "files").symlink_to(outside, target_is_directory=True)
    source = tmp_path / "model.bin"
    source.write_bytes(b"123")
    for folder in (RunFolder(files / "mine"), RunFolder(files / "other")):
        with pytest.raises(OSError, match="outside"):
            folder.store(source)
        with pytest.raises(OSError, match="outside"):
            folder.write("files/x.txt", "x")
    run = es.init(tmp_path / "runs.csv", id="mine")
    run.log({"acc": 0.5})
    run.log_artifact(source)
    run.finish()
    assert list(outside.iterdir()) == []
    assert Sheet(tmp_path / "runs.csv").read().loc["mine", "acc"] == 0.5


@POSIX
def test_a_link_in_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    """What it led to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = RunFolder(tmp_path / "runs_files" / "r1")
    (folder.make("plots") / "a.png").symlink_to(victim)
    folder.write("plots/a.png", b"new")
    assert victim.read_text() == "mine"


def test_events_of_another_run_id_stay_in_the_files_folder() -> None:
    """A journal from somebody else names a run like a path; nothing outside is read or written."""
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1"})
    Path("history-evil.jsonl").write_text('{"step": 1, "time": 1, "log": {"acc": 1}}\n')
    journal = sheet.files / "journal" / "somebody-0.jsonl"
    journal.write_bytes(encode(Event("runs.csv", "../..", "start", {Column("run", "status"): "running"})))
    sheet.sync()
    assert sheet.history("../..").empty


# Memory is bounded


def hostile_lines() -> list[bytes]:
    """Lines that no event has."""
    event = json.loads(encode(Event("runs.csv", "r9", "end", {Column("output", "acc"): 1.0})))
    changes: list[dict[str, object]] = [
        {"cells": {"output": {"acc": {"int": "f" * 10}}, "evil": {"x": 1}}},
        {"cells": {"output": {"acc": {"datetime": "2026-01-01T00:00:00+99:99"}}}},
        {"cells": {"output": {"acc": {"link": [1, 2]}}}},
        {"cells": {"output": {"acc": {"link": ["a"]}}}},
        {"cells": {"output": {"acc": {"timedelta": "1e9:99:99"}}}},
        {"cells": {"output": {"acc": [1]}}},
        {"cells": {"output": ["acc"]}},
        {"cells": [1]},
        {"kind": "explode"},
        {"kind": ["end"]},
        {"run": 5},
        {"run": None},
        {"sheet": {}},
        {"epoch": "x"},
        {"seq": {}},
    ]
    lines = [json.dumps(event | change).encode() for change in changes]
    lines += [json.dumps(event).encode().replace(b'"epoch": 1', b'"epoch": 1e999')]
    lines += [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 100_000, b"null", b"[]", b'"x"', b"\xff\xfe", b"\0" * 1000]
    return lines


def test_hostile_lines_are_damaged_lines() -> None:
    """Each is skipped; rows before and behind arrive."""
    for line in hostile_lines():
        with pytest.raises(ValueError):  # noqa: PT012 - one of two statements
            event = decode(line, "j")
            assert event is None
            raise ValueError
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1"})
    good = [encode(Event("runs.csv", run, "end", {Column("output", "acc"): 0.5}, seq=n)) for n, run in enumerate("ab")]
    journal = sheet.files / "journal" / "somebody-0.jsonl"
    journal.write_bytes(good[0] + b"".join(line + b"\n" for line in hostile_lines()) + good[1])
    sheet.sync()
    assert sorted(sheet.read().index) == ["a", "b", "r1"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["sheet", "run", "kind", "cells", "epoch", "seq", "drawn", "journal"]), JSON))
def test_any_json_is_an_event_or_damaged(line: dict[str, object]) -> None:
    """Nothing but ValueError comes out of reading a line, and what is read can be written again."""
    try:
        event = decode(json.dumps(line).encode(), "j")
    except ValueError:
        return
    if event is not None:
        encode(event)


def test_cells_of_a_strange_journal_are_cells_like_ours() -> None:
    """Times with a zone, lone surrogates and numbers of a thousand digits become what every backend can write."""
    cells = {
        "output": {
            "when": {"datetime": "2026-01-01T12:00:00+02:00"},
            "text": "a\ud800b",
            "number": 10**4000,
            "\ud800": 1,
        }
    }
    line = {"sheet": "runs.xlsx", "run": "r\ud800", "kind": "end", "epoch": 1, "seq": 1, "cells": cells}
    sheet = Sheet("runs.xlsx")
    sheet.append({"run_id": "r1"})
    (sheet.files / "journal" / "somebody-0.jsonl").write_bytes(json.dumps(line).encode() + b"\n")
    assert sheet.sync() == 0
    row = sheet.read().iloc[-1]
    assert str(row["when"]) == "2026-01-01 10:00:00"
    assert row["text"] == "a\ufffdb"


def test_a_line_without_an_end_costs_no_memory(tmp_path: Path) -> None:
    """A line of a gigabyte in a journal, a history, the state and the archive is passed over, in bounded memory."""
    sheet = Sheet("runs.csv")
    run = sheet.log_run({"acc": 0.5}, artifacts=[__file__])
    folder = sheet.files / "journal"
    size = 1 << 30
    for path in (folder / "huge-0.jsonl", sheet.files / run / "history-huge.jsonl", folder / "generations.log"):
        with open(path, "ab") as file:  # sparse: it takes no disk
            file.truncate(size)
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
            if path.name == "huge-0.jsonl":
                file.write(encode(Event("runs.csv", "behind", "end", {})))
    (folder / "checkpoint.json").unlink()
    with open(folder / "checkpoint.json", "wb") as file:
        file.truncate(size)
    program = f"""
from experiment_sheet.sheet import Sheet
sheet = Sheet("runs.csv")
sheet.sync()
print(sorted(sheet.read().index)[0], len(sheet.history({run!r})))
"""
    done = bounded(program, megabytes=900)
    assert done.stdout.split() == ["behind", "0"], done.stderr[-2000:]


def test_an_archive_that_unpacks_to_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    """A gzip bomb of one line is passed over; what stands behind it is read."""
    bomb = gzip.compress(b"[" * (300 << 20), compresslevel=9)
    with open(tmp_path / archive.NAME, "wb") as file:
        file.write(bomb + gzip.compress(b"\n" + encode(Event("s", "r1", "end", {}))))
    program = f"""
from pathlib import Path
from experiment_sheet import archive
print([event.run for event in archive.events(Path({str(tmp_path)!r}))])
print(archive.is_whole(Path({str(tmp_path)!r}), good={len(bomb)}))
"""
    done = bounded(program, megabytes=400)
    assert done.stdout == "['r1']\nTrue\n", done.stderr[-2000:]


def test_long_lines_are_passed_over_whole(tmp_path: Path) -> None:
    """What is behind one is at the right place."""
    path = tmp_path / "lines"
    path.write_bytes(b"one\n" + b"x" * 100 + b"\ntwo\n" + b"y" * 9)
    with open(path, "rb") as file:
        assert list(whole_lines(file, longest=10)) == [(b"one", 4), (None, 105), (b"two", 109)]
    path.write_bytes(b"one\n" + b"x" * 100)
    with open(path, "rb") as file:
        assert list(whole_lines(file, longest=10)) == [(b"one", 4)]


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"sheets": 1e999}', b"{}", b"\xff", b'{"sheet":"x"}', b"9" * 9999])
def test_a_hostile_state_is_no_state(tmp_path: Path, text: bytes) -> None:
    """It is begun afresh, and rows arrive."""
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1"})
    (sheet.files / "journal" / states.NAME).write_bytes(text)
    sheet.append({"run_id": "r2"})
    assert sheet.read().index.tolist() == ["r1", "r2"]


def test_a_hostile_claim_is_somebody_elses(tmp_path: Path) -> None:
    """A sheet.json that can't be read claims the folder for nobody we know; the other name is taken."""
    journal = Path("runs_files/journal")
    journal.mkdir(parents=True)
    (journal / "sheet.json").write_bytes(b"[" * 50_000)
    Path("runs_files/letters.txt").write_text("mine")
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1"})
    assert sheet.files.name == "runs.csv_files"


# Modes


@POSIX
@pytest.mark.parametrize("umask", [0o002, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_modes_follow_the_umask(tmp_path: Path, umask: int, suffix: str) -> None:
    """Every file and folder that is made has the mode that the person's umask says, locks included."""
    Path("model.bin").write_bytes(b"123")
    program = f"""
import os, experiment_sheet as es
os.umask({umask})
for n in range(2):
    run = es.init("results/runs.{suffix}")
    run.log({{"acc": n, "text": "x" * 40_000}})
    run.log_artifact("model.bin")
    run.finish()
es.Sheet("results/runs.{suffix}").sync()
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    wrong = []
    for path in [Path("results"), *Path("results").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = (0o777 if path.is_dir() else 0o666) & ~umask
        if mode != wanted:
            wrong.append((str(path), oct(mode), oct(wanted)))
    assert wrong == []


# Credentials

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


def test_the_doctor_reads_hostile_folders(tmp_path: Path) -> None:
    """A run folder with a run.json that is none is an orphan without a remedy but deleting it."""
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1"})
    folder = sheet.files / "evil"
    folder.mkdir()
    (folder / "run.json").write_bytes(b"[" * 100_000)
    assert [finding.kind for finding in Doctor(sheet).findings()] == ["orphan"]
    done = subprocess.run(
        [sys.executable, "-m", "experiment_sheet", "doctor", "--restore", "all", "-s", "runs.csv"], capture_output=True
    )
    assert b"Traceback" not in done.stderr


def test_a_hostile_history_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    """Steps that are none are skipped."""
    (tmp_path / "history-0.jsonl").write_bytes(
        b"\n".join(
            [
                b'{"step": 1, "time": 1, "log": {"a": 1}}',
                b"[" * 100_000,
                b'{"step": "x", "time": 1, "log": {"a": 1}}',
                b'{"step": [], "time": 1, "log": {"a": 1}}',
                b'{"step": 1e999, "time": 1, "log": {"a": 1}}',
                b'{"step": 2, "time": [], "log": {"a": 1}}',
                b'{"step": 3, "time": 3, "log": {"\\ud800": 1}}',
                b"",
            ]
        )
    )
    assert list(history.read(tmp_path)) == [1, 3]
    assert history.last_step(tmp_path) == 3


def test_journals_are_read_by_nobody_who_executes(tmp_path: Path) -> None:
    """A journal holds strict JSON of plain values, so that any other program can judge it."""
    sheet = Sheet("runs.csv")
    sheet.log_run({"x": float("nan"), "y": object(), "z": b"123"})
    (journal,) = journals_in(sheet.files / "journal")
    for line in journal.read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert len(read(journal)[0]) == 1
