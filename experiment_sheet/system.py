"""The machine and the environment of a run: Python, packages, processors, memory, GPUs, settings; ``system.json``."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from experiment_sheet import masking
from experiment_sheet.code import without_credentials
from experiment_sheet.folder import RunFolder
from experiment_sheet.machine import host_name

ENVIRONMENT: Final = (
    *("CUDA_*", "CUBLAS_*", "CUDNN_*", "NVIDIA_*", "NCCL_*", "HIP_*", "ROCR_*", "TORCH_*", "PYTORCH_*"),
    *("TF_DETERMINISTIC_*", "TF_CUDNN_*", "TF_ENABLE_*", "TF_XLA_*", "TF_GPU_*", "TF_NUM_*", "TF_FORCE_*"),
    *("XLA_*", "JAX_*", "OMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "KMP_*", "BLIS_*", "PYTHONHASHSEED", "PYTHONPATH"),
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "SLURM_JOB_*", "SLURM_ARRAY_*", "SLURM_N*", "SLURM_CPUS_*", "SLURM_GPUS*"),
    *("CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ"),
)
"""Environment variables that are recorded: those that change what is computed. ``EXPERIMENT_SHEET_ENV`` adds more.
TensorFlow's are named, because Terraform, whose variables hold secrets, has the same first letters."""

_PATIENCE: Final = 10.0  # seconds for nvidia-smi, which may have to wake the driver
_GPU: Final = ("name", "memory.total", "driver_version", "uuid")


def record(folder: RunFolder) -> None:
    """Write ``system.json``. Raises OSError."""
    folder.write("system.json", json.dumps(describe(), indent=1))


def read(folder: RunFolder) -> dict[str, Any]:
    """Return what `record` wrote; empty where there is nothing to be read."""
    return folder.read_json("system.json")


def describe() -> dict[str, Any]:
    """Return everything that is known; what is not known is not in it. Memory is in bytes."""
    gpus, driver = graphics()
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "host": host_name(),
        "pid": os.getpid(),
        "processor": processor(),
        "cpus": _usable_cpus(),
        "memory": memory(),
        "gpus": gpus,
        "cuda": driver | _toolkit(),
        "environment": environment(os.environ),
        "packages": packages(tuple(sys.path)),
    }
    return {key: value for key, value in found.items() if value}


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the allow-list, credentials masked."""
    more = [pattern.strip() for pattern in variables.get("EXPERIMENT_SHEET_ENV", "").split(",") if pattern.strip()]
    allowed = [key for key in sorted(variables) if any(fnmatchcase(key, pattern) for pattern in (*ENVIRONMENT, *more))]
    return {key: str(masking.mask_cell(key, variables[key])) for key in allowed}


# Packages


@cache
def packages(path: tuple[str, ...]) -> dict[str, str]:
    """Return every installed distribution as pip would pin it, by its normalized name (PEP 503).

    Read from the names of ``.dist-info`` folders, which hold name and version ("Recording installed projects",
    packaging.python.org): parsing their metadata costs a hundred times as much. The first on the path counts, as in an
    import. The value is what follows the name in requirements.txt: ``==1.2``, or where pip had it from.
    """
    found: dict[str, str] = {}
    for entry in path:
        for name, pin in _in_folder(Path(entry or ".")):
            found.setdefault(name, pin)
    return dict(sorted(found.items()))


def _in_folder(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # a zip file, or a path entry that isn't there
        return
    for entry in entries:
        stem, dot, kind = entry.name.rpartition(".")
        if dot and kind == "dist-info":
            name, _, version = stem.partition("-")
            yield _normalized(name), _pin(Path(entry.path), version)
        elif dot and kind in ("egg-info", "egg"):
            yield from _egg(Path(entry.path))


def _pin(info: Path, version: str) -> str:
    """Say where pip had a package from, if not from an index (PEP 610)."""
    try:
        origin = json.loads((info / "direct_url.json").read_text(encoding="utf-8"))
        address = without_credentials(str(origin["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return f"=={version}"
    if "vcs_info" in origin:
        return f" @ {origin['vcs_info'].get('vcs', 'git')}+{address}@{origin['vcs_info'].get('commit_id', '')}"
    scheme = urlsplit(address).scheme
    return f"=={version} ({address})" if scheme == "file" else f" @ {address}"


def _egg(path: Path) -> Iterator[tuple[str, str]]:
    from importlib.metadata import Distribution, PathDistribution

    found: Distribution = PathDistribution(path)
    name, version = found.metadata["Name"], found.metadata["Version"]
    if name and version:
        yield _normalized(name), f"=={version}"


def _normalized(name: str) -> str:
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


# Hardware


def _usable_cpus() -> int | None:
    """Return how many processors this process may use, which in a container or a batch job are fewer."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> str | None:
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or None


def memory() -> int | None:
    """Return the machine's memory in bytes; None where the system doesn't say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


@cache
def graphics() -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return the GPUs and their driver, as nvidia-smi knows them; empty without it."""
    import subprocess

    words = ["nvidia-smi", f"--query-gpu={','.join(_GPU)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.SubprocessError):
        return [], {}
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.decode(errors="replace").splitlines()]
    gpus = [dict(zip(_GPU, row, strict=True)) for row in rows if len(row) == len(_GPU)]
    return gpus, {"driver": gpus[0].pop("driver_version")} if gpus else {}


def _toolkit() -> dict[str, str]:
    """Return the CUDA and cuDNN versions that PyTorch was built with, if the program uses it."""
    version = getattr(sys.modules.get("torch"), "version", None)
    cuda = getattr(version, "cuda", None)
    return {"toolkit": str(cuda)} if cuda else {}
