"""Which machine this is."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path


@cache
def machine_id() -> str:
    """Name this machine since it booted, so that a process of before is known to be gone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import uuid

        return f"{uuid.getnode():012x}"


@cache
def host_name() -> str:
    """Return the machine's name, for people."""
    import socket  # 3 ms, not needed before something is logged

    return socket.gethostname()


def uptime() -> float | None:
    """Return how many seconds ago this machine was started, sleep included; None where that can't be told."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return None if clock is None else time.clock_gettime(clock)
