"""Channels by page: added, changed and removed, with secrets that are never shown again, and forms that keep what was typed."""

from __future__ import annotations

import html
import json
import re
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from monitor.alerting.channels import registry
from monitor.config import channel_files
from monitor.store import channels, nodes, settings
from monitor.store.db import Database
from monitor.store.nodes import Node
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow
from monitor.types.plans import ADDED, SettingsRow
from monitor.web.manage.channel_forms import KINDS
from monitor.web.tools import PageTools
from tests.fakes import settings as entries
from tests.web.manage.test_alert_pages import has_channel, is_now, told
from tests.web.test_web import NOW, OWN, PAYLOADS, application, assert_is_ours, browsing, fill, token_of
from tests.web.test_web import db as db  # the fixture

SECRET = "https://hooks.slack.com/services/T0123/B4567/verysecretkey89"
MAIL = {
    "kind": "email", "name": "mail", "to": "desk@example.org, ada@example.org", "from": "monitor@example.org",
    "host": "smtp.example.org", "security": "starttls", "username": "monitor", "password": "hunter2hunter2",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "config" / "channels"


@pytest.fixture
def client(db: Database, folder: Path) -> Iterator[TestClient]:
    with browsing(application(db, tools=PageTools(channel_folder=folder))) as client:
        yield client


def sent(client: TestClient, path: str, **form: str) -> Any:
    token = token_of(client, "/channels/new")
    return client.post(path, data={"token": token, **form}, headers=OWN)


def adds_slack(client: TestClient, name: str = "newsroom", url: str = SECRET) -> Any:
    return sent(client, "/channels/add", kind="slack", name=name, url=url)


def row(db: Database, name: str) -> SettingsRow:
    with db.reading() as session:
        return next(each for each in settings.rows(session) if each.name == name)


def fault_beside(page: str, key: str) -> str:
    found = re.search(rf'<p class="fault" id="fault-{key}">(.*?)</p>', page)
    return html.unescape(found[1]) if found else ""


def value_of(page: str, key: str) -> str:
    found = re.search(rf'<input name="{key}"[^>]* value="([^"]*)"', page)
    return html.unescape(found[1]) if found else ""


# --- adding -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_channel_has_a_form() -> None:
    assert set(KINDS) == set(registry.KINDS)


VALID: dict[str, dict[str, str]] = {
    "slack": {"url": SECRET},
    "slackbot": {"bot_token": "xoxb-1234567890-abcdefghij", "channel": "C0123456789"},
    "email": MAIL,
    "webhook": {"url": "https://hooks.example/x", "secrets": "whsec_" + "QUJD" * 10, "headers": "Bearer abcdefghijk"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_form_of_a_kind_adds_and_changes_a_channel(client: TestClient, folder: Path, kind: str) -> None:
    """As a browser sends it: each input of the form once, by the names that the page gives them."""
    blank = client.get(f"/channels/new?kind={kind}").text
    inputs = re.findall(r'<(?:input|select)[^>]* name="([^"]+)"', blank)
    assert len(set(inputs)) == len(inputs), "of two inputs of one name one is lost"
    typed = {"kind": kind, "name": "desk"} | {name: VALID[kind].get(name, "") for name in inputs if name in VALID[kind]}
    assert set(VALID[kind]) <= set(inputs), "all that a channel of this kind needs can be typed"
    typed["name"] = "desk"
    assert sent(client, "/channels/add", **typed).status_code == 303
    kept = json.loads((folder / "desk.json").read_text())
    assert sent(client, "/channel/desk/settings", **typed | {"messages_per_hour": "7"}).status_code == 303
    assert json.loads((folder / "desk.json").read_text()) == kept | {"messages_per_hour": 7}


def test_every_secret_of_a_form_that_fails_has_to_be_typed_again(client: TestClient) -> None:
    """A signing secret that vanished without a word would leave the channel unsigned."""
    answer = sent(
        client, "/channels/add", kind="webhook", name="desk", **VALID["webhook"] | {"url": "http://hooks.example/x"}
    )
    assert answer.status_code == 400
    for key, label in (("secrets", "Signing secret"), ("headers", "Authorization header")):
        assert fault_beside(answer.text, key) == f"“{label}” is not shown again: type it anew."


def test_a_form_from_before_a_restart_is_kept_and_its_secrets_asked_for_again(
    db: Database, folder: Path, client: TestClient
) -> None:
    typed = {"kind": "webhook", "name": "desk", **VALID["webhook"]}
    with browsing(application(db, tools=PageTools(channel_folder=folder))) as restarted:
        answer = restarted.post(
            "/channels/add", data={"token": token_of(client, "/channels/new"), **typed}, headers=OWN
        )
        assert answer.status_code == 403
        assert not any(secret in answer.text for secret in VALID["webhook"].values())
        kept = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
        assert (kept["name"], kept["kind"], kept["lost"]) == ("desk", "webhook", "url secrets headers")
        form = restarted.post("/channels/add", data=kept, headers=OWN)
        assert form.status_code == 400
        assert value_of(form.text, "name") == "desk"
        assert "was not kept" in fault_beside(form.text, "secrets")
        token = kept["token"]
        assert restarted.post("/channels/add", data={"token": token, **typed}, headers=OWN).status_code == 303


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_form_whose_fields_are_settings(client: TestClient, kind: str) -> None:
    shown = client.get(f"/channels/new?kind={kind}").text
    assert_is_ours(shown)
    for each in KINDS[kind].fields:
        assert f'name="{each.key}"' in shown
        known = {field.alias or key for key, field in registry.KINDS[kind].model_fields.items()}
        assert each.key in known
        assert each.is_secret == registry.is_secret(kind, each.key)
    assert client.get("/channels/new?kind=pigeon").status_code == 404


def test_a_channel_is_in_force_and_its_secret_in_a_file_of_its_owner_alone(
    db: Database, client: TestClient, folder: Path
) -> None:
    assert adds_slack(client).headers["location"] == "/channels?done=added#said"
    assert (row(db, "newsroom").is_on, row(db, "newsroom").origin) == (True, ADDED)
    file = folder / "newsroom.json"
    assert json.loads(file.read_text()) == {"kind": "slack", "url": SECRET}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(each.name for each in folder.iterdir()) == ["newsroom.json"]


def test_no_page_ever_shows_the_secrets_again(
    db: Database, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    adds_slack(client)
    assert sent(client, "/channels/add", **MAIL).status_code == 303
    paths = ["/channels", "/channel/newsroom", "/channel/mail", "/status", "/alerts", "/feeds/export", "/healthz"]
    pages = [client.get(path).text for path in paths]
    pages.append(sent(client, "/channel/newsroom/settings", url=f"ftp:{SECRET}").text)
    pages.append(adds_slack(client).text)
    for shown in (*pages, caplog.text):
        for secret in ("verysecretkey89", "T0123", "hunter2"):
            assert secret not in shown
    assert value_of(client.get("/channel/mail").text, "to") == "desk@example.org, ada@example.org"


def test_a_form_that_fails_says_so_beside_its_fields_and_keeps_what_was_typed(db: Database, client: TestClient) -> None:
    typed = {**MAIL, "host": "smtp.example.org:25", "to": "not an address", "port": "many"}
    answer = sent(client, "/channels/add", **typed)
    assert answer.status_code == 400
    assert "must be a host name" in fault_beside(answer.text, "host")
    assert "plain addresses" in fault_beside(answer.text, "to")
    assert fault_beside(answer.text, "port")
    assert not fault_beside(answer.text, "from")
    for key in ("name", "to", "from", "host", "port", "username"):
        assert value_of(answer.text, key) == typed[key]
    assert '<option value="starttls" selected>' in answer.text
    assert "hunter2" not in answer.text
    with db.reading() as session:
        assert channels.reports(session) == []


def test_a_secret_that_is_wrong_has_to_be_typed_again(client: TestClient) -> None:
    said = fault_beside(adds_slack(client, url="http://hooks.slack.com/services/x").text, "url")
    assert said == (
        "“Webhook address” must begin with https://, as its key and all alerts can be read on the way otherwise. "
        "It is not shown again: type it anew."
    )
    assert fault_beside(adds_slack(client, url="").text, "url") == "“Webhook address” is missing."


@pytest.mark.parametrize("name", ["", "two words", "../evil", "a" * 41, ".hidden"])
def test_a_name_is_checked(client: TestClient, folder: Path, name: str) -> None:
    answer = adds_slack(client, name=name)
    assert answer.status_code == 400
    assert fault_beside(answer.text, "name") == "Name it with up to 40 letters, digits, - and _."
    assert not folder.exists()


def test_a_name_that_is_taken_is_refused_whoever_took_it(db: Database, client: TestClient, folder: Path) -> None:
    with db.writing() as session:
        entries.put_in_force(session, "channel", [entries.channel("desk")], now=NOW)
    assert "already" in fault_beside(adds_slack(client, name="desk").text, "name")
    adds_slack(client)
    assert "already" in fault_beside(adds_slack(client, url="https://other.example/x").text, "name")
    assert json.loads((folder / "newsroom.json").read_text())["url"] == SECRET
    assert not (folder / "desk.json").exists()


def test_without_a_settings_file_there_is_no_place_for_secrets(db: Database) -> None:
    with browsing(application(db)) as client:
        assert "no place for a channel's secrets" in html.unescape(client.get("/channels/new").text)
        token = token_of(client, "/feeds")
        answer = client.post(
            "/channels/add", data={"token": token, "kind": "slack", "name": "a", "url": SECRET}, headers=OWN
        )
        assert answer.status_code == 409


def test_a_folder_that_cannot_be_written_changes_nothing(db: Database, client: TestClient, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in the way")
    answer = adds_slack(client)
    assert "cannot be written into config/channels" in fault_beside(answer.text, "name")
    assert str(folder) not in answer.text
    with db.reading() as session:
        assert channels.reports(session) == []


# --- changing and removing --------------------------------------------------------------------------------------------


def test_a_change_keeps_the_secrets_that_were_not_typed(db: Database, client: TestClient, folder: Path) -> None:
    sent(client, "/channels/add", **MAIL)
    before = row(db, "mail").values
    form = {**{key: value for key, value in MAIL.items() if key != "password"}, "to": "bo@example.org", "password": ""}
    assert sent(client, "/channel/mail/settings", **form).headers["location"] == "/channels?done=changed#said"
    kept = json.loads((folder / "mail.json").read_text())
    assert (kept["to"], kept["password"]) == (["bo@example.org"], "hunter2hunter2")
    assert row(db, "mail").values["destination"] != before["destination"]
    assert row(db, "mail").values["credentials"] == before["credentials"]


WEBHOOK = {
    "kind": "webhook", "name": "hook", "url": "https://one.example/hook", "headers": "Bearer hunter2",
    "secrets": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
}  # fmt: skip


@pytest.mark.parametrize(
    ("there", "change", "untyped"),
    [
        (MAIL, {"host": "smtp.elsewhere.example"}, ["password"]),
        (MAIL, {"port": "2525"}, ["password"]),
        (WEBHOOK, {"url": "https://elsewhere.example/hook"}, ["secrets", "headers"]),
    ],
)
def test_secrets_are_shown_to_no_other_server_than_they_were_typed_for(
    client: TestClient, folder: Path, there: dict[str, str], change: dict[str, str], untyped: list[str]
) -> None:
    sent(client, "/channels/add", **there)
    file = folder / f"{there['name']}.json"
    before = file.read_text()
    form = {key: value for key, value in there.items() if key not in ("password", "secrets", "headers", "url")} | change
    answer = sent(client, f"/channel/{there['name']}/settings", **form)
    assert answer.status_code == 400
    assert all("type it anew" in fault_beside(answer.text, key) for key in untyped)
    assert file.read_text() == before
    typed = {key: there[key] for key in untyped}
    assert sent(client, f"/channel/{there['name']}/settings", **form, **typed).status_code == 303


def test_two_windows_undo_nothing_of_one_another(client: TestClient, folder: Path) -> None:
    sent(client, "/channels/add", **MAIL)
    was = {f"was_{key}": value_of(client.get("/channel/mail").text, key) for key in ("to", "from", "host", "username")}
    shown = {**MAIL, "password": ""}
    assert sent(client, "/channel/mail/settings", **was, **shown | {"from": "first@example.org"}).status_code == 303
    assert sent(client, "/channel/mail/settings", **was, **shown | {"to": "bob@example.org"}).status_code == 303
    kept = json.loads((folder / "mail.json").read_text())
    assert (kept["from"], kept["to"]) == ("first@example.org", ["bob@example.org"])
    answer = sent(client, "/channel/mail/settings", **was, **shown | {"to": "eve@example.org"})
    assert answer.status_code == 400
    assert "changed meanwhile, to “bob@example.org”" in fault_beside(answer.text, "to")
    assert json.loads((folder / "mail.json").read_text()) == kept


def test_a_mended_address_sends_what_waited_for_it(db: Database, client: TestClient) -> None:
    adds_slack(client)
    wrong = row(db, "newsroom").values["destination"]
    fill(
        db,
        lambda session: setattr(session.get_one(ChannelRow, "newsroom"), "destination", "to-newsroom"),
        told("alt_one", "newsroom"),
        is_now("held"),
        lambda session: setattr(session.get_one(ChannelRow, "newsroom"), "disabled_reason", "404"),
    )
    sent(client, "/channel/newsroom/settings", url=f"{SECRET}1")
    mended = row(db, "newsroom").values["destination"]
    assert mended not in (wrong, "to-newsroom")
    with db.reading() as session:
        (delivery,) = session.exec(select(DeliveryRow)).all()
        assert (delivery.state, delivery.destination) == ("pending", mended)


def test_a_removed_channel_is_forgotten_with_its_secrets(db: Database, client: TestClient, folder: Path) -> None:
    adds_slack(client)
    assert sent(client, "/channel/newsroom/remove").status_code == 400, "the box was not ticked"
    assert sent(client, "/channel/newsroom/remove", sure="yes").headers["location"] == "/channels?done=removed#said"
    assert list(folder.iterdir()) == []
    assert not row(db, "newsroom").is_on
    assert "No channel is set up" in client.get("/channels").text
    assert client.get("/channel/newsroom").status_code == 404
    assert adds_slack(client).status_code == 303, "its name is free again"
    assert row(db, "newsroom").is_on


def test_a_channel_of_a_settings_file_is_changed_there(db: Database, client: TestClient) -> None:
    with db.writing() as session:
        entries.put_in_force(session, "channel", [entries.channel("desk")], now=NOW)
    assert client.get("/channel/desk").status_code == 409
    assert sent(client, "/channel/desk/settings", url=SECRET).status_code == 409
    assert sent(client, "/channel/desk/remove", sure="yes").status_code == 409
    assert 'href="/channel/desk"' not in client.get("/channels").text
    assert row(db, "desk").is_on


def test_a_settings_file_that_does_not_name_it_leaves_it_alone(db: Database, client: TestClient) -> None:
    adds_slack(client)
    with db.writing() as session:
        entries.put_in_force(session, "channel", [entries.channel("desk")], now=NOW)
        entries.put_in_force(session, "channel", [], now=NOW)
    assert (row(db, "newsroom").is_on, row(db, "desk").is_on) == (True, False)


def test_no_page_opens_the_private_network(db: Database, client: TestClient, folder: Path) -> None:
    """A command may allow it for one address; a new address by page is not that one."""
    adds_slack(client)
    file = folder / "newsroom.json"
    channel_files.write(folder, "newsroom", {"kind": "slack", "url": SECRET, "allow_private": True})
    sent(client, "/channel/newsroom/settings", messages_per_hour="3")
    assert json.loads(file.read_text())["allow_private"] is True
    sent(client, "/channel/newsroom/settings", url="https://10.0.0.1/inside", allow_private="true")
    assert json.loads(file.read_text()) == {"kind": "slack", "url": "https://10.0.0.1/inside"}


# --- several nodes ----------------------------------------------------------------------------------------------------


def test_the_page_names_the_nodes_without_its_file(db: Database, client: TestClient) -> None:
    adds_slack(client)
    to = str(row(db, "newsroom").values["destination"])
    basil = Node(name="basil-7", host="basil", started_at=NOW)
    fern = Node(name="fern-1", host="fern", started_at=NOW, channels=nodes.listed({"newsroom": to, "desk": "x"}))
    old = Node(name="moss-2", host="moss", started_at=NOW, channels=nodes.listed({"newsroom": "another"}))
    beat = lambda each: lambda session: nodes.beat(session, each, now=NOW, kept_for=timedelta(days=1))
    fill(db, beat(basil))
    assert "No running daemon has its secrets:" in client.get("/channels").text
    fill(db, beat(fern), beat(old))
    shown = client.get("/channels").text
    assert "Not sent from <bdi>basil-7</bdi>, <bdi>moss-2</bdi>" in shown
    fill(db, has_channel())
    assert client.get("/channels").text.count("Not sent from") == 1, "a settings file's channel is another matter"


# --- strangers' words -------------------------------------------------------------------------------------------------


def test_u1_no_payload_becomes_markup_on_the_forms(client: TestClient) -> None:
    for payload in PAYLOADS:
        for kind in KINDS:
            typed = {each.key: payload for each in KINDS[kind].fields}
            shown = sent(client, "/channels/add", kind=kind, name=payload, **typed).text
            assert_is_ours(shown)
            assert "<" not in payload or payload not in shown
        assert_is_ours(client.get("/channels/new", params={"kind": payload}).text)
