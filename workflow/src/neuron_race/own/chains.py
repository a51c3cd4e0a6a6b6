"""Hidden layers of any PyTorch model, found by tracing it: what makes units, what reads them.

A *chain* is a linear map or convolution, perhaps a normalisation, one ReLU, perhaps pooling, and
the one map that reads the result. The number of its units is decided there and nowhere else, so
that units can be taken out. Where a layer is no such chain, the reason is told instead.
"""

import operator
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from neuron_race.models.units import Units

Tensor = torch.Tensor
Step = Callable[[Tensor], Tensor]

MAPS = (nn.Linear, nn.Conv2d)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
RELUS = {F.relu, F.relu_, torch.relu, torch.relu_, "relu", "relu_", nn.ReLU}
IDENTITIES = {nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, F.dropout, F.dropout2d}
MAXIMA = {nn.MaxPool2d, nn.AdaptiveMaxPool2d, F.max_pool2d, F.adaptive_max_pool2d}
MAXIMA |= {torch.max_pool2d}
MEANS = {nn.AvgPool2d, nn.AdaptiveAvgPool2d, F.avg_pool2d, F.adaptive_avg_pool2d}
RESHAPES = {"view", "reshape", torch.reshape}
SHAPES = {"size", "dim", getattr, len}
ADDITIONS = {operator.add, operator.iadd, torch.add, "add", "add_"}


class UnreadableError(ValueError):
    """A model or data that can't be read; the message says which part, and why."""


@dataclass(frozen=True)
class Chain:
    """A layer of hidden units that is read in one place.

    Attributes:
        units: names of the maps and of a normalisation between the first and the ReLU.
        slope: of the activation for negative numbers: 0 for a ReLU.
        pooling: what happens to each channel besides, in order.
        maximum: whether pooling takes maxima.
        rest: nodes of the graph from the reader to the output; None if they are no plain chain.
    """

    units: Units
    slope: float
    pooling: tuple[Step, ...]
    maximum: bool
    rest: tuple[fx.Node, ...] | None

    @property
    def name(self) -> str:
        """Name of the map that makes the units."""
        return self.units.incoming


@dataclass(frozen=True)
class Found:
    """What a model's trace shows.

    Attributes:
        chains: layers of hidden units, from input to output.
        refused: reason by name for each linear map or convolution whose units can't be read.
    """

    chains: tuple[Chain, ...]
    refused: dict[str, str]


class Refused(Exception):
    """Why a layer is no chain."""


def plain(model: Any) -> nn.Module:
    """The module inside of what ``torch.compile`` or distributed training puts around it."""
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel):
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model


def find(model: nn.Module) -> Found:
    """All chains of a model; nothing of it is changed, and none of its maps is run.

    Raises:
        UnreadableError: ``torch.fx`` can't trace it, or it has no linear map or convolution.
    """
    model = plain(model)
    if not isinstance(model, nn.Module):
        raise UnreadableError(f"a torch.nn.Module is needed, got {type(model).__name__}")
    if any(parameter.is_meta for parameter in model.parameters()):
        raise UnreadableError(f"{type(model).__name__} has no weights yet: it is on device meta")
    try:
        graph = fx.Tracer().trace(model)
    except Exception as error:  # whatever the model's own code does with a tracer's proxies
        raise UnreadableError(
            f"{type(model).__name__}: torch.fx, by which layers are found, can't trace it: {error}"
        ) from error
    modules = dict(model.named_modules())
    chains, refused = [], {}
    nodes = [node for node in graph.nodes if isinstance(_module(node, modules), MAPS)]
    for node in nodes:
        try:
            chain = _follow(node, model, modules)
        except Refused as reason:
            refused[str(node.target)] = str(reason)
        else:
            chains += [chain] if chain else []
    reached = {str(node.target) for node in nodes}
    for name, module in modules.items():
        if name in reached or not isinstance(module, (*MAPS, nn.modules.conv._ConvNd)):
            continue
        kind = type(module).__name__
        if isinstance(module, MAPS):
            refused[name or kind] = f"the trace of {type(model).__name__} does not reach into it"
        else:
            refused[name or kind] = f"{kind} is not read; Linear and Conv2d are"
    if not chains and not refused and not nodes:
        raise UnreadableError(f"{type(model).__name__} has no linear map and no convolution")
    return Found(tuple(chains), refused)


