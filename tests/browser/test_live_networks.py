"""Networks of the live part against PyTorch: gradients, optimizers, trainings, what is measured."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from torch.func import functional_call

from neuron_race.data import datasets
from neuron_race.models import deep
from neuron_race.models.losses import mean_loss
from neuron_race.models.norms import unit
from neuron_race.pages import live, page
from neuron_race.studies import architectures
from neuron_race.studies.trained import initialization, networks
from neuron_race.training import any_model, optimizers

Weights = dict[str, torch.Tensor]
SAMPLES, STEPS = 30, 40
MODELS: dict[str, dict[str, Any]] = {
    "one layer": {"model": "perceptron", "width": 12, "depth": 1},
    "two layers": {"model": "perceptron", "width": 8, "depth": 2},
    "three layers": {"model": "perceptron", "width": 8, "depth": 3},
    "plain blocks": {"model": "residual", "width": 8, "depth": 3, "skip": False},
    "skip paths": {"model": "residual", "width": 8, "depth": 3, "skip": True},
    "filters": {"model": "convolution", "width": 8},
    "no way around the MLP": {"model": "transformer", "width": 12, "skip": False},
    "a way around the MLP": {"model": "transformer", "width": 12, "skip": True},
}
BUILT = {"scaling": "standard", "channels": 1, "batch_norm": False, "layer_norm": False}
TOKENS = {"tokens": 8, "embedding": 16, "heads": 4}
RUN = """([sample, options, start, plan]) => {
  const data = { ...sample, X: Float64Array.from(sample.X), y: Float64Array.from(sample.y) };
  const net = networks.network(data, options, name => Float64Array.from(start[name]));
  const seen = [];
  let slopes = null;
  for (const _ of networks.train(net, plan, now => {
    slopes ??= Object.fromEntries(Object.entries(net.slopes).map(([k, v]) => [k, [...v]]));
    seen.push({ ...now, c: [...now.c], cos: [...now.cos] });
    return plan.ends && now.dropped;
  }));
  const end = Object.fromEntries(Object.entries(net.weights).map(([k, v]) => [k, [...v]]));
  return { seen, slopes, end };
}"""


@pytest.fixture(scope="module")
def bare(chromium: Browser) -> Iterator[Page]:
    """An empty page that has the networks."""
    own = chromium.new_page()
    for name in ("live_network.js", "live.js", "live_arms.js"):
        own.add_script_tag(content=str(page.asset(name)))
    yield own
    own.close()


class Case:
    """A model on a few digits, with initial weights, here and on a page."""

    def __init__(self, name: str, gain: float = 0.6):
        self.options = {**MODELS[name], **TOKENS}
        kind = {**live.TASKS["digits"], "n_train": SAMPLES, "n_test": 10}
        sample = datasets.make("digits", kind, 0)
        self.X, self.Y = (torch.as_tensor(part)[None].double() for part in (sample.X, sample.Y))
        self.model = deep.build({**self.options, **BUILT}, self.X.shape[2], 1)
        self.start = deep.initial(self.model, "test", [0], gain)

    def on_page(self, own: Page, plan: dict[str, Any]) -> dict[str, Any]:
        X, y = self.X[0].flatten().tolist(), self.Y[0, :, 0].tolist()
        sample = {"X": X, "y": y, "N": len(y), "d": self.X.shape[2]}
        start = {name: value.flatten().tolist() for name, value in self.start.items()}
        found: dict[str, Any] = own.evaluate(RUN, [sample, self.options, start, plan])
        return found

    def one(self) -> Weights:
        return {name: value[0] for name, value in self.start.items()}

    def loss(self, weights: Weights) -> torch.Tensor:
        outputs = functional_call(self.model, weights, (self.X[0],))
        return mean_loss(outputs[None], self.Y, "squared")[0]


def flat(weights: Weights, run: int = 0) -> dict[str, NDArray[np.float64]]:
    return {name: value[run].flatten().numpy() for name, value in weights.items()}


def assert_equal(got: dict[str, Any], wanted: dict[str, NDArray[np.float64]], close: float) -> None:
    """To a part of the largest number of each weight."""
    assert set(got) == set(wanted)
    for name, value in wanted.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(got[name], value, rtol=0, atol=close * scale, err_msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_slopes_are_those_of_automatic_differentiation(bare: Page, name: str) -> None:
    case = Case(name)
    weights = {k: v[0].clone().requires_grad_() for k, v in case.start.items()}
    value = case.loss(weights)
    slopes = torch.autograd.grad(value, list(weights.values()))
    found = case.on_page(bare, {"rate": 0.1, "steps": 0})
    assert found["seen"][0]["loss"] == pytest.approx(value.item(), rel=1e-12)
    wanted = {k: slope.flatten().numpy() for k, slope in zip(weights, slopes, strict=True)}
    assert_equal(found["slopes"], wanted, 1e-12)


def test_slopes_of_a_batch_are_those_of_its_samples(bare: Page) -> None:
    """And batches are drawn without replacement, others at each step."""
    case = Case("two layers")
    plan = {"rate": 0.1, "steps": 1, "batch": 7, "seed": 1}
    found = case.on_page(bare, plan)
    chosen = bare.evaluate(
        f"(next => [0, 1].map(() => networks.shuffled({SAMPLES}, next)))(networks.generator(1))"
    )
    assert all(sorted(order) == list(range(SAMPLES)) for order in chosen)
    assert chosen[0] != chosen[1]
    weights = {k: v[0].clone().requires_grad_() for k, v in case.start.items()}
    outputs = functional_call(case.model, weights, (case.X[0, chosen[0][:7]],))
    value = mean_loss(outputs[None], case.Y[:, chosen[0][:7]], "squared")[0]
    slopes = torch.autograd.grad(value, list(weights.values()))
    wanted = {k: slope.flatten().numpy() for k, slope in zip(weights, slopes, strict=True)}
    assert_equal(found["slopes"], wanted, 1e-12)
    assert found["seen"][0]["loss"] == pytest.approx(case.loss(case.one()).item(), rel=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("schedule", optimizers.SCHEDULES)
@pytest.mark.parametrize("optimizer", optimizers.OPTIMIZERS)
def test_steps_are_those_of_torch_optim(
    bare: Page, optimizer: str, schedule: str, decay: float
) -> None:
    case = Case("one layer")
    plan = {"rate": 0.01, "steps": STEPS, "optimizer": optimizer, "schedule": schedule}
    found = case.on_page(bare, {**plan, "decay": decay})
    weights = {k: v[0].clone().requires_grad_() for k, v in case.start.items()}
    make = optimizers.OPTIMIZERS[optimizer]
    stepper = make(list(weights.values()), lr=0.01, weight_decay=decay)
    losses, time = [], 0.0
    for step in range(STEPS + 1):
        value = case.loss(weights)
        losses.append(float(value.detach()))
        if step == STEPS:
            break
        (group,) = stepper.param_groups
        group["lr"] = 0.01 * optimizers.factor(schedule, step, STEPS)
        time += group["lr"]
        stepper.zero_grad()
        value.backward()
        stepper.step()
    assert losses[-1] < losses[0]
    np.testing.assert_allclose([now["loss"] for now in found["seen"]], losses, rtol=1e-12)
    assert found["seen"][-1]["time"] == pytest.approx(time, rel=1e-12)
    wanted = {name: value.detach().flatten().numpy() for name, value in weights.items()}
    assert_equal(found["end"], wanted, 1e-12)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_trainings_and_forecasts_are_those_of_the_workflow(
    bare: Page, name: str, frozen: bool
) -> None:
    case = Case(name, gain=0.3)
    plan = {"rate": 0.1, "steps": 400, "stride": 0.02, "frozen": frozen, "ends": frozen}
    found = case.on_page(bare, plan)
    own = any_model.Plan(learning_rate=0.1, max_steps=400, stride=0.02)
    if frozen:
        ahead = any_model.forecast(case.model, case.start, case.X, case.Y, own)
        step, end = int(ahead.pop("step")[0]), ahead
        assert 0 < step == found["seen"][-1]["n"]
    else:
        history = any_model.train(case.model, case.start, case.X, case.Y, own)
        step, end = int(history.drop_step[0]), history.end
        assert 0 < step == next(now["n"] for now in found["seen"] if now["dropped"])
        losses = [now["loss"] for now in found["seen"]]
        np.testing.assert_allclose(losses, history.loss[0], rtol=1e-8)
    assert_equal(found["end"], flat(end), 1e-8)


ARM = """([task, samples, options]) => {
  const data = networks.first(networks.task(task), samples), weights = {}, found = {};
  const draw = arms.start(data, options);
  networks.network(data, options, (name, outputs, inputs) => {
    const drawn = draw(name, outputs, inputs);
    weights[name] = [...drawn];
    return drawn;
  });
  for (const _ of arms.experiment(data, options, [{}], {
    begun: (k, more) => { found.forecast = [...more.forecast]; found.steps = more.steps; },
    step() {},
    measured: (k, own) => Object.assign(found, own),
  }));
  return { weights, ...found };
}"""


def measured(own: dict[str, Any], options: dict[str, Any], sample: Any) -> pd.DataFrame:
    """What the studies make of a network that starts from a page's weights, by layer."""
    X, Y = (torch.as_tensor(part)[None].double() for part in (sample.X, sample.Y))
    model = deep.build({**options, **BUILT}, X.shape[2], 1)
    start = {
        name: torch.as_tensor(own["weights"][name]).reshape(1, *value.shape).double()
        for name, value in model.named_parameters()
    }
    plan = any_model.Plan(
        learning_rate=options["rate"], max_steps=own["steps"], stride=options.get("stride", 0)
    )
    given = networks.Problem(X, Y, X, Y, [0], "squared")
    history = any_model.train(model, start, X, Y, plan)
    ahead = any_model.forecast(model, start, X, Y, plan)
    begun = networks.Start(model, given, start, plan)
    return architectures.rows(networks.Trained(begun, history, ahead, ahead), "test")


