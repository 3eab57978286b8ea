"""``experiment-sheet log key=value …``: a row from a shell script."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

import experiment_sheet as es
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.runs import RUN_HELP, RunName, find_run
from experiment_sheet.columns import RunId
from experiment_sheet.errors import UsageError

Value = bool | int | float | str
Pairs = tuple[tuple[str, Value], ...]

_INT: Final = re.compile(r"[-+]?(0|[1-9]\d*)", re.ASCII)  # 007 is a name
_FLOAT: Final = re.compile(r"[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_WORDS: Final[dict[str, Value]] = {"true": True, "false": False, "nan": math.nan, "inf": math.inf, "-inf": -math.inf}


_A_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_ANY_PATH: Final = click.Path(exists=True, path_type=Path)


class _Pair(click.ParamType):  # type: ignore[type-arg]
    """``key=value``."""

    name = "key=value"

    def convert(
        self, value: str | tuple[str, Value], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Value]:
        """Split at the first ``=``."""
        if isinstance(value, tuple):
            return value
        try:
            return pair_of(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def pair_option(*names: str, help: str) -> Callable[[Any], Any]:  # noqa: A002 - click's word
    """Return an option that takes KEY=VALUE, and may be given again."""
    return click.option(*names, multiple=True, type=_Pair(), metavar="KEY=VALUE", help=help)


def pair_of(word: str) -> tuple[str, Value]:
    """Split ``key=value`` at the first ``=``. Raises UsageError."""
    key, equals, text = word.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{word!r} is not KEY=VALUE")
    return key.strip(), read_value(text)


def read_value(text: str) -> Value:
    """Read what a shell passed: a number, true or false, nan or inf; all else is text."""
    plain = text.strip()
    if plain.lower() in _WORDS:
        return _WORDS[plain.lower()]
    if _INT.fullmatch(plain):
        return int(plain)
    return float(plain) if _FLOAT.fullmatch(plain) else text


@click.command()
@click.argument("pairs", nargs=-1, type=_Pair(), metavar="[KEY=VALUE]...")
@pair_option("-i", "--input", "inputs", help="An input, whatever its name looks like.")
@pair_option("-o", "--output", "outputs", help="An output, whatever its name looks like.")
@click.option("--plot", "plots", multiple=True, type=_A_FILE, help="A picture to keep as a plot.")
@click.option("--file", "files", multiple=True, type=_ANY_PATH, help="A file or folder to keep a copy of.")
@click.option("--name", help="The run's name; one is drawn if you give none.")
@click.option("--hypothesis", help="What the run is to show.")
@click.option("--notes", help="Whatever you want to remember.")
@click.option("--tag", "tags", multiple=True, help="A word to filter by.")
@click.option("--status", help="finished, if you give none.")
@click.option(
    "--run", "run", type=RunName(), metavar="RUN", help=f"Add to this run instead of making a new one: {RUN_HELP}."
)
@sheet_option
@json_option
def log(pairs: Pairs, sheet: str, as_json: bool, run: str | None, **said: Any) -> None:
    """Log one run, as one row. Prints its run_id.

    Of KEY=VALUE, loss, acc, accuracy, f1 and their like are outputs; the rest are inputs. Numbers, true and false
    are read as what they are; everything else is text.

    \b
    Example:
      experiment-sheet log lr=0.001 epochs=10 val_acc=0.931 --hypothesis "more epochs help"
      run=$(experiment-sheet log model=svm) && experiment-sheet log --run $run val_acc=0.94
    """
    _check_once(pairs, said)
    run_id, whole = _add(sheet, run, pairs, said) if run else (_make(sheet, pairs, said), True)
    if as_json:
        print_json({"sheet": es.Sheet(sheet).name, "run_id": run_id})
    else:
        click.echo(run_id)
    sys.exit(0 if whole else 1)


def _check_once(pairs: Pairs, said: Mapping[str, Any]) -> None:
    """Raise UsageError for a key that is given twice: nobody knows which value is meant."""
    for named in ([*pairs, *said["inputs"]], [*pairs, *said["outputs"]]):
        keys = [key for key, _ in named]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise UsageError(f"{twice[0]} is given twice; a run has one value of it")


def _make(sheet: str, pairs: Pairs, said: Mapping[str, Any]) -> RunId:
    return es.log_run(
        sheet,
        dict(pairs),
        inputs=dict(said["inputs"]),
        outputs=dict(said["outputs"]),
        plots={path.stem: path for path in said["plots"]},
        artifacts=said["files"],
        status=said["status"] or "finished",
        tags=said["tags"],
        **{key: said[key] for key in ("name", "hypothesis", "notes")},
    )


def _add(sheet: str, run: str, pairs: Pairs, said: Mapping[str, Any]) -> tuple[RunId, bool]:
    """Add to a run that is there; tell whether every cell took what was said."""
    if said["plots"] or said["files"]:
        raise UsageError("--plot and --file go with a new run; a run that has ended keeps its folder as it is")
    target = es.Sheet(sheet)
    run_id = find_run(target.read(), run)
    shared = {"run": said["name"], "tags": ", ".join(said["tags"])}
    shared |= {key: said[key] for key in ("hypothesis", "notes", "status")}
    values = dict((*pairs, *said["inputs"], *said["outputs"], *((k, v) for k, v in shared.items() if v)))
    return run_id, target.update(run_id, values)
