"""Which feeds no topic can match, as their language is one that no topic has words in, or that every topic leaves out. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.text.language import UNKNOWN, normalize
from monitor.topics.sentence import word_languages
from monitor.types.matching import TopicOutline

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class UnmatchedFeeds:
    """Feeds in one language that no topic can match, why, and what would change that."""

    language: str
    feeds: tuple[str, ...]
    why: str
    mend: str

    @property
    def says(self) -> str:
        """The feeds and the reason in a sentence."""
        names = ", ".join(self.feeds[:_SHOWN])
        names += f" and {len(self.feeds) - _SHOWN} more" if len(self.feeds) > _SHOWN else ""
        verb = "publishes" if len(self.feeds) == 1 else "publish"
        return f"no topic can match what {names} {verb} in {self.language}: {self.why}"

    def __str__(self) -> str:
        return f"{self.says}; {self.mend}"


def unmatched(
    topics: Sequence[TopicOutline], languages: Mapping[str, str], *, embedder_problem: str
) -> tuple[UnmatchedFeeds, ...]:
    """The feeds that no topic can match, by language. `languages`: feed -> its language, `und` where it is not known.
    `embedder_problem`: why articles are not compared by meaning; '' where they are."""
    feeds: defaultdict[str, list[str]] = defaultdict(list)
    for name, language in sorted(languages.items()):
        feeds[normalize(language) or UNKNOWN].append(name)
    feeds.pop(UNKNOWN, None)
    if not topics:
        return ()
    found = []
    for language, names in sorted(feeds.items()):
        following = [each for each in topics if _follows(each, language)]
        if not following:
            why = f"every topic's `languages` in topic.toml leave{'s' * (len(topics) == 1)} {language} out"
            found.append(UnmatchedFeeds(language, tuple(names), why, f"add {language} there, or take the feed out"))
        elif embedder_problem and not any(language in word_languages(each) for each in following):
            why = f"no topic has a seed or a sentence in {language}, and meaning is not compared ({embedder_problem})"
            mend = f"install the embedder, or give a topic a seed in {language}"
            found.append(UnmatchedFeeds(language, tuple(names), why, mend))
    return tuple(found)


def _follows(topic: TopicOutline, language: str) -> bool:
    return not topic.languages or language in {normalize(each) for each in topic.languages}
