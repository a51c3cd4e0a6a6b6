"""Data sets: synthetic tasks whose structure is known, and real images.

Each data set is made by one function ``(rng, options) -> Sample`` in :data:`KINDS`; centring and
scaling are applied afterwards, in one place, since they are declared factors (centring changes how
many neurons die).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.seeds import stream
from neuron_race.data.images import Images

Array = NDArray[np.float64]
EQUAL = 1e-12  # inputs that differ by less, relatively, differ by rounding
Draw = Callable[[int], tuple[Array, Array]]


@dataclass(frozen=True)
class Sample:
    """Inputs ``X (N, d)`` and targets ``Y (N, k)`` for training, and a held-out test split."""

    X: Array
    Y: Array
    X_test: Array
    Y_test: Array


class DatasetError(ValueError):
    """A data set that can't be made as asked: the message names the key and what is possible."""


def _labelled(options: Mapping[str, Any], draw: Draw) -> Sample:
    """Training and test split drawn independently by ``draw(n) -> (X, Y)``."""
    X, Y = draw(options["n_train"])
    X_test, Y_test = draw(options["n_test"])
    return Sample(X, Y, X_test, Y_test)


def clusters(rng: np.random.Generator, options: Mapping[str, Any]) -> Sample:
    """Gaussian clusters with XOR labels: +1 around ±u_1, -1 around ±u_2, +1 around ±u_3, ...

    Options: ``dim``, ``axes`` (orthogonal directions u_i), ``noise`` (total standard deviation of a
    sample about its centre).
    """
    dim, axes = options["dim"], options["axes"]
    if axes > dim:
        raise DatasetError(f"axes: {axes} orthogonal directions do not fit into dim {dim}")
    directions = np.linalg.qr(rng.standard_normal((dim, axes)))[0].T

    def draw(n: int) -> tuple[Array, Array]:
        axis = rng.integers(axes, size=n)
        side = rng.choice([-1.0, 1.0], size=n)
        noise = rng.standard_normal((n, dim)) * options["noise"] / np.sqrt(dim)
        X = side[:, None] * directions[axis] + noise
        return X, np.where(axis % 2 == 0, 1.0, -1.0)[:, None]

    return _labelled(options, draw)


def teacher(rng: np.random.Generator, options: Mapping[str, Any]) -> Sample:
    """Gaussian inputs, targets of ``neurons`` orthonormal ReLU teachers with alternating signs.

    Targets are scaled to unit mean square on average, so that tasks of different complexity start
    from the same loss. With ``shuffle_labels`` the targets are permuted: no structure left.
    """
    dim, neurons = options["dim"], options["neurons"]
    if neurons > dim:
        raise DatasetError(f"neurons: {neurons} orthonormal teachers do not fit into dim {dim}")
    V = np.linalg.qr(rng.standard_normal((dim, neurons)))[0].T
    signs = np.where(np.arange(neurons) % 2 == 0, 1.0, -1.0)

    def draw(n: int) -> tuple[Array, Array]:
        X = rng.standard_normal((n, dim)) / np.sqrt(dim)
        Y = np.maximum(X @ V.T, 0.0) @ signs * np.sqrt(2 * dim / neurons)
        return X, Y[:, None]

    return _labelled(options, draw)


def orthogonal(rng: np.random.Generator, options: Mapping[str, Any]) -> Sample:
    """Orthonormal inputs and real Gaussian labels (Boursier, Pillaud-Vivien, Flammarion 2022).

    Test inputs are the directions left over: nothing can be learned about them.
    """
    dim, n, n_test = options["dim"], options["n_train"], options["n_test"]
    if n + n_test > dim:
        raise DatasetError(f"n_train + n_test = {n + n_test} orthogonal inputs exceed dim {dim}")
    Q = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    Y = rng.standard_normal((n + n_test, 1))
    return Sample(Q[:n], Y[:n], Q[n : n + n_test], Y[n:])


def two_features(rng: np.random.Generator, options: Mapping[str, Any]) -> Sample:
    """A strong feature and a weak one, of opposite sign, that overlap.

    Inputs are ±u_1 or ±u_2 plus noise, with cosine ``overlap`` between u_1 and u_2. The target is
    +strengths[0] on the first and -strengths[1] on the second: each needs neurons of its own sign,
    and those of the second are held back by the first until it is fitted. ``strengths`` of one
    entry gives the control with a single feature.
    """
    dim, overlap = options["dim"], options["overlap"]
    strengths = np.asarray(options["strengths"], dtype=float)
    U = np.linalg.qr(rng.standard_normal((dim, 2)))[0].T
    U[1] = overlap * U[0] + np.sqrt(1 - overlap**2) * U[1]
    signed = np.where(np.arange(len(strengths)) % 2 == 0, 1.0, -1.0) * strengths

    def draw(n: int) -> tuple[Array, Array]:
        feature = rng.integers(len(strengths), size=n)
        side = rng.choice([-1.0, 1.0], size=n)
        noise = rng.standard_normal((n, dim)) * options["noise"] / np.sqrt(dim)
        return side[:, None] * U[feature] + noise, signed[feature][:, None]

    return _labelled(options, draw)


