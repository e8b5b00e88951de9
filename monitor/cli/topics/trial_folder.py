"""Which topics are tried: those of the folder that is named, with what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from monitor.cli import base
from monitor.topics import seeds
from monitor.topics.seeds import LoadedTopics
from monitor.types.errors import ConfigError


def folder_of(cli: base.Cli, given: Path) -> Path:
    """The folder that is named, or that of the topic of this name in the folder of seeds."""
    if given.exists() or given.name != str(given):
        return given
    try:
        named = cli.settings.seeds.dir / given
    except ConfigError:
        return given
    return named if named.is_dir() else given


def load_tried(folder: Path) -> LoadedTopics:
    """The topic of a folder, or all topics of a folder of topics; faults are reported. Raises ConfigError where there is none."""
    if not folder.is_dir():
        wrong = "it is a file" if folder.exists() else "no such folder"
        raise ConfigError(f"{folder}: {wrong}; name a folder that holds a topic's seeds")
    shelf = seeds.load_one(folder) if is_topic(folder) else seeds.load(folder)
    for fault in shelf.faults:
        base.complain(f"fault: {fault}")
    for warning in shelf.warnings:
        base.complain(f"warning: {warning}")
    usable = [each for each in shelf.topics if each.is_enabled]
    if shelf.topics and not usable:
        raise ConfigError(f"{folder}: turned off by `enabled = false` in topic.toml; take that line out to try it")
    if not usable:
        raise ConfigError(
            f"{folder}: no topic to try: put at least one article (.txt, .md or .html) into it, or a topic.toml with a description"
        )
    return shelf


def is_topic(folder: Path) -> bool:
    """Whether the folder contains seeds, rather than folders of seeds."""
    names = [
        each for each in folder.iterdir() if not each.name.startswith((".", "_")) and each.stem.upper() != "README"
    ]
    is_seed = any(each.suffix.lower() in seeds.SUFFIXES for each in names if each.is_file())
    return (
        is_seed or any(each.name in ("topic.toml", "not") for each in names) or not any(each.is_dir() for each in names)
    )


def one_topic_folder(shelf: LoadedTopics, folder: Path) -> Path:
    if not is_topic(folder):
        names = ", ".join(each.name for each in shelf.topics)
        raise ConfigError(f"--confirm and --dismiss need one topic: name its folder, as {folder}/TOPIC ({names})")
    return folder
