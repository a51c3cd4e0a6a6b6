"""Print the summary table of claims: `python workflow/scripts/show.py results/claims`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from neuron_race import claims, storage, terminal

terminal.prepare()
verdicts = [storage.read_json(path) for path in sorted(Path(sys.argv[1]).glob("*.json"))]
print(claims.summary(verdicts).to_string(index=False))
