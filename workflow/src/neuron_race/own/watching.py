"""The race in an ordinary training loop: hidden layers of any model, read every so many steps.

    with neuron_race.watch(model) as race:
        for X, Y in batches:
            ...                      # forward, backward, step: as always
            race.loss = loss.item()  # optional, for the curve
    race.save("race.html")

At a recorded step, hooks on each layer take its inputs and the gradient at its preactivations. As
everywhere in this project the pull on a unit is what gradient descent adds to its incoming weights
(E1), normalisations folded in; alignment is its cosine with these weights (E3). No random number is
drawn, and outputs and gradients are what they are without.
"""

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neuron_race.models import clusters, smaller
from neuron_race.models.units import as_rows
from neuron_race.own import chains, weights
from neuron_race.own.chains import Chain
from neuron_race.own.folding import Folded
from neuron_race.own.report import told

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Tensor = torch.Tensor
EVERY = 100  # steps; benchmarks/own_overhead.py measures what reading costs
MOST_BYTES = 2**28


def watch(model: nn.Module, every: int = EVERY, most_bytes: int = MOST_BYTES) -> "Watch":
    """Watch all hidden layers of a model that can be read; ``refused`` tells the others' reasons.

    Args:
        model: any module that torch.fx can trace. A step is a forward pass with gradients in
            training mode.
        every: read the first step and each such number of steps.
        most_bytes: of memory for what was read, but always enough for two readings. When it is
            full every second reading is forgotten, and from then on half as many are made.

    Raises:
        UnreadableError: the model can't be traced, or has no layer.
        ValueError: ``every`` or ``most_bytes`` below 1.
    """
    return Watch(model, every, most_bytes)


