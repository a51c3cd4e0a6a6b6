"""What the notebooks share: a claim's statement, equations, numbers and runs, ready to be shown.

Whatever can change is read from the verdict, the tables and paper_notes.md, never written out, so
that a lecture can't disagree with the evidence.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from IPython.display import HTML, Image, Markdown

from neuron_race.common import storage
from neuron_race.data import datasets
from neuron_race.evidence import nulls, phrases
from neuron_race.pages import live, page
from neuron_race.training import conditions, runs

if TYPE_CHECKING:  # half of the lectures draw nothing of their own
    from matplotlib.figure import Figure

OF_TASKS = ("axes", "strengths", "shuffle_labels")
TRAINING: dict[str, Any] = {
    "width": 100,
    "alpha": 1e-4,
    "head": "gaussian",
    "loss": "squared",
    "learning_rate": 0.25,
    "max_steps": 300,
}


# Symbols of the notes' table of notation that an equation is made of, each by how its row begins.
SYMBOLS = {
    "E1": (r"$f(x)", r"$g_{ji}", r"$r_i", r"$C_j"),
    "E2": (r"$Q_j", r"$\eta$"),
    "E3": (r"$C_j", r"$D_j", r"$\hat v", r"$s_j"),
    "E4": (r"$c_j", r"$C_j", r"$D_j", r"$\delta_j"),
    "E5": (r"$D_j", r"$\hat v", r"$s_j", r"$\delta_j", r"$c_j", r"*lane*"),
    "E6": (r"$\alpha$", r"$D_j", r"$s_j", r"$\eta$"),
    "E7": (r"$c_j", r"$a_jw_j", r"$\hat v", r"$s_j"),
    "E8": (r"$c_j",),
    "E9": (r"$c_j", r"*lane*", r"$\eta$"),
    "L": (r"$c_j", r"*lane*", r"$\alpha$", r"$\eta$"),
}


class Lecture:
    """A claim and all that was found about it.

    Args:
        job: the notebook's job. Of its ``input`` are read ``verdict``, ``evidence``, ``notes``,
            ``figure``, ``tables``, ``live``; of its ``params`` ``neighbours``: names and titles of
            the claims before and after this one, None at the ends; and ``seeds`` of the runs.
    """

    def __init__(self, job: Any):
        self.paths = job.input
        self.beside = job.params.neighbours
        self.seeds = job.params.seeds
        self.judged = storage.read_json(self.paths.verdict)
        self.criteria = {row["name"]: row for row in self.judged["criteria"]}

    def opening(self) -> Markdown:
        """Title, statement, level, the status that the evidence gives it, and warnings."""
        verdict, level = self.judged, phrases.LEVELS[self.judged["level"]]
        warned = page.warnings(verdict["preset"], verdict["changes"], self.seeds)
        return Markdown(
            f"# {verdict['title']}\n\n> {verdict['statement']}\n\n"
            f"*Level:* {level}. *Verdict:* **{verdict['status']}**, from "
            f"{verdict['n_runs']} runs per condition (preset {phrases.preset(verdict)}). *Expected "
            f"before those runs:* {verdict['expectation']}."
            + "".join(f"\n\n**{warning}**" for warning in warned)
        )

    def reading(self) -> Markdown:
        """How the statement was made measurable: the effects that count, with thresholds."""
        lines = [
            f"- {_sentence(row['meaning'])}: {phrases.asked(row)}"
            for row in self._counted(control=False)
        ]
        title = f"Our reading: the statement holds if all of these {len(lines)} do"
        listed = "\n".join(lines)
        return Markdown(f"<details open><summary>{title}</summary>\n\n{listed}\n\n</details>")

    def neighbours(self) -> Markdown:
        """Links to the lectures before and after this one in the story."""
        names = ("Before", "After")
        return Markdown(
            "\n".join(
                f"- {when} this: [{claim[1]}]({claim[0]}.html)"
                for when, claim in zip(names, self.beside, strict=True)
                if claim
            )
        )

    def equations(self, *names: str) -> Markdown:
        """Titles and statements of equations and laws, and what their symbols are.

        All of it is read from paper_notes.md.

        Raises:
            KeyError: the notes have no such equation, or no such symbol.
        """
        notes = Path(self.paths.notes).read_text(encoding="utf-8")
        said = [self._equation(notes, name) for name in names]
        symbols = dict.fromkeys(s for n in names for s in SYMBOLS.get(n, SYMBOLS["L"]))
        listed = "\n".join(_symbol(notes, start) for start in symbols)
        return Markdown("\n\n".join([*said, "In it:" if len(names) == 1 else "In them:", listed]))

    def _equation(self, notes: str, name: str) -> str:
        equation = rf"^### {name}\. (.+?)\n\n(.*?)\n\n\*\*Derivation"
        law = rf"^- \*\*{name}, (.+?)\.\*\* (.+?)(?=\n- \*\*|\n\n)"
        found = re.search(law if name[0] == "L" else equation, notes, re.DOTALL | re.MULTILINE)
        if found is None:
            raise KeyError(f"{self.paths.notes}: no equation {name}")
        title, body = found.groups()
        body = re.sub(r"^ +", "", body.replace("**Statement.**", "").strip(), flags=re.MULTILINE)
        return f"**{name}. {_sentence(title)}.** {body}"

    def live(self, *shown: str) -> HTML:
        """A network that trains on the page, and what it shows of the claim.

        Args:
            shown: statistics told beside their predictions, the claim's own first; names as in
                ``live.js``.
        """
        return HTML(live.part(storage.read_json(self.paths.live), shown))

    def study(self, name: str) -> HTML:
        """Networks of the claim's own kind that train on the page, see :data:`live.STUDIES`."""
        return HTML(live.study(storage.read_json(self.paths.live), name))

    def figure(self) -> Image:
        """The claim's figure, as drawn by the workflow."""
        return _image(Path(self.paths.figure).read_bytes(), f"Figure: {self.judged['title']}")

    def table(self, name: str) -> pd.DataFrame:
        """One of the job's tables, such as ``dynamics/pair/runs.csv``.

        Raises:
            KeyError: the job has no such table.
        """
        for path in self.paths.tables:
            if str(path).endswith(name):
                return storage.read_table(path)
        raise KeyError(f"{name} is none of {', '.join(map(str, self.paths.tables))}")

    def verdict(self) -> Markdown:
        """What was found: in a sentence where the register has one, then tables of criteria.

        Effects and controls are what the status is made of; what does not count is folded away.
        """
        said = [self.judged[key] for key in ("answer", "breaks") if self.judged.get(key)]
        others = [row for row in self.criteria.values() if not row["confirmatory"]]
        folded = f"Reported, but not counted: {len(others)}"
        return Markdown(
            "\n\n".join(
                [
                    *said,
                    _rows(self._counted(control=False)),
                    "The controls: what must be seen where the effect must be absent.",
                    _rows(self._counted(control=True)),
                    f"<details><summary>{folded}</summary>\n\n{_rows(others)}\n</details>"
                    if others
                    else "Nothing else was measured.",
                ]
            )
        )

    def nulls(self) -> Markdown:
        """What is left when a part of the theory is taken away; empty where no null was asked."""
        told = nulls.told(self.judged["nulls"])
        if not told:
            return Markdown("")
        return Markdown(
            "## Against nulls\n\nThe same questions, asked of networks that lack a part of the "
            "theory. What theory says of each was written down before.\n\n"
            + phrases.markdown(pd.DataFrame(told))
        )

    def _counted(self, control: bool) -> list[dict[str, Any]]:
        rows = [row for row in self.criteria.values() if row["confirmatory"]]
        return [row for row in rows if row["is_control"] == control]

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
        return Markdown("\n".join(f"- {caveat}" for caveat in self.judged["caveats"]))

    def compare(self, name: str, statistic: str, names: Sequence[str]) -> Image:
        """A column of one of the job's tables, every run as a dot, a line for each condition.

        Raises:
            KeyError: no such table or column, or none of these conditions.
        """
        table = self.table(name)
        if statistic not in table:
            raise KeyError(f"{statistic}: {name} has {', '.join(table.columns)}")
        there = [condition for condition in names if (table["condition"] == condition).any()]
        if not there:
            raise KeyError(f"{names}: {name} has {', '.join(table['condition'].unique())}")
        return _dots(table, statistic, there)

    def runs(self, *names: str) -> Image:
        """Every run as a dot, for some criteria, with mean, interval and threshold."""
        from neuron_race.figures import style

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


