"""Worker processes for parsing untrusted documents, killed when a call takes too much time or memory.

A feed of 1 MB can keep feedparser busy for half a minute (case X2), and only killing its process stops that. Each process is a
pebble pool of one, so that a broken pool (they break when an idle process is killed from outside) is replaced without affecting
the others. Processes are forked from a fork server, which has done the imports and has none of our sockets, databases or
threads.

Costly calls do not block others: a call that has not finished after a tenth of its limit is started again in the slow lane, one
more process, and a caller whose last call was costly goes there at once. Who is next in a lane, and who is put off where too
many wait, is decided in `reading.turns`, by processor time.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple, cast

from pebble import ProcessExpired, ProcessPool

from monitor.reading.turns import Costs, Waiting, next_of, one_too_many
from monitor.types.errors import BusyError, MonitorError, ParseError

R = TypeVar("R")
Args = TypeVarTuple("Args")

PRELOAD = ("monitor.reading.delta", "monitor.reading.extract", "monitor.text.language", "trafilatura", "protego")
"""Modules to import before the first call; by name, because this module does not depend on them."""
_LAST = "monitor.reading.preloaded"
_START_FOR = timedelta(seconds=30)
"""Added to the limit, for a process that has to be started first; only a stuck machine takes so long."""
_MAX_CALLS = 1_000
"""After so many calls a process is replaced, because libraries leak memory."""
_FAST_SHARE = 0.1
"""The share of the limit after which a call moves to the slow lane. A large honest feed takes a few tenths of a second."""
_FIRST_SHARE = 0.025
"""The share after which it is started again in the first lane, behind all that cost nothing yet: thirty costly feeds that
nobody knows hold up others for a few seconds only."""
_CLOCK_SHARE = 2.0
_CLOCK_SECONDS = 20.0
"""How many times its processor time a call may take by the clock, and how much more, on a machine that is busy with other
things: in both lanes together less than a poll may take."""
_WAITING = 8
"""In the slow lane; further ones are put off, because a waiting caller occupies one of the concurrent polls."""
_OUT_OF_MEMORY = 12
"""The exit code of a process that is out of memory (ENOMEM)."""


class Workers:
    """Processes for CPU-bound calls on untrusted input. Belongs to one event loop; close it, or use it in `with`."""

    def __init__(
        self,
        processes: int = 1,
        limit_for: timedelta = timedelta(seconds=10),
        memory_mb: int = 1024,
        preload: Iterable[str] = PRELOAD,
        *,
        waiting: int = _WAITING,
        counts_processor_time: bool = True,
    ) -> None:
        """No process starts before the first call. `memory_mb` is what calls may add to a process's initial size, `waiting` how
        many may wait in the slow lane. `counts_processor_time`: False limits the time by the clock and has one lane, for work
        on several threads.
        """
        self._limit_for = limit_for
        self._memory_mb = memory_mb
        self._preload = tuple(preload)
        self._counts_processor_time = counts_processor_time
        self._costs = Costs()
        self._fast = _Lane([_Slot(self._new_pool) for _ in range(processes)], self._costs)
        self._slow = _Lane([_Slot(self._new_pool)], self._costs, room=waiting)
        self.problem: str | None = None
        """Why no process starts at the moment; None where they do."""

    async def run(self, fn: Callable[[*Args], R], /, *args: *Args) -> R:
        """`fn(*args)` in a process; `fn` must be a module-level function, arguments and result must be picklable.

        Waits while all processes are busy; the limit counts from the moment a process takes the call. Raises what `fn` raises,
        and ParseError `too costly` where the call was killed for time or memory or crashed. Cancelling kills the process.
        """
        return await self.run_for("", fn, *args)

    async def run_for(self, caller: str, fn: Callable[[*Args], R], /, *args: *Args) -> R:
        """`run` for a `caller` (a feed, a host), whose calls' costs are remembered for a while. Also raises BusyError, where
        too many costly calls wait already, and where the machine was too busy to make the call.
        """
        if not self._counts_processor_time:  # nothing is started twice: what its process keeps would be lost
            return cast(R, await self._run_in(self._fast, caller, fn, args, self._limit_for))
        expected = self._costs.expected(caller, _now())
        for limit_for in (self._limit_for * _FIRST_SHARE, self._limit_for * _FAST_SHARE):
            if expected <= limit_for.total_seconds():
                with suppress(_OutOfTimeError):
                    return cast(R, await self._run_in(self._fast, caller, fn, args, limit_for))
        try:
            return cast(R, await self._run_in(self._slow, caller, fn, args, self._limit_for))
        except _OutOfClockTimeError as error:
            raise BusyError(f"this machine was too busy to read it ({error})") from error

    async def _run_in(
        self, lane: _Lane, caller: str, fn: Callable[..., Any], args: tuple[Any, ...], limit_for: timedelta
    ) -> Any:
        slot = await lane.take(caller)
        try:
            is_answer, value, seconds = pickle.loads(await self._answer(slot, fn, args, limit_for))
        except _OutOfClockTimeError:
            raise
        except ParseError as error:
            if error.code == "too costly":
                # Nobody knows what it would have cost: more than any other, until a call of it ends.
                self._note_cost(caller, limit_for.total_seconds(), at_least=self._limit_for.total_seconds())
            raise
        finally:
            lane.give_back(slot)
            if lane is self._slow and lane.is_free:
                slot.drop()  # frees its memory; costly documents are rare
        self._note_cost(caller, seconds)
        if is_answer:
            return value
        raise value

    def _note_cost(self, caller: str, seconds: float, *, at_least: float = 0.0) -> None:
        if caller:
            self._costs.record(caller, seconds, _now(), at_least=at_least)

    async def start(self) -> None:
        """Start all processes, imports included, before the first call."""
        await asyncio.gather(*(self.run(os.getpid) for _ in self._fast.slots))

    def close(self) -> None:
        """Kill every process, running calls included. Takes a moment; may be called twice."""
        slots = (*self._fast.slots, *self._slow.slots)
        for slot in slots:
            slot.drop()
        for slot in slots:
            slot.wait()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _answer(self, slot: _Slot, fn: Callable[..., Any], args: tuple[Any, ...], limit_for: timedelta) -> bytes:
        for _ in range(2):
            try:
                answer = await self._answer_once(slot, fn, args, limit_for.total_seconds())
            except BrokenProcessPool as broken:  # its process died while idle, before the call: retry in a new one
                slot.drop()
                failure = broken
            else:
                self.problem = None
                return answer
        self.problem = f"worker processes do not start or die at once ({failure})"
        raise MonitorError(self.problem)

    async def _answer_once(self, slot: _Slot, fn: Callable[..., Any], args: tuple[Any, ...], limit: float) -> bytes:
        pool = await slot.ready()
        seconds, clock_limit = (
            (limit, _CLOCK_SHARE * limit + _CLOCK_SECONDS) if self._counts_processor_time else (0.0, limit)
        )
        try:
            # pebble uses the wall clock, which may be set back; the event loop's clock is monotonic.
            async with asyncio.timeout(clock_limit + _START_FOR.total_seconds()):
                return bytes(
                    await asyncio.wrap_future(pool.schedule(_call, args=(fn, args, seconds), timeout=clock_limit))
                )
        except TimeoutError:
            slot.drop()
            if self._counts_processor_time:
                raise _OutOfClockTimeError(f"no answer within {clock_limit:g} s", code="busy") from None
            raise _OutOfTimeError(f"it took longer than {limit:g} s", code="too costly") from None
        except ProcessExpired as death:
            if death.exitcode == -signal.SIGPROF:
                raise _OutOfTimeError(f"it took longer than {limit:g} s", code="too costly") from None
            raise ParseError(_death_reason(death.exitcode, self._memory_mb), code="too costly") from None
        except asyncio.CancelledError:
            slot.drop()  # the whole pool: pebble alone might kill the process after it has taken the next call
            raise

    def _new_pool(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        # all pools share one fork server, which the first one starts
        context.set_forkserver_preload(list(dict.fromkeys((*PRELOAD, *self._preload, _LAST))))
        limits = (self._memory_mb, self._preload)
        return ProcessPool(
            max_workers=1, max_tasks=_MAX_CALLS, initializer=_initialize, initargs=limits, context=context
        )


def memory_fault(memory_mb: int) -> str:
    """What keeps processes from having so much memory, in one sentence; '' where nothing does."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or _address_space() + memory_mb * 1024 * 1024 <= hard:
        return ""
    return (
        f"workers.memory_mb = {memory_mb} is more than this process may use: its hard limit of {hard // 1024 // 1024} MB "
        "in all holds instead (ulimit -v, LimitAS); large feeds may need more"
    )


