"""What stands in a run's way: mistakes of its caller, and the world's."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from scripts import rows, script, steps_of

import experiment_sheet as es


def test_what_is_wrong_in_the_code_raises_at_once() -> None:
    """Mistakes of the caller are told clearly, with what was probably meant."""
    with pytest.raises(es.UsageError, match="project"):
        es.init("cats")
    with pytest.raises(es.UsageError, match=r"cats\.xlsx"):
        es.log_run("cats", {"a": 1})
    with pytest.raises(es.UsageError, match="log_run"):
        es.log("runs.xlsx", {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(es.UsageError, match="there is none"):
        es.log({"a": 1})
    with pytest.raises(es.UsageError, match="there is none"):
        _ = es.config.lr
    with pytest.raises(es.UsageError, match="takes the sheet first"):
        es.log_run({"a": 1})  # type: ignore[arg-type]
    with pytest.raises(es.UsageError, match="status"):
        es.log_run("runs.csv", status="done")
    with pytest.raises(es.UsageError, match="dictionary"):
        es.log_run("runs.csv", 3)
    with pytest.raises(es.UsageError, match="dictionary"):
        es.init("runs.csv", config="x.yaml")
    for wrong in ("007", "1e5", "", "a\nb", "2026-01-01", "x" * 200):
        with pytest.raises(es.UsageError, match="id"):
            es.init("runs.csv", id=wrong)
    for keyword in ("reinit", "resume", "mode"):
        with pytest.raises(es.UsageError, match=keyword):
            es.init("runs.csv", **{keyword: "sideways"})
    assert not Path("runs.csv").exists()


WRONG: dict[str, Callable[[], object]] = {
    "plots are": lambda: es.log_run("runs.csv", {"a": 1}, plots=[1]),  # type: ignore[arg-type]
    "artifacts are": lambda: es.log_run("runs.csv", {"a": 1}, artifacts=3),  # type: ignore[arg-type]
    "an artifact is": lambda: es.log_run("runs.csv", {"a": 1}, artifacts=[3]),
    "tags are": lambda: es.log_run("runs.csv", {"a": 1}, tags=3),  # type: ignore[arg-type]
    "status is": lambda: es.log_run("runs.csv", {"status": "mine"}),
    "status is one": lambda: es.log_run("runs.csv", status=[]),  # type: ignore[arg-type]
    "tags are a": lambda: es.init("runs.csv", tags=3),  # type: ignore[arg-type]
    "resume is": lambda: es.init("runs.csv", resume=[]),  # type: ignore[arg-type]
    "mode is": lambda: es.init("runs.csv", mode={}),  # type: ignore[arg-type]
    "reinit is": lambda: es.init("runs.csv", reinit=[]),  # type: ignore[arg-type]
    "if_exists is": lambda: es.init("runs.csv", if_exists=[]),  # type: ignore[arg-type]
    "ignore is": lambda: es.init("runs.csv", ignore=3),  # type: ignore[arg-type]
    "id is": lambda: es.init("runs.csv", parent=3),  # type: ignore[arg-type]
    "takes a path": lambda: es.init(dir=3),  # type: ignore[arg-type]
    "rows, each": lambda: es.Table(data=3),  # type: ignore[arg-type]
    "list of names": lambda: es.Table(3),  # type: ignore[arg-type]
    "name has letters": lambda: es.Artifact(3, "x"),  # type: ignore[arg-type]
    "add_file takes": lambda: es.Artifact("a", "x").add_file(3),  # type: ignore[arg-type]
    "Html takes": lambda: es.Html(3),
    "drawn of a Table": lambda: es.plot.line(3, "x", "y"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("said", WRONG)
def test_arguments_of_a_wrong_kind_are_told(said: str) -> None:
    """Each is a UsageError that says what is meant, and no row is made."""
    with pytest.raises(es.UsageError, match=said):
        WRONG[said]()
    assert rows() == []


def test_wrong_calls_of_a_run_raise_and_leave_it_usable() -> None:
    """After a mistake in an interactive session the run goes on."""
    with es.init("runs.csv") as run:
        for wrong in ([1], "x", None, 3):
            with pytest.raises(es.UsageError, match="dictionary"):
                run.log(wrong)  # type: ignore[arg-type]
        for step in ("a", math.nan, None.__class__, True):
            with pytest.raises(es.UsageError, match="step"):
                run.log({"a": 1}, step=step)  # type: ignore[arg-type]
        with pytest.raises(es.UsageError, match="summary"):
            run.define_metric("a", summary="median")
        with pytest.raises(es.UsageError, match="goal"):
            run.define_metric("a", summary="best")
        with pytest.raises(es.UsageError, match="path"):
            run.log_artifact(3)  # type: ignore[arg-type]
        with pytest.raises(es.UsageError, match="save takes a path"):
            run.save(3)  # type: ignore[arg-type]
        with pytest.raises(es.UsageError, match="mnist:latest"):
            run.use_artifact(3)  # type: ignore[arg-type]
        with pytest.raises(es.UsageError, match="tags are"):
            run.tags = 3  # type: ignore[assignment]
        for words in ({"name": 3}, {"name": "a", "summary": ["max"]}, {"name": "a", "goal": []}):
            with pytest.raises(es.UsageError):
                run.define_metric(**words)  # type: ignore[arg-type]
        run.log({"a": 1})
    assert rows()[0]["a"] == "1"


def test_unknown_keywords_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Keywords of other trackers cost one message each, no crash."""
    for _ in range(2):
        es.init("runs.csv", entity="me", reinit=True).finish()
    assert len([r for r in caplog.records if "entity" in r.getMessage()]) == 1


