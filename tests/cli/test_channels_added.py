"""Channels added by command: put in force, used by a running daemon at once, kept from files that do not name them, and sent by
those nodes alone that have their secrets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from monitor.alerting import channel_additions
from monitor.alerting.channels import registry
from monitor.config import channel_files
from monitor.net.http import HttpClient
from monitor.service import logs
from monitor.service.added_channels import AddedChannels
from monitor.store.db import Database
from monitor.types.errors import ConfigError, StoreError
from tests.cli.test_run import started
from tests.cli.test_settings import channels, kept_in
from tests.fakes.command import HIT, SEED, Operator, desk
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss

__all__ = ["desk"]
KEY = "Zq7Xw9Kp3LmN5vB2"


@pytest.fixture(autouse=True)
def secrets_of_others() -> Iterator[None]:
    yield
    logs.hide(lambda text: text, of="added channels")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.publishes("/feed", rss((HIT[0], "https://news.example/bridge", "g1", HIT[1])))
        yield site


def adds(desk: Operator, sink: Sink, name: str = "newsroom") -> None:
    said = desk.run("channels", "add", name, "webhook", "allow_private=true", typed=f"url={sink.url}/{KEY}\n")
    assert said.exit_code == 0, said.stderr
    assert said.stdout == f"{name}: in force; `monitor alerts test {name}` sends a test\n"


def sent(sink: Sink) -> list[str]:
    return [each.json()["data"]["title"] for each in sink.received]


def test_a_channel_by_command_sends_and_outlives_files_that_do_not_name_it(
    desk: Operator, site: Site, sink: Sink
) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.run("deliver")
    adds(desk, sink)
    assert stat.S_IMODE((desk.folder / "channels" / "newsroom.json").stat().st_mode) == 0o600
    said = [
        desk.run(*each) for each in (("apply",), ("poll",), ("deliver",), ("check",), ("doctor",), ("channels", "list"))
    ]
    assert [HIT[0]] == sent(sink)
    assert channels(desk) == {"newsroom": "ok"}
    assert KEY not in "".join(each.stdout + each.stderr for each in said)
    removed = desk.run("channels", "remove", "newsroom")
    assert removed.stdout == "newsroom: removed; what waited for it is held\n"
    assert list((desk.folder / "channels").iterdir()) == []
    assert channels(desk) == {"newsroom": "off"}


def test_a_running_daemon_uses_it_at_once_and_again_after_a_restart(desk: Operator, sink: Sink, tmp_path: Path) -> None:
    desk.reads("off", "http://127.0.0.1:9/feed", "enabled = false")
    with started("--config", desk.config, "run", folder=tmp_path) as process:
        process.says("Review page")
        adds(desk, sink)
        assert desk.run("alerts", "test", "newsroom").exit_code == 0
        assert sent(sink) == ["Test of newsroom"]
        assert process.ends(signal.SIGTERM) == 0
        assert "channels by page or command: newsroom" in process.err.read_text()
    with started("--config", desk.config, "run", folder=tmp_path) as process:
        process.says("Channels: newsroom")
        assert desk.run("alerts", "test", "newsroom").exit_code == 0
        assert process.ends(signal.SIGTERM) == 0
    assert sent(sink) == ["Test of newsroom"] * 2


def another_node(desk: Operator, site: Site, store_url: str) -> Operator:
    """A node with a folder of its own; both keep what they find in one store."""
    folder = desk.folder / "elsewhere"
    folder.mkdir()
    elsewhere = Operator(folder)
    for each in (desk, elsewhere):
        each.follows("bridge", SEED)
        each.reads("herald", site.url("/feed"))
        kept_in(each, store_url if "postgresql" in store_url else f"sqlite:///{desk.store}")
    desk.run("migrate")
    desk.run("deliver")
    return elsewhere


def test_only_a_node_with_its_file_sends(desk: Operator, site: Site, sink: Sink, store_url: str) -> None:
    elsewhere = another_node(desk, site, store_url)
    adds(desk, sink)
    assert elsewhere.run("poll").exit_code == 0
    elsewhere.run("deliver")
    assert sent(sink) == []
    desk.run("deliver")
    assert sent(sink) == [HIT[0]]


def test_secrets_are_no_arguments_and_faults_do_not_quote_them(desk: Operator) -> None:
    desk.run("migrate")
    said = desk.run("channels", "add", "newsroom", "slack", f"url=https://hooks.example/{KEY}")
    assert said.exit_code == 2
    assert "url is a secret and would stay in the history of your shell" in said.stderr
    said = desk.run("channels", "add", "newsroom", "slack", f"https://hooks.example/{KEY}?wait=1")
    assert said.exit_code == 2
    assert "an address is asked for, or read from stdin as url=https://…" in said.stderr
    assert KEY not in said.stderr
    for typed in (
        f"url=http://hooks.example/{KEY}",
        KEY,
        f"headers={{{KEY}",
        f"https://hooks.example/{KEY}?wait=1",
        "",
    ):
        said = desk.run("channels", "add", "newsroom", "slack", typed=typed)
        assert said.exit_code == 2
        assert KEY not in said.stderr
    assert desk.run("channels", "add", "newsroom", "pigeon").exit_code == 2
    assert desk.run("channels", "add", "../newsroom", "slack", typed=f"url=https://hooks.example/{KEY}").exit_code == 2
    assert desk.run("channels", "remove", "newsroom").exit_code == 3
    assert not (desk.folder / "channels").exists()


def test_a_file_that_cannot_be_used_or_is_open_to_others_is_named(desk: Operator, sink: Sink) -> None:
    desk.run("migrate")
    adds(desk, sink)
    file = desk.folder / "channels" / "newsroom.json"
    file.chmod(0o644)
    (file.with_name("torn.json")).write_text(f'{{"kind": "webhook", "url": "https://{KEY}')
    (file.with_name("wrong.json")).write_text(json.dumps({"kind": "webhook", "url": f"ftp://{KEY}"}))
    os.utime(file)
    said = [each["says"] for each in json.loads(desk.run("doctor", "--json").stdout) if each["what"] == "channels"]
    assert any("torn.json: cannot be used (it is not JSON)" in each for each in said)
    assert any("wrong.json" in each and '"url"' in each for each in said)
    assert any("newsroom.json can be read by other users" in each for each in said)
    assert KEY not in "".join(said)


def test_a_topic_may_name_a_channel_that_was_added(desk: Operator, sink: Sink) -> None:
    desk.run("migrate")
    desk.follows("bridge", SEED, toml='channels = ["newsroom"]\n')
    assert '"newsroom" is not in the settings' in desk.run("check").stderr + desk.run("check").stdout
    adds(desk, sink)
    assert '"newsroom" is not in the settings' not in desk.run("check").stderr + desk.run("check").stdout


def test_secrets_that_nothing_uses_any_more_are_named(desk: Operator, sink: Sink) -> None:
    desk.run("migrate")
    adds(desk, sink)
    idle = lambda: [
        each["says"] for each in json.loads(desk.run("doctor", "--json").stdout) if "no channel uses" in each["says"]
    ]
    assert idle() == []
    desk.tells("newsroom", sink.url)
    desk.run("apply")
    (said,) = idle()
    assert "newsroom.json" in said


def test_a_password_may_begin_as_a_list_or_a_table_does(desk: Operator) -> None:
    desk.run("migrate")
    said = desk.run(
        *("channels", "add", "mail", "email", "host=smtp.example.org", "from=monitor@example.org"),
        *('to=["desk@example.org"]', "username=monitor"),
        typed="password=[Zq7{Xw9Kp3\n",
    )
    assert said.exit_code == 0, said.stderr
    assert json.loads((desk.folder / "channels" / "mail.json").read_text())["password"] == "[Zq7{Xw9Kp3"


def test_on_a_terminal_only_secrets_are_asked_for() -> None:
    """An address, which a table calls by another name than the code does, is none."""
    found = {kind: registry.secret_keys(kind) for kind in registry.KINDS}
    assert found == {
        "webhook": ("url", "secrets", "headers"),
        "slack": ("url",),
        "slackbot": ("url", "token"),
        "email": ("password",),
    }


def test_a_file_that_is_nested_without_end_stops_no_other_channel(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[" * 60_000)
    channel_files.write(tmp_path, "good", {"kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/x"})
    found = channel_files.read(tmp_path)
    assert list(found.tables) == ["good"]
    assert found.faults == (f"{tmp_path / 'bad.json'}: cannot be used (it is not JSON)",)


def test_the_key_of_a_channel_that_is_changed_or_removed_stays_out_of_the_log(tmp_path: Path) -> None:
    """A request under way still quotes it."""
    added = AddedChannels(tmp_path, HttpClient)
    for key in (KEY, "another-key-8f3a"):
        channel_files.write(
            tmp_path, "newsroom", {"kind": "slack", "url": f"https://hooks.slack.com/services/T0/B0/{key}"}
        )
        assert added.refresh()
    assert channel_files.remove(tmp_path, "newsroom")
    assert added.refresh()
    said = logs.without_secrets(f"POST /services/T0/B0/{KEY} and /services/T0/B0/another-key-8f3a failed")
    assert KEY not in said
    assert "another-key-8f3a" not in said


def test_a_node_whose_file_is_from_before_a_change_sends_nothing(
    desk: Operator, site: Site, sink: Sink, store_url: str
) -> None:
    """It would send with the old password, and its failures would pause the channel for all nodes."""
    elsewhere = another_node(desk, site, store_url)
    adds(desk, sink)
    shutil.copytree(desk.folder / "channels", elsewhere.folder / "channels")
    table = channel_files.read(desk.folder / "channels").tables["newsroom"]
    changed = {**table, "headers": {"Authorization": f"Bearer {KEY}"}}
    db = Database(store_url if "postgresql" in store_url else f"sqlite:///{desk.store}")
    folder, hours = desk.folder / "channels", timedelta(hours=96)
    channel_additions.change(db, folder, "newsroom", changed, now=datetime.now(UTC), max_age_for=hours)
    db.close()
    assert elsewhere.run("poll").exit_code == 0
    elsewhere.run("deliver")
    assert sent(sink) == []
    shutil.copy(desk.folder / "channels" / "newsroom.json", elsewhere.folder / "channels")
    elsewhere.run("deliver")
    assert sent(sink) == [HIT[0]]
    assert sink.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_change_that_is_refused_touches_no_file(desk: Operator, sink: Sink) -> None:
    """The file may be another's by then: two people change a channel at one moment, and one of them is refused."""
    desk.run("migrate")
    adds(desk, sink)
    folder, hours = desk.folder / "channels", timedelta(hours=96)
    before = channel_files.signature(folder)
    table = channel_files.read(folder).tables["newsroom"]
    db = Database(f"sqlite:///{desk.store}")
    with pytest.raises(ConfigError, match="there is a channel newsroom already"):
        channel_additions.add(db, folder, "newsroom", table, now=datetime.now(UTC), max_age_for=hours)
    db.close()
    assert channel_files.signature(folder) == before


def test_a_change_that_the_store_does_not_take_puts_the_file_back(
    desk: Operator, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run("migrate")
    adds(desk, sink)
    folder, hours = desk.folder / "channels", timedelta(hours=96)
    before = channel_files.read(folder).tables
    changed = {**before["newsroom"], "headers": {"Authorization": f"Bearer {KEY}"}}
    db = Database(f"sqlite:///{desk.store}")

    def refuse(*_: object) -> None:
        assert channel_files.read(folder).tables != before
        raise StoreError("the disk of the store is full")

    event.listen(db._writing, "commit", refuse)
    with pytest.raises(StoreError):
        channel_additions.change(db, folder, "newsroom", changed, now=datetime.now(UTC), max_age_for=hours)
    with pytest.raises(StoreError):
        channel_additions.remove(db, folder, "newsroom")
    db.close()
    assert channel_files.read(folder).tables == before
