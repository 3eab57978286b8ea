"""A table of results that another program or a person made: whose each column is, read from headers and cells. Pure.

What a column becomes is a guess, in this order, and is shown before anything is written:

1. what the caller said (`inputs`, `outputs`: headers, or patterns like ``train/*``);
2. the run's own facts by the headers of `KNOWN` (wandb's, MLflow's and the common ones), if every cell can be read as
   such a fact: ``Created`` as moments, ``Runtime`` as spans of time;
3. prefixes that say it: ``params.`` and ``config.`` are inputs, ``metrics.`` and ``summary.`` outputs;
4. the published table of metrics (`metrics.guess_role`), and `_RESULTS`; everything else is an input.

A table whose rows are steps of one run (an ``epoch`` or ``step`` that only grows, and no names) is one run with a
curve: `steps_in`. Two header rows (pandas' MultiIndex) become one, ``train.loss``.
"""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Final, Literal

from experiment_sheet import spelled
from experiment_sheet.backends.base import Table
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import UnknownColumn
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.metrics import guess_role
from experiment_sheet.values import Cell, clean, to_text

Why = Literal["said", "header", "prefix", "metric", "rest", "as it was", "empty", "row numbers"]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column becomes; `column` is None for one that is left out."""

    header: str
    column: Column | None
    why: Why
    cells: Sequence[Cell]


KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "run_id": ("run_id", "run id", "runid", "run_uuid", "run uuid"),
    "run": ("run", "name", "run_name", "run name", "experiment", "experiment_name", "tags.mlflow.runname"),
    "status": ("status", "state"),
    "started": ("started", "start_time", "start time", "created", "created at", "created_at", "utc", "timestamp",
                "date", "datetime"),
    "duration": ("duration", "runtime", "training_time_sec", "training_time", "train_time", "elapsed", "walltime",
                 "duration_s", "runtime_sec", "time_total_s"),
    "notes": ("notes", "note", "comment", "comments", "remark", "remarks"),
    "tags": ("tags",),
    "user": ("user", "author"),
    "host": ("host", "hostname"),
    "command": ("command",),
    "hypothesis": ("hypothesis",),
    "verdict": ("verdict",),
    "group": ("group",),
    "git": ("commit", "git_commit", "git_sha", "tags.mlflow.source.git.commit"),
    "error": ("error", "error_message", "exception"),
}  # fmt: skip
"""A run's own fact → headers that say it, in small letters; the first column that fits is it."""

STEPS: Final = ("global_step", "_step", "step", "iteration", "iter", "epoch")
"""Headers of what counts the steps of a run, the finest first."""

_TIMES: Final = ("wall time", "time", "_runtime", "seconds")
_STATUS: Final = {
    word: status
    for status, words in (
        ("finished", "finished success succeeded complete completed done ok"),
        ("failed", "failed failure error fail"),
        ("killed", "killed stopped canceled cancelled preempted"),
        ("crashed", "crashed"),
        ("running", "running"),
        ("todo", "todo scheduled pending queued"),
    )
    for word in words.split()
}
_PREFIXES: Final[tuple[tuple[str, Literal["input", "output"]], ...]] = (
    ("params.", "input"), ("param.", "input"), ("config.", "input"), ("config/", "input"), ("hparams/", "input"),
    ("hparam/", "input"), ("metrics.", "output"), ("metric.", "output"), ("summary.", "output"), ("results.", "output"),
)  # fmt: skip
_RESULTS: Final = frozenset(("result", "results", "objective", "value", "train_time", "test_time", "best_epoch"))


