"""Inputs and weights as small grey pictures, where inputs are the pixels of square images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
KINDS = {"digits", "digit_pairs", "images", "image_pairs"}  # data sets of images
LARGEST = 16  # pixels along an edge; larger images are averaged over blocks
COLOURS = (1, 3)  # planes of an image, one after the other


def shape(inputs: int) -> tuple[int, int] | None:
    """Colour planes and pixels along an edge of a square image, or None if it is none."""
    for planes in COLOURS:
        side = round((inputs / planes) ** 0.5)
        if planes * side**2 == inputs:
            return planes, side
    return None


def shrink(rows: Array, planes: int, side: int) -> Array:
    """Images (n, planes * side²) as grey ones (n, s²) with s <= :data:`LARGEST`.

    The mean over colours and over blocks is linear, so that it can be taken of directions too.
    Pixels at the far edges that fill no block are left out.
    """
    block = -(-side // LARGEST)
    s = side // block
    grey = rows.reshape(len(rows), planes, side, side).mean(axis=1)[:, : s * block, : s * block]
    return np.asarray(grey.reshape(len(rows), s, block, s, block).mean(axis=(2, 4))).reshape(
        len(rows), s * s
    )


def small(values: Array) -> Array:
    """Values over the largest absolute one, in 8 bits."""
    largest = np.abs(values).max(initial=0.0) or 1.0
    return np.round(values / largest * 127).astype(np.int8)
