"""Makes a seed of a stored article, and takes it back, for the web page and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from monitor.store import matches
from monitor.store.db import Session
from monitor.store.matches import StoredArticle
from monitor.topics import seed_writer
from monitor.topics.seed_writer import SeedFileError, SeedText, WrittenSeed
from monitor.types.matching import Grade


def make_seed(session: Session, article_id: int, topic: str, *, root: Path, is_counter: bool) -> WrittenSeed | None:
    """Write an article into the topic's folder under `root` as a seed or counter-seed; None for an unknown article.

    Raises SeedFileError, saying what to do, where it cannot be written.
    """
    article = matches.article(session, article_id)
    if article is None:
        return None
    if article.grade == Grade.WALL:
        said = "What was read of this article is a consent or paywall page"
        mend = "open the article and save its text by hand"
        raise SeedFileError(f"{said}: {mend}", said=f"{said}. {mend.capitalize()}.")
    return seed_writer.write_seed(_folder(root, topic), _seed_text(article), is_counter=is_counter)


def take_back(session: Session, article_id: int, topic: str, file: str, *, root: Path, is_counter: bool) -> bool:
    """Remove the file that `make_seed` wrote of that article; False where it holds something else by now, or is gone."""
    article = matches.article(session, article_id)
    if article is None:
        return False
    try:
        return seed_writer.remove_seed(_folder(root, topic), file, _seed_text(article), is_counter=is_counter)
    except (SeedFileError, OSError):
        return False


def taking(root: Path | None, topics: Iterable[str]) -> frozenset[str]:
    """Of these topics those that have a folder under `root`, so that seeds can be written: a topic that was removed has none."""
    return frozenset(each for each in topics if root and _is_name(each) and (root / each).is_dir())


def _is_name(topic: str) -> bool:
    return topic == Path(topic).name and not topic.startswith(".")


def _folder(root: Path, topic: str) -> Path:
    if not _is_name(topic):
        raise SeedFileError(f'"{topic}" names no topic', said="There is no such topic.")
    return root / topic


def _seed_text(article: StoredArticle) -> SeedText:
    return SeedText(
        title=article.title,
        text=article.text,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
    )
