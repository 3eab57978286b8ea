"""Logging to a sheet that is far away: a thread sends, and nothing but the end waits for it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from far_away import NOBODY, World

from experiment_sheet import locks
from experiment_sheet.testing.google import Fault, GoogleSheets

SENDER = "experiment_sheet: sender"
TRAINING = """
with es.init(URL, config={"lr": 0.1}) as run:
    for step in range(1000):
        run.log({"loss": 1 / (1 + step)})
    print("trained", flush=True)
print("finished", flush=True)
"""


@pytest.fixture
def world() -> Iterator[World]:
    """A Google that answers."""
    with GoogleSheets() as google:
        yield World(google)


class Gate:
    """Keeps every request waiting until it is opened: a Google that is there, and doesn't answer."""

    def __init__(self, world: World) -> None:
        self._open = threading.Event()
        world.google.faults.plan(Fault(action=lambda: self._open.wait(100)), times=10_000)

    def open(self) -> None:
        """Let them pass, those that wait and those to come."""
        self._open.set()


def test_the_training_thread_sends_nothing(world: World) -> None:
    """Another thread does, and the row is there when the run has ended."""
    done = world.run(TRAINING).fine()
    assert done.talking == [SENDER]
    (row,) = world.rows()
    assert (row["status"], row["loss"], row["lr"]) == ("finished", 0.001, 0.1)


def test_a_run_of_a_thousand_steps_costs_two_writes(world: World) -> None:
    """One when it begins and one when it ends, and hardly more reads."""
    world.run(TRAINING.replace("for step", "import time; time.sleep(2)\n    for step")).fine()
    writes = world.google.log.count("write")
    assert writes == 2
    assert world.google.log.count("read") <= writes + 2


def test_a_loop_of_runs_costs_a_handful_of_writes(world: World) -> None:
    """What comes together goes together, whatever the number of calls; each has its row once."""
    world.run("for n in range(1000):\n    es.log_run(URL, {'n': n})").fine()
    assert world.google.log.count("write") <= 6
    assert sorted(row["n"] for row in world.rows()) == list(range(1000))


def test_runs_that_begin_and_end_at_once_are_one_write_each(world: World) -> None:
    """Start and end come within a moment, and go in one checkpoint."""
    world.run("with es.init(URL, config={'lr': 1}): pass").fine()
    assert world.google.log.count("write") == 1


@pytest.mark.parametrize("call", ["with es.init(URL): pass", "es.log_run(URL, {'lr': 1})"])
def test_a_dead_google_costs_one_message(world: World, call: str) -> None:
    """The program ends well, under -W error too; the message names what sends the rows, and that does."""
    done = world.run(call, EXPERIMENT_SHEET_GOOGLE_URL=NOBODY, EXPERIMENT_SHEET_WAIT="0.5")
    assert (done.code, len(done.said)) == (0, 1)
    assert done.talking == [SENDER]
    assert "1 run has not arrived yet (no answer within 0.5 s)" in done.said[0]
    assert f"`experiment-sheet sync -s gsheet://{world.key}` sends what waits" in done.said[0]
    assert world.rows() == []
    assert world.sync(f"gsheet://{world.key}") == 0
    assert len(world.rows()) == 1


def test_a_google_that_does_not_answer_keeps_no_training_waiting(world: World) -> None:
    """All steps are logged and the run is over before Google has answered a single request."""
    gate = Gate(world)
    training = world.begin(TRAINING, EXPERIMENT_SHEET_WAIT="1")
    assert [training.says() for _ in range(2)] == ["trained", "finished"]
    assert not [exchange for exchange in world.google.log if exchange.status]
    gate.open()
    done = training.end()
    assert done.code == 0
    assert done.talking == [SENDER]
    assert all("not arrived" in line for line in done.said)
    assert len(done.said) <= 1
    assert world.sync() == 0
    assert [row["status"] for row in world.rows()] == ["finished"]


def test_finish_waits_until_the_row_is_there(world: World) -> None:
    """A slow answer within the time is no loss, and no message."""
    world.google.faults.slow(0.7, times=3)
    training = world.begin("run = es.init(URL)\nrun.finish()\nprint('finished', flush=True)\nsys.stdin.read()")
    assert training.says() == "finished"
    assert [row["status"] for row in world.rows()] == ["finished"]
    training.end().fine()


