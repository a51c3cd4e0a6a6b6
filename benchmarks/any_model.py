"""A gradient step of models of many layers, against JAX, and the share of the matmul peak.

    python benchmarks/any_model.py --out results/engine/any_model.csv

Squared loss, float32, one thread. JAX is jit of scan over steps, gradients by jax.grad, written
both ways: `vmap` of one network, and all networks in batched products (filters there as patches
times weights). All must train to the same weights; then they take turns, and each number is the
median over the rounds of the CPU time of a step. Compiling is not timed.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RATE, S, N = 1e-3, 20, 200


def asked() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60, help="steps of one timed run")
    parser.add_argument("--model", nargs="*", help="only these")
    return parser.parse_args()


def models() -> dict[str, tuple[Any, int, int]]:
    """By name: model, number of inputs, floating-point operations of a step and sample.

    Counted are multiply-adds of products, two each, there and back; taps beyond an image too.
    """
    from neuron_race.models import deep

    known = {
        f"perceptron, {depth} layers": (
            deep.Perceptron(64, 1, 64, depth),
            64,
            8192 * (3 * depth - 1),
        )
        for depth in range(2, 6)
    }
    first, second, attention = 9 * 12 * 16, 108 * 24 * 16, 8 * (8 * 16 + 4 * 256 + 256 + 2 * 768)
    filters = deep.Convolution(64, 1, 24, 1, batch_norm=False)
    transformer = deep.Transformer(64, 1, 48, 8, 16, 4, layer_norm=False, skip=True)
    return known | {
        "residual, 3 blocks": (deep.Residual(20, 1, 48, 3), 20, 2 * 960 * 17),
        "filters, 2 layers": (filters, 64, 4 * first + 6 * second),
        "transformer": (transformer, 64, 6 * attention),
    }


def convolve(x: Any, w: Any, stride: int, batched: bool) -> Any:
    """3 x 3 filters in JAX on images (N, h, w, c), or with a leading axis of runs everywhere."""
    import jax
    import jax.numpy as jnp

    if not batched:  # images (N, h, w, c), as XLA likes them on a CPU
        form = ("NHWC", "OIHW", "NHWC")
        return jax.lax.conv_general_dilated(x, w, (stride, stride), [(1, 1)] * 2, None, None, form)
    h = (x.shape[2] - 1) // stride + 1
    padded = jnp.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)])
    reach = stride * (h - 1) + 1
    taps = [
        padded[:, :, i : i + reach : stride, j : j + reach : stride]
        for i in range(3)
        for j in range(3)
    ]
    patches = jnp.stack(taps, -1).reshape(*x.shape[:2], h, h, -1)
    return jnp.einsum("snhwf,sof->snhwo", patches, w.reshape(*w.shape[:2], -1))


def one_network(model: Any, einsum: Callable[..., Any], batched: bool) -> Callable[..., Any]:
    """The model's forward pass in JAX: for x (N, d), or with a leading axis of runs everywhere."""
    import jax

    from neuron_race.models import deep

    s = "s" if batched else ""

    def linear(x: Any, w: Any) -> Any:
        return einsum(f"{s}n...f,{s}of->{s}n...o", x, w)

    def perceptron(p: Mapping[str, Any], x: Any) -> Any:
        for layer in range(len(model.hidden)):
            x = jax.nn.relu(linear(x, p[f"hidden.{layer}.weight"]))
        return linear(x, p["head.weight"])

    def residual(p: Mapping[str, Any], x: Any) -> Any:
        for block in range(len(model.incoming)):
            h = jax.nn.relu(linear(x, p[f"incoming.{block}.weight"]))
            x = x + model.scale * linear(h, p[f"outgoing.{block}.weight"])
        return linear(x, p["head.weight"])

    def filters(p: Mapping[str, Any], x: Any) -> Any:
        x = x.reshape(*x.shape[:-1], 8, 8, 1)
        for name, stride in (("first.weight", 2), ("second.weight", 1)):
            x = jax.nn.relu(convolve(x, p[name], stride, batched))
        return linear(x.mean((-3, -2)), p["head.weight"])

    def transformer(p: Mapping[str, Any], x: Any) -> Any:
        x = x.reshape(*x.shape[:-1], 8, 8)
        position = p["position"][:, None] if batched else p["position"]
        x = linear(x, p["embed.weight"]) + position
        q, k, v = (linear(x, p[f"{n}.weight"]) for n in ("query", "key", "value"))
        q, k, v = (z.reshape(*z.shape[:-1], 4, 4) for z in (q, k, v))
        weights = jax.nn.softmax(einsum("...thd,...uhd->...htu", q, k) / 2, axis=-1)
        mixed = einsum("...htu,...uhd->...thd", weights, v)
        x = x + linear(mixed.reshape(*mixed.shape[:-2], 16), p["mix.weight"])
        x = x + linear(jax.nn.relu(linear(x, p["incoming.weight"])), p["outgoing.weight"])
        return linear(x.mean(-2), p["head.weight"])

    return {
        deep.Perceptron: perceptron,
        deep.Residual: residual,
        deep.Convolution: filters,
        deep.Transformer: transformer,
    }[type(model)]