@pytest.mark.parametrize(
    ("name", "arm"), [("depth", 1), ("residual", 0), ("convolution", 0), ("transformer", 0)]
)
def test_an_arm_shows_what_the_studies_measure(bare: Page, name: str, arm: int) -> None:
    study = live.STUDIES[name]
    chosen = {c.name: c.value for c in study.controls if isinstance(c, live.Slider)}
    options = {**study.options, **chosen, "seed": 1, "width": 12}
    options |= {**study.arms[arm].options, "gain": 0.3, "steps": 60}
    task = live.data()[study.task]
    own: dict[str, Any] = bare.evaluate(ARM, [task, study.samples, options])
    sample = datasets.make(study.task, {**live.SIZES, **live.TASKS[study.task]}, live.SEED)
    X = sample.X[: study.samples].astype(np.float32)
    few = SimpleNamespace(X=X, Y=sample.Y[: study.samples])
    layers = measured(own, options, few)
    assert own["step"] == layers["drop_step"][0] and own["said"] > 0
    assert own["left"] == pytest.approx(layers["loss_end"][0], rel=1e-6)
    for statistic, wanted in {
        "ranks": layers["rho_forecast"].min(),
        "start": layers["rho_init"].min(),
        **({"alone": layers["rho_local"].min()} if options.get("law") else {}),
        "aligned": layers["alignment"].min(),
        "pruned": layers["lowest_20"].max(),
    }.items():
        assert own[statistic] == pytest.approx(wanted, abs=1e-6), statistic
    random = layers["random_20"].mean()  # of other draws
    assert own["random"] == pytest.approx(random, rel=0.6) and own["random"] > own["pruned"]