class _OutOfTimeError(ParseError):
    """The process was killed because its time was up."""


class _OutOfClockTimeError(_OutOfTimeError):
    """It was killed though it had little processor time: the fault is not the document's."""


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Lane:
    """Processes, and those who wait for one. `room`: how many may wait."""

    def __init__(self, slots: Sequence[_Slot], costs: Costs, *, room: int | None = None) -> None:
        self.slots = tuple(slots)
        self._costs, self._room = costs, room
        self._idle = list(slots)
        self._waiting: dict[asyncio.Future[_Slot], Waiting] = {}
        self._numbers = itertools.count()

    @property
    def is_free(self) -> bool:
        """Whether nobody uses it or waits for it."""
        return len(self._idle) == len(self.slots)

    async def take(self, caller: str) -> _Slot:
        """A free process, in turn. Raises BusyError in whoever has to go where too many wait."""
        if self._idle:
            return self._idle.pop()
        turn: asyncio.Future[_Slot] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = Waiting(caller, next(self._numbers), turn)
        self._put_off_one()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self.give_back(turn.result())
            raise
        finally:
            self._waiting.pop(turn, None)

    def give_back(self, slot: _Slot) -> None:
        """Hand a process to whoever is next."""
        waiting = [each for turn, each in self._waiting.items() if not turn.done()]
        if not waiting:
            self._idle.append(slot)
            return
        turn = next_of(waiting, self._costs, _now()).ticket
        turn.set_result(slot)
        del self._waiting[turn]

    def _put_off_one(self) -> None:
        waiting = [each for turn, each in self._waiting.items() if not turn.done()]
        room = len(waiting) if self._room is None else self._room
        if found := one_too_many(waiting, self._costs, _now(), room=room):
            found.ticket.set_exception(BusyError("too many costly documents wait to be read"))


