"""Which feeds no topic can match, as their language is one that no topic has words in, or that every topic leaves out. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.text.language import UNKNOWN, normalize
from monitor.text.language_names import language_name
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
    who: str = "no topic can"
    """Which topics cannot: of one alone `this topic cannot`, as others may."""

    @property
    def says(self) -> str:
        """The feeds and the reason in a sentence."""
        names = ", ".join(self.feeds[:_SHOWN])
        names += f" and {len(self.feeds) - _SHOWN} more" if len(self.feeds) > _SHOWN else ""
        verb = "publishes" if len(self.feeds) == 1 else "publish"
        return f"{self.who} match what {names} {verb} in {language_name(self.language)}: {self.why}"

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


def unmatched_by(
    topic: TopicOutline, languages: Mapping[str, str], *, embedder_problem: str
) -> tuple[UnmatchedFeeds, ...]:
    """As `unmatched`, of one topic, whatever others match. Where articles are compared by meaning a topic in any language matches
    those in any other, and there is nothing to say unless it leaves languages out itself."""
    found = []
    for each in unmatched([topic], languages, embedder_problem=embedder_problem):
        name = language_name(each.language)
        if not _follows(topic, each.language):
            why, mend = f"its `languages` leave {name} out", f"add {each.language} there, if it shall"
        else:
            why = f"neither its sentence nor an example is in {name}, and meaning is not compared ({embedder_problem})"
            mend = f"add an example in {name}, if it shall"
        found.append(replace(each, who="this topic cannot", why=why, mend=mend))
    return tuple(found)


def _follows(topic: TopicOutline, language: str) -> bool:
    return not topic.languages or language in {normalize(each) for each in topic.languages}
