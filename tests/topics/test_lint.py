"""Topic lint, and its output in `monitor topics check`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.matching.background import Background
from monitor.text.language import detect
from monitor.topics.lint import LintReport, lint
from monitor.topics.lint_context import LintFinding, Severity
from monitor.topics.worst import Said, worst
from monitor.types.matching import Seed, Topic
from tests.fakes.command import HIT, SEED, Operator, desk

__all__ = ["desk"]

BRIDGE = (
    "The old bridge at Weir Landing is to be pulled down, the county council decided. Its engineers had found cracks in the"
    " piers of the bridge, and lorries have been sent round by the ferry since spring. The county engineer, Ida Marsh, said"
    " that a new bridge would cost less than mending the old one for twenty years."
)
BRIDGE_LATER = (
    "County council engineers looked once more at the cracks in the piers of the old bridge at Weir Landing. The county "
    "engineer, Ida Marsh, told the council that the bridge cannot be mended and that lorries must take the ferry until the "
    "new bridge is built."
)
BRIDGE_LAST = (
    "Work on the new bridge at Weir Landing begins in spring. The county council chose the engineers who will pull down the"
    " old bridge with its cracked piers; until then the ferry carries the lorries, county engineer Ida Marsh said."
)
CHOIR = (
    "The girls' choir of Saint Anne won the first prize at the singing contest in the capital. The jury praised the young "
    "conductor and the clear voices of the sopranos. The choir will sing at the opening of the new concert hall in autumn."
)
RUSSIAN = (
    "Старый мост у Плотины снесут, решил окружной совет. Инженеры нашли трещины в опорах моста, и грузовики с весны ездят "
    "на пароме. Окружной инженер Ида Марш сказала, что новый мост обойдётся дешевле ремонта старого."
)
WALL = "We value your privacy. We and our 842 partners store and access information on a device. Accept all cookies to go on."
ROOT = Path("seeds")


def seed(file: str, text: str, *, is_counter: bool = False) -> Seed:
    return Seed(file=file, title="", text=text, language=detect(text), is_counter=is_counter)


def topic(name: str, *seeds: Seed, languages: tuple[str, ...] = ()) -> Topic:
    return Topic(name=name, title=name, seeds=seeds, languages=languages)


def look(*topics: Topic, archive: tuple[tuple[str, str, str], ...] = ()) -> LintReport:
    return lint(topics, root=ROOT, background=Background.shipped(), archive=archive)


def only(checkup: LintReport, kind: str) -> LintFinding:
    (found,) = (each for each in checkup.findings if each.kind == kind)
    assert found.what
    assert found.mend
    return found


def kinds(checkup: LintReport) -> set[str]:
    return {each.kind for each in checkup.findings}


def test_a_sound_topic_has_no_findings_and_full_recall() -> None:
    checkup = look(topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", BRIDGE_LATER), seed("c.txt", BRIDGE_LAST)))
    assert [each.kind for each in checkup.findings] == ["no sentence"]
    assert (checkup.recall["bridge"].found, checkup.recall["bridge"].of) == (3, 3)


def test_the_same_text_twice_is_named_once_with_its_twin() -> None:
    found = only(look(topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", BRIDGE.upper()))), "duplicate")
    assert (found.file, found.severity) == ("seeds/bridge/b.txt", Severity.WARNING)
    assert "a.txt" in found.what


def test_nearly_the_same_text_is_a_duplicate_too() -> None:
    edited = BRIDGE.replace("twenty", "thirty") + " More was not said."
    assert "nearly" in only(look(topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", edited))), "duplicate").what


def test_a_seed_that_is_a_counter_seed_as_well_is_a_contradiction() -> None:
    found = only(
        look(topic("bridge", seed("a.txt", BRIDGE), seed("not/a.txt", BRIDGE, is_counter=True))), "contradiction"
    )
    assert found.file == "seeds/bridge/not/a.txt"


def test_a_seed_unlike_the_others_is_an_outlier_with_its_score() -> None:
    checkup = look(
        topic(
            "bridge",
            *(
                seed(*each)
                for each in (("a.txt", BRIDGE), ("b.txt", BRIDGE_LATER), ("c.txt", BRIDGE_LAST), ("d.txt", CHOIR))
            ),
        )
    )
    found = only(checkup, "outlier")
    assert found.file == "seeds/bridge/d.txt"
    assert found.score is not None
    assert found.threshold is not None
    assert found.score < found.threshold
    assert (checkup.recall["bridge"].found, checkup.recall["bridge"].of) == (3, 4)


def test_two_seeds_far_apart_are_a_remark_and_many_are_scattered() -> None:
    assert only(look(topic("mixed", seed("a.txt", BRIDGE), seed("b.txt", CHOIR))), "unlike").severity is Severity.REMARK
    third = "Heavy snow closed three mountain passes on Sunday; ploughs could not reach the valley before nightfall, police said."
    checkup = look(topic("mixed", seed("a.txt", BRIDGE), seed("b.txt", CHOIR), seed("c.txt", third)))
    assert "scattered" in kinds(checkup)
    assert "outlier" not in kinds(checkup)


def test_a_seed_in_a_language_unlike_the_others_is_named() -> None:
    checkup = look(topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", BRIDGE_LATER), seed("c.txt", RUSSIAN)))
    found = only(checkup, "off-language")
    assert (found.file, found.severity) == ("seeds/bridge/c.txt", Severity.WARNING)
    assert checkup.recall["bridge"].of == 2, "nothing can be said of the only Russian one"


def test_a_language_that_the_topic_does_not_follow_is_named() -> None:
    checkup = look(topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", RUSSIAN), languages=("en",)))
    assert only(checkup, "language not followed").file == "seeds/bridge/b.txt"


def test_a_topic_of_one_short_text_is_too_short() -> None:
    assert (
        "words"
        in only(look(topic("bridge", seed("a.txt", "The old bridge at Weir Landing is closed"))), "too short").what
    )


def test_a_consent_page_as_a_seed_is_a_fault() -> None:
    found = only(look(topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", WALL))), "wall")
    assert (found.severity, found.file) == (Severity.FAULT, "seeds/bridge/b.txt")


def test_a_paragraph_that_three_seeds_share_is_boilerplate() -> None:
    footer = "\n\nThe Herald is funded by its readers; please think of giving something today."
    texts = (BRIDGE, BRIDGE_LATER, BRIDGE_LAST)
    found = only(
        look(topic("bridge", *(seed(f"{n}.txt", text + footer) for n, text in enumerate(texts)))), "boilerplate"
    )
    assert "3 seeds" in found.what


def test_text_that_many_archived_articles_carry_is_boilerplate() -> None:
    frame = " ".join(
        f"Read our terms of use, section {n}, before you write to the editor of page {n}." for n in range(6)
    )
    news = tuple((f"News {n}", f"{_plain(n)} {frame}", "en") for n in range(6))
    found = only(look(topic("bridge", seed("a.txt", f"{BRIDGE} {frame}")), archive=news), "boilerplate")
    assert "archive" in found.what
    copies = tuple((f"Bridge {n}", BRIDGE, "en") for n in range(6))
    assert "boilerplate" not in kinds(look(topic("bridge", seed("a.txt", BRIDGE)), archive=copies))


def test_two_scripts_in_one_seed_are_named() -> None:
    found = only(look(topic("bridge", seed("a.txt", f"{BRIDGE} {RUSSIAN}"))), "mixed scripts")
    assert "Latin" in found.what
    assert "Cyrillic" in found.what
    japanese = (
        "古い橋は取り壊されると郡議会が決めた。技師たちは橋脚にひびを見つけ、トラックは春からフェリーで運ばれている。"
        * 3
    )
    assert "mixed scripts" not in kinds(look(topic("bridge", seed("a.txt", japanese))))


def test_topics_that_are_one_are_a_warning_with_their_shared_text() -> None:
    checkup = look(
        topic("bridge", seed("a.txt", BRIDGE), seed("b.txt", BRIDGE_LATER)), topic("weir", seed("c.txt", BRIDGE))
    )
    assert only(checkup, "overlap").severity is Severity.WARNING
    assert only(checkup, "shared seed").file == "seeds/weir/c.txt"


def test_a_topic_that_nothing_comes_near_is_a_remark_once_the_archive_can_speak() -> None:
    bridge = topic("bridge", seed("a.txt", BRIDGE))
    quiet = tuple((f"News {n}", _plain(n), "en") for n in range(250))
    assert only(look(bridge, archive=quiet), "unheard").severity is Severity.REMARK
    assert "unheard" not in kinds(look(bridge, archive=quiet[:100]))
    assert "unheard" not in kinds(look(bridge, archive=(*quiet, ("Bridge", BRIDGE_LATER, "en"))))


def test_huge_and_empty_texts_are_looked_at_as_well() -> None:
    huge = " ".join(f"word{n % 5000}" for n in range(200_000))
    found = look(topic("odd", seed("a.txt", huge), seed("b.txt", "!!!"), seed("c.txt", huge)))
    assert only(found, "duplicate").severity is Severity.WARNING
    assert {"duplicate", "no language"} <= kinds(found)


def test_tens_of_topics_are_looked_at_beside_one_another() -> None:
    """How long it takes is bench/waiting.py's to say."""
    topics = [
        topic(f"topic{n}", *(seed(f"{m}.txt", f"{_plain(n * 9 + m)} {_plain(n * 5 + m)}") for m in range(4)))
        for n in range(30)
    ]
    found = look(*topics, archive=tuple((f"News {n}", _plain(n), "en") for n in range(300)))
    assert len(found.recall) == 30
    assert all(each.of == 4 for each in found.recall.values())


