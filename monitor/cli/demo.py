"""`monitor demo`: prints the events of a demonstration, which `monitor.demo` runs."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.service.logs import visible

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.demo.run import Event, News, Opened, ShownAlert, Summary

_TERMS_SHOWN = 6


def demo(
    ctx: typer.Context,
    speed: Annotated[
        float, typer.Option("--speed", min=1, max=2000, help="How many times faster than real time.")
    ] = 260.0,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the review page.")] = 8000,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the review page open at the end, until Ctrl-C.")] = False,
) -> None:
    """See it work, without a network and in under a minute.

    A small invented newspaper on this machine publishes two and a half hours of news; the real daemon polls it,
    matches articles, folds copies into stories, and posts signed alerts to a local receiver. Nothing is kept.

    \b
    Examples:
      monitor demo
      monitor demo --keep
    """
    from monitor.demo.run import Demo

    cli = base.cli_of(ctx)
    cli.log("error")
    stage = _Stage(base.console())
    stage.say("The demo starts: a newspaper, a receiver and the real daemon, all on this machine.")
    with tempfile.TemporaryDirectory(prefix="monitor-demo-", ignore_cleanup_errors=True) as folder:
        run = Demo(
            Path(folder),
            on_event=stage.show,
            on_end=stage.keep,
            speed=speed,
            port=_free_port(port, stage),
            is_kept=keep,
        )
        summary = asyncio.run(run.run())
    if not stage.is_ended:
        stage.end(summary)
    is_told_once = not summary.doubles and summary.shared_alerts == summary.shared_stories
    if summary.is_complete and (summary.delivered < summary.alerts or not is_told_once):
        raise typer.Exit(base.Code.FAILED)


def _free_port(port: int, stage: _Stage) -> int:
    """The port, or a free one where it is in use."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                stage.say(f"Port {port} is in use; the page takes another one.")
                continue
            return int(probe.getsockname()[1])
    return port


class _Stage:
    """Prints events as lines, in colour on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._alerts_shown = 0
        self.is_ended = False

    def say(self, text: str, style: str = "", *, indent: int = 0) -> None:
        from rich.padding import Padding
        from rich.text import Text

        shown = Text(visible(text), style=style)
        self._console.print(Padding(shown, (0, 0, 0, indent), expand=False) if indent else shown)

    def pause(self) -> None:
        self._console.print()

    def show(self, event: Event) -> None:
        """Print one event."""
        from monitor.demo.run import News, Opened

        if isinstance(event, Opened):
            self._open(event)
        elif isinstance(event, News):
            self._news(event)
        else:
            self._alert(event)

    def _open(self, opened: Opened) -> None:
        self.say(f"Review page:  {opened.address or 'could not be opened'}", "bold")
        self.say(f"Watched for:  {'; '.join(opened.topics)}")
        self.say(f"{opened.feeds} feeds are known; {opened.minutes} minutes of news begin. Ctrl-C ends it.")
        self.pause()

    def _news(self, news: News) -> None:
        articles = "1 article" if news.fresh == 1 else f"{news.fresh} articles"
        matches = f", {news.matches} on a topic" if news.matches else ""
        self.say(f"{news.at:%H:%M}  {news.outlet}: {articles}{matches}", "dim")

    def _alert(self, told: ShownAlert) -> None:
        self._alerts_shown += 1
        self.pause()
        self.say(f"{told.at:%H:%M}  ALERT {self._alerts_shown}  {'; '.join(told.topics)}", "bold green")
        self.say(f"{told.headline}", "bold", indent=7)
        self.say(f"{told.outlet}  {told.url}", indent=7)
        terms = [each for each in told.terms if not each.startswith("(")][:_TERMS_SHOWN]
        self.say(f"why: {', '.join(terms)}; score {told.score:.2f}, threshold {told.threshold:.2f}", indent=7)
        if told.sentence:
            self.say(f"“{told.sentence}”", "italic", indent=7)
        if told.also:
            self.say(f"also carried by {', '.join(told.also)}", indent=7)
        self.pause()

    def keep(self, summary: Summary) -> None:
        """Print the summary; the page stays open."""
        self.end(summary)
        self.say("The page stays open; Ctrl-C ends it.", "bold")

    def end(self, summary: Summary) -> None:
        """Print the summary."""
        self.is_ended = True
        self.pause()
        self.say("Done." if summary.is_complete else "Stopped early. Until then:", "bold")
        self.say(f"  {summary.stored} articles stored, of {summary.published} published")
        self.say(
            f"  {summary.matches} matches, {summary.stories_told} stories alerted; {summary.copies} copies folded into them"
        )
        again = f", {summary.retried} of them at the second attempt (the receiver refused the first)" * bool(
            summary.retried
        )
        self.say(f"  {summary.delivered} of {summary.alerts} alerts delivered{again}; {summary.doubles} twice")
        if summary.shared_stories:
            stories = "1 story" if summary.shared_stories == 1 else f"{summary.shared_stories} stories"
            each = summary.shared_alerts / summary.shared_stories
            self.say(f"  {stories} on several topics: {each:g} alert{'s' * (each != 1)} per channel")
        self.pause()
        self.say("Your turn: drop an article into seeds/TOPIC/ and run `make run`.", "bold")
