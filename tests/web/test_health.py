from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from monitor.types.condition import Code, Problem, failure, silent_part, store_problem, warning
from monitor.web.health import Health, Heartbeats

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIMITS = {"poll": timedelta(seconds=30)}
FULL = store_problem("the disk is full")
BUSY = store_problem("the store is busy")


def says(health: Health) -> tuple[str, ...]:
    return tuple(each.says for each in health.problems)


def test_a_service_that_beats_is_well() -> None:
    pulse = Heartbeats()
    pulse.beat("poll", NOW - timedelta(seconds=30))
    pulse.beat("deliver", NOW - timedelta(hours=1))
    health = pulse.check(NOW, LIMITS)
    assert health.is_ok
    assert health.problems == ()
    assert health.beats == {"poll": NOW - timedelta(seconds=30), "deliver": NOW - timedelta(hours=1)}


def test_c4_silence_past_its_limit_is_a_problem() -> None:
    pulse = Heartbeats()
    assert says(pulse.check(NOW, LIMITS)) == ("poll: no sign of life yet",)
    pulse.beat("poll", NOW - timedelta(seconds=31))
    assert says(pulse.check(NOW, LIMITS)) == ("poll: no sign of life for 31 s",)
    assert not pulse.check(NOW, LIMITS).is_ok


def test_d8_a_clock_set_back_is_no_silence() -> None:
    pulse = Heartbeats()
    pulse.beat("poll", NOW + timedelta(hours=1))
    assert pulse.check(NOW, LIMITS).is_ok


def test_a_problem_stands_until_it_is_taken_back() -> None:
    pulse = Heartbeats()
    pulse.set_problem("store", FULL)
    pulse.set_problem("seeds", BUSY)
    assert pulse.check(NOW, {}).problems == (BUSY, FULL)
    pulse.set_problem("store", None)
    pulse.set_problem("never there", None)
    assert pulse.check(NOW, {}).problems == (BUSY,)


def test_what_people_should_know_is_no_problem() -> None:
    pulse = Heartbeats()
    pulse.set_notes("seeds", ["bridge: its folder is away", "choir: its folder is broken"])
    health = pulse.check(NOW, {})
    assert health.is_ok
    assert health.notes == ("seeds: bridge: its folder is away", "seeds: choir: its folder is broken")
    pulse.set_notes("seeds", [])
    assert pulse.check(NOW, {}).notes == ()


def test_many_threads_may_beat_at_once() -> None:
    pulse = Heartbeats()

    def beats(name: str) -> None:
        for second in range(500):
            pulse.beat(f"{name} {second}", NOW)
            pulse.set_problem(f"{name} {second}", FULL if second % 2 else None)
            pulse.check(NOW, LIMITS)

    threads = [threading.Thread(target=beats, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pulse.check(NOW, {}).beats) == 2000


LATE = failure(Code.LATE_FEEDS, "feeds", "3 of 3 feeds are late", "")
LOW = warning(Code.DISK_LOW, "disk", "the disk is nearly full", "")
NO_TOPIC = failure(Code.NO_TOPICS, "topics", "there is no topic", "")


def test_what_was_found_out_in_the_background_is_added_with_its_age_and_nothing_is_said_twice() -> None:
    known = Health(problems=(silent_part("poll: no sign of life yet"), LOW))
    again = Problem(**{**{name: getattr(LOW, name) for name in LOW.__slots__}, "says": "nearly full, said the other"})
    health = known.and_also((LATE, again), timedelta(seconds=7))
    assert says(health) == ("poll: no sign of life yet", LATE.says, LOW.says)
    assert health.age_for == timedelta(seconds=7)


def test_only_an_outage_makes_the_service_fail() -> None:
    assert Health(problems=(LOW, NO_TOPIC)).is_ok
    assert not Health(problems=(LOW, LATE)).is_ok
