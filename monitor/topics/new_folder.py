"""Makes the folder of a new topic, whole or not at all: it is written beside the others under a hidden name, read as any topic is,
and only then moved into place, so that a daemon never reads half of it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.text.tokens import clean_line
from monitor.topics import seeds
from monitor.topics.folders import TopicFolderError, check_name
from monitor.topics.seed_writer import SeedText, write_seed
from monitor.types.matching import Topic


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic's folder that was made, as it was read."""

    folder: Path
    topic: Topic
    warnings: tuple[str, ...]


def check_free(root: Path, name: str) -> None:
    """Raises TopicFolderError where a topic cannot have this name, or something has it already."""
    check_name(name)
    if (root / name).exists():
        raise TopicFolderError(
            f"{root / name} is there already: choose another name; to change that topic, edit its files"
        )


def make(
    root: Path, name: str, *, title: str = "", description: str = "", articles: Sequence[SeedText | Path] = ()
) -> NewTopic:
    """Make the folder; articles are texts to write, or files to copy. Raises TopicFolderError, and then nothing was made."""
    check_free(root, name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=root, ignore_cleanup_errors=True) as place:
            return _made(Path(place) / name, root / name, _topic_toml(title, description), articles)
    except OSError as error:
        mend = "let this user write the folder of the seeds, and read the files"
        raise TopicFolderError(f"{root / name} cannot be made ({error.strerror}: {error.filename}): {mend}") from error


def _made(draft: Path, target: Path, topic_toml: str, articles: Sequence[SeedText | Path]) -> NewTopic:
    draft.mkdir(mode=0o755)
    if topic_toml:
        (draft / seeds.TOPIC_TOML).write_text(topic_toml, encoding="utf-8")
    for article in articles:
        _add(draft, article)
    read = seeds.load_one(draft)
    faults, warnings = (
        tuple(each.replace(str(draft), str(target)) for each in found) for found in (read.faults, read.warnings)
    )
    if faults or not read.topics:
        raise TopicFolderError("\n".join(["the topic was not made:", *faults]))
    if target.exists():
        raise TopicFolderError(f"{target} has just been made by somebody else: choose another name")
    draft.rename(target)
    return NewTopic(target, read.topics[0], warnings)


def _add(draft: Path, article: SeedText | Path) -> None:
    if isinstance(article, SeedText):
        write_seed(draft, article, is_counter=False)
    elif (draft / article.name).exists():
        raise TopicFolderError(f"{article}: another of the files has this name: rename one of the two")
    else:
        shutil.copyfile(article, draft / article.name)


def _topic_toml(title: str, description: str) -> str:
    """Its lines; a text in JSON's quotes is one in TOML's."""
    said = {"title": clean_line(title, limit=2_000), "description": clean_line(description, limit=20_000)}
    return "".join(f"{key} = {json.dumps(text, ensure_ascii=False)}\n" for key, text in said.items() if text)
