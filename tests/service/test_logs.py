"""The log: one line a record, nothing of a stranger's obeyed, libraries quiet."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from monitor.service import logs
from tests.fakes.command import logs_as_they_were


class Stderr:
    """What was written to stderr so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Stderr]:
    with logs_as_they_were():
        yield Stderr(capsys)


def test_a_record_is_one_line_of_text(stderr: Stderr) -> None:
    logs.setup("info")
    logging.getLogger("monitor.poll").info("polled feed=%s status=%s", "bbc", "ok")
    at, level, rest = stderr.getvalue().split(maxsplit=2)
    assert at.endswith("Z")
    assert level == "INFO"
    assert rest == "poll: polled feed=bbc status=ok\n"


FORGED = "Talks\n2026-11-22T12:00:00Z INFO    poll: all is well\r\x1b[2J\x1b]8;;http://evil.example\x07 \u202etxt.exe\u2028x\x9b1m"


def test_u15_a_title_cannot_forge_a_record_nor_paint_the_terminal(stderr: Stderr) -> None:
    logs.setup("info")
    logging.getLogger("monitor.poll").warning("title=%s", FORGED)
    written = stderr.getvalue()
    assert written.count("\n") == 1
    assert not any(mark in written[:-1] for mark in "\r\x1b\x07\u202e\u2028\x9b")
    assert r"Talks\n2026-11-22T12:00:00Z" in written


def test_u15_nor_in_json(stderr: Stderr) -> None:
    logs.setup("info", "json")
    logging.getLogger("monitor.poll").warning("title=%s", FORGED)
    written = stderr.getvalue()
    assert written.isascii()
    assert written.count("\n") == 1
    fields = json.loads(written)
    assert fields["message"] == f"title={FORGED}"
    assert (fields["level"], fields["logger"]) == ("warning", "monitor.poll")


def test_u15_a_traceback_is_set_in(stderr: Stderr) -> None:
    logs.setup("info")
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("monitor.deliver").exception("our own fault")
    first, *others = stderr.getvalue().splitlines()
    assert first.endswith("deliver: our own fault")
    assert others
    assert all(each.startswith("    | ") for each in others)
    assert "\x1b" not in stderr.getvalue()


def test_a_traceback_is_a_field_in_json(stderr: Stderr) -> None:
    logs.setup("info", "json")
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("monitor.deliver").exception("our own fault")
    assert "ValueError: no" in json.loads(stderr.getvalue())["traceback"]


def test_persian_and_emoji_stay_whole() -> None:
    assert logs.visible("می‌خواهم 👩‍🚀") == "می‌خواهم 👩‍🚀"
    assert logs.visible("\ud800\x00") == r"\ud800\x00"


@pytest.mark.parametrize(
    "name", ["httpx2", "httpcore2.connection", "uvicorn.error", "apscheduler.scheduler", "alembic.runtime"]
)
def test_u16_libraries_speak_of_trouble_only(stderr: Stderr, name: str) -> None:
    logs.setup("debug")
    logging.getLogger(name).info("GET https://hooks.example/secret-token")
    assert stderr.getvalue() == ""
    logging.getLogger(name).error("trouble")
    assert "trouble" in stderr.getvalue()


def test_the_level_is_that_of_our_own(stderr: Stderr) -> None:
    logs.setup("warning")
    logging.getLogger("monitor.poll").info("polled")
    assert stderr.getvalue() == ""


def test_set_up_twice_it_speaks_once(stderr: Stderr) -> None:
    logs.setup("info")
    logs.setup("info", "json")
    logging.getLogger("monitor.poll").info("polled")
    assert json.loads(stderr.getvalue())["message"] == "polled"


def test_d3_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    with logs_as_they_were():
        logs.setup("info")
        monkeypatch.setattr(sys, "stderr", Full())
        logging.getLogger("monitor.poll").info("polled")


def test_a_job_that_the_scheduler_cancels_as_it_ends_has_not_failed(stderr: Stderr) -> None:
    logs.setup()
    log = logging.getLogger("apscheduler.executors.default")
    for error in (asyncio.CancelledError(), ValueError("a job that did fail")):
        log.error("Job raised an exception", exc_info=error)
    assert stderr.getvalue().count("Job raised an exception") == 1
    assert "a job that did fail" in stderr.getvalue()


def test_fault_s1_what_anybody_can_cause_is_written_a_few_times_a_minute() -> None:
    at = [0.0]
    limit = logs.RepetitionFilter(clock=lambda: at[0])

    def passes(name: str, text: str = "page not shown: %s", argument: str = "busy") -> str | None:
        record = logging.LogRecord(name, logging.WARNING, "", 0, text, (argument,), None)
        return record.getMessage() if limit.filter(record) else None

    written = [passes("monitor.web.app", argument=str(number)) for number in range(100)]
    assert len([each for each in written if each]) == 5
    assert passes("monitor.web.app", "another: %s") == "another: busy"
    assert passes("monitor.poll") == "page not shown: busy"
    assert all(passes("monitor.poll") for _ in range(100))
    at[0] = 61.0
    assert passes("monitor.web.app") == "page not shown: busy (and 95 times more since)"
    assert passes("monitor.web.app") == "page not shown: busy"
