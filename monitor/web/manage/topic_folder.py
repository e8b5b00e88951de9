"""What the pages of topics and of drafts share: the folder of seeds, and faults of it in words for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException

from monitor.review import topics as review
from monitor.store.db import Database
from monitor.text.tokens import clean_line
from monitor.topics.feed_languages import UnmatchedFeeds, unmatched
from monitor.topics.folders import TopicFolderError
from monitor.topics.seed_writer import SeedFileError
from monitor.types.matching import Topic


class TopicFolderPages:
    """Pages that read and write the folder of seeds."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        root: Path | None,
        *,
        embedder_problem: str = "",
    ) -> None:
        """`root` is the folder of seeds; without it topics can be looked at and not changed."""
        self.db, self.clock, self._root = db, clock, root
        self._embedder_problem = embedder_problem

    def _folder(self) -> Path:
        if self._root is None:
            raise HTTPException(409, "The monitor has no folder of seeds here. Nothing was changed.")
        return self._root

    def _fit(self, topic: Topic) -> Sequence[UnmatchedFeeds]:
        """The feeds that this topic alone could not match, by language."""
        with self.db.reading() as session:
            languages = review.feed_languages(session)
        return unmatched([topic.outline], languages, embedder_problem=self._embedder_problem)

    def _plain(self, text: str) -> str:
        """What is said of files, without the path of the folder of seeds."""
        return clean_line(text.replace(f"{self._root}/", "") if self._root else text, limit=2_000)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except SeedFileError as error:
            raise HTTPException(409, error.public_message) from error
        except TopicFolderError as error:
            said = self._plain(str(error))
            raise HTTPException(409, f"{said[:1].upper()}{said[1:]}. Nothing was changed.") from error


def link_of(name: str) -> str:
    return f"/topic/{quote(name, safe='')}"


def draft_link(name: str) -> str:
    return f"/draft/{quote(name, safe='')}"
