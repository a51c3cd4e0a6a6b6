"""Print when the verdicts of a run from nothing are to be expected."""

from neuron_race.common import job as script


def work(job) -> None:
    """In the order in which they come, in minutes from the start."""
    expected = job.params.expected
    print(f"\nminutes from the start, {job.params.cores} cores, at the measured costs", flush=True)
    for claim, second in sorted(expected["verdicts"].items(), key=lambda item: item[1]):
        print(f"{second / 60:6.1f}  {claim}")
    print(f"{expected['end'] / 60:6.1f}  everything", flush=True)


script.run(snakemake, work)
