"""Several processes, one run: who keeps it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scripts import rows

import experiment_sheet as es
from experiment_sheet import history
from experiment_sheet.ranks import rank_of


def test_who_is_secondary(monkeypatch: pytest.MonkeyPatch) -> None:
    """RANK counts only beside WORLD_SIZE and MASTER_ADDR; schedulers' ranks prove nothing; a keyword decides."""
    monkeypatch.setenv("SLURM_PROCID", "3")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "3")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("RANK", "2")
    assert rank_of() == 0
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert rank_of() == 0
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    assert rank_of() == 2
    assert rank_of(0) == 0
    assert rank_of(1) == 1
    monkeypatch.setenv("RANK", "x")
    assert rank_of() == 0
    for wrong in (-1, 0.5, "one"):
        with pytest.raises(es.UsageError):
            rank_of(wrong)


def test_a_secondary_run_accepts_everything_and_leaves_nothing() -> None:
    """Its values can be read in the process; no row, no folder, no file is made."""
    Path("model.pt").write_text("x")
    with es.init("runs.csv", config={"lr": 1}, rank=1) as run:
        run.log({"loss": 1, "image": es.Image([[0, 1]])})
        run.log({"loss": 0.5}, step=7)
        run.define_metric("loss", summary="min")
        assert run.log_artifact("model.pt") is None
        run.log_artifact(es.Artifact("a", "b"))
        assert run.save("*.pt") == []
        assert run.log_code() == 0
        run.log_dataset("data", "model.pt")
        run.watch(object(), log=None)
        run.name, run.notes, run.tags = "n", "n", "t"
        run.summary["x"] = 1
        assert (run.rank, run.step, run.config.lr, run.summary["loss"]) == (1, 8, 1, 0.5)
        assert es.run is run
        run.to_frame()
    assert run.is_over
    assert list(Path().iterdir()) == [Path("model.pt")]


def test_a_secondary_run_may_have_a_history_of_its_own() -> None:
    """On request its steps are kept beside those of the process that keeps the run, under the id that both share."""
    with es.init("runs.csv", id="shared") as run:
        run.log({"loss": 1})
    with es.init("runs.csv", id="shared", rank=1, rank_history=True) as second:
        second.log({"loss": 2})
    assert len(rows()) == 1
    assert history.read(Path("runs_files/shared"))[0]["loss"] == 1
    assert history.read(Path("runs_files/shared/rank-1"))[0]["loss"] == 2
    with pytest.raises(es.UsageError, match="id"):
        es.init("runs.csv", rank=1, rank_history=True)


def test_all_ranks_skip_what_was_done() -> None:
    """None is left alone in a training that the others don't begin."""
    for skipped in (False, True):
        runs = [
            es.init("runs.csv", config={"lr": 1}, if_exists="skip", rank=rank, reinit="create_new") for rank in (0, 1)
        ]
        assert [run.skipped for run in runs] == [skipped, skipped]
        for run in runs:
            run.finish()
    assert len(rows()) == 1


def test_torchrun_makes_one_row() -> None:
    """Four processes with torchrun's environment, one run."""
    code = "import experiment_sheet as es\nwith es.init('runs.csv') as run: run.log({'loss': run.rank})"
    for rank in range(4):
        ranks = f"import os; os.environ.update(RANK='{rank}', WORLD_SIZE='4', MASTER_ADDR='localhost')\n"
        done = subprocess.run([sys.executable, "-c", ranks + code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert [row["loss"] for row in rows()] == ["0"]


def test_torch_distributed_makes_one_row() -> None:
    """Three real processes of torch.distributed on gloo: one run, and what rank 0 logged of all."""
    pytest.importorskip("torch.distributed")
    Path("train.py").write_text(
        "import sys, torch, torch.distributed as dist\n"
        "import experiment_sheet as es\n"
        "rank = int(sys.argv[1])\n"
        "dist.init_process_group('gloo', init_method='file://' + sys.argv[2], rank=rank, world_size=3)\n"
        "with es.init('runs.csv', config={'world': 3}) as run:\n"
        "    assert run.rank == rank\n"
        "    for step in range(5):\n"
        "        loss = torch.tensor([float(rank)])\n"
        "        dist.all_reduce(loss)\n"
        "        run.log({'loss': loss})\n"
        "dist.destroy_process_group()\n"
    )
    store = str(Path("store").absolute())
    workers = [
        subprocess.Popen([sys.executable, "train.py", str(rank), store], stderr=subprocess.PIPE, text=True)
        for rank in range(3)
    ]
    errors = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], errors
    (row,) = rows()
    assert (row["loss"], row["world"], row["status"]) == ("3.0", "3", "finished")
    assert len(history.read(Path("runs_files") / row["run_id"])) == 5
