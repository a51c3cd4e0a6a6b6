"""Freeze register, settings, code and lock before seeds are opened: `make register`."""

from pathlib import Path

from neuron_race.common import storage
from neuron_race.evidence import registration
from neuron_race.settings import configuration, reading

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write the registration; it is to be committed before the run."""
    settings = configuration.read(reading.read_yaml(ROOT / "config/config.yaml"), ROOT)
    frozen = registration.freeze(ROOT, settings)
    storage.write_json(ROOT / registration.FILE, frozen)
    print(
        f"{registration.FILE}: {len(frozen['files'])} files, seeds {settings.seeds[0]} to "
        f"{settings.seeds[-1]}. Commit it before these seeds are opened."
    )


if __name__ == "__main__":
    main()
