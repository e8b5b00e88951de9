"""What the store can teach the matcher: verdicts, the topics' own confident matches, ordinary articles. Reads only.

The daemon, a backtest and `explain` all learn here, so all of them score alike from the same store.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import Session

from monitor.background import ARCHIVE, ARCHIVE_CHARACTERS, Background, mark
from monitor.calibrate import Calibration, calibrate
from monitor.learn import MOST_HITS
from monitor.match import CONFIDENT, SHIFT, Matcher, build
from monitor.store import archive, judged, topics
from monitor.types import Topic


def learned(session: Session, wanted: Sequence[Topic]) -> Matcher:
    """The model of these topics with all that the store knows."""
    return build(
        wanted,
        background=background(session),
        examples=topics.examples(session),
        # copies teach once, so ask for more rows than are learned from
        hits=topics.hits(
            session, [each.name for each in wanted], at_least=CONFIDENT, shift=SHIFT, limit_each=2 * MOST_HITS
        ),
        calibration=calibration(session),
    )


def relearned(session: Session, wanted: Sequence[Topic], before: Matcher, stale: Collection[str]) -> Matcher:
    """The same for less: only the models of `stale` topics are made anew, on the background of `before`; those of the others are
    taken from there, with all they have learned."""
    known = {each.name for each in before.topics}
    changed = [each for each in wanted if each.is_enabled and (each.name in stale or each.name not in known)]
    names = [each.name for each in changed]
    fresh = build(
        changed,
        background=before.background,
        examples=topics.examples(session, names),
        hits=topics.hits(session, names, at_least=CONFIDENT, shift=SHIFT, limit_each=2 * MOST_HITS),
        calibration=calibration(session),
    )
    return before.with_topics(wanted, fresh)


def calibration(session: Session) -> Calibration:
    """How likely a match is wanted, by all verdicts that stand."""
    return calibrate(judged.verdicts(session))


def background(session: Session) -> Background:
    """What is ordinary by this archive, as of its last mark."""
    up_to = last_mark(session)
    if not up_to:
        return Background.shipped()
    found = archive.sample(session, up_to=up_to, limit=ARCHIVE, characters=ARCHIVE_CHARACTERS)
    return Background.shipped().with_documents(found)


def last_mark(session: Session) -> int:
    """The mark that the archive has reached; where it changes, the matcher is built anew."""
    return mark(archive.newest(session))
