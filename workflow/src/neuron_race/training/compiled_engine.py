"""The compiled engine: builds ``kernel.c`` once per machine, and calls it.

A C compiler is all it takes. The library goes to a cache folder under a name made of everything
that it depends on (source, compiler, flags, processor), and appears there whole: several jobs may
build at once. It is compiled for the processor at hand; results have the same bits on every
one with fused operations (``lanes.h`` says how).
"""

import atexit
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import leftovers, storage

Array = NDArray[Any]

SOURCE, SHARED = (Path(__file__).with_name(name) for name in ("kernel.c", "lanes.h"))
# No multiplication and addition is fused but where a source says so.
FLAGS = ("-std=gnu11", "-O3", "-ffp-contract=off", "-march=native", "-shared", "-fPIC", "-pthread")
TYPES = {"float64": ("double", "long long"), "float32": ("float", "int")}
LOSSES = {"squared": 0, "logistic": 1, "softmax": 2}
FREEZE = {"gates": 1, "residual": 2, "head": 4}
RUNNING, CROSSED, DIVERGED = range(3)


class Crossing(NamedTuple):
    """A loss that for the first time is at or below a bound, and the weights there."""

    run: int
    event: int  # column of the bound
    step: int
    W: Array  # (m, d)
    A: Array  # (m, k)


class KernelUnavailable(RuntimeError):
    """The kernel cannot be built here: the message says why."""


def cache_folder() -> Path:
    """Where built libraries are kept: ``neuron_race`` in the user's cache folder.

    For a user without a home folder, one of this process alone.
    """
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return _folder_of_this_process()
    return Path(base) / "neuron_race"


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise KernelUnavailable(f"no C compiler: {error}") from error
    except subprocess.CalledProcessError as error:
        raise KernelUnavailable(f"{shlex.join(command)} failed:\n{error.stderr}") from error
    return done.stdout


