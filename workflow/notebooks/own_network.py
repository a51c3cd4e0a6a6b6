# %% [markdown]
# # Your own network: does it race, and what of it is superfluous?
#
# A wide network that starts from small weights ends with many units that do the same, and many
# that do next to nothing. Three functions tell you whether yours is such a one, and make it
# smaller.
#
# | you want to | call |
# | --- | --- |
# | see the race while you train | `neuron_race.watch(model)` |
# | merge units that do the same | `neuron_race.merge(model, data)` |
# | remove units that do little | `neuron_race.prune(model, data, share)` |
#
# The network of this page tells handwritten threes from eights. It is plain PyTorch, and so will
# be the result.

# %%
import numpy as np
import torch
from IPython.display import Markdown
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from torch import nn

import neuron_race
from neuron_race.common import leftovers

torch.set_num_threads(1)  # enough for what follows
digits = load_digits()
chosen = np.isin(digits.target, (3, 8))
X = torch.tensor(digits.data[chosen] / 16 - 0.5, dtype=torch.float32)
Y = torch.tensor(digits.target[chosen] == 8).long()


def network(width: int = 300, scale: float = 0.01) -> nn.Module:
    """One hidden layer, PyTorch's own init times ``scale``."""
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
    return model


torch.manual_seed(1)
model = network()

# %% [markdown]
# ## Watch it train
#
# The loop is yours; one line watches it. Outputs, gradients and random numbers are what they would
# be without, to the bit. Every hundredth step is read by default; here each tenth, for the training
# is short.

# %%
optimizer = torch.optim.SGD(model.parameters(), 0.1)
with neuron_race.watch(model, every=10) as race:
    for _step in range(600):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X), Y)
        loss.backward()
        optimizer.step()
        race.loss = loss.item()
print(race)

# %% [markdown]
# At each reading a unit has a norm product (how much it can add to the output), an alignment (the
# cosine between its weights and its pull, the direction in which gradient descent moves them), and
# a gate (the part of the samples that it is open on).

# %%
units = race.layer("0")
early, late = units["cos_delta"][3], units["norm_product"][-1]
winners = np.argsort(-late)[:30]
Markdown(
    f"At step {units['step'][3]} the thirty units that would end up largest had a mean alignment "
    f"of **{early[winners].mean():.2f}**; the others of "
    f"**{np.delete(early, winners).mean():.2f}**."
)

# %% [markdown]
# `race.save("race.html")` writes the race explorer on this run: one page that needs no network.
# `race.save("race.npz")` writes the arrays.
#
# ## Make it smaller

# %%
smaller, report = neuron_race.merge(model, X)
print(report)

# %% [markdown]
# Two units count as doing the same if their total weight vectors, incoming times outgoing, have a
# cosine of at least .99. A group becomes one unit, and the others stay as they are. What the
# output may change by is known for each sample beforehand:

# %%
with torch.no_grad():
    moved = (model(X) - smaller(X)).norm(dim=1).numpy()
assert (moved <= report.bound + 1e-5).all()
Markdown(
    f"On no sample does the output move by more than **{moved.max():.2g}**; the bound of that "
    f"sample is {report.bound[moved.argmax()]:.2g}."
)

# %% [markdown]
# What is left are mostly losers of the race: units with small norm products, each in a direction
# of its own. These can be removed. How many is your choice, and training on for a while repairs
# some of it.

# %%
smallest, report = neuron_race.prune(smaller, X, 0.25)
print(report)

# %%
with torch.no_grad():
    right = {
        name: float((net(X).argmax(dim=1) == Y).float().mean())
        for name, net in {"as trained": model, "merged": smaller, "then pruned": smallest}.items()
    }
Markdown("Right on the training data: " + ", ".join(f"{k} **{v:.1%}**" for k, v in right.items()))

# %% [markdown]
# ## Keep it
#
# The result is a copy of your model with smaller layers, and needs nothing of this package. Shapes
# differ from those that your code makes, so loading takes three lines:

# %%
with leftovers.scratch() as folder:  # any folder of yours
    save_file(smallest.state_dict(), folder / "smaller.safetensors")
    again = network()
    state = again.state_dict(keep_vars=True)
    for name, value in load_file(folder / "smaller.safetensors").items():
        state[name].data = value
assert torch.equal(again(X), smallest(X))
print({name: tuple(value.shape) for name, value in again.state_dict().items()})

# %% [markdown]
# ## Where there is nothing to merge
#
# From PyTorch's own init, and with Adam, units hardly align. Then the first line says so.

# %%
torch.manual_seed(1)
usual = network(scale=1.0)
optimizer = torch.optim.Adam(usual.parameters(), 1e-3)
for _step in range(300):
    optimizer.zero_grad()
    nn.functional.cross_entropy(usual(X), Y).backward()
    optimizer.step()
print(neuron_race.merge(usual, X)[1].first_line())

# %% [markdown]
# The same from the command line, on one page, without a line of code beyond the one that makes
# your model:
#
# ```
# neuron-race inspect weights.safetensors --model my_models:net --data data.npz
# ```
