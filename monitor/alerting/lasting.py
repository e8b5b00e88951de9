"""Which problems of the service have lasted, so that the operator is told of them, and told when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.types.condition import Code, Problem, Severity, worst_first

LASTING_AFTER = timedelta(minutes=2)
"""So long must a problem be seen, or be gone, before the operator is told: a machine that wakes up is late with everything."""
_TOLD = {
    Code.LATE_FEEDS: "feeds",
    Code.DISK_LOW: "disk",
    Code.DISK_FULL: "disk",
    Code.NO_TOPICS: "topics",
    Code.STORE_GONE: "store",
}
"""Code -> its subject. What fails with a poll or a delivery (feeds, channels, the network) has notices of its own."""
SUBJECTS = tuple(dict.fromkeys(_TOLD.values()))


class Lasting:
    """Which problems have lasted, subject by subject. Fed with every look, by a clock
    that does not count while a machine sleeps."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Code | None, datetime]] = {}

    def see(self, found: Sequence[Problem], at: datetime) -> dict[str, Problem | None]:
        """Subject -> its problem, or None where it is well; subjects that changed within `LASTING_AFTER` are left out."""
        by_subject = {_TOLD[each.code]: each for each in reversed(worst_first(found)) if _is_told(each)}
        for subject in SUBJECTS:
            code = by_subject[subject].code if subject in by_subject else None
            if subject not in self._seen or self._seen[subject][0] is not code:
                self._seen[subject] = (code, at)
        lasting = (subject for subject, (_, since_at) in self._seen.items() if at - since_at >= LASTING_AFTER)
        return {subject: by_subject.get(subject) for subject in lasting}


def _is_told(problem: Problem) -> bool:
    """A crowd of late feeds on one server is no news; a disk that fills up is, before it is full."""
    return problem.code in _TOLD and (problem.severity is Severity.FAIL or problem.code is Code.DISK_LOW)
