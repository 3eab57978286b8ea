"""The stage: a process that has imported everything and forks an actor for each scene, so that imports are paid once.

Run as a script with a socket's descriptor. An order is one line of JSON; the answer is one too:

- ``{"before": scene, "sheet": path, "notes": path}``: what went before; answers when it is over.
- ``{"act": scene, ...}``: fork the actor; answers its pid. It waits until somebody traces it, calls `getpriority` (the
  marker from which system calls are counted), acts, and goes through what Python does at exit.
- ``{"act": scene, "limit": "FSIZE" or "NOFILE", "value": n, ...}``: fork an actor that acts, untraced, where no file
  may have more than so many bytes, or so many may be opened besides those that are; the limit ends with its act.
- ``{"wait": pid}``: answers its wait status.
- ``{"after": sheet, "notes": path}``: a new process logs a row and syncs twice.

Actors note what was acknowledged, and what the library said, with `os.writev`, which is not among the calls that are
disturbed, and out of reach of limits.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import importlib
import json
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from crash.scenes import SCENES, Act

import experiment_sheet as es
from experiment_sheet.provenance import provenance

_PR_SET_PTRACER = 0x59616D61  # prctl(2): any process of this user may trace us, where Yama restricts it


class Notes:
    """What an actor has to tell, one line of JSON each, out of reach of whatever disturbs it."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, **what: object) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        os.writev(self._fd, [json.dumps(what | {"pid": os.getpid()}).encode() + b"\n"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Said(logging.Handler):
    """Notes what the library says."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self._notes(said=record.getMessage(), level=record.levelno, trace=str(record.exc_info or ""))


def forked(work: Callable[[Notes], None], notes: str, errors: str) -> int:
    """Fork an actor that does some work and goes through Python's exit; answer its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        faulthandler.dump_traceback_later(60, exit=True)
        note = Notes(notes)
        logger = logging.getLogger("experiment_sheet")
        logger.setLevel(logging.INFO)
        logger.addHandler(Said(note))
        work(note)
        atexit._run_exitfuncs()
        code = 0
    except BaseException as error:
        logging.getLogger("stage").critical("the actor raised", exc_info=error)
    finally:
        os._exit(code)


def _traced(act: Callable[[Notes], None], notes: str, errors: str) -> int:
    """Fork an actor that waits to be traced; answer its pid once it waits."""
    reading, writing = os.pipe()
    pid = forked(lambda note: _when_traced(lambda: act(note), writing), notes, errors)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return pid


def _when_traced(act: Callable[[], None], ready: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    status = os.open("/proc/self/status", os.O_RDONLY)
    os.close(ready)
    while b"TracerPid:\t0\n" in os.pread(status, 4096, 0):
        time.sleep(0.001)
    time.sleep(0.005)  # until the tracer has set itself up
    os.getpriority(os.PRIO_PROCESS, 0)
    act()


@contextlib.contextmanager
def _limited(limit: str, value: int) -> Iterator[None]:
    """Limit the size of files, or how many more may be opened. Python ignores SIGXFSZ, so writes fail or come short."""
    kind = getattr(resource, f"RLIMIT_{limit}")
    before = resource.getrlimit(kind)
    if limit == "NOFILE":  # it is the least number that is too high
        free = [os.dup(2) for _ in range(value + 1)]
        for number in free:
            os.close(number)
        value = free[-1]
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def _act_limited(act: Act, sheet: Path, limit: str, value: int, note: Notes) -> None:
    with _limited(limit, value):
        act(sheet, note)


def _after(sheet: Path, note: Notes) -> None:
    run = es.log_run(sheet, {"lr": 1.5, "acc": 100})
    note(run=run, acc=100)
    left = [es.Sheet(sheet).sync() for _ in range(2)]
    note(left=left)


def _order(order: dict[str, str]) -> int:
    paths = (order.get("notes", ""), order.get("errors", os.devnull))
    sheet = Path(order.get("sheet", ""))
    if "before" in order:
        for act in SCENES[order["before"]].before:
            _, status = os.waitpid(forked(lambda note, act=act: act(sheet, note), *paths), 0)
            assert status in (0, signal.SIGKILL), (act, status)
        return 0
    if "act" in order:
        act = SCENES[order["act"]].act
        if "limit" in order:
            return forked(partial(_act_limited, act, sheet, order["limit"], int(order["value"])), *paths)
        return _traced(lambda note: act(sheet, note), *paths)
    if "after" in order:
        return os.waitpid(forked(lambda note: _after(sheet, note), *paths), 0)[1]
    return os.waitpid(int(order["wait"]), 0)[1]


def _import_all(folder: Path) -> None:
    """Import, here and once, whatever actors import in the course of their acts."""
    notes = folder / "modules"
    for suffix in (".csv", ".xlsx"):
        for scene in (SCENES["session"], SCENES["crashed"], SCENES["update"]):
            sheet = Path(tempfile.mkdtemp(dir=folder)) / f"runs{suffix}"
            for act in (*scene.before, scene.act):
                os.waitpid(forked(partial(_rehearse, act, sheet), str(notes), os.devnull), 0)
    for line in notes.read_text().splitlines():
        for module in json.loads(line).get("modules", ()):
            with contextlib.suppress(ImportError):
                importlib.import_module(module)


def _rehearse(act: Act, sheet: Path, note: Notes) -> None:
    act(sheet, note)
    note(modules=sorted(name for name in sys.modules if not name.startswith("__")))


def main() -> None:
    """Take orders until the other end is closed."""
    os.environ["EXPERIMENT_SHEET_DIR"] = sys.argv[2]
    provenance()
    _import_all(Path(sys.argv[2]))
    orders = socket.socket(fileno=int(sys.argv[1])).makefile("rw")
    for line in orders:
        orders.write(json.dumps(_order(json.loads(line))) + "\n")
        orders.flush()


if __name__ == "__main__":
    main()
