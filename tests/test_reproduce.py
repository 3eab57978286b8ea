"""`show` and `reproduce`: a run is made again from what was recorded of it, and what can't be is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from repository import TRAIN, git, needs_git, python, repository

import experiment_sheet as es
from experiment_sheet.reproduce import known, restore
from experiment_sheet.rerun import compare
from experiment_sheet.sheet import Sheet

LAYERS = "def width():\n    return {}\n"


def program(*words: str, ok: bool | None = True) -> dict[str, Any]:
    """Run a command with --json; `ok` is whether it is to succeed."""
    line = [sys.executable, "-m", "experiment_sheet", *words, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ok is None or (done.returncode == 0) is ok, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def changed_repository() -> Path:
    """A repository whose code was changed, and got a new module, after its commit."""
    repo = repository(Path("repo"), train=TRAIN, layers=LAYERS.format(1))
    (repo / "layers.py").write_text("from extra import factor\n\ndef width():\n    return 3 * factor\n")
    (repo / "extra.py").write_text("factor = 2\n")
    return repo


@needs_git
def test_a_run_with_uncommitted_changes_is_made_again() -> None:
    """The commit, the diff and the new module are restored; the same comes out, though the repository went on."""
    repo = changed_repository()
    python(repo, "train.py", "0.5")
    (repo / "layers.py").write_text(LAYERS.format(99))
    (repo / "extra.py").unlink()
    git(repo, "commit", "-qam", "later")
    before = (repo / "runs.csv").read_bytes()
    found = program("reproduce", "@last", "-s", str(repo / "runs.csv"), "--into", "again", "--run")
    assert "loss" in found["same"]
    assert found["different"] == []
    assert found["exit_code"] == 0
    assert (repo / "runs.csv").read_bytes() == before
    assert Path("again/code/extra.py").read_text() == "factor = 2\n"
    assert json.loads(Path("again/config.json").read_text()) == {"lr": 0.5, "width": 6}
    assert "numpy==" in Path("again/requirements.txt").read_text()
    assert Path("again/command.txt").read_text().split()[1:] == ["train.py", "0.5"]
    assert git(repo, "status", "--porcelain", "--untracked-files=no") == ""


@needs_git
def test_other_outputs_are_told_from_the_same() -> None:
    """A changed restored code gives a different loss: named, with both values, and the exit code is 1."""
    repo = changed_repository()
    python(repo, "train.py", "0.5")
    sheet = str(repo / "runs.csv")
    facts = known(Sheet(sheet), es.Sheet(sheet).read().index[0])
    made = restore(facts, Path("again"))
    (made.code / "extra.py").write_text("factor = 2.0001\n")
    environ = {"EXPERIMENT_SHEET_REDIRECT": str(made.path / "reproduced.xlsx")}
    subprocess.run([sys.executable, "train.py", "0.5"], cwd=made.code, env=environ, check=True)
    (difference,) = [d for d in compare(made, facts).different if d.key == "loss"]
    assert (difference.then, difference.now) == (pytest.approx(0.6), pytest.approx(0.60003))
    assert "loss" in compare(made, facts, tolerance=1e-3).same
    assert "loss" not in compare(made, facts, but=("lo*",)).same


@needs_git
def test_a_command_that_fails_or_changes_is_exit_code_one() -> None:
    """A script that gives chance results is not the same again."""
    repo = repository(Path("repo"), train=TRAIN.replace("run.config.lr", "__import__('random').random()"))
    (repo / "layers.py").write_text(LAYERS.format(1))
    python(repo, "train.py", "0.5")
    words = ("reproduce", "@last", "-s", str(repo / "runs.csv"), "--run", "--into")
    assert program(*words, "again", ok=False)["different"][0]["key"] == "loss"
    (repo / "layers.py").unlink()
    assert program(*words, "third", "--python", "/nowhere/python", ok=False)["exit_code"] == 127


@needs_git
def test_absolute_paths_and_other_folders_lead_to_the_restored_code() -> None:
    """A script that was started by its whole path from elsewhere runs its copy, not the original."""
    repo = changed_repository()
    Path("away").mkdir()
    python(Path("away"), str((repo / "train.py").absolute()), "0.5")
    (repo / "layers.py").write_text(LAYERS.format(99))
    found = program("reproduce", "@last", "-s", "away/runs.csv", "--into", "again", "--run")
    assert str(Path("again/code/train.py").absolute()) in found["command"]
    assert "loss" in found["same"]


@needs_git
def test_the_commit_may_come_from_a_repository_that_is_named() -> None:
    """Where the old place is gone, --repository says another; without, it is said that the commit can't be had."""
    repo = changed_repository()
    python(repo, "train.py", "0.5")
    (repo / "runs_files").rename("runs_files")
    (repo / "runs.csv").rename("runs.csv")
    repo.rename("moved")
    missing = program("reproduce", "@last", "-s", "runs.csv", "--into", "a")["missing"]
    assert any("--repository" in line for line in missing)
    found = program("reproduce", "@last", "-s", "runs.csv", "--into", "b", "--repository", "moved", "--run")
    assert "loss" in found["same"]


