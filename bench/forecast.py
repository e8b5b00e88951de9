"""How often the next day's alerts lie within the interval that was forecast, and how wide the intervals are.

    python bench/forecast.py DATA [--by-topic] [--coarse] [--decisions --vectors FILE]

DATA: see bench/matching.py. For each topic of tracking/aspects_2022 and each day from the second month on, the days before it (at
most 30, as the product knows them) are given to `matching.forecast.next_day`, and the interval is compared with the day's count.
Counts are the items that the labels call wanted; with --decisions those that the product would have told by meaning (two seeds and
the sentence, as bench/aspects.py --known-only). --coarse adds sums of topics, which are busier. Width is compared with that of the
5-95 % Poisson interval at the topic's mean of the 28 days before, a width below 1 counting as 1. The score is the interval score
(Gneiting and Raftery 2007): width plus 20 for each count by which a day lies outside.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from monitor.matching.forecast import _Rate, next_day
from monitor.matching.sensitivity import ARRIVALS_FOR

FROM, REFERENCE, TAIL = 31, 28, 0.05
SUBJECTS = {"Ukraine": 9, "all": 14}
"""Sums of the first so many topics."""
Interval = tuple[int, int]
Method = Callable[[Sequence[float]], Interval]


def days(root: Path) -> tuple[list[str], date]:
    """The day of each item, in the order of bench/aspects.py, and the first day."""
    with gzip.open(root / "tracking/aspects_2022/items.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = sorted((json.loads(line) for line in lines), key=lambda row: row["published"])
    return [row["published"][:10] for row in rows], date.fromisoformat(rows[0]["published"][:10])


def labelled(root: Path) -> dict[str, list[float]]:
    """Topic -> wanted items of each day."""
    folder = root / "tracking/aspects_2022"
    with gzip.open(folder / "items.jsonl.gz", "rt", encoding="utf-8") as lines:
        day_of = {row["link"]: row["published"][:10] for row in map(json.loads, lines)}
    topics = json.loads((folder / "topics.json").read_text(encoding="utf-8"))
    return {
        each["topic"]: _by_day([day_of[url] for url in each["positive"] if url in day_of], day_of) for each in topics
    }


def decided(root: Path, vectors_file: Path) -> dict[str, list[float]]:
    """Topic -> items of each day that the product's own scoring matches."""
    from bench import aspects, vectors

    stream, [when, _] = aspects.aspects(root), days(root)
    known = vectors.of_texts(vectors_file, [each.excerpt for each in stream.items], known_only=True)
    kept = [at for at, each in enumerate(stream.items) if aspects.key(each.excerpt) in known]
    part = aspects.known_part(stream, known)
    tried = [each for each in aspects.trials(part) if each.has_sentence and each.count == 2]
    topics = [each.topic for each in tried]
    _, matches = aspects.score_all(part, topics, aspects.Pass(topics, known))
    found = {}
    for at, each in enumerate(tried):
        own = {each.labels.seeds[i][0] for i in range(each.count)}
        told = [when[kept[i]] for i in range(len(kept)) if matches[i, at] and part.items[i] not in own]
        found[each.labels.name] = _by_day(told, dict(enumerate(when)))
    return found


def _by_day(told: Sequence[str], all_days: Mapping[object, str]) -> list[float]:
    first, last = (date.fromisoformat(each(all_days.values())) for each in (min, max))
    counts = Counter(told)
    return [counts[f"{first + timedelta(at)}"] for at in range((last - first).days + 1)]


# --- methods ------------------------------------------------------------------------------------------------------------


def shipped(past: Sequence[float]) -> Interval:
    found = next_day(past[-ARRIVALS_FOR.days :])
    return found.low, found.high


def poisson(past: Sequence[float]) -> Interval:
    return _poisson_interval(sum(past[-REFERENCE:]) / min(len(past), REFERENCE))


def of_mean(past: Sequence[float]) -> Interval:
    """What was shown before: the interval of the mean."""
    from monitor.matching.alert_rate import rate

    found = rate(past[-ARRIVALS_FOR.days :])
    return math.ceil(found.low), math.floor(found.high)


def empirical(past: Sequence[float]) -> Interval:
    """The 5th and 95th percentile of the last 28 days."""
    ordered = sorted(past[-REFERENCE:])
    return int(ordered[int(TAIL * len(ordered))]), int(ordered[math.ceil((1 - TAIL) * len(ordered)) - 1])


def gamma_poisson(past: Sequence[float]) -> Interval:
    """The posterior predictive of a Poisson rate by days that fade with the shipped half-life; nothing learned of its spread."""
    rate = _Rate()
    for count in past[-ARRIVALS_FOR.days :]:
        rate.follow(count)
    return _interval(rate.mean, 1 / rate.count)