def _processor() -> str:
    """What ``-march=native`` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = ("model name", "flags", "Features", "CPU part")
    return (
        "\n".join(sorted({line for line in lines if line.startswith(named)})) + platform.machine()
    )


@functools.cache
def _folder_of_this_process() -> Path:
    folder = leftovers.own(Path(tempfile.mkdtemp(prefix=leftovers.SCRATCH)))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def build(precision: str = "float64", source: Path = SOURCE) -> Path:
    """Path of the library of a source for one precision, built if it is not there.

    Raises:
        KernelUnavailable: there is no C compiler (``$CC``, or ``cc``), or it fails.
    """
    compiler = shlex.split(os.environ.get("CC") or shutil.which("cc") or "gcc")
    real, integer = TYPES[precision]
    flags = [*FLAGS, f"-DREAL={real}", f"-DINTEGER={integer}"]
    key = hashlib.sha256()
    for part in (
        source.read_text(encoding="utf-8"),
        SHARED.read_text(encoding="utf-8"),
        _run([*compiler, "--version"]),
        *flags,
        _processor(),
    ):
        key.update(part.encode() + b"\0")
    path = cache_folder() / f"{source.stem}-{key.hexdigest()[:24]}.so"
    if not os.path.exists(path):  # Path's own raises where a folder may not be searched
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = os.access(path.parent, os.W_OK)
        except OSError:
            kept = False
        if not kept:  # build it for this process alone
            path = _folder_of_this_process() / path.name
        with storage.part(path, shared=True) as temporary:
            _run([*compiler, *flags, str(source), "-o", str(temporary), "-lm"])
            os.replace(temporary, path)
    return path


def loaded(precision: str, source: Path = SOURCE) -> ctypes.CDLL:
    """The library, built if necessary.

    Raises:
        KernelUnavailable: see :func:`build`.
    """
    path = build(precision, source)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise KernelUnavailable(f"{path} cannot be loaded: {error}") from error


@functools.cache
def library(precision: str = "float64") -> ctypes.CDLL:
    """The library of this engine, with the types of its functions declared.

    Raises:
        KernelUnavailable: see :func:`build`.
    """
    lib = loaded(precision)
    pointer, integer, small = ctypes.c_void_p, ctypes.c_long, ctypes.c_int
    lib.networks_new.argtypes = [
        *[integer] * 5,
        *[pointer] * 5,
        small,
        small,
        ctypes.c_double,
        integer,
    ]
    lib.networks_new.restype = pointer
    arguments: dict[str, list[type]] = {
        "free": [],
        "advance": [integer, pointer, pointer, integer, integer, pointer, pointer],
        "weights": [integer, pointer, pointer],
        "gradients": [integer, pointer, pointer],
        "gates": [integer, pointer, pointer, pointer],
        "place": [integer, integer, pointer, pointer],
        "mark": [],
        "rewind": [],
    }
    for name, types in arguments.items():
        function = getattr(lib, f"networks_{name}")
        function.argtypes, function.restype = [pointer, *types], None
    return lib


class Networks:
    """S networks in training, in compiled code; the torch peer is in
    :mod:`neuron_race.training.torch_engine`.

    Args:
        X: inputs (S, N, d).
        Y: targets (S, N, k).
        W: incoming weights (S, m, d).
        A: outgoing weights (S, m, k).
        words: N random 64-bit words that identify samples in gate patterns.
        loss: ``squared`` or ``logistic`` (softmax if k > 1).
        freeze: ablations, see :class:`neuron_race.training.recipe.Recipe`.
        learning_rate: step size.
        threads: number of threads; the results do not depend on it.
        precision: ``float64`` or ``float32``.

    Raises:
        KernelUnavailable: see :func:`build`.
        MemoryError: the arrays do not fit.
    """

    def __init__(
        self,
        X: Array,
        Y: Array,
        W: Array,
        A: Array,
        words: Array,
        loss: str = "squared",
        freeze: tuple[str, ...] = (),
        learning_rate: float = 0.25,
        threads: int = 1,
        precision: str = "float64",
    ):
        self._handle = None
        self._library = library(precision)
        self.dtype = np.dtype(precision)
        S, N, d = X.shape
        m, k = A.shape[1:]
        self.shape = (S, N, d, m, k)
        expected = ((S, N, k), (S, m, d), (S, m, k), (N,))
        if (Y.shape, W.shape, A.shape, words.shape) != expected:
            raise ValueError(f"shapes of Y, W, A and words should be {expected}")
        arrays = [np.ascontiguousarray(Z, dtype=self.dtype) for Z in (X, Y, W, A)]
        arrays.append(np.ascontiguousarray(words, dtype=np.int64))
        self._handle = self._library.networks_new(
            *self.shape,
            *(Z.ctypes.data for Z in arrays),
            LOSSES["softmax" if loss == "logistic" and k > 1 else loss],
            sum(FREEZE[name] for name in freeze),
            learning_rate,
            threads,
        )
        if not self._handle:
            raise MemoryError(f"{S} networks of {m} neurons, {N} samples and {d} inputs")
        self.step = -1  # not evaluated yet

    def __del__(self) -> None:
        if self._handle:
            self._library.networks_free(self._handle)

    def advance(self, until: int, bounds: Array, limit: Array) -> tuple[Array, list[Crossing]]:
        """Advance to step ``until`` by gradient descent; the first call evaluates the start.

        Args:
            until: a step after the current one.
            bounds: losses (S, E) whose first crossings from above are wanted.
            limit: losses (S,) above which (NaN included) a network diverged and stops.

        Returns:
            Losses (S, number of steps) after each step, NaN after a divergence; crossings, of which
            there are none where the loss is beyond its limit.
        """
        S = self.shape[0]
        first = self.step + 1
        losses = np.full((S, until - self.step), np.nan)
        status = np.zeros(S, dtype=np.int32)
        limit, bounds = np.ascontiguousarray(limit, dtype=float), np.array(bounds, dtype=float)
        crossings: list[Crossing] = []
        while True:
            # The next bound on the way down of each network.
            bound = bounds.max(axis=1, initial=-np.inf)
            self._library.networks_advance(
                self._handle,
                until,
                *(Z.ctypes.data for Z in (bound, limit)),
                first,
                losses.shape[1],
                *(Z.ctypes.data for Z in (losses, status)),
            )
            stopped = np.flatnonzero(status == CROSSED)
            if not len(stopped):
                break
            for s in stopped:
                last = np.flatnonzero(~np.isnan(losses[s]))[-1]
                W, A = self._two("weights", int(s))
                for event in np.flatnonzero(losses[s, last] <= bounds[s]):
                    crossings.append(Crossing(int(s), int(event), first + int(last), W, A))
                    bounds[s, event] = -np.inf
        self.step = until
        return losses, crossings

    def mark(self) -> None:
        """Remember the weights, to :meth:`rewind` to them."""
        self._library.networks_mark(self._handle)
        self._marked = self.step

    def rewind(self) -> None:
        """Go back to the marked weights."""
        self._library.networks_rewind(self._handle)
        self.step = self._marked

    def place(self, step: int, W: Array, A: Array) -> None:
        """Put the networks at ``step`` with weights ``W (S, m, d)`` and ``A (S, m, k)``."""
        for s in range(self.shape[0]):
            w, a = (np.ascontiguousarray(Z[s], dtype=self.dtype) for Z in (W, A))
            self._library.networks_place(self._handle, s, step, w.ctypes.data, a.ctypes.data)
        self.step = step - 1

    def weights(self) -> tuple[Array, Array]:
        """W (S, m, d) and A (S, m, k), in double precision whatever the steps'."""
        return self._all("weights")

    def gradients(self) -> tuple[Array, Array]:
        """Minus the gradients of the loss at these weights, (S, m, d) and (S, m, k) (E1)."""
        return self._all("gradients")

    def gates(self) -> tuple[Array, Array, Array]:
        """Per neuron (S, m): open gates, gates that differ from step 0, sum of words (pattern)."""
        S, _, _, m, _ = self.shape
        counts = [np.empty((S, m), dtype=np.int64) for _ in range(3)]
        for s in range(S):
            self._library.networks_gates(self._handle, s, *(c[s].ctypes.data for c in counts))
        return counts[0], counts[1], counts[2]

    def _all(self, what: str) -> tuple[Array, Array]:
        W, A = zip(*(self._two(what, s) for s in range(self.shape[0])), strict=True)
        return np.stack(W), np.stack(A)

    def _two(self, what: str, s: int) -> tuple[Array, Array]:
        _, _, d, m, k = self.shape
        W, A = np.empty((m, d), self.dtype), np.empty((m, k), self.dtype)
        getattr(self._library, f"networks_{what}")(self._handle, s, W.ctypes.data, A.ctypes.data)
        return W.astype(float, copy=False), A.astype(float, copy=False)
