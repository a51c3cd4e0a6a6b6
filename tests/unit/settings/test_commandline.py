"""Every setting that the command line or a profile asks for is in force, or refused in words."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake import cli

from neuron_race.settings import commandline
from neuron_race.settings.commandline import Asked
from neuron_race.settings.reading import SettingsError

LEFT_OUT = "would be left out"
PARSER = cli.get_argument_parser()


class Recorder(argparse.Namespace):
    """Keeps every value that a parser gives to an option."""

    def __setattr__(self, name: str, value: Any) -> None:
        if value and name in ("configfile", "config"):
            vars(self).setdefault("asked", []).append((name, list(map(str, value))))
        super().__setattr__(name, value)


def snakemake_takes(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Each value that Snakemake's own parser finds."""
    found = Recorder()
    PARSER.parse_args(arguments, namespace=found)
    return list(vars(found).get("asked", []))


WORDS = [
    ["--configfile", "a.yaml"],
    ["--configfiles", "b.yaml", "c.yaml"],
    ["--configfile=d.yaml"],
    ["-C", "a=1", "b={c: 2}"],
    ["--config", "a=-1"],
    ["--config=c=3"],
    ["-Cd=4"],
    ["-nC", "e=5"],
    ["-npkFC", "f=6"],
    ["--cores", "2"],
    ["-j4"],
    ["--forcerun", "all"],
    ["--rerun-triggers", "mtime", "code"],
    ["-q"],
    ["-d", "x"],
]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS), max_size=5))
def test_options_are_found_as_snakemake_finds_them(words: list[list[str]]) -> None:
    arguments = [word for words in words for word in words]
    for rest in ([], ["--", "--config", "x=1"]):
        given, _ = commandline.parse(arguments + rest)
        mine = [("configfile", [*map(str, one.files)]) for one in given if one.files]
        mine += [("config", list(one.options)) for one in given if one.options]
        assert sorted(mine) == sorted(snakemake_takes(arguments + rest))


def test_no_option_is_missed() -> None:
    short = {
        option[1]
        for action in PARSER._actions
        for option in action.option_strings
        if len(option) == 2 and action.nargs == 0
    }
    assert set(commandline.FLAGS) == short
    for word in ("--configf", "--conf"):  # no abbreviation is unambiguous
        with pytest.raises(SystemExit), contextlib.redirect_stderr(None):
            PARSER.parse_args([word, "a.yaml"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            "--configfile a.yaml --configfile b.yaml",
            r"a.yaml would be left out, .* --configfile a.yaml b.yaml$",
        ),
        (
            "--configfile=a.yaml -n --configfiles b.yaml",
            r"a.yaml would .*: --configfile a.yaml b.yaml",
        ),
        ("--config a=1 --cores 1 -C b=2", "a=1 would be left out, .*: --config a=1 b=2$"),
        ("-nC a=1 -Cb=2", "a=1 would be left out"),
        ("--config a=1 a=2", "a is given more than once: a=1 and a=2; write one of them"),
        ("--config a=1 --config a=2", "a is given more than once"),
    ],
)
def test_what_snakemake_leaves_out_is_refused(arguments: str, words: str) -> None:
    given, _ = commandline.parse(arguments.split())
    with pytest.raises(SettingsError, match=words):
        commandline.check(given)


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "--configfile a.yaml b.yaml --config a=1 b=1",
        "--configfile a.yaml --configfile ./a.yaml b.yaml",
        "--config a=1 --config a=1",
        "all --forcerun x --configfile a.yaml -- --configfile",
    ],
)
def test_what_is_in_force_passes(arguments: str) -> None:
    commandline.check(commandline.parse(arguments.split())[0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with two profiles, the present one."""
    monkeypatch.chdir(tmp_path)
    for name in ("default", "mine"):
        (tmp_path / "profiles" / name).mkdir(parents=True)
        (tmp_path / "profiles" / name / "config.yaml").write_text("cores: 1\n", encoding="utf-8")
    (tmp_path / "profiles/mine/config.yaml").write_text(
        "configfile: one.yaml\nconfig: {seeds: {count: 3}, device: cpu}\n", encoding="utf-8"
    )
    yield tmp_path


def run(folder: Path, arguments: str, environment: dict[str, str] | None = None) -> None:
    """Check a command line against what Snakemake itself makes of it and of the profiles."""
    words = ["-s", str(folder / "Snakefile"), *arguments.split()]
    (folder / "Snakefile").write_text("", encoding="utf-8")
    with contextlib.redirect_stderr(None), pytest.MonkeyPatch.context() as patch:
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        _, args = cli.parse_args(words)
    taken = SimpleNamespace(
        replace_workflow_config=args.replace_workflow_config,
        configfiles=[Path(path).absolute() for path in args.configfile],
        config_args=args.config or [],
    )
    here = {**os.environ, **(environment or {})}
    commandline.check_run(["/bin/snakemake", *words], taken, here, folder)


MINE = {"SNAKEMAKE_PROFILE": "profiles/mine"}


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ("--profile profiles/mine", {}, ""),
        ("--workflow-profile mine", {}, ""),
        ("", MINE, ""),
        ("--profile none --configfile b.yaml", MINE, ""),
        ("--profile profiles/mine --configfile one.yaml b.yaml", {}, ""),
        ("--profile profiles/mine --config device=cuda seeds={count: 2}", {}, None),
        ("--profile profiles/mine --configfile b.yaml", {}, "one.yaml would .* one.yaml b.yaml$"),
        ("--workflow-profile mine --configfile b.yaml", {}, "one.yaml would be left out"),
        ("--configfile b.yaml", MINE, "one.yaml would be left out"),
        (
            "--profile profiles/mine --config device=cuda",
            {},
            r"seeds=\{'count': 3\} would .* --config seeds=\{'count': 3\} device=cuda$",
        ),
        ("--replace-workflow-config --configfile b.yaml", {}, "--replace-workflow-config: jobs"),
    ],
)
def test_what_profiles_ask_for_is_in_force(
    folder: Path, arguments: str, environment: dict[str, str], words: str | None
) -> None:
    if words is None:
        arguments = arguments.replace(": ", ":")
    if not words:
        run(folder, arguments, environment)
        return
    with pytest.raises(SettingsError, match=words):
        run(folder, arguments, environment)


def test_a_report_is_asked_for_on_the_command_line_only(folder: Path) -> None:
    (folder / "profiles/default/config.yaml").write_text("report: report.html\n", encoding="utf-8")
    with pytest.raises(
        SettingsError, match=r"default/config\.yaml: report: .*write --report there"
    ):
        run(folder, "")


def test_the_command_line_of_another_program_says_nothing() -> None:
    taken = SimpleNamespace(replace_workflow_config=False, configfiles=[], config_args=[])
    commandline.check_run(["/bin/pytest", "--configfile", "a.yaml"], taken, {}, Path())
    with pytest.raises(SettingsError, match=LEFT_OUT):
        commandline.check_run(["/x/snakemake/__main__.py", "-Ca=1"], taken, {}, Path())


def test_files_are_told_in_the_order_that_they_override_each_other() -> None:
    asked = [Asked(files=[Path("b")]), Asked(files=[Path("a"), Path("b")])]
    commandline.check(asked)
    with pytest.raises(SettingsError, match=r"--configfile c b a$"):
        commandline.check(asked, [Asked(files=[Path("c")])])
