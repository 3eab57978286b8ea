"""What a logging process does while it is killed, or while its calls fail. Each scene has an act and what went before.

`before` runs in processes of their own, undisturbed; `act` runs in the process that is disturbed, and calls `ack` with
a run_id, or a step, as soon as the library's call for it has returned.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import experiment_sheet as es

Ack = Callable[..., None]
Act = Callable[[Path, Ack], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that a process does to a sheet."""

    act: Act
    before: tuple[Act, ...] = ()


def _log_twice(sheet: Path, ack: Ack) -> None:
    for number in range(2):
        ack(run=es.log_run(sheet, {"lr": 0.5, "acc": number}), acc=number)


def _log_once(sheet: Path, ack: Ack) -> None:
    ack(run=es.log_run(sheet, {"lr": 0.25, "acc": 7}), acc=7)


def _new_column(sheet: Path, ack: Ack) -> None:
    ack(run=es.log_run(sheet, {"lr": 0.25, "acc": 8, "depth": 3}), acc=8)


def _session(sheet: Path, ack: Ack) -> None:
    run = es.init(sheet, config={"lr": 0.5})
    ack(run=run.id)
    for step in range(2):
        run.log({"acc": step, "said": "a word"}, step=step)
        ack(run=run.id, step=step)
    run.log_artifact(__file__)
    run.finish()
    ack(run=run.id, acc=1)


def _wait(sheet: Path, ack: Ack) -> None:
    """Log while somebody has the sheet open, so that the row waits."""
    owner = sheet.with_name(f".~lock.{sheet.name}#")
    owner.write_text("A Person,person,elsewhere.example,01.01.2026 10:00,profile;")
    try:
        ack(run=es.log_run(sheet, {"lr": 0.125, "acc": 9}), acc=9)
    finally:
        owner.unlink()
        os._exit(0)  # at exit the row would get its last chance


def _die_running(sheet: Path, ack: Ack) -> None:
    run = es.init(sheet, config={"lr": 0.5})
    run.log({"acc": 3})
    ack(run=run.id)
    os.kill(os.getpid(), signal.SIGKILL)


def _sync(sheet: Path, ack: Ack) -> None:
    es.Sheet(sheet).sync()


def _update(sheet: Path, ack: Ack) -> None:
    frame = es.Sheet(sheet).read()
    es.Sheet(sheet).update(str(frame.index[0]), {"remark": "found later"})
    ack(run=str(frame.index[0]))


def _append(sheet: Path, ack: Ack) -> None:
    for run in es.Sheet(sheet).append([{"lr": 0.5, "acc": number} for number in range(3)]):
        ack(run=run)


SCENES = {
    "first": Scene(_log_twice),
    "append": Scene(_append, (_log_once,)),
    "session": Scene(_session),
    "column": Scene(_new_column, (_log_once,)),
    "update": Scene(_update, (_log_once, _log_once)),
    "checkpoint": Scene(_sync, (_log_once, _wait, _wait)),
    "archive": Scene(_sync, (_log_once, _log_once, _log_once)),
    "crashed": Scene(_sync, (_log_once, _die_running)),
}
