"""What the pages of topics and of drafts share: the folder of seeds, and faults of it in words for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.review import topics as review
from monitor.store.db import Database
from monitor.text.tokens import clean_line
from monitor.topics import seed_writer
from monitor.topics.feed_languages import UnmatchedFeeds, unmatched_by
from monitor.topics.folders import TopicFolderError
from monitor.topics.seed_writer import SeedFileError, SeedText, write_seed
from monitor.types.errors import MonitorError
from monitor.types.matching import Topic
from monitor.web.manage.example_forms import FIELDS, FieldFault, examples_of
from monitor.web.pages import PageRequest
from monitor.web.tools import PageTools


class TopicFolderPages:
    """Pages that read and write the folder of seeds."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        root: Path | None,
        tools: PageTools,
        *,
        embedder_problem: str = "",
    ) -> None:
        """`root` is the folder of seeds; without it topics can be looked at and not changed."""
        self.db, self.clock, self._root, self._tools = db, clock, root, tools
        self._embedder_problem = embedder_problem

    def _folder(self) -> Path:
        if self._root is None:
            raise HTTPException(409, "The monitor has no folder of seeds here. Nothing was changed.")
        return self._root

    def _fit(self, topic: Topic) -> Sequence[UnmatchedFeeds]:
        """The feeds that this topic alone could not match, by language."""
        with self.db.reading() as session:
            languages = review.feed_languages(session)
        return unmatched_by(topic.outline, languages, embedder_problem=self._embedder_problem)

    # --- examples -----------------------------------------------------------------------------------------------------

    async def _add_examples(self, asked: PageRequest, place: Path) -> Mapping[str, str]:
        """Write what a form gives as examples, or counter-examples, of the topic in `place`. Returns what is wrong, by field; then
        nothing was written."""
        form = asked.form
        try:
            articles = await examples_of(form, asked.files, self._tools)
            if not articles:
                raise FieldFault("addresses", "paste an address or a text, or choose a file")
            await to_thread.run_sync(self._write, place / asked.name, articles, form.get("kind") == "counter")
        except (FieldFault, SeedFileError) as error:
            return self._faults(error, form)
        return {}

    def _write(self, folder: Path, articles: Sequence[SeedText], is_counter: bool) -> None:
        written: list[tuple[str, SeedText]] = []
        try:
            for each in articles:
                if (seed := write_seed(folder, each, is_counter=is_counter)).is_new:
                    written.append((seed.path.name, each))
        except SeedFileError:
            for file, article in written:
                seed_writer.remove_seed(folder, file, article, is_counter=is_counter)
            raise

    def _drop_example(self, asked: PageRequest, place: Path, link: str) -> Response:
        file = asked.form.get("file", "")
        with self._writing():
            name = seed_writer.set_aside(place, asked.name, file)
        return RedirectResponse(f"{link}?{urlencode({'dropped': file, 'as': name})}#made-of", 303)

    def _undrop_example(self, asked: PageRequest, place: Path, link: str) -> Response:
        with self._writing():
            seed_writer.bring_back(place, asked.name, asked.form.get("as", ""), asked.form.get("file", ""))
        return RedirectResponse(f"{link}?done=undropped#said", 303)

    # --- faults -------------------------------------------------------------------------------------------------------

    def _faults(self, error: MonitorError, form: Mapping[str, str]) -> Mapping[str, str]:
        """What is wrong, by the field of the form that it is about: of a name that was made of the title it is the title."""
        said = self._plain(error.public_message if isinstance(error, SeedFileError) else str(error))
        field = "name" if form.get("name", "").strip() else "title"
        if isinstance(error, FieldFault):
            field = error.field
        elif isinstance(error, SeedFileError):
            field = next((each for each in FIELDS if form.get(each, "").strip()), "files")
        return {field: f"{said[:1].upper()}{said[1:].rstrip('.')}."}

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


def dropped_of(query: Mapping[str, str]) -> Mapping[str, str] | None:
    """The example that was just taken out, with what it takes to put it back; None where the address names none."""
    file, name = query.get("dropped", ""), query.get("as", "")
    return {"file": file, "as": name} if file and name else None


def link_of(name: str) -> str:
    return f"/topic/{quote(name, safe='')}"


def draft_link(name: str) -> str:
    return f"/draft/{quote(name, safe='')}"
