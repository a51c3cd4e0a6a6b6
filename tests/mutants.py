"""Small errors in measuring, judging and theory, at random places: which share do tests catch?

    make mutants          # 200 errors, half an hour at most on two cores
    make mutants N=50     # the first 50 of them

Cosmic Ray makes the errors. Each is tried in a process of its own, which has imported the libraries
before and puts the changed module into the place of the file's: on disk nothing changes. Tests run
until the first that fails; those that import the module by name come first.
"""

import argparse
import ast
import contextlib
import difflib
import importlib.machinery
import io
import multiprocessing
import os
import random
import re
import signal
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workflow/src/neuron_race"
ROOMS = ("measures", "evidence", "theory")
SEED, TARGET = 20, 0.95
SECONDS = 240  # for the tests of one mutant; training that never ends is caught by this
# Left out: what is equal by identity (None, True), unions of types and of dictionaries, and bits of
# real numbers, which fail at the first call.
REAL = "Add|Sub|Mul|Div|FloorDiv|Mod|Pow"
OMITTED = re.compile(
    rf"_Is(Not)?(_|$)|BitOr_|_({REAL})_(Bit|.Shift)|RemoveDecorator|ExceptionReplacer"
)
# Mutants that compute the same: the line as it becomes, and why no test can tell.
EQUIVALENT = {
    "steps: int = 999": "a step less of a thousand, each far below what is asked",
    "max_weight_bytes= 3**30": "room for what needs far less",
    "< 1e-12 * max(1.0": "the same but for a spread of exactly this size",
    "np.sign(A[:, -1])": "heads of one output: the last is the first",
    'self.A["end"][:, -1] > 0': "heads of one output: the last is the first",
    "(probes, W, A)[..., -1]": "one output: the last is the first",
    "-1 < won.sum()": "of four neurons or more the first in rank always wins",
    "return self.drop_step[DROP] > 0": "no loss is lost at step 0",
    "c0 * ( -0.5 * (growing + decaying)) ** 2": "a square",
    '["growth"][:, +1]': "of two snapshots the second is the last",
    "if before >= 0": "a ratio to 0 is undefined already",
    "end=2 * trained[- 2]": "an end of the search that is never reached",
    "alive * (cos[0] < 0)": "both are true or false",
    'self.A["end"][:, 0] >= 0': "a head of 0 has no weight",
    "np.inf if not": "no run of these explodes, frozen or not",
}


class Mutant(NamedTuple):
    """One error: the module, its changed text, and the lines that differ."""

    path: Path
    code: str
    lines: str


def mutants(number: int) -> list[Mutant]:
    """The first of all mutants in the order of a fixed seed."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code

    operators = {
        name: plugins.get_operator(name)
        for name in sorted(plugins.operator_names())
        if not OMITTED.search(name)
    }
    places: list[tuple[Path, str, int]] = []
    for path in sorted(p for room in ROOMS for p in (PACKAGE / room).glob("*.py")):
        nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
        for name, operator in operators.items():
            if not operator.arguments():
                found = sum(len(list(operator().mutation_positions(node))) for node in nodes)
                places += [(path, name, n) for n in range(found)]
    random.Random(SEED).shuffle(places)
    made: list[Mutant] = []
    for path, name, n in places:
        if len(made) == number:
            break
        before = path.read_text(encoding="utf-8")
        after = mutate_code(before, operators[name](), n)
        if after is None or _same(before, after):
            continue
        changed = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        lines = [line for line in changed if line[:3] not in ("---", "+++")]
        made.append(Mutant(path, after, "\n".join(lines)))
    return made


def _same(before: str, after: str) -> bool:
    """Whether a change is of no use: one of the text alone, or no Python (``/arguments``)."""
    try:
        return ast.dump(ast.parse(after)) == ast.dump(ast.parse(before))
    except SyntaxError:
        return True


@cache
def tests(path: Path) -> list[str]:
    """Test files that use a module: first those that import it themselves, small ones first."""
    own = path.relative_to(ROOT).as_posix()
    name = re.compile(rf"\b{path.stem}\b")
    using = [file for file in (ROOT / "tests/unit").rglob("test_*.py") if _uses(file, own)]
    named = {file: len(name.findall(file.read_text(encoding="utf-8"))) for file in using}
    return [str(file) for file in sorted(using, key=lambda file: (-named[file], file))]


def _uses(file: Path, own: str) -> bool:
    """Whether a test file imports a module, through any number of others."""
    from neuron_race.common import freshness

    try:
        return own in freshness.code(file)
    except freshness.StaleError:  # names files that there are not, as a test of names may
        return True


def caught(job: tuple[Mutant, list[str]]) -> bool:
    """Whether any test fails, in a process that has imported nothing of the project yet."""
    mutant, files = job
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        same = Path(self.path) == mutant.path
        return compile(mutant.code, self.path, "exec") if same else original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]

    def too_long(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    import pytest

    options = ["-x", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        failed = pytest.main([*options, *files]) != 0
    signal.alarm(0)
    return failed


def main() -> int:
    """Try them; returns 1 if fewer are caught than should be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("number", type=int, nargs="?", default=200)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = mutants(arguments.number)
    jobs = [(mutant, tests(mutant.path)) for mutant in made]
    files = sorted({file for _, used in jobs for file in used})
    right = Mutant(made[0].path, made[0].path.read_text(encoding="utf-8"), "")
    # From here on all children have these, and none has anything of the project.
    for name in [name for name in sys.modules if name.split(".")[0] == "neuron_race"]:
        del sys.modules[name]
    for name in ("pandas", "scipy.stats", "sklearn.metrics", "torch"):
        __import__(name)
    __import__("statsmodels.api")
    begun, survivors, same = time.monotonic(), [], 0
    context = multiprocessing.get_context("fork")
    with context.Pool(arguments.workers, maxtasksperchild=1) as pool:
        if pool.apply(caught, [(right, files)]):
            raise SystemExit("tests fail without any error: make test-fast tells which")
        for n, (mutant, gone) in enumerate(zip(made, pool.imap(caught, jobs), strict=True), 1):
            if not gone and any(line in mutant.lines for line in EQUIVALENT):
                same += 1
            elif not gone:
                survivors.append(mutant)
                print(f"{mutant.path.relative_to(PACKAGE)}\n{mutant.lines}\n", flush=True)
            if sys.stderr.isatty():
                print(f"\r{n} of {len(made)}", end="", file=sys.stderr, flush=True)
    tried = len(made) - same
    share = 1 - len(survivors) / tried
    print(
        f"{tried - len(survivors)} of {tried} caught ({share:.1%}; asked {TARGET:.0%}); "
        f"{same} more compute the same; {(time.monotonic() - begun) / 60:.0f} min"
    )
    return int(share < TARGET)


if __name__ == "__main__":
    sys.exit(main())
