"""Work out to a process of its own, its answer back; the process is killed where it takes too long or too much memory.

A feed of 128 KB can keep feedparser busy for minutes (case X2) and nothing inside a process can stop that, so whatever reads
strangers' documents runs here. Each process is a pebble pool of one, so that a broken pool (they break when an idle process is
killed from outside) is replaced without touching its neighbours. Processes come from a fork server, which holds no socket, no
database and no thread of ours and has the imports done.

The costly do not stand before the others: a call that is not done after a fifth of its time begins anew in a second lane, a
process of its own, and whoever was costly last time goes there at once.
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
"""Imported before the first call, by name: this module stands beside them and knows none of them."""
_START_FOR = timedelta(seconds=30)
"""On top of the limit, for a process that has to be started first: only a stuck machine takes so long."""
_MAX_CALLS = 1_000
"""After so many calls a process is replaced: what its libraries leak goes with it."""
_QUICK = 0.2
"""The share of the limit that a call has before it goes to the second lane."""
_MOST_WAITING = 8
"""In the second lane; who comes then is sent away, for whoever waits there holds a place among the polls."""
_MOST_COSTLY = 10_000
_OUT_OF_MEMORY = 12
"""The exit code a process gives itself (ENOMEM)."""


class Workers:
    """A few processes for CPU-bound calls on untrusted input. Belongs to one event loop; close it, or use it in `with`."""

    def __init__(
        self,
        processes: int = 1,
        limit_for: timedelta = timedelta(seconds=10),
        memory_mb: int = 1024,
        preload: Iterable[str] = PRELOAD,
    ) -> None:
        """Nothing starts before the first call. `memory_mb` is what calls may add to a process's own size."""
        self._limit_for = limit_for
        self._memory_mb = memory_mb
        self._preload = tuple(preload)
        self._slots = [_Slot(self._new_pool) for _ in range(processes)]
        self._second = _Slot(self._new_pool)
        self._second_is_mine = asyncio.Lock()
        self._waiting = 0
        self._costly: dict[str, None] = {}
        self._idle: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        for slot in self._slots:
            self._idle.put_nowait(slot)

    async def run(self, fn: Callable[[*Args], R], /, *args: *Args) -> R:
        """`fn(*args)` in a process; `fn` is a module's own function, arguments and answer can be pickled.

        Waits while all processes are busy; the limit counts from the moment one takes the call. Raises what `fn` raises, and
        ParseError with code `too costly` where the process was killed for time or memory or died of the call. Cancelling the
        await kills the process.
        """
        return await self.run_for("", fn, *args)

    async def run_for(self, who: str, fn: Callable[[*Args], R], /, *args: *Args) -> R:
        """As `run`, on behalf of somebody (a feed, a host) who is remembered where it is costly. Raises BusyError as well, where
        too many costly ones wait already.
        """
        if who and who in self._costly:
            return cast(R, _opened(await self._in_second_lane(who, fn, args)))
        slot = await self._idle.get()
        try:
            return cast(R, _opened(await self._answer(slot, fn, args, self._limit_for * _QUICK)))
        except _OutOfTimeError:
            self._note(who)
        except ParseError as error:
            if error.code == "too costly":
                self._note(who)
            raise
        finally:
            self._idle.put_nowait(slot)
        return cast(R, _opened(await self._in_second_lane(who, fn, args)))

    async def _in_second_lane(self, who: str, fn: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
        if self._waiting >= _MOST_WAITING:
            raise BusyError("too many costly documents wait to be read")
        self._waiting += 1
        try:
            await self._second_is_mine.acquire()
        finally:
            self._waiting -= 1
        try:
            began = time.monotonic()
            answer = await self._answer(self._second, fn, args, self._limit_for)
            if time.monotonic() - began < (self._limit_for * _QUICK).total_seconds():
                self._costly.pop(who, None)
            return answer
        finally:
            if not self._waiting:
                self._second.drop()  # its memory is given back; costly documents are rare
            self._second_is_mine.release()

    def _note(self, who: str) -> None:
        if who:
            self._costly[who] = None
        if len(self._costly) > _MOST_COSTLY:
            del self._costly[next(iter(self._costly))]

    async def start(self) -> None:
        """Have every process up, its imports done, before the first call."""
        await asyncio.gather(*(self.run(os.getpid) for _ in self._slots))

    def close(self) -> None:
        """Kill every process, running calls included. Takes a moment; may be called twice."""
        for slot in (*self._slots, self._second):
            slot.drop()
        for slot in (*self._slots, self._second):
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
            except (
                BrokenProcessPool
            ) as broken:  # its process died while idle, the call was not begun: once more, in a new one
                slot.drop()
                failure = broken
        raise MonitorError(f"worker processes do not start or die at once ({failure})")

    async def _answer_once(self, slot: _Slot, fn: Callable[..., Any], args: tuple[Any, ...], limit: float) -> bytes:
        pool = await slot.ready()
        try:
            # pebble measures by the wall clock, which may be set back; the loop's cannot.
            async with asyncio.timeout(limit + _START_FOR.total_seconds()):
                return bytes(await asyncio.wrap_future(pool.schedule(_call, args=(fn, args), timeout=limit)))
        except TimeoutError:
            slot.drop()
            raise _OutOfTimeError(f"it took longer than {limit:g} s", code="too costly") from None
        except ProcessExpired as death:
            raise ParseError(_why(death.exitcode, self._memory_mb), code="too costly") from None
        except asyncio.CancelledError:
            slot.drop()  # all of it: pebble alone might kill the process after it has taken the next call
            raise

    def _new_pool(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        # one fork server serves all: whoever comes first starts it
        context.set_forkserver_preload(list(dict.fromkeys((*PRELOAD, *self._preload))))
        limits = (self._memory_mb, self._preload)
        return ProcessPool(max_workers=1, max_tasks=_MAX_CALLS, initializer=_prepare, initargs=limits, context=context)


class _OutOfTimeError(ParseError):
    """Its process was killed for time."""


def _opened(pickled: bytes) -> Any:
    is_answer, value = pickle.loads(pickled)
    if is_answer:
        return value
    raise value


class _Slot:
    """Room for one process: a pool that is made when needed and dropped when it can no longer be trusted."""

    def __init__(self, new_pool: Callable[[], ProcessPool]) -> None:
        self._new_pool = new_pool
        self._pool: ProcessPool | None = None
        self._changing = threading.Lock()
        self._stopping: list[threading.Thread] = []

    async def ready(self) -> ProcessPool:
        """A pool that takes calls. Starting one blocks until the fork server has done its imports: not on the event loop."""
        if self._pool is not None and self._pool.active:
            return self._pool
        return await asyncio.to_thread(self._started)

    def _started(self) -> ProcessPool:
        with self._changing:
            if self._pool is None or not self._pool.active:
                self._stop(self._pool)
                self._pool = self._new_pool()
            if not self._pool.active:
                raise BrokenProcessPool("the process did not start")
            return self._pool

    def drop(self) -> None:
        """Forget the pool and kill its process, in the background."""
        pool, self._pool = self._pool, None
        self._stop(pool)

    def wait(self) -> None:
        """Until all that was dropped is gone."""
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


def _why(exitcode: int, memory_mb: int) -> str:
    if exitcode == _OUT_OF_MEMORY:
        return f"it needs more than {memory_mb} MB of memory"
    cause = f"signal {signal.Signals(-exitcode).name}" if exitcode < 0 else f"exit code {exitcode}"
    return f"the process that read it died ({cause})"


# --- inside the process -----------------------------------------------------------------------------------------------


def _prepare(memory_mb: int, preload: tuple[str, ...]) -> None:
    """A new process: die at once when told to, grow no further than allowed, write no core, have everything loaded."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for name in preload:
        getattr(importlib.import_module(name), "preload", lambda: None)()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = _size() + memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _size() -> int:
    """Bytes of address space in use, which is what RLIMIT_AS counts; a fair guess where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 1024 * 1024 * 1024


def _call(fn: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """Whether `fn` answered, and its answer or error, pickled here: what pebble cannot pickle or unpickle breaks its pool."""
    try:
        return pickle.dumps((True, fn(*args)))
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)  # what is left of this process is no place for the next call
    except RecursionError:
        return pickle.dumps((False, ParseError("it is nested too deeply", code="too costly")))
    except MonitorError as error:
        return pickle.dumps((False, error))
    except Exception as error:  # a fault of ours: it belongs to the caller, with the place it happened
        error.add_note(traceback.format_exc())
        return _pickled(error)


def _pickled(error: Exception) -> bytes:
    try:
        pickled = pickle.dumps((False, error))
        pickle.loads(pickled)
    except Exception:  # an error that cannot travel: its words can
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return pickled
