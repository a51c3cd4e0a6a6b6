"""What the notebooks share: a claim's statement, equations, numbers and runs, ready to be shown.

Whatever can change is read from the verdict, the tables and paper_notes.md, never written out, so
that a lecture can't disagree with the evidence.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image, Markdown
from matplotlib.figure import Figure

from neuron_race.common import storage
from neuron_race.data import datasets
from neuron_race.evidence import nulls, phrases
from neuron_race.evidence.phrases import number
from neuron_race.figures import style
from neuron_race.training import conditions, runs

LEVELS = {
    "abstract": "stated in the paper's abstract",
    "figure": "stated in the caption of the paper's Figure 1",
    "second-hand": "reported by others as the paper's",
    "our extension": "not in what we know of the paper: an extension of ours",
}
# Small tasks to train on within seconds. No confirmatory seed is used: they are for playing with.
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"kind": "digits", "classes": [3, 8], "n_train": 200, "n_test": 120},
    "clusters": {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.6},
    "two_features": {"kind": "two_features", "dim": 20, "overlap": 0.4, "noise": 0.2}
    | {"strengths": [1.0, 0.3]},
}
SIZES = {"n_train": 200, "n_test": 200}
OF_TASKS = ("axes", "strengths", "shuffle_labels")
TRAINING: dict[str, Any] = {
    "width": 100,
    "alpha": 1e-4,
    "head": "gaussian",
    "loss": "squared",
    "learning_rate": 0.25,
    "max_steps": 300,
}


class Lecture:
    """A claim and all that was found about it.

    Args:
        paths: what the notebook's job reads: ``verdict``, ``evidence``, ``notes``, ``figure``,
            ``tables``, as attributes.
    """

    def __init__(self, paths: Any):
        self.paths = paths
        self.verdict = storage.read_json(paths.verdict)
        self.criteria = {row["name"]: row for row in self.verdict["criteria"]}
        style.apply()

    def opening(self) -> Markdown:
        """Title, statement, level, and the status that the evidence gives it."""
        verdict = self.verdict
        warning = f"\n\n**{phrases.SMOKE}**" if verdict["preset"] == "smoke" else ""
        return Markdown(
            f"# {verdict['title']}\n\n> {verdict['statement']}\n\n"
            f"*Level:* {LEVELS[verdict['level']]}. *Verdict:* **{verdict['status']}**, from "
            f"{verdict['n_runs']} runs per condition (preset {phrases.preset(verdict)}). *Expected "
            f"before those runs:* {verdict['expectation']}.{warning}"
        )

    def reading(self) -> Markdown:
        """How the statement was made measurable: the effects that count, with thresholds."""
        counted = [row for row in self.criteria.values() if row["confirmatory"]]
        lines = [
            f"- {_sentence(row['meaning'])}: {phrases.asked(row)}"
            for row in counted
            if not row["is_control"]
        ]
        return Markdown("**Our reading.** The statement holds if\n\n" + "\n".join(lines))

    def equation(self, name: str) -> Markdown:
        """Title and statement of an equation, from paper_notes.md.

        Raises:
            KeyError: the notes have no such equation.
        """
        notes = Path(self.paths.notes).read_text(encoding="utf-8")
        found = re.search(
            rf"^### {name}\. (.+?)\n\n(.*?)\n\n\*\*Derivation", notes, re.DOTALL | re.MULTILINE
        )
        if found is None:
            raise KeyError(f"{self.paths.notes}: no equation {name}")
        title, body = found.groups()
        return Markdown(f"**{name}. {title}.** {body.replace('**Statement.**', '').strip()}")

    def figure(self) -> Image:
        """The claim's figure, as drawn by the workflow."""
        return _image(Path(self.paths.figure).read_bytes(), f"Figure: {self.verdict['title']}")

    def table(self, name: str) -> pd.DataFrame:
        """One of the job's tables, such as ``dynamics/pair/runs.csv``.

        Raises:
            KeyError: the job has no such table.
        """
        for path in self.paths.tables:
            if str(path).endswith(name):
                return storage.read_table(path)
        raise KeyError(f"{name} is none of {', '.join(map(str, self.paths.tables))}")

    def effects(self) -> Markdown:
        """Table of the confirmatory effects: what the status is made of, with the controls."""
        return self._rows([r for r in self._counted() if not r["is_control"]])

    def controls(self) -> Markdown:
        """Table of the confirmatory controls: what must be seen where the effect must be absent."""
        return self._rows([r for r in self._counted() if r["is_control"]])

    def nulls(self) -> Markdown:
        """Table of nulls: what is left when a part of the theory is taken away."""
        told = nulls.told(self.verdict.get("nulls", []))
        return Markdown(phrases.markdown(pd.DataFrame(told)) if told else "None was asked.")

    def exploratory(self) -> Markdown:
        """Table of what is reported and not counted."""
        return self._rows([r for r in self.criteria.values() if not r["confirmatory"]])

    def _counted(self) -> list[dict[str, Any]]:
        return [row for row in self.criteria.values() if row["confirmatory"]]

    def _rows(self, rows: Sequence[Mapping[str, Any]]) -> Markdown:
        table = [
            {
                "criterion": _name(row),
                "what is measured": row["meaning"],
                "estimate [95 % interval]": phrases.found(row),
                "wanted": phrases.asked(row),
                "holds": phrases.YES[row["holds"]],
            }
            for row in rows
        ]
        return Markdown(phrases.markdown(pd.DataFrame(table)) if table else "None.")

    def value(self, name: str) -> str:
        """Estimate and interval of a criterion, for use in a sentence."""
        return phrases.found(self.criteria[name])

    def turning_points(self, *names: str) -> Markdown:
        """For each criterion, which number on which side of which threshold would change it."""
        lines = [f"- {_turning_point(self.criteria[n])}" for n in names]
        return Markdown("\n".join(lines))

    def alternatives(self, *rows: tuple[str, str, str, str]) -> Markdown:
        """Other explanations, each with the criterion that tests it.

        Args:
            rows: (explanation, name of the criterion, what follows if it holds, and if it fails).
        """
        lines = []
        for explanation, name, holds, fails in rows:
            row = self.criteria[name]
            follows = {True: holds, False: fails, None: "The runs leave this undecided."}
            lines.append(
                f"- **{explanation}** Tested by *{_name(row)}* ({row['meaning']}): "
                f"{phrases.found(row)}, wanted {phrases.asked(row)}. {follows[row['holds']]}"
            )
        return Markdown("\n".join(lines))

    def caveats(self) -> Markdown:
        """What the evidence does not show."""
        return Markdown("\n".join(f"- {caveat}" for caveat in self.verdict["caveats"]))

    def runs(self, *names: str) -> Image:
        """Every run as a dot, for some criteria, with mean, interval and threshold."""
        evidence = storage.read_table(self.paths.evidence)
        figure, axes = style.panels(len(names), height=2.3)
        for ax, name in zip(axes, names, strict=True):
            row = self.criteria[name]
            own = evidence[evidence["criterion"] == name]
            ax.plot(np.arange(len(own)), own["value"], "o", ms=3, color=style.COLOURS["gaussian"])
            if row["ci_low"] is not None:
                ax.axhspan(
                    row["ci_low"], row["ci_high"], color=style.COLOURS["gaussian"], alpha=0.2, lw=0
                )
            signs = (-1, 1) if row["direction"] == "within" else (1,)
            for limit in [sign * row["threshold"] for sign in signs]:
                ax.axhline(limit, ls="--", lw=0.8, color="black")
            ax.set_title(f"{_name(row)}\n({phrases.asked(row)})", fontsize=7.5)
            ax.set_xlabel("run")
            ax.set_xticks([])
        return show(figure, f"Every run, for the criteria {', '.join(names)}")


