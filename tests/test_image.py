"""Pictures, judged by PIL."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet.arrays import Pixels
from experiment_sheet.image import to_png

np = pytest.importorskip("numpy")
pil = pytest.importorskip("PIL.Image")

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def shown(image: es.Image) -> Any:
    """The picture as PIL reads it back."""
    (content,) = image.parts("x").values()
    assert isinstance(content, bytes)
    return pil.open(io.BytesIO(content))


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]), st.randoms(use_true_random=False))
def test_any_pixels_come_back(width: int, height: int, channels: int, random: Any) -> None:
    """What is written as PNG is read by another program as it was."""
    samples = random.randbytes(width * height * channels)
    picture = pil.open(io.BytesIO(to_png(Pixels(width, height, channels, samples))))
    assert (picture.size, picture.mode, picture.tobytes()) == ((width, height), MODES[channels], samples)


def test_arrays_of_any_kind() -> None:
    """Grey, colour, with channels in front, floats of 0 to 1 and -1 to 1, masks, NaN."""
    ramp = np.linspace(0, 1, 12).reshape(3, 4)
    assert shown(es.Image(ramp)).getpixel((3, 2)) == 255
    assert shown(es.Image(ramp * 2 - 1)).getpixel((0, 0)) == 0
    assert shown(es.Image((ramp * 255).astype(np.uint8))).size == (4, 3)
    assert shown(es.Image(ramp > 0.5)).getpixel((0, 0)) == 0
    assert shown(es.Image(np.zeros((3, 5, 6)))).size == (6, 5)
    assert shown(es.Image(np.zeros((5, 6, 3), dtype=int))).mode == "RGB"
    assert shown(es.Image(np.full((2, 2), np.nan))).getpixel((0, 0)) == 0
    assert shown(es.Image(np.zeros((4, 5, 5, 3)))).size == (5 * 4 + 2 * 3, 5)
    assert shown(es.Image([[0, 300], [-5, 255]])).tobytes() == bytes([0, 255, 0, 255])


def test_a_picture_is_what_it_was_when_it_was_made() -> None:
    """The program may go on to change its array."""
    array = np.zeros((2, 2))
    image = es.Image(array)
    array[:] = 1
    assert shown(image).getpixel((0, 0)) == 0


def test_pil_files_and_figures() -> None:
    """A PIL image is logged as it is; a file keeps its kind; a figure is drawn."""
    plt = pytest.importorskip("matplotlib.pyplot")
    picture = pil.new("CMYK", (3, 2)).convert("RGB")
    picture.save("x.JPG", "JPEG")
    figure, _ = plt.subplots()
    with es.init("runs.csv") as run:
        run.log({"pil": picture, "file": es.Image("x.JPG"), "figure": es.Image(figure), "many": [picture, picture]})
    plt.close(figure)
    names = {path.name for path in (es.Sheet("runs.csv").files / run.id / "plots").iterdir()}
    assert names == {"pil.png", "file.jpg", "figure.png", "many-0.png", "many-1.png"}


def test_what_is_no_picture_is_one_message(caplog: pytest.LogCaptureFixture) -> None:
    """Neither making nor logging it stops the training, and the rest of the step is logged."""
    with es.init("runs.csv") as run:
        for bad in (np.zeros((2, 2, 7)), np.zeros(()), "missing.png", object(), np.zeros((0, 3)), np.array(["x"])):
            run.log({"bad": es.Image(bad), "loss": 1})
            run.log({"bad histogram": es.Histogram("text"), "page": es.Html(Path("missing.html"))})
    assert es.Sheet("runs.csv").read()["loss"].tolist() == [1]
    assert len([r for r in caplog.records if "'bad'" in r.getMessage()]) == 1


def test_arrays_are_pictures_where_a_plot_is_asked_for() -> None:
    """In `plots=` an array is a picture; in the data it is a value."""
    run_id = es.log_run("runs.csv", {"weights": np.zeros((9, 9))}, plots={"heat": np.zeros((9, 9))})
    assert (es.Sheet("runs.csv").files / run_id / "plots" / "heat.png").exists()
    assert es.Sheet("runs.csv").read()["weights"].tolist() == ["float64 (9, 9)"]


def test_tensors() -> None:
    """Channels come first in torch; a batch is one picture; gradients are no hindrance."""
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(3, 5, 6, requires_grad=True)
    assert shown(es.Image(tensor)).size == (6, 5)
    assert shown(es.Image(torch.zeros(2, 3, 5, 6))).size == (14, 5)
    assert shown(es.Image(torch.zeros(4, 4, dtype=torch.bfloat16))).size == (4, 4)
    assert es.Histogram(tensor, num_bins=4).histogram == [0, 0, 90, 0]


def test_plotly_figures_are_pages_that_need_no_network() -> None:
    """Plotly's script lies once beside the plots."""
    plotly = pytest.importorskip("plotly.graph_objects")
    with es.init("runs.csv") as run:
        run.log({"a": plotly.Figure(), "b": plotly.Figure()})
    folder = es.Sheet("runs.csv").files / run.id
    page = (folder / "plots" / "a.html").read_text("utf-8")
    assert 'src="../plotly.min.js"' in page
    assert (folder / "plotly.min.js").stat().st_size > 100_000