@needs_git
def test_submodules_come_back_at_their_commit() -> None:
    """From where they lay; their own uncommitted changes are said to be lost."""
    part = repository(Path("part"), extra="factor = 2\n")
    layers = "from part.extra import factor\n\ndef width():\n    return factor\n"
    repo = repository(Path("repo"), train=TRAIN, layers=layers)
    git(repo, "submodule", "add", "-q", str(part.absolute()), "part")
    git(repo, "commit", "-qam", "part")
    python(repo, "train.py", "0.5")
    found = program("reproduce", "@last", "-s", str(repo / "runs.csv"), "--into", "again", "--run")
    assert any(line.startswith("submodule part") for line in found["restored"])
    assert "loss" in found["same"]


def test_a_run_outside_of_git_is_made_again_from_its_script() -> None:
    """Script and modules are enough; that there was no commit is said."""
    Path("plain").mkdir()
    Path("plain/train.py").write_text(TRAIN)
    Path("plain/layers.py").write_text(LAYERS.format(4))
    python(Path("plain"), "train.py", "0.5")
    Path("plain/train.py").unlink()
    Path("plain/layers.py").unlink()
    found = program("reproduce", "@last", "-s", "plain/runs.csv", "--into", "again", "--run")
    assert "loss" in found["same"]
    assert any("no commit" in line or "a commit" in line for line in found["missing"])


def test_one_of_many_runs_is_found_by_its_inputs() -> None:
    """A program that makes several runs is run whole; the run with the same inputs is compared."""
    Path("sweep.py").write_text(
        "import experiment_sheet as es\n"
        "for lr in (1, 2, 3):\n"
        "    with es.init('runs.csv', config={'lr': lr}) as run:\n"
        "        run.log({'loss': lr / 7})\n"
    )
    python(Path(), "sweep.py")
    second = es.Sheet("runs.csv").read().index[1]
    found = program("reproduce", second, "-s", "runs.csv", "--into", "again", "--run")
    assert found["different"] == []
    assert len(es.Sheet("again/reproduced.xlsx").read()) == 3
    assert len(es.Sheet("runs.csv").read()) == 3


def test_a_scikit_learn_training_and_the_demo_give_the_same_metrics() -> None:
    """A run of the demo names the command that makes it alone; run again, every metric is the same."""
    pytest.importorskip("sklearn")
    program("demo", "--runs", "2", "-s", "digits.csv")
    found = program("reproduce", "@last", "-s", "digits.csv", "--into", "again", "--run")
    assert found["command"][-2:] == ["--trial", "2"]
    assert {"val_acc", "val_loss", "test_acc"} <= set(found["same"])
    assert found["different"] == []
    assert len(es.Sheet("again/reproduced.xlsx").read()) == 1