def by_jax(model: Any, start: Any, X: Any, Y: Any, steps: int, batched: bool) -> Callable[[], Any]:
    """Train from the start; the last weights."""
    import jax
    import jax.numpy as jnp

    forward = one_network(model, jnp.einsum, batched)

    def loss(p: Any, x: Any, y: Any) -> Any:  # summed over runs, if there are any
        return ((forward(p, x) - y) ** 2).sum() / (2 * N)

    def train(p: Any, x: Any, y: Any) -> Any:
        def step(p: Any, _: None) -> Any:
            value, slopes = jax.value_and_grad(loss)(p, x, y)
            return jax.tree.map(lambda w, g: w - RATE * g, p, slopes), value

        return jax.lax.scan(step, p, None, length=steps)

    run = jax.jit(train if batched else jax.vmap(train))
    given = {n: jnp.asarray(w.numpy()) for n, w in start.items()}, *map(jnp.asarray, (X, Y))
    return lambda: jax.block_until_ready(run(*given))[0]


def measure(name: str, model: Any, d: int, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a step by each contender, and of a product of matrices of 2048 rows."""
    import numpy as np
    import torch

    from neuron_race.models import deep
    from neuron_race.training import any_model

    rng = np.random.default_rng(0)
    X, Y = (rng.standard_normal((S, N, k)).astype(np.float32) for k in (d, 1))
    start = deep.initial(model, name, range(S), 1.0, torch.float32)
    plan = any_model.Plan(learning_rate=RATE, max_steps=options.steps)
    given = (start, torch.as_tensor(X), torch.as_tensor(Y), plan)
    runs: dict[str, Callable[[], Any]] = {
        "ours": lambda: any_model.train(model, *given).end,
        "jax vmap": by_jax(model, start, X, Y, options.steps, batched=False),
        "jax batched": by_jax(model, start, X, Y, options.steps, batched=True),
    }
    ends = {contender: run() for contender, run in runs.items()}
    for contender, end in ends.items():
        for n, w in ends["ours"].items():
            np.testing.assert_allclose(
                end[n], w, rtol=0, atol=1e-4 * w.abs().max(), err_msg=contender
            )
    a = torch.randn(2048, 2048)
    runs["matmul"] = lambda: [a @ a for _ in range(2)]
    times: dict[str, list[float]] = {contender: [] for contender in runs}
    for _ in range(options.rounds):
        for contender, run in runs.items():
            began = time.process_time()
            run()
            spent = time.process_time() - began
            times[contender].append(spent / (2 if contender == "matmul" else options.steps))
    return {contender: float(np.median(own)) for contender, own in times.items()}


def main() -> None:
    """Measure, print, and write the table."""
    options = asked()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    os.environ["OMP_NUM_THREADS"] = "1"
    import pandas as pd
    import torch

    torch.set_num_threads(1)
    rows = []
    for name, (model, d, work) in models().items():
        if options.model and name not in options.model:
            continue
        seconds = measure(name, model, d, options)
        best = min(seconds["jax vmap"], seconds["jax batched"])
        peak = 2 * 2048**3 / seconds["matmul"]
        row: dict[str, Any] = {"model": name}
        row |= {f"{n} ms": 1e3 * seconds[n] for n in ("ours", "jax vmap", "jax batched")}
        row["times as fast as jax"] = best / seconds["ours"]
        row["matmul_gflops"] = peak / 1e9
        row["share_of_matmul"] = work * S * N / seconds["ours"] / peak
        rows.append(row)
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)
    table = pd.DataFrame(rows)
    mean = table["times as fast as jax"].prod() ** (1 / len(table))
    print(f"{mean:.2f} times as fast as the better JAX, in geometric mean")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