class Watch:
    """Readings of a model in training; ends with its ``with`` block, or with :meth:`close`.

    Attributes:
        refused: reason by name for each map whose units can't be read.
        called: the model as it was given; its layers are in ``model``.
        loss: set it in your loop to have the loss beside each reading.
        step: forward passes so far.
    """

    def __init__(self, model: nn.Module, every: int, most_bytes: int):
        for name, value in (("every", every), ("most_bytes", most_bytes)):
            if value < 1:
                raise ValueError(f"{name}: at least 1 is needed, got {value}")
        found = chains.find(model)
        self.model, self.chains, self.refused = chains.plain(model), found.chains, found.refused
        self.every, self.most_bytes, self.step, self.loss = every, most_bytes, 0, math.nan
        self._readings: list[dict[str, Any]] = []
        self._listening = ExitStack()  # to layers, during one forward pass
        self._open: dict[str, Any] | None = None
        # On what the loop calls: inside of it torch.compile would compile for each step anew.
        self.called = model
        self._hooks = [
            model.register_forward_pre_hook(self._begin),
            model.register_forward_hook(self._end, always_call=True),
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching: all hooks are removed. What was read stays."""
        self._finish()
        for hook in self._hooks:
            hook.remove()

    def __deepcopy__(self, memo: object) -> Self:
        """Copies of a watched model, such as averages of its weights, are not watched."""
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a model is watched: save its state_dict(), or close the watch beforehand")

    def _begin(self, model: nn.Module, inputs: Any) -> None:
        """Before each forward pass: close the last reading, and perhaps open one."""
        if model is not self.called or not (model.training and torch.is_grad_enabled()):
            return
        self._finish()
        if self.step % self.every == 0:
            self._open = {"step": self.step, "layers": {}, "pulled": False}
            for chain in self.chains:
                self._listen(chain, self._open)
            if self.called is not self.model:  # as written: layers are heard one by one
                self._listening.enter_context(torch.compiler.set_stance("force_eager"))
        self.step += 1

    def _end(self, model: nn.Module, inputs: Any, output: Any) -> None:
        """After it, be it that it failed: nothing listens to other passes, as for validation."""
        self._listening.close()

    def _listen(self, chain: Chain, reading: dict[str, Any]) -> None:
        into, _, norm = weights.parts(self.model, chain)
        heard: dict[str, Tensor] = {}

        def first(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            heard.update(Z=inputs[0].detach(), before=output.detach())
            if norm is None:
                last(module, inputs, output)

        def last(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            read = _Reading(self.model, chain, heard["Z"], heard["before"], output)
            reading["layers"][chain.name] = read.arrays

            def backward(gradient: Tensor) -> None:
                read.pulled(gradient)
                reading["pulled"] = True

            if output.requires_grad:
                output.register_hook(backward)

        self._listening.enter_context(into.register_forward_hook(first))
        if norm is not None:
            self._listening.enter_context(norm.register_forward_hook(last))

    def _finish(self) -> None:
        """Keep the open reading, once there was a backward pass."""
        reading = self._open
        if reading is None or not reading["pulled"]:
            return
        self._open = None
        reading["loss"], self.loss = float(self.loss), math.nan
        self._readings.append(reading)
        size = sum(a.nbytes for own in reading["layers"].values() for a in own.values())
        while len(self._readings) > 2 and len(self._readings) * size > self.most_bytes:
            self._readings = self._readings[::2]
            self.every *= 2

    def has(self, name: str) -> bool:
        """Whether a layer was read."""
        self._finish()
        return any(name in own["layers"] for own in self._readings)

    def layer(self, name: str) -> dict[str, NDArray[Any]]:
        """All readings of a layer of m units, T of them.

        Alignment is NaN where no gradient came.

        Returns:
            ``step, loss (T,)``; ``norm_w, norm_a, norm_product, cos_delta, open (T, m)``, the last
            one the part of samples and positions that a unit is open on; ``W (T, m, d)`` and
            ``A (T, m, k)``.

        Raises:
            KeyError: no such layer was read.
        """
        self._finish()
        known = [own["layers"] for own in self._readings if name in own["layers"]]
        if not known:
            names = ", ".join(chain.name for chain in self.chains)
            raise KeyError(f"{name}: no reading; layers are {names}")
        columns = {key: np.stack([own[name][key] for own in known]) for key in known[0][name]}
        for key, vectors in (("norm_w", "W"), ("norm_a", "A")):
            columns[key] = np.linalg.norm(columns[vectors], axis=2)
        columns["norm_product"] = columns["norm_w"] * columns["norm_a"]
        for key in ("step", "loss"):
            columns[key] = np.array([own[key] for own in self._readings if name in own["layers"]])
        return columns

    def clusters(self, name: str, cosine: float = 0.99) -> NDArray[np.int64]:
        """Groups of a layer's units at the last reading (m,); -1: closed on all of its batch."""
        last = {key: value[-1] for key, value in self.layer(name).items()}
        W, A = (last[key].astype(np.float64) for key in ("W", "A"))
        return clusters.find(W, A, cosine, last["open"] > 0)

    def __str__(self) -> str:
        """Each layer at the last reading, a line each, and what could not be read."""
        self._finish()
        if self._readings:
            lines = [f"step {self._readings[-1]['step']}"]
            lines += [self._told(chain.name) for chain in self.chains if self.has(chain.name)]
        elif not self.chains:
            lines = ["no layer can be read"]
        else:
            lines = [
                f"no reading yet: {self.step} forward passes in training mode, and no backward "
                "pass after one that was to be read"
            ]
        lines += [f"not read: {name}: {reason}" for name, reason in self.refused.items()]
        return "\n".join(lines)

    def _told(self, name: str) -> str:
        own, labels = self.layer(name), self.clusters(name)
        c, alignment = own["norm_product"][-1], own["cos_delta"][-1, labels >= 0]
        return (
            f"{name}: {len(c)} units in {clusters.count(labels)} groups, "
            f"{int((labels < 0).sum())} closed; the largest fifth holds "
            f"{told(smaller.held(c, 0.2), '.0%')} of the norm products; median alignment "
            f"{told(np.median(alignment) if len(alignment) else np.nan, '.2f')}"
        )

    def save(self, path: str | Path) -> None:
        """Write the run: ``.npz`` with all arrays, or ``.html``, the race explorer on this run.

        Raises:
            ValueError: another ending, or nothing was read.
        """
        from neuron_race.own import run_file  # pages are slow to import, and not needed to watch

        run_file.save(self, Path(path))


class _Reading:
    """One layer at one step: what the forward pass shows, and then the backward pass."""

    def __init__(self, model: nn.Module, chain: Chain, Z: Tensor, before: Tensor, output: Tensor):
        into, _, norm = weights.parts(model, chain)
        # Mixed precision gives values of other types than weights; half types are too coarse.
        self.type = torch.promote_types(into.weight.dtype, torch.float32)
        before = as_rows(into, before).to(self.type)
        self.Z, self.folded = Z.to(self.type), Folded(into, norm, before)
        W, A = weights.single(self.folded.W), weights.single(weights.by_unit(model, chain))
        self.arrays: dict[str, Single] = {
            "W": W,
            "A": A,
            "open": weights.single((as_rows(into, output.detach()) > 0).to(self.type).mean(dim=0)),
            "cos_delta": np.full(len(W), np.nan, dtype=np.float32),
        }

    def pulled(self, gradient: Tensor) -> None:
        """Alignment of the units, from the gradient at their preactivations."""
        with torch.no_grad():
            W, pull = self.folded.W, -self.folded.gradient(self.Z, gradient.detach().to(self.type))
            size = pull.norm(dim=1) * W.norm(dim=1)
            cosine = (pull * W).sum(dim=1) / size.clamp(min=1e-30)  # 0 of a unit without a pull
        self.arrays["cos_delta"] = weights.single(cosine)
