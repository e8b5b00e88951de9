"""Articles that are hard to tell apart, or from a bad source, through the store on both databases: unrelated articles are
never merged."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.intake import file_article
from monitor.polling.values import AlertingContext, FiledArticle
from monitor.store.db import Database
from monitor.types.matching import Article
from monitor.types.stories import Arrival, ArticleKind
from tests.conftest import NOON
from tests.fakes.stores import lay_out

IDF = Background.shipped().table("en").idf
_RANKED = sorted((word for word in IDF if word.isalpha()), key=IDF.__getitem__)
COMMON, RARE = _RANKED[:2_000], _RANKED[4_000:15_000]
TEMPLATE = (
    "Sign in to read more from our newsroom. Choose your edition, follow us for updates and tell a friend about this page. "
    "Our journalism is paid for by readers like you, and a subscription costs less than a cup of coffee a week. "
    "Terms of use, privacy notice, corrections, work for us, and a list of all our authors can be found at the end of the page. "
)


@pytest.fixture(scope="module")
def reader() -> Matcher:
    return build([], background=Background.shipped())


def article(number: int, *, seed: int | None = None, words: int = 200, **changes: object) -> Article:
    """An article that shares nothing with one of another seed but everyday words; its names are its own."""
    dice = random.Random(number if seed is None else seed)
    own = [word.capitalize() for word in dice.sample(RARE, 20)]
    text = " ".join(dice.choice(own) if dice.random() < 0.25 else dice.choice(COMMON) for _ in range(words))
    plain = Article(
        guid=f"g{number}",
        url=f"https://o{number}.example/news/story-{number}",
        title=f"{' '.join(own[:6])} {number}",
        text=text,
        language="en",
        published_at=NOON,
        seen_at=NOON,
        source=f"o{number}",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def file(db: Database, reader: Matcher, *arriving: Article, now: datetime = NOON) -> list[FiledArticle]:
    with db.writing() as session:
        return [
            file_article(session, assess(each, reader, arrival=Arrival()), AlertingContext(), now=now)
            for each in arriving
        ]


@pytest.fixture
def both(sqlite_url: str, postgres_url: str) -> Iterator[tuple[Database, Database]]:
    lay_out(sqlite_url)
    pair = Database(sqlite_url), Database(postgres_url)
    yield pair
    for database in pair:
        database.close()


def kinds(filed: list[FiledArticle]) -> set[ArticleKind]:
    return {each.choice.kind for each in filed}


def test_two_outlets_with_one_template_stay_strangers(db: Database, reader: Matcher) -> None:
    """Boilerplate before, after and more of it than text; once on two sites, once on one."""
    for at, source in ((0, "same"), (10, "")):
        pages = [article(at + n, words=40) for n in range(6)]
        pages = [replace(each, text=f"{TEMPLATE}{each.text} {TEMPLATE[::-1]}", source=source) for each in pages]
        assert kinds(file(db, reader, *pages)) == {ArticleKind.NEW}


def test_a_headline_shared_by_hundreds_merges_nobody(db: Database, reader: Matcher) -> None:
    crowd = [article(n, words=60, title="Live updates") for n in range(150)]
    crowd += [article(200 + n, title="Live updates", text="Follow it here.") for n in range(50)]
    assert kinds(file(db, reader, *crowd)) == {ArticleKind.NEW}


def test_one_text_under_a_hundred_addresses_is_one_story(db: Database, reader: Matcher) -> None:
    crowd = [article(n, seed=1, title=f"As printed by outlet {n}") for n in range(100)]
    filed = file(db, reader, *crowd)
    assert {each.story_id for each in filed} == {filed[0].article_id}
    assert [each.choice.kind for each in filed] == [ArticleKind.NEW] + [ArticleKind.COPY] * 99


def test_five_megabytes_are_judged_like_a_long_article(db: Database, reader: Matcher) -> None:
    huge = article(1, words=200, text=article(1, words=3_000).text * 300)
    filed = file(db, reader, huge, article(2, text="word " * 1_000_000), article(3, text="a" * 5_000_000))
    assert kinds(filed) == {ArticleKind.NEW}


@pytest.mark.parametrize("text", ["", " … ", "\u200f\u200f", "🙂🙂🙂"])
def test_empty_texts_merge_with_nobody(db: Database, reader: Matcher, text: str) -> None:
    filed = file(db, reader, *(article(n, title=title, text=text) for n, title in enumerate(["One", "One", "", ""])))
    assert kinds(filed) == {ArticleKind.NEW}


@pytest.mark.parametrize(
    "home", ["https://a.example/", "https://a.example/news/", "https://a.example", "", "about:blank"]
)
def test_articles_that_name_the_home_page_as_their_address_stay_apart(db: Database, reader: Matcher, home: str) -> None:
    filed = file(db, reader, *(article(n, url=home, source="a") for n in range(5)))
    assert kinds(filed) == {ArticleKind.NEW}
    assert len({each.article_id for each in filed}) == 5


def test_two_articles_that_name_each_others_address_lose_neither(db: Database, reader: Matcher) -> None:
    """The second takes the first one's address: a newer version of that page. Read again, both texts are told as they are."""
    one, other = article(1), article(2)
    turned = [replace(one, url=other.url), replace(other, url=one.url)]
    filed = file(db, reader, *turned, *turned)
    assert [each.choice.kind for each in filed] == [
        ArticleKind.NEW,
        ArticleKind.NEW,
        ArticleKind.COPY,
        ArticleKind.COPY,
    ]


