"""Initial weights, outputs, losses."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from neuron_race.models import shallow

Array = NDArray[np.float64]


def draw(
    head: str, alpha: float = 1.0, seed: int = 0, k: int = 2, name: str = "init"
) -> tuple[Array, Array]:
    return shallow.initialise(name, seed, 3000, 25, k, head, alpha)


def test_gaussian_head_has_the_stated_law_and_does_not_know_the_incoming_weights() -> None:
    W, A = draw("gaussian")
    assert stats.kstest(W.ravel() * 5, "norm").pvalue > 1e-3
    assert stats.kstest(A.ravel() * np.sqrt(2), "norm").pvalue > 1e-3
    norms = np.linalg.norm(W, axis=1), np.linalg.norm(A, axis=1)
    assert abs(stats.spearmanr(*norms).statistic) < 0.06
    assert norms[0].mean() == pytest.approx(1, rel=0.02)


def test_balanced_head_has_the_norm_of_the_incoming_weights() -> None:
    W, A = draw("balanced", alpha=1e-3)
    np.testing.assert_allclose(np.linalg.norm(A, axis=1), np.linalg.norm(W, axis=1), rtol=1e-12)
    gaussian_W, gaussian_A = draw("gaussian", alpha=1e-3)
    np.testing.assert_array_equal(W, gaussian_W)
    cosine = (
        (A * gaussian_A).sum(axis=1)
        / np.linalg.norm(A, axis=1)
        / np.linalg.norm(gaussian_A, axis=1)
    )
    np.testing.assert_allclose(cosine, 1)


def test_pytorch_head_is_the_default_of_linear_layers() -> None:
    W, A = draw("pytorch")
    for ours, layer in ((W, torch.nn.Linear(25, 3000)), (A, torch.nn.Linear(3000, 2))):
        limit = float(layer.weight.detach().abs().max())
        assert np.abs(ours).max() == pytest.approx(limit, rel=0.01)
        assert stats.kstest(ours.ravel(), "uniform", (-limit, 2 * limit)).pvalue > 1e-3
    # The same draw as for the other heads: only the law differs.
    np.testing.assert_array_equal(W.ravel().argsort(), draw("gaussian")[0].ravel().argsort())
    np.testing.assert_array_equal(A.ravel().argsort(), draw("gaussian")[1].ravel().argsort())


@pytest.mark.parametrize("head", shallow.HEADS)
def test_alpha_rescales_one_draw(head: str) -> None:
    W, A = draw(head)
    for alpha in (1e-4, 1e-20, 7.0):
        scaled = draw(head, alpha)
        np.testing.assert_array_equal(scaled[0], alpha * W)
        np.testing.assert_array_equal(scaled[1], alpha * A)


def test_draws_depend_on_name_and_seed_and_on_nothing_else() -> None:
    W, A = draw("gaussian")
    again = draw("gaussian")
    np.testing.assert_array_equal(W, again[0])
    np.testing.assert_array_equal(A, again[1])
    for other in (draw("gaussian", seed=1), draw("gaussian", name="other")):
        assert (other[0] != W).mean() > 0.99 and (other[1] != A).mean() > 0.99
    # The layers do not share numbers.
    incoming, outgoing = 5 * W.ravel(), np.sqrt(2) * A.ravel()
    assert not np.isclose(incoming[: len(outgoing)], outgoing).any()
    # A wider input or head leaves the other layer's draw as it is.
    np.testing.assert_array_equal(draw("gaussian", k=5)[0], W)


def test_an_unknown_head_is_refused_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"lecun.*balanced, gaussian, pytorch"):
        shallow.initialise("init", 0, 3, 2, 1, "lecun", 1.0)


@pytest.mark.parametrize("k", [1, 3])
def test_forward_is_that_of_torch(k: int) -> None:
    rng = np.random.default_rng(1)
    X, W, A = rng.standard_normal((9, 4)), rng.standard_normal((6, 4)), rng.standard_normal((6, k))
    first, second = torch.nn.Linear(4, 6, bias=False), torch.nn.Linear(6, k, bias=False)
    first.weight.data, second.weight.data = torch.tensor(W), torch.tensor(A.T)
    expected = second(torch.relu(first(torch.tensor(X)))).detach().numpy()
    np.testing.assert_allclose(shallow.forward(X, W, A), expected, rtol=1e-12)
    # Batches, and coordinates beyond the data's.
    wide = np.concatenate([W, rng.standard_normal((6, 2))], axis=1)
    both = shallow.forward(np.stack([X, 2 * X]), np.stack([wide, wide]), np.stack([A, A]))
    np.testing.assert_allclose(both[0], expected, rtol=1e-12)
    np.testing.assert_allclose(both[1], 2 * expected, rtol=1e-12)


def test_loss_is_that_of_torch() -> None:
    rng = np.random.default_rng(2)
    F, Y = 3 * rng.standard_normal((7, 3)), rng.standard_normal((7, 3))
    labels, hot = np.sign(Y[:, :1]), np.eye(3)[rng.integers(3, size=7)]
    f = torch.tensor(F)
    squared = torch.nn.functional.mse_loss(f, torch.tensor(Y), reduction="sum") / 14
    logistic = torch.nn.functional.soft_margin_loss(f[:, :1], torch.tensor(labels))
    softmax = torch.nn.functional.cross_entropy(f, torch.tensor(hot.argmax(axis=1)))
    assert shallow.loss(F, Y, "squared") == pytest.approx(float(squared), rel=1e-12)
    assert shallow.loss(F[:, :1], labels, "logistic") == pytest.approx(float(logistic), rel=1e-12)
    assert shallow.loss(F, hot, "logistic") == pytest.approx(float(softmax), rel=1e-12)
    assert shallow.loss(np.stack([F, Y]), Y, "squared").tolist() == [
        float(shallow.loss(F, Y, "squared")),
        0,
    ]


@pytest.mark.parametrize("size", [800.0, 1e6])
def test_logistic_losses_survive_extreme_outputs(size: float) -> None:
    F, Y = np.array([[size], [-size]]), np.array([[1.0], [1.0]])
    assert shallow.loss(F, Y, "logistic") == pytest.approx(size / 2)
    F, Y = np.array([[size, 0.0, -size]]), np.array([[0.0, 0.0, 1.0]])
    assert shallow.loss(F, Y, "logistic") == pytest.approx(2 * size)


def test_accuracy_counts_signs_or_largest_outputs_and_zero_is_wrong() -> None:
    F, Y = np.array([[0.1], [-2.0], [3.0], [0.0]]), np.array([[1.0], [1.0], [1.0], [-1.0]])
    assert shallow.accuracy(F, Y) == 0.5
    F, Y = np.array([[0.2, 0.1], [0.2, 0.3], [5.0, 4.0]]), np.eye(2)[[0, 1, 1]]
    assert shallow.accuracy(F, Y) == pytest.approx(2 / 3)
    assert shallow.accuracy(np.stack([F, -F]), Y).tolist() == pytest.approx([2 / 3, 1 / 3])
