"""Histograms of what is logged."""

from __future__ import annotations

from typing import Any

from experiment_sheet import arrays, media
from experiment_sheet.arguments import say_unknown
from experiment_sheet.exhibit import Exhibit, Parts


class Histogram(Exhibit):
    """A histogram to log, kept as a picture: ``run.log({"weights": Histogram(tensor)})``.

    `sequence` is an array, tensor or list of numbers, counted by `num_bins` bins of equal width; or `np_histogram` is
    what `numpy.histogram` answered.
    """

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64, **unknown: Any) -> None:
        say_unknown("Histogram", unknown)
        self.histogram: list[float] = []
        self.bins: list[float] = []
        self._problem: Exception | None = None
        try:
            if np_histogram is not None:
                self.histogram, self.bins = arrays.listed(np_histogram[0]), arrays.listed(np_histogram[1])
            else:
                self.histogram, self.bins = arrays.counted(sequence, num_bins)
        except Exception as error:  # noqa: BLE001 - told when it is logged; nothing here may stop a training
            self._problem = error

    def parts(self, name: str) -> Parts:
        """Draw it. Raises what counting raised."""
        if self._problem is not None:
            raise self._problem
        return {f"plots/{name}.png": media.draw_histogram(self.histogram, self.bins)}
