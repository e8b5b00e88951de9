"""Pairs of articles of our own writing: different events of the same people and places, and follow-ups to one event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.matching.background import Background
from monitor.stories.events import choose
from monitor.stories.profiles import profile
from monitor.stories.same_event import may_be_same, same_event
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.matching import Article

NOW = datetime(2024, 5, 14, 12, tzinfo=UTC)


def article(title: str, text: str, language: str = "en", days: float = 0) -> Article:
    at = NOW + timedelta(days=days)
    return Article(
        guid=title, url="", title=title, text=text, language=language, published_at=at, seen_at=at
    )  # fmt: skip


def likeness(one: Article, other: Article) -> float:
    """Similarity of a later article to a story of the earlier one alone; 0.0 if it is on an event of its own."""
    first, second = (profile(each, Background.shipped().table(each.language).idf) for each in (one, other))
    known = RelatedArticle(article_id=1, story_id=1, published_at=one.published_at, profile=first)
    choice = choose(other, second, [known])
    return choice.similarity if choice else 0.0


OTHERS = {
    "two dates in one court": (
        article(
            "Former minister Halden Brask in court over bribes",
            "Former transport minister Halden Brask appeared before the district court in Orlund on "
            "3 May, charged with taking bribes "
            "from the ferry company Nordlin. He pleaded not guilty. Prosecutor Ines Marrow said he "
            "took 400,000 crowns.",
        ),
        article(
            "Former minister Halden Brask back in court over tax",
            "Former transport minister Halden Brask will appear before the district court in Orlund "
            "on 27 May, charged with hiding income "
            "from a vineyard in Portugal. His lawyer Petra Osk said that he denies it. The tax "
            "office asks for 90,000 crowns.",
        ),
    ),
    "two matches of one team": (
        article(
            "Varnholm United beat Castel Rovers 3-1",
            "Varnholm United beat Castel Rovers 3-1 on Saturday with two goals from Teo Lindqvist in "
            "the second half. Coach Rafe Dunning said "
            "that the team had deserved the win before 24,000 spectators at Mill Lane. United are "
            "third in the league.",
        ),
        article(
            "Varnholm United held 0-0 by Port Ellery",
            "Varnholm United were held to a 0-0 draw by Port Ellery on Tuesday in spite of a second "
            "half spent in the visitors' half. Coach "
            "Rafe Dunning said that the team had missed its chances before 19,500 spectators at Mill "
            "Lane. United stay third in the league.",
            days=3,
        ),
    ),
    "two matches of one team, told at once": (
        article(
            "Varnholm United beat Castel Rovers 3-1",
            "Varnholm United beat Castel Rovers 3-1 on Saturday with two goals from Teo Lindqvist. "
            "United are third in the league.",
        ),
        article(
            "Varnholm United beat Port Ellery 2-0",
            "Varnholm United beat Port Ellery 2-0 on Saturday with a late goal by Sandro Weil. "
            "United are third in the women's league.",
        ),
    ),
    "two quakes of one region": (
        article(
            "Earthquake of magnitude 5.9 shakes eastern Herat",
            "An earthquake of magnitude 5.9 shook Herat province in western Afghanistan early on "
            "Monday, damaging houses in the district of "
            "Injil. At least 14 people were killed, the disaster ministry said. The tremor was felt in Iran.",
        ),
        article(
            "Earthquake of magnitude 6.3 hits villages of Herat",
            "An earthquake of magnitude 6.3 hit Herat province in western Afghanistan on Sunday, "
            "flattening villages in the district of Zinda Jan. "
            "At least 210 people were killed, the disaster ministry said. Rescuers dug with their hands.",
            days=6,
        ),
    ),
    "two visits of one minister": (
        article(
            "Foreign minister Lavrik visits Tehran",
            "Foreign minister Oleg Lavrik arrived in Tehran on Tuesday for talks with his "
            "counterpart Amir Rostami on trade and a gas pipeline. "
            "They will sign a memorandum on transport, the ministry said.",
        ),
        article(
            "Foreign minister Lavrik visits Ankara",
            "Foreign minister Oleg Lavrik arrived in Ankara on Friday for talks with his counterpart "
            "Selim Aydin on trade and grain exports. "
            "They will sign an agreement on ports, the ministry said.",
            days=3,
        ),
    ),
    "two attacks of one kind in one town": (
        article(
            "Bomb in Kunduz mosque kills seven",
            "A bomb exploded in a mosque in Kunduz during Friday prayers on 3 May and killed seven "
            "people, police spokesman Obaid Abedi said. "
            "Nobody claimed the attack.",
        ),
        article(
            "Bomb at Kunduz bank kills three",
            "A bomb exploded outside the New Kabul Bank in Kunduz on 13 May where officials queued "
            "for salaries, and killed three people, police "
            "spokesman Obaid Abedi said. Islamic State claimed the attack.",
            days=0,
        ),
    ),
    "two visits of one minister, in Russian": (
        article(
            "Министр Лавренко прибыл в Тегеран",
            "Министр иностранных дел Олег Лавренко прибыл во вторник в Тегеран на переговоры с "
            "Амиром Ростами о торговле и газопроводе. "
            "Стороны подпишут меморандум о транспорте, сообщило министерство.",
            "ru",
        ),
        article(
            "Министр Лавренко прибыл в Анкару",
            "Министр иностранных дел Олег Лавренко прибыл в пятницу в Анкару на переговоры с Селимом "
            "Айдыном о торговле и экспорте зерна. "
            "Стороны подпишут соглашение о портах, сообщило министерство.",
            "ru",
            days=3,
        ),
    ),
    "two dates, in German": (
        article(
            "Stadtrat von Grünau berät über Schwimmbad",
            "Der Stadtrat von Grünau hat am 2. Mai über den Neubau des Schwimmbads an der "
            "Lindenstraße beraten. Bürgermeisterin Karin Vollmer "
            "rechnet mit Kosten von 12 Millionen Euro.",
            "de",
        ),
        article(
            "Stadtrat von Grünau berät über Parkhaus",
            "Der Stadtrat von Grünau hat am 14. Mai über den Abriss des Parkhauses am Bahnhof "
            "beraten. Bürgermeisterin Karin Vollmer "
            "rechnet mit Kosten von 3 Millionen Euro.",
            "de",
        ),
    ),
}
SAME = {
    "a verdict, told by two": (
        article(
            "Former minister Halden Brask jailed for bribes",
            "Former transport minister Halden Brask was sentenced to four years in prison on Tuesday "
            "for taking bribes from the ferry company "
            "Nordlin, a court in Orlund ruled. Prosecutor Ines Marrow had asked for six years.",
        ),
        article(
            "Four years for ex-minister Brask in Nordlin ferry case",
            "A court in Orlund has sent Halden Brask, once minister of transport, to prison for four "
            "years. He took 400,000 crowns from the ferry "
            "company Nordlin. His lawyer Petra Osk will appeal.",
        ),
    ),
    "one match, told by two": (
        article(
            "Varnholm United beat Castel Rovers 3-1",
            "Varnholm United beat Castel Rovers 3-1 on Saturday with two goals from Teo Lindqvist in "
            "the second half. Coach Rafe Dunning said "
            "that the team had deserved the win before 24,000 spectators at Mill Lane. United are "
            "third in the league.",
        ),
        article(
            "Lindqvist double sinks Rovers",
            "Teo Lindqvist scored twice after the break as Varnholm United came from behind to beat "
            "Castel Rovers 3-1 at Mill Lane. United "
            "climbed to third, and coach Rafe Dunning praised his striker.",
            days=0.5,
        ),
    ),
    "a quake whose toll grows": (
        article(
            "Earthquake of magnitude 6.3 hits villages of Herat",
            "An earthquake of magnitude 6.3 hit Herat province in western Afghanistan on Sunday, "
            "flattening villages in the district of Zinda Jan. "
            "At least 210 people were killed, the disaster ministry said. Rescuers dug with their hands.",
        ),
        article(
            "Toll of Herat earthquake rises to 1,100",
            "The number of people killed by Sunday's earthquake in Herat province, western "
            "Afghanistan, has risen to 1,100, the disaster "
            "ministry said. Rescuers still dig in the villages of Zinda Jan after the tremor of magnitude 6.3.",
            days=1,
        ),
    ),
    "a visit announced and held": (
        article(
            "Lavrik to visit Tehran on 14 May",
            "Foreign minister Oleg Lavrik will travel to Tehran on 14 May for talks with Amir "
            "Rostami on a gas pipeline, the ministry said.",
            days=-2,
        ),
        article(
            "Lavrik and Rostami sign gas memorandum in Tehran",
            "Foreign minister Oleg Lavrik and his host Amir Rostami signed a memorandum on a gas "
            "pipeline in Tehran on 14 May. "
            "Talks on trade go on, the ministry said.",
        ),
    ),
    "a visit, told by two, in Russian": (
        article(
            "Министр Лавренко прибыл в Тегеран",
            "Министр иностранных дел Олег Лавренко прибыл во вторник в Тегеран на переговоры с "
            "Амиром Ростами о торговле и газопроводе. "
            "Стороны подпишут меморандум о транспорте, сообщило министерство.",
            "ru",
        ),
        article(
            "Лавренко и Ростами обсудили газопровод",
            "Олег Лавренко и его коллега Амир Ростами обсудили в Тегеране строительство газопровода "
            "и торговлю. Стороны подписали "
            "меморандум о транспорте.",
            "ru",
        ),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_event_of_the_same_people_is_told(name: str) -> None:
    one, other = OTHERS[name]
    assert likeness(one, other) == 0.0
    assert likeness(other, one) == 0.0


@pytest.mark.parametrize("name", SAME)
def test_a_true_follow_up_joins(name: str) -> None:
    assert likeness(*SAME[name]) > 0


def test_only_pairs_that_can_be_on_one_event_are_worth_comparing_in_full() -> None:
    articles = [each for pair in (OTHERS | SAME).values() for each in pair]
    related = [
        RelatedArticle(
            article_id=number,
            story_id=number,
            published_at=each.published_at,
            profile=profile(each, Background.shipped().table(each.language).idf),
            language=each.language,
            title=each.title,
        )
        for number, each in enumerate(articles)
    ]
    pairs = [(one, other) for one in related for other in related if one is not other]
    joined = {
        (one.story_id, other.story_id) for one, other in pairs if same_event(one, other, nearness=None).score >= 0
    }
    compared = {(one.story_id, other.story_id) for one, other in pairs if may_be_same(one, other, nearness=None)}
    assert joined
    assert joined <= compared
    assert len(compared) < len(pairs) / 4
