"""Bursts of entries that are no news: held back and reported in one notice; and bursts that are news, which give alerts as
usual."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.polling.bursts import PollCounts, count_undated, is_archive, is_notable, is_template_change
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from tests.conftest import SetClock
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom
from tests.polling.test_days import BRIDGE, OLD, item

NOON = datetime(2021, 10, 20, 12, tzinfo=UTC)
SYLLABLES = "bal dor fen gar hul jin kel lom mar nes pol rud sem tor vul wes".split()
ABOUT = "Marrow bridge|piers|cracks|lorries|the council|ferry services|divers|Marrow bridge|repairs|stone piers".split(
    "|"
)


def story(number: int, *, at: str | None = "2021-10-20T12:30:00+00:00", version: str = "", end: str = "") -> tuple:
    """One of many articles on the bridge, each worded differently."""
    pick = random.Random(number)

    def word() -> str:
        return "".join(pick.choices(SYLLABLES, k=3))

    sentences = (
        f"{word().capitalize()} {word()} {pick.choice(ABOUT)} {word()} {pick.choice(ABOUT)} {word()}." for _ in range(9)
    )
    title = f"{word().capitalize()} and {word().capitalize()} at the Marrow bridge"
    text = f"{' '.join(sentences)} {end}"
    return (title, f"https://herald.example/{version}s{number}", f"{version}guid-{number}", text, at)


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site) -> Iterator[Newsroom]:
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}", toml='sensitivity = "broad"\n')
        room.reads("herald", site.url("/feed"), title="The Herald")
        site.publishes("/feed", rss(OLD))
        room.polls()
        clock.passes(minutes=20)
        yield room


def notices(room: Newsroom) -> list[AlertRow]:
    return [row for row in room.rows(AlertRow) if row.kind == "notice"]


def shows(room: Newsroom, site: Site, clock: SetClock, *items: tuple) -> None:
    site.publishes("/feed", rss(*items))
    room.polls()
    clock.passes(minutes=20)


def dated(number: int, **changes: str) -> tuple:
    """Give it the date at which it was written, as news have."""
    at = NOON - timedelta(minutes=17 * number)
    return story(number, at=at.isoformat(), **changes)


def test_changed_guids_are_one_notice_however_long_it_lasts(room: Newsroom, site: Site, clock: SetClock) -> None:
    shows(room, site, clock, *(dated(n) for n in range(14)))
    told = len(room.rows(AlertRow))
    for version in ("a", "b", "c"):
        again = [dated(n) for n in range(14)]
        shows(room, site, clock, *((title, url, f"{version}-{guid}", text, at) for title, url, guid, text, at in again))
    (notice,) = notices(room)
    assert notice.title == "The feed The Herald showed 14 entries as new, 14 of which we had"
    assert len(room.rows(AlertRow)) == told + 1
    assert len(room.rows(ArticleRow)) == 15
    clock.passes(hours=30)
    shows(room, site, clock, *((title, url, f"d-{guid}", text, at) for title, url, guid, text, at in again))
    assert len(notices(room)) == 2, "the next storm is told again"


def test_moved_to_another_address_with_other_guids_the_rest_is_judged_as_ever(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    shows(room, site, clock, *(dated(n) for n in range(14)))
    before = [row.kind for row in room.rows(AlertRow)].count("new")
    news = item(1, "Marrow bridge closed to lorries as piers crack", BRIDGE, at="2021-10-20T12:40:00+00:00")
    shows(room, site, clock, news, *(dated(n, version="moved/") for n in range(14)))
    (notice,) = notices(room)
    assert notice.title == "The feed The Herald showed 15 entries as new, 14 of which we had"
    assert "the other one was handled as usual" in notice.payload["body"]
    assert room.reasons()[news[0]] == "ALERTED"
    assert [row.kind for row in room.rows(AlertRow)].count("new") == before + 1


@pytest.mark.parametrize("at", [None, "2021-10-20T12:20:00+00:00", "2099-01-01T00:00:00+00:00"])
def test_an_archive_put_out_again_is_stored_and_told_in_one_notice(
    room: Newsroom, site: Site, clock: SetClock, at: str | None
) -> None:
    shows(room, site, clock, *(story(n, at=at) for n in range(60)))
    assert [row.kind for row in room.rows(AlertRow)] == ["notice"]
    assert len(room.rows(ArticleRow)) == 61
    matches = room.rows(MatchRow)
    assert len(matches) > 5
    held = [row for row in matches if row.reason == "STORM"]
    (notice,) = notices(room)
    assert notice.title == f"The feed The Herald brought 60 entries at once, {len(held)} of them on your topics"
    assert notice.payload["body"].count("\n- ") == min(20, len(held))
    news = item(1, "Marrow bridge closed to lorries as piers crack", BRIDGE, at="2021-10-20T12:50:00+00:00")
    shows(room, site, clock, news, *(story(n, at=at) for n in range(60)))
    assert room.reasons()[news[0]] == "ALERTED"


def test_after_a_day_without_an_answer_what_was_missed_is_told_and_not_taken_for_an_archive(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    site.goes_down()
    room.lives(hours=24, step_minutes=60)
    site.comes_back()
    now = clock()
    missed = [story(n, at=(now - timedelta(minutes=23 * n)).isoformat()) for n in range(60)]
    site.publishes("/feed", rss(*missed))
    room.lives(hours=26, step_minutes=60)
    reasons = list(room.reasons().values())
    assert "STORM" not in reasons
    assert reasons.count("ALERTED") > 5


def test_a_new_template_is_no_news_for_each_of_its_articles(room: Newsroom, site: Site, clock: SetClock) -> None:
    for start in range(0, 24, 6):
        shows(room, site, clock, *(dated(n) for n in range(start, start + 6)))
    shows(room, site, clock, *(dated(n) for n in range(24)))
    told = len(room.rows(AlertRow))
    shows(room, site, clock, *(dated(n, end=f"Copyright {2000 + n}, {n + 3} comments.") for n in range(24)))
    assert [row.kind for row in room.rows(AlertRow)][told:] in (["notice"], [])
    assert "updated" not in [row.kind for row in room.rows(AlertRow)]
    (notice,) = notices(room)
    assert notice.title == "The feed The Herald changed 24 of its entries at once"


def test_a_new_feed_that_holds_what_another_showed_is_asked_about(room: Newsroom, site: Site, clock: SetClock) -> None:
    shows(room, site, clock, *(dated(n) for n in range(14)))
    site.publishes("/twin", rss(*(dated(n) for n in range(14))))
    room.reads("twin", site.url("/twin"), title="The Herald again")
    room.polls()
    (notice,) = notices(room)
    assert notice.title == "The new feed The Herald again holds 14 entries, 14 of which we had from other feeds"


def test_a_storm_is_remembered_by_its_feed(room: Newsroom, site: Site, clock: SetClock) -> None:
    shows(room, site, clock, *(story(n) for n in range(60)))
    (row,) = room.rows(FeedRow)
    assert row.storm_at == clock() - timedelta(minutes=20)


# --- the rules as a table ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "counts", "is_expected"),
    [
        ("an undated archive is one", PollCounts(unknown=60, unknown_matches=20, undated=60), True),
        ("one that matches little floods nobody", PollCounts(unknown=60, unknown_matches=5, undated=60), False),
        ("with the dates of their making they are news", PollCounts(unknown=60, unknown_matches=20, undated=29), False),
        ("a feed that always brings many", PollCounts(unknown=60, unknown_matches=20, undated=60, usual=20), False),
        ("a handful is none", PollCounts(unknown=29, unknown_matches=20, undated=29), False),
        (
            "first polls have rules of their own",
            PollCounts(unknown=60, unknown_matches=20, undated=60, is_first_poll=True),
            False,
        ),
    ],
)
def test_what_is_taken_for_an_archive(sentence: str, counts: PollCounts, is_expected: bool) -> None:
    assert is_archive(counts) is is_expected, sentence


def test_what_is_taken_for_a_new_template() -> None:
    assert is_template_change(PollCounts(changed=20, changed_matches=6))
    assert not is_template_change(PollCounts(changed=19, changed_matches=19))
    assert not is_template_change(PollCounts(changed=100, changed_matches=5))


def test_what_is_worth_a_notice() -> None:
    assert is_notable(480, 473)
    assert is_notable(20, 10)
    assert not is_notable(21, 10)
    assert not is_notable(9, 9)


def test_which_dates_tell_nothing() -> None:
    spread = [NOON - timedelta(minutes=23 * n) for n in range(40)]
    assert count_undated(spread, last_at=NOON - timedelta(hours=20), now=NOON) == 0
    assert count_undated([None, None], last_at=None, now=NOON) == 2
    assert count_undated([NOON + timedelta(1)], last_at=None, now=NOON) == 1
    assert count_undated([NOON - timedelta(hours=1)] * 9, last_at=None, now=NOON) == 9
    assert count_undated([NOON - timedelta(days=3)], last_at=NOON - timedelta(hours=1), now=NOON) == 1
    assert count_undated([], last_at=None, now=NOON) == 0
