# In: the data sets that an experiment's conditions use.
# Out: results/runs/<experiment>/<condition>.npz and .json; results/forecasts/<experiment>.npz.

# Names the job's log and benchmark, and its outputs where every condition is a shard.
JOB = "{experiment}/{{condition}}" if SETTINGS.shard == "condition" else "{experiment}"


# One job trains all conditions of an experiment, all seeds at once: start-up is paid once (or, with
# `shard: condition`, one of them). The outputs differ by experiment, hence a rule each.
for experiment in SETTINGS.experiments:
    what = JOB.format(experiment=experiment)

    rule:
        name:
            f"train_{experiment}"
        input:
            data=datasets_of(experiment),
        output:
            (
                runs_of(experiment)
                if SETTINGS.shard == "experiment"
                else runs_of(experiment, ["{condition}"])
            ),
        log:
            f"results/logs/train/{what}.log",
        benchmark:
            f"results/benchmarks/train/{what}.tsv"
        resources:
            mem_mb=memory(max(2000, planning.memory_mb(SETTINGS, "train", experiment))),
            runtime=runtime("train", what),
        params:
            experiment=experiment,
            conditions=trained_together(experiment),
        script:
            "../scripts/train.py"


# Who will win, from initial weights and data alone: no run is an input.
rule forecast:
    input:
        data=lambda w: datasets_of(w.experiment),
    output:
        "results/forecasts/{experiment}.npz",
    log:
        "results/logs/forecast/{experiment}.log",
    benchmark:
        "results/benchmarks/forecast/{experiment}.tsv"
    resources:
        mem_mb=table_memory("forecast"),
        runtime=runtime("forecast", "{experiment}"),
    params:
        experiment="{experiment}",
        conditions=lambda w: SETTINGS.forecastable(w.experiment),
    script:
        "../scripts/forecast.py"
