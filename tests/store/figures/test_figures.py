"""What pages show of feeds and deliveries, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.feeds import importing
from monitor.store import archive, settings
from monitor.store.db import Database
from monitor.store.feeds import feed_reports
from monitor.store.figures import deliveries
from monitor.store.figures import feeds as figures
from monitor.store.tables.articles import EntryRow
from monitor.web.app import create_app
from monitor.web.manage.day_picture import starts_of_days
from tests.feeds.test_opml import feed, opml
from tests.web.manage.test_alert_pages import has_channel, is_now, told
from tests.web.test_web import NOW, WELL, WebSettings, browsing, fill, has_article, has_feed, has_topic


def an_entry(db: Database, number: int, days: int, topic: str = "") -> None:
    at = NOW - timedelta(days=days)
    match = {"topic": topic, "found_at": at} if topic else {}
    fill(
        db,
        has_article(f"Number {number}", source="bbc", url=f"https://news.example/{number}", seen_at=at, **match),
        lambda session: session.add(
            EntryRow(feed_id=1, guid_key=number, guid="g", content_key=1, article_id=number, first_seen_at=at)
        ),
    )


def test_entries_and_matches_are_counted_by_day(db: Database) -> None:
    fill(db, has_topic("talks"), has_topic("trade"), has_feed("bbc"), has_feed("tass"))
    for number, (days, topic) in enumerate([(0, ""), (0, "talks"), (3, "talks"), (3, ""), (20, "talks")], 1):
        an_entry(db, number, days, topic)
    starts = starts_of_days(NOW)
    with db.reading() as session:
        came = figures.entries_a_day(session, ["bbc", "tass"], starts)
        matched = figures.matches_a_day(session, ["bbc", "tass"], starts)
        latest = figures.latest_entries(session, "bbc", limit=3)
        assert archive.since_of_latest(session, 2) == NOW - timedelta(days=20)
        assert archive.since_of_latest(session, 99) == NOW - timedelta(days=20)
    assert came == {"bbc": [*[0] * 10, 2, 0, 0, 2]}
    assert matched == {"bbc": [*[0] * 10, 1, 0, 0, 1]}
    assert [(each.title, each.topics) for each in latest] == [
        ("Number 2", ("talks",)), ("Number 1", ()), ("Number 4", ()),
    ]  # fmt: skip


def test_latency_and_refusals(db: Database) -> None:
    fill(db, has_channel("desk"), has_channel("mail"))
    for number in range(20):
        id = f"alt_{number}"
        fill(db, told(id), is_now("sent", id=id, took=number + 1))
    fill(db, told("alt_old", "mail"), is_now("pending", id="alt_old", detail="first", tries=1))
    fill(db, told("alt_new", "mail"), is_now("held", id="alt_new", detail="then", tries=1))
    with db.reading() as session:
        found = deliveries.latency(session, "desk", since_at=NOW - timedelta(days=1))
        assert deliveries.last_refusals(session) == {"mail": "then"}
    assert found is not None
    assert (found.p50_for, found.p95_for) == (timedelta(seconds=10), timedelta(seconds=19))


def test_a_list_is_imported_and_a_feed_changed_and_made_due(db: Database) -> None:
    document = opml(feed("https://a.example/rss", "A"), feed("https://b.example/rss", "B"))
    for added in (2, 0):
        with db.writing() as session:
            found = importing.import_feeds(session, document, usual_seconds=900, now=NOW)
        assert sum(each.verdict is importing.Verdict.ADDED for each in found.judged) == added
    with db.writing() as session:
        settings.pause_feed(session, "a-example")
        assert not settings.poll_now(session, "a-example", now=NOW)
        assert settings.poll_now(session, "b-example", now=NOW + timedelta(hours=1))
    with db.reading() as session:
        assert [each.name for each in feed_reports.of_all(session)] == ["a-example", "b-example"]


def test_every_page_of_what_is_managed_answers(db: Database, tmp_path: Path) -> None:
    fill(db, has_topic("talks"), has_feed("bbc"), has_channel("desk"), told(), is_now("sent"))
    an_entry(db, 1, 0, "talks")
    app = create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, seeds=tmp_path)
    with browsing(app) as client:
        for path in ("/feeds", "/feed/bbc", "/feeds/export", "/topics", "/channels", "/alerts?state=sent&channel=desk"):
            assert client.get(path).status_code == 200, path
        assert client.get("/alert/alt_one").status_code == 200
