"""Copies and hashes of files and folders: whole, bounded, and never stuck."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet.contents import files_below, measure, put
from experiment_sheet.folder import RunFolder, Stored

posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes as POSIX has them")


def test_a_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    """Of a file larger than what is read at once, too."""
    content = os.urandom(3 << 20) + b"end"
    (tmp_path / "a").write_bytes(content)
    digest = hashlib.blake2b(content, digest_size=32).hexdigest()
    assert measure(tmp_path / "a") == (len(content), digest)
    assert put(tmp_path / "a", tmp_path / "deep" / "b") == (len(content), digest)
    assert (tmp_path / "deep" / "b").read_bytes() == content


def test_a_folders_hash_is_of_names_and_contents(tmp_path: Path) -> None:
    """A renamed or changed file makes another; the order on disk doesn't."""
    for name in ("x/b", "x/a", "y/a", "y/b", "z/a", "z/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name[-1].replace("c", "b"))
    assert measure(tmp_path / "x") == measure(tmp_path / "y")
    assert measure(tmp_path / "x")[1] != measure(tmp_path / "z")[1]


@posix
def test_links_that_go_round_end(tmp_path: Path) -> None:
    """A link to a folder above, one to itself, and one to nothing are left out."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "file").write_text("x")
    (tmp_path / "d" / "up").symlink_to(tmp_path)
    (tmp_path / "d" / "self").symlink_to(tmp_path / "d" / "self")
    (tmp_path / "d" / "nothing").symlink_to(tmp_path / "nowhere")
    assert list(files_below(tmp_path / "d")) == [tmp_path / "d" / "file"]
    with pytest.raises(OSError, match="self"):
        put(tmp_path / "d" / "self", tmp_path / "copy")


@posix
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Reading one would wait for a writer forever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="neither a file nor a folder"):
        put(tmp_path / "pipe", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [tmp_path / "pipe"]


def test_a_file_that_grows_while_it_is_copied(tmp_path: Path) -> None:
    """The copy ends where the file ended when it was opened, and its hash is that of the copy."""
    source, stop = tmp_path / "log", threading.Event()
    source.write_bytes(b"x" * (8 << 20))

    def grow() -> None:
        with open(source, "ab") as file:
            while not stop.is_set():
                file.write(b"y" * 65536)
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        size, digest = put(source, tmp_path / "copy")
    finally:
        stop.set()
        writer.join()
    assert (tmp_path / "copy").stat().st_size == size < source.stat().st_size
    assert measure(tmp_path / "copy") == (size, digest)


def test_a_file_that_is_larger_than_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    """Filling the disk would take the journal's room; nothing is left behind."""
    with open(tmp_path / "huge", "wb") as file:
        try:
            file.truncate(1 << 43)
        except OSError:
            pytest.skip("this file system has no such large sparse files")
    with pytest.raises(OSError, match="too large"):
        put(tmp_path / "huge", tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["huge"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_memory_is_bounded_whatever_the_size(tmp_path: Path) -> None:
    """A file of 1 GB is copied and hashed by a process that may have a third of that."""
    with open(tmp_path / "big", "wb") as file:
        file.truncate(1 << 30)
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (350 << 20, 350 << 20))\n"
        "from pathlib import Path; from experiment_sheet.contents import put; print(put(Path('big'), Path('copy'))[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (str(1 << 30), "")


@posix
def test_big_files_can_be_linked(tmp_path: Path) -> None:
    """A hard link shares the bytes, a link points to them; size and hash are as of a copy."""
    (tmp_path / "model").write_bytes(b"abc")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_bytes(b"x")
    folder = RunFolder(tmp_path / "run")
    copied = folder.store(tmp_path / "model", "copied")
    hard = folder.store(tmp_path / "model", "hard", how="hardlink")
    soft = folder.store(tmp_path / "model", "soft", how="link")
    assert {(item.size, item.blake2b) for item in (copied, hard, soft)} == {(3, copied.blake2b)}
    assert (tmp_path / "run/files/hard").samefile(tmp_path / "model")
    assert not (tmp_path / "run/files/hard").is_symlink()
    assert (tmp_path / "run/files/soft").is_symlink()
    assert folder.store(tmp_path / "data", how="link").blake2b == measure(tmp_path / "data")[1]
    again = folder.store(tmp_path / "model", "soft")  # a copy takes the link's place, and doesn't write through it
    assert again.size == 3
    assert not (tmp_path / "run/files/soft").is_symlink()


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_one_unreadable_file_does_not_cost_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is left out, and a message says so."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("a")
    (tmp_path / "d" / "b").write_text("b")
    (tmp_path / "d" / "b").chmod(0)
    with caplog.at_level(logging.WARNING, "experiment_sheet"):
        stored = RunFolder(tmp_path / "run").store(tmp_path / "d")
    assert stored.size == 1
    assert "left out" in caplog.text


def test_a_run_may_share_what_is_big(tmp_path: Path) -> None:
    """By a word of `log_artifact`; another word is the caller's mistake."""
    Path("weights.bin").write_bytes(b"abc")
    with es.init("runs.csv") as run:
        stored = run.log_artifact("weights.bin", how="hardlink")
        assert isinstance(stored, Stored)
        assert (Path(run.dir) / stored.name).samefile("weights.bin")
        with pytest.raises(es.UsageError, match="hardlink"):
            run.log_artifact("weights.bin", how="move")  # type: ignore[arg-type]
