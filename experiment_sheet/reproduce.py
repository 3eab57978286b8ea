"""A folder in which a run can be made again, and what is known of a run.

`restore` makes it of what was recorded, and says of every part whether it is there: the code (the commit, from the
repository where it lay, else from its remote; then the diff and the files that git doesn't know), the packages, the
config, the data, the command. What can't be restored is said, never made up.

What is recorded may come from somebody else. So nothing in it is evaluated or unpickled, every path is proven to stay
in the folder before anything is written there, commits and addresses are checked before git sees them, and lines of
requirements.txt can't be options of pip. The command is run by `rerun` alone, when asked.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import contents, dataset, git
from experiment_sheet.errors import RunNotFound, UsageError
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.masking import MASK
from experiment_sheet.report import recorded
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import to_cell, to_json

if TYPE_CHECKING:
    import pandas as pd

_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_ADDRESS: Final = re.compile(r"(https?|ssh|git)://[^\s-]\S*|[\w.-]+@[\w.-]+:[^\s-]\S*")
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_PIN: Final = re.compile(r"==[\w.!+-]+| @ (https?|git\+(https?|ssh))://\S+")
_PATIENCE: Final = 3_600.0  # seconds for a clone

Facts = Mapping[str, Any]


def known(sheet: Sheet, run_id: str, frame: pd.DataFrame | None = None) -> dict[str, Any]:
    """Return everything that is known of a run: its row as it is now, and what its folder holds. Raises RunNotFound.

    `frame` is what the sheet holds, for who has read it already.
    """
    frame = sheet.read() if frame is None else frame
    if run_id not in frame.index:
        raise RunNotFound(f"{sheet.name} has no run {run_id!r}; `experiment-sheet ls` lists them")
    roles = frame.attrs.get("roles", {})
    found: dict[str, Any] = {"run_id": run_id, "run": {}, "inputs": {}, "outputs": {}, "people": {}}
    parts = {"run": "run", "input": "inputs", "output": "outputs"}
    rows = frame.loc[[run_id]].astype(object)
    for name in rows.columns:
        cell = to_cell(rows[name].iloc[0])
        if cell is not None and cell == cell:
            found[parts.get(roles.get(name, "people"), "people")][str(name)] = to_json(cell)
    folder = RunFolder(sheet.files / safe_name(run_id))
    if folder.path.is_dir():
        found["folder"] = str(folder.path)
        whole = folder.read_json("run.json")
        found["logged"] = {part: dict(_mapping(whole.get(part))) for part in ("inputs", "outputs")} if whole else {}
        for part, logged in found["logged"].items():
            found[part] = {**logged, **found[part]}
        found |= {key: whole[key] for key in ("metrics", "plots", "files") if key in whole} | recorded(folder)
    return found


def logged(facts: Facts, part: str) -> Mapping[str, Any]:
    """Return ``inputs`` or ``outputs`` as the run logged them, exactly; where only the row is known, as it has them."""
    return _mapping(_mapping(facts.get("logged")).get(part) or facts.get(part))


@dataclass(slots=True)
class Restored:
    """A folder made by `restore`."""

    path: Path
    done: list[str] = field(default_factory=list)  # what is there, for people
    missing: list[str] = field(default_factory=list)  # what can't be restored, and why
    command: list[str] = field(default_factory=list)  # that makes the run; empty if there is none
    folder: Path = Path()  # where the command runs

    @property
    def code(self) -> Path:
        """The restored code."""
        return self.path / "code"


def restore(facts: Facts, into: Path, *, repository: str | None = None) -> Restored:
    """Make a folder with all that a run needs. `repository` is a path or address to get the commit from.

    Raises UsageError if the folder is not empty, OSError where it can't be written.
    """
    into = into.absolute()
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError(f"{into} is there and not empty; name a new folder")
    into.mkdir(parents=True, exist_ok=True)
    made = Restored(into.resolve())
    code = _mapping(facts.get("code")) or _of_row(facts)
    _restore_commit(made, code, repository)
    made.code.mkdir(exist_ok=True)
    _restore_changes(made, code, Path(str(facts.get("folder") or "")))
    _write_requirements(made, _mapping(facts.get("system")))
    (made.path / "config.json").write_text(json.dumps(logged(facts, "inputs"), indent=1), encoding="utf-8")
    made.done.append("config.json: the inputs")
    _check_data(made, facts, code)
    _restore_command(made, code)
    return made


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _texts(found: object) -> list[str]:
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _objects(found: object) -> list[Mapping[str, Any]]:
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _of_row(facts: Facts) -> Facts:
    """Return what the row alone knows of the code: most runs that were logged in one call have no folder."""
    run = _mapping(facts.get("run"))
    commit, _, dirty = str(run.get("git") or "").partition("-")
    try:
        command = shlex.split(str(run.get("command") or ""))
    except ValueError:  # cut in the middle of a quoted word
        command = []
    repository = {"commit": commit, "dirty": bool(dirty)} if commit else None
    return {"command": command, "repository": repository, "root": str(Path.cwd()), "row_only": True}


# Code


def _restore_commit(made: Restored, code: Facts, repository: str | None) -> None:
    known_git = _mapping(code.get("repository"))
    commit = str(known_git.get("commit") or "")
    if not _COMMIT.fullmatch(commit):
        if code.get("files"):
            made.missing.append("a commit: there was none; what was kept is the script and the modules it had loaded")
        elif code.get("script") or not code.get("command"):
            made.missing.append("the code: it was not recorded")
        return
    tried = []
    for source in _places(code, known_git, repository):
        tried.append(source)
        if _cloned(source, made.code, commit):
            made.done.append(f"code: commit {commit[:12]} from {source}")
            _restore_submodules(made, code, known_git)
            return
    where = f"not in {', '.join(tried)}" if tried else "its repository is not on this machine and has no remote"
    made.missing.append(f"commit {commit[:12]}: {where}; name the repository with --repository")


def _places(code: Facts, known_git: Facts, repository: str | None) -> Iterator[str]:
    if repository:
        yield repository
        return
    root = str(code.get("root") or "")
    if root and Path(root).is_dir():
        yield root
    if _ADDRESS.fullmatch(remote := str(known_git.get("remote") or "")):
        yield remote


def _cloned(source: str, into: Path, commit: str) -> bool:
    """Clone without a look at the person's own working tree; a local clone has commits that no branch has, too."""
    import shutil

    if Path(source).is_dir():
        source = git.ask(source, "rev-parse", "--show-toplevel") or source
    clone = ("clone", "--quiet", "--no-checkout", "--config", "core.autocrlf=false", "--", source, str(into))
    whole = None
    if git.run(into.parent, *clone, patience=_PATIENCE) is not None:
        whole = git.ask(into, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if whole and git.run(into, "checkout", "--quiet", "--detach", whole, "--", patience=_PATIENCE) is not None:
        return True
    shutil.rmtree(into, ignore_errors=True)
    return False


def _restore_submodules(made: Restored, code: Facts, known_git: Facts) -> None:
    for module in _objects(known_git.get("submodules")):
        name, state = str(module.get("path") or ""), str(module.get("state") or "")
        commit = str(module.get("commit") or "")
        target = _inside(made.code, name)
        local = _inside(Path(str(code.get("root") or "/")), name)
        if target is None or local is None or not _COMMIT.fullmatch(commit):
            continue
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        if local.is_dir() and _cloned(str(local), target, commit):
            made.done.append(f"submodule {name}: commit {commit[:12]}")
            if state.startswith("changes"):
                made.missing.append(f"changes inside the submodule {name}: they were not recorded")
        else:
            made.missing.append(f"submodule {name} at {commit[:12]}: `git submodule update --init` may get it")


def _restore_changes(made: Restored, code: Facts, folder: Path) -> None:
    if code.get("diff"):
        patch = folder / "code" / "diff.patch"
        if git.run(made.code, "apply", "--whitespace=nowarn", "--", str(patch.absolute()), patience=60) is not None:
            made.done.append("code: the changes that were not committed")
        else:
            made.missing.append(f"the changes that were not committed: {patch} doesn't apply")
    elif code.get("row_only") and _mapping(code.get("repository")).get("dirty"):
        made.missing.append("the changes that were not committed: a run logged in one call keeps only its commit")
    _restore_files(made, folder / "code" / "files")
    for item in _objects(code.get("left_out")):
        made.missing.append(f"{item.get('path')}: {item.get('why')}")
    if code.get("masked"):
        made.missing.append("what looked like a credential in the code: it was masked when it was recorded")


def _restore_files(made: Restored, kept: Path) -> None:
    names = []
    for path in contents.files_below(kept):
        name = path.relative_to(kept).as_posix()
        target = _inside(made.code, name)
        if target is None or path.is_symlink():
            made.missing.append(f"{name}: it would lie outside of {made.code}")
            continue
        content = path.read_bytes()
        if target.is_file() and (target.read_bytes() == content or MASK.encode() in content):
            continue  # git had it already
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        names.append(name)
    if names:
        made.done.append(f"code: {', '.join(names[:10])}{' …' if len(names) > 10 else ''}, which git doesn't know")


def _inside(base: Path, name: str) -> Path | None:
    """Return a path in a folder; None if it leads out of it, by ``..`` or a link, or into git's own files."""
    path = base / name
    if not name or ".git" in (part.casefold() for part in path.parts[len(base.parts) :]):
        return None
    try:
        return path if path.resolve().is_relative_to(base.resolve()) and path.resolve() != base.resolve() else None
    except (OSError, ValueError, RuntimeError):
        return None


# Packages, data


def _write_requirements(made: Restored, system: Facts) -> None:
    packages = _mapping(system.get("packages"))
    lines = [f"# Python {system.get('python')}".splitlines()[0]]
    for name, pin in packages.items():
        if _PACKAGE.fullmatch(name) and _PIN.fullmatch(str(pin)):
            lines.append(f"{name}{pin}")
        else:
            lines.append(f"# {' '.join(f'{name}{pin}'.split())}")
            made.missing.append(f"package {name}: it was installed from {pin}".replace("==", "").replace("\n", " "))
    (made.path / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not packages:
        made.missing.append("packages: they were not recorded")
        return
    made.done.append(f"requirements.txt: {len(packages)} packages of Python {system.get('python')}")
    from experiment_sheet.system import packages as installed

    here = installed(tuple(sys.path))
    other = [
        f"{name}{pin} (here {here.get(name, 'not installed')})"
        for name, pin in packages.items()
        if here.get(name) != pin
    ]
    if other:
        made.missing.append(f"the same packages in this Python: {', '.join(other[:8])}{' …' if len(other) > 8 else ''}")


def _check_data(made: Restored, facts: Facts, code: Facts) -> None:
    for name, about in _mapping(facts.get("datasets")).items():
        about = _mapping(about)
        source = str(about.get("source") or "")
        if not Path(source).is_absolute():
            made.missing.append(f"dataset {name}: it was {source or 'nothing'}, which can't be checked here")
            continue
        try:
            same = dataset.verify(about, Path(source))
        except OSError as error:
            made.missing.append(f"dataset {name}: {error}")
            continue
        if same:
            made.done.append(f"dataset {name}: {source} is unchanged ({str(about.get('blake2b'))[: dataset.SHOWN]})")
            _link(made, code, Path(source))
        else:
            why = "its hash was not recorded" if same is None else "it was changed since"
            made.missing.append(f"dataset {name}: {source}: {why}")


def _link(made: Restored, code: Facts, source: Path) -> None:
    """Let data that lay beside the code lie there again."""
    root = Path(str(code.get("root") or "/nowhere"))
    if not source.is_relative_to(root):
        return
    target = _inside(made.code, source.relative_to(root).as_posix())
    if target is not None and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source, target_is_directory=source.is_dir())


# The command


def _restore_command(made: Restored, code: Facts) -> None:
    words = _texts(code.get("command"))
    folder = str(code.get("folder") or "")
    made.folder = made.code if folder in ("", ".") else _inside(made.code, folder) or made.code
    if not made.folder.is_dir():
        made.folder.mkdir(parents=True)
    if "ipykernel" in " ".join(words[:4]):
        script = str(code.get("script") or "")
        words = ["python", "-m", "nbconvert", "--to", "notebook", "--execute", script] if script else []
    why = None
    if not words:
        why = "it was not recorded; a console or a notebook without a name has none"
    elif any(MASK in word for word in words):
        why = f"it held a credential, which was masked: {shlex.join(words)}"
    if why:
        made.missing.append(f"the command: {why}")
        return
    made.command = [_moved(word, made, code) for word in words]
    (made.path / "command.txt").write_text(shlex.join(made.command) + "\n", encoding="utf-8")
    made.done.append(f"command.txt: {shlex.join(made.command)}, in {made.folder.relative_to(made.path).as_posix()}")


def _moved(word: str, made: Restored, code: Facts) -> str:
    """Let a word that is a path into the code lead to the restored code."""
    root, then = Path(str(code.get("root") or "/nowhere")), str(code.get("folder") or "")
    here = Path(then) if Path(then).is_absolute() else root / then
    path = Path(word)
    if len(word) > 4_000 or not root.is_absolute() or (not path.is_absolute() and not Path(then).is_absolute()):
        return word  # a relative path stays true where the working folder is restored, too
    try:
        path = (here / path).resolve()
        target = _inside(made.code, path.relative_to(root).as_posix()) if path.is_relative_to(root) else None
        return str(target) if target is not None and target.exists() else word
    except (OSError, ValueError, RuntimeError):
        return word
