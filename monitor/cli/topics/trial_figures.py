"""What a trial found, printed and as JSON, and the alerts a day of each sensitivity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.evaluation.trial import Trial, TrialMatch
    from monitor.matching.alert_rate import SensitivityCost


def trial_fields(trial: Trial) -> dict[str, Any]:
    return {
        "topic": trial.topic,
        "articles": trial.articles,
        "matched": len(trial.matches),
        "stories": trial.stories,
        "seeds_left_out": trial.seeds,
        "alerts": trial.alerts,
        "alerts_a_day": {"mean": trial.rate.a_day, "low": trial.rate.low, "high": trial.rate.high, "sure": 0.9},
        "next_day": {"low": trial.rate.next_day.low, "high": trial.rate.next_day.high, "sure": 0.9},
        "days": trial.days,
        "is_in_force": trial.is_in_force,
        "acts": trial.applied_sensitivity.note,
        "costs": [cost_fields(each) for each in trial.costs],
        "blocked": trial.blocked,
        "overlap": {name: _share(count, trial) for name, count in trial.overlap.items()},
        "above": trial.above,
        "below": trial.below,
        "hits": trial.matches,
    }


def _share(count: int, trial: Trial) -> dict[str, float]:
    return {"hits": count, "share": round(count / len(trial.matches), 3)}


def show_trial(trial: Trial) -> None:
    rate = trial.rate
    copies = sum(each.kind == "copy" for each in trial.matches)
    untold = Counter(each.reason.partition(":")[0] for each in trial.matches if not each.is_alert)
    base.heading(f"{trial.topic}, over {_counted(trial.articles, 'article')} of {_counted(trial.days, 'day')}")
    base.facts(
        [
            (
                "would have matched",
                f"{_counted(len(trial.matches), 'article')} in {_counted(trial.stories, 'story', 'stories')}, "
                f"{copies} of them copies",
            ),
            ("would have sent", _counted(trial.alerts, "alert")),
            ("matched, not told", [f"{count} {reason}" for reason, count in untold.most_common()]),
            ("alerts", str(rate) + (", as it is in force" if trial.is_in_force else "")),
            (trial.sensitivity, trial.applied_sensitivity.note),
            ("left out", _left_out(trial.seeds)),
            ("held back by rules", [f"{count} {reason}" for reason, count in trial.blocked.items()]),
            ("other topics match", [_overlap(name, count, trial) for name, count in trial.overlap.items()]),
        ]
    )
    if trial.costs:
        base.heading("Alerts of each sensitivity")
        show_costs(trial.costs)
    if trial.matches and not trial.above:
        base.line("every match is a copy")
    for title, shown in (("just above", trial.above), ("just below", trial.below)):
        if shown:
            base.heading(f"Nearest to its threshold, {title}")
            base.table((">id", "published", "source", ">of threshold", "title"), map(_row, shown))
    if not trial.matches and not trial.below:
        base.line("nothing came near: no article shares a distinctive word with the seeds")


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _left_out(seeds: int) -> str:
    return (
        f"{seeds} {'article that is a seed, or a copy' if seeds == 1 else 'articles that are seeds, or copies'} of one"
        if seeds
        else ""
    )


def show_costs(costs: Iterable[SensitivityCost]) -> None:
    """Print the alerts a day of each sensitivity; nothing where they are not known."""
    rows = [
        (
            _sensitivity_name(each),
            each.factor,
            f"{each.rate.a_day:.2g}",
            f"{each.rate.next_day.low} to {each.rate.next_day.high}",
        )
        for each in costs
    ]
    if rows:
        base.table(("sensitivity", ">threshold x", ">alerts a day", "tomorrow, nine days in ten"), rows)


def cost_fields(cost: SensitivityCost) -> dict[str, Any]:
    """A row of the costs as JSON fields."""
    ahead = cost.rate.next_day
    rate = {
        "a_day": cost.rate.a_day,
        "low": cost.rate.low,
        "high": cost.rate.high,
        "next_day": {"low": ahead.low, "high": ahead.high, "sure": 0.9},
    }
    return {"sensitivity": _sensitivity_name(cost), "factor": cost.factor, **rate}


def _sensitivity_name(cost: SensitivityCost) -> str:
    return f"{cost.sensitivity} (in force)" if cost.is_in_force else cost.sensitivity


def _overlap(name: str, count: int, trial: Trial) -> str:
    return f"{name} {count} of {len(trial.matches)} ({count / len(trial.matches):.0%})"


def _row(shown: TrialMatch) -> tuple[object, ...]:
    part = f"{shown.part:.0%} ({shown.score:.3f} / {shown.threshold:.3f})"
    return shown.id, f"{shown.published_at:%Y-%m-%d}", shown.source, part, shown.title
