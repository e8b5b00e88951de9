"""Calls in processes that can be killed: limits, deaths, errors, cancelled callers, nothing inherited."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from monitor.reading.extract import read_articles
from monitor.reading.parse import read_feed
from monitor.reading.workers import Workers
from monitor.types.errors import BusyError, ConfigError, FetchError, ParseError

R = TypeVar("R")
SHORT = timedelta(seconds=1)
AMPLE = timedelta(seconds=60)


def with_workers(
    story: Callable[[Workers], Awaitable[R]], processes: int = 1, limit_for: timedelta = AMPLE, memory_mb: int = 512
) -> R:
    async def told() -> R:
        with Workers(processes, limit_for, memory_mb, preload=("tests.test_workers",)) as workers:
            await workers.start()
            return await story(workers)

    return asyncio.run(told())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def is_soon_dead(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.05)
    return False


# --- what runs in the processes ---------------------------------------------------------------------------------------


def busy(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def noted_and_busy(file: str, seconds: float) -> None:
    Path(file).write_text(str(os.getpid()))
    busy(seconds)


def eats(megabytes: int) -> int:
    return len(bytearray(megabytes * 1024 * 1024))


def fails_to_fetch() -> None:
    raise FetchError(
        "gone", url="https://e.org/", code="410", status=410, retry_after_for=timedelta(hours=1), is_gone=True
    )


def fails_to_configure() -> None:
    raise ConfigError("first fault", "second fault")


class OddError(Exception):
    def __init__(self, *, needed: int) -> None:
        super().__init__("odd")


def fails_oddly() -> None:
    raise OddError(needed=1)


def fails_as_bugs_do() -> None:
    raise KeyError("missing")


def answers_what_cannot_travel() -> object:
    return lambda: None


def nests(depth: int) -> int:
    return nests(depth + 1)


def open_sockets() -> list[str]:
    links = (os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if _is_open(each))
    return sorted(link for link in links if link.startswith("socket:"))


def _is_open(descriptor: str) -> bool:
    return Path(f"/proc/self/fd/{descriptor}").is_symlink()


# --- answers and errors -----------------------------------------------------------------------------------------------


def test_a_call_runs_in_another_process_and_its_answer_comes_back() -> None:
    async def story(workers: Workers) -> None:
        assert await workers.run(sum, [1, 2, 3]) == 6
        assert await workers.run(os.getpid) != os.getpid()
        assert await workers.run(len, b"x" * 10_000_000) == 10_000_000

    with_workers(story)


def test_our_errors_arrive_whole() -> None:
    async def story(workers: Workers) -> None:
        with pytest.raises(FetchError, match="gone") as fetch:
            await workers.run(fails_to_fetch)
        assert (fetch.value.url, fetch.value.code, fetch.value.status) == ("https://e.org/", "410", 410)
        assert (fetch.value.retry_after_for, fetch.value.is_gone) == (timedelta(hours=1), True)
        with pytest.raises(ConfigError) as config:
            await workers.run(fails_to_configure)
        assert config.value.faults == ("first fault", "second fault")

    with_workers(story)


def test_other_errors_arrive_with_the_place_they_happened() -> None:
    async def story(workers: Workers) -> None:
        with pytest.raises(KeyError) as bug:
            await workers.run(fails_as_bugs_do)
        assert "fails_as_bugs_do" in bug.value.__notes__[0]
        with pytest.raises(RuntimeError, match="OddError: odd"):
            await workers.run(fails_oddly)
        with pytest.raises(Exception, match="pickle"):
            await workers.run(answers_what_cannot_travel)
        assert await workers.run(abs, -1) == 1

    with_workers(story)


def test_endless_nesting_is_too_costly() -> None:
    async def story(workers: Workers) -> None:
        with pytest.raises(ParseError, match="nested too deeply"):
            await workers.run(nests, 0)

    with_workers(story)


# --- killed -----------------------------------------------------------------------------------------------------------


def test_x2_a_call_past_its_limit_is_killed_and_the_next_one_runs() -> None:
    async def story(workers: Workers) -> None:
        pid = await workers.run(os.getpid)
        began = time.monotonic()
        with pytest.raises(ParseError, match="took longer than 1 s") as caught:
            await workers.run(busy, 120.0)
        assert caught.value.code == "too costly"
        assert time.monotonic() - began < 10
        assert await is_soon_dead(pid)
        assert await workers.run(abs, -1) == 1

    with_workers(story, limit_for=SHORT)


def test_x2_an_author_made_of_dots_is_too_costly() -> None:
    body = b"<rss><channel><item><author>" + b"a." * 64_000 + b"</author></item></channel></rss>"

    async def story(workers: Workers) -> None:
        with pytest.raises(ParseError) as caught:
            await workers.run(read_feed, body, "https://e.org/feed", "text/xml")
        assert caught.value.code == "too costly"

    with_workers(story, limit_for=SHORT)


def test_x3_a_call_that_needs_too_much_memory_dies_alone() -> None:
    async def story(workers: Workers) -> None:
        with pytest.raises(ParseError, match="more than 256 MB") as caught:
            await workers.run(eats, 2_000)
        assert caught.value.code == "too costly"
        assert await workers.run(eats, 1) == 1024 * 1024

    with_workers(story, memory_mb=256)


def test_a_process_killed_at_work_costs_only_its_call() -> None:
    async def story(workers: Workers) -> None:
        with pytest.raises(ParseError, match="SIGKILL") as caught:
            await workers.run(signal.raise_signal, signal.SIGKILL)
        assert caught.value.code == "too costly"
        with pytest.raises(ParseError, match="exit code 3"):
            await workers.run(os._exit, 3)
        assert await workers.run(abs, -1) == 1

    with_workers(story)


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_process_killed_while_idle_costs_nothing(pause: float) -> None:
    async def story(workers: Workers) -> None:
        for _ in range(2):
            pid = await workers.run(os.getpid)
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(pause)
            assert await workers.run(os.getpid) != pid

    with_workers(story)


def test_a_cancelled_call_is_killed_and_leaves_its_place_to_others(tmp_path: Path) -> None:
    async def story(workers: Workers) -> None:
        note = tmp_path / "pid"
        task = asyncio.create_task(workers.run(noted_and_busy, str(note), 120.0))
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await workers.run(abs, -1) == 1
        assert await is_soon_dead(int(note.read_text()))

    with_workers(story)


def test_a_cancelled_wait_for_a_free_process_takes_none() -> None:
    async def story(workers: Workers) -> None:
        first = asyncio.create_task(workers.run(busy, 0.5))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(workers.run(abs, -1))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await first
        assert await workers.run(abs, -2) == 2

    with_workers(story)


# --- several, and nothing left ----------------------------------------------------------------------------------------


def test_a_long_call_does_not_hold_up_the_other_process() -> None:
    async def story(workers: Workers) -> None:
        long = asyncio.create_task(workers.run(time.sleep, 120))
        await asyncio.sleep(0.1)
        for number in range(20):
            assert await asyncio.wait_for(workers.run(abs, -number), 30) == number
        assert not long.done()
        long.cancel()

    with_workers(story, processes=2)


def test_more_calls_than_processes_wait_their_turn() -> None:
    async def story(workers: Workers) -> None:
        pids = await asyncio.gather(*(workers.run(os.getpid) for _ in range(30)))
        assert len(set(pids)) <= 2

    with_workers(story, processes=2)


# --- fairness ---------------------------------------------------------------------------------------------------------


def test_x2_a_good_feed_does_not_wait_behind_costly_ones() -> None:
    """Fourteen that take a second each and are killed then: a good one that comes last is among the first to be done."""
    done: list[str] = []

    async def reads(workers: Workers, name: str, seconds: float) -> None:
        with contextlib.suppress(ParseError, BusyError):
            await workers.run_for(name, busy, seconds)
        done.append(name)

    async def story(workers: Workers) -> None:
        await reads(workers, "bad-0", 60.0)  # now it is known
        bad = [asyncio.create_task(reads(workers, "bad-0", 60.0)) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.gather(*(reads(workers, f"good-{n}", 0.0) for n in range(3)))
        assert done == ["bad-0", "good-0", "good-1", "good-2"]
        for task in bad:
            task.cancel()
        await asyncio.gather(*bad, return_exceptions=True)

    with_workers(story, limit_for=timedelta(seconds=4))


def test_a_long_call_has_its_whole_time_in_the_second_lane() -> None:
    async def story(workers: Workers) -> None:
        await workers.run_for("slow", busy, 1.0)  # five times what the first lane gives
        assert await workers.run(abs, -1) == 1

    with_workers(story, limit_for=timedelta(seconds=4))


def test_who_was_costly_once_and_is_no_longer_comes_back_to_the_first_lane() -> None:
    async def story(workers: Workers) -> None:
        first = await workers.run(os.getpid)
        with pytest.raises(ParseError):
            await workers.run_for("feed", busy, 60.0)
        after = await workers.run(os.getpid)
        assert after != first
        assert await workers.run_for("feed", os.getpid) != after  # in the second lane
        assert await workers.run_for("feed", os.getpid) == after

    with_workers(story, limit_for=timedelta(seconds=2))


def test_too_many_costly_ones_are_sent_away_rather_than_kept_waiting() -> None:
    async def story(workers: Workers) -> None:
        with pytest.raises(ParseError):
            await workers.run_for("bad", busy, 60.0)
        calls = [asyncio.create_task(workers.run_for("bad", busy, 60.0)) for _ in range(12)]
        await asyncio.sleep(0.2)
        sent_away = [each for each in calls if each.done() and isinstance(each.exception(), BusyError)]
        assert len(sent_away) == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert await workers.run(abs, -1) == 1

    with_workers(story, limit_for=timedelta(seconds=3))


def test_closing_ends_every_process_even_a_busy_one(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    async def story(workers: Workers) -> asyncio.Task[None]:
        task = asyncio.create_task(workers.run(noted_and_busy, str(note), 120.0))
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.02)
        task.cancel()
        return task

    with_workers(story)
    deadline = time.monotonic() + 10
    while is_alive(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(int(note.read_text()))


def test_a_process_holds_no_socket_of_ours() -> None:
    async def story(workers: Workers) -> list[str]:
        return await workers.run(open_sockets)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        ours = os.readlink(f"/proc/self/fd/{listener.fileno()}")
        assert ours not in with_workers(story)


def test_a_poll_takes_two_trips() -> None:
    body = b"<rss><channel><language>fr</language><item><title>Un titre assez court</title><guid>1</guid></item></channel></rss>"

    async def story(workers: Workers) -> None:
        feed = await workers.run(read_feed, body, "https://e.org/feed", "text/xml")
        seen_at = datetime(2021, 10, 20, tzinfo=UTC)
        (article,) = await workers.run(read_articles, feed.entries, "Wire", seen_at, feed.language)
        assert (article.title, article.language, article.seen_at) == ("Un titre assez court", "fr", seen_at)

    with_workers(story)
