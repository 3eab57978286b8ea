"""What changed between the inputs of two runs, in words: ``lr 0.01 → 0.001, +dropout 0.1, -warmup``. Pure.

A seed or a fold makes no other experiment, nor does the place where results are written to: such inputs are passed
over. A file that is read counts by its name, so that the same data in another folder is the same data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from experiment_sheet.values import Cell, Link, same, to_text


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SEEDS: Final = _words(
    "seed seeds random_state rng rep repetition replicate replica fold fold_id fold_idx fold_index fold_nr fold_number "
    "cv_fold"
)
"""Last words of inputs that tell repetitions of one experiment apart."""

PLACES: Final = _words(
    "out_dir output_dir save_dir log_dir logdir logging_dir run_dir work_dir workdir checkpoint_dir ckpt_dir "
    "results_dir result_dir cache_dir tmp_dir temp_dir project_dir output_path save_path log_path "
    "checkpoint_path out_path results_path log_file output_file save_to run_name exp_name experiment_name"
)
"""Last words of inputs that say where results go and what they are called there."""

NOTHING: Final = "nothing"
"""What stands in the sheet where no input differs."""

_DIGITS: Final = 15  # that a float keeps of a decimal number
_LONG: Final = 40  # characters of one value in words
_KEPT: Final = 120  # characters of a text that are compared as they are; a longer one by a check sum
_MOST: Final = 12  # changes that are told one by one
_NUMBERS: Final = frozenset((int, float, bool))
_PATH: Final = re.compile(r"(?:~?/|[A-Za-z]:[\\/]|\.{1,2}/).*[^/\\]")


class Step(NamedTuple):
    """One input that differs; None where a run has it not."""

    key: str
    before: Cell
    after: Cell

    def __str__(self) -> str:
        key = _cut(" ".join(self.key.split()))
        if self.before is None:
            return f"+{key} {_shown(self.after)}"
        if self.after is None:
            return f"-{key}"
        before, after = _shown(self.before), _shown(self.after)
        if before == after:
            before, after = _cut(to_text(self.before)), _cut(to_text(self.after))
        return f"{key} {before} → {after}"


@lru_cache(maxsize=4096)
def is_setting(key: str) -> bool:
    """Tell whether an input makes the experiment what it is."""
    return not (is_repetition(key) or is_place(key))


def is_repetition(key: str) -> bool:
    """Tell whether an input is a seed or the number of a fold."""
    last = _last_word(key)
    return last in SEEDS or last.endswith("_seed")


def is_place(key: str) -> bool:
    """Tell whether an input says where results go."""
    return _last_word(key) in PLACES


def _last_word(key: str) -> str:
    return re.split(r"[./]", key.strip().lower().replace("-", "_"))[-1].lstrip("_")


def settings(inputs: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the inputs that make the experiment what it is, short enough to be remembered."""
    return {key: found for key, cell in inputs.items() if is_setting(key) and (found := _essence(cell)) is not None}


def _essence(cell: Cell) -> Cell:
    """Bring a cell down to what is compared; None for nothing."""
    if type(cell) in _NUMBERS:
        return cell if cell == cell else None  # NaN alone differs from itself
    if isinstance(cell, Link):
        cell = cell.text
    if cell == "":
        return None
    if isinstance(cell, str):
        if len(cell) <= 2 * _KEPT and _PATH.fullmatch(cell) and "://" not in cell:
            cell = re.split(r"[/\\]", cell)[-1]
        if len(cell) > _KEPT:
            import zlib

            return f"{cell[:_LONG]}… ({len(cell):,} characters, {zlib.crc32(cell.encode()):08x})"
    return cell


def steps(before: Mapping[str, Cell], after: Mapping[str, Cell]) -> list[Step]:
    """List what differs between the settings of two runs: changed inputs, then new ones, then those that are gone."""
    both = [Step(key, before[key], cell) for key, cell in after.items() if key in before and before[key] != cell]
    changed = [step for step in both if not same(step.before, step.after)]
    added = [Step(key, None, cell) for key, cell in after.items() if key not in before]
    return [*changed, *added, *(Step(key, cell, None) for key, cell in before.items() if key not in after)]


def in_words(found: Iterable[Step]) -> str:
    """Tell what changed."""
    words = [str(step) for step in found]
    more = f", and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(words[:_MOST]) + more or NOTHING


def difference(one: float, other: float) -> float:
    """Subtract as people do, without the noise of binary fractions: 0.94 − 0.93 is 0.01."""
    largest = max(abs(one), abs(other))
    return round(one - other, _DIGITS - 1 - math.floor(math.log10(largest))) if largest else 0.0


def _shown(cell: Cell) -> str:
    if isinstance(cell, float) and cell == cell and abs(cell) < 1e15 and cell == int(cell):
        return f"{cell:.0f}"
    text = f"{cell:.6g}" if isinstance(cell, float) else " ".join(to_text(cell).split())
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