def _module(node: fx.Node, modules: dict[str, nn.Module]) -> nn.Module | None:
    return modules.get(str(node.target)) if node.op == "call_module" else None


def _readers(node: fx.Node) -> list[fx.Node]:
    """Where a value goes, but for its shape."""
    return [user for user in node.users if user.target not in SHAPES]


def _what(node: fx.Node, modules: dict[str, nn.Module]) -> Any:
    """Type of the module, function, or name of the method that a node calls."""
    module = _module(node, modules)
    return node.target if module is None else type(module)


def _follow(start: fx.Node, model: nn.Module, modules: dict[str, nn.Module]) -> Chain | None:
    """The chain that begins with a map; None where no weights come after it.

    Raises:
        Refused: there is none; says why.
    """
    if _last(start, modules):
        return None
    name = str(start.target)
    _check_map(name, start, model)
    normalisation, slope, pooling, maximum, flat = None, None, [], False, False
    node = start
    while True:
        readers = _readers(node)
        if len(readers) != 1:
            raise Refused(f"its units are read in {len(readers)} places (a skip path?)")
        before, node = node, readers[0]
        what = _what(node, modules)
        if isinstance(_module(node, modules), MAPS):
            break
        if what in NORMALISATIONS and slope is None and normalisation is None:
            normalisation = str(node.target)
        elif (found := _slope(node, what, modules)) is not None and slope is None:
            slope = found
        elif what in MAXIMA | MEANS and not flat:
            maximum |= what in MAXIMA
            pooling.append(_pool(node, modules))
        elif _flattens(node, before, what, modules):
            flat = True
        elif _is_mean(node, what):
            pooling.append(partial(torch.mean, dim=(2, 3), keepdim=True))
            flat = True
        elif what not in IDENTITIES:
            raise Refused(_reason(what))
    units = Units(name, str(node.target), normalisation)
    _check_reader(units, slope, flat, model, node)
    if pooling and isinstance(model.get_submodule(name), nn.Linear):
        raise Refused("pooling over its units")
    return Chain(units, float(slope or 0), tuple(pooling), maximum, rest(node))


def _last(start: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether nothing after a node has weights, so that its units are the model's outputs."""
    nodes = start.graph.nodes
    called = {node for node in nodes if (own := _module(node, modules)) and [*own.parameters()]}
    used = _after(*(node for node in nodes if node.op == "get_attr"))
    return _after(start).isdisjoint(called | used)


def _after(*nodes: fx.Node) -> set[fx.Node]:
    """All nodes that depend on some of these."""
    found: set[fx.Node] = set()
    todo = list(nodes)
    while todo:
        new = todo.pop().users.keys() - found
        found |= new
        todo += new
    return found


def _reason(what: Any) -> str:
    if what in ADDITIONS:
        return "its units are added to others on a skip path"
    name = what if isinstance(what, str) else getattr(what, "__name__", str(what))
    return f"{name} stands between its units and what reads them"


def _slope(node: fx.Node, what: Any, modules: dict[str, nn.Module]) -> float | None:
    """Slope for negative numbers of a ReLU-like activation; None for anything else."""
    if what in RELUS:
        return 0.0
    if what not in (nn.LeakyReLU, F.leaky_relu):
        return None
    slope = negative_slope(node, _module(node, modules))
    if not 0 <= slope <= 1:
        raise Refused(f"a leaky ReLU of slope {slope} is none of 0 to 1")
    return slope


def negative_slope(node: fx.Node, module: Any) -> float:
    """Slope of a leaky ReLU, be it a module or a function."""
    if module is not None:
        return float(module.negative_slope)
    given: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("negative_slope", 0.01)
    return float(given)


def _pool(node: fx.Node, modules: dict[str, nn.Module]) -> Step:
    module = _module(node, modules)
    if module is not None:
        return module
    kwargs = {key: value for key, value in node.kwargs.items() if key != "input"}
    function = node.target
    return lambda x: function(x, *node.args[1:], **kwargs)  # type: ignore[operator]


def _flattens(node: fx.Node, before: fx.Node, what: Any, modules: dict[str, nn.Module]) -> bool:
    """Whether a node makes one row of each sample."""
    if what is nn.Flatten:
        module: Any = modules[str(node.target)]
        return (module.start_dim, module.end_dim) == (1, -1)
    if what in (torch.flatten, "flatten"):
        dims = [*node.args[1:], *node.kwargs.values()]
        return dims in ([1], [1, -1])
    if what in RESHAPES:
        sizes: Any = node.args[1:]
        sizes = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
        if len(sizes) == 2 and isinstance(sizes[0], fx.Node) and sizes[1] == -1:
            return True
        raise Refused("reshaped to sizes that are written out; flatten(1) would follow the units")
    return False


def _is_mean(node: fx.Node, what: Any) -> bool:
    """Whether a node takes the mean over all positions."""
    dims = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else ())
    keep = node.kwargs.get("keepdim", False)
    last_two = isinstance(dims, (tuple, list)) and sorted(d % 4 for d in dims) == [2, 3]
    return what in ("mean", torch.mean) and last_two and not keep