@pytest.mark.parametrize(
    "at", [NOON + timedelta(days=4_000), datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
)
def test_dates_beyond_belief_neither_merge_nor_hide(db: Database, reader: Matcher, at: datetime) -> None:
    filed = file(
        db, reader, article(1, published_at=at), article(2), article(3, seed=1, published_at=at), article(4, seed=1)
    )
    assert [each.choice.kind for each in filed] == [
        ArticleKind.NEW,
        ArticleKind.NEW,
        ArticleKind.COPY,
        ArticleKind.COPY,
    ]


def test_out_of_order_arrivals_find_their_story(db: Database, reader: Matcher) -> None:
    """The original comes last, dated first: it is a copy of what came before it, not a second story."""
    late = file(
        db, reader, article(1, seed=9, published_at=NOON), article(2, seed=9, published_at=NOON - timedelta(days=2))
    )
    assert late[1].story_id == late[0].story_id
    stranger = file(db, reader, article(3, published_at=NOON - timedelta(days=9)))
    assert kinds(stranger) == {ArticleKind.NEW}


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(24)), late=st.integers(0, 23))
def test_both_databases_choose_alike(
    both: tuple[Database, Database], reader: Matcher, order: list[int], late: int
) -> None:
    """Copies, excerpts, other tellings, shared headlines and strangers, in any order: the same ids, stories and reasons."""
    crowd = [article(n, seed=n // 3, title="Live updates" if n % 4 == 0 else f"Told by outlet {n}") for n in range(24)]
    crowd = [replace(each, text=" ".join(each.text.split()[: 200 - 7 * (n % 5) ** 2])) for n, each in enumerate(crowd)]
    crowd[late] = replace(crowd[late], published_at=NOON - timedelta(days=1))
    arriving = [crowd[n] for n in order]
    one, other = ([each.choice for each in file(db, reader, *arriving)] for db in both)
    assert one == other


def test_weeks_of_one_theme_do_not_become_one_story(db: Database, reader: Matcher) -> None:
    """Each day another event of the theme: its words stay, each event's names go, and each day shares some with the day before."""
    theme = "minister parliament budget coalition vote opposition strike union wages talks".split()
    stories: list[set[int]] = []
    for day in range(30):
        at = NOON + timedelta(days=day)
        dice = random.Random(day)
        own = [word.capitalize() for word in random.Random(1_000 + day).sample(RARE, 14)]
        before = [word.capitalize() for word in random.Random(999 + day).sample(RARE, 14)][:3]
        filed = []
        for outlet in range(3):
            text = " ".join(dice.choice(dice.choice([theme, own, own, COMMON, COMMON, before])) for _ in range(150))
            title = " ".join(dice.sample(own, 3) + dice.sample(theme, 3))
            told = article(100 * day + outlet, title=title, text=text, published_at=at, seen_at=at)
            filed += file(db, reader, told, now=at)
        stories.append({each.story_id for each in filed})
    assert sum(map(len, stories)) <= 45, "an event's tellings find one another"
    assert len(set.union(*stories)) >= 28, "one day's event is not the next day's"
