"""The code of a run, so that it can be had again: commit, branch, remote, what is not committed, the script itself.

It is written into ``code/`` of the run folder: ``code.json`` says what there is, ``diff.patch`` is what
``git apply`` needs at that commit, ``files/`` holds the script or notebook and every loaded module that git doesn't
know, at its place in the repository.

What is bounded, so that no repository can hold up a run or fill a disk: the diff is read as git writes it and ends at
`DIFF_LIMIT`; git takes a file above `_BIG_FILE` for binary and doesn't compare it; git is stopped after `_PATIENCE`.
A file's part is kept whole or not at all, so the patch always applies; what was left out is listed with the reason.
Credentials of a known shape are masked in added lines alone, because the others must match the commit.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from experiment_sheet import git, masking, program
from experiment_sheet.folder import RunFolder

DIFF_LIMIT: Final = 5 << 20
"""Bytes of uncommitted changes that are kept; beyond, files are listed by name."""

FILES_LIMIT: Final = 5 << 20
"""Bytes of scripts and modules that are kept beside the diff."""

_PATIENCE: Final = 20.0  # seconds for a diff, which nobody waits for
_BIG_FILE: Final = "4m"  # git's own bound is 512 MB, and it holds both versions in memory
_NO_COLOURS: Final = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index")
_PLAIN: Final = (*_NO_COLOURS, "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--ignore-submodules=dirty")
_KEY_BEGINS: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_ENDS: Final = re.compile(rb"-----END [A-Z ]*PRIVATE KEY-----")


@dataclass(slots=True)
class Repository:
    """What git says of the code."""

    commit: str | None = None  # None: nothing was committed yet
    branch: str | None = None  # None: a detached head
    remote: str | None = None  # without credentials
    dirty: bool = False  # tracked files differ from the commit
    submodules: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Code:
    """What ``code.json`` holds. Paths have forward slashes and are relative to `root` where nothing else is said."""

    command: list[str] = field(default_factory=list)  # words, credentials masked
    root: str | None = None  # of the repository, else the script's folder; absolute
    folder: str = ""  # the working folder, relative to `root` where it lies in it, else absolute
    script: str | None = None
    repository: Repository | None = None
    diff: str | None = None  # relative to the run folder
    files: list[str] = field(default_factory=list)  # below ``code/files``
    left_out: list[dict[str, str]] = field(default_factory=list)  # path and reason
    masked: bool = False  # something that looked like a credential is not in diff or files


def record(folder: RunFolder, command: list[str], script: Path | None = None) -> None:
    """Write down the code of this process as it is now; of `script`, if another process runs it.

    Raises OSError if the run folder can't be written.
    """
    if os.environ.get("EXPERIMENT_SHEET_CODE", "").casefold() in ("0", "off", "false", "none"):
        return
    code = Code(masking.mask_command(command))
    main = script or program.script()
    top = _top(main)
    code.repository = None if top is None else _repository(top)
    base = top or (main.parent if main else program.here())
    if base is not None:
        _put_down(code, base, main)
        _keep_earlier(folder)
        if code.repository and code.repository.commit:
            _keep_diff(code, folder)
        _keep_files(code, folder, base, _sources(code, base, main))
    folder.write("code/code.json", json.dumps(asdict(code), indent=1))
    keep_cells(folder)


def keep_cells(folder: RunFolder) -> None:
    """Keep what was run in a notebook so far, which is not always what its file says. Raises OSError."""
    if (text := program.cells()) is not None and (folder.path / "code" / "code.json").is_file():
        folder.write("code/cells.py", masking.mask_text(text)[-FILES_LIMIT:])


def read(folder: RunFolder) -> dict[str, Any]:
    """Return what `record` wrote; empty where there is nothing to be read."""
    return folder.read_json("code/code.json")


def _top(main: Path | None) -> Path | None:
    """Return the top folder of the code's repository: the script's, or if there is no script the working folder's."""
    for place in [main.parent] if main else program.places():
        if top := git.ask(place, "rev-parse", "--show-toplevel"):
            return Path(top).resolve()
    return None


def _put_down(code: Code, base: Path, main: Path | None) -> None:
    code.root = str(base)
    here = program.here()
    if here is not None:
        code.folder = here.relative_to(base).as_posix() if here.is_relative_to(base) else str(here)
    if main is not None and main.is_relative_to(base):
        code.script = main.relative_to(base).as_posix()


def _repository(top: Path) -> Repository:
    """Ask for everything that a status says, at once."""
    words = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--ignore-submodules=none")
    found = Repository(remote=_remote(top))
    for line in (git.ask(top, *words, patience=_PATIENCE) or "").split("\0"):
        match line.split(" "):
            case ["#", "branch.oid", oid] if oid != "(initial)":
                found.commit = oid
            case ["#", "branch.head", *name] if name != ["(detached)"]:
                found.branch = " ".join(name)
            case ["1" | "2" | "u", *_]:
                found.dirty = True
    found.commit = found.commit or git.ask(top, "rev-parse", "--verify", "HEAD")
    if (top / ".gitmodules").is_file():
        found.submodules = list(_submodules(top))
    return found


def _submodules(top: Path) -> Iterator[dict[str, str]]:
    states = {"-": "not checked out", "+": "another commit than the repository names", "U": "merge conflict"}
    for line in (git.ask(top, "submodule", "status", "--recursive", patience=_PATIENCE) or "").splitlines():
        commit, _, rest = line.lstrip("-+U ").partition(" ")
        path = rest.rpartition(" (")[0] or rest
        changed = git.ask(top / path, "status", "--porcelain", "--untracked-files=no", patience=_PATIENCE)
        state = states.get(line[:1], "changes that are not committed, and not recorded" if changed else "")
        yield {"path": path, "commit": commit, "state": state}