def test_check_tells_findings_and_their_mend(desk: Operator) -> None:
    (desk.seeds / "bridge" / "wall.txt").write_text(f"Cookies\n\n{WALL}")
    (desk.seeds / "bridge" / "again.txt").write_text(SEED)
    said = desk.run("topics", "check")
    assert said.exit_code == 2
    assert "wall.txt: a consent or paywall page" in said.stdout
    report = desk.run("topics", "check", "--json").json
    assert "duplicate" in {each["kind"] for each in report["findings"]}
    assert [each for each in report["faults"] if "wall.txt: a consent or paywall page" in each]
    assert all(each["mend"] and each["file"] for each in report["findings"])


def test_the_three_worst_things_are_said_and_the_rest_is_counted(desk: Operator) -> None:
    """Forty seeds that nobody could read, ten that are one text, and more: not a line for each."""
    for number in range(40):
        (desk.seeds / "bridge" / f"empty{number}.txt").write_text(" ")
    for number in range(10):
        (desk.seeds / "bridge" / f"again{number}.txt").write_text(SEED)
    (desk.seeds / "bridge" / "wall.txt").write_text(f"Cookies\n\n{WALL}")
    (desk.seeds / "bridge" / "not").mkdir()
    (desk.seeds / "bridge" / "not" / "same.txt").write_text(SEED)
    said = desk.run("topics", "check").stdout.splitlines()
    own = [each for each in said if each.startswith(("fault: ", "warning: ", "remark: "))]
    assert [each.split(": ")[0] for each in own] == ["fault", "fault", "warning"]
    assert sum("(and 39 more like it)" in each for each in own) == 1
    assert "wanted and not wanted at once" in own[2]
    [rest] = [each for each in said if "more, of other kinds" in each]
    assert rest.startswith("bridge: ")
    everything = desk.run("topics", "check", "--all").stdout.splitlines()
    assert len([each for each in everything if each.startswith(("fault: ", "warning: ", "remark: "))]) > 50
    fields = desk.run("topics", "check", "--json").json["worst"]["bridge"]
    assert (len(fields["worst"]), fields["rest"]) == (3, int(rest.split()[1]))


