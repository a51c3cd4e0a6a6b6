"""Which of a processor's instructions numerical libraries use.

They choose code by processor, and its last digits differ: with and without AVX-512 the singular
vectors that training starts from are others. So all use that of x86-64-v3, which Intel's processors
have had since 2013, and AMD's since 2015.
"""

import os
from pathlib import Path

# Of OpenBLAS (NumPy, SciPy), NumPy itself, torch, and MKL (torch's products; Intel's processors).
SETTINGS = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
}


def available(*names: str) -> bool:
    """Whether the processor has these, under Linux's names; not where there is no telling."""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return set(names) <= set(words)


def settle() -> None:
    """Settle it for all processes that this one starts: libraries look when they are imported.

    What the environment says already stands, and so does a processor older than that.
    """
    if available("avx2", "fma", "bmi2"):
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
