"""Worker processes for parsing untrusted documents, killed when a call takes too much time or memory.

A feed of 128 KB can keep feedparser busy for minutes (case X2), and only killing its process stops that. Each process is a pebble
pool of one, so that a broken pool (they break when an idle process is killed from outside) is replaced without affecting the
others. Processes are forked from a fork server, which has done the imports and has none of our sockets, databases or threads.

Slow calls do not block fast ones: a call that has not finished after a fifth of its limit is started again in the slow lane, one
more process, and a caller that was slow last time goes there at once. Where no call is to be begun twice, there is no slow lane.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple, cast

from pebble import ProcessExpired, ProcessPool

from monitor.types.errors import BusyError, MonitorError, ParseError

R = TypeVar("R")
Args = TypeVarTuple("Args")

PRELOAD = ("monitor.reading.parse", "monitor.reading.extract", "monitor.text.language", "trafilatura", "protego")
"""Modules to import before the first call; by name, because this module does not depend on them."""
_START_FOR = timedelta(seconds=30)
"""Added to the limit, for a process that has to be started first; only a stuck machine takes so long."""
_MAX_CALLS = 1_000
"""After so many calls a process is replaced, because libraries leak memory."""
_FAST_SHARE = 0.2
"""The share of the limit after which a call moves to the slow lane."""
_MAX_WAITING = 8
"""In the slow lane; further callers are rejected, because a waiting caller occupies one of the concurrent polls."""
_MAX_SLOW_CALLERS = 10_000
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
        has_slow_lane: bool = True,
    ) -> None:
        """No process starts before the first call. `memory_mb` is what calls may add to a process's initial size."""
        self._first_share = _FAST_SHARE if has_slow_lane else 1.0
        self._limit_for = limit_for
        self._memory_mb = memory_mb
        self._preload = tuple(preload)
        self._slots = [_Slot(self._new_pool) for _ in range(processes)]
        self._slow_slot = _Slot(self._new_pool)
        self._slow_lock = asyncio.Lock()
        self._waiting = 0
        self._slow_callers: dict[str, None] = {}
        self._idle: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        for slot in self._slots:
            self._idle.put_nowait(slot)

    async def run(self, fn: Callable[[*Args], R], /, *args: *Args) -> R:
        """`fn(*args)` in a process; `fn` must be a module-level function, arguments and result must be picklable.

        Waits while all processes are busy; the limit counts from the moment a process takes the call. Raises what `fn` raises,
        and ParseError `too costly` where the call was killed for time or memory or crashed. Cancelling kills the process.
        """
        return await self.run_for("", fn, *args)

    async def run_for(self, caller: str, fn: Callable[[*Args], R], /, *args: *Args) -> R:
        """`run` for a `caller` (a feed, a host), which is remembered if its calls are slow. Also raises BusyError, where too many
        slow calls are waiting already.
        """
        if caller and caller in self._slow_callers:
            return cast(R, _unpack(await self._run_in_slow_lane(caller, fn, args)))
        slot = await self._idle.get()
        try:
            return cast(R, _unpack(await self._answer(slot, fn, args, self._limit_for * self._first_share)))
        except _OutOfTimeError:
            if self._first_share == 1.0:
                raise
            self._remember_slow(caller)
        except ParseError as error:
            if error.code == "too costly":
                self._remember_slow(caller)
            raise
        finally:
            self._idle.put_nowait(slot)
        return cast(R, _unpack(await self._run_in_slow_lane(caller, fn, args)))

    async def _run_in_slow_lane(self, caller: str, fn: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
        if self._waiting >= _MAX_WAITING:
            raise BusyError("too many costly documents wait to be read")
        self._waiting += 1
        try:
            await self._slow_lock.acquire()
        finally:
            self._waiting -= 1
        try:
            began = time.monotonic()
            answer = await self._answer(self._slow_slot, fn, args, self._limit_for)
            if time.monotonic() - began < (self._limit_for * _FAST_SHARE).total_seconds():
                self._slow_callers.pop(caller, None)
            return answer
        finally:
            if not self._waiting:
                self._slow_slot.drop()  # frees its memory; slow documents are rare
            self._slow_lock.release()

    def _remember_slow(self, caller: str) -> None:
        if caller:
            self._slow_callers[caller] = None
        if len(self._slow_callers) > _MAX_SLOW_CALLERS:
            del self._slow_callers[next(iter(self._slow_callers))]

    async def start(self) -> None:
        """Start all processes, imports included, before the first call."""
        await asyncio.gather(*(self.run(os.getpid) for _ in self._slots))

    def close(self) -> None:
        """Kill every process, running calls included. Takes a moment; may be called twice."""
        for slot in (*self._slots, self._slow_slot):
            slot.drop()
        for slot in (*self._slots, self._slow_slot):
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
                return await self._answer_once(slot, fn, args, limit_for.total_seconds())
            except BrokenProcessPool as broken:  # its process died while idle, before the call: retry in a new one
                slot.drop()
                failure = broken
        raise MonitorError(f"worker processes do not start or die at once ({failure})")

    async def _answer_once(self, slot: _Slot, fn: Callable[..., Any], args: tuple[Any, ...], limit: float) -> bytes:
        pool = await slot.ready()
        try:
            # pebble uses the wall clock, which may be set back; the event loop's clock is monotonic.
            async with asyncio.timeout(limit + _START_FOR.total_seconds()):
                return bytes(await asyncio.wrap_future(pool.schedule(_call, args=(fn, args), timeout=limit)))
        except TimeoutError:
            slot.drop()
            raise _OutOfTimeError(f"it took longer than {limit:g} s", code="too costly") from None
        except ProcessExpired as death:
            raise ParseError(_death_reason(death.exitcode, self._memory_mb), code="too costly") from None
        except asyncio.CancelledError:
            slot.drop()  # the whole pool: pebble alone might kill the process after it has taken the next call
            raise

    def _new_pool(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        # all pools share one fork server, which the first one starts
        context.set_forkserver_preload(list(dict.fromkeys((*PRELOAD, *self._preload))))
        limits = (self._memory_mb, self._preload)
        return ProcessPool(
            max_workers=1, max_tasks=_MAX_CALLS, initializer=_initialize, initargs=limits, context=context
        )


class _OutOfTimeError(ParseError):
    """The process was killed because its time was up."""


def _unpack(pickled: bytes) -> Any:
    is_answer, value = pickle.loads(pickled)
    if is_answer:
        return value
    raise value


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
    limit = _address_space() + memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _address_space() -> int:
    """Bytes of address space in use, which RLIMIT_AS limits; an estimate where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 1024 * 1024 * 1024


def _call(fn: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """(True, result) or (False, error), pickled here because a value that pebble cannot pickle breaks its pool."""
    try:
        return pickle.dumps((True, fn(*args)))
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)  # this process is not safe for another call
    except RecursionError:
        return pickle.dumps((False, ParseError("it is nested too deeply", code="too costly")))
    except MonitorError as error:
        return pickle.dumps((False, error))
    except Exception as error:  # a bug of ours: passed on to the caller with its traceback
        error.add_note(traceback.format_exc())
        return _pickle_error(error)


def _pickle_error(error: Exception) -> bytes:
    try:
        pickled = pickle.dumps((False, error))
        pickle.loads(pickled)
    except Exception:  # it cannot be pickled: pass on its text
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return pickled