def test_required_terms_that_no_article_holds_are_named() -> None:
    quiet = tuple((f"Weather {day}", f"Rain is expected on day {day}.", "en") for day in range(200))
    bridge = replace(topic("bridge", seed("a.txt", BRIDGE)), required=("viaduct", "aqueduct"))
    assert '"viaduct", "aqueduct"' in only(look(bridge, archive=quiet), "unheard terms").what
    held = (*quiet, ("Aqueduct", "An aqueduct is built.", "de"))
    assert "unheard terms" not in kinds(look(bridge, archive=held))
    assert "unheard terms" not in kinds(look(bridge, archive=quiet[:100]))


def test_two_topics_of_one_text_are_a_warning_and_passages_of_one_article_a_remark() -> None:
    def overlap(first: str, second: str) -> Severity:
        return only(look(topic("one", seed("a.txt", first)), topic("two", seed("a.txt", second))), "overlap").severity

    assert overlap(BRIDGE, BRIDGE) is Severity.WARNING
    assert overlap(BRIDGE, BRIDGE_LATER) is Severity.REMARK


def test_a_worse_outlier_goes_before_a_lesser_one_and_each_topic_has_its_own_three() -> None:
    def said(topic: str, kind: str, reached: float = 0, severity: Severity = Severity.WARNING) -> Said:
        return Said(severity=severity, topic=topic, kind=kind, text=f"{topic} {kind} {reached}", reached=reached)

    found = worst(
        [
            said("a", "duplicate"), said("a", "outlier", 0.8), said("a", "outlier", 0.2), said("a", "too short"),
            said("a", "unheard", severity=Severity.REMARK), said("b", "duplicate"),
        ]
    )  # fmt: skip
    assert [line for _, line in found[0].lines] == [
        "a too short 0", "a outlier 0.2 (and 1 more like it)", "a duplicate 0",
    ]  # fmt: skip
    assert (found[0].rest, found[1].topic, found[1].rest) == (1, "b", 0)


def test_warnings_and_remarks_alone_are_no_failure(desk: Operator) -> None:
    (desk.seeds / "bridge" / "again.txt").write_text(SEED)
    said = desk.run("topics", "check")
    assert said.exit_code == 0
    assert "warning: " in said.stdout


def test_the_shipped_topics_share_their_articles_without_fault_or_warning(desk: Operator) -> None:
    report = desk.run("topics", "check", "--seeds", Path(__file__).parents[2] / "seeds", "--json").json
    assert (report["faults"], report["warnings"]) == ([], [])
    assert len(report["recall"]) == 2


def _plain(number: int) -> str:
    words = "apples pears plums bread eggs fish honey wool linen soap candles lamps chairs books maps ink ropes bells".split()
    sold = [words[(number * step + step) % len(words)] for step in (1, 3, 5, 7, 11)]
    return f"On day {number} the market sold {', '.join(sold)}, and the traders were content with what they took home."


@pytest.mark.parametrize("text", [HIT[1]])
def test_a_single_seed_has_no_recall(text: str) -> None:
    assert look(topic("bridge", seed("a.txt", text))).recall == {}
