"""Runs in a notebook: shown as HTML, usable after an interrupt, ended by the next run or with the kernel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from scripts import rows

import experiment_sheet as es
from experiment_sheet import notebook


class Reader(HTMLParser):
    """Collects links and text; a tag that isn't closed is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.links += [unquote(value or "") for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_run_shows_itself() -> None:
    """Inputs, outputs and a link to its folder; what people typed is text, never markup."""
    with es.init("some where/runs.csv", name="<b>bold</b>", config={"a<b": "x&y", "api_key": "hunter2"}) as run:
        run.log({"loss": 0.123456789})
        html = run._repr_html_()
    page = Reader(html)
    assert "hunter2" not in html
    assert page.links == [f"some where/runs_files/{run.id}"]
    for text in ("<b>bold</b>", "a<b", "x&y", "0.123457", "running"):
        assert text in page.text


def test_a_frame_of_runs_shows_its_links() -> None:
    """The link of each row leads from the working folder to the run's page, which is there."""
    for name in ("one", "<two>"):
        with es.init("out/runs.csv", name=name) as run:
            run.log({"loss": 1})
    frame = es.Sheet("out/runs.csv").read()
    page = Reader(notebook.html_of_frame(frame[frame["loss"] > 0]))
    assert len(page.links) == 2
    assert all(Path(link).is_file() for link in page.links)
    assert "<two>" in page.text
    assert "2 runs" in page.text


def test_a_long_frame_is_cut() -> None:
    """As pandas does it."""
    es.Sheet("runs.csv").append([{"lr": place} for place in range(100)])
    page = Reader(notebook.html_of_frame(es.Sheet("runs.csv").read()))
    assert "100 runs" in page.text
    assert page.text.count("r") < 200


CELLS = [
    "import experiment_sheet as es\nrun = es.init('runs.csv', name='first')\nrun.log({'loss': 1})",
    "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(5)",
    "run.log({'loss': 2})\nrun",
    "1/0",
    "es.init('runs.csv', name='second').log({'loss': 3})",
    "es.Sheet('runs.csv').read()",
    "import pandas; pandas.DataFrame({'a': [1]})",
]


def test_a_notebook_from_start_to_end() -> None:
    """In a real kernel: an interrupted and a failing cell leave the run usable, the next run and the end finish it."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(book, timeout=120, allow_errors=True, kernel_name="python3").execute()
    outputs = [output for cell in book.cells for output in cell.outputs]
    errors = [output["ename"] for output in outputs if output["output_type"] == "error"]
    assert errors == ["KeyboardInterrupt", "ZeroDivisionError"]
    shown = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert "first" in shown[0]
    assert re.search(r'href="runs_files/\w+/index.html"', shown[1])
    assert "dataframe" in shown[2]
    found = {row["run"]: (row["status"], row["loss"]) for row in rows()}
    assert found == {"first": ("finished", "2"), "second": ("finished", "3")}


def test_an_interactive_session_ends_its_run() -> None:
    """Without a notebook, too: a failed line is no end, leaving is."""
    lines = "import experiment_sheet as es\nrun = es.init('runs.csv')\n1/0\nrun.log({'loss': 1})\n"
    subprocess.run([sys.executable, "-i"], input=lines, capture_output=True, text=True, check=True)
    assert [(row["status"], row["loss"]) for row in rows()] == [("finished", "1")]


def test_a_notebook_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter's server tells a kernel its notebook; `reproduce --run` executes a copy, and the same comes out."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbconvert")
    cells = [
        "%matplotlib inline\nimport experiment_sheet as es\nlr = 0.5",
        "with es.init('runs.csv', config={'lr': lr}) as run:\n    for i in range(4): run.log({'loss': lr / (i + 1)})",
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    Path("work").mkdir()
    nbformat.write(book, "work/train.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(Path("work/train.ipynb").absolute()))
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": "work"}}).execute()
    monkeypatch.delenv("JPY_SESSION_NAME")
    words = ("reproduce", "@last", "-s", "work/runs.csv", "--into", "again", "--run", "--json")
    line = [sys.executable, "-m", "experiment_sheet", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"loss"} <= set(found["same"])
    assert found["different"] == []
    assert Path("again/command.txt").read_text().split()[-1] == "train.ipynb"