def _classes(
    rng: np.random.Generator, options: Mapping[str, Any], images: NDArray[Any], labels: NDArray[Any]
) -> tuple[Array, Array]:
    """Images of the classes asked for, shuffled; a pair becomes ±1, more become one-hot."""
    wanted = list(options["classes"])
    chosen = rng.permutation(np.flatnonzero(np.isin(labels, wanted)))
    which = np.searchsorted(np.sort(wanted), labels[chosen])
    if len(wanted) == 2:
        return images[chosen], np.where(which == 0, 1.0, -1.0)[:, None]
    return images[chosen], np.eye(len(wanted))[which]


def digits(rng: np.random.Generator, options: Mapping[str, Any]) -> Sample:
    """Handwritten digits (8 x 8 pixels) that come with scikit-learn; a pair as ±1 or one-hot."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    X, Y = _classes(rng, options, pixels / 16.0, labels)
    n, n_test = options["n_train"], options["n_test"]
    _enough("digits", options, n + n_test, len(X), "n_train + n_test")
    return Sample(X[:n], Y[:n], X[n : n + n_test], Y[n : n + n_test])


def digit_pair(seed: int) -> tuple[int, int]:
    """The pair of digits that a data seed stands for: 45 consecutive seeds go through all pairs.

    Pairs come in the rounds of a tournament: of five seeds from a multiple of five on each has two
    digits of its own, so that every digit is used equally often.
    """
    turn, game = divmod(seed % 45, 5)
    one = 9 if game == 0 else (turn + game) % 9
    other = turn if game == 0 else (turn - game) % 9
    return min(one, other), max(one, other)


def photographs(rng: np.random.Generator, options: Mapping[str, Any], images: Images) -> Sample:
    """A sample of fetched images, in the split of their authors; a pair as ±1 or one-hot."""
    parts = {
        "n_train": (images.train_images, images.train_labels),
        "n_test": (images.test_images, images.test_labels),
    }
    arrays: list[Array] = []
    for key, (pixels, labels) in parts.items():
        n = options[key]
        wanted = np.isin(labels, options["classes"])
        _enough(options["images"], options, n, int(wanted.sum()), key)
        X, Y = _classes(rng, options, pixels, labels)
        arrays += [X[:n] / 255.0, Y[:n]]
    return Sample(*arrays)


def _enough(name: str, options: Mapping[str, Any], wanted: int, there: int, key: str) -> None:
    if wanted > there:
        raise DatasetError(
            f"{key} = {wanted}, but {name} has {there} images of classes {list(options['classes'])}"
        )


KINDS: dict[str, Callable[[np.random.Generator, Mapping[str, Any]], Sample]] = {
    "clusters": clusters,
    "teacher": teacher,
    "orthogonal": orthogonal,
    "two_features": two_features,
    "digits": digits,
}


def make(name: str, options: Mapping[str, Any], seed: int, images: Images | None = None) -> Sample:
    """Make one data set of one seed.

    Args:
        name: the data set's name in the config; names its random stream.
        options: the data set's entry in the config: ``kind`` and what that kind takes, ``centre``
            (subtract the training mean), ``scale`` (``unit``: mean squared norm of the training
            inputs is 1; ``none``), ``shuffle_labels`` (permute the training targets: a control).
        seed: data seed.
        images: the fetched images, for kind ``images``.

    Raises:
        DatasetError: unknown kind, more samples asked for than there are, or training inputs that
            are all zero, or all the same and centred.
    """
    kind, rng = options["kind"], stream(name, seed, "data")
    if kind == "images" and images is not None:
        sample = photographs(rng, options, images)
    elif kind == "digit_pairs":
        sample = digits(rng, {**options, "classes": digit_pair(seed)})
    elif kind in KINDS:
        sample = KINDS[kind](rng, options)
    else:
        known = ", ".join([*KINDS, "digit_pairs"])
        raise DatasetError(f"kind: {kind!r} is none of {known}, or images")
    X, X_test, Y = sample.X, sample.X_test, sample.Y
    if options.get("centre", True):
        mean = X.mean(axis=0)
        X, X_test = X - mean, X_test - mean
    size = np.sqrt((X**2).sum(axis=1).mean())
    if size <= EQUAL * np.sqrt((sample.X**2).sum(axis=1).mean()):
        raise DatasetError(
            f"n_train: nothing is left of the {len(X)} training inputs of {name} (seed {seed}), "
            "which are all zero, or all the same and centred; more samples, or noise, make them "
            "differ"
        )
    if options.get("scale", "unit") == "unit":
        X, X_test = X / size, X_test / size
    if options.get("shuffle_labels", False):
        Y = stream(name, seed, "shuffled labels").permutation(Y)
    return Sample(*map(np.ascontiguousarray, (X, Y, X_test, sample.Y_test)))


def make_all(
    name: str, options: Mapping[str, Any], seeds: Sequence[int], images: Images | None = None
) -> dict[str, Array]:
    """One data set of all seeds: ``seed (S,)``, ``X (S, N, d)``, ``Y (S, N, k)``, the test split.

    Raises:
        DatasetError: see :func:`make`.
    """
    samples = [make(name, options, seed, images) for seed in seeds]
    stacked = {key: np.stack([getattr(s, key) for s in samples]) for key in vars(samples[0])}
    return {"seed": np.asarray(seeds, dtype=np.int64), **stacked}