def test_data_is_verified_and_lies_where_it_lay() -> None:
    """Unchanged data is linked beside the code; changed, missing and unverifiable data is said to be so."""
    Path("code").mkdir()
    Path("code/data.txt").write_text("1 2 3")
    Path("code/later.txt").write_text("a")
    Path("code/gone.txt").write_text("a")
    Path("code/train.py").write_text(
        "import experiment_sheet as es\n"
        "with es.init('runs.csv') as run:\n"
        "    run.log_dataset('good', 'data.txt'); run.log_dataset('changed', 'later.txt', role='test')\n"
        "    run.log_dataset('gone', 'gone.txt', role='test'); run.log_dataset('list', [1], role='test')\n"
        "    run.log({'sum': sum(map(int, open('data.txt').read().split()))})\n"
    )
    python(Path("code"), "train.py")
    Path("code/later.txt").write_text("b")
    Path("code/gone.txt").unlink()
    found = program("reproduce", "@last", "-s", "code/runs.csv", "--into", "again")
    assert [line for line in found["restored"] if "dataset good" in line and "unchanged" in line]
    assert Path("again/code/data.txt").samefile("code/data.txt")
    said = "\n".join(found["missing"])
    assert "dataset changed (test)" in said
    assert "changed since" in said
    assert "dataset gone (test)" in said
    assert "builtins.list" in said


@needs_git
def test_a_run_of_one_call_is_restored_as_far_as_its_row_goes() -> None:
    """It has a commit and a command, and no diff: that the changes are lost is said."""
    script = "import experiment_sheet as es\nes.log_run('runs.csv', {'lr': 1, 'loss': 0.25})\n"
    repo = repository(Path("repo"), train=script)
    (repo / "train.py").write_text(script + "# changed\n")
    python(repo, "train.py")
    words = ("reproduce", "@last", "-s", str(repo / "runs.csv"), "--into", "again", "--run")
    found = program(*words, "--repository", str(repo))
    assert "loss" in found["same"]
    assert any("not committed" in line for line in found["missing"])


def test_a_command_with_a_masked_credential_is_not_run() -> None:
    """It is said, and nothing is run."""
    Path("train.py").write_text("import experiment_sheet as es\nes.init('runs.csv').finish()\n")
    python(Path(), "train.py", "--api-key", "hunter2")
    found = program("reproduce", "@last", "-s", "runs.csv", "--into", "again", "--run", ok=False)
    assert found["command"] == []
    assert any("credential" in line for line in found["missing"])
    assert "hunter2" not in json.dumps(found)


def test_the_folder_has_to_be_new(tmp_path: Path) -> None:
    """Nothing that is there is ever written over."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(es.UsageError, match="not empty"):
        restore({"run_id": "r1"}, tmp_path / "full")


def test_a_redirected_program_writes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sheet that is named is the one; what is kept in memory stays there."""
    monkeypatch.setenv("EXPERIMENT_SHEET_REDIRECT", "one.csv")
    es.log_run("runs.xlsx", {"lr": 1})
    es.init(project="cats").finish()
    es.Sheet("gsheet://KEY/Tab").append([{"lr": 2}])
    es.init(mode="disabled").finish()
    assert len(es.Sheet().read()) == 3
    assert {path.name for path in Path().glob("*.*")} - {".xdg"} == {"one.csv"}


# What somebody else may have written into run folders


def hostile(tmp_path: Path, **code: Any) -> tuple[dict[str, Any], Path]:
    """Facts of a run whose folder was made by an enemy."""
    folder = tmp_path / "run"
    (folder / "code" / "files").mkdir(parents=True, exist_ok=True)
    return {"run_id": "r1", "run": {}, "inputs": {}, "outputs": {}, "folder": str(folder), "code": code}, folder


@needs_git
def test_a_patch_can_not_leave_the_folder(tmp_path: Path) -> None:
    """Nor write into git's own files."""
    for name in ("../../escaped", ".git/hooks/post-checkout"):
        repo = repository(tmp_path / name.replace("/", "_"), train="print()\n")
        facts, folder = hostile(
            tmp_path, root=str(repo), repository={"commit": git(repo, "rev-parse", "HEAD")}, diff="code/diff.patch"
        )
        patch = f"diff --git a/{name} b/{name}\nnew file mode 100755\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+x\n"
        (folder / "code" / "diff.patch").write_text(patch)
        made = restore(facts, tmp_path / f"into{len(name)}" / "deep")
        assert any("doesn't apply" in line for line in made.missing)
        assert not list(tmp_path.rglob("escaped"))
        assert not (made.code / ".git/hooks/post-checkout").exists()


