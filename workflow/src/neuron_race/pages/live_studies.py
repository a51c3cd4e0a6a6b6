"""What lectures of extensions train on the page: arms that differ in one thing, and their words.

Options are those of the settings (``extensions`` in ``config/config.yaml``), with fewer samples and
narrower networks, so that a page needs seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Slider:
    """A number to choose: ``name`` is an option, ``log`` says that it is given as power of ten."""

    name: str
    title: str
    low: float
    high: float
    step: float
    value: float
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several values of an option, by their titles; some bring more ``options``."""

    name: str
    title: str
    choices: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """A network of a study: what it has of its own, and what theory or earlier runs say."""

    title: str
    options: Mapping[str, Any]
    theory: str


@dataclass(frozen=True)
class Study:
    """Networks that train on one page.

    Attributes:
        task: of :data:`neuron_race.pages.live.TASKS`, and ``samples`` of it.
        options: of all arms; ``large`` holds those that replace them from the gain ``from`` on.
        arms: what is trained, the standard of comparison first.
        controls: what a reader can set.
        columns: statistics that are told of each arm (:data:`COLUMNS`).
        plots: what is drawn (:data:`PLOTS`).
        lead: what is trained here, and what of the lecture's networks is not.
    """

    task: str
    samples: int
    options: Mapping[str, Any]
    arms: tuple[Arm, ...]
    controls: tuple[Slider | Choice, ...]
    columns: tuple[str, ...]
    plots: tuple[str, ...]
    lead: str
    large: Mapping[str, Any] = field(default_factory=dict)


COLUMNS = {
    "ranks": "rank correlation, forecast and end",
    "alone": "the same, a layer's own race law and end",
    "start": "the same, init and end",
    "same": "rank correlation with the first one's end",
    "aligned": "alignment at the drop",
    "pruned": "lost if a fifth of a layer is kept",
    "random": "lost if that fifth is random",
    "winners": "share of winners",
    "left": "loss left, of the first one",
    "course": "mean relative loss over training",
    "said": "step of the drop, forecast",
    "step": "step of the drop",
    "time": "time of the drop",
}
PLOTS = {
    "steps": "Loss, as a part of the first one, by step.",
    "clock": "The same by the clock t, the sum of the rates of all steps.",
    "aligned": "Alignment of neurons with their pulls by step, weighted by norm product.",
    "course": "Norm product of each unit of one network by step. Yellow: forecast to be large; "
    "blue: forecast to be small.",
    "order": "Each unit's rank within its layer: forecast at init (across), and at the end (up). "
    "On the diagonal both are equal.",
    "twins": "Each neuron's rank at the end: in the first network (across) and in the others (up). "
    "On the diagonal both are equal.",
}

SEED = Slider("seed", "Seed", 1, 20, 1, 1)
WIDE = Slider("width", "Neurons", 20, 100, 10, 60)
ALPHA = Slider("alpha", "Init scale α", -6, -1, 1, -3, log=True)
HEAD = Choice(
    "head", "Head", {"pytorch": "PyTorch's", "gaussian": "Gaussian", "balanced": "balanced"}
)
OF_LAYERS = ("ranks", "start", "aligned", "pruned", "random", "left")
RACED = ("steps", "order", "course")
WHERE_ALL = "Of several layers the worst is told."
TWO_LAYERS = {"depth": 2, "gain": 0.1, "stride": 0.01, "steps": 300}
ONE_LAYER = {"model": "perceptron", "depth": 1, "rate": 0.25, "steps": 500}

