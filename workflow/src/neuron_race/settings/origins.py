"""Where the number of each criterion comes from: data, table, and what its statistic means."""

from typing import Any

from neuron_race.settings import dictionary
from neuron_race.settings.resolved import Settings, sources


def origins(settings: Settings, claim: str) -> dict[str, dict[str, Any]]:
    """By criterion: ``datasets``, ``table`` (path), ``means``, ``equation``, ``section``.

    The section is the anchor of the table in ``docs/statistics.md``.
    """
    found = {}
    for criterion in settings.claims[claim]["criteria"]:
        read = [
            (table, experiment, settings.measured(table)[experiment][condition])
            for table, runs in sources(criterion)
            for experiment, condition in [runs.split("/")]
        ]
        table, experiment, own = read[0]
        options = {**own, "outputs": dictionary.outputs(settings.datasets[own["dataset"]])}
        statistic = dictionary.table(table, options).columns(options)[criterion["statistic"]]
        found[criterion["name"]] = {
            "datasets": list(dict.fromkeys(options["dataset"] for _, _, options in read)),
            "table": f"results/{table}/{experiment}/runs.csv",
            "means": statistic.meaning,
            "equation": statistic.equation,
            "section": f"extension-study-{own['study']}" if table == "extension" else table,
        }
    return found
