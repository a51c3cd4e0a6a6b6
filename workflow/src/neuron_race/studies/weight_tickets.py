"""Weight-level winning tickets: iterative magnitude pruning of LeNet-300-100.

The protocol is that of Frankle and Carbin (2019): a fully connected d-300-100-k ReLU network with
softmax cross-entropy is trained with Adam, the smallest-magnitude surviving weights of each layer
are pruned, the survivors are rewound to their initial values, and so on. Biases start at zero, are
rewound too, and are never pruned. Two controls keep as many weights of each layer:
``reinitialised`` (the same masks, weights drawn anew) and ``random_mask`` (the same initial
weights, masks at random). All arms of a seed see the same batches in the same order.

All seeds are trained together in float32, each as if alone: parameters are stacked along a first
axis, and Adam works element by element.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from neuron_race.common.defined import DROP
from neuron_race.common.devices import choose_device
from neuron_race.common.seeds import stream
from neuron_race.models.deep import Network
from neuron_race.models.smaller import keep_largest
from neuron_race.models.stacked import Operations
from neuron_race.training import any_model

Array = NDArray[Any]
Tensor = torch.Tensor
ARMS = ("winning", "reinitialised", "random_mask")


@dataclass(frozen=True)
class Protocol:
    """How to train and prune.

    Attributes:
        hidden: widths of the hidden layers.
        rate: learning rate of Adam (its other constants are the usual 0.9, 0.999 and 1e-8).
        batch: samples per step.
        steps: steps per training.
        rounds: how often to prune; round 0 is the full network.
        prune: fraction of the surviving weights that a round prunes in each hidden layer.
        prune_output: the same in the output layer.
        control_rounds: rounds at which the two control arms are trained as well.
        evaluate_every: steps between two evaluations of the loss on all training samples.
        loss_target: training loss whose first crossing, at an evaluated step, measures speed.
        sparse: remaining fractions (from, to) of the rounds over which ``runs`` averages.
    """

    hidden: tuple[int, ...] = (300, 100)
    rate: float = 1.2e-3
    batch: int = 60
    steps: int = 400
    rounds: int = 14
    prune: float = 0.2
    prune_output: float = 0.1
    control_rounds: tuple[int, ...] = (8, 10, 12, 14)
    evaluate_every: int = 25
    loss_target: float = 0.3
    sparse: tuple[float, float] = (0.03, 0.25)

    def __post_init__(self) -> None:
        """Raises ValueError: a control round that is never reached, or the full network's."""
        wrong = [level for level in self.control_rounds if not 1 <= level <= self.rounds]
        if wrong:
            raise ValueError(f"control_rounds: {wrong} are not among rounds 1 to {self.rounds}")


@dataclass(frozen=True)
class Outcome:
    """What a training of S networks ended with.

    Attributes:
        weights: of each layer (S, inputs, outputs).
        biases: of each layer (S, outputs).
        step: evaluated steps (T,), the first is 0.
        loss: mean loss on all training samples at these (S, T).
    """

    weights: list[Array]
    biases: list[Array]
    step: Array
    loss: Array

    @property
    def learned(self) -> Array:
        """Whether each network's loss dropped (S,)."""
        return self.loss[:, -1] <= (1 - DROP) * self.loss[:, 0]


def glorot(rng: np.random.Generator, sizes: Sequence[int]) -> list[Array]:
    """Weights (inputs, outputs) of each layer: Gaussian, variance 2 / (inputs + outputs)."""
    return [
        (rng.standard_normal((a, b)) * np.sqrt(2 / (a + b))).astype(np.float32)
        for a, b in pairwise(sizes)
    ]


