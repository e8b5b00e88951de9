from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from monitor.web.health import Heartbeats

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIMITS = {"poll": timedelta(seconds=30)}


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
    assert pulse.check(NOW, LIMITS).problems == ("poll: no sign of life yet",)
    pulse.beat("poll", NOW - timedelta(seconds=31))
    assert pulse.check(NOW, LIMITS).problems == ("poll: no sign of life for 31 s",)
    assert not pulse.check(NOW, LIMITS).is_ok


def test_d8_a_clock_set_back_is_no_silence() -> None:
    pulse = Heartbeats()
    pulse.beat("poll", NOW + timedelta(hours=1))
    assert pulse.check(NOW, LIMITS).is_ok


def test_a_problem_stands_until_it_is_taken_back() -> None:
    pulse = Heartbeats()
    pulse.set_problem("store", "the disk is full")
    pulse.set_problem("seeds", "one topic has no seed")
    assert pulse.check(NOW, {}).problems == ("seeds: one topic has no seed", "store: the disk is full")
    pulse.set_problem("store", None)
    pulse.set_problem("never there", None)
    assert pulse.check(NOW, {}).problems == ("seeds: one topic has no seed",)


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
            pulse.set_problem(f"{name} {second}", "ill" if second % 2 else None)
            pulse.check(NOW, LIMITS)

    threads = [threading.Thread(target=beats, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pulse.check(NOW, {}).beats) == 2000
