"""What lists need of the whole store is worked out once, not with every page, and again when it has changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from monitor.review import kept as module
from monitor.review.kept import KEPT_FOR, RENEWED_EVERY, KeptValue, KeptValues, is_due, is_renewed_at_once
from monitor.store.db import Database
from monitor.types.errors import StoreBusyError
from tests.conftest import SetClock
from tests.web.test_inbox import sends
from tests.web.test_web import NOW, application, browsing, fill, has_article, has_topic
from tests.web.test_web import db as db  # the fixture


def value(took: float = 1.0) -> KeptValue[str]:
    return KeptValue(value="kept", stamp=(1,), at=NOW, took_seconds=took)


@pytest.mark.parametrize(
    ("part", "stamp", "at_once"), [(0.5, (1,), False), (0.5, (2,), True), (2.0, (1,), False), (2.0, (2,), False)]
)
def test_what_takes_no_time_is_renewed_at_once(part: float, stamp: tuple[int], at_once: bool) -> None:
    assert is_renewed_at_once(value(part * module.AT_ONCE_SECONDS), stamp) is at_once


def test_what_takes_long_is_renewed_after_a_page_and_not_too_often() -> None:
    assert not is_due(value(), (2,), NOW + RENEWED_EVERY / 2)
    assert is_due(value(), (2,), NOW + RENEWED_EVERY)
    assert not is_due(value(), (1,), NOW + RENEWED_EVERY)
    assert is_due(value(), (1,), NOW + KEPT_FOR), "a match may have another score since"


def test_pages_do_not_work_the_calibration_out_and_one_after_a_verdict_does_later(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Works as on a store where it takes long."""
    fill(db, has_topic("talks"), *(has_article(f"No {n}", topic="talks") for n in range(5)))
    worked_out: list[int] = []

    def slowly(session: Session) -> Any:
        worked_out.append(1)
        return calibration(session)

    calibration = module.calibration
    monkeypatch.setattr(module, "calibration", slowly)
    monkeypatch.setattr(module, "AT_ONCE_SECONDS", 0.0)
    clock = SetClock(NOW)
    with browsing(application(db, clock=clock)) as client:
        for path in ("/", "/?topic=talks", "/lines?offset=2", "/stories/1/reading", "/articles/1"):
            assert client.get(path).status_code == 200
        assert len(worked_out) == 1
        sends(client, script=True, verdict="confirmed", m1="on")
        sends(client, script=True, verdict="dismissed", m2="on")
        assert len(worked_out) == 1, "not with every verdict"
        clock.passes(seconds=RENEWED_EVERY.total_seconds())
        client.get("/")
        assert len(worked_out) == 2, "after the page was sent"
        clock.passes(seconds=RENEWED_EVERY.total_seconds())
        client.get("/")
        assert len(worked_out) == 2


def test_a_new_publisher_can_be_chosen_at_once_where_that_takes_no_time(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE_SECONDS", 60.0)
    fill(db, has_topic("talks"), has_article("First", topic="talks"))
    values = KeptValues(db, SetClock(NOW + timedelta(hours=1)))
    with db.reading() as session:
        assert set(values.known(session).choices.publishers) == {"Example News"}
    fill(db, has_article("Second", topic="talks", source="dawn", url="https://dawn.example/2"))
    with db.reading() as session:
        assert set(values.known(session).choices.publishers) == {"Example News", "dawn"}


def test_a_store_that_cannot_be_read_after_a_page_is_no_fault_of_the_page(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db, has_topic("talks"), has_article("First", topic="talks"))
    values = KeptValues(db, SetClock(NOW))
    with db.reading() as session:
        before = values.known(session)
    refused: list[str] = []

    def refuse() -> None:
        refused.append("the store is held")
        raise StoreBusyError(refused[-1])

    with monkeypatch.context() as held:
        held.setattr(db, "reading", refuse)
        values.renew()
    assert len(refused) == 1, "it was asked"
    with db.reading() as session:
        assert values.known(session) == before
