"""What of the package is of use by itself, by room: its docstrings are a page of the site."""

API = {
    "Data": ("data.datasets",),
    "Models": ("models.shallow", "models.losses", "models.norms", "models.clusters"),
    "Training": ("training.runs", "training.conditions"),
    "Theory": ("theory.equations", "theory.laws", "theory.settling", "theory.forecast"),
    "Measures": ("measures.dynamics", "measures.race", "measures.merging", "measures.pruning"),
    "Evidence": ("evidence.statistics", "evidence.claims", "evidence.nulls"),
}
