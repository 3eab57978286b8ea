"""What is recorded of the machine and the environment."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiment_sheet.system import describe, environment, packages


def test_packages_are_those_of_importlib_metadata() -> None:
    """Every distribution that Python itself finds, with the version that it states."""
    found = packages(tuple(sys.path))
    stated = {}
    for dist in importlib.metadata.distributions():
        stated.setdefault(re.sub(r"[-_.]+", "-", dist.name).lower(), dist.version)
    assert found.keys() == stated.keys()
    different = {name: (pin, stated[name]) for name, pin in found.items() if f"=={stated[name]}" not in pin}
    assert not {name for name, (pin, _) in different.items() if " @ " not in pin}


def test_where_pip_had_a_package_from(tmp_path: Path) -> None:
    """A package from a repository or a folder is not pinned to an index that may not have it (PEP 610)."""
    origins = {
        "one-1.0": None,
        "two_x-2.0": {"url": "https://me:pw@host/two.git", "vcs_info": {"vcs": "git", "commit_id": "abc1234"}},
        "three-3.0": {"url": "file:///home/me/three", "dir_info": {"editable": True}},
    }
    for name, origin in origins.items():
        info = tmp_path / f"{name}.dist-info"
        info.mkdir()
        if origin:
            (info / "direct_url.json").write_text(json.dumps(origin))
    (tmp_path / "old.egg-info").mkdir()
    (tmp_path / "old.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: Old.Thing\nVersion: 0.9\n")
    assert packages((str(tmp_path), str(tmp_path / "missing"))) == {
        "old-thing": "==0.9",
        "one": "==1.0",
        "three": "==3.0 (file:///home/me/three)",
        "two-x": " @ git+https://host/two.git@abc1234",
    }


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    """As it does for an import."""
    for folder, version in (("a", "1"), ("b", "2")):
        (tmp_path / folder / f"x-{version}.dist-info").mkdir(parents=True)
    assert packages((str(tmp_path / "b"), str(tmp_path / "a"))) == {"x": "==2"}


def test_environment_is_by_allow_list_and_masked() -> None:
    """What changes results is recorded; everything else is nobody's business; credentials never are."""
    variables = {
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "1",
        "HOME": "/home/me",
        "TF_VAR_db": "hunter2",  # Terraform's
        "TF_DETERMINISTIC_OPS": "1",
        "OPENAI_API_KEY": "sk-" + "a" * 30,
        "MY_FLAG": "on",
        "TORCH_TOKEN": "ghp_" + "a" * 36,
        "NCCL_API_KEY": "plain",
    }
    allowed = {
        "TF_DETERMINISTIC_OPS": "1",
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "1",
        "TORCH_TOKEN": "***",
        "NCCL_API_KEY": "***",
    }
    assert environment(variables) == allowed
    assert environment(variables | {"EXPERIMENT_SHEET_ENV": "MY_*, OPENAI*"}) == allowed | {
        "MY_FLAG": "on",
        "OPENAI_API_KEY": "***",
    }


def test_the_machine_is_described() -> None:
    """Python, system, processors and memory as the system itself says, as plain JSON."""
    found = describe()
    assert found["python"] == platform.python_version()
    assert found["cpus"] <= (os.cpu_count() or 0)
    assert json.loads(json.dumps(found)) == found
    if os.name == "posix":
        assert 1 << 28 < found["memory"] < 1 << 50


@pytest.mark.skipif(os.name == "nt", reason="puts a shell script on the path")
def test_graphics_cards_as_nvidia_smi_lists_them(tmp_path: Path) -> None:
    """One entry per card, the driver apart; a program that fails or lists nonsense is no card."""
    tool = tmp_path / "nvidia-smi"
    report = "import json; from experiment_sheet.system import graphics; print(json.dumps(graphics()))"

    def graphics(script: str) -> Any:
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        environ = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        words = [sys.executable, "-c", report]
        return json.loads(subprocess.run(words, env=environ, capture_output=True, text=True, check=True).stdout)

    card = "echo NVIDIA A100, 81920 MiB, 550.54, GPU-"
    cards, driver = graphics(f"{card}1; {card}2")
    assert [card["uuid"] for card in cards] == ["GPU-1", "GPU-2"]
    assert driver == {"driver": "550.54"}
    assert graphics("echo broken") == [[], {}]
    assert graphics("exit 9") == [[], {}]
