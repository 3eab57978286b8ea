"""What is recorded of the code: real repositories in every state, bounded, without credentials."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from repository import git, needs_git, python, repository

from experiment_sheet.code import DIFF_LIMIT, without_credentials

RECORD = """\
from pathlib import Path
from experiment_sheet import code, program
from experiment_sheet.folder import RunFolder
{imports}
code.record(RunFolder(Path({out!r})), program.command())
"""

pytestmark = needs_git


def recorded(repo: Path, imports: str = "", script: str = "train.py", cwd: Path | None = None) -> dict[str, Any]:
    """Run a script of the repository that records itself; answer its code.json."""
    out = repo.absolute().parent / "run"
    (repo / script).write_text(RECORD.format(imports=imports, out=str(out)))
    python(cwd or repo, str((repo / script).absolute()))
    found: dict[str, Any] = json.loads((out / "code" / "code.json").read_text())
    return found


def patch() -> str:
    """The diff that was kept."""
    return Path("run/code/diff.patch").read_text()


def test_commit_branch_remote_and_diff() -> None:
    """All that git says of the code, the changes that are not committed, and the script."""
    repo = repository(Path("repo"), train="print()\n", other="x = 1\n")
    git(repo, "remote", "add", "origin", "https://me:hunter2@example.org/repo.git?token=abc")
    (repo / "other.py").write_text("x = 2\n")
    found = recorded(repo)
    assert found["repository"] == {
        "commit": git(repo, "rev-parse", "HEAD"),
        "branch": "main",
        "remote": "https://example.org/repo.git",
        "dirty": True,
        "submodules": [],
    }
    assert (found["script"], found["folder"], found["files"]) == ("train.py", ".", ["train.py"])
    assert "+x = 2" in patch()
    assert Path("run/code/files/train.py").read_text() == (repo / "train.py").read_text()
    assert "hunter2" not in Path("run/code/code.json").read_text()


def test_the_diff_makes_the_commit_what_it_was() -> None:
    """Changed, new, deleted and oddly named files: applied to a clone, the tree is the same."""
    repo = repository(Path("repo"), train="print()\n", gone="x\n", naïve="y\n")
    (repo / "gone.py").unlink()
    (repo / "naïve.py").write_bytes(b"y\r\n\xff\n")
    (repo / "with space.py").write_text("no end of line")
    git(repo, "add", "with space.py")
    found = recorded(repo)
    git(Path(), "clone", "-q", "repo", "clone")
    git(Path("clone"), "apply", str(Path("run/code/diff.patch").absolute()))
    for name in ("train.py", "naïve.py", "with space.py"):
        assert (Path("clone") / name).read_bytes() == (repo / name).read_bytes()
    assert not Path("clone/gone.py").exists()
    assert found["left_out"] == []


def test_a_detached_head_and_a_repository_without_commits() -> None:
    """A detached head has no branch; without a commit the files are kept."""
    repo = repository(Path("detached"), train="print()\n")
    git(repo, "checkout", "-q", "--detach")
    found = recorded(repo)
    assert found["repository"]["branch"] is None
    assert found["repository"]["commit"] == git(repo, "rev-parse", "HEAD")
    empty = Path("empty")
    empty.mkdir()
    git(empty, "init", "-q", "-b", "main")
    (empty / "layers.py").write_text("x = 1\n")
    found = recorded(empty, "import layers")
    assert found["repository"]["commit"] is None
    assert found["diff"] is None
    assert found["files"] == ["train.py", "layers.py"]
    assert Path("run/code-1/diff.patch").exists()  # an earlier life's code is kept aside


def test_without_git_the_script_and_its_modules_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, no git on the path: the script and what it imported from beside it, and nothing else."""
    monkeypatch.setenv("PATH", "")
    Path("plain/package").mkdir(parents=True)
    Path("plain/package/__init__.py").write_text("")
    Path("plain/unused.py").write_text("")
    found = recorded(Path("plain"), "import package")
    assert found["repository"] is None
    assert found["files"] == ["train.py", "package/__init__.py"]


def test_modules_that_git_does_not_know_are_kept() -> None:
    """A new module that the script imports is in no diff; it is kept, and one that git has is not."""
    repo = repository(Path("repo"), train="print()\n", known="x = 1\n")
    (repo / "new.py").write_text("x = 2\n")
    assert recorded(repo, "import known, new")["files"] == ["train.py", "new.py"]


