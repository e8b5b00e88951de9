"""What the inbox says of a verdict that was given, or undone."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.review import verdicts
from monitor.review.verdicts import Undone, VerdictsGiven
from monitor.store.db import Session
from monitor.web.inbox_query import KNOWN_SEED, range_of, seed_file


def told(session: Session, fields: Mapping[str, str]) -> dict[str, str] | None:
    """What the last form did, with the range to undo it by; None where the address does not say."""
    seed = seed_file(fields.get("seed", ""))
    for name in ("did", "undone"):
        given = range_of(fields.get(name, ""))
        done = verdicts.given(session, *given) if given else None
        if done and given:
            undone = Undone(count=done.undone, of=done.matches, story_ids=()) if name == "undone" else None
            did = "" if undone else f"{given[0]}-{given[1]}"
            return {"says": words(done, undone, seed), "did": did, "seed": seed}
    return {"says": words(None, seed=seed), "did": "", "seed": ""} if seed else None


def words(done: VerdictsGiven | None, undone: Undone | None = None, seed: str = "") -> str:
    """`Dismissed: TITLE`; `Confirmed 12 matches of 5 stories`; `Confirmed, now a seed: TITLE`; `Undone: TITLE is new again`."""
    if done is None:
        has_changed = seed and seed != KNOWN_SEED
        return (
            "It is a seed of its topic now." if has_changed else "Nothing was to be changed: this is in force already."
        )
    if undone is None:
        kind = "seed" if done.is_relevant else "counter-seed"
        added = f", {'a ' + kind + ' already' if seed == KNOWN_SEED else 'now a ' + kind}" if seed else ""
        return f"{'Confirmed' if done.is_relevant else 'Dismissed'}{added}{_on_what(done)}"
    if not undone.count:
        return "Nothing was undone: it was judged again since."
    left = f" ({undone.of - undone.count} were judged again since)" if undone.count < undone.of else ""
    return f"Undone{_on_what(done)}{left}; now {done.state_now} again{', and no seed any more' if seed else ''}"


def _on_what(done: VerdictsGiven) -> str:
    if done.title:
        return f" for {', '.join(done.topics)}: {done.title}" if done.has_other_topics else f": {done.title}"
    count = len(done.story_ids)
    of = f" of {count} stories" if count > 1 else " of one story"
    return f" {done.matches} matches{of}"
