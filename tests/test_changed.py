"""What changed between two runs, in words; and in the sheet, as runs are logged."""

from __future__ import annotations

import math
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet.changed import difference, in_words, is_place, is_repetition, settings, steps
from experiment_sheet.memory import Memory
from experiment_sheet.values import same

CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))


def words(before: dict[str, object], after: dict[str, object]) -> str:
    """What changed, in words."""
    return in_words(steps(settings(before), settings(after)))  # type: ignore[arg-type]


def test_changes_are_told_in_words() -> None:
    """First what differs, then what is new, then what is gone."""
    before = {"lr": 0.01, "warmup": 5, "model": "cnn"}
    assert words(before, {"lr": 1e-3, "model": "cnn", "dropout": 0.1}) == "lr 0.01 → 0.001, +dropout 0.1, -warmup"
    assert words(before, before) == "nothing"
    assert words({"a": 0.12345678}, {"a": 0.12345679}) == "a 0.12345678 → 0.12345679"


def test_seeds_folds_and_places_of_results_are_no_change() -> None:
    """What only tells repetitions apart makes no other experiment; what is named alike does."""
    assert words({"seed": 1, "cv.fold": 0, "data_seed": 1}, {"seed": 2, "cv.fold": 3, "output_dir": "/x"}) == "nothing"
    assert is_repetition("model.random_state")
    assert not is_repetition("n_folds")
    assert is_place("trainer.log-dir")
    assert not is_place("data_dir")


def test_the_same_file_in_another_folder_is_the_same_file() -> None:
    """Machines have their data in different places; another file is told by its name, a model of a hub in full."""
    assert words({"data": "/home/ana/train.csv"}, {"data": r"C:\data\train.csv"}) == "nothing"
    assert words({"data": "./a/train.csv"}, {"data": "./a/train2.csv"}) == "data train.csv → train2.csv"
    assert words({"model": "google/bert"}, {"model": "other/bert"}) == "model google/bert → other/bert"


def test_words_stay_short() -> None:
    """Neither a long text nor hundreds of changes fill the cell."""
    assert len(words({}, {f"key {n}" * 50: "x" * 30_000 for n in range(500)})) < 1_200
    assert words({}, {str(n): n for n in range(15)}).endswith(", and 3 more")


@given(st.dictionaries(st.text(max_size=5), CELLS, max_size=6), st.dictionaries(st.text(max_size=5), CELLS, max_size=6))
def test_steps_lead_from_one_to_the_other(before: dict[str, object], after: dict[str, object]) -> None:
    """Taking every step from the settings of one run gives those of the other."""
    one, other = settings(before), settings(after)  # type: ignore[arg-type]
    taken = dict(one)
    for step in steps(one, other):
        assert step.before == one.get(step.key)
        taken[step.key] = step.after
    taken = {key: cell for key, cell in taken.items() if cell is not None}
    assert taken.keys() == other.keys()
    assert all(taken[key] == cell or same(taken[key], cell) for key, cell in other.items())
    assert steps(one, one) == []


@given(st.decimals(-1000, 1000, places=4), st.decimals(-1000, 1000, places=4))
def test_differences_have_no_noise(one: object, other: object) -> None:
    """Two numbers of a few decimals differ by a number of a few decimals."""
    assert difference(float(one), float(other)) == pytest.approx(float(one - other), abs=1e-12)  # type: ignore[operator,arg-type]
    assert len(repr(abs(difference(0.94, 0.93)))) == len("0.01")


# In the sheet


def cells(sheet: str = "runs.csv") -> list[tuple[object, object]]:
    """The columns `changed` and `gain`, None where nothing stands."""
    frame = es.Sheet(sheet).read().astype(object)
    return [
        tuple(None if cell is None or cell != cell else cell for cell in row)  # type: ignore[misc]
        for row in frame[["changed", "gain"]].to_numpy().tolist()
    ]


@pytest.mark.parametrize("sheet", ["runs.csv", "runs.xlsx"])
def test_each_row_says_what_changed_and_what_it_brought(sheet: str) -> None:
    """Against the run before; nothing for the first run, of which nothing is known."""
    es.log_run(sheet, {"lr": 0.01, "seed": 1, "val_acc": 0.90, "loss": 0.4})
    es.log_run(sheet, {"lr": 0.001, "seed": 2, "val_acc": 0.93, "loss": 0.9})
    es.log_run(sheet, {"lr": 0.001, "seed": 3, "val_acc": 0.92, "loss": 0.1})
    assert cells(sheet) == [(None, None), ("lr 0.01 → 0.001", 0.03), ("nothing", -0.01)]


