"""The same training by several engines: T steps of full-batch gradient descent, S networks.

A contender is prepared once (copies, layouts; not timed), then ``run(steps)`` goes back to the
initial weights and returns a function that trains and returns W (S, m, d) and A (S, m, k) as numpy
arrays: that function is timed. JAX compiles in the first, untimed run.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.training import compiled_engine, torch_engine

Array = NDArray[Any]
Weights = tuple[Array, Array]
Run = Callable[[int], Callable[[], Weights]]


class Problem(NamedTuple):
    """Data and initial weights: X (S, N, d), Y (S, N, k), W (S, m, d), A (S, m, k)."""

    X: Array
    Y: Array
    W: Array
    A: Array
    rate: float
    precision: str

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """S, N, d, m, k."""
        return (*self.X.shape, *self.A.shape[1:])

    @property
    def work(self) -> int:
        """Floating-point operations of a step, counted as 4 N m d + 6 N m k per network."""
        S, N, d, m, k = self.shape
        return S * (4 * N * m * d + 6 * N * m * k)


def problem(S: int, N: int, d: int, m: int, k: int, precision: str) -> Problem:
    """A random regression task; squared loss."""
    rng = np.random.default_rng(np.random.SeedSequence([S, N, d, m, k]))
    shapes = ((S, N, d), (S, N, k), (S, m, d), (S, m, k))
    scales = (d**-0.5, 1, 1, 0.1)
    arrays = [c * rng.standard_normal(shape) for c, shape in zip(scales, shapes, strict=True)]
    return Problem(*(Z.astype(precision) for Z in arrays), rate=0.5 / m, precision=precision)


def engine(p: Problem) -> Run:
    """The project's engine: the compiled kernel."""
    words = np.zeros(p.X.shape[1], dtype=np.int64)
    nets = compiled_engine.Networks(
        *(p.X, p.Y, p.W, p.A, words),
        learning_rate=p.rate,
        threads=torch.get_num_threads(),
        precision=p.precision,
    )
    return lambda steps: _advance(nets, p, steps)


def torch_by_hand(p: Problem) -> Run:
    """The project's engine where there is no C compiler: batched torch, gradients by hand."""
    words = np.zeros(p.X.shape[1], dtype=np.int64)
    nets = torch_engine.Networks(
        *(p.X, p.Y, p.W, p.A, words), learning_rate=p.rate, precision=p.precision
    )
    return lambda steps: _advance(nets, p, steps)


def _advance(nets: compiled_engine.Networks | torch_engine.Networks, p: Problem, steps: int) -> Any:
    # Between steps either engine holds weights and their gradient, so that T steps are T updates
    # and T gradients, like everybody else's.
    S = p.X.shape[0]
    without, limit = np.empty((S, 0)), np.full(S, np.inf)
    nets.place(0, p.W, p.A)
    nets.advance(0, without, limit)

    def train() -> Weights:
        nets.advance(steps, without, limit)
        return nets.weights()

    return train


def torch_autograd(p: Problem) -> Run:
    """Batched torch: one bmm for all networks, gradients by autograd."""
    X, Y, W0, A0 = (torch.as_tensor(Z) for Z in (p.X, p.Y, p.W, p.A))

    def train(steps: int) -> Weights:
        W, A = W0.clone().requires_grad_(), A0.clone().requires_grad_()
        optimizer = torch.optim.SGD([W, A], lr=p.rate)
        for _ in range(steps):
            optimizer.zero_grad()
            F = torch.bmm(torch.relu(torch.bmm(X, W.mT)), A)
            ((F - Y).square().sum() / (2 * X.shape[1])).backward()
            optimizer.step()
        return W.detach().numpy(), A.detach().numpy()

    return lambda steps: lambda: train(steps)


def loop(p: Problem) -> Run:
    """One nn.Module after another, each with its optimizer."""
    X, Y = (torch.as_tensor(Z) for Z in (p.X, p.Y))
    (S, N, d), (m, k) = p.X.shape, p.A.shape[1:]

    def train(steps: int) -> Weights:
        weights = []
        for s in range(S):
            net = torch.nn.Sequential(
                torch.nn.Linear(d, m, bias=False, dtype=X.dtype),
                torch.nn.ReLU(),
                torch.nn.Linear(m, k, bias=False, dtype=X.dtype),
            )
            with torch.no_grad():
                net[0].weight.copy_(torch.as_tensor(p.W[s]))
                net[2].weight.copy_(torch.as_tensor(p.A[s]).T)
            optimizer = torch.optim.SGD(net.parameters(), lr=p.rate)
            for _ in range(steps):
                optimizer.zero_grad()
                ((net(X[s]) - Y[s]).square().sum() / (2 * N)).backward()
                optimizer.step()
            weights.append((net[0].weight.detach().numpy(), net[2].weight.detach().numpy().T))
        W, A = (np.stack(Z) for Z in zip(*weights, strict=True))
        return W, A

    return lambda steps: lambda: train(steps)


def jax_scan(p: Problem) -> Run:
    """JAX: jit of vmap over networks of scan over steps, gradients by jax.grad."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        W, A = weights
        F = jnp.maximum(x @ W.T, 0) @ A
        return ((F - y) ** 2).sum() / (2 * x.shape[0])

    def train(W: Any, A: Any, x: Any, y: Any, steps: int) -> Any:
        def step(weights: Any, _: None) -> Any:
            gradients = jax.grad(loss)(weights, x, y)
            return jax.tree.map(lambda w, g: w - p.rate * g, weights, gradients), None

        return jax.lax.scan(step, (W, A), None, length=steps)[0]

    batch = jax.jit(jax.vmap(train, in_axes=(0, 0, 0, 0, None)), static_argnums=4)
    X, Y, W, A = (jnp.asarray(Z) for Z in (p.X, p.Y, p.W, p.A))

    def train_all(steps: int) -> Weights:
        trained = batch(W, A, X, Y, steps)
        return np.asarray(trained[0]), np.asarray(trained[1])

    return lambda steps: lambda: train_all(steps)


CONTENDERS: dict[str, Callable[[Problem], Run]] = {
    "engine": engine,
    "jax": jax_scan,
    "torch by hand": torch_by_hand,
    "torch autograd": torch_autograd,
    "loop": loop,
}
