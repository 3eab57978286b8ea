"""What a run keeps in its folder, and everything that can be in the way."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

import experiment_sheet as es


def files(run: es.Run) -> Path:
    """Where a run keeps files."""
    return es.Sheet("runs.csv").files / run.id / "files"


def test_what_is_big_need_not_be_copied() -> None:
    """A hard link is one file with two names, a link says where it is; another word is a mistake."""
    Path("big.bin").write_bytes(b"x" * 1000)
    with es.init("runs.csv") as run:
        for how in ("hardlink", "link", "copy"):
            stored = run.log_artifact("big.bin", name=how, how=how)
            assert stored is not None
            assert stored.size == 1000  # type: ignore[union-attr]
        with pytest.raises(es.UsageError, match="hardlink"):
            run.log_artifact("big.bin", how="teleport")
    assert Path("big.bin").samefile(files(run) / "hardlink")
    assert (files(run) / "link").is_symlink()
    assert not Path("big.bin").samefile(files(run) / "copy")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_paths_that_lead_astray(caplog: pytest.LogCaptureFixture) -> None:
    """What is missing, a loop, a pipe, or unreadable is one message; the run goes on."""
    Path("loop").symlink_to("loop")
    Path("folder").mkdir()
    Path("folder/inner").symlink_to(Path("folder").absolute())
    Path("folder/a").write_text("a")
    os.mkfifo("pipe")
    with es.init("runs.csv") as run:
        for path in ("not there", "loop", "pipe", "", "\0"):
            assert run.log_artifact(path) is None
        assert run.log_artifact("folder") is not None
        run.log({"loss": 1})
    assert [path.name for path in (files(run) / "folder").iterdir()] == ["a"]
    assert len(caplog.records) == 5
    assert es.Sheet("runs.csv").read()["loss"].tolist() == [1]


def test_a_file_that_changes_while_it_is_copied() -> None:
    """Size and hash are of the copy, whatever a writer does meanwhile."""
    import hashlib

    Path("growing").write_bytes(b"0" * 1_000_000)
    stop = threading.Event()

    def write() -> None:
        with open("growing", "ab") as file:
            while not stop.is_set():
                file.write(b"1" * 10_000)
                file.flush()
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with es.init("runs.csv") as run:
            stored = [run.log_artifact("growing", name=f"copy-{number}") for number in range(5)]
    finally:
        stop.set()
        writer.join()
    for item in stored:
        assert item is not None
        copy = (files(run) / Path(item.name).name).read_bytes()
        assert len(copy) == item.size  # type: ignore[union-attr]
        assert hashlib.blake2b(copy, digest_size=32).hexdigest() == item.blake2b  # type: ignore[union-attr]


def test_texts_objects_and_nan_as_metrics(caplog: pytest.LogCaptureFixture) -> None:
    """They are values like others; NaN for a thousand steps is no message, and no number of it is lost."""

    class Odd:
        pass

    with es.init("runs.csv") as run:
        for step in range(1000):
            run.log({"loss": float("nan"), "text": "so far", "odd": Odd(), "acc": step})
        run.define_metric("loss", summary="min,mean")
    steps = es.Sheet("runs.csv").history(run.id)
    assert len(steps) == 1000
    assert steps["loss"].isna().all()
    row = es.Sheet("runs.csv").read().iloc[0]
    assert (row["acc"], row["text"]) == (999, "so far")
    assert row["loss"] != row["loss"]
    assert caplog.records == []


def test_memory_stays_small_over_many_steps() -> None:
    """What a run remembers doesn't grow with its steps."""
    import tracemalloc

    with es.init("runs.csv") as run:
        for step in range(3_000):
            run.log({"loss": step / 7, "acc": step / 9}, step=step)
        tracemalloc.start()
        before = tracemalloc.take_snapshot()
        for step in range(3_000, 33_000):
            run.log({"loss": step / 7, "acc": step / 9}, step=step)
        after = tracemalloc.take_snapshot()
        tracemalloc.stop()
    grown = sum(change.size_diff for change in after.compare_to(before, "filename"))
    assert grown < 3_000_000  # a dictionary per step would be 9 MB


def test_figures_after_close_and_pyplot_itself() -> None:
    """People log what they have at hand."""
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, _ = plt.subplots()
    plt.close(figure)
    with es.init("runs.csv") as run:
        run.log({"closed": figure})
        run.log({"nothing": plt})
        plt.plot([1, 2])
        run.log({"current": plt, "in": {"a": {"dict": plt.gcf()}}})
    plt.close("all")
    assert {"closed.png", "current.png", "in.a.dict.png"} <= {
        path.name for path in (files(run).parent / "plots").iterdir()
    }


def test_datasets_and_models_of_a_run() -> None:
    """They are noted while the run goes on, filter columns stand in the row, and the model is linked."""
    np = pytest.importorskip("numpy")
    linear = pytest.importorskip("sklearn.linear_model")
    Path("train.csv").write_text("a,b\n1,2\n")
    with es.init("runs.csv") as run:
        run.log_dataset("train.csv", "train.csv", version="1", features=["a", "b"])
        es.log_dataset("held out", np.zeros((3, 2)), role="test")
        assert run.log_model(linear.LinearRegression().fit([[0], [1]], [0, 1]), "line") is not None
        run.log({"loss": 1})
        run.log({"loss": 0.5})
    frame = es.Sheet("runs.csv").read()
    assert {"train_data", "features", "model", "architecture"} <= set(frame.columns)
    assert (Path("runs_files").parent / frame["model"].iloc[0]).exists()
    assert frame["loss"].tolist() == [0.5]