def test_less_is_more_where_the_metric_says_so() -> None:
    """A gain above zero is an improvement, whichever way the metric goes; what diverged has none."""
    for loss in (0.5, 0.4, math.nan, math.inf, 0.45):
        es.log_run("runs.csv", {"lr": 1, "val_loss": loss})
    assert [gain for _, gain in cells()] == [None, 0.1, None, None, -0.05]


def test_what_a_run_says_of_its_metric_decides() -> None:
    """define_metric with a goal names what the gain is of, before any name does."""
    for widgets in (3.0, 5.0):
        with es.init("runs.csv", config={"lr": widgets}) as run:
            run.define_metric("widgets", goal="min")
            run.log({"val_acc": widgets / 10, "widgets": widgets})
    assert cells()[1] == ("lr 3 → 5", -2.0)


def test_config_that_comes_late_counts() -> None:
    """As in wandb, a config may be set after the run began; the row says what changed all the same."""
    es.log_run("runs.csv", {"lr": 0.1, "epochs": 3})
    with es.init("runs.csv") as run:
        run.config.update({"lr": 0.1, "epochs": 4})
    with es.init("runs.csv", config={"lr": 0.1, "epochs": 4}):
        pass
    assert [changed for changed, _ in cells()] == [None, "epochs 3 → 4", "nothing"]


def test_a_group_is_compared_with_itself() -> None:
    """The first run of a group is compared with the last run of the sheet."""
    for group, lr in (("a", 1), ("b", 2), ("a", 3), ("b", 2)):
        with es.init("runs.csv", config={"lr": lr}, group=group):
            pass
    assert [changed for changed, _ in cells()] == [None, "lr 1 → 2", "lr 1 → 3", "nothing"]


def test_folds_are_compared_with_their_parent_and_count_for_nobody() -> None:
    """A fold takes over what it doesn't say; the run after the parent is compared with the parent."""
    with es.init("runs.csv", config={"lr": 1, "epochs": 5}) as parent:
        for fold in range(2):
            with es.init("runs.csv", parent=parent, config={"fold": fold, "epochs": 5 + fold}) as run:
                run.log({"val_acc": 0.99})
    es.log_run("runs.csv", {"lr": 2, "epochs": 5, "val_acc": 0.9})
    es.log_run("runs.csv", {"lr": 2, "epochs": 5, "val_acc": 0.91})
    assert cells() == [(None, None), ("nothing", None), ("epochs 5 → 6", None), ("lr 1 → 2", None), ("nothing", 0.01)]


def test_a_baseline_can_be_chosen(caplog: pytest.LogCaptureFixture) -> None:
    """By run or by id; one that is nowhere is said, and the run before is compared with."""
    first = es.log_run("runs.csv", {"lr": 1})
    es.log_run("runs.csv", {"lr": 2})
    for baseline in (first, "rnowhere"):
        with es.init("runs.csv", config={"lr": 3}, baseline=baseline) as run:
            pass
    with es.init("runs.csv", config={"lr": 4}, baseline=run):
        pass
    assert [changed for changed, _ in cells()] == [None, "lr 1 → 2", "lr 1 → 3", "nothing", "lr 3 → 4"]
    assert "rnowhere" in caplog.text


def test_a_resumed_run_keeps_what_it_said() -> None:
    """What changed is said when the row is made; a second life compares nothing with itself."""
    es.log_run("runs.csv", {"lr": 1, "val_acc": 0.5})
    with es.init("runs.csv", id="again", config={"lr": 2}) as run:
        run.log({"val_acc": 0.6})
    es.log_run("runs.csv", {"lr": 3, "val_acc": 0.9})
    with es.init("runs.csv", id="again", resume="must", config={"lr": 2}) as run:
        run.log({"val_acc": 0.7})
    es.log_run("runs.csv", {"run_id": "again", "val_acc": 0.8})
    assert cells() == [(None, None), ("lr 1 → 2", 0.1), ("lr 2 → 3", 0.3)]


