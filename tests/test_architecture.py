"""The rooms of the library, read from its imports: who may know whom, and who may know which package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import experiment_sheet

ROOT = Path(experiment_sheet.__file__).parent
FACE = "experiment_sheet"

LAYERS = """
    __main__
    cli
    demo testing integrations
    experiment_sheet
    mlflow
    current
    live
    beginning
    past run
    telling
    destination
    several
    side_by_side transfer mending doctor viewing reproduce rerun
    sheet
    asking
    once
    logged
    shelf
    dataset model
    row
    before
    memory
    plot
    figures differences
    artifact histogram image markup table peers
    exhibit
    ledgers
    far
    ledger
    checkpoint
    meeting
    archive changes writers generations leftovers overlay liveness waiting
    feeds
    journal
    state
    files
    fold
    events
    report provenance status signals arguments environment family notebook owners ranks filters
    foreign spelled exports sender
    last_words history wastebin page media outputs inputs frames system
    code
    folder
    effects pivot importance
    groups curves
    naming
    compare
    google
    template template_values toml_places
    backends
    ooxml
    backends.base
    overview
    look
    columns
    locks
    background contents git
    gradients sparkline
    notices names ids machine masking arrays program jsonl
    changed number_formats
    metrics values errors
    cells
"""
"""Rooms, top to bottom. An import points to a lower line, or to a neighbour on the same line."""

ROOMS_OF = {
    "pandas": {
        *("frames", "compare", "transfer", "table", "backends.frame", "groups", "pivot", "differences", "curves"),
        *("effects", "importance", "figures"),
    },
    "numpy": {"arrays", "backends.frame"},
}
"""Packages that more than one room may import. Every other one has a single room."""

UNLIMITED = {"testing", "demo"}
"""The judges use whatever reads a file independently; the demo is written as a user's script."""

HEAVY = ("pandas", "openpyxl", "gspread", "matplotlib")

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MOST_PARAMETERS = 6


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package, by its dotted name below ``experiment_sheet``."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or FACE
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(module: str, *, types: bool = True) -> Iterator[str]:
    """Every module that a module imports, wherever the import stands, in full; `types`: for annotations alone, too."""
    tree = modules()[module]
    spared = set() if types else {inner for node in ast.walk(tree) if for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if node in spared:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            own = node.module == FACE or str(node.module).startswith(f"{FACE}.")
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if own and whole.removeprefix(f"{FACE}.") in modules() else str(node.module)


def for_types(node: ast.AST) -> bool:
    """Tell whether this is an ``if TYPE_CHECKING`` block."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def own_imports(module: str) -> set[str]:
    """Modules of this package that a module imports, below ``experiment_sheet``."""
    own = {name.removeprefix(f"{FACE}.") for name in imports(module) if name.split(".")[0] == FACE}
    return own - {module}


def room(module: str) -> str:
    """Room a module belongs to: the first part of its name. The backends' contract stands below what fulfils it."""
    return module if module == "backends.base" else module.split(".")[0]


def layer(module: str) -> int:
    """Line of `LAYERS` that a module's room stands on, counted from the top."""
    for number, line in enumerate(LAYERS.split("\n")):
        if room(module) in line.split():
            return number
    pytest.fail(f"{module} stands in no layer; say in LAYERS where it belongs")


def test_imports_point_down() -> None:
    """No module imports one of a higher layer."""
    upward = [f"{m} → {o}" for m in modules() for o in own_imports(m) if layer(o) < layer(m)]
    assert not upward


def test_no_import_cycles() -> None:
    """No two modules need each other, not even inside functions."""
    left = {module: own_imports(module) for module in modules()}
    while free := [module for module, needs in left.items() if not needs & left.keys()]:
        for module in free:
            del left[module]
    assert not left, f"these import each other: {sorted(left)}"


def test_each_package_has_one_room() -> None:
    """A third-party package is imported in one room, so that it can be replaced there."""
    rooms = defaultdict(set)
    for module in modules():
        for name in imports(module, types=False):
            package = name.split(".")[0]
            if package not in sys.stdlib_module_names and package != FACE and room(module) not in UNLIMITED:
                rooms[package].add(module if module.startswith("backends.") else room(module))
    crowded = {p: where for p, where in rooms.items() if len(where) > 1 and not where <= ROOMS_OF.get(p, set())}
    assert not crowded


def test_files_are_short() -> None:
    """A file can be read in one sitting."""
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in ROOT.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function and method of the package, with a name to find it by."""
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield f"{module}.{node.name}", node


def body_length(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    docstring = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def test_functions_are_short() -> None:
    """No function is long, and most are very short."""
    lengths = {name: body_length(node) for name, node in functions()}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}
    assert sorted(lengths.values())[len(lengths) * 9 // 10] <= 25


def test_few_parameters() -> None:
    """At most six parameters can be given by position; a call with more can't be read."""
    many = {name: n for name, node in functions() if (n := len(positional(node))) > MOST_PARAMETERS}
    assert many == {}


def positional(function: ast.FunctionDef) -> list[str]:
    """Parameters that a caller may give by position."""
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in {"self", "cls"}]


def test_public_names_are_pinned() -> None:
    """What the package exports is a decision, not an accident."""
    assert experiment_sheet.__all__ == sorted(experiment_sheet.__all__)
    missing = [name for name in experiment_sheet.__all__ if not hasattr(experiment_sheet, name)]
    assert not missing


def loaded_after(program: str) -> set[str]:
    """Heavy packages that a fresh interpreter has loaded after a program."""
    report = f"{program}\nimport sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_is_light() -> None:
    """Importing the library loads no heavy package."""
    assert loaded_after("import experiment_sheet; experiment_sheet.log_run") == set()


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_logging_scalars_is_light(suffix: str) -> None:
    """Logging scalars into an existing sheet loads no heavy package."""
    log = f"import experiment_sheet as es; es.log_run('runs.{suffix}', {{'lr': 0.1, 'loss': 0.5}})"
    loaded_after(log)
    assert Path(f"runs.{suffix}").exists()
    assert loaded_after(log) == set()
