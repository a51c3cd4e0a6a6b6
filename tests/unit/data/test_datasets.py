"""Data sets: shapes, determinism, structure, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuron_race.data import datasets
from neuron_race.data.kind import DatasetError, Sample, pair_of
from neuron_race.data.kinds import digit_pairs
from neuron_race.data.loader import Images
from neuron_race.training import span

Array = NDArray[np.float64]
OPTIONS: dict[str, dict[str, Any]] = {
    "clusters": {"kind": "clusters", "dim": 12, "axes": 4, "noise": 0.1},
    "teacher": {"kind": "teacher", "dim": 12, "neurons": 3},
    "orthogonal": {"kind": "orthogonal", "dim": 80},
    "two_features": {
        **{"kind": "two_features", "dim": 12, "strengths": [1.0, 0.3]},
        **{"overlap": 0.4, "noise": 0.05},
    },
    "digits": {"kind": "digits", "classes": [3, 8]},
    "digits10": {"kind": "digits", "classes": list(range(10))},
    "digit_pairs": {"kind": "digit_pairs"},
    "images": {"kind": "images", "images": "pictures", "classes": [7, 2]},
    "images3": {"kind": "images", "images": "pictures", "classes": [7, 2, 0]},
}
SHAPES = {
    "digits": (64, 1),
    "digits10": (64, 10),
    "digit_pairs": (64, 1),
    "images": (48, 1),
    "images3": (48, 3),
    "orthogonal": (80, 1),
}


def pictures() -> Images:
    """Random images; the first pixel of each holds its label, the second its split."""
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 256, (300, 48)), rng.integers(0, 256, (200, 48))
    labels = rng.integers(10, size=300), rng.integers(10, size=200)
    train[:, 0], train[:, 1], test[:, 0], test[:, 1] = labels[0], 0, labels[1], 1
    return Images(*(Z.astype(np.uint8) for Z in (train, labels[0], test, labels[1])))


def make(name: str, seed: int = 0, **changes: Any) -> Sample:
    options = {"n_train": 45, "n_test": 30, **OPTIONS[name], **changes}
    return datasets.make(name, options, seed, pictures() if name.startswith("images") else None)


def raw(name: str, seed: int = 0, **changes: Any) -> Sample:
    return make(name, seed, centre=False, scale="none", **changes)


def arrays(sample: Sample) -> dict[str, Array]:
    return dict(vars(sample))


@pytest.mark.parametrize("name", OPTIONS)
def test_shapes_and_numbers(name: str) -> None:
    sample = make(name)
    d, k = SHAPES.get(name, (12, 1))
    shapes = {"X": (45, d), "Y": (45, k), "X_test": (30, d), "Y_test": (30, k)}
    for key, array in arrays(sample).items():
        assert array.shape == shapes[key] and array.dtype == np.float64, key
        assert np.isfinite(array).all() and array.flags.c_contiguous, key


@pytest.mark.parametrize("name", OPTIONS)
def test_same_seed_same_data_and_different_seeds_differ(name: str) -> None:
    samples = [arrays(make(name, seed)) for seed in (0, 0, 1, 2)]
    for key, array in samples[0].items():
        np.testing.assert_array_equal(array, samples[1][key])
        assert not np.array_equal(array, samples[2][key]), key
        assert not np.array_equal(samples[2][key], samples[3][key]), key


def test_the_name_of_a_data_set_names_its_stream() -> None:
    options = {"n_train": 5, "n_test": 5, **OPTIONS["teacher"]}
    one, other = (datasets.make(name, options, 0).X for name in ("one", "other"))
    assert not np.allclose(one, other)


@pytest.mark.parametrize("name", OPTIONS)
def test_train_and_test_share_no_sample(name: str) -> None:
    sample = raw(name)
    distance = np.linalg.norm(sample.X[:, None] - sample.X_test[None], axis=2)
    assert distance.min() > 1e-6


@pytest.mark.parametrize("name", OPTIONS)
def test_centring_and_scaling_use_the_training_inputs_alone(name: str) -> None:
    plain, centred = raw(name), make(name, scale="none")
    mean = plain.X.mean(axis=0)
    np.testing.assert_allclose(centred.X, plain.X - mean, atol=1e-14)
    np.testing.assert_allclose(centred.X_test, plain.X_test - mean, atol=1e-14)
    unit = make(name)
    np.testing.assert_allclose(unit.X.mean(axis=0), 0, atol=1e-14)
    assert (unit.X**2).sum(axis=1).mean() == pytest.approx(1)
    size = np.sqrt((centred.X**2).sum(axis=1).mean())
    np.testing.assert_allclose(unit.X_test, centred.X_test / size, atol=1e-14)
    scaled = make(name, centre=False)
    assert (scaled.X**2).sum(axis=1).mean() == pytest.approx(1)
    for sample in (centred, unit, scaled):
        np.testing.assert_array_equal(sample.Y, plain.Y)


@pytest.mark.parametrize("name", OPTIONS)
def test_shuffled_labels_are_the_training_targets_in_another_order(name: str) -> None:
    plain, shuffled = make(name), make(name, shuffle_labels=True)
    np.testing.assert_array_equal(shuffled.X, plain.X)
    np.testing.assert_array_equal(shuffled.Y_test, plain.Y_test)
    assert not np.array_equal(shuffled.Y, plain.Y)
    for k in range(plain.Y.shape[1]):
        np.testing.assert_array_equal(np.sort(shuffled.Y[:, k]), np.sort(plain.Y[:, k]))
    assert {row.tobytes() for row in shuffled.Y} == {row.tobytes() for row in plain.Y}


def test_clusters_have_xor_labels() -> None:
    sample = raw("clusters", noise=0.0, n_train=400)
    # Without noise there are 8 points, ± four orthonormal directions.
    points, which = np.unique(sample.X.round(9), axis=0, return_inverse=True)
    which = which.ravel()
    assert len(points) == 8
    gram = points @ points.T
    np.testing.assert_allclose(np.sort(np.abs(gram), axis=1), [[0] * 6 + [1, 1]] * 8, atol=1e-8)
    labels = [np.unique(sample.Y[which == c]) for c in range(8)]
    assert all(len(label) == 1 and abs(label[0]) == 1 for label in labels)
    label = np.concatenate(labels)
    opposite = np.argmin(gram, axis=1)
    np.testing.assert_array_equal(label, label[opposite])  # what makes it no linear task
    assert label.sum() == 0
    for side in (1.0, -1.0):
        part = sample.Y[:, 0] == side
        assert np.linalg.norm(sample.X[part].mean(axis=0)) < 0.2


def test_noise_of_the_clusters_is_the_total_deviation() -> None:
    clean, noisy = (
        raw("clusters", noise=0.0, n_train=2000),
        raw("clusters", noise=0.6, n_train=2000),
    )
    deviation = noisy.X - clean.X  # the same draws
    assert np.sqrt((deviation**2).sum(axis=1).mean()) == pytest.approx(0.6, rel=0.03)
    np.testing.assert_array_equal(clean.Y, noisy.Y)


@pytest.mark.parametrize("neurons", [1, 2, 4, 12])
def test_teachers_of_any_size_have_targets_of_about_unit_mean_square(neurons: int) -> None:
    sample = raw("teacher", neurons=neurons, n_train=20_000)
    # Half of each squared unit Gaussian; the products of opposite teachers lower it a little.
    pairs = sum((-1.0) ** (i + j) for i in range(neurons) for j in range(neurons) if i != j)
    expected = 1 + pairs / neurons / np.pi
    assert (sample.Y**2).mean() == pytest.approx(expected, rel=0.05)
    assert (sample.X**2).sum(axis=1).mean() == pytest.approx(1, rel=0.02)


def test_the_teacher_is_a_relu_network_and_the_test_split_has_the_same() -> None:
    sample = raw("teacher", neurons=1, n_train=200)
    on = sample.Y[:, 0] > 0
    v = np.linalg.lstsq(sample.X[on], sample.Y[on, 0], rcond=None)[0]
    np.testing.assert_allclose(np.maximum(sample.X @ v, 0), sample.Y[:, 0], atol=1e-10)
    np.testing.assert_allclose(np.maximum(sample.X_test @ v, 0), sample.Y_test[:, 0], atol=1e-10)
    assert np.linalg.norm(v) == pytest.approx(np.sqrt(2 * 12))


def test_orthogonal_inputs_are_orthonormal_across_both_splits() -> None:
    sample = raw("orthogonal")
    both = np.concatenate([sample.X, sample.X_test])
    np.testing.assert_allclose(both @ both.T, np.eye(75), atol=1e-12)
    assert len(np.unique(sample.Y)) == 45 and abs(sample.Y.mean()) < 0.6


def test_two_features_overlap_as_asked_and_have_opposite_targets() -> None:
    sample = raw("two_features", noise=0.0, n_train=200)
    assert set(sample.Y.ravel()) == {1.0, -0.3}
    u, v = (sample.X[sample.Y[:, 0] == y] for y in (1.0, -0.3))
    np.testing.assert_allclose(np.linalg.norm(sample.X, axis=1), 1)
    np.testing.assert_allclose(np.abs(u @ v.T), 0.4, atol=1e-12)
    assert min(len(u), len(v)) > 60 and (u @ u[0] < 0).any()  # both sides of each direction
    assert span.rank(sample.X) == 2


def test_one_feature_is_the_control() -> None:
    sample = raw("two_features", strengths=[1.0], noise=0.0)
    assert set(sample.Y.ravel()) == {1.0} and span.rank(sample.X) == 1


def test_digits_are_those_of_scikit_learn_with_their_labels() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    truth = {row.tobytes(): label for row, label in zip(pixels / 16.0, labels, strict=True)}
    pair = raw("digits")
    for X, Y in ((pair.X, pair.Y), (pair.X_test, pair.Y_test)):
        assert [{3: 1.0, 8: -1.0}[truth[row.tobytes()]] for row in X] == Y.ravel().tolist()
    ten = raw("digits10")
    assert [truth[row.tobytes()] for row in ten.X] == ten.Y.argmax(axis=1).tolist()
    assert (ten.Y.sum(axis=1) == 1).all() and len(np.unique(ten.Y.argmax(axis=1))) > 5


@pytest.mark.parametrize("classes", [[8, 3], [3, 8]])
def test_the_order_of_a_pair_does_not_matter(classes: list[int]) -> None:
    np.testing.assert_array_equal(raw("digits", classes=classes).Y, raw("digits").Y)


@pytest.mark.parametrize(("name", "classes"), [("images", [2, 7]), ("images3", [0, 2, 7])])
def test_images_keep_their_labels_and_their_authors_split(name: str, classes: list[int]) -> None:
    sample = raw(name)
    for X, Y, split in ((sample.X, sample.Y, 0), (sample.X_test, sample.Y_test, 1)):
        label, part = (np.rint(255 * X[:, column]) for column in (0, 1))
        assert (part == split).all() and X.min() >= 0 and X.max() <= 1
        which = np.where(Y[:, 0] > 0, 0, 1) if Y.shape[1] == 1 else Y.argmax(axis=1)
        assert np.array(classes)[which].tolist() == label.tolist()


def test_each_data_seed_is_another_pair_of_digits() -> None:
    pairs = [digit_pairs.pair(seed) for seed in range(1200, 1245)]
    assert sorted(pairs) == [(a, b) for a in range(10) for b in range(a + 1, 10)]
    for first in range(0, 45, 5):
        assert sorted(digit for pair in pairs[first : first + 5] for digit in pair) == [*range(10)]
    one, two = digit_pairs.pair(7)
    own = datasets.make("digit_pairs", {"kind": "digit_pairs", "n_train": 45, "n_test": 30}, 7)
    named = datasets.make(
        "digit_pairs", {"kind": "digits", "classes": [two, one], "n_train": 45, "n_test": 30}, 7
    )
    np.testing.assert_array_equal(own.X, named.X)
    np.testing.assert_array_equal(own.Y, named.Y)


REFUSED: dict[str, tuple[Callable[[], Sample], str]] = {
    "kind": (
        lambda: make("teacher", kind="spirals"),
        "spirals.*clusters, digit_pairs, digits, file, image_pairs, images",
    ),
    "images_not_fetched": (
        lambda: datasets.make("images", {**OPTIONS["images"], "n_train": 5, "n_test": 5}, 0),
        "'pictures' are not fetched",
    ),
    "digits": (lambda: make("digits", n_train=400), r"n_train \+ n_test = 430, but digits has 357"),
    "digits_test": (lambda: make("digits", n_test=313), "but digits has 357 images of classes"),
    "images_train": (lambda: make("images", n_train=200), "n_train = 200, but pictures has"),
    "images_test": (lambda: make("images", n_test=150), "n_test = 150, but pictures has"),
    "orthogonal": (lambda: make("orthogonal", n_test=36), "81 orthogonal inputs, dim 80"),
    "axes": (lambda: make("clusters", axes=13), "axes: at most dim = 12, got 13"),
    "neurons": (lambda: make("teacher", neurons=13), "neurons: at most dim = 12, got 13"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_made_is_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(DatasetError, match=message):
        call()


def test_all_there_is_can_be_asked_for() -> None:
    assert len(make("digits", n_train=300, n_test=57).X_test) == 57
    assert len(make("orthogonal", n_train=45, n_test=35).X_test) == 35


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        make("teacher", -1)


@pytest.mark.parametrize("classes", [[0, 1, 2, 4, 6, 7], list(range(10)), [3, 8]])
def test_pairs_come_in_rounds_that_use_every_class(classes: list[int]) -> None:
    half, all_pairs = len(classes) // 2, len(classes) * (len(classes) - 1) // 2
    found = [pair_of(classes, seed) for seed in range(all_pairs)]
    assert len(set(found)) == all_pairs
    assert all(one < other and {one, other} <= set(classes) for one, other in found)
    for start in range(0, all_pairs, half):
        played = [label for pair in found[start : start + half] for label in pair]
        assert sorted(played) == classes


def test_each_seed_of_image_pairs_is_another_pair() -> None:
    from neuron_race.data.kinds import image_pairs
    from neuron_race.data.loader import Images

    pixels = np.arange(60, dtype=np.uint8).repeat(4).reshape(60, 4)
    labels = np.arange(60) % 6
    images = Images(pixels, labels, pixels, labels)
    options = {"kind": "image_pairs", "images": "some", "classes": [0, 1, 2, 3, 4, 5]}
    options |= {"n_train": 8, "n_test": 4}
    for seed in (0, 4, 17):
        made = datasets.make("pairs", options, seed, images)
        one, other = pair_of(options["classes"], seed)
        plain = {**options, "kind": "images", "classes": [one, other]}
        assert np.array_equal(made.X, datasets.make("pairs", plain, seed, images).X)
        assert image_pairs.KIND.task(options, seed) == f"{one}-{other}"
        assert made.Y.shape == (8, 1) and image_pairs.KIND.outputs(options) == 1
    odd = {**options, "classes": [0, 1, 2]}
    assert any("even number" in fault for fault in datasets.faults(odd, {"some": {}}))
