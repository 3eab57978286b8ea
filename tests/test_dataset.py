"""What is recorded of a run's data: its hash tells the same from the changed, in whatever form it comes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import experiment_sheet as es
from experiment_sheet import background, dataset
from experiment_sheet.row import RunRow
from experiment_sheet.sheet import Sheet


@pytest.fixture
def row() -> RunRow:
    return RunRow(Sheet("runs.csv"), "r1")


def cell(row: RunRow, key: str) -> object:
    """What the row will say."""
    return {column.key: value for column, value in row.recorded.items()}[key]


def old(path: Path) -> Path:
    """Let a file look as if it had not been touched for long."""
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_a_table_is_described(row: RunRow) -> None:
    """Rows, columns, types, and a hash that follows the values, their order and the names."""
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
    found = dataset.log(row, "frame", frame, version=2, features=["a", "b"], augmentations="flip")
    assert (found.rows, found.columns, found.source) == (3, 2, "pandas.DataFrame")
    assert found.dtypes is not None
    assert found.dtypes["a"] == "int64"
    hashes = [
        dataset.log(row, "x", other).blake2b
        for other in (frame.copy(), frame.iloc[::-1], frame.rename(columns={"a": "c"}), frame.assign(a=[1, 2, 4]))
    ]
    assert hashes[0] == found.blake2b
    assert len(set(hashes)) == 4
    assert (cell(row, "features"), cell(row, "augmentations")) == ("a, b", "flip")


def test_a_hash_is_the_same_in_every_process(row: RunRow) -> None:
    """Python's own hashes of text differ from process to process; these don't."""
    frame = pd.DataFrame({"b": ["x", "y"]})
    program = (
        "import pandas as pd, experiment_sheet as es; from experiment_sheet import dataset; "
        "from experiment_sheet.row import RunRow; from experiment_sheet.sheet import Sheet; "
        "print(dataset.log(RunRow(Sheet('other.csv'), 'r'), 'n', pd.DataFrame({'b': ['x', 'y']})).blake2b)"
    )
    environ = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == dataset.log(row, "n", frame).blake2b


def test_arrays_are_hashed_by_value(row: RunRow) -> None:
    """Not by their order in memory; shape and type count."""
    array = np.arange(24.0).reshape(4, 6)

    def digest(data: Any) -> str | None:
        return dataset.log(row, "x", data).blake2b

    assert digest(array[:, ::2]) == digest(array[:, ::2].copy())
    assert digest(np.asfortranarray(array)) == digest(array)
    assert len({digest(array), digest(array.reshape(6, 4)), digest(array.astype("float32")), digest(array + 1)}) == 4
    assert digest(np.array([object()])) is None
    assert digest(np.zeros((0, 3))) is not None
    assert digest(np.float64(3.5).reshape(())) is not None
    assert dataset.log(row, "x", array).rows == 4


def test_files_and_folders(row: RunRow) -> None:
    """A file by its bytes, a folder by names and bytes; the row shows name, version and eight characters."""
    Path("data").mkdir()
    Path("data/a.csv").write_text("1,2\n")
    one = dataset.log(row, "one", "data/a.csv", role="val")
    tree = dataset.log(row, "tree", Path("data"), version="v2", role="test")
    assert one.source == str(Path("data/a.csv").absolute())
    assert (one.size, tree.files) == (4, 1)
    assert cell(row, "validation_data") == f"one {one.blake2b[:8]}"  # type: ignore[index]
    assert cell(row, "test_data") == f"tree v2 {tree.blake2b[:8]}"  # type: ignore[index]
    Path("data/a.csv").write_text("1,3\n")
    assert dataset.log(row, "tree", "data").blake2b != tree.blake2b


def test_several_datasets_of_one_role_stand_in_one_cell(row: RunRow) -> None:
    """In the order in which they came; one that is logged again is there once."""
    for name in ("a", "b", "a"):
        dataset.log(row, name, [1, 2])
    assert cell(row, "train_data") == "a, b"


def test_what_is_known_by_size_and_time_is_not_read_again(row: RunRow) -> None:
    """Proven with bytes that change behind the clock's back; a touched file is read."""
    path = Path("big.bin")
    path.write_bytes(b"1" * (2 << 20))
    first = dataset.log(row, "x", old(path)).blake2b
    path.write_bytes(b"2" * (2 << 20))
    assert dataset.log(row, "x", old(path)).blake2b == first
    path.touch()
    assert dataset.log(row, "x", path).blake2b != first


def test_a_file_just_written_is_not_remembered(row: RunRow) -> None:
    """A second change in the same tick of the clock could not be told from the first."""
    path = Path("big.bin")
    path.write_bytes(b"1" * (2 << 20))
    first, stat = dataset.log(row, "x", path).blake2b, path.stat()
    path.write_bytes(b"2" * (2 << 20))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert dataset.log(row, "x", path).blake2b != first


def test_large_files_are_hashed_while_the_run_goes_on() -> None:
    """The call returns at once; the row has the hash when the run ends."""
    with open("large.bin", "wb") as file:
        file.truncate(65 << 20)
    with es.init("runs.csv") as run:
        assert run.log_dataset("large", "large.bin") is not None
        background.settle()
    digest = json.loads((Path(run.dir) / "run.json").read_text())["datasets"]["large (train)"]["blake2b"]
    assert es.Sheet("runs.csv").read().loc[run.id, "train_data"] == f"large {digest[:8]}"
    import hashlib

    assert digest == hashlib.blake2b(bytes(65 << 20), digest_size=32).hexdigest()


def test_what_can_not_be_read_is_said_and_kept_by_name(row: RunRow, caplog: pytest.LogCaptureFixture) -> None:
    """A missing file, an address, an object without contents: no exception, and a row that names them."""
    with caplog.at_level(logging.WARNING, "experiment_sheet"):
        missing = dataset.log(row, "missing", "nowhere.csv")
    assert "nowhere.csv" in caplog.text
    assert missing.blake2b is None
    assert dataset.log(row, "far", "s3://me:secret@bucket/x", role="test").source == "s3://bucket/x"
    assert dataset.log(row, "list", [1, 2, 3], role="val").rows == 3


@pytest.mark.parametrize(("name", "role"), [("", "train"), ("x", ""), ("x", "a b"), (3, "train"), ("x", None)])
def test_a_wrong_call_raises(row: RunRow, name: Any, role: Any) -> None:
    """A dataset has a name and a role."""
    with pytest.raises(es.UsageError, match="name and a role"):
        dataset.log(row, name, [1], role=role)


def test_credentials_are_not_recorded(row: RunRow) -> None:
    """Neither in addresses nor in what somebody wrote beside them."""
    token = "hf_" + "a" * 34
    dataset.log(row, "x", f"https://me:{token}@host/x?sig={token}", version=token, features=[token])
    assert token not in Path("runs_files/r1/datasets.json").read_text()
