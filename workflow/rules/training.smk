# In: the data sets that an experiment's conditions use.
# Out: results/runs/<experiment>/<condition>.npz and .json; results/forecasts/<experiment>.npz.

ENGINE = [*modules("recipe", "kernel", "batched", "early", "training"), f"{PACKAGE}/kernel.c"]
TRAINING = ENGINE + modules("networks", "span", "runs")


# One job trains all conditions of an experiment, all seeds at once: start-up is paid once. The
# outputs differ by experiment, hence a rule each.
for experiment in SETTINGS.experiments:

    rule:
        name:
            f"train_{experiment}"
        input:
            code=TRAINING,
            data=datasets_of(experiment),
        output:
            expand(
                "results/runs/{experiment}/{condition}.{ending}",
                experiment=experiment,
                condition=SETTINGS.experiments[experiment],
                ending=["npz", "json"],
            ),
        log:
            f"results/logs/train/{experiment}.log",
        benchmark:
            f"results/benchmarks/train/{experiment}.tsv"
        conda:
            "../../envs/neuron_race.yaml"
        resources:
            mem_mb=2000,
        params:
            experiment=experiment,
            conditions=SETTINGS.experiments[experiment],
        script:
            "../scripts/train.py"


# Who will win, from initial weights and data alone: no run is an input.
rule forecast:
    input:
        code=TRAINING + modules("flow", "pruning", "forecast"),
        data=lambda w: datasets_of(w.experiment),
    output:
        "results/forecasts/{experiment}.npz",
    log:
        "results/logs/forecast/{experiment}.log",
    benchmark:
        "results/benchmarks/forecast/{experiment}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    resources:
        mem_mb=2000,
    params:
        experiment="{experiment}",
        conditions=lambda w: SETTINGS.forecast_conditions(w.experiment),
    script:
        "../scripts/forecast.py"