def test_an_outage_costs_one_wait_and_not_one_per_run(world: World) -> None:
    """Nobody waits again who has waited in vain, until something arrives."""
    gate = Gate(world)
    training = world.begin(
        "for n in range(50):\n    with es.init(URL, config={'n': n}): pass\n"
        "print('over', flush=True)\nsys.stdin.read()\n"
        "with es.init(URL, config={'n': 50}): pass",
        EXPERIMENT_SHEET_WAIT="3",  # fifty of these would be more than the test waits
    )
    assert training.says() == "over"
    gate.open()
    done = training.end()
    assert done.code == 0
    assert len([line for line in done.said if "if this program ends first" in line]) == 1
    assert world.sync() == 0
    assert sorted(row["n"] for row in world.rows()) == list(range(51))


def test_what_google_refuses_is_said_once_and_sent_when_it_is_mended(world: World) -> None:
    """A sheet that isn't shared: one message, whatever comes after; the rows wait and arrive."""
    world.google.faults.answer(403, message="The caller does not have permission", times=10_000)
    done = world.run("for n in range(3):\n    with es.init(URL, config={'n': n}): pass")
    assert done.code == 0
    refused = [line for line in done.said if "Training goes on" in line]
    assert len(refused) == 1
    assert "press Share" in refused[0]
    world.google.faults.clear()
    assert world.sync() == 0
    assert len(world.rows()) == 3


def test_another_process_that_holds_the_lock_is_waited_for_by_the_thread_alone(world: World) -> None:
    """It only tries; the training goes on, and the rows arrive when the lock is free."""
    world.run("es.log_run(URL, {'n': 0})").fine()
    (lock,) = Path("state").glob("*/journal/sheet.lock")
    with locks.holding(lock, wait=5, done=lambda: False):
        training = world.begin(TRAINING)
        assert training.says() == "trained"
        assert len(world.rows()) == 1
    training.end().fine()
    assert len(world.rows()) == 2


def test_sigterm_writes_the_journal_and_no_more(world: World) -> None:
    """The process dies as it should while Google doesn't answer; `sync` tells that it was killed."""
    gate = Gate(world)
    training = world.begin("run = es.init(URL)\nprint('begun', flush=True)\nimport time; time.sleep(100)")
    assert training.says() == "begun"
    training.process.send_signal(signal.SIGTERM)
    assert training.end().code == -signal.SIGTERM
    gate.open()
    assert world.sync() == 0
    assert [row["status"] for row in world.rows()] == ["killed"]


def test_a_process_that_dies_while_it_sends_doubles_nothing(world: World) -> None:
    """Google has the row, and nobody heard so: the next one who sends finds it there."""
    training = world.begin("sys.stdin.readline(); es.log_run(URL, {'n': 1})")
    world.google.faults.plan(Fault(action=training.process.kill), path="batchUpdate")  # and is then applied
    assert training.end().code == -signal.SIGKILL
    world.run("es.log_run(URL, {'n': 2})").fine()
    assert sorted(row["n"] for row in world.rows()) == [1, 2]