@needs_git
@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_kept_files_can_not_leave_the_folder(tmp_path: Path) -> None:
    """Not through a link in the commit, not as a link, and not into git's own files."""
    repo = repository(tmp_path / "repo", train="print()\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("secret")
    (repo / "away").symlink_to(tmp_path / "outside")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "link")
    facts, folder = hostile(tmp_path, root=str(repo), repository={"commit": git(repo, "rev-parse", "HEAD")})
    kept = folder / "code" / "files"
    (kept / "away").mkdir()
    (kept / "away" / "x.py").write_text("x")
    (kept / ".git" / "hooks").mkdir(parents=True)
    (kept / ".git" / "hooks" / "post-commit").write_text("x")
    (kept / "stolen.py").symlink_to(tmp_path / "secret")
    made = restore(facts, tmp_path / "into")
    assert not list((tmp_path / "outside").iterdir())
    assert not (made.code / ".git/hooks/post-commit").exists()
    assert not (made.code / "stolen.py").exists()
    assert sum("outside" in line for line in made.missing) == 3


@pytest.mark.parametrize(
    "code",
    [
        {"repository": {"commit": "--upload-pack=touch sprung"}},
        {"repository": {"commit": "abcdef1", "remote": "ext::sh -c 'touch sprung'"}},
        {"repository": {"commit": "abcdef1", "remote": "--upload-pack=touch sprung"}},
        {"repository": {"commit": "abcdef1", "remote": "ssh://-oProxyCommand=touch sprung/x"}},
        {"folder": "../../..", "command": ["python", "-c", "1"]},
        {"folder": 3, "command": "sh", "repository": [], "files": {}, "left_out": 1, "root": 5},
        {"repository": {"commit": 5, "submodules": 7}, "diff": 3, "left_out": [2], "script": []},
    ],
)
def test_nothing_that_was_recorded_is_trusted(tmp_path: Path, code: dict[str, Any]) -> None:
    """Options in place of commits, addresses that run programs, folders above, nonsense: nothing runs or leads away."""
    facts, _ = hostile(tmp_path, **code)
    facts["system"] = {"python": "3\n--index-url http://evil", "packages": {"x": "==1\n--index-url=evil", "y;": "==1"}}
    made = restore(facts, tmp_path / "into")
    assert not list(tmp_path.rglob("sprung"))
    assert not Path("sprung").exists()
    assert made.folder.is_relative_to(made.path)
    lines = (made.path / "requirements.txt").read_text().splitlines()
    assert all(line.startswith("#") for line in lines)


# show


@needs_git
def test_show_prints_all_that_is_known() -> None:
    """The row, the code, the machine; --json has the packages, too, and what a person typed."""
    repo = changed_repository()
    python(repo, "train.py", "0.5")
    sheet = str(repo / "runs.csv")
    es.Sheet(sheet).update(es.Sheet(sheet).read().index[0], {"notes": "mine"})
    words = [sys.executable, "-m", "experiment_sheet", "show", "@last", "-s", sheet]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for part in ("mine", git(repo, "rev-parse", "HEAD"), "code/diff.patch", "packages", "train.py", "0.5"):
        assert part in text
    found = program("show", "@last", "-s", sheet)
    assert found["outputs"]["loss"] == pytest.approx(0.6)
    assert found["run"]["notes"] == "mine"
    assert "numpy" in found["system"]["packages"]
    assert Path(found["folder"]).is_dir()


def test_show_of_a_row_without_a_folder() -> None:
    """A run of one call, and no such run."""
    run = es.log_run("runs.csv", {"lr": 0.1, "loss": 0.5}, notes="n")
    found = program("show", run, "-s", "runs.csv")
    assert (found["inputs"], found["outputs"], found["run"]["notes"]) == ({"lr": 0.1}, {"loss": 0.5}, "n")
    words = [sys.executable, "-m", "experiment_sheet", "show", "nobody", "-s", "runs.csv"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no run answers" in done.stderr