def test_designs_are_those_of_the_study(bare: Page) -> None:
    options = {"head": "balanced", "alpha": 1e-3, "width": 20, "seed": 1, "samples": 100}
    got: dict[str, Any] = bare.evaluate(
        """([task, options]) => {
          const data = networks.first(networks.task(task), options.samples), found = {};
          for (const design of [undefined, "aligned", "spread"]) {
            const weight = arms.start(data, { ...options, design });
            found[design] = [[...weight("hidden.0.weight")], [...weight("head.weight")]];
          }
          return found;
        }""",
        [live.data()["digits"], options],
    )
    sample = datasets.make("digits", {**live.SIZES, **live.TASKS["digits"]}, live.SEED)
    X, R = sample.X[:100].astype(np.float32).astype(float), sample.Y[:100]
    drawn, aligned, spread = [
        (np.reshape(W, (20, -1)), np.reshape(A, (-1, 1))) for W, A in got.values()
    ]
    wanted = initialization.design("aligned", *drawn, X, R, 5)
    np.testing.assert_allclose(aligned[0], wanted[0], atol=1e-12)
    np.testing.assert_allclose(aligned[1], wanted[1], atol=1e-12)
    assert not np.allclose(aligned[0], drawn[0])
    # Spread evenly over targets of which no two are one, and that leave no neuron's own target out.
    for part in (0, 1):
        norms = [np.linalg.norm(own[part], axis=1) for own in (drawn, spread)]
        np.testing.assert_allclose(*norms, rtol=1e-12)
    directions = [np.sign(A) * unit(W) for W, A in (aligned, spread)]
    found, counts = np.unique(directions[1].round(9), axis=0, return_counts=True)
    assert 1 < len(found) < 20 and np.ptp(counts) <= 1
    assert (found @ found.T)[~np.eye(len(found), dtype=bool)].max() < 0.99
    assert (directions[0] @ found.T).max(axis=1).min() > 0.99
