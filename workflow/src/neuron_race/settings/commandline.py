"""What the command line and profiles of Snakemake ask of the configuration, all of it in force.

Of an option that is given twice Snakemake takes the last, and of a profile what the command line
does not give, without a word.
"""

import argparse
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_race.common.validation import SettingsError

# Snakemake's options of one letter and no value: others may follow in the same word (-nC a=1).
FLAGS = "DFSafhklnptv"

LEFT_OUT = (
    "would be left out, for Snakemake takes one such option, and that of the command line before "
    "that of a profile; write them all after one"
)


@dataclass(frozen=True)
class Asked:
    """What one option, or a profile, asks for.

    Attributes:
        files: configuration files.
        options: settings, ``key=value``.
    """

    files: Sequence[Path] = ()
    options: Sequence[str] = ()


def parse(arguments: Sequence[str]) -> tuple[list[Asked], argparse.Namespace]:
    """Each ``--configfile`` and ``--config``, in order, and folder and profiles beside them.

    Snakemake's own parser takes a fifth of a second to make. Of options that start with
    ``--configfile`` it takes no abbreviation.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="append", default=[])
    parser.add_argument("--config", "-C", nargs="*", action="append", default=[])
    parser.add_argument("--directory", "-d", type=Path)
    parser.add_argument("--profile", action="append")
    parser.add_argument("--workflow-profile")
    for flag in FLAGS:
        parser.add_argument(f"-{flag}", action="store_true")
    known, _ = parser.parse_known_args(arguments)
    asked = [Asked(files=[Path(name) for name in names]) for names in known.configfile]
    return asked + [Asked(options=options) for options in known.config], known


def profiles(known: argparse.Namespace, environment: Mapping[str, str], root: Path) -> list[Asked]:
    """What the profiles of a run ask for, looked for as Snakemake does in the present folder.

    Args:
        known: see :func:`parse`.
        environment: where a variable may name a profile.
        root: folder of the Snakefile.

    Raises:
        SettingsError: a profile asks for a report.
    """
    from snakemake.cli import get_profile_dir
    from snakemake.profiles import ProfileConfigFileParser

    named = known.profile or [environment.get("SNAKEMAKE_PROFILE", "none")]
    own = known.workflow_profile or "default"
    beside = [Path(own), Path("profiles") / own, root / "profiles" / own]
    found = [str(path) for path in beside if path.exists()][: own != "none"]
    asked = []
    for name in [*(name for name in named if name != "none"), *found]:
        entry = get_profile_dir(name)
        if entry is None:
            continue
        with open(entry[1], encoding="utf-8") as stream:
            content = ProfileConfigFileParser().parse(stream)
        if "report" in content:
            raise SettingsError(
                f"{entry[1]}: report: a report shows what is there, and what it would show is "
                "checked only where the command line asks for it; write --report there"
            )
        files, options = (
            [value] if isinstance(value, str) else list(value)
            for value in (
                content.get("configfile", content.get("configfiles", [])),
                content.get("config", []),
            )
        )
        asked.append(Asked([Path(name) for name in files], options))
    return asked


def check(
    given: Sequence[Asked],
    profiles: Sequence[Asked] = (),
    files: Iterable[Path] | None = None,
    options: Iterable[str] | None = None,
) -> None:
    """Refuse a command line of which something is not in force.

    What a profile sets may be set otherwise on the command line.

    Args:
        given: what each option of the command line asks for.
        profiles: what each profile asks for.
        files: configuration files in force; by default those that Snakemake takes of ``given``.
        options: settings in force, ``key=value``; by default as with files.

    Raises:
        SettingsError: what is not in force, and what to write.
    """
    if files is None:
        files = next((one.files for one in reversed(given) if one.files), [])
    if options is None:
        options = next((one.options for one in reversed(given) if one.options), [])
    faults = []
    asked = [*profiles, *given]
    in_force = {Path(path).absolute() for path in files}
    wanted = list(dict.fromkeys(path for one in asked for path in one.files))
    if lost := [str(path) for path in wanted if path.absolute() not in in_force]:
        faults.append(
            f"--configfile: {', '.join(lost)} {LEFT_OUT}: --configfile {' '.join(map(str, wanted))}"
        )
    entries = list(dict.fromkeys(option for one in given for option in one.options))
    keys = [_key(entry) for entry in entries]
    for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
        twice = " and ".join(entry for entry in entries if _key(entry) == key)
        faults.append(f"--config: {key} is given more than once: {twice}; write one of them")
    entries = [o for one in profiles for o in one.options if _key(o) not in keys] + entries
    there = {_key(option) for option in options}
    if lost := [entry for entry in entries if _key(entry) not in there]:
        faults.append(f"--config: {', '.join(lost)} {LEFT_OUT}: --config {' '.join(entries)}")
    if faults:
        raise SettingsError("\n".join(faults))


def check_run(
    arguments: Sequence[str], settings: Any, environment: Mapping[str, str], root: Path
) -> None:
    """Refuse the command line of a run of which something is not in force; see :func:`check`.

    Args:
        arguments: of the process, with its name; nothing is known of another one than Snakemake.
        settings: Snakemake's ``config_settings``.
        environment: of the process.
        root: folder of the Snakefile.
    """
    if settings.replace_workflow_config:
        raise SettingsError(
            "--replace-workflow-config: jobs would read config/config.yaml all the same; leave it "
            "out, overlays change single keys"
        )
    name = Path(arguments[0])
    if "snakemake" not in (name.stem, name.parent.name):
        return
    given, known = parse(arguments[1:])
    with contextlib.chdir(_start(given, settings.configfiles, known, environment)):
        check(given, profiles(known, environment, root), settings.configfiles, settings.config_args)


def _start(
    given: Sequence[Asked],
    files: Sequence[Path],
    known: argparse.Namespace,
    environment: Mapping[str, str],
) -> Path:
    """Folder that the run was started in: with ``--directory`` the present one is another.

    It is told by the files in force, which Snakemake has made absolute.
    """
    if known.directory is None:
        return Path.cwd()
    last = next((one.files for one in reversed(given) if one.files), [])
    for short, long in zip(last, files, strict=False):
        parts = len(short.parts)
        if not short.is_absolute() and long.parts[-parts:] == short.parts:
            return Path(*long.parts[:-parts])
    there = Path(environment.get("PWD", ""))
    return there if there.is_absolute() and there.is_dir() else Path.cwd()


def _key(option: str) -> str:
    return option.partition("=")[0]
