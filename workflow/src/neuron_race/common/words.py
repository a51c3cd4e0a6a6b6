"""Values as people read them."""

from numbers import Real
from typing import Any


def told(option: Any) -> str:
    """An option of the settings, the same whether it comes from YAML or from a table."""
    if isinstance(option, bool):
        return "yes" if option else "no"
    return f"{option:g}" if isinstance(option, Real) else str(option)