def batches(name: str, seed: int, samples: int, protocol: Protocol) -> Array:
    """Samples of each step (steps, batch): shuffled epochs end to end, so a batch may span two."""
    rng = stream(name, seed, "batches")
    wanted = protocol.steps * protocol.batch
    epochs = [rng.permutation(samples) for _ in range(-(-wanted // samples))]
    return np.concatenate(epochs)[:wanted].reshape(protocol.steps, protocol.batch)


def pruned_count(surviving: int, fraction: float) -> int:
    """How many of the surviving weights a round prunes: fraction times surviving, rounded.

    The product is that of the decimal fraction, without floating-point error; halves go to even.
    """
    return round(Fraction(str(fraction)) * surviving)


def prune(weights: Array, masks: Array, fraction: float) -> Array:
    """Masks of one layer (S, inputs, outputs) without the smallest-magnitude surviving weights.

    Exactly :func:`pruned_count` weights go in each network; of equal magnitudes the first in
    row-major order is kept.
    """
    score = np.where(masks, np.abs(weights), -np.inf).reshape(len(masks), -1)
    alive = masks.reshape(len(masks), -1).sum(axis=1)
    kept = [int(n) - pruned_count(int(n), fraction) for n in alive]
    flat = [keep_largest(row, n) for row, n in zip(score, kept, strict=True)]
    return np.stack(flat).reshape(masks.shape)


def remaining(masks: Sequence[Array]) -> float:
    """Fraction of weights that a network's masks keep, the same for all networks of a round."""
    return sum(int(mask[0].sum()) for mask in masks) / sum(mask[0].size for mask in masks)


class Lenet(Network):
    """Fully connected layers of these sizes, with biases, and ReLU between them."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, X: Tensor) -> Tensor:
        """Logits (N, k)."""
        for place, layer in enumerate(self.layers):
            X = layer(X.relu() if place else X)
        return X

    def operations(self, to: Operations) -> None:
        """List what the forward pass does."""
        x = to.inputs
        for layer in range(len(self.layers)):
            x = to.linear(to.relu(x) if layer else x, f"layers.{layer}.weight")
            x = to.shift(x, f"layers.{layer}.bias")


def forward(X: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Logits (S, N, k) for inputs (S, N, d)."""
    H = X
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        H = torch.baddbmm(b[:, None], H.relu() if layer else H, W)
    return H


def train(
    X: Array,
    Y: Array,
    weights: Sequence[Array],
    masks: Sequence[Array],
    order: Array,
    protocol: Protocol,
    device: str = "cpu",
) -> Outcome:
    """Train S masked networks, from zero biases.

    Args:
        X: inputs (S, N, d).
        Y: one-hot targets (S, N, k).
        weights: initial weights of each layer (S, inputs, outputs); pruned ones are ignored.
        masks: surviving weights, of the same shapes.
        order: samples of each step (S, steps, batch).
        protocol: how to train.
        device: see :func:`neuron_race.common.devices.choose_device`.
    """
    place = choose_device(device)
    inputs, targets = _tensor(X, place), _tensor(Y, place)
    keep = [_tensor(mask, place).mT.contiguous() for mask in masks]
    W = [_tensor(w, place).mT.contiguous() * mask for w, mask in zip(weights, keep, strict=True)]
    B = [torch.zeros(w.shape[:2], device=place) for w in W]
    named = {
        f"layers.{i}.{kind}": z for kind, Z in (("weight", W), ("bias", B)) for i, z in enumerate(Z)
    }
    sizes = (X.shape[2], *(w.shape[1] for w in W))
    differentiate = any_model.gradients(Lenet(sizes), "logistic", device=place)
    optimizer = torch.optim.Adam([*W, *B], lr=protocol.rate, fused=True)
    chosen = torch.as_tensor(order, device=place)
    network = torch.arange(len(inputs), device=place)[:, None]
    steps, losses = [], []
    for step in range(protocol.steps + 1):
        if step % protocol.evaluate_every == 0 or step == protocol.steps:
            value = differentiate(named, inputs, targets, learn=False)[0]
            losses.append(value.numpy(force=True).copy())
            steps.append(step)
        if step == protocol.steps:
            break
        rows = chosen[:, step]
        slopes = differentiate(named, inputs[network, rows], targets[network, rows])[2]
        for name, own in named.items():
            own.grad = slopes[name]
        optimizer.step()
        for w, mask in zip(W, keep, strict=True):  # Adam moves pruned weights as well
            w.mul_(mask)
    return Outcome(
        weights=[w.mT.numpy(force=True) for w in W],
        biases=[b.numpy(force=True) for b in B],
        step=np.asarray(steps),
        loss=np.stack(losses, axis=1),
    )


def accuracy(X: Array, Y: Array, outcome: Outcome) -> Array:
    """Fraction of samples (S, N, ...) whose largest output is the right one, (S,)."""
    F = forward(_tensor(X), *(list(map(_tensor, Z)) for Z in (outcome.weights, outcome.biases)))
    return (F.argmax(dim=-1).numpy() == Y.argmax(axis=-1)).mean(axis=-1)


def steps_to(outcome: Outcome, target: float) -> Array:
    """First evaluated step with a training loss of at most ``target``, NaN if none has (S,)."""
    below = outcome.loss <= target
    return np.where(below.any(axis=1), outcome.step[below.argmax(axis=1)], np.nan)


def run(
    name: str,
    seeds: Sequence[int],
    X: Array,
    Y: Array,
    X_test: Array,
    Y_test: Array,
    protocol: Protocol,
    log: Callable[[str], None] | None = None,
    device: str = "cpu",
) -> dict[str, pd.DataFrame]:
    """Find winning tickets by iterative magnitude pruning and train them beside their controls.

    Args:
        name: experiment, names the random streams.
        seeds: one for each network.
        X, Y: training inputs (S, N, d) and their one-hot targets (S, N, k).
        X_test, Y_test: the same of the test split.
        protocol: how to train and prune.
        log: receives one line of progress per round.
        device: where to train.

    Returns:
        ``curves``: one row per seed, round and arm: ``remaining`` (fraction of weights),
        ``test_accuracy``, ``train_loss`` (both at the end), ``steps_to_target`` (speed). Round 0
        is the full network, under the arm ``winning``. ``runs``: one row per seed, see
        :func:`summary`; undefined where the full network's loss never dropped.
    """
    sizes = (X.shape[2], *protocol.hidden, Y.shape[2])
    order = np.stack([batches(name, seed, X.shape[1], protocol) for seed in seeds])
    initial = _stacked([glorot(stream(name, seed, "lenet init"), sizes) for seed in seeds])
    redraws = [stream(name, seed, "lenet redraw") for seed in seeds]
    lots = [stream(name, seed, "lenet random mask") for seed in seeds]
    masks = [np.ones(w.shape, dtype=bool) for w in initial]
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    for level in range(protocol.rounds + 1):
        starts = {"winning": (initial, masks)}
        if level > 0:
            # Drawn at every round, so that one round's draw doesn't depend on the other rounds.
            redrawn = _stacked([glorot(rng, sizes) for rng in redraws])
            random = _random_masks(lots, masks)
            if level in protocol.control_rounds:
                starts |= {"reinitialised": (redrawn, masks), "random_mask": (initial, random)}
        outcomes = {
            arm: train(X, Y, w, m, order, protocol, device) for arm, (w, m) in starts.items()
        }
        if level == 0:
            learned = outcomes["winning"].learned
        kept, seconds = remaining(masks), time.monotonic() - began
        for arm, outcome in outcomes.items():
            place = {"round": level, "remaining": kept, "arm": arm}
            rows += _rows(seeds, place, outcome, X_test, Y_test, protocol)
        if log is not None:
            log(f"round {level}/{protocol.rounds}, {kept:.1%} of weights, {seconds:.0f} s")
        masks = _pruned(outcomes["winning"], masks, protocol)
    curves = pd.DataFrame(rows)
    table = summary(curves, protocol).set_index("seed")
    table.loc[~learned] = np.nan
    return {"curves": curves, "runs": table.reset_index()}


def _rows(
    seeds: Sequence[int],
    place: dict[str, Any],
    outcome: Outcome,
    X_test: Array,
    Y_test: Array,
    protocol: Protocol,
) -> list[dict[str, Any]]:
    """Rows of ``curves``: what each network ended with, and how fast it got there."""
    columns = {
        "test_accuracy": accuracy(X_test, Y_test, outcome),
        "train_loss": outcome.loss[:, -1].astype(float),
        "steps_to_target": steps_to(outcome, protocol.loss_target),
    }
    return [
        {"seed": int(seed), **place, **dict(zip(columns, end, strict=True))}
        for seed, *end in zip(seeds, *columns.values(), strict=True)
    ]


def summary(curves: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """One row per seed, means over the rounds in the range ``sparse`` at which controls ran.

    Columns: ``accuracy_<arm>`` and ``accuracy_full`` (per cent), ``winning_minus_<arm>`` and
    ``winning_minus_full`` (points), ``loss_<arm>`` and ``loss_full`` (of training, at the end), and
    ``speed_gain_<arm>``: 1 - steps of winning / steps of the arm to the loss target, at the same
    round. An arm that never reaches the target counts with all steps of the training, so that the
    gain is a lower bound; if winning never does at one of the rounds, the gain is undefined.
    """
    low, high = protocol.sparse
    rows = []
    for seed, table in curves.groupby("seed", sort=False):
        full = table[table["round"] == 0].iloc[0]
        compared = table[table["remaining"].between(low, high)]
        compared = compared[compared["round"].isin(protocol.control_rounds)]
        row: dict[str, Any] = {"seed": seed}
        percent, losses, steps = (
            compared.pivot(index="round", columns="arm", values=column)
            .reindex(columns=pd.Index(ARMS))
            .assign(full=full[column])
            for column in ("test_accuracy", "train_loss", "steps_to_target")
        )
        percent = 100 * percent
        for arm in percent:
            row[f"accuracy_{arm}"] = percent[arm].mean()
            row[f"loss_{arm}"] = losses[arm].mean()
        for arm in percent.columns.drop("winning"):
            row[f"winning_minus_{arm}"] = (percent["winning"] - percent[arm]).mean()
            gain = 1 - steps["winning"] / steps[arm].fillna(protocol.steps).replace(0, np.nan)
            row[f"speed_gain_{arm}"] = gain.mean(skipna=False)
        rows.append(row)
    return pd.DataFrame(rows)


def _pruned(outcome: Outcome, masks: Sequence[Array], protocol: Protocol) -> list[Array]:
    """Masks of all layers after another round."""
    fractions = [protocol.prune] * len(protocol.hidden) + [protocol.prune_output]
    return [prune(*layer) for layer in zip(outcome.weights, masks, fractions, strict=True)]


def _random_masks(rngs: Sequence[np.random.Generator], masks: Sequence[Array]) -> list[Array]:
    """Masks that keep as many weights of each layer, at random."""
    return _stacked(
        [
            [
                keep_largest(rng.random(mask[s].size), int(mask[s].sum())).reshape(mask[s].shape)
                for mask in masks
            ]
            for s, rng in enumerate(rngs)
        ]
    )


def _stacked(networks: Sequence[Sequence[Array]]) -> list[Array]:
    """From layers of each network to networks of each layer."""
    return [np.stack(layer) for layer in zip(*networks, strict=True)]


def _tensor(Z: Array, device: torch.device | str = "cpu") -> Tensor:
    return torch.as_tensor(np.asarray(Z, dtype=np.float32), device=device)
