"""`experiment-sheet ls` in groups and in terminals, and what shells complete."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import click
import pytest
from rich.text import Text
from sample_runs import sample
from terminal import PROGRAM, environment, ok, refused, terminal, typed

import experiment_sheet as es

HERE = ("-s", "runs.csv")


def test_groups() -> None:
    """One row per value: how many, mean and deviation; the best first."""
    sample()
    lines = [line.split() for line in ok("ls", "--group", "model", "--sort", "val_acc", *HERE).splitlines()]
    assert lines[0] == ["model", "runs", "loss", "val_acc"]
    assert [line[:2] for line in lines[1:]] == [["cnn", "2"], ["mlp", "2"], ["svm", "1"]]
    assert lines[1][5:] == ["0.7", "±", "0.28"]


def test_groups_as_json() -> None:
    """Strict, with null where there is no number."""
    sample()
    told = ok("ls", "--group", "model,lr", "--where", "lr < 0.2", "--columns", "val_acc", "--json", *HERE)
    found = json.loads(told, parse_constant=pytest.fail)
    assert [(one["model"], one["runs"], one["val_acc.std"]) for one in found] == [
        (model, 1, None) for model in ("cnn", "cnn", "mlp", "mlp")
    ]
    assert found[-1]["val_acc.mean"] == pytest.approx(0.3)


def test_groups_that_cant_be() -> None:
    """A column that isn't there; an order by what groups don't have."""
    sample()
    assert "did you mean 'model'" in refused("ls", "--group", "modl", *HERE)
    assert "sorted by a result" in refused("ls", "--group", "model", "--sort", "started", *HERE)


def test_a_query_with_a_typo() -> None:
    """The nearest column is suggested."""
    sample()
    assert "'val_acc'" in refused("ls", "--where", "val_ac > 0.5", *HERE)


def test_a_sheet_with_only_peoples_columns() -> None:
    """It is listed, grouped and sorted as any other; nobody in it can be called."""
    Path("mine.csv").write_text("model,score,remark\nsvm,1,a\nmlp,2,b\nmlp,3,\n")
    assert ok("ls", "-s", "mine.csv").split()[:3] == ["model", "score", "remark"]
    assert ok("ls", "--group", "model", "--columns", "score", "-s", "mine.csv").splitlines()[1].split() == [
        "mlp", "2", "2.5", "±", "0.71"]  # fmt: skip
    assert "no run_id" in refused("show", "svm", "-s", "mine.csv", code=1)
    assert "@best:METRIC" in refused("show", "@best", "-s", "mine.csv")


@pytest.mark.parametrize("words", [["ls"], ["ls", "--group", "model"], ["compare", "calm-fox-1", "wise-elk-3"]])
def test_forty_columns(words: list[str]) -> None:
    """No line wraps, and names are whole."""
    sample()
    with terminal(*words, "-s", str(Path("runs.csv").absolute()), columns=40) as shown:
        text = shown.rest()
    assert all(len(Text.from_ansi(line)) <= 40 for line in text.splitlines()), text
    assert ("mlp" if "--group" in words else "calm-fox-1") in text


@pytest.mark.parametrize("said", [{}, {"NO_COLOR": "1"}])
def test_colours(said: dict[str, str]) -> None:
    """A terminal has them, unless somebody says NO_COLOR."""
    sample()
    with terminal("ls", "-s", str(Path("runs.csv").absolute()), **said) as shown:
        text = shown.rest()
    assert ("38;5" in text) is not bool(said)


def test_no_colours_in_a_pipe() -> None:
    """Whatever the terminal around it is."""
    sample()
    done = subprocess.run([*PROGRAM, "ls", *HERE], capture_output=True, text=True, check=True, env=environment())
    assert "\x1b" not in done.stdout


WORK = """
import time
from experiment_sheet.cli.progress import busy
with busy("Reading"):
    time.sleep({seconds})
print("done")
"""


@pytest.mark.parametrize(("seconds", "term", "shown"), [(3, "xterm", True), (0, "xterm", False), (3, "dumb", False)])
def test_a_sign_of_life(seconds: int, term: str, *, shown: bool) -> None:
    """On what takes longer than a second, where it can be taken away again."""
    program = [PROGRAM[0], "-c", WORK.format(seconds=seconds)]
    with terminal(program=program, TERM=term) as it:
        assert ("Reading" in it.rest()) is shown


def completed(*words: str) -> list[str]:
    """What a shell is offered behind these words, the last of which is being typed."""
    line = " ".join(["experiment-sheet", *words])
    more = {"COMP_WORDS": line, "COMP_CWORD": str(len(words)), "_EXPERIMENT_SHEET_COMPLETE": "bash_complete"}
    code = "import sys; sys.argv[0] = 'experiment-sheet'; from experiment_sheet.cli import main; main()"
    program = [PROGRAM[0], "-c", code]
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=environment(**more))
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_what_a_shell_completes() -> None:
    """Commands, run_ids, names, columns; nothing where there is no sheet."""
    ids = sample()
    assert completed("hist") == ["history"]
    assert completed("show", "-s", "runs.csv", "old") == ["old-owl-2"]
    assert completed("show", "-s", "runs.csv", ids[0][:6]) == [ids[0]]
    assert completed("ls", "-s", "runs.csv", "--columns", "run,val") == ["run,val_acc", "run,val_acc.curve"]
    assert completed("show", "-s", "nothing.csv", "old") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell(shell: str) -> None:
    """The script names our program."""
    assert "_EXPERIMENT_SHEET_COMPLETE" in ok("completion", shell)


def test_every_command_says_what_it_takes() -> None:
    """Each has a help with an example, and options that are explained."""
    from experiment_sheet.cli import main

    for name, command in main.commands.items():
        said = typed(name, "--help").stdout
        assert f"experiment-sheet {name}" in said, name
        assert all(option.help for option in command.params if isinstance(option, click.Option)), name


def test_ls_of_a_hundred_thousand_runs_shows_the_last_ones() -> None:
    """As quickly as they can be read."""
    rows = "".join(f"r{number},{number / 7},ok\n" for number in range(100_000))
    Path("big.csv").write_text(f"run_id,score,remark\n{rows}")
    assert len(ok("ls", "-s", "big.csv", "-n", "3", "--json").splitlines()) > 3
    assert es.Sheet("big.csv").read().shape == (100_000, 2)
