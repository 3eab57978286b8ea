"""What the checker answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Fault:
    """One place that breaks one rule.

    `rule` is the rule's name, `part` the part of the package, `where` the cell, attribute or name in it.
    """

    rule: str
    part: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.part}, {self.where}: {self.message} [{self.rule}]"


class Finding(NamedTuple):
    """A fault as the rule itself tells it, which knows its own name anyway."""

    part: str
    where: str
    message: str
