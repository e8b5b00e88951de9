"""Worker processes: limits, crashes, errors, cancelled callers, nothing inherited.

Limits are ample, so that no call fails on a loaded machine; calls that should be killed for time are made while the limit is
`hurried`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from monitor.reading.extract import read_articles
from monitor.reading.parse import read_feed
from monitor.reading.workers import Workers
from monitor.types.errors import BusyError, ConfigError, FetchError, ParseError
from tests.fakes import costly
from tests.fakes.patience import PATIENCE, soon, soon_on_loop

R = TypeVar("R")
AMPLE = timedelta(seconds=PATIENCE)
FOR_EVER = 10 * PATIENCE


def with_workers(
    story: Callable[[Workers], Awaitable[R]], processes: int = 1, memory_mb: int = 512, waiting: int = 8
) -> R:
    async def told() -> R:
        preload = ("tests.reading.test_workers",)
        with Workers(processes, AMPLE, memory_mb, preload, waiting=waiting) as workers:
            await workers.start()
            return await story(workers)

    return asyncio.run(told())


@contextlib.contextmanager
def hurried(workers: Workers) -> Iterator[None]:
    """Calls made meanwhile are killed after a second of processor time, a tenth of it in the first lane."""
    workers._limit_for = timedelta(seconds=1)
    try:
        yield
    finally:
        workers._limit_for = AMPLE


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def ends(pid: int) -> None:
    """Wait until the process is no more."""
    await soon_on_loop(lambda: not is_alive(pid))


# --- what runs in the processes ---------------------------------------------------------------------------------------


def busy(seconds: float = FOR_EVER) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def noted_and_busy(note: str) -> None:
    Path(note).write_text(str(os.getpid()))
    busy()


def noted_and_waiting(note: str, end: str) -> None:
    Path(note).write_text(str(os.getpid()))
    soon(Path(end).exists)


def busy_only_in(pid: int) -> int:
    if os.getpid() == pid:
        busy()
    return os.getpid()


def noted(note: Path) -> bool:
    """Whether a process has written its number down."""
    return note.exists() and bool(note.read_text())


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


def test_what_a_process_began_with_is_no_garbage_and_stays_shared() -> None:
    async def story(workers: Workers) -> None:
        assert await workers.run(gc.get_freeze_count) > 1_000

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
        with hurried(workers), pytest.raises(ParseError, match="took longer than 1 s") as caught:
            await workers.run(busy)
        assert caught.value.code == "too costly"
        await ends(pid)
        assert await workers.run(abs, -1) == 1

    with_workers(story)


def test_x2_an_entry_of_ten_thousands_of_categories_is_too_costly() -> None:
    async def story(workers: Workers) -> None:
        with hurried(workers), pytest.raises(ParseError) as caught:
            await workers.run(read_feed, costly.feed(), "https://e.org/feed", "text/xml")
        assert caught.value.code == "too costly"

    with_workers(story)


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


@pytest.mark.parametrize("is_noticed", [False, True])
def test_a_process_killed_while_idle_costs_nothing(is_noticed: bool) -> None:
    async def story(workers: Workers) -> None:
        for _ in range(2):
            pid = await workers.run(os.getpid)
            os.kill(pid, signal.SIGKILL)
            if is_noticed:
                await ends(pid)
            assert await workers.run(os.getpid) != pid

    with_workers(story)


def test_a_cancelled_call_is_killed_and_leaves_its_place_to_others(tmp_path: Path) -> None:
    async def story(workers: Workers) -> None:
        note = tmp_path / "pid"
        task = asyncio.create_task(workers.run(noted_and_busy, str(note)))
        await soon_on_loop(lambda: noted(note))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await workers.run(abs, -1) == 1
        await ends(int(note.read_text()))

    with_workers(story)


def test_a_cancelled_wait_for_a_free_process_takes_none(tmp_path: Path) -> None:
    note, end = tmp_path / "pid", tmp_path / "end"

    async def story(workers: Workers) -> None:
        first = asyncio.create_task(workers.run(noted_and_waiting, str(note), str(end)))
        await soon_on_loop(lambda: noted(note))
        waiting = asyncio.create_task(workers.run(abs, -1))
        await asyncio.sleep(0)  # now it waits
        waiting.cancel()
        end.touch()
        await first
        assert waiting.cancelled()
        assert await workers.run(abs, -2) == 2

    with_workers(story)


# --- several, and nothing left ----------------------------------------------------------------------------------------


def test_a_long_call_does_not_hold_up_the_other_process(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    async def story(workers: Workers) -> None:
        long = asyncio.create_task(workers.run(noted_and_busy, str(note)))
        await soon_on_loop(lambda: noted(note))
        for number in range(20):
            assert await asyncio.wait_for(workers.run(abs, -number), PATIENCE) == number
        assert not long.done()
        long.cancel()

    with_workers(story, processes=2)


def test_more_calls_than_processes_wait_their_turn() -> None:
    async def story(workers: Workers) -> None:
        pids = await asyncio.gather(*(workers.run(os.getpid) for _ in range(30)))
        assert len(set(pids)) <= 2

    with_workers(story, processes=2)


# --- fairness ---------------------------------------------------------------------------------------------------------


def marks(workers: Workers, caller: str, *, seconds: float = 1_000.0) -> None:
    """The caller's last call cost so much."""
    workers._costs.record(caller, seconds, time.monotonic())