def conformal(past: Sequence[float]) -> Interval:
    """The shipped mean, with the 5th and 95th percentile of its own standardised errors of the last 30 days."""
    rate, errors = _Rate(), []
    for count in past[-ARRIVALS_FOR.days :]:
        errors.append((count - rate.mean) / math.sqrt(rate.mean + 0.25))
        rate.follow(count)
    errors.sort()
    low, high = errors[int(TAIL * len(errors))], errors[math.ceil((1 - TAIL) * len(errors)) - 1]
    scale = math.sqrt(rate.mean + 0.25)
    return max(0, math.ceil(rate.mean + scale * low)), max(0, math.floor(rate.mean + scale * high))


def weekday(past: Sequence[float]) -> Interval:
    """As shipped, of counts divided by how much each weekday of the past has over the mean (drawn to 1 by 10 alerts)."""
    mean = sum(past) / len(past) or 1.0
    today = len(past) % 7

    def factor(day: int) -> float:
        own = [count for at, count in enumerate(past) if at % 7 == day]
        return (sum(own) + 10) / (mean * len(own) + 10)

    levelled = [count / factor(at % 7) for at, count in enumerate(past)]
    rate = _Rate()
    for count in levelled[-ARRIVALS_FOR.days :]:
        rate.follow(count)
    return _interval(rate.mean * factor(today), rate.variance)


METHODS: dict[str, Method] = {
    "shipped": shipped,
    "interval of the mean": of_mean,
    "Poisson, 28 days": poisson,
    "percentiles of 28 days": empirical,
    "gamma-Poisson, fading days": gamma_poisson,
    "conformal": conformal,
    "shipped, by weekday": weekday,
}


def _interval(mean: float, variance: float) -> Interval:
    from monitor.matching.forecast import _cumulative

    low = None
    for count, below in enumerate(_cumulative(mean, variance)):
        low = count if low is None and below >= TAIL else low
        if below >= 1 - TAIL:
            return low or 0, count
    raise AssertionError


def _poisson_interval(mean: float) -> Interval:
    return _interval(mean, 1e-9) if mean else (0, 0)


# --- figures ------------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    days: int = 0
    inside: int = 0
    below: int = 0
    above: int = 0
    width: float = 0
    reference: float = 0
    score: float = 0
    bands: dict[str, list[int]] = field(default_factory=dict)

    def add(self, interval: Interval, count: float, reference: Interval, mean: float) -> None:
        low, high = interval
        self.days += 1
        self.inside += low <= count <= high
        self.below += count < low
        self.above += count > high
        self.width += max(1, high - low)
        self.reference += max(1, reference[1] - reference[0])
        self.score += high - low + 2 / (2 * TAIL) * (max(0, low - count) + max(0, count - high))
        band = self.bands.setdefault(
            "0" if not mean else "<.5" if mean < 0.5 else "<1.5" if mean < 1.5 else "1.5+", [0, 0]
        )
        band[0] += 1
        band[1] += low <= count <= high

    def __str__(self) -> str:
        bands = ", ".join(f"{name} {inside / count:.3f}" for name, (count, inside) in sorted(self.bands.items()))
        return (
            f"inside {self.inside / self.days:.3f} (below {self.below / self.days:.3f}, above {self.above / self.days:.3f}) | "
            f"width {self.width / self.reference:.2f} of Poisson | score {self.score / self.days:.2f} | by the mean before: {bands}"
        )


def tally(method: Method, series: Mapping[str, Sequence[float]]) -> Tally:
    found = Tally()
    for counts in series.values():
        for at in range(FROM, len(counts)):
            past = counts[:at]
            mean = sum(past[-REFERENCE:]) / REFERENCE
            found.add(method(past), counts[at], poisson(past), mean)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--by-topic", action="store_true", help="the shipped method, topic by topic")
    parser.add_argument("--coarse", action="store_true", help="sums of topics too")
    parser.add_argument("--decisions", action="store_true", help="the product's matches for the labels")
    parser.add_argument("--vectors", type=Path, help="file of embeddings, for --decisions")
    options = parser.parse_args()
    series = decided(options.data, options.vectors) if options.decisions else labelled(options.data)
    if options.coarse:
        rows = list(series.values())
        series |= {name: [sum(each) for each in zip(*rows[:count], strict=True)] for name, count in SUBJECTS.items()}
    print(f"{len(series)} topics, {sum(map(sum, series.values())):.0f} alerts")
    for name, method in METHODS.items():
        print(f"{name:28s} {tally(method, series)}")
    for name, counts in series.items() if options.by_topic else ():
        print(f"{name:28s} {tally(shipped, {name: counts})}")


if __name__ == "__main__":
    main()
