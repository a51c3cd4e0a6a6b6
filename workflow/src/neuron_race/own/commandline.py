"""The command ``neuron-race``: what of a trained network is superfluous, on one page.

neuron-race inspect weights.safetensors --model my_models:net --data data.npz
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

WRONG = 2  # exit code for input that can't be used


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    whole = argparse.ArgumentParser(
        prog="neuron-race", description="Your own network: does it race?"
    )
    commands = whole.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", help="what of a trained network is superfluous")
    inspect.add_argument("weights", type=Path, help=".safetensors, or torch.save of a state_dict()")
    inspect.add_argument(
        "--model", required=True, help="module:function that makes the model; it is imported"
    )
    inspect.add_argument(
        "--data", type=Path, required=True, help=".npz with inputs X and, if you like, labels y"
    )
    inspect.add_argument("--out", type=Path, default=Path("network.html"), help="the page")
    return whole


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; 0, or 2 where the input can't be used, which is told on standard error."""
    options = parser().parse_args(given)
    from neuron_race.common import storage
    from neuron_race.own import inspecting  # torch is slow to import: help comes without
    from neuron_race.own.chains import UnreadableError

    try:
        X, y = inspecting.read_data(options.data)
        model = inspecting.read_model(options.model)
        inspecting.read_weights(options.weights, model)
        inputs = [options.weights, options.data]
        said, text = inspecting.render(options.model, model, X, y, inputs)
        storage.write_text(options.out, text)
    except (UnreadableError, OSError) as error:
        print(f"neuron-race: {error}", file=sys.stderr)
        return WRONG
    print("\n".join([*said, f"More on the page {options.out}"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