def train(
    task: str, seeds: Sequence[int] = (0, 1), name: str = "play", **options: Any
) -> runs.Trained:
    """Train small networks now, through the engine that the workflow uses.

    Args:
        task: ``digits``, ``clusters`` or ``two_features``.
        seeds: one run each (data and init).
        name: names the stream of the initial weights; equal names pair conditions.
        options: as of a condition in the config (``width``, ``alpha``, ``head``, ``max_steps``,
            ``freeze``, ...), and ``axes``, ``strengths`` or ``shuffle_labels`` of the task.
    """
    own = {key: options.pop(key) for key in OF_TASKS if key in options}
    kind: dict[str, Any] = {**SIZES, **TASKS[task], **own}
    condition = {**TRAINING, **options, "seeds": list(seeds), "device": "cpu"}
    start = conditions.begin(name, condition, datasets.make_all(task, kind, list(seeds)))
    return runs.Trained(start, conditions.run(start, condition), condition)


def show(figure: Figure, description: str) -> Image:
    """A figure as an image with a description for those who can't see it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    plt.close(figure)
    return _image(stream.getvalue(), description)


def _image(data: bytes, description: str) -> Image:
    return Image(data=data, format="png", metadata={"alt": description}, alt=description)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["name"]).replace("_", " ")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _turning_point(row: Mapping[str, Any]) -> str:
    """Where a criterion stands, and where it would change."""
    if row["estimate"] is None or row["ci_low"] is None:
        return f"*{_name(row)}* ({row['meaning']}) is undefined here, which is never a pass."
    limit = number(row["threshold"])
    right = {
        "above": f"above {limit}",
        "below": f"below {limit}",
        "within": f"between -{limit} and {limit}",
    }[row["direction"]]
    wrong = {
        "above": f"at or below {limit}",
        "below": f"at or above {limit}",
        "within": f"beyond ±{limit}",
    }[row["direction"]]
    stands = {True: "it holds", False: "it fails", None: "it is undecided"}[row["holds"]]
    to_hold = f"hold with the whole interval {right} and a corrected p-value of at most .05"
    to_fail = f"fail with the whole interval {wrong}"
    turns = {
        True: f"It would {to_fail}, and be undecided astride",
        False: f"It would {to_hold}",
        None: f"It would {to_hold}, and {to_fail}",
    }[row["holds"]]
    return f"*{_name(row)}* ({row['meaning']}) is {phrases.found(row)}: {stands}. {turns}."
