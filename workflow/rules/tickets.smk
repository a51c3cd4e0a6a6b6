# In: runs of an experiment, their forecasts.
# Out: results/weights/<protocol>/{runs,curves}.csv, results/tickets/<experiment>/{runs,tickets}.csv, results/audit/<experiment>/runs.csv,
# results/late_winners/<experiment>/runs.csv,
# results/figure_1/<experiment>/cosines.csv.


# Retrain subnetworks from their own init, and networks with exchanged initial conditions.
rule tickets:
    input:
        runs=lambda w: runs_of(w.experiment, SETTINGS.conditions_read("tickets", w.experiment)),
        forecasts="results/forecasts/{experiment}.npz",
    output:
        runs="results/tickets/{experiment}/runs.csv",
        tickets="results/tickets/{experiment}/tickets.csv",
    log:
        "results/logs/tickets/{experiment}.log",
    benchmark:
        "results/benchmarks/tickets/{experiment}.tsv"
    resources:
        mem_mb=table_memory("tickets"),
        runtime=runtime("tickets", "{experiment}"),
    params:
        experiment="{experiment}",
        conditions=lambda w: SETTINGS.conditions_read("tickets", w.experiment),
    script:
        "../scripts/tickets.py"


# Tickets of single weights by iterative magnitude pruning.
rule weight_tickets:
    input:
        data=lambda w: weight_ticket_data(w.protocol),
    output:
        runs="results/weights/{protocol}/runs.csv",
        curves="results/weights/{protocol}/curves.csv",
    log:
        "results/logs/weight_tickets/{protocol}.log",
    benchmark:
        "results/benchmarks/weight_tickets/{protocol}.tsv"
    resources:
        mem_mb=memory(2000),
        runtime=runtime("weight_tickets", "{protocol}"),
    params:
        protocol="{protocol}",
        tasks=lambda w: SETTINGS.weight_tickets[w.protocol],
    script:
        "../scripts/weight_tickets.py"


# Neurons that the forecast leaves behind, replayed with other gates.
rule late_winners:
    input:
        runs=lambda w: runs_of(w.experiment, SETTINGS.conditions_read("late_winners", w.experiment)),
        forecasts="results/forecasts/{experiment}.npz",
    output:
        runs="results/late_winners/{experiment}/runs.csv",
    log:
        "results/logs/late_winners/{experiment}.log",
    benchmark:
        "results/benchmarks/late_winners/{experiment}.tsv"
    resources:
        mem_mb=table_memory("late_winners"),
        runtime=runtime("late_winners", "{experiment}"),
    params:
        conditions=lambda w: SETTINGS.conditions_read("late_winners", w.experiment),
    script:
        "../scripts/late_winners.py"


# Do forecasts change when anything after step 0 does?
rule audit:
    input:
        runs=lambda w: runs_of(w.experiment, SETTINGS.conditions_read("audit", w.experiment)),
        forecasts="results/forecasts/{experiment}.npz",
    output:
        runs="results/audit/{experiment}/runs.csv",
    log:
        "results/logs/audit/{experiment}.log",
    benchmark:
        "results/benchmarks/audit/{experiment}.tsv"
    resources:
        mem_mb=table_memory("audit"),
        runtime=runtime("audit", "{experiment}"),
    params:
        experiment="{experiment}",
        conditions=lambda w: SETTINGS.conditions_read("audit", w.experiment),
    script:
        "../scripts/audit.py"


# Cosines between total weight vectors of each condition's first run at init, drop and end.
rule cosines:
    input:
        runs=lambda w: runs_of(w.experiment),
    output:
        cosines="results/figure_1/{experiment}/cosines.csv",
    log:
        "results/logs/cosines/{experiment}.log",
    benchmark:
        "results/benchmarks/cosines/{experiment}.tsv"
    script:
        "../scripts/cosines.py"
