"""Runs of runs: folds of a cross-validation, seeds of one setting. Pure.

A child names its parent; the parent's row has mean and standard deviation of what its children came to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping

from experiment_sheet.columns import flatten
from experiment_sheet.values import to_cell, to_json

_DERIVED = (".mean", ".std", "_step")


def together(children: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """Return ``<key>.mean`` and ``<key>.std`` of the children's outputs that are numbers.

    The standard deviation is that of a sample (n − 1), so one child alone has none. NaN and infinities don't count.
    """
    values: dict[str, list[float]] = {}
    for outputs in children:
        for key, value in outputs.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                values.setdefault(key, []).append(float(value))
    found: dict[str, float] = {}
    for key, numbers in values.items():
        if not key.endswith(_DERIVED):
            mean = found[f"{key}.mean"] = math.fsum(numbers) / len(numbers)
            if len(numbers) > 1:
                found[f"{key}.std"] = math.sqrt(math.fsum((one - mean) ** 2 for one in numbers) / (len(numbers) - 1))
    return found


def inputs_hash(config: object, ignore: Collection[str] = ()) -> str:
    """Name the inputs of a run: equal for equal ones, in whatever order. `ignore` names keys that make no difference.

    A key stands for what is nested in it, too.
    """
    left = {
        key: to_json(to_cell(value))
        for key, value in flatten(config).items()
        if not any(key == name or key.startswith(f"{name}.") for name in ignore)
    }
    import hashlib  # OpenSSL takes milliseconds to load

    text = json.dumps(left, sort_keys=True)
    return "h" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()  # a letter, so that it is no number