def test_binaries_and_what_is_too_much_are_left_out_by_name() -> None:
    """A file's changes are kept whole or not at all, so that the patch applies; what is left out is listed."""
    repo = repository(Path("repo"), train="print()\n", a="a\n", b="b\n", c="c = 1\n")
    (repo / "a.py").write_bytes(b"\0\1\2")
    (repo / "b.py").write_text("b\n" * (DIFF_LIMIT // 5))
    (repo / "c.py").write_text("c = 1\n" * (DIFF_LIMIT // 10))
    found = recorded(repo, "import c")
    assert {item["path"] for item in found["left_out"]} == {"a.py", "c.py", "train.py"}
    assert found["files"] == ["train.py", "c.py"]  # loaded, and so kept whole
    assert "more than 5 MB" in found["left_out"][-1]["why"]
    git(Path(), "clone", "-q", "repo", "clone")
    git(Path("clone"), "apply", str(Path("run/code/diff.patch").absolute()))
    assert (Path("clone") / "b.py").read_bytes() == (repo / "b.py").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_diff_of_two_gigabytes_costs_little() -> None:
    """Files of 2 GB in all are recorded within the memory of 1 GB and in less time than reading them takes."""
    repo = repository(Path("repo"), train="print()\n", big="", many="")
    with open(repo / "big.py", "wb") as file:
        file.write(b"line\n" * 1000)
        file.truncate(2 << 30)
    (repo / "many.py").write_text("0123456789\n" * 300_000)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))"
    began = time.monotonic()
    found = recorded(repo, limit)
    assert "big.py" in {item["path"] for item in found["left_out"]}
    assert time.monotonic() - began < 60  # not a measurement: reading and comparing 2 GB of lines takes minutes


def test_credentials_in_added_lines_are_masked() -> None:
    """Known shapes and whole private keys; the lines that must match the commit stay as they are."""
    token = "ghp_" + "a" * 36
    repo = repository(Path("repo"), train="print()\n", old=f"old = '{token}'\n\n")
    key = ["-----BEGIN RSA PRIVATE KEY-----", "c2VjcmV0", "-----END RSA PRIVATE KEY-----"]
    (repo / "old.py").write_text(f"old = '{token}'\n\nnew = '{token[:-1]}b'\n" + "\n".join(key) + "\nend = 1\n")
    found = recorded(repo)
    assert found["masked"]
    assert f" old = '{token}'" in patch()
    assert "new = '***'" in patch()
    assert "c2VjcmV0" not in patch()
    assert "+end = 1" in patch()
    git(Path(), "clone", "-q", "repo", "clone")
    git(Path("clone"), "apply", str(Path("run/code/diff.patch").absolute()))


def test_submodules_are_listed_with_their_state() -> None:
    """The commit of each, and whether it has changes, which are not recorded."""
    part = repository(Path("part"), layers="x = 1\n")
    repo = repository(Path("repo"), train="print()\n")
    git(repo, "submodule", "add", "-q", str(part.absolute()), "part")
    git(repo, "commit", "-qam", "part")
    (repo / "part" / "layers.py").write_text("x = 2\n")
    found = recorded(repo)
    (module,) = found["repository"]["submodules"]
    assert (module["path"], module["commit"]) == ("part", git(part, "rev-parse", "HEAD"))
    assert "not committed" in module["state"]
    assert "Subproject" not in patch()


def test_recording_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """EXPERIMENT_SHEET_CODE=0 keeps code out of run folders."""
    monkeypatch.setenv("EXPERIMENT_SHEET_CODE", "0")
    with pytest.raises(FileNotFoundError):
        recorded(repository(Path("repo"), train="print()\n"))


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("git@github.com:me/repo.git", "git@github.com:me/repo.git"),
        ("ssh://git@host/repo", "ssh://git@host/repo"),
        ("ssh://me:pw@host:22/repo", "ssh://host:22/repo"),
        ("https://token@host/repo", "https://host/repo"),
        ("https://u:p@host/repo?private_token=x#y", "https://host/repo"),
        ("../sibling", "../sibling"),
        ("https://[broken", "***"),
    ],
)
def test_addresses_lose_their_credentials(address: str, plain: str) -> None:
    """User, password and query go; what names no secret stays."""
    assert without_credentials(address) == plain


def test_a_run_records_its_code_in_the_background() -> None:
    """A run that began with `init` has code and system in its folder and in run.json; one of one call has no folder."""
    repo = repository(Path("repo"), train="import experiment_sheet as es\nes.init('runs.csv').finish()\n")
    python(repo, "train.py")
    (facts,) = [json.loads(path.read_text()) for path in repo.glob("runs_files/*/run.json")]
    assert facts["code"]["repository"]["commit"] == git(repo, "rev-parse", "HEAD")
    assert facts["code"]["command"][1:] == ["train.py"]
    assert facts["system"]["python"] == ".".join(map(str, sys.version_info[:3]))
    python(repo, "-c", "import experiment_sheet as es; es.log_run('once.csv', {'lr': 1})")
    assert [path.name for path in repo.glob("once_files/*")] == ["journal"]


def test_a_killed_run_has_its_code_too() -> None:
    """It is written while the run goes on, not when it ends."""
    body = "import experiment_sheet as es, os\nfrom experiment_sheet import background\nrun = es.init('runs.csv')\n"
    repo = repository(Path("repo"), train=body + "background.settle(); os.kill(os.getpid(), 9)\n")
    subprocess.run([sys.executable, "train.py"], cwd=repo, check=False)
    assert list(repo.glob("runs_files/*/code/files/train.py"))
    assert not list(repo.glob("runs_files/*/run.json"))


def test_cells_of_a_notebook_are_kept_as_they_were_run() -> None:
    """A notebook's file may say something else than what was run; the cells of IPython's history are kept, masked."""
    pytest.importorskip("IPython")
    repo = repository(Path("repo"), train="print()\n")
    secret = "hf_" + "a" * 34
    ran = ('import experiment_sheet as es; run = es.init("runs.csv")', f'token = "{secret}"', "run.finish()")
    program = (
        "import __main__\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance(user_module=__main__)\n"
        f"for cell in {ran!r}: shell.run_cell(cell, store_history=True)"
    )
    python(repo, "-c", program)
    (kept,) = repo.glob("runs_files/*/code/cells.py")
    text = kept.read_text()
    assert "es.init" in text
    assert "run.finish()" in text
    assert secret not in text
