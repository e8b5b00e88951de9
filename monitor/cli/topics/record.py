"""`monitor topics show`: one topic with its seeds, terms, threshold, matches and quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.models import load_matcher, load_topics, sentence_advice
from monitor.cli.topics import trial_figures
from monitor.topics.seeds import LoadedTopics
from monitor.types.errors import StoreError
from monitor.types.matching import StoredTopic, Topic

if TYPE_CHECKING:
    from monitor.config.settings import Settings
    from monitor.evaluation.metrics import TopicFigures
    from monitor.learning.training import SensitivityForecast
    from monitor.matching.matcher import Matcher
    from monitor.review.matches import MatchCounts


_TERMS_SHOWN = 20


def topic_fields(topic: Topic, known: Mapping[str, StoredTopic], counts: Mapping[str, MatchCounts]) -> dict[str, Any]:
    """A topic as JSON fields; `known` and `counts` as `stored_state` gives them."""
    stored = known.get(topic.name)
    wanted = [seed for seed in topic.seeds if not seed.is_counter]
    return {
        "name": topic.name,
        "title": topic.title,
        "description": topic.description,
        "seeds": len(wanted),
        "counter_seeds": len(topic.seeds) - len(wanted),
        "languages": sorted({seed.language for seed in wanted}),
        "sensitivity": topic.sensitivity,
        "is_enabled": topic.is_enabled,
        "is_paused": stored is not None and stored.is_paused,
        "channels": topic.channels,
        "version": stored.version if stored else None,
        "matches": counts[topic.name].by_state if topic.name in counts else {},
    }


def stored_state(settings: Settings) -> tuple[dict[str, StoredTopic], dict[str, MatchCounts]]:
    """What is stored of each topic, and its match counts; empty where there is no store yet."""
    try:
        with base.opened(settings) as db, db.reading() as session:
            from monitor.review import matches
            from monitor.store import topics as store

            return store.stored(session), {each.topic: each for each in matches.counts(session)}
    except (base.NotFoundError, StoreError):
        return {}, {}


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The topic's folder.", show_default=False)],
    as_json: base.AsJson = False,
) -> None:
    """Show one topic: seeds, terms, threshold, matches, quality.

    The terms are the heaviest of its model in each language.

    \b
    Example:
      monitor topics show moscow-format
    """
    cli = base.cli_of(ctx)
    cli.log()
    settings = cli.settings
    shelf = load_topics(cli)
    topic = _find(settings, shelf, name)
    known, counts = stored_state(settings)
    model = _model(settings, load_matcher(settings, shelf), topic)
    forecast, quality = _figures(settings, shelf, topic)
    found = {
        **topic_fields(topic, known, counts),
        "threshold": model["threshold"],
        "terms": model["terms"],
        "factor": forecast.setting.factor,
        "acts": forecast.setting.note,
        "quality": quality,
        "costs": [trial_figures.cost_fields(each) for each in forecast.costs],
        "advice": sentence_advice(settings, topic),
        "files": [_seed(settings, topic, at) for at in range(len(topic.seeds))],
    }
    if as_json:
        base.print_json(found)
    else:
        _show(topic, model, forecast, found)


def _find(settings: Settings, shelf: LoadedTopics, name: str) -> Topic:
    """The topic of this name. Raises NotFoundError, with what is wrong in its folder where that is why."""
    for topic in shelf.topics:
        if topic.name == name:
            return topic
    at_fault = [each for each in shelf.faults if str(settings.seeds.dir / name) in each]
    if at_fault:
        raise base.NotFoundError("\n".join([f'the topic "{name}" cannot be used:', *at_fault]))
    known = (each.name for each in shelf.topics)
    raise base.no_such("topic", name, known, hint="`monitor topics` lists them")


def _show(topic: Topic, model: Mapping[str, Any], forecast: SensitivityForecast, found: Mapping[str, Any]) -> None:
    """Print a topic; `found` are its JSON fields."""
    base.facts(
        [
            ("topic", topic.name),
            ("title", topic.title),
            ("description", topic.description),
            ("on", "paused" if found["is_paused"] else topic.is_enabled),
            ("threshold", _threshold_text(topic, model)),
            ("required", topic.required),
            ("excluded", topic.excluded),
            ("languages", topic.languages or "every language"),
            ("channels", "all" if topic.channels is None else topic.channels or "none: page only"),
            ("version", found["version"]),
            ("matches", [f"{count} {state}" for state, count in found["matches"].items()]),
            ("acts", found["acts"]),
            ("alerts", str(forecast.cost.rate) if forecast.cost else ""),
            *_quality(found["quality"]),
        ]
    )
    for each in found["advice"]:
        base.line(each)
    _show_costs(forecast)
    _show_seeds(found["files"])
    for language, terms in model["terms"].items():
        shown = ", ".join(f"{term} {weight:.2f}" for term, weight in terms)
        base.line(f"heaviest terms, {language}: {shown}")


def _show_costs(forecast: SensitivityForecast) -> None:
    trial_figures.show_costs(forecast.costs)
    if not forecast.costs:
        base.line(
            "the alerts a day of each sensitivity are shown after the first day of articles, when fifty have been seen"
        )


def _show_seeds(files: Iterable[Mapping[str, object]]) -> None:
    columns = ("file", "language", "weight", "words", "title")
    base.table(("seed", "language", ">weight", ">words", "title"), ([each[name] for name in columns] for each in files))


def _figures(settings: Settings, shelf: LoadedTopics, topic: Topic) -> tuple[SensitivityForecast, TopicFigures | None]:
    """What its sensitivity comes to, and its quality by verdicts, where there is a store."""
    from monitor.evaluation import metrics
    from monitor.learning import training
    from monitor.matching import sensitivity

    factor = sensitivity.AppliedSensitivity(sensitivity.default_factor(topic.sensitivity))
    nothing = training.SensitivityForecast(topic.name, topic.sensitivity, factor), None
    if not topic.is_enabled:
        return nothing
    try:
        with base.opened(settings) as db, db.reading() as session:
            forecast = training.forecast(session, topic, shelf.topics)
            return forecast, next(iter(metrics.by_verdicts(session, topic=topic.name).topics), None)
    except (base.NotFoundError, StoreError):
        return nothing


def _quality(figures: TopicFigures | None) -> list[tuple[str, object]]:
    """Rows on precision, recall and calibration so far."""
    from monitor.cli.evaluate import share_with_interval

    if figures is None:
        return []
    precision, recall = figures.precision, figures.recall
    judged = f"{precision.right:g} of {precision.judged} judged: " if precision.judged else "no verdicts yet"
    return [
        (
            "precision",
            judged + (share_with_interval(precision.share, precision.low, precision.high) if precision.judged else ""),
        ),
        ("recall", recall.why_not or share_with_interval(recall.value, recall.low, recall.high)),
        ("percentages", f"not calibrated yet: {figures.not_calibrated}" if figures.not_calibrated else "calibrated"),
    ]


def _seed(settings: Settings, topic: Topic, at: int) -> dict[str, object]:
    seed = topic.seeds[at]
    path = settings.seeds.dir / topic.name / seed.file
    return {
        "file": str(path) if path.exists() else f"{topic.name}/{seed.file}",  # of a topic that the store alone has
        "is_counter": seed.is_counter,
        "language": seed.language,
        "weight": seed.weight,
        "words": len(seed.text.split()),
        "title": seed.title,
    }


def _model(settings: Settings, matcher: Matcher, topic: Topic) -> dict[str, Any]:
    """Its lowest threshold, the one that holds where meaning decides alone (None where it never does), and its terms."""
    from monitor.matching import embedders, margins, semantic

    if not topic.is_enabled:
        return {"threshold": 0.0, "fixed": None, "terms": {}}
    score = next(each for each in matcher.score("", "", "en") if each.topic == topic.name)
    terms = {
        language: [(each.term, round(each.weight, 4)) for each in found]
        for language, found in matcher.heaviest(topic.name, limit=_TERMS_SHOWN).items()
    }
    has_sentence, fixed = bool(topic.description.strip()), None
    if not embedders.problem(settings.embedding.embedder):
        balanced = semantic.balanced_threshold(has_sentence=has_sentence, replaced_by=settings.embedding.threshold)
        fixed = margins.threshold_at(balanced, score.factor)
    lowest = fixed if has_sentence and fixed is not None else score.threshold
    return {"threshold": lowest, "fixed": fixed, "terms": terms}


def _threshold_text(topic: Topic, model: Mapping[str, Any]) -> str:
    if not topic.is_enabled:
        return ""
    if model["fixed"] is None:
        return f"from {model['threshold']:.3f} up, by the article ({topic.sensitivity})"
    if topic.description.strip():
        return f"{model['threshold']:.3f}, for every article ({topic.sensitivity})"
    elsewhere = f"{model['fixed']:.3f} in languages without a seed"
    return f"from {model['threshold']:.3f} up, by the article; {elsewhere} ({topic.sensitivity})"
