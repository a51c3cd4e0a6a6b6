"""The race explorer: runs packed into one page, drawn by the browser (``explorer.js``)."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.pages import page

Array = NDArray[Any]
LARGEST_PAGE = 12_000_000  # bytes
LEVELS = (
    8191  # of cosines and log norm products: finer than a pixel, and a third smaller than 16 bits
)
RANKS = ("final", "lane", "drop", "forecast")
HEADS = {"gaussian": "Gaussian", "balanced": "balanced", "pytorch": "PyTorch default"}


PARTS = ("data", "canvas", "race", "charts", "inputs", "words", "export", "page")
SCRIPTS = ["explorer.js", *(f"explorer_{part}.js" for part in PARTS)]


def quantise(values: Array, low: float, high: float) -> Array:
    """Values in [low, high] as whole numbers up to :data:`LEVELS`, evenly spaced."""
    part = (values - low) / ((high - low) or 1.0)
    return np.round(part * LEVELS).clip(0, LEVELS).astype("u2")


def pack(arrays: Mapping[str, tuple[Array, bool]]) -> dict[str, Any]:
    """Arrays as one compressed text, with what a reader needs to find them in it.

    Args:
        arrays: name -> (array, whether it is kept as changes along the last axis: a bit for each
            value that is another than the one before, and the differences; integers wrap around).

    Returns:
        ``layout``: name, kind, shape, start and length in bytes, ``changes`` of each; ``data``:
        base64 of the zlib-compressed little-endian bytes.
    """
    layout, parts, start = [], [], 0
    for name, (array, changes) in arrays.items():
        kept, changed = array, b""
        if changes:
            kept = np.diff(array, axis=-1, prepend=array.dtype.type(0))
            changed = np.packbits(kept != 0).tobytes()
            kept = kept[kept != 0]
        raw = changed + np.ascontiguousarray(kept, array.dtype.newbyteorder("<")).tobytes()
        layout.append(
            {
                "name": name,
                "kind": f"{array.dtype.kind}{array.dtype.itemsize}",
                "shape": list(array.shape),
                "start": start,
                "bytes": len(raw),
                "changes": changes,
            }
        )
        parts.append(raw)
        start += len(raw)
    text = base64.b64encode(zlib.compress(b"".join(parts))).decode()
    return {"layout": layout, "data": text}


def run(arrays: Mapping[str, Array], description: Mapping[str, Any]) -> dict[str, Any]:
    """One run, ready to be embedded.

    Args:
        arrays, description: see :func:`neuron_race.pages.trajectories.record`. A network that a
            user watched has no ``gates`` and ``sign_y``, no phases, and perhaps no ``loss``
            (:func:`neuron_race.own.run_file.record`).

    Returns:
        The description, ``step``, ``loss_curve``, the range of log10 norm products, and the packed
        arrays; time runs along their last axis. Cosines and log norm products keep 13 bits.
    """
    log = np.log10(np.maximum(arrays["norm_product"], np.finfo(float).tiny))
    low, high = float(log.min()), float(log.max())
    seen = {}
    if "gates" in arrays:
        seen = {
            "gates": (arrays["gates"].transpose(2, 1, 0), True),
            "sign_y": (arrays["sign_y"].astype("i1"), False),
        }
    packed = pack(
        {
            "cos_delta": (quantise(arrays["cos_delta"].T, -1.0, 1.0), True),
            "log_norm_product": (quantise(log.T, low, high), True),
            "directions": (arrays["directions"].transpose(2, 1, 0), True),
            "norm_w": (arrays["norm_w"].astype("f4"), False),
            "norm_a": (arrays["norm_a"].astype("f4"), False),
            "cos_delta_init": (arrays["cos_delta"][0].astype("f4"), False),
            "sign": (arrays["sign"].astype("i1"), False),
            "cluster": (arrays["cluster"].astype("i2"), False),
            "forecast": (arrays["forecast"].astype("f4"), False),
            "late": (arrays["late"].astype("u1"), False),
            **{f"{of}_rank": (arrays[f"{of}_rank"].astype("u2"), False) for of in RANKS},
            **seen,
            **{key: (arrays[key], False) for key in ("inputs", "principal") if key in arrays},
        }
    )
    return {
        **description,
        "head_name": HEADS.get(description["head"], description["head"]),
        "step": arrays["step"].tolist(),
        "loss_curve": [float(f"{value:.6g}") for value in arrays.get("loss", ())],
        "log_range": [low, high],
        **packed,
    }


def render(
    shown: Sequence[Mapping[str, Any]],
    preset: str,
    changed: Mapping[str, Sequence[Any]],
    provenance: Mapping[str, Any],
    left_out: Mapping[str, str] | None = None,
) -> str:
    """The page, for runs as :func:`run` returns them.

    Args:
        shown, preset, changed, provenance: the runs, and see :func:`neuron_race.pages.page.render`.
        left_out: of a network that a user watched, layers that are not shown, each with its reason.
    """
    return page.render(
        "explorer",
        preset,
        changed,
        sorted({one["seed"] for one in shown if one["seed"] is not None}),
        provenance,
        SCRIPTS,
        runs=page.embed(shown),
        n=len(shown),
        own=preset == page.OWN,
        left_out=left_out or {},
        error=f"{max(one['cosine_error'] for one in shown):.3f}",
    )