def _check_map(name: str, node: fx.Node, model: nn.Module) -> None:
    """Refuse maps whose weights have more than one job."""
    module = model.get_submodule(name)
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        raise Refused("it is lazy, and has no weights before data have passed it")
    if type(module) not in MAPS or "weight" not in module._parameters:
        raise Refused("its weights are made from others at each pass")
    if isinstance(module, nn.Conv2d) and (module.groups > 1 or module.padding_mode != "zeros"):
        grouped = module.groups > 1
        raise Refused("grouped convolution" if grouped else f"{module.padding_mode} padding")
    _check_alone(name, node, model)


def _check_alone(name: str, node: fx.Node, model: nn.Module) -> None:
    """Refuse weights that are used more than once."""
    module = model.get_submodule(name)
    owners = Counter(id(p) for _, p in model.named_parameters(remove_duplicate=False))
    jobs = {name, *(f"{name}.{own}" for own, _ in module.named_parameters())}
    calls = sum(other.target in jobs for other in node.graph.nodes)
    if calls > 1 or any(owners[id(p)] > 1 for p in module.parameters()):
        raise Refused("its weights are shared")


def _check_reader(
    units: Units, slope: float | None, flat: bool, model: nn.Module, node: fx.Node
) -> None:
    """Refuse what is no ReLU layer read by an ordinary map."""
    _check_normalisation(units, model, node)
    incoming: Any = model.get_submodule(units.incoming)
    outgoing: Any = model.get_submodule(units.outgoing)
    if slope is None:
        raise Refused(f"no ReLU between it and {units.outgoing}")
    try:
        _check_map(units.outgoing, node, model)
    except Refused as reason:
        raise Refused(f"{units.outgoing}, which reads its units: {reason}") from None
    if isinstance(incoming, nn.Linear):
        fits = isinstance(outgoing, nn.Linear) and outgoing.in_features == incoming.out_features
    elif isinstance(outgoing, nn.Linear):
        fits = flat and outgoing.in_features % incoming.out_channels == 0
    else:
        fits = outgoing.in_channels == incoming.out_channels
    if not fits:
        raise Refused(f"{units.outgoing} does not read its units one by one")


def _check_normalisation(units: Units, model: nn.Module, node: fx.Node) -> None:
    """Refuse a normalisation over anything but samples and positions, or the units."""
    if units.normalisation is None:
        return
    try:
        _check_alone(units.normalisation, node, model)
    except Refused as reason:
        raise Refused(f"{units.normalisation} behind it: {reason}") from None
    incoming, norm = model.get_submodule(units.incoming), model.get_submodule(units.normalisation)
    m = len(incoming.weight)  # type: ignore[arg-type]
    if isinstance(norm, nn.LayerNorm):
        fits = isinstance(incoming, nn.Linear) and norm.normalized_shape == (m,)
    else:
        fits = isinstance(norm, nn.BatchNorm2d) == isinstance(incoming, nn.Conv2d)
    if not fits:
        raise Refused(f"{units.normalisation} normalises over something else than its units")


def rest(reader: fx.Node) -> tuple[fx.Node, ...] | None:
    """Nodes after a map up to the output, if each reads the one before it and nothing else."""
    nodes: list[fx.Node] = []
    node = reader
    while len(readers := _readers(node)) == 1:
        before, node = node, readers[0]
        if node.op == "output":
            return tuple(nodes) if node.args == (before,) else None
        nodes.append(node)
    return None
