"""``experiment-sheet run -- COMMAND…``: log any command, without a change to it."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import click

import experiment_sheet as es
from experiment_sheet import notices
from experiment_sheet.cli.log import Pairs, pair_option
from experiment_sheet.cli.options import sheet_option
from experiment_sheet.cli.run_inputs import inputs_of, script_of
from experiment_sheet.cli.run_outputs import Lines, Outputs, compiled
from experiment_sheet.cli.run_process import Passing
from experiment_sheet.columns import Role
from experiment_sheet.program import repeated_by
from experiment_sheet.values import cut

LOG: Final = "output.log"

_KILLED: Final = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM")
_LONGEST: Final = 300  # characters of the last line, where it says what went wrong


@click.command(name="run", context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND...")
@click.option("--pattern", "patterns", multiple=True, metavar="REGEX", help="What to look for: (?P<acc>…) is acc.")
@click.option("--no-guess", is_flag=True, help="Look for --pattern alone, not for name=value and the like.")
@pair_option("-i", "--input", "inputs", help="An input that the command's options don't say.")
@click.option("--name", help="The run's name; one is drawn if you give none.")
@click.option("--hypothesis", help="What the run is to show.")
@click.option("--notes", help="Whatever you want to remember.")
@click.option("--tag", "tags", multiple=True, help="A word to filter by.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing at the end.")
@sheet_option
def run_(sheet: str, command: tuple[str, ...], inputs: Pairs, patterns: tuple[str, ...], **said: Any) -> None:
    r"""Run any command and log it as one run.

    Its options become inputs (--lr 0.1, --lr=0.1, lr=0.1). What it prints passes through unchanged; in it name=value,
    name: value, JSON lines and --pattern become outputs, and with `epoch 3` or `step 100` a curve. The whole output is
    kept in the run folder, as output.log. Signals reach the command.

    Exit code: the command's; 127 if there is no such command. Status: finished, failed, or killed by a signal.

    \b
    Example:
      experiment-sheet run -- python train.py --lr 0.1
      experiment-sheet run --pattern 'acc is (?P<acc>\S+)' --hypothesis "more is better" -- ./train.sh 64
    """
    outputs = Outputs([compiled(pattern) for pattern in patterns], guess=not said.pop("no_guess"))
    if shutil.which(command[0]) is None:
        click.echo(f"Error: there is no command {command[0]!r}; no run was logged", err=True)
        sys.exit(127)
    quiet = said.pop("quiet")
    outputs.inputs = inputs_of(command) | dict(inputs)
    # `reproduce` runs what would log such a run again, not the bare command: else it had nothing to compare.
    with repeated_by(["python", "-m", "experiment_sheet", *sys.argv[1:]], _script(command)):
        run = es.init(sheet, config=outputs.inputs, **said)
    sys.exit(Logged(run, outputs, command, es.Sheet(sheet).roles()).go(quiet=quiet))


def _script(command: Sequence[str]) -> Path | None:
    word = script_of(command)
    return Path(word) if word and Path(word).is_file() else None


@dataclass(slots=True)
class Logged:
    """A command that is being logged."""

    run: es.Run
    outputs: Outputs
    command: Sequence[str]
    roles: Mapping[str, Role]
    _last: str = ""
    _count: int = 0  # lines
    _log: IO[bytes] | None = None

    def go(self, *, quiet: bool) -> int:
        """Run the command, and end the run as it ended; answer its exit code."""
        lines = {1: Lines(), 2: Lines()}

        def take(stream: int, chunk: bytes) -> None:
            self._keep(chunk)
            self._read(lines[stream].feed(chunk))

        with ExitStack() as stack:
            self._open(stack)
            try:
                code = Passing(self.command, take).run()
            except OSError as error:
                click.echo(f"Error: {self.command[0]} can't be run: {error.strerror}", err=True)
                self.run.end("failed", str(error))
                return 126
            for stream in lines.values():
                self._read(stream.end())
        self._end(code)
        if not quiet:
            self._say(code)
        return code

    def _open(self, stack: ExitStack) -> None:
        try:
            path = Path(self.run.dir) / LOG
            self._log = stack.enter_context(path.open("ab", buffering=0))
        except OSError as error:
            notices.logger.warning("the output is not kept: %s", error)

    def _keep(self, chunk: bytes) -> None:
        if self._log is None:
            return
        try:
            self._log.write(chunk)
        except OSError as error:  # a full disk is no reason to stop
            notices.logger.warning("the rest of the output is not kept: %s", error)
            self._log = None

    def _read(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._count += 1
            self._last = line if line.strip() else self._last
            try:
                self._take(line)
            except Exception as error:  # noqa: BLE001 - whatever a command prints is no reason to end it
                notices.say("output", self.run.id, f"a line of the output can't be logged ({error}): {line[:100]}")

    def _take(self, line: str) -> None:
        for step, values in self.outputs.read(line):
            known = self.outputs.inputs
            told = {k: v for k, v in values.items() if self.roles.get(k) == "input" and k not in known}
            if told:  # a default, printed: what is an input of other runs is one here
                self.outputs.inputs = {**known, **told}
                self.run.config.update(told)
            if rest := {key: value for key, value in values.items() if key not in told}:
                self.run.log(rest, step=step)

    def _end(self, code: int) -> None:
        name = _signal(code)
        if code == 0:
            self.run.end("finished")
        elif name in _KILLED:
            self.run.end("killed", name)
        else:
            self.run.end("failed", cut(f"{name or f'exit code {code}'}: {self._last.strip()}", _LONGEST))

    def _say(self, code: int) -> None:
        run, found = self.run, self.outputs
        for pattern in (one.pattern for one in found.patterns):
            if not found.matched[pattern]:
                click.echo(f"--pattern {pattern!r} matched nothing in {self._count} lines", err=True)
        if not found.count:
            hint = r"--pattern 'acc is (?P<acc>\S+)' says what to look for"
            click.echo(f"no outputs were recognised in {self._count} lines; {hint}", err=True)
        ended = "finished" if code == 0 else f"ended with exit code {code}"
        click.echo(f"{run.name} ({run.id}) {ended}; {Path(run.dir) / LOG}", err=True)


def _signal(code: int) -> str | None:
    """Return the name of the signal that an exit code tells of, as shells have it."""
    with suppress(ValueError):
        return signal.Signals(code - 128).name if code > 128 else None
    return None
