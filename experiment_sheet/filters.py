"""MLflow's way to name, choose and order runs: ``metrics.acc > 0.9 and params.model = 'x'``, ``metrics.acc DESC``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

RUN_NAME: Final = "mlflow.runName"
"""MLflow's tag that is a run's name."""

_NAMES: Final = {"running": "RUNNING", "todo": "SCHEDULED"}
_NAME: Final = r"""(?:(?P<part>\w+)\.)?(?P<key>`[^`]+`|"[^"]+"|[\w./-]+)"""
_COMPARISON: Final = re.compile(
    rf"""\s*{_NAME}\s*(?P<op><=|>=|!=|=|<|>|\bi?like\b)\s*(?P<value>'[^']*'|"[^"]*"|[-+.\w]+)\s*(?:\band\b|$)""",
    re.IGNORECASE,
)
_ORDER: Final = re.compile(rf"\s*{_NAME}(?:\s+(?P<way>asc|desc))?\s*", re.IGNORECASE)
_PARTS: Final = {
    "metrics": "metrics.", "metric": "metrics.", "params": "params.", "param": "params.", "parameters": "params.",
    "tags": "tags.", "tag": "tags.", "attributes": "", "attribute": "", "attr": "", "run": "", None: "",
}  # fmt: skip
_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def tags_in(text: object) -> dict[str, str]:
    """Return the tags in the text of a cell: words, and ``key=value``."""
    words = [word.strip().partition("=") for word in text.split(",")] if isinstance(text, str) else []
    return {key: value for key, _, value in words if key}


def as_mlflow(frame: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """Name a sheet's columns as MLflow does."""
    roles = frame.attrs.get("roles", {})
    parts = {"input": "params.", "output": "metrics."}
    named = frame.rename(columns={name: f"{parts.get(roles.get(name), 'tags.')}{name}" for name in frame.columns})
    named = named.drop(columns=[name for name in named.columns if name == "tags.tags"])
    for key in dict.fromkeys(key for text in frame.get("tags", ()) for key in tags_in(text)):
        named[f"tags.{key}"] = [tags_in(text).get(key) for text in frame["tags"]]
    named = named.rename(
        columns={"tags.started": "start_time", "tags.status": "status", "tags.run": f"tags.{RUN_NAME}"}
    )
    named.insert(0, "experiment_id", experiment)
    named.insert(0, "run_id", list(frame.index))
    if "status" in named.columns:
        named["status"] = [
            _NAMES.get(str(s), "FAILED" if s in ("crashed", "lost") else str(s).upper()) for s in named["status"]
        ]
        named["end_time"] = named["start_time"] + named["tags.duration"] if "tags.duration" in named.columns else None
    return named


def selected(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return the rows for which all comparisons hold. Raises UsageError for what is none."""
    place = 0
    while text[place:].strip():
        match = _COMPARISON.match(text, place)
        if match is None:
            raise UsageError(
                f"{text[place:]!r} can't be read; a filter is like \"metrics.acc > 0.9 and params.model = 'x'\""
            )
        column, value = _column(match), match["value"]
        frame = (
            frame[[_holds(cell, match["op"].lower(), value) for cell in frame[column]]]
            if column in frame
            else frame[:0]
        )
        place = match.end()
    return frame


def ordered(frame: pd.DataFrame, order_by: Iterable[str]) -> pd.DataFrame:
    """Sort rows, the first word first; the latest come first where nothing is said. Raises UsageError."""
    words = [order_by] if isinstance(order_by, str) else list(order_by)
    chosen: list[tuple[str, bool]] = []
    for word in words or ["start_time desc"]:
        match = _ORDER.fullmatch(word)
        if match is None:
            raise UsageError(f"{word!r} can't be read; an order is like 'metrics.acc DESC'")
        chosen.append((_column(match), (match["way"] or "asc").lower() == "asc"))
    there = [(column, way) for column, way in chosen if column in frame.columns]
    if not there:
        return frame
    return frame.sort_values([column for column, _ in there], ascending=[way for _, way in there], kind="stable")


def _column(match: re.Match[str]) -> str:
    part, key = match["part"], match["key"].strip('`"')
    if part is not None and part.lower() not in _PARTS:
        raise UsageError(f"{part}.{key}: a name begins with metrics, params, tags or attributes")
    return _PARTS[part.lower() if part else None] + key


def _holds(cell: Any, op: str, value: str) -> bool:
    if cell is None or cell != cell:
        return False
    wanted: Any = value[1:-1] if value[0] in "'\"" else _number(value)
    if op in ("like", "ilike"):
        pattern = re.escape(str(wanted)).replace("%", ".*").replace("_", ".")
        return re.fullmatch(pattern, str(cell), re.IGNORECASE if op == "ilike" else 0) is not None
    if isinstance(wanted, str):
        cell = str(cell)
    try:
        return bool(_OPERATORS[op](cell, wanted))
    except TypeError:
        return False


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