class _Slot:
    """One process: a pebble pool that is created when needed and replaced when it is broken."""

    def __init__(self, new_pool: Callable[[], ProcessPool]) -> None:
        self._new_pool = new_pool
        self._pool: ProcessPool | None = None
        self._changing = threading.Lock()
        self._stopping: list[threading.Thread] = []

    async def ready(self) -> ProcessPool:
        """A pool that accepts calls. Starts one in a thread, since that blocks until the fork server has done its imports."""
        if self._pool is not None and self._pool.active:
            return self._pool
        return await asyncio.to_thread(self._start_pool)

    def _start_pool(self) -> ProcessPool:
        with self._changing:
            if self._pool is None or not self._pool.active:
                self._stop(self._pool)
                self._pool = self._new_pool()
            if not self._pool.active:
                raise BrokenProcessPool("the process did not start")
            return self._pool

    def drop(self) -> None:
        """Discard the pool and kill its process in the background."""
        pool, self._pool = self._pool, None
        self._stop(pool)

    def wait(self) -> None:
        """Wait until all discarded processes are gone."""
        for thread in self._stopping:
            thread.join()
        self._stopping.clear()

    def _stop(self, pool: ProcessPool | None) -> None:
        if pool is not None:
            self._stopping = [thread for thread in self._stopping if thread.is_alive()]
            self._stopping.append(threading.Thread(target=_stop, args=(pool,), name="stop-worker"))
            self._stopping[-1].start()


def _stop(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _death_reason(exitcode: int, memory_mb: int) -> str:
    if exitcode == _OUT_OF_MEMORY:
        return f"it needs more than {memory_mb} MB of memory"
    cause = f"signal {signal.Signals(-exitcode).name}" if exitcode < 0 else f"exit code {exitcode}"
    return f"the process that read it died ({cause})"


# --- inside the process -----------------------------------------------------------------------------------------------


def _initialize(memory_mb: int, preload: tuple[str, ...]) -> None:
    """Set up a new process: default SIGTERM handling, imports, no core dumps, a limit on memory."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for name in preload:
        getattr(importlib.import_module(name), "preload", lambda: None)()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, also where C code never comes back to Python
    wanted = _address_space() + memory_mb * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    # A hard limit of this process's (ulimit -v, systemd's LimitAS) cannot be raised: then that one holds.
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _address_space() -> int:
    """Bytes of address space in use, which RLIMIT_AS limits; an estimate where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 1024 * 1024 * 1024


def _call(fn: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> bytes:
    """(True, result, processor seconds) or (False, error, ...), pickled here because a value that pebble cannot pickle breaks
    its pool.

    SIGPROF ends the process after so many seconds of processor time of all its threads; 0: never.
    """
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return _pickled(True, fn(*args), began)
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)  # this process is not safe for another call
    except RecursionError:
        return _pickled(False, ParseError("it is nested too deeply", code="too costly"), began)
    except MonitorError as error:
        return _pickled(False, error, began)
    except Exception as error:  # a bug of ours: passed on to the caller with its traceback
        error.add_note(traceback.format_exc())
        return _pickle_error(error, began)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _pickled(is_answer: bool, value: object, began: float) -> bytes:
    return pickle.dumps((is_answer, value, time.process_time() - began))


def _pickle_error(error: Exception, began: float) -> bytes:
    try:
        pickled = _pickled(False, error, began)
        pickle.loads(pickled)
    except Exception:  # it cannot be pickled: pass on its text
        return _pickled(False, RuntimeError(f"{type(error).__name__}: {error}"), began)
    return pickled
