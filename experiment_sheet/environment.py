"""What the environment says of a run: our own variables, and wandb's for who comes from there.

A keyword of `init` counts more than a variable, ``EXPERIMENT_SHEET_…`` more than ``WANDB_…``; an empty one is none.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLES: Final = {
    "project": ("EXPERIMENT_SHEET_PROJECT", "WANDB_PROJECT"),
    "name": ("EXPERIMENT_SHEET_NAME", "WANDB_NAME"),
    "notes": ("EXPERIMENT_SHEET_NOTES", "WANDB_NOTES"),
    "tags": ("EXPERIMENT_SHEET_TAGS", "WANDB_TAGS"),
    "group": ("EXPERIMENT_SHEET_GROUP", "WANDB_RUN_GROUP"),
    "job_type": ("EXPERIMENT_SHEET_JOB_TYPE", "WANDB_JOB_TYPE"),
    "id": ("EXPERIMENT_SHEET_RUN_ID", "WANDB_RUN_ID"),
    "resume": ("EXPERIMENT_SHEET_RESUME", "WANDB_RESUME"),
    "mode": ("EXPERIMENT_SHEET_MODE", "WANDB_MODE"),
    "dir": ("WANDB_DIR",),  # EXPERIMENT_SHEET_DIR is where journals go that have no other place
}
"""Keywords of `init`, and the variables that stand in for them."""

_JOBS: Final = ("SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID")
_TASKS: Final = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_YES: Final = ("1", "true", "yes", "on")


def said(keyword: str) -> str | None:
    """Return what the environment says for a keyword of `init`; None if it says nothing."""
    if keyword == "mode" and os.environ.get("WANDB_DISABLED", "").lower() in _YES:
        return "disabled"
    return next((value for name in VARIABLES[keyword] if (value := os.environ.get(name, "").strip())), None)


def job_group() -> str | None:
    """Return the id of the job that this process is one of several tasks of; such runs are a group.

    ``srun -n 8 python sweep.py`` is eight runs, not one of eight ranks.
    """
    several = "SLURM_ARRAY_JOB_ID" in os.environ or any(_number(name) > 1 for name in _TASKS)
    return next((os.environ[name] for name in _JOBS if os.environ.get(name)), None) if several else None


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0
