"""Arrays of numbers, wherever they come from: the room of numpy, which is imported only where an array is at hand.

Arrays of torch, jax and tensorflow are known by how they look.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_CHANNELS: Final = (1, 3, 4)
_GAP: Final = 2  # pixels between the pictures of a batch


class Pixels(NamedTuple):
    """A picture: eight bits per channel, row by row; 1 (grey), 3 (RGB) or 4 (RGBA) channels."""

    width: int
    height: int
    channels: int
    samples: bytes


def pixels(value: Any) -> Pixels:
    """Read an array as a picture. Raises ValueError for a shape that is none.

    Height by width, or with channels behind them; a torch tensor has its channels first. A batch becomes one
    picture, side by side. Floats of 0 to 1 become 0 to 255, those of -1 to 1 likewise; other values are cut to
    0 to 255; NaN is black. These are wandb's and torchvision's habits.
    """
    import numpy as np

    is_torch = hasattr(value, "detach")
    array = _plain(value)
    if array.ndim == 4:
        pictures = [_with_channels(one, first=is_torch) for one in array]
        array = _side_by_side(pictures)
    array = _with_channels(array, first=is_torch and array.ndim == 3 and np.ndim(value) == 3)
    array = np.ascontiguousarray(_eight_bits(array))
    height, width, channels = array.shape
    return Pixels(width, height, channels, array.tobytes())


def counted(values: Any, bins: int) -> tuple[list[float], list[float]]:
    """Count values by bins of equal width; answer counts and edges, one more edge than counts. NaN is left out."""
    import numpy as np

    flat = _plain(values).astype(float).ravel()
    counts, edges = np.histogram(flat[np.isfinite(flat)], bins=bins)
    return counts.tolist(), edges.tolist()


def listed(values: Any) -> list[Any]:
    """Return the items of an array, a tensor or any iterable as a plain list."""
    if isinstance(values, list):
        return values
    return list(_plain(values).tolist()) if hasattr(values, "shape") else list(values)


def _plain(value: Any) -> Any:
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # numpy has no such type
            value = value.float()
    return np.asarray(value)


def _with_channels(array: Any, *, first: bool) -> Any:
    if array.ndim == 2:
        return array[:, :, None]
    if array.ndim == 3 and (first or (array.shape[0] in _CHANNELS and array.shape[2] not in _CHANNELS)):
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in _CHANNELS or not array.size:
        raise ValueError(f"an array of shape {array.shape} is no picture")
    return array


def _side_by_side(pictures: list[Any]) -> Any:
    import numpy as np

    gap = np.zeros((pictures[0].shape[0], _GAP, pictures[0].shape[2]), pictures[0].dtype)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)


def _eight_bits(array: Any) -> Any:
    import numpy as np

    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    array = np.nan_to_num(array.astype(float), nan=0.0, posinf=255.0, neginf=0.0)
    low, high = array.min(), array.max()
    if low < 0 and low >= -1 and high <= 1:
        array = (array + 1) / 2 * 255
    elif high <= 1:
        array = array * 255
    return array.clip(0, 255).round().astype(np.uint8)
