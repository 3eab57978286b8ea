"""The bin: where the folders of deleted runs lie until somebody wants them back, or empties it by hand.

``<files>/_bin/<run_id>/`` is the run folder, moved in one step; ``<files>/_bin/<run_id>.json`` says what the row's
status was. No run folder is named ``_bin``, because a run_id begins with a letter.

Order, and what holds after a crash: the note is written first, then the row is marked, then the folder is moved. So a
run may be marked while its folder still stands where it was; deleting it once more finishes the work, and so does
restoring it. The first note stands: it alone knows the status from before the deletion.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from experiment_sheet.columns import RunId
from experiment_sheet.folder import RunFolder, safe_name

NAME: Final = "_bin"


@dataclass(frozen=True, slots=True)
class Wastebin:
    """The bin of one files folder. Every method but `status` and `holds` raises OSError."""

    files: Path

    def note(self, run_id: RunId, status: str | None) -> None:
        """Write down what a run's status was, unless that was done before."""
        if not self.holds(run_id):
            facts = {"run_id": run_id, "status": status, "deleted": dt.datetime.now(dt.UTC).isoformat("T", "seconds")}
            RunFolder(self.files / NAME).write(f"{safe_name(run_id)}.json", json.dumps(facts, indent=1))

    def holds(self, run_id: RunId) -> bool:
        """Whether the bin knows a run."""
        return os.path.isfile(self.files / NAME / f"{safe_name(run_id)}.json")  # noqa: PTH113 - never raises

    def status(self, run_id: RunId) -> str | None:
        """What a run's status was when it was deleted; None if it had none, or nobody knows."""
        found = RunFolder(self.files / NAME).read_json(f"{safe_name(run_id)}.json").get("status")
        return found if isinstance(found, str) else None

    def put(self, run_id: RunId) -> None:
        """Move the folder of a run into the bin, if it has one."""
        _move(self.files / safe_name(run_id), self.files / NAME / safe_name(run_id))

    def take(self, run_id: RunId) -> None:
        """Move the folder of a run back to its place, if it is in the bin."""
        _move(self.files / NAME / safe_name(run_id), self.files / safe_name(run_id))

    def forget(self, run_id: RunId) -> None:
        """Remove the note of a run that is back."""
        (self.files / NAME / f"{safe_name(run_id)}.json").unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    if target.exists():
        raise FileExistsError(f"both {source} and {target} are there; move one of them away")
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
