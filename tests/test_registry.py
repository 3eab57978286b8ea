"""Targets and the backends that answer to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

from experiment_sheet.backends import registry
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.registry import BACKENDS, open_backend, parse
from experiment_sheet.errors import UnknownTarget, Unsupported
from experiment_sheet.look import Look

URL = "https://docs.google.com/spreadsheets/d/1AbC-d_9"
CASES = [
    ("memory://scratch", Target("memory", "scratch")),
    ("gsheet://1AbC-d_9", Target("gsheet", "1AbC-d_9")),
    ("gsheet://1AbC-d_9/My Tab/2", Target("gsheet", "1AbC-d_9", "My Tab/2")),
    ("GSHEET://1AbC-d_9", Target("gsheet", "1AbC-d_9")),
    (f"{URL}/edit#gid=0", Target("gsheet", "1AbC-d_9", "gid=0")),
    (f"{URL}/edit?gid=17#gid=17", Target("gsheet", "1AbC-d_9", "gid=17")),
    (f"{URL}/edit?usp=sharing", Target("gsheet", "1AbC-d_9")),
    ("https://docs.google.com/spreadsheets/u/1/d/1AbC-d_9/edit", Target("gsheet", "1AbC-d_9")),
    (URL, Target("gsheet", "1AbC-d_9")),
]


@pytest.mark.parametrize(("text", "target"), CASES)
def test_addresses_are_parsed(text: str, target: Target) -> None:
    """URLs and schemes name a store and a tab; a Target stays what it is."""
    assert parse(text) == target
    assert parse(target) == target


@pytest.mark.parametrize(
    "name", ["runs.xlsx", "runs.xlsm", "runs.csv", "RUNS.TSV", "runs.parquet", "runs.ods", ".csv", "a b#1.csv"]
)
def test_paths_become_absolute(tmp_path: Path, name: str) -> None:
    """A path is a file of the working folder, whether it exists or not."""
    for target in (name, Path(name)):
        assert parse(target) == Target("file", str(Path.cwd().resolve() / name))


@pytest.mark.parametrize(
    ("text", "name", "tab"),
    [
        ("runs.xlsx#Ablations", "runs.xlsx", "Ablations"),
        ("runs.xlsx#", "runs.xlsx", None),
        ("runs.XLSX#My Tab #2", "runs.XLSX", "My Tab #2"),
        ("runs.xlsx#a.xlsx#b", "runs.xlsx", "a.xlsx#b"),
        ("a.xlsx#x/runs.xlsx#Tab", "a.xlsx#x/runs.xlsx", "Tab"),
        ("c#.csv", "c#.csv", None),
        ("c#/runs.xlsx#Tab", "c#/runs.xlsx", "Tab"),
    ],
)
def test_a_tab_follows_the_file(text: str, name: str, tab: str | None) -> None:
    """The tab is what follows ``.xlsx#``; a sharp in a folder's name is part of it."""
    assert parse(text) == Target("file", str(Path.cwd().resolve() / name), tab)


def test_an_existing_path_is_a_file(tmp_path: Path) -> None:
    """A file that has the whole name wins, then one that has the part before a sharp."""
    odd, plain = tmp_path / "runs.xlsx#v2.xlsx", tmp_path / "runs.xlsx"
    assert parse(str(odd)) == Target("file", str(plain), "v2.xlsx")
    odd.touch()
    assert parse(str(odd)) == Target("file", str(odd))
    assert parse(f"{odd}#Tab") == Target("file", str(odd), "Tab")


