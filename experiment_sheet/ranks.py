"""Several processes, one run: which of them keeps it.

A process is secondary if torch.distributed is initialised with a rank above zero, or if RANK is above zero with
WORLD_SIZE and MASTER_ADDR set, as torchrun and its like do; or if `init(rank=…)` says so. SLURM's and MPI's ranks alone
prove nothing: ``srun -n 8 python sweep.py`` is eight runs.
"""

from __future__ import annotations

import os
import sys

from experiment_sheet.arguments import number_of
from experiment_sheet.errors import UsageError


def rank_of(said: object = None) -> int:
    """Return the rank of this process within one run; 0 keeps the run. Raises UsageError for what is no rank."""
    if said is not None:
        rank = number_of(said)
        if rank < 0 or rank != int(rank):
            raise UsageError(f"rank is a whole number from 0, not {said!r}")
        return int(rank)
    found = _of_torch()
    return _of_environment() if found is None else found


def _of_torch() -> int | None:
    """Ask torch only where the program has loaded it already."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    try:
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            return int(distributed.get_rank())
    except Exception:  # noqa: BLE001 - another package's state; the environment is asked then
        return None
    return None


def _of_environment() -> int:
    rank = os.environ.get("RANK", "")
    together = os.environ.get("WORLD_SIZE") and os.environ.get("MASTER_ADDR")
    return int(rank) if together and rank.isascii() and rank.isdigit() else 0
