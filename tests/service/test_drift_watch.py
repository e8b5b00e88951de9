"""A topic that drifts: one notice with three examples, one when it is over, and the way back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.matching.tuning import DRIFT_MATCHES
from monitor.service.drift_watch import EVERY, DriftWatch
from monitor.store import migrate, topics
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.topics import SelfTrainingRow
from monitor.topics.seeds import load
from tests.conftest import NOON
from tests.fakes.command import Operator
from tests.store.test_contract import BRIDGE, CHANNELS, TOPIC, article, file, sync_channels

WORDS = BRIDGE.replace(".", "").split()


@pytest.fixture
def matcher() -> Matcher:
    return build([TOPIC], background=Background.shipped())


class Paper:
    """Prints stories that say so many of the topic's words, and looks at the notices."""

    def __init__(self, db: Database, matcher: Matcher) -> None:
        self.db, self.matcher, self.draw, self.count = db, matcher, random.Random(3), 0
        with db.writing() as session:
            sync_channels(session, **CHANNELS)
            topics.sync(session, [TOPIC], now=NOON)

    def prints(self, own: int, stories: int = DRIFT_MATCHES) -> None:
        left = stories
        with self.db.writing() as session:
            while left:
                self.count += 1
                noise = ["".join(self.draw.choices("aeioulmnrst", k=7)) for _ in range(6 + len(WORDS) - own)]
                mixed = [*self.draw.sample(WORDS, own), *noise]
                self.draw.shuffle(mixed)
                one = article(
                    guid=f"g{self.count}",
                    url=f"https://x.example/{self.count}",
                    title=f"Story {self.count} {' '.join(noise[:4])}",
                    text=" ".join(mixed),
                )
                filed = file(session, self.matcher, one)
                left -= bool(filed.decision.topics) and not filed.choice.of_article_id

    def looks(self, watch: DriftWatch, *, hours: float = 0) -> list[str]:
        watch.look([TOPIC], self.matcher, None, channels=CHANNELS, now=NOON + timedelta(hours=hours))
        with self.db.reading() as session:
            return [row.title for row in _alerts(session) if row.kind == "notice"]


def _alerts(session: Session) -> Sequence[AlertRow]:
    return session.exec(select(AlertRow).order_by(col(AlertRow.created_at))).all()


def test_drift_is_told_once_with_three_examples_and_once_when_it_is_over(db: Database, matcher: Matcher) -> None:
    paper, watch = Paper(db, matcher), DriftWatch(db)
    begun = f"The topic {TOPIC.name} has drifted from its sentence and seeds"
    over = f"The topic {TOPIC.name} matches what its sentence and seeds say again"
    paper.prints(38)
    assert paper.looks(watch) == [], "too few"
    paper.prints(37)
    assert paper.looks(watch) == []
    paper.prints(20)
    assert paper.looks(watch, hours=1) == [begun]
    assert paper.looks(watch, hours=2) == paper.looks(DriftWatch(db), hours=3) == [begun], "nor by another node"
    with db.reading() as session:
        body = next(row.payload["body"] for row in _alerts(session) if row.title == begun)
    assert len([line for line in body.splitlines() if line.startswith("- Story ")]) == 3
    assert f"monitor topics history {TOPIC.name} --restore N" in body
    paper.prints(38, stories=DRIFT_MATCHES - 1)
    assert paper.looks(watch, hours=4) == [begun], "not before all of the latest are new"
    paper.prints(38, stories=2)
    assert paper.looks(watch, hours=5) == [begun, over]
    assert paper.looks(watch, hours=6) == [begun, over]


def test_it_is_looked_at_every_few_hours(db: Database) -> None:
    watch = DriftWatch(db)
    assert watch.is_due(NOON)
    watch.look([], build([], background=Background.shipped()), None, channels={}, now=NOON)
    assert not watch.is_due(NOON + EVERY / 2)
    assert watch.is_due(NOON + EVERY)


def test_history_puts_a_topic_back_and_it_forgets_what_it_learned(tmp_path: Path) -> None:
    desk = Operator(tmp_path)
    toml = 'title = "Bridges"\ndescription = "Bridges \\"that\\" crack"\nrequired = ["bridge"]\nchannels = []\n'
    desk.follows("bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}", toml=toml)
    folder = desk.seeds / "bridge"
    (folder / "not").mkdir()
    (folder / "not" / "ferry.md").write_text(
        "# Ferry late\n\nThe ferry was late on Tuesday because of fog on the river."
    )
    [first] = load(desk.seeds).topics
    desk.store.parent.mkdir(exist_ok=True)
    db = Database(f"sqlite:///{desk.store}")
    migrate.upgrade(db)
    with db.writing() as session:
        topics.sync(session, [first], now=NOON)
        matcher = build([TOPIC], background=Background.shipped())
        before, after = (file(session, matcher, article(guid=guid), now=NOON) for guid in ("a", "b"))
        for filed, at in ((before, NOON - timedelta(days=1)), (after, NOON + timedelta(days=1))):
            session.merge(SelfTrainingRow(topic="bridge", article_id=filed.article_id, weight=1.0, created_at=at))
    (folder / "seed0.txt").write_text("Apples\n\nApples were sold at the market all day, and the traders were content.")
    (folder / "topic.toml").write_text('title = "Apples"\nchannels = ["desk"]\n')
    with db.writing() as session:
        topics.sync(session, list(load(desk.seeds).topics), now=NOON + timedelta(hours=1))
        revision = topics.latest_revision(session)
    said = desk.run("topics", "history", "bridge", "--restore", "1")
    assert said.exit_code == 0, said
    assert "forgot 1 article that it learned" in said.stdout
    [back] = load(desk.seeds).topics
    for name in ("title", "description", "required", "excluded", "sensitivity", "languages"):
        assert getattr(back, name) == getattr(first, name), name
    assert [(each.title, each.text, each.language, each.is_counter) for each in back.seeds] == [
        (each.title, each.text, each.language, each.is_counter) for each in first.seeds
    ]
    assert back.channels == ("desk",), "what no version has stays"
    assert len(list((desk.seeds / ".removed").iterdir())) == 1
    with db.reading() as session:
        assert topics.latest_revision(session) > revision, "daemons build the model anew"
    db.close()
    assert desk.run("topics", "history", "bridge", "--restore", "9").exit_code == 3
