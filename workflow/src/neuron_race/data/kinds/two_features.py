"""A strong feature and a weak one, of opposite sign, that overlap.

Inputs are ±u_1 or ±u_2 plus noise, with cosine ``overlap`` between u_1 and u_2. The target is
+strengths[0] on the first and -strengths[1] on the second: each needs neurons of its own sign, and
those of the second are held back by the first until it is fitted. ``strengths`` of one entry gives
the control with a single feature.
"""

import numpy as np

from neuron_race.data.kind import DIM, NOISE, Array, Kind, Options, Sample, in_two


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """``noise``: a sample's total deviation from its feature."""
    dim, overlap = options["dim"], options["overlap"]
    strengths = np.asarray(options["strengths"], dtype=float)
    U = np.linalg.qr(rng.standard_normal((dim, 2)))[0].T
    U[1] = overlap * U[0] + np.sqrt(1 - overlap**2) * U[1]
    signed = np.where(np.arange(len(strengths)) % 2 == 0, 1.0, -1.0) * strengths

    def some(n: int) -> tuple[Array, Array]:
        feature = rng.integers(len(strengths), size=n)
        side = rng.choice([-1.0, 1.0], size=n)
        noise = rng.standard_normal((n, dim)) * options["noise"] / np.sqrt(dim)
        return side[:, None] * U[feature] + noise, signed[feature][:, None]

    return in_two(options, some)


KIND = Kind(
    draw,
    {
        "dim": DIM | {"minimum": 2},
        "strengths": {
            **{"type": "array", "minItems": 1, "maxItems": 2},
            "items": {"type": "number", "exclusiveMinimum": 0},
        },
        "overlap": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        "noise": NOISE,
    },
)