def test_x2_a_good_feed_does_not_wait_behind_costly_ones() -> None:
    """Five that take for ever and are known for it: good ones that come last are done first."""
    done: list[str] = []

    async def reads(workers: Workers, name: str, seconds: float) -> None:
        with contextlib.suppress(ParseError, BusyError):
            await workers.run_for(name, busy, seconds)
        done.append(name)

    async def story(workers: Workers) -> None:
        marks(workers, "bad")
        bad = [asyncio.create_task(reads(workers, "bad", FOR_EVER)) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.gather(*(reads(workers, f"good-{n}", 0.0) for n in range(3)))
        assert done == ["good-0", "good-1", "good-2"]
        for task in bad:
            task.cancel()
        await asyncio.gather(*bad, return_exceptions=True)

    with_workers(story)


def test_fault_s3_time_by_the_clock_makes_nobody_costly() -> None:
    """A call that waits for a busy machine, here by sleeping, keeps its place in the first lane and is not killed."""

    async def story(workers: Workers) -> None:
        with hurried(workers):
            await workers.run_for("feed", time.sleep, 1.5)  # longer than its limit, without the processor
        assert workers._costs.expected("feed", time.monotonic()) < 0.1

    with_workers(story)


def test_fault_s3_a_machine_that_never_comes_to_a_document_is_not_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(workers: Workers) -> None:
        monkeypatch.setattr("monitor.reading.workers._CLOCK_SECONDS", 0.0)
        with hurried(workers), pytest.raises(BusyError, match="this machine was too busy"):
            await workers.run_for("feed", time.sleep, FOR_EVER)
        assert workers._costs.debt("feed", time.monotonic()) == 0.0

    with_workers(story)


def test_fault_s3_who_costs_less_is_next_and_who_costs_most_is_put_off(tmp_path: Path) -> None:
    done: list[str] = []
    note, end = tmp_path / "pid", tmp_path / "end"

    async def reads(workers: Workers, name: str) -> None:
        try:
            await workers.run_for(name, abs, -1)
            done.append(name)
        except BusyError:
            done.append(f"{name} put off")

    async def story(workers: Workers) -> None:
        for name, seconds in (("first", 900.0), ("much", 1_000.0), ("more", 2_000.0), ("little", 100.0)):
            marks(workers, name, seconds=seconds)
        first = asyncio.create_task(workers.run_for("first", noted_and_waiting, str(note), str(end)))
        await soon_on_loop(lambda: noted(note))  # the second lane is taken
        waiting = [asyncio.create_task(reads(workers, name)) for name in ("much", "more", "little")]
        await soon_on_loop(lambda: done)
        end.touch()
        await asyncio.gather(first, *waiting)
        assert done == ["more put off", "little", "much"]

    with_workers(story, waiting=2)


def test_a_call_that_is_too_long_for_the_first_lane_has_its_whole_time_in_the_second() -> None:
    async def story(workers: Workers) -> None:
        first = await workers.run(os.getpid)
        with hurried(workers):
            slow = asyncio.create_task(workers.run_for("slow", busy_only_in, first))
            await asyncio.sleep(0)  # it is in the first lane now, with a tenth of a second
        assert await slow != first
        assert await workers.run(abs, -1) == 1

    with_workers(story)


def test_who_was_costly_once_and_is_no_longer_comes_back_to_the_first_lane() -> None:
    async def story(workers: Workers) -> None:
        first = await workers.run(os.getpid)
        marks(workers, "feed")
        assert await workers.run_for("feed", os.getpid) != first  # in the second lane
        assert await workers.run_for("feed", os.getpid) == first

    with_workers(story)


def test_a_costly_call_is_remembered() -> None:
    async def story(workers: Workers) -> None:
        with hurried(workers), pytest.raises(ParseError, match="took longer than 1 s"):
            await workers.run_for("feed", busy)
        assert workers._costs.expected("feed", time.monotonic()) > 0.9

    with_workers(story)


def test_too_many_costly_ones_are_sent_away_rather_than_kept_waiting() -> None:
    async def story(workers: Workers) -> None:
        marks(workers, "bad")
        calls = [asyncio.create_task(workers.run_for("bad", busy)) for _ in range(12)]
        await soon_on_loop(lambda: len([each for each in calls if each.done()]) >= 3)
        sent_away = [each for each in calls if each.done() and isinstance(each.exception(), BusyError)]
        assert len(sent_away) == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert await workers.run(abs, -1) == 1

    with_workers(story)


def test_fault_s12_a_hard_limit_of_memory_below_the_setting_holds_and_everything_is_read() -> None:
    """The limit belongs to a process of its own, since it cannot be raised again."""
    code = (
        "import asyncio, resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (8_000_000_000, 8_000_000_000))\n"
        "from monitor.reading.workers import Workers\n"
        "async def story():\n"
        "    with Workers(memory_mb=65_536) as workers:\n"
        "        print(await workers.run(abs, -1))\n"
        "asyncio.run(story())\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert said.stdout == "1\n", said.stderr


def test_closing_ends_every_process_even_a_busy_one(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    async def story(workers: Workers) -> asyncio.Task[None]:
        task = asyncio.create_task(workers.run(noted_and_busy, str(note)))
        await soon_on_loop(lambda: noted(note))
        task.cancel()
        return task

    with_workers(story)
    assert soon(lambda: not is_alive(int(note.read_text())))


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