def test_processes_that_send_at_once(world: World) -> None:
    """Each has its rows there when it has ended, whoever of them sent them."""
    programs = [
        f"for n in range({n}, {n + 5}):\n    with es.init(URL, config={{'n': n}}): pass" for n in range(0, 20, 5)
    ]
    for training in [world.begin(program) for program in programs]:
        training.end().fine()
    assert sorted(row["n"] for row in world.rows()) == list(range(20))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_begins_its_own_thread(world: World) -> None:
    """Children that are forked while the thread sends log runs of their own; every row is there once."""
    world.google.faults.slow(0.1, times=10_000)
    world.run(
        "import os, sys\n"
        "run = es.init(URL, name='parent')\n"
        "for n in range(8):\n"
        "    run.log({'n': n})\n"
        "    es.log_run(URL, {'n': n})\n"
        "    if (child := os.fork()) == 0:\n"
        "        assert 'sender' not in str(threading.enumerate())\n"
        "        with es.init(URL, name=f'child {n}'): pass\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "run.finish()"
    ).fine()
    assert world.sync() == 0
    rows = world.rows()
    names = [row["run"] for row in rows if row["run"].startswith(("child", "parent"))]
    assert sorted(names) == [*(f"child {n}" for n in range(8)), "parent"]
    assert len(rows) == 17
    assert {row["status"] for row in rows} == {"finished"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_worker_processes_send_before_they_end(world: World) -> None:
    """Those of multiprocessing run nothing that is registered for an exit."""
    world.run(
        "import multiprocessing\n"
        "def work(n): es.log_run(URL, {'n': n})\n"
        "workers = [multiprocessing.get_context('fork').Process(target=work, args=(n,)) for n in range(3)]\n"
        "for worker in workers: worker.start()\n"
        "for worker in workers: worker.join()\n"
        "assert [worker.exitcode for worker in workers] == [0, 0, 0]"
    ).fine()
    assert sorted(row["n"] for row in world.rows()) == [0, 1, 2]


def test_sheets_of_this_machine_start_no_thread(world: World) -> None:
    """Nor do they load what a network needs."""
    world.run(
        "with es.init('runs.csv') as run: run.log({'loss': 1})\n"
        "es.log_run('runs.csv', {'loss': 1})\n"
        "assert not [one for one in threading.enumerate() if 'sender' in one.name]\n"
        "assert not {'experiment_sheet.sender', 'gspread', 'requests'} & sys.modules.keys()\n"
    ).fine()


def test_what_a_person_asks_for_is_done_at_once(world: World) -> None:
    """`append`, `update`, `read` and `sync` work where they are called, without a thread."""
    done = world.run(
        "sheet = es.Sheet(URL)\n"
        "(run,) = sheet.append({'lr': 1, 'loss': 2})\n"
        "assert sheet.update(run, {'notes': 'good'})\n"
        "assert sheet.read().loc[run, 'notes'] == 'good'\n"
        "assert sheet.sync() == 0"
    ).fine()
    assert done.talking == ["MainThread"]


def test_the_last_child_tells_its_parent_without_holding_up_the_training(world: World) -> None:
    """What reading the sheet takes is taken by another thread, and the parent's row has the mean."""
    done = world.run(
        "parent = es.init(URL, name='parent', id='theparent'); parent.finish()\n"
        "for loss in (1.0, 3.0):\n"
        "    with es.init(URL, parent='theparent') as run: run.log({'loss': loss})\n"
    ).fine()
    assert "MainThread" not in done.talking
    assert [row.get("loss.mean") for row in world.rows()] == [2, None, None]


def test_a_setting_that_is_no_number_is_said(world: World) -> None:
    """The default is taken then."""
    done = world.run("with es.init(URL): pass", EXPERIMENT_SHEET_WAIT="soon")
    assert (done.code, len(done.said)) == (0, 1)
    assert "EXPERIMENT_SHEET_WAIT='soon' is no number of seconds; 30 are waited" in done.said[0]
    assert len(world.rows()) == 1


def test_any_backend_may_be_far_away(world: World) -> None:
    """One attribute of the class tells; the thread then calls it, and no other."""
    Path("far.py").write_text(
        "import threading\n"
        "from experiment_sheet.backends.memory import MemoryBackend\n"
        "CALLS = set()\n"
        "class Far(MemoryBackend):\n"
        "    remote = True\n"
        "    def write(self, *args, **words):\n"
        "        CALLS.add(threading.current_thread().name)\n"
        "        return super().write(*args, **words)\n"
    )
    info = Path("far-1.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[experiment_sheet.backends]\nfar = far:Far\n")
    world.run(
        "sys.path.insert(0, '.')\n"
        "with es.init('far://sheet') as run: run.log({'loss': 1})\n"
        "import far\n"
        "assert len(es.Sheet('far://sheet').read()) == 1\n"
        f"assert far.CALLS == {{{SENDER!r}}}, far.CALLS",
        PYTHONPATH=os.pathsep.join(["."]),
    ).fine()