def test_appended_rows_are_known_and_have_no_such_cells() -> None:
    """Results from elsewhere get nothing added, but the next run is compared with the last and the best of them."""
    es.Sheet("runs.csv").append([{"lr": 1, "val_acc": 0.9}, {"lr": 2, "val_acc": 0.8}])
    es.log_run("runs.csv", {"lr": 3, "val_acc": 0.85})
    assert cells() == [(None, None), (None, None), ("lr 2 → 3", -0.05)]


def test_credentials_are_masked_in_words() -> None:
    """What no cell shows is not shown as a change."""
    es.log_run("runs.csv", {"api_key": "one-secret", "lr": 1})
    es.log_run("runs.csv", {"api_key": "two-secret", "lr": 2})
    assert cells()[1][0] == "lr 1 → 2"
    assert "secret" not in Path("runs.csv").read_text(encoding="utf-8")


def test_damaged_or_missing_memory_costs_an_empty_cell() -> None:
    """Whatever stands in its files, logging goes on; the next run knows again."""
    es.log_run("runs.csv", {"lr": 1, "val_acc": 0.5})
    folder = Path("runs_files/journal/before")
    for text in (b"", b"00000000 {}", b"\xff" * 100, b"12345678 [1, 2]\n", b"x" * (2 << 20)):
        for path in folder.glob("*.txt"):
            path.write_bytes(text)
        es.log_run("runs.csv", {"lr": 2, "val_acc": 0.6})
    es.log_run("runs.csv", {"lr": 3, "val_acc": 0.7})
    assert cells() == [(None, None)] * 6 + [("lr 2 → 3", 0.1)]


def test_the_keys_stay_words_of_peoples() -> None:
    """A hyperparameter that is called gain, or a column that people call changed, is not the library's."""
    es.log_run("runs.csv", {"gain": 0.5, "val_acc": 0.5})
    es.log_run("runs.csv", {"gain": 0.7, "val_acc": 0.6})
    frame = es.Sheet("runs.csv").read()
    assert frame["gain (input)"].tolist() == [0.5, 0.7]
    assert cells()[1] == ("gain 0.5 → 0.7", 0.1)
    Path("mine.csv").write_text("changed,lr,gain\nyesterday,1,3\n", encoding="utf-8")
    es.log_run("mine.csv", {"lr": 1, "gain": 4, "val_acc": 1})
    es.log_run("mine.csv", {"lr": 2, "gain": 5, "val_acc": 2})
    lines = Path("mine.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("changed,lr,gain,")
    assert [line.split(",")[:3] for line in lines[1:]] == [["yesterday", "1", "3"], ["", "1", "4"], ["", "2", "5"]]


def test_a_copied_row_keeps_its_words() -> None:
    """Rows of a sheet of runs that are appended to another are what they were; a person may correct them."""
    for lr in (1, 2):
        es.log_run("runs.csv", {"lr": lr, "val_acc": 0.5 + lr / 10})
    other = es.Sheet("other.csv")
    other.append(es.Sheet("runs.csv").read())
    assert cells("other.csv") == cells()
    run = str(other.read().index[1])
    assert other.update(run, {"changed": "only the learning rate"})
    assert cells("other.csv")[1][0] == "only the learning rate"


# Beside the journal


def _improve(folder: str, start: int) -> None:
    for value in range(start, 200, 4):
        Memory(Path(folder), "s").keep_best(f"r{value}", "acc", "max", float(value))


def test_the_best_survives_a_crowd(tmp_path: Path) -> None:
    """Four processes that remember at once lose no better value."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.starmap(_improve, [(str(tmp_path), start) for start in range(4)])
    assert Memory(tmp_path, "s").best()["acc"][0] >= 196


def test_memory_stays_small(tmp_path: Path) -> None:
    """Thousands of groups leave about a hundred files; dozens of metrics the latest twenty."""
    memory = Memory(tmp_path, "s")
    for number in range(150):
        memory.keep_latest(f"group {number}", "r1", {"lr": number})
    for number in range(30):
        memory.keep_best("r1", f"metric {number}", "min", float(number))
    assert len(list((tmp_path / "journal" / "before").glob("latest-*"))) <= 101
    assert memory.latest("group 149") == ("r1", {"lr": 149})
    assert memory.latest(None) is None
    assert list(memory.best())[-1] == "metric 29"
    assert len(memory.best()) == 20
