"""Journals, histories, states and archives that somebody made to do harm: skipped or refused, in bounded memory."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment_sheet import archive, history
from experiment_sheet import state as states
from experiment_sheet.columns import Column
from experiment_sheet.doctor import Doctor
from experiment_sheet.events import Event, decode, encode
from experiment_sheet.journal import journals_in, read
from experiment_sheet.jsonl import whole_lines
from experiment_sheet.sheet import Sheet


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
