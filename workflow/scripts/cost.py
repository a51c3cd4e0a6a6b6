"""Print what results cost."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.operations import cost


def work(job) -> None:
    """Per rule and per claim, from the benchmark files that are there."""
    needs = {
        claim: [path for path in paths if Path(path).exists()]
        for claim, paths in job.params.needs.items()
    }
    jobs = cost.cost(sorted(Path("results/benchmarks").rglob("*.tsv")))
    for table in (cost.per_rule(jobs), cost.per_target(needs).set_index("target")):
        print(f"\n{table.sort_values('cpu_s', ascending=False).to_string(float_format='%.1f')}")
    print(
        f"\nAll: {len(jobs)} jobs, {jobs['cpu_s'].sum():.0f} CPU-seconds, of them "
        f"{jobs['startup_s'].sum():.0f} of start-up; a job that several claims need counts for "
        "each of them.",
        flush=True,
    )


script.run(snakemake, work)