def guesses(table: Table, *, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> list[Guess]:
    """Guess what each column becomes. Raises UnknownColumn where `inputs` or `outputs` name none."""
    headers, rows = _one_header(table)
    columns = [[row[place] for row in rows] for place in range(len(headers))]
    commas = any(map(spelled.has_commas, columns))
    read = [spelled.column(cells, commas=commas) for cells in columns]
    said = _said(headers, inputs, outputs)
    taken: set[Column] = set()
    found = []
    for header, cells in zip(headers, read, strict=True):
        guess = _guess(header, cells, said, taken)
        taken |= {guess.column} if guess.column else set()
        found.append(guess)
    return found


def ids(given: Sequence[Guess], source: str) -> list[str]:
    """Name each row's run: as the table does; else by its source and what makes it itself, so that it is known again.

    That is the run's name where no two rows share one, else all that the row says; equal rows are told apart by their
    number. A name, once copied, may so get new results, and a table that has grown gets its new rows only.
    """
    own = _cells_of(given, "run_id")
    names = _cells_of(given, "run")
    kept = list(zip(*([to_text(cell) for cell in guess.cells] for guess in given if guess.column), strict=True))
    is_named = names and None not in names and len(set(map(str, names))) == len(names)
    seen: dict[str, int] = {}
    found = []
    for number in range(len(kept)):
        what = "\0".join([source, str(names[number])] if is_named else [source, *kept[number]])
        count = seen[what] = seen.get(what, 0) + 1
        found.append(_given_id(own[number] if own else None) or derived(f"{what}\0{count}"))
    return found if len(set(found)) == len(found) else [derived(f"{run}\0{n}") for n, run in enumerate(found)]


def steps_in(given: Sequence[Guess]) -> Guess | None:
    """The column that counts the steps of one run, if the rows are its steps; None if each row is a run."""
    own = {guess.column.key for guess in given if guess.column and guess.column.role == "run"}
    others = [g for g in given if g.column and _last_word(g.header) not in (*STEPS, *_TIMES) and not _is_constant(g)]
    changing = [guess.column.role for guess in others if guess.column]
    if own & {"run_id", "run", "status"} or _height(given) < 3 or changing.count("output") <= changing.count("input"):
        return None
    found = [g for name in STEPS for g in given if _last_word(g.header) == name and _only_grows(g.cells)]
    return found[0] if found else None


def steps_of(given: Sequence[Guess], counter: Guess) -> list[tuple[float, float, dict[str, Cell]]]:
    """Step, seconds since the first, and values of each row, of the columns that change."""
    clock = next((guess for guess in given if _last_word(guess.header) in _TIMES and _only_grows(guess.cells)), None)
    apart = (counter, clock)
    values = {
        g.column.key: g.cells
        for g in given
        if g.column and g.column.role != "run" and g not in apart and not _is_constant(g)
    }
    found = []
    for number, step in enumerate(counter.cells):
        seconds = _float(clock.cells[number]) - _float(clock.cells[0]) if clock else 0.0
        logged = {key: cells[number] for key, cells in values.items() if cells[number] is not None}
        found.append((_float(step), seconds, logged))
    return found


def whole_run(given: Sequence[Guess], counter: Guess) -> dict[Column, Cell]:
    """The cells of the one run whose steps the rows are: what never changes, and the last value of what does."""
    cells: dict[Column, Cell] = {}
    for guess in given:
        said = [cell for cell in guess.cells if cell is not None]
        if guess.column is None or not said or _last_word(guess.header) in _TIMES:
            continue
        if guess.column.role == "run":
            cells[guess.column] = said[0] if guess.column.key == "started" else said[-1]
        else:
            constant = _is_constant(guess) and guess is not counter
            cells[guess.column if constant else Column("output", guess.column.key)] = said[-1]
    return cells


def _guess(header: str, cells: list[Cell], said: dict[str, Literal["input", "output"]], taken: set[Column]) -> Guess:
    if all(cell is None for cell in cells):
        return Guess(header, None, "empty", cells)
    if _is_row_number(header, cells):
        return Guess(header, None, "row numbers", cells)
    key = mask_key(clean(header).strip()) or "unnamed"
    cells = [mask_cell(key, cell) for cell in cells]
    if header not in said and (own := _own_fact(header, cells, taken)):
        return own
    role, why = _role(header, key, said)
    column, count = Column(role, key), 1
    while column in taken:
        count += 1
        column = Column(role, f"{key} ({count})")
    return Guess(header, column, why, cells)


def _role(header: str, key: str, said: dict[str, Literal["input", "output"]]) -> tuple[Literal["input", "output"], Why]:
    if header in said:
        return said[header], "said"
    for prefix, role in _PREFIXES:
        if key.lower().startswith(prefix):
            return role, "prefix"
    words = key.split()  # of a header that a person would write: "Requested Version Test Score"
    ends = [key, *(" ".join(words[place:]) for place in range(1, len(words)))]
    if "output" in map(guess_role, ends) or _last_word(key) in _RESULTS:
        return "output", "metric"
    return "input", "rest"


def _own_fact(header: str, cells: list[Cell], taken: set[Column]) -> Guess | None:
    """A run's own fact, if the header says one that is not taken and every cell can be read as it."""
    name = header.strip().lower()
    for key, headers in KNOWN.items():
        column = Column("run", key)
        if name in headers and column not in taken and (read := _read(key, name, cells)) is not None:
            return Guess(header, column, "header", read)
    return None


def _read(key: str, name: str, cells: list[Cell]) -> list[Cell] | None:
    """The cells of a column as a fact of the run's; None if they can't be."""
    if key == "duration":
        return spelled.spans(cells, unit=next((seconds for end, seconds in _UNITS if name.endswith(end)), 1.0))
    return _READERS.get(key, _words)(cells)


_UNITS: Final = (("_ms", 0.001), ("_min", 60.0), ("_hours", 3600.0))


def _words(cells: list[Cell]) -> list[Cell] | None:
    return [None if cell is None else to_text(cell) for cell in cells]


def _states(cells: list[Cell]) -> list[Cell] | None:
    words = [None if cell is None else str(cell).strip().lower().rpartition(".")[2] for cell in cells]
    known = all(word is None or word in _STATUS for word in words)
    return [word and _STATUS[word] for word in words] if known else None


def _run_ids(cells: list[Cell]) -> list[Cell] | None:
    given = [_given_id(cell) for cell in cells]
    return list(given) if None not in given and len(set(given)) == len(given) else None


_READERS: Final[dict[str, Callable[[list[Cell]], list[Cell] | None]]] = {
    "run_id": _run_ids,
    "status": _states,
    "started": spelled.moments,
}


def _given_id(cell: Cell) -> str | None:
    """A run's id as a sheet keeps it: text that begins with a letter; an ``r`` is put before another one."""
    if not isinstance(cell, str) or not 6 <= len(cell) <= 127 or not cell.isprintable() or " " in cell:
        return None
    return cell if cell[0].isalpha() else f"r{cell}"


def derived(text: str) -> str:
    """A run_id that always follows from this text; it looks as drawn ones do (`ids.draw_run_id`)."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=13).digest()
    return "r" + "".join(_LETTERS[byte & 31] for byte in digest)


_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def _said(
    headers: Sequence[str], inputs: Sequence[str], outputs: Sequence[str]
) -> dict[str, Literal["input", "output"]]:
    said: dict[str, Literal["input", "output"]] = {}
    roles: tuple[tuple[Literal["input", "output"], Sequence[str]], ...] = (("input", inputs), ("output", outputs))
    for role, patterns in roles:
        for pattern in patterns:
            found = [h for h in headers if h.strip() == pattern] or [
                h for h in headers if fnmatchcase(h.strip(), pattern)
            ]
            if not found:
                near = difflib.get_close_matches(pattern, headers, n=1)
                hint = f"; did you mean {near[0].strip()!r}?" if near else f"; there are {', '.join(headers):.300}"
                raise UnknownColumn(f"there is no column {pattern!r}{hint}")
            said |= dict.fromkeys(found, role)
    return said


def _one_header(table: Table) -> tuple[list[str], list[Sequence[Cell]]]:
    """Headers and rows; where the first row goes on with the headers, as pandas writes nested ones, it is one of them.

    It does if it is all text below headers that repeat or are blank, and a column of text there holds numbers below.
    """
    headers, rows = list(table.headers), list(table.rows)
    keys = [header.rpartition(".")[0] if header.rpartition(".")[2].isdigit() else header for header in headers]
    while len(rows) > 1 and _goes_on(keys, rows):
        first, rows = rows[0], rows[1:]
        upper = ""
        for place, cell in enumerate(first):
            upper = keys[place].strip() if not _is_blank(keys[place]) else upper
            lower = to_text(cell).strip()
            headers[place] = ".".join(part for part in (upper, lower) if part)
        keys = list(headers)
        if rows and sum(cell is not None for cell in rows[0]) == 1 and rows[0][0] is not None:
            headers[0], rows = to_text(rows[0][0]), rows[1:]  # pandas writes the index's name in a row of its own
    return headers, rows


def _goes_on(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bool:
    first = rows[0]
    texts = [place for place, cell in enumerate(first) if isinstance(cell, str) and cell.strip()]
    others = [cell for place, cell in enumerate(first) if place not in texts and cell is not None]
    repeats = len(set(headers)) < len(headers) or sum(map(_is_blank, headers)) > 1
    numbers = any(_is_number(row[place]) for row in rows[1:4] for place in texts)
    return (
        repeats and numbers and not others and len(texts) >= max(2, len(first) // 2) and not any(map(_is_number, first))
    )


def _is_number(cell: Cell) -> bool:
    read = spelled.column([cell])[0]
    return isinstance(read, int | float) and not isinstance(read, bool)


def _is_blank(header: str) -> bool:
    return not header.strip() or header.startswith("Unnamed: ")


def _is_row_number(header: str, cells: Sequence[Cell]) -> bool:
    return _is_blank(header) and list(cells) in ([*range(len(cells))], [*range(1, len(cells) + 1)])


def _only_grows(cells: Sequence[Cell]) -> bool:
    """Whether these are numbers, the later the greater or equal, and not one and the same."""
    numbers = [_float(cell) for cell in cells]
    grows = all(one <= other for one, other in pairwise(numbers))
    return grows and all(map(math.isfinite, numbers)) and numbers[-1] > numbers[0] and len(set(numbers)) > 2


def _is_constant(guess: Guess) -> bool:
    return len({to_text(cell) for cell in guess.cells}) == 1


def _float(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else math.nan


def _last_word(header: str) -> str:
    return header.strip().lower().replace("\\", "/").rpartition("/")[2]


def _height(given: Sequence[Guess]) -> int:
    return len(given[0].cells) if given else 0


def _cells_of(given: Sequence[Guess], key: str) -> Sequence[Cell]:
    wanted = RUN_ID if key == "run_id" else Column("run", key)
    return next((guess.cells for guess in given if guess.column == wanted), ())