def test_a_symlink_is_the_same_sheet(tmp_path: Path) -> None:
    """Links to files and folders lead to one target, also before the file exists."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "alias.csv").symlink_to(tmp_path / "real" / "runs.csv")
    real = Target("file", str((tmp_path / "real" / "runs.csv").resolve()))
    assert parse(tmp_path / "link" / "runs.csv") == parse(tmp_path / "alias.csv") == real
    assert parse(f"{tmp_path}/link/../real/./runs.csv") == real


def test_home_and_file_urls(tmp_path: Path) -> None:
    """``~`` is the home folder, and a file URL is a path."""
    assert parse("~/runs.csv") == Target("file", str((Path.home() / "runs.csv").resolve()))
    assert parse((tmp_path / "my runs.csv").as_uri()) == Target("file", str((tmp_path / "my runs.csv").resolve()))


@pytest.mark.parametrize("text", [r"C:\runs\my.xlsx", "C:/runs/my.xlsx", r"\\server\share\my.xlsx"])
def test_windows_paths_are_paths(text: str) -> None:
    """A drive letter is no scheme; the tab is told from the path."""
    target = parse(f"{text}#Tab")
    assert (target.scheme, target.tab) == ("file", "Tab")
    assert target.path.endswith(text)
    assert PureWindowsPath(text).suffix == ".xlsx"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("cats", r"cats\.xlsx"),
        ("runs.xls", r"Did you mean runs\.xlsx\?"),
        ("results/runs.cvs", r"Did you mean results/runs\.csv\?"),
        ("runs.xlsxx", r"Did you mean runs\.xlsx\?"),
        ("gsheets://KEY", r"Did you mean gsheet\?"),
        ("s3://bucket/runs.csv", r"memory://"),
        ("https://example.com/x.csv", "address of a Google Sheet"),
        ("https://docs.google.com/document/d/KEY", "address of a Google Sheet"),
        ("memory://", "memory://name"),
        ("gsheet://", "names no sheet"),
        ("", "empty"),
        (" ", "empty"),
        ("runs.", "Known are"),
    ],
)
def test_unknown_targets_are_answered(text: str, hint: str) -> None:
    """What can't be a sheet raises at once, names what can, and says what was probably meant."""
    with pytest.raises(UnknownTarget, match=hint):
        parse(text)
    with pytest.raises(ValueError, match=hint):
        parse(text)


def test_a_folder_is_no_sheet(tmp_path: Path) -> None:
    """A folder's error names a file in it."""
    with pytest.raises(UnknownTarget, match=r"runs\.xlsx"):
        parse(tmp_path)


@pytest.mark.parametrize("name", ["runs.csv", "RUNS.CSV", "runs.tsv", "runs.parquet", "runs.ods", "runs.xlsx"])
def test_suffixes_open_their_backend(tmp_path: Path, name: str) -> None:
    """Each suffix opens the backend that the table names, with the look that was asked for."""
    look = Look(tab="mine")
    backend = open_backend(parse(tmp_path / name), look=look)
    entry = BACKENDS[Path(name.lower()).suffix]
    assert f"{type(backend).__module__}:{type(backend).__name__}" == entry.backend
    assert backend.look is look


def test_opening_an_unknown_target_raises() -> None:
    """A target that no backend takes can't be opened either."""
    for target in (Target("file", "/runs.xyz"), Target("nowhere", "x")):
        with pytest.raises(UnknownTarget, match="Known are"):
            open_backend(target)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """Where a backend's package isn't installed the error holds the pip command."""
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from experiment_sheet.backends.registry import open_backend, parse\n"
        "open_backend(parse('runs.parquet'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "Unsupported" in done.stderr
    assert "pip install 'experiment-sheet[frame]'" in done.stderr


def test_entry_points_bring_backends(tmp_path: Path) -> None:
    """A package that is installed with an entry point answers to its suffix and scheme."""
    info = tmp_path / "site" / "other-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    points = [f"{key} = experiment_sheet.backends.memory:MemoryBackend" for key in (".feather", "mystore")]
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n" + "\n".join(points) + "\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from experiment_sheet.backends.registry import known_targets, open_backend, parse\n"
        "for text in ('runs.feather', 'mystore://a/b'):\n"
        "    print(type(open_backend(parse(text))).__name__, parse(text).path)\n"
        "print(known_targets())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == f"MemoryBackend {(tmp_path / 'runs.feather').resolve()}"
    assert lines[1] == "MemoryBackend a/b"
    assert "'.feather', 'mystore'" in lines[2]


def test_the_registry_loads_no_backend() -> None:
    """Parsing a target imports no backend and no heavy package."""
    code = (
        "import sys; from experiment_sheet.backends.registry import parse; parse('runs.xlsx'); parse('memory://x')\n"
        "ours = [name for name in sys.modules if name.startswith('experiment_sheet.backends.')]\n"
        "print(ours, {'pandas', 'openpyxl', 'gspread'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['experiment_sheet.backends.base', 'experiment_sheet.backends.registry'] set()"


@pytest.mark.parametrize("key", [*BACKENDS])
def test_every_backend_of_the_table_is_there_or_says_why(key: str) -> None:
    """Import strings of the table lead to classes, or raise Unsupported with what to install."""
    target = Target("file", f"/x{key}") if key.startswith(".") else Target(key, "x")
    try:
        found = str(open_backend(target).target)
    except Unsupported as error:
        found = str(error)
    assert found == str(target) or "pip install" in found