def test_columns_beyond_the_limit_are_in_run_json(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand keys make a hundred columns; the rest is in ``run.json``, said once."""
    run_id = es.log_run("runs.csv", inputs={f"k{i:04}": i for i in range(1000)})
    with es.init("runs.csv", id="wide", config={f"c{i:04}": i for i in range(150)}) as run:
        run.log({"loss": 1})
    assert len([key for key in rows()[0] if key.startswith("k")]) == 100
    assert len(json.loads(Path(f"runs_files/{run_id}/run.json").read_text())["inputs"]) == 1000
    facts = json.loads(Path(f"runs_files/{run.id}/run.json").read_text())
    assert facts["inputs"]["c0149"] == 149
    assert facts["outputs"]["loss"] == 1
    assert len([r for r in caplog.records if f"{run_id} has more than 100" in r.getMessage()]) == 1


def test_ten_thousand_keys_in_one_step_are_logged() -> None:
    """A step may hold anything; the row holds what fits, the history all."""
    with es.init("runs.csv") as run:
        run.log({f"m{i}": i for i in range(10_000)})
    assert len(steps_of(run)[0]) == 10_001
    assert len([key for key in rows()[0] if key.startswith("m")]) == 100


def test_a_run_survives_having_no_folder_at_all() -> None:
    """With the folder blocked to the end the row is whole, nothing was raised, and the step is printed at exit."""
    pytest.importorskip("matplotlib")
    Path("m.pt").write_text("x")
    done = script(
        "from matplotlib.figure import Figure\n"
        "with es.init('runs.csv', id='blocked') as run:\n"
        "    open('runs_files/blocked', 'w').close()\n"
        "    run.log({'loss': 1, 'figure': Figure(), 'long': 'x' * 50_000})\n"
        "    run.log_artifact('m.pt')\n"
        "    assert run.dir\n"
    )
    assert done.returncode == 0, done.stderr[:2000]
    assert "Traceback" not in done.stderr
    assert (rows()[0]["loss"], rows()[0]["status"]) == ("1", "finished")
    said = done.stderr.splitlines()
    (printed,) = [json.loads(line) for line in said if line.startswith("{")]
    assert (printed["run"], printed["step"], printed["log"]["loss"]) == ("blocked", 0, 1)
    assert 0 < len(said) - 1 < 10


def test_nothing_is_raised_or_warned_under_strict_warnings() -> None:
    """With ``-W error`` a run that meets trouble of every kind ends in peace."""
    done = script(
        "import math\n"
        "with es.init('runs.csv', entity='x', config={'bad': object()}) as run:\n"
        "    run.log({'nan': math.nan})\n"
        "    run.log_artifact('missing')\n"
        "run.log({'a': 1})\n"
        "es.log_run('runs.csv', {'a': 1})\n",
        "-W",
        "error",
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(rows()) == 2


def test_the_logger_is_the_only_voice(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is printed; messages go to the logger ``experiment_sheet``."""
    caplog.set_level(logging.DEBUG)
    with es.init("runs.csv") as run:
        run.log_artifact("missing")
    assert capsys.readouterr() == ("", "")
    assert {record.name for record in caplog.records if record.name.startswith("experiment")} == {"experiment_sheet"}


def test_a_list_that_holds_itself_is_a_value_like_any_other(tmp_path: Path) -> None:
    """In a log call, in the summary and in one call: a cell that says as much as it can, and a run that ends."""
    target = tmp_path / "runs.xlsx"
    endless: list[object] = []
    endless.append(endless)
    deep: list[object] = []
    for _ in range(3000):
        deep = [deep]
    with es.init(target) as run:
        run.log({"endless": endless, "deep": deep})
        run.summary["again"] = endless
    es.log_run(target, {"endless": endless, "deep": deep})
    assert list(es.Sheet(target).read()["status"]) == ["finished", "finished"]