def _dots(table: pd.DataFrame, statistic: str, names: Sequence[str]) -> Image:
    from neuron_race.figures import style

    figure, (ax,) = style.panels(1, height=0.5 + 0.3 * len(names))
    for name in names:
        own = table.loc[table["condition"] == name, statistic]
        ax.plot(own, [name] * len(own), "o", ms=4, alpha=0.5, color=style.COLOURS["gaussian"])
    ax.invert_yaxis()
    ax.set_xlabel(statistic.replace("_", " "))
    return show(figure, f"{statistic.replace('_', ' ')} of every run, for {', '.join(names)}")


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
    kind: dict[str, Any] = {**live.SIZES, **live.TASKS[task], **own}
    condition = {**TRAINING, **options, "seeds": list(seeds), "device": "cpu"}
    start = conditions.begin(name, condition, datasets.make_all(task, kind, list(seeds)))
    return runs.Trained(start, conditions.run(start, condition), condition)


def show(figure: "Figure", description: str) -> Image:
    """A figure as an image with a description for those who can't see it."""
    import matplotlib.pyplot as plt

    from neuron_race.figures import style

    stream = io.BytesIO()
    style.lay_out(figure)
    figure.savefig(stream, format="png", metadata={"Software": None})
    plt.close(figure)
    return _image(style.in_colours(stream.getvalue()), description)


def _image(data: bytes, description: str) -> Image:
    return Image(data=data, format="png", metadata={"alt": description}, alt=description)


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Criteria as a table for people."""
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
    return phrases.markdown(pd.DataFrame(table)) if table else "None."


def _name(row: Mapping[str, Any]) -> str:
    return str(row["name"]).replace("_", " ")


def _symbol(notes: str, start: str) -> str:
    """A row of the notes' table of notation as an item of a list."""
    for line in notes.splitlines():
        if line.startswith(f"| {start}"):
            symbol, meaning = line.strip("| ").split(" | ", 1)
            return f"- {symbol}: {meaning}"
    raise KeyError(f"no symbol {start} in the notation")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