def _remote(top: Path) -> str | None:
    """Return the address of ``origin``, else of the first remote."""
    lines = (git.ask(top, "config", "--get-regexp", r"^remote\..*\.url$") or "").splitlines()
    found = dict(line.partition(" ")[::2] for line in lines)
    address = found.get("remote.origin.url") or next(iter(found.values()), None)
    return None if address is None else without_credentials(address)


def without_credentials(address: str) -> str:
    """Take user, password and query off a URL; ``git@host:path`` and ``ssh://git@host`` name no secret."""
    try:
        parts = urlsplit(address)
        if not parts.scheme or not parts.netloc:
            return masking.mask_text(address)
        user, at, host = parts.netloc.rpartition("@")
        keep = parts.scheme.endswith("ssh") and ":" not in user
        plain = parts._replace(netloc=user + at + host if keep else host, query="", fragment="")
        return masking.mask_text(plain.geturl())
    except ValueError:
        return masking.MASK


# What is not committed


def _keep_diff(code: Code, folder: RunFolder) -> None:
    top = code.root or ""
    parts: list[bytes] = []
    kept: set[str] = set()
    words = ("-c", f"core.bigFileThreshold={_BIG_FILE}", "-c", "core.quotePath=true", "diff", *_PLAIN, "HEAD")
    reason = ""
    try:
        for section in _sections(git.stream(top, *words, limit=DIFF_LIMIT, patience=_PATIENCE)):
            if not any(line.startswith(b"Binary files ") for line in section):
                parts += _masked(section, code)
                kept.add(_path_of(section[0]))
    except (OSError, TimeoutError) as error:
        reason = f"the diff was cut: {error}"
    changed = git.ask(top, "-c", "core.quotePath=true", "diff", "--name-only", *_PLAIN, "HEAD", patience=_PATIENCE)
    missing = [line for line in (changed or "").splitlines() if line.strip('"') not in kept]
    code.left_out += [{"path": path, "why": reason or "a binary or very large file"} for path in missing[:1000]]
    if parts:
        folder.write("code/diff.patch", b"".join(parts))
        code.diff = "code/diff.patch"


def _sections(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut a diff at its files. One that the stream breaks off in is not yielded."""
    section: list[bytes] = []
    for line in lines:
        if line.startswith(b"diff --git ") and section:
            yield section
            section = []
        section.append(line)
    if section:
        yield section


def _path_of(line: bytes) -> str:
    """Return the path in ``diff --git a/x b/x``, which without renames is there twice, quoted or not."""
    text = line.decode(errors="surrogateescape").strip().removeprefix("diff --git ")
    half = text[: len(text) // 2].strip('"')
    return half.removeprefix("a/")


def _masked(section: list[bytes], code: Code) -> Iterator[bytes]:
    in_key = False
    for line in section:
        if not line.startswith(b"+") or line.startswith(b"+++ "):
            yield line
            continue
        ends, in_key = in_key, bool(_KEY_BEGINS.search(line)) or (in_key and not _KEY_ENDS.search(line))
        masked = line
        if in_key or ends:
            masked = f"+{masking.MASK}\n".encode()
        elif (text := line.decode(errors="surrogateescape")) != (plain := masking.mask_text(text)):
            masked = plain.encode(errors="surrogateescape")
        code.masked |= masked != line
        yield masked


# Files


def _sources(code: Code, base: Path, main: Path | None) -> list[Path]:
    """Return the script, and the loaded modules below `base` that git can't give back or whose changes were cut off."""
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    loaded = {Path(file).resolve() for file in modules if isinstance(file, str) and file.endswith((".py", ".ipynb"))}
    inside = sorted(path for path in loaded - {main} if path.is_relative_to(base) and not program.is_installed(path))
    if code.repository and code.repository.commit and inside:
        names = [path.relative_to(base).as_posix() for path in inside]
        answer = git.ask(base, "--literal-pathspecs", "ls-files", "-z", "--", *names, patience=_PATIENCE)
        known = set((answer or "").split("\0")) - {item["path"] for item in code.left_out}
        inside = [path for path, name in zip(inside, names, strict=True) if name not in known]
    return ([main] if main is not None and main.is_relative_to(base) else []) + inside


def _keep_files(code: Code, folder: RunFolder, base: Path, paths: Iterable[Path]) -> None:
    room = FILES_LIMIT
    for path in paths:
        name = path.relative_to(base).as_posix()
        try:
            content = path.read_bytes() if path.stat().st_size <= room else None
        except OSError as error:
            code.left_out.append({"path": name, "why": str(error)})
            continue
        if content is None:
            code.left_out.append({"path": name, "why": f"scripts and modules of more than {FILES_LIMIT >> 20} MB"})
            continue
        room -= len(content)
        text = content.decode(errors="surrogateescape")
        masked = masking.mask_text(text)
        code.masked |= masked != text
        folder.write(f"code/files/{name}", masked.encode(errors="surrogateescape"))
        code.files.append(name)


def _keep_earlier(folder: RunFolder) -> None:
    """Move the code of a resumed run's earlier life aside: what it did then, it did with that."""
    earlier = folder.path / "code"
    if not (earlier / "code.json").is_file():
        return
    number = 1
    while (aside := folder.path / f"code-{number}").exists():
        number += 1
    earlier.rename(aside)
