"""The overview over both databases: everything is counted by the spans that were asked for."""

from __future__ import annotations

from datetime import UTC, timedelta

from monitor.review.kept import KeptValues
from monitor.review.overview import find_overview
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.deliveries import DeliveryRow
from tests.web.test_web import NOW, fill, has_article, has_feed, has_topic


def test_everything_is_counted(db: Database) -> None:
    days = (0, 0, 1, 6, 8, 27, 28, 40)
    fill(db, has_topic("talks"), has_topic("quiet"), has_feed("bbc", title="BBC"))
    fill(
        db,
        *(
            has_article(
                f"No {n}", topic="talks", source="bbc", found_at=NOW - timedelta(days=day), is_relevant=n % 2 == 0
            )
            for n, day in enumerate(days)
        ),
        *(
            has_article(f"Old {n}", topic="talks", found_at=NOW - timedelta(days=40), is_relevant=True)
            for n in range(12)
        ),
        lambda session: session.add(AlertRow(id="a", key="a", kind="new", topic="talks", story_id=1, created_at=NOW)),
        lambda session: session.add(AlertRow(id="n", key="n", kind="notice", created_at=NOW)),
        lambda session: session.add(AlertTopicRow(alert_id="a", topic="talks", key="k")),
    )
    for state, channel, took in (("sent", "desk", 3), ("sent", "mail", 60), ("held", "mail", 0)):
        row = DeliveryRow(
            alert_id="a" if channel == "desk" or state == "sent" else "n",
            channel=channel,
            state=state,
            created_at=NOW,
            next_at=NOW,
            sent_at=NOW + timedelta(seconds=took) if state == "sent" else None,
        )
        fill(db, lambda session, row=row: session.add(row))  # type: ignore[misc]
    with db.reading() as session:
        known = KeptValues(db, lambda: NOW).known(session)
        found = find_overview(session, known, zone=UTC, now=NOW)
    talks, quiet = found.topics
    assert (talks.title, sum(talks.matches), talks.matches[-1], talks.matches[0], sum(talks.alerts)) == (
        "Talks",
        6,
        2,
        1,
        1,
    )
    assert (talks.confirmed, talks.judged) == (3, 6), "of these days"
    assert sum(quiet.matches) == 0
    assert (found.stories_today, found.alerts_today) == (2, 1)
    assert [(each.confirmed, each.judged) for each in found.weeks] == [(12, 13)]
    assert found.judged == 20
    assert found.publishers == (("BBC", 4),)
    assert found.languages == (("en", 4),)
    assert [(each.channel, each.p95.total_seconds()) for each in found.speeds] == [("desk", 3), ("mail", 60)]
    assert (found.held_back, found.waiting) == ((), 1)
