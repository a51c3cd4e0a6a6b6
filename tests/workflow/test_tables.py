"""The dictionary of statistics against the tables that a run has written, and against the rules."""

import re
from pathlib import Path
from typing import Any

import pytest
from declared import check
from snakemake.utils import update_config

from neuron_race.common import storage
from neuron_race.settings import configuration, dictionary, schema
from neuron_race.settings.configuration import Settings

ROOT = Path(__file__).parents[2]


def conditions(read: Settings, table: str, name: str) -> dict[str, dict[str, Any]]:
    """Conditions that a table of an experiment is made of."""
    own = read.measured(table)[name]
    chosen = list(own)
    if table == "race":
        chosen = list(read.forecastable(name))
    if table in dictionary.SELECTIVE:
        chosen = read.conditions_read(table, name)
    return {condition: own[condition] for condition in chosen}


def test_runs_have_the_columns_that_are_declared_and_no_others(smoke: Path) -> None:
    config = configuration.read_yaml(ROOT / "config/config.yaml")
    update_config(config, configuration.read_yaml(ROOT / "config/smoke.yaml"))
    read = configuration.read(config, ROOT)
    asked = {
        smoke / f"results/{t}/{name}/runs.csv" for c in read.claims for t, name in read.tables(c)
    }
    written = set(smoke.glob("results/*/*/runs.csv"))
    assert asked <= written
    for path in written:
        table, name = path.parts[-3:-1]
        runs, declared = storage.read_table(path), {"seed", "condition"}
        own = conditions(read, table, name)
        assert set(runs["condition"]) == set(own)
        for condition, chosen in own.items():
            data = read.datasets[chosen["dataset"]]
            options = chosen | {"outputs": dictionary.outputs(data)}
            found, one = dictionary.table(table, options), runs[runs["condition"] == condition]
            assert set(one["seed"]) == set(read.seeds)
            declared |= check(one, found, options)
        assert set(runs) == declared, path


def test_tables_are_those_that_rules_write_and_the_register_allows() -> None:
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    made = set(re.findall(r'"results/(\w+)/\{\w+\}/(\w+)\.csv"', text))
    tables = {name: [own] for name, own in dictionary.TABLES.items()}
    tables["extension"] = list(dictionary.STUDIES.values())
    for name, own in tables.items():
        assert {file for table, file in made if table == name} == set(own[0].files)
        assert all(set(other.files) == set(own[0].files) for other in own)
    assert {table for table, _ in made} == set(tables)
    rules = schema.of("claims")
    asked = rules["$defs"]["criterion"]["properties"]["table"]["enum"]
    assert set(asked) == {name for name, own in tables.items() if own[0].statistics}
    fields = rules["properties"]["claims"]["additionalProperties"]["properties"]
    assert set(re.split(r"[(|)]", fields["figure_tables"]["items"]["pattern"])[1:-3]) <= set(tables)
    config = schema.of("config")
    studies = config["properties"]["extensions"]["additionalProperties"]["properties"]["study"]
    assert set(studies["enum"]) == set(dictionary.STUDIES)


@pytest.mark.parametrize("name", [*dictionary.TABLES, *dictionary.STUDIES])
def test_statistics_say_what_they_are(name: str) -> None:
    table = dictionary.TABLES.get(name) or dictionary.STUDIES[name]
    known = configuration.read_register(ROOT / "config/claims")["equations"]
    names = [statistic.name for statistic in table.statistics]
    assert len(set(names)) == len(names)
    for statistic in table.statistics:
        assert statistic.meaning[0].isupper() and statistic.meaning.endswith(".")
        assert not statistic.equation or statistic.equation in known
