"""What the first polls of new feeds came to, said once: how many answer, and which do not and why."""

from __future__ import annotations

from collections.abc import Collection

from monitor.feeds import mends
from monitor.polling.pipeline import Polled

_NAMED = 10


class FirstPolls:
    """Follows polls until each of these feeds was asked."""

    def __init__(self, names: Collection[str]) -> None:
        self._waiting = set(names)
        self._answering = 0
        self._refused: dict[str, str] = {}

    def add(self, polled: Polled) -> str:
        """Note a poll; returns what all first polls came to with the last of them, else ''."""
        if polled.feed not in self._waiting:
            return ""
        self._waiting.discard(polled.feed)
        if polled.error:
            self._refused[polled.feed] = _why(polled)
        else:
            self._answering += 1
        return "" if self._waiting else self._says()

    def _says(self) -> str:
        total = self._answering + len(self._refused)
        said = f"first polls: {self._answering} of {total} {'feed answers' if total == 1 else 'feeds answer'}"
        if not self._refused:
            return said
        named = [f"{name} ({why})" for name, why in sorted(self._refused.items())]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        return f"{said}; these do not: {', '.join(named[:_NAMED])}{more}; `monitor feeds` and the page Feeds say what to do"


def _why(polled: Polled) -> str:
    """A word or two: the code of the fault, where there is one."""
    return polled.outcome if mends.mend(polled.outcome) else "see its page"
