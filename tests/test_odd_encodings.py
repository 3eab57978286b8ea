"""A CSV that people saved as Windows-1252, which lacks most signs: said once, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

import experiment_sheet as es


@pytest.fixture
def sheet() -> es.Sheet:
    """A sheet in the encoding of an old Excel."""
    Path("runs.csv").write_bytes("run_id,größe,notes\r\nr1,klein,\r\n".encode("cp1252"))
    return es.Sheet("runs.csv")


def test_what_the_encoding_lacks_is_spelled_out_kept_whole_and_said_once(
    sheet: es.Sheet, caplog: pytest.LogCaptureFixture
) -> None:
    """λ becomes ``\\u03bb`` in the file; the text itself is in the run folder; one message says so."""
    first = sheet.log_run({"größe": "λ und é"}, notes="日本")
    second = sheet.log_run({"größe": "λ"})
    text = Path("runs.csv").read_bytes().decode("cp1252")
    assert "\\u03bb und é" in text
    assert (sheet.files / first / "files" / "größe.txt").read_text("utf-8") == "λ und é"
    assert (sheet.files / first / "files" / "notes.txt").read_text("utf-8") == "日本"
    assert (sheet.files / second / "files" / "größe.txt").read_text("utf-8") == "λ"
    assert len([record for record in caplog.records if "encoding" in record.getMessage()]) == 1


def test_what_it_has_is_nothing_to_speak_of(sheet: es.Sheet, caplog: pytest.LogCaptureFixture) -> None:
    """é is é."""
    run = sheet.log_run({"größe": "é €"})
    assert sheet.read().loc[run, "größe"] == "é €"
    assert not (sheet.files / run).exists()
    assert not caplog.records
