"""Gives hostile workbooks to the .xlsx backend for as long as one likes, and says what it did wrong.

    python benchmarks/fuzz.py --minutes 30
    python benchmarks/fuzz.py --seed 1234 --count 1 --keep mutants      # one mutant again, kept as a file

Each mutant must end in one of our errors or in success, within `SECONDS` and `MEGABYTES` over the start, with the file
untouched after an error and without a new fault after success (`tests/mutants.py` makes and judges them). Mutants
run in a child process with its address space bounded, so that a hang, a crash or a lack of memory is one failure.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import made_workbooks
import mutants
import whole_workbook

from experiment_sheet.backends.base import Target
from experiment_sheet.backends.xlsx import XlsxBackend

SECONDS = 10
BOMB_SECONDS = 60
MEGABYTES = 256
BATCH = 100
LARGEST = 80_000  # bytes of a book that is worth mutating; a larger one only takes longer
KINDS = {mutation.__name__: mutation for mutation in (*mutants.MUTATIONS, mutants.bomb)}


class Bad(NamedTuple):
    """One mutant that ended badly; `where` is the same for what is probably the same bug."""

    seed: int
    kind: str
    where: str
    told: str


class _TooLong(BaseException):
    """A mutant took longer than it may."""


def books(folder: Path | None) -> list[bytes]:
    """Whole workbooks to begin with: made by XlsxWriter, by hand, by the backend, and those of a folder."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        found = [made_workbooks.make(maker, scratch) for maker in ("plain", "rules", "totals", "constant")]
        found.append(whole_workbook.write(scratch / "whole.xlsx", whole_workbook.PARTS))
        own = scratch / "own.xlsx"
        for number in range(3):
            run = f"own-{number}-a1b2c3d4e5f6g7"
            XlsxBackend(Target("file", str(own))).write({run: mutants.ROW}, new=[run])
        found.append(own)
        found += sorted(folder.glob("*.xlsx")) if folder is not None else []
        return [path.read_bytes() for path in found if path.stat().st_size <= LARGEST]


def made(seed: int, whole: list[bytes], kind: str | None) -> tuple[str, bytes]:
    """One mutant and its kind; the same for the same seed, books and kind."""
    draw = random.Random(seed)
    raw = draw.choice(whole)
    mutation = KINDS[kind] if kind else draw.choice(mutants.MUTATIONS)
    return mutation.__name__, mutation(raw, draw)


def trial(seed: int, whole: list[bytes], kind: str | None, folder: Path) -> Bad | None:
    """Make one mutant and try it."""
    name, mutant = made(seed, whole, kind)
    is_bomb = name == mutants.bomb.__name__
    signal.setitimer(signal.ITIMER_REAL, BOMB_SECONDS if is_bomb else SECONDS)
    try:
        said = mutants.trial(folder / "mutant.xlsx", mutant, judge=not is_bomb)
        return Bad(seed, name, said[:60], said) if said else None
    except (Exception, _TooLong) as error:  # noqa: BLE001 - whatever it is, it is what we look for
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        return Bad(seed, name, where, traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for left in folder.iterdir():
            left.unlink() if left.is_file() else shutil.rmtree(left)


def batch(seeds: range, whole: list[bytes], kind: str | None, out: Connection) -> None:
    """Try some mutants in this process, which dies with them if it must."""
    logging.disable()  # what the backend says about odd cells is not asked here
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as name:
        trial(0, whole, "cut_short", Path(name))  # imports happen before memory is counted
        _bound_memory()
        for seed in seeds:
            out.send(seed)
            out.send(trial(seed, whole, kind, Path(name)))
    out.send(None)


def _too_long(_: int, __: FrameType | None) -> NoReturn:
    raise _TooLong


def _bound_memory() -> None:
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    resource.setrlimit(resource.RLIMIT_AS, (now + (MEGABYTES << 20),) * 2)


def run(seeds: range, whole: list[bytes], kind: str | None) -> Iterator[Bad]:
    """Try some mutants in a child process."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=batch, args=(seeds, whole, kind, theirs))
    child.start()
    theirs.close()
    seed = seeds.start
    try:
        while (got := _received(ours)) is not None:
            seed = int(got)
            if (bad := _received(ours)) is not None:
                yield bad
    except EOFError:
        child.join()
        yield Bad(seed, kind or "any", f"the process died, exit code {child.exitcode}", "")
    except TimeoutError:
        yield Bad(seed, kind or "any", "the process hung, deaf to signals", "")
    finally:
        child.kill()
        child.join()


def _received(from_child: Connection) -> Any:
    if not from_child.poll(BOMB_SECONDS * 2):
        raise TimeoutError
    return from_child.recv()


def main() -> int:
    """Fuzz, print what was found, and end with 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--count", type=int, default=1000, help="stop after so many mutants, if --minutes is not given")
    parser.add_argument("--seed", type=int, default=1, help="the first mutant's seed; each further one has the next")
    parser.add_argument("--kind", choices=sorted(KINDS), help="only this mutation")
    parser.add_argument("--books", type=Path, help="a folder with more whole workbooks")
    parser.add_argument("--keep", type=Path, help="a folder for the mutants that ended badly")
    options = parser.parse_args()
    whole, found, begin = books(options.books), Counter[str](), time.monotonic()
    seed, last = options.seed, options.seed + options.count
    while time.monotonic() - begin < options.minutes * 60 if options.minutes else seed < last:
        seeds = range(seed, seed + BATCH if options.minutes else min(seed + BATCH, last))
        for bad in run(seeds, whole, options.kind):
            found[bad.where] += 1
            if found[bad.where] == 1:
                print(f"--- seed {bad.seed}, {bad.kind}: {bad.where}\n{bad.told}", flush=True)
                _keep(options.keep, bad, whole, options.kind)
        seed = seeds.stop
    minutes = (time.monotonic() - begin) / 60
    for where, count in found.most_common():
        print(f"{count:6} {where}")
    print(f"{seed - options.seed} mutants in {minutes:.1f} minutes, {found.total()} ended badly in {len(found)} ways")
    return 1 if found else 0


def _keep(folder: Path | None, bad: Bad, whole: list[bytes], kind: str | None) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{bad.seed}-{bad.kind}.xlsx").write_bytes(made(bad.seed, whole, kind)[1])


if __name__ == "__main__":
    sys.exit(main())
