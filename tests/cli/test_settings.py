"""One owner of the settings: which commands apply them, which do not, and what they say, on a store with sixty feeds."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_run import started
from tests.fakes.command import HIT, Operator, Said, desk, run
from tests.fakes.ports import free_port
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss

__all__ = ["desk"]
SIXTY = [f"feed{number:02}" for number in range(60)]
OTHERS = "on, but not in these settings: 60 feeds (feed00, feed01, feed02, feed03, feed04 and 55 more); "


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.publishes("/feed", rss((HIT[0], "https://news.example/bridge", "g1", HIT[1])))
        yield site


@pytest.fixture
def sixty(desk: Operator, site: Site, sink: Sink, store_url: str) -> Operator:
    """Sixty feeds and a channel in force, on both databases in turn."""
    for name in SIXTY:
        desk.reads(name, site.url(f"/{name}"), "enabled = true")
        site.publishes(f"/{name}", rss())
    desk.tells("desk", sink.url)
    kept_in(desk, store_url)
    desk.run("migrate")
    assert "nothing is due" in desk.run("deliver").stdout
    assert len(polled(desk)) == 60
    return desk


@pytest.fixture
def elsewhere(sixty: Operator, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run `monitor` in an empty folder, on the store that has sixty feeds."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("MONITOR_STORE__URL", store_url)
    return run


def kept_in(desk: Operator, store_url: str) -> None:
    desk.config.write_text(desk.config.read_text().replace(f"sqlite:///{desk.store}", store_url))
    desk._text = desk.config.read_text()


def polled(desk: Operator) -> set[str]:
    return {each["name"] for each in desk.run("feeds", "list", "--json").lines if each["is_enabled"]}


def channels(desk: Operator) -> dict[str, str]:
    return {each["name"]: each["state"] for each in desk.run("channels", "list", "--json").lines}


# --- the wrong folder -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["deliver", "poll", "check", "doctor", "feeds", "alerts"])
def test_from_an_empty_folder_all_sixty_go_on(sixty: Operator, elsewhere: Callable[..., Said], command: str) -> None:
    said = elsewhere(command)
    assert said.exit_code == {"check": 2, "doctor": 1}.get(command, 0), "there are no seeds here either"
    if command in ("deliver", "poll", "check", "doctor"):
        assert (said.stdout + said.stderr).count("these settings differ from what is in force") == 1
        assert OTHERS + "on, but not in these settings: channel desk" in said.stdout + said.stderr
    assert polled(sixty) == set(SIXTY)
    assert channels(sixty) == {"desk": "ok"}


def test_serve_from_an_empty_folder_applies_nothing_and_says_what_differs(
    sixty: Operator, elsewhere: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_WEB__PORT", str(free_port()))
    with started("serve", folder=tmp_path) as process:
        process.says("Review page")
        assert process.ends(signal.SIGINT) == 0
    assert process.err.read_text().count(OTHERS) == 1
    assert polled(sixty) == set(SIXTY)


def test_poll_from_an_empty_folder_queues_for_the_channel_in_force_and_deliver_leaves_it_to_a_node_that_has_it(
    sixty: Operator, elsewhere: Callable[..., Said], site: Site, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sixty.run("poll")
    monkeypatch.setenv("MONITOR_SEEDS__DIR", str(sixty.seeds))
    monkeypatch.setenv("MONITOR_DELIVERY__WAIT_SECONDS", "0")
    site.publishes("/feed07", rss((HIT[0], "https://news.example/bridge", "g1", HIT[1])))
    (line,) = elsewhere("poll", "feed07", "--json").lines
    assert line["alerts"] == 1
    assert "nothing is due" in elsewhere("deliver").stdout
    assert not sink.received
    assert sixty.run("deliver", "--json").json["tries"] == [{"channel": "desk", "sent": 1, "failed": 0}]
    assert len(sink.received) == 1


def test_a_command_applies_settings_to_a_store_that_never_had_any(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.run("migrate")
    said = desk.run("poll", "--json")
    assert [each["feed"] for each in said.lines] == ["herald"]
    assert said.stderr.count("differ") == 0
    desk.reads("mirror", site.url("/feed?2"))
    said = desk.run("poll")
    assert "no feed is due" in said.stdout
    assert "these settings differ from what is in force: not in force: feed mirror" in said.stderr
    assert polled(desk) == {"herald"}


# --- apply ------------------------------------------------------------------------------------------------------------


def test_apply_shows_the_plan_and_does_it_on_either_database(sixty: Operator) -> None:
    assert sixty.run("apply").stdout == "nothing to do: the settings are in force\n"
    sixty._text = sixty._text.replace("[feeds.feed00]", "[feeds.new]").replace("[channels.desk]", "[channels.other]")
    sixty.adds("")
    plan = sixty.run("apply", "--dry-run")
    line = "adds: feed new; adds: channel other; switches off: feed feed00; switches off: channel desk"
    assert plan.stdout == f"would be done: {line}\n"
    assert "feed00" in polled(sixty)
    fields = sixty.run("apply", "--dry-run", "--json").json
    assert fields["switches_off"] == [{"kind": "feed", "name": "feed00"}, {"kind": "channel", "name": "desk"}]
    assert sixty.run("apply").stdout == f"done: {line}\n"
    assert polled(sixty) == {*SIXTY[1:], "new"}
    assert channels(sixty) == {"desk": "off", "other": "ok"}
    assert "differ" not in sixty.run("check").stderr


def test_apply_of_settings_without_feeds_and_channels_is_refused(
    sixty: Operator, elsewhere: Callable[..., Said]
) -> None:
    said = elsewhere("apply")
    assert said.exit_code == 2
    assert "--config" in said.stderr
    assert len(polled(sixty)) == 60


def test_held_alerts_of_a_channel_that_comes_back_are_offered(desk: Operator, site: Site, sink: Sink) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    desk.run("poll")
    with_channel = desk._text
    desk._text = desk._text.replace("[channels.desk]", "[channels.other]").replace(sink.url, f"{sink.url}/other")
    desk.adds("")
    assert "switches off: channel desk" in desk.run("apply").stdout
    desk._text = with_channel
    desk.adds("")
    offer = "1 held alert of channel desk: `monitor alerts retry --channel desk`"
    applied = desk.run("apply").stdout
    assert "switches on again: channel desk" in applied
    assert offer in applied
    assert "held: 1 held alert of channel desk -> `monitor alerts retry --channel desk`" in desk.run("doctor").stdout
    assert "nothing is due" in desk.run("deliver").stdout
    desk.run("alerts", "retry", "--channel", "desk")
    desk.run("deliver")
    assert len(sink.received) == 1


# --- feeds and channels by command ------------------------------------------------------------------------------------


def test_a_feed_is_added_paused_resumed_and_removed_by_command(desk: Operator, site: Site) -> None:
    desk.run("migrate")
    url = site.url("/feed")
    assert "mine: added" in desk.run("feeds", "add", url, "--name", "mine", "--allow-private").stdout
    feed = desk.run("feeds", "show", "mine", "--json").json
    assert (feed["origin"], feed["interval_seconds"], feed["url"]) == ("added", 900, url)
    assert [each["feed"] for each in desk.run("poll", "--json").lines] == ["mine"]
    assert "mine: paused" in desk.run("feeds", "pause", "mine").stdout
    assert desk.run("feeds", "list", "--json").lines[0]["state"] == "paused"
    assert "no feed is due" in desk.run("poll").stdout
    assert "no longer paused" in desk.run("feeds", "resume", "mine").stdout
    assert len(desk.run("poll", "--json").lines) == 1
    assert "mine: removed" in desk.run("feeds", "remove", "mine").stdout
    assert desk.run("feeds", "list", "--json").lines == []
    assert desk.run("feeds", "list", "--all", "--json").lines[0]["state"] == "removed"
    added = desk.run("feeds", "add", url, "--allow-private", "--interval", 30, "--title", "Mine")
    assert "mine: added" in added.stdout, "under its old name, with its history"
    assert desk.run("feeds", "show", "mine", "--json").json["interval_seconds"] == 1800


def test_a_feed_that_cannot_be_added_says_why(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.run("poll")
    for arguments, why in (
        (("ftp://x.example/feed",), "ADDRESS: "),
        (("https://x.example/feed", "--name", "The X"), "small letters"),
        (("https://x.example/feed", "--interval", 0), "--interval: "),
        (("https://x.example/feed", "--name", "herald"), "there is a feed herald already"),
    ):
        said = desk.run("feeds", "add", *arguments)
        assert said.exit_code == 2, said
        assert why in said.stderr
    assert polled(desk) == {"herald"}
    for command in ("pause", "resume", "remove"):
        assert desk.run("feeds", command, "heralt").exit_code == 3


def test_what_a_command_removed_stands_and_the_plan_names_it(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.run("poll")
    assert "[feeds.herald] is still in a settings file" in desk.run("feeds", "remove", "herald").stderr
    assert desk.run("apply").stdout.splitlines()[1] == "left: removed by a command, which stands: feed herald"
    assert polled(desk) == set()
    assert {each["what"]: each["level"] for each in desk.run("doctor", "--json").json}["in force"] == "ok"
    desk._text += 'title = "The Herald"\n'
    desk.adds("")
    assert "switches on again: feed herald" in desk.run("apply").stdout
    assert polled(desk) == {"herald"}


def test_alerts_of_a_paused_channel_wait(desk: Operator, site: Site, sink: Sink) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    desk.run("deliver")
    assert "its alerts wait" in desk.run("channels", "pause", "desk").stdout
    desk.run("poll")
    assert "nothing is due" in desk.run("deliver").stdout
    (line,) = desk.run("channels", "list", "--json").lines
    assert (line["state"], line["waiting"]) == ("paused", 1)
    assert "desk" in desk.run("channels").stdout
    assert "go out again" in desk.run("channels", "resume", "desk").stdout
    assert desk.run("deliver").exit_code == 0
    assert len(sink.received) == 1
    assert desk.run("channels", "pause", "dest").exit_code == 3