STUDIES = {
    "depth": Study(
        task="digits",
        samples=100,
        options={"model": "perceptron", "rate": 0.25, "stride": 0.02, "steps": 400, "law": True},
        large={"from": 1, "rate": 0.05, "stride": 0},
        arms=(
            Arm("one hidden layer", {"depth": 1}, "the order is forecast"),
            Arm("two", {"depth": 2}, "forecast, up to the first saddle"),
            Arm("three", {"depth": 3}, "forecast, up to the first saddle"),
            Arm(
                "three, longer", {"depth": 3, "longer": 6}, "no forecast: other units fit the rest"
            ),
        ),
        controls=(
            Slider("gain", "Init gain", -2, 0, 0.5, -1, log=True),
            Slider("width", "Units in a layer", 16, 32, 4, 24),
            SEED,
        ),
        columns=("ranks", "alone", *OF_LAYERS[1:]),
        plots=RACED,
        lead="Perceptrons of one to three hidden layers are forecast from their init, by moving "
        "all layers with the output's residual frozen, and then trained. " + WHERE_ALL,
    ),
    "residual": Study(
        task="clusters",
        samples=100,
        options={"model": "residual", "depth": 3, "skip": True, "gain": 0.1, "rate": 0.15}
        | {"stride": 0.01, "steps": 500},
        large={"from": 1, "rate": 0.03, "stride": 0},
        arms=(
            Arm("without skip paths", {"skip": False}, "the order is forecast"),
            Arm("with skip paths", {}, "the forecast fails, pruning stays cheap"),
            Arm(
                "with them, branches × 1/√L",
                {"scaling": "inverse_sqrt"},
                "scaling restores nothing",
            ),
        ),
        controls=(
            Slider("gain", "Init gain", -2, 0, 0.5, -1, log=True),
            Slider("depth", "Blocks", 1, 3, 1, 3),
            Slider("width", "Units in a block", 16, 48, 8, 32),
            SEED,
        ),
        columns=OF_LAYERS,
        plots=RACED,
        lead="Blocks with and without a path around them train on clusters with XOR labels. "
        + WHERE_ALL,
    ),
    "convolution": Study(
        task="digits",
        samples=60,
        options={"model": "convolution", "rate": 0.5, "stride": 0.02, "steps": 250},
        arms=(
            Arm("small init", {"gain": 0.1}, "filters align, and their order is forecast"),
            Arm(
                "large init (control)",
                {"gain": 1.414, "rate": 0.1, "stride": 0},
                "no race: initial norms say as much",
            ),
        ),
        controls=(
            Slider("width", "Filters of the second layer", 12, 24, 4, 16),
            SEED,
        ),
        columns=OF_LAYERS,
        plots=RACED,
        lead="Two layers of 3 × 3 filters, the first half as wide as the second, train on images "
        "of 8 × 8 pixels: the lecture's network with fewer filters. Batch normalisation is not "
        "here. " + WHERE_ALL,
    ),
    "transformer": Study(
        task="digits",
        samples=60,
        options={"model": "transformer", "tokens": 8, "embedding": 16, "heads": 4, "rate": 0.2}
        | {"stride": 0.01, "steps": 300, "skip": True, "others": 0.5},
        arms=(
            Arm("no way around the MLP", {"skip": False}, "the order is forecast"),
            Arm("a way around it", {}, "attention and embedding fit first"),
        ),
        controls=(
            Slider("gain", "Init gain of the MLP", -2, 0, 0.25, -1.25, log=True),
            Slider("width", "Neurons of the MLP", 16, 48, 8, 32),
            SEED,
        ),
        columns=OF_LAYERS,
        plots=RACED,
        lead="The lecture's block trains here whole, on 60 images: embedding, positions, attention "
        "of four heads, and the MLP, whose neurons are counted. Layer normalisation is not here. "
        "It takes some ten seconds.",
    ),
    "initialization": Study(
        task="digits",
        samples=100,
        options={**ONE_LAYER, "head": "balanced"},
        arms=(
            Arm("balanced draw", {}, "the standard"),
            Arm("to its own target", {"design": "aligned"}, "log 2 / log(1/α) sooner at most"),
            Arm("spread over targets", {"design": "spread"}, "no sooner than that"),
            Arm(
                "spread, shuffled labels",
                {"design": "spread", "shuffled": True},
                "no sooner than the draw",
            ),
        ),
        controls=(ALPHA, WIDE, SEED),
        columns=("said", "step", "winners", "left"),
        plots=("steps", "aligned", "course"),
        lead="Four inits of the same norms and other directions. The five rounds of a design count "
        "as steps.",
    ),
    "optimizers": Study(
        task="digits",
        samples=200,
        options={**ONE_LAYER, "head": "pytorch", "forecast_rate": 0.25, "steps": 350},
        arms=(
            Arm("gradient descent", {}, "the order is forecast"),
            Arm("momentum 0.9", {"optimizer": "momentum", "rate": 0.025}, "the same order"),
            Arm("weight decay 0.01", {"decay": 0.01}, "the same order"),
            Arm("batches of 20", {"batch": 20}, "the same order"),
            Arm("Adam", {"optimizer": "adam", "rate": 0.003}, "no reason to be in that order"),
        ),
        controls=(ALPHA, HEAD, WIDE, SEED),
        columns=("ranks", "aligned", "pruned", "winners", "step"),
        plots=RACED,
        lead="Plain gradient descent, momentum, weight decay, mini-batches and Adam from one init, "
        "by PyTorch's rules. All are held against one forecast, which knows plain gradient descent "
        "only.",
    ),
    "schedule": Study(
        task="digits",
        samples=100,
        options={**ONE_LAYER, "head": "pytorch"},
        arms=(
            Arm("constant rate", {}, "the standard"),
            Arm("warm-up", {"schedule": "warmup"}, "the same curve by the clock t"),
            Arm("cosine", {"schedule": "cosine"}, "the same curve by the clock t"),
            Arm("step decay", {"schedule": "step_decay"}, "the same curve by the clock t"),
            Arm("six times the rate", {"rate": 1.5}, "steps leave the flow"),
        ),
        controls=(ALPHA, HEAD, WIDE, SEED),
        columns=("same", "step", "time", "left"),
        plots=("steps", "clock", "twins"),
        lead="One init under five schedules. By the step, their curves differ; by the clock t, the "
        "sum of all rates, they should be one curve.",
    ),
    "pruning_at_init": Study(
        task="digits",
        samples=100,
        options={"model": "perceptron", "depth": 1, "gain": 0.02, "rate": 0.2, "steps": 400},
        arms=(
            Arm("all units", {}, "the standard"),
            Arm("the forecast's", {"score": "forecast"}, "first, with one hidden layer"),
            Arm("SNIP's", {"score": "snip"}, "between"),
            Arm("largest weights", {"score": "magnitude"}, "between"),
            Arm("random ones", {"score": "random"}, "later"),
            Arm("the forecast's losers", {"score": "losers"}, "last"),
        ),
        controls=(
            Slider("kept", "Share kept", 0.05, 0.5, 0.05, 0.1),
            Choice("layers", "Hidden layers", {"one": "one", "two": "two"}, {"two": TWO_LAYERS}),
            Slider("width", "Units in a layer", 32, 64, 8, 64),
            SEED,
        ),
        columns=("course", "left", "step"),
        plots=("steps", "course"),
        lead="A share of the units is kept before training, by five scores, and trained from its "
        "own init. GraSP and SynFlow are not here.",
    ),
}
