"""Settings from a file and the environment: the values in force, and the faults that are reported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from monitor import __version__
from monitor.alerting.channels.base import Poster
from monitor.alerting.channels.registry import build
from monitor.config import load
from monitor.config.raw import RawSettings, _lines
from monitor.config.setting_kinds import is_loopback
from monitor.config.settings import FeedSettings, Settings, WebSettings
from monitor.types.errors import ConfigError
from monitor.types.fetching import FirstPoll

ROOT = Path(__file__).parents[2]
PLANTED = "hunter2-planted"


def written(folder: Path, text: str, name: str = "monitor.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Settings:
    return load.load(written(folder, text), env or {})


def faults(folder: Path, text: str, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, env)
    assert caught.value.__context__ is None, "a traceback would print what was written"
    return [each.replace(f"{folder}/", "") for each in caught.value.faults]


# --- what is in force -------------------------------------------------------------------------------------------------


def test_no_file_no_environment_means_defaults_and_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load.load(None, {})
    assert settings.store.path == Path("data/monitor.db")
    assert settings.schedule.interval_for == timedelta(minutes=15)
    assert settings.fetch.user_agent == f"article-monitor/{__version__}"
    assert settings.notes == ("config/monitor.toml does not exist: the built-in defaults are in force",)


def test_the_default_file_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    written(tmp_path / "config", "web.port = 8001")
    monkeypatch.chdir(tmp_path)
    settings = load.load(None, {})
    assert (settings.web.port, settings.notes) == (8001, ())


def test_a_preferred_source_is_one_of_the_feeds(tmp_path: Path) -> None:
    feeds = '[feeds.herald]\nurl = "https://herald.example/feed"\n'
    settings = loaded(tmp_path, feeds + '[stories]\npreferred_sources = ["herald"]\n')
    assert settings.stories.preferred_sources == ("herald",)
    other = loaded(tmp_path, feeds + '[stories]\npreferred_sources = ["herold"]\n')
    assert other.stories.preferred_sources == ("herold",), "a feed of this name may be added by a command"
    (said,) = faults(tmp_path, feeds + '[stories]\npreferred_sources = ["The Herald", 5]\n')
    assert "must be a list of names of feeds" in said
    (said,) = faults(tmp_path, "[delivery]\nescalate_outlets = -1\n")
    assert "must be between 0 and 1000" in said


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_missing_file_that_was_asked_for_is_a_fault(tmp_path: Path, how: str) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file or directory\); check its path"):
        load.load(*(missing, {}) if how == "argument" else (None, {"MONITOR_CONFIG": str(missing)}))


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().web.port = 1  # type: ignore[misc]


def test_a_feed_knows_its_interval_and_how_it_starts(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        [schedule]
        interval_minutes = 20
        [feeds.slow]
        url = "https://example.org/a"
        interval_minutes = 60
        first_poll = "Latest  5"
        [feeds.plain]
        url = "https://example.org/b"
        """,
    )
    slow, plain = settings.feeds["slow"], settings.feeds["plain"]
    assert (slow.interval_for, plain.interval_for) == (timedelta(hours=1), None)
    assert (slow.first_poll_kind, slow.first_poll_latest) == (FirstPoll.LATEST, 5)
    assert (plain.first_poll_kind, plain.first_poll_latest) == (FirstPoll.BASELINE, 0)
    assert settings.origin("feeds", "slow", "url") == f"{tmp_path}/monitor.toml line 5"
    assert settings.origin("feeds", "slow", "title") == "default"
    assert settings.place("feeds", "slow", "title") == f"{tmp_path}/monitor.toml line 4"


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_postgresql_is_always_spoken_to_through_psycopg(url: str) -> None:
    settings = Settings.model_validate({"store": {"url": url}})
    assert settings.store.url == "postgresql+psycopg://u:p@h/d"
    assert settings.store.path is None


def test_contact_becomes_part_of_the_user_agent_f26() -> None:
    settings = Settings.model_validate({"fetch": {"contact": "https://example.org/bot"}})
    assert settings.fetch.user_agent == f"article-monitor/{__version__} (+https://example.org/bot)"


def test_a_clock_keeps_its_starts_in_utc(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[clock]\nspeed = 60\nstart_at = 2021-07-05T02:00:00+02:00")
    assert settings.clock.start_at == datetime(2021, 7, 5, tzinfo=UTC)
    assert settings.clock.start_at.tzinfo is UTC


def test_links_in_alerts_point_to_the_public_url_or_to_us() -> None:
    public = WebSettings(public_url="https://monitor.example.org/")
    assert public.base_url == "https://monitor.example.org"
    assert WebSettings(host="::1", port=81).base_url == "http://[::1]:81"
    assert WebSettings(host="0.0.0.0", password="long enough").base_url == "http://127.0.0.1:8000"  # type: ignore[arg-type]
    assert public.accepted_hosts == ("localhost", "127.0.0.1", "::1", "monitor.example.org")


def test_windows_line_ends_and_a_byte_order_mark_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_bytes("\ufeff[web]\r\nport = 8001\r\n".encode())
    assert load.load(path, {}).origin("web", "port") == f"{path} line 2"


# --- the environment --------------------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env = {
        "MONITOR_WEB__PORT": "8002",
        "monitor_log__LEVEL": "DEBUG",
        "MONITOR_FETCH__ALLOW_NETWORKS": "10.0.0.0/8, ::1",
    }
    settings = loaded(tmp_path, "[web]\nport = 8001", env)
    assert (settings.web.port, settings.log.level) == (8002, "debug")
    assert settings.fetch.allow_networks == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert settings.origin("web", "port") == "environment MONITOR_WEB__PORT"


def test_a_list_from_the_environment_may_be_json(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "", {"MONITOR_WEB__ALLOWED_HOSTS": '["a.example", "b.example"]'})
    assert settings.web.allowed_hosts == ("a.example", "b.example")


def test_the_environment_changes_and_adds_feeds_and_channels(tmp_path: Path) -> None:
    env = {
        "MONITOR_FEEDS__BBC_WORLD__URL": "https://example.org/new",
        "MONITOR_FEEDS__OTHER__URL": "https://example.org/other",
        "MONITOR_CHANNELS__DESK__KIND": "webhook",
        "MONITOR_CHANNELS__DESK__HEADERS": '{"Authorization": "Bearer x"}',
        "MONITOR_CHANNELS__DESK__NOTE": "[not json",
    }
    settings = loaded(tmp_path, '[feeds.bbc-world]\nurl = "https://example.org/old"\ntitle = "BBC"', env)
    assert settings.feeds["bbc-world"].url == "https://example.org/new"
    assert settings.feeds["bbc-world"].title == "BBC"
    assert settings.feeds["other"].url == "https://example.org/other"
    assert settings.channels["desk"] == {
        "kind": "webhook",
        "headers": {"Authorization": "Bearer x"},
        "note": "[not json",
    }


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert loaded(tmp_path, "web.port = 8001", {"MONITOR_WEB__PORT": " "}).web.port == 8001


def test_a_variable_with_one_underscore_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, "", {"MONITOR_WEB_PORT": "1"}) == [
        "environment MONITOR_WEB_PORT: is not a setting; did you mean MONITOR_WEB__PORT, with two underscores between "
        "section and key?"
    ]


def test_what_kubernetes_sets_is_left_alone(tmp_path: Path) -> None:
    env = {"MONITOR_PORT": "tcp://10.0.0.1:80", "MONITOR_WEB_PORT": "tcp://10.0.0.1:80", "PATH": "/bin"}
    notes = loaded(tmp_path, "", env).notes
    assert [note.split(" is ")[0] for note in notes] == ["environment MONITOR_PORT", "environment MONITOR_WEB_PORT"]


def test_an_unknown_variable_gets_the_nearest_one(tmp_path: Path) -> None:
    assert faults(tmp_path, "", {"MONITOR_WEB__PROT": "1", "MONITOR_STOR__URL": "x"}) == [
        "environment MONITOR_STOR__URL: there is no setting stor; did you mean MONITOR_STORE__KEY?",
        "environment MONITOR_WEB__PROT: there is no setting web.prot; did you mean MONITOR_WEB__PORT?",
    ]


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_comes_from_a_file_beside_the_config(tmp_path: Path) -> None:
    written(tmp_path, f"  {PLANTED}\n", "web.secret")
    written(tmp_path, "whsec_new\nwhsec_old\n", "desk.secret")
    settings = loaded(
        tmp_path,
        """
        [web]
        password_file = "web.secret"
        [channels.desk]
        kind = "webhook"
        secrets_file = "desk.secret"
        ca_file = "stays.pem"
        """,
    )
    assert settings.web.password is not None
    assert settings.web.password.get_secret_value() == PLANTED
    assert settings.channels["desk"]["secrets"] == ["whsec_new", "whsec_old"]
    assert settings.channels["desk"]["ca_file"] == "stays.pem"
    assert settings.origin("web", "password").endswith("monitor.toml line 3, file " + str(tmp_path / "web.secret"))


def test_any_variable_may_name_a_file(tmp_path: Path) -> None:
    port, url = written(tmp_path, "8003\n", "port"), written(tmp_path, "https://example.org/?t=1\n", "url")
    env = {"MONITOR_WEB__PORT_FILE": str(port), "MONITOR_FEEDS__A__URL_FILE": str(url)}
    settings = loaded(tmp_path, '[feeds.a]\nurl_file = "gone"', env)
    assert (settings.web.port, settings.feeds["a"].url) == (8003, "https://example.org/?t=1")


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * 70_000, "is longer than 64 KB"),
    ],
)
def test_a_useless_secret_file_is_one_fault_without_followers(
    tmp_path: Path, content: bytes | None, trouble: str
) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    text = '[web]\nhost = "0.0.0.0"\npassword_file = "s"\n[feeds.a]\nurl_file = "s"'
    found = faults(tmp_path, text)
    mend = "check its path, permissions and content"
    assert found == [
        f"monitor.toml line 3: the file of web.password, s, {trouble}; {mend}",
        f"monitor.toml line 5: the file of feeds.a.url, s, {trouble}; {mend}",
    ]


def test_a_secret_given_twice_is_a_fault(tmp_path: Path) -> None:
    written(tmp_path, "x", "s")
    env = {"MONITOR_STORE__URL": "sqlite:///a.db", "MONITOR_STORE__URL_FILE": str(tmp_path / "s")}
    found = faults(tmp_path, '[web]\npassword = "x"\npassword_file = "s"', env)
    assert found[0] == "monitor.toml line 3: web.password is set twice; remove password or password_file"
    assert "environment MONITOR_STORE__URL_FILE: store.url is set twice" in found[1]


def test_u16_no_planted_secret_is_shown(tmp_path: Path) -> None:
    written(tmp_path, f"https://example.org/{PLANTED}", "feed.secret")
    text = f"""
        [store]
        url = "postgresql://monitor:{PLANTED}@db.example/monitor?password={PLANTED}"
        [web]
        password = "{PLANTED}"
        [feeds.a]
        url = "https://example.org/a?token={PLANTED}&page=2"
        [feeds.b]
        url_file = "feed.secret"
        [channels.desk]
        kind = "webhook"
        url = "https://hooks.example.org/{PLANTED}"
        secrets = ["{PLANTED}"]
        headers = {{ Authorization = "{PLANTED}" }}
        endpoint = "https://u:{PLANTED}@hooks.example.org/{PLANTED}"
        others = ["https://hooks.example.org/{PLANTED}"]
        inner = {{ token = "{PLANTED}", plain = "kept" }}
        [channels.email_message]
        kind = "email"
        host = "smtp.example.org"
        port = 587
        security = "starttls"
        smtp_pass = "{PLANTED}"
        """
    settings = loaded(tmp_path, text, {"MONITOR_CHANNELS__ENV__KIND": "slack", "MONITOR_CHANNELS__ENV__TOKEN": PLANTED})
    lines = {each.name: each.value for each in load.settings_in_force(settings)}
    assert PLANTED not in str(lines)
    assert PLANTED not in repr(settings)
    assert PLANTED not in str(settings)
    assert lines["store.url"] == "postgresql+psycopg://…@db.example/monitor?password=…"
    assert lines["web.password"] == "…"
    assert lines["feeds.a.url"] == "https://example.org/a?token=…&page=2"
    assert lines["feeds.b.url"] == "https://example.org/…"
    assert lines["channels.desk.url"] == "https://hooks.example.org/…"
    assert lines["channels.desk.headers"] == "…"
    assert lines["channels.desk.inner"] == "token: …, plain: kept"
    assert lines["channels.email_message.port"] == "587"
    assert lines["channels.email_message.security"] == "starttls"


def test_u16_no_planted_secret_is_in_a_fault(tmp_path: Path) -> None:
    text = f"""
        [store]
        url = "mysql://me:{PLANTED}@db/x"
        pasword = "{PLANTED}"
        [web]
        password = ["{PLANTED}"]
        [feeds.a]
        url = "https://me:{PLANTED}@example.org/"
        [feeds.b]
        url = ["{PLANTED}"]
        [channels.x]
        token = "{PLANTED}"
        """
    found = faults(
        tmp_path, text, {"MONITOR_WEB__SECRT": PLANTED, "MONITOR_NO__PASSWORD": PLANTED, "MONITOR_X": PLANTED}
    )
    assert len(found) == 8
    assert PLANTED not in "\n".join(found)


def test_u15_what_is_told_stays_on_one_line(tmp_path: Path) -> None:
    found = faults(tmp_path, '[log]\nlevel = "a\\nMONITOR fake\\u001b[31m"', {"MONITOR_WEB__A\nB": "x"})
    assert all("\n" not in each and "\x1b" not in each for each in found)
    shown = load.settings_in_force(loaded(tmp_path, '[channels.a]\nkind = "x\\n\\u001b[31m"'))
    assert all("\n" not in each.value and "\x1b" not in each.value for each in shown)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_every_fault_is_told_at_once_with_line_and_mend(tmp_path: Path) -> None:
    text = """# line 1
[web]
port = 70000
prot = 1
host = "0.0.0.0"
[schedule]
min_interval_minutes = 60
max_interval_minutes = 30
per_host = 1.5
tick_seconds = true
[feeds.bbc]
url = "ftp://example.org/x"
interval_minutes = 0
first_poll = "latest"
language = "English"
[feeds.Bad-Name]
url = "https://example.org/y"
[feeds.none]
title = 5
[channels.ops]
host = "x"
[log]
level = "loud"
[fetch]
allow_networks = [
  "10.0.0.0/8",
  "nonsense",
]
contact = "a\\nX-Evil: 1"
[clock]
start_at = 2021-07-05T00:00:00
[shedule]
tick_seconds = 1
"""
    env = {"MONITOR_WORKERS__PROCESSES": "many", "MONITOR_STORE__URL": "sqlite://"}
    assert faults(tmp_path, text, env) == [
        "monitor.toml line 3: web.port must be between 0 and 65535, got 70000; write a port number, such as 8000",
        "monitor.toml line 4: there is no setting web.prot; did you mean web.port?",
        "monitor.toml line 5: web.host can be reached from other machines and needs a password, got \"0.0.0.0\"; "
        'set web.password (or password_file), or write host = "127.0.0.1"',
        "monitor.toml line 8: schedule.max_interval_minutes must not be less than min_interval_minutes, got 30; "
        "make the first larger or the second smaller",
        "monitor.toml line 9: schedule.per_host must be between 1 and 100, got 1.5; write a whole number of requests at once",
        "monitor.toml line 10: schedule.tick_seconds must be between 0.01 and 60, got true; write a number of seconds",
        "monitor.toml line 12: feeds.bbc.url cannot be used: the scheme 'ftp:' is not one we read; "
        "write an http:// or https:// URL",
        "monitor.toml line 13: feeds.bbc.interval_minutes must be between 0.01 and 10080, got 0; write a number of minutes",
        'monitor.toml line 14: feeds.bbc.first_poll is not a way to start, got "latest"; '
        'write "baseline", "all" or "latest 5"',
        'monitor.toml line 15: feeds.bbc.language must be a language code, got "English"; '
        'write two or three small letters, as in "en" or "fa"',
        'monitor.toml line 16: feeds.Bad-Name is not a name we can use, got "Bad-Name"; '
        "small letters, digits, - and _ only, as in `bbc-world`",
        'monitor.toml line 18: feeds.none.url is missing; add url = "..." to [feeds.none]',
        "monitor.toml line 19: feeds.none.title must be text, got 5; put it in quotes",
        'monitor.toml line 20: channels.ops needs a kind; add for example kind = "webhook"',
        "monitor.toml line 23: log.level must be one of 'debug', 'info', 'warning' or 'error', got \"loud\"; "
        "write one of these",
        'monitor.toml line 25: fetch.allow_networks must be a list of networks; write for example ["192.168.1.0/24"]',
        'monitor.toml line 29: fetch.contact must be one line of plain ASCII, got "a\\nX-Evil: 1"; '
        "write at most 300 characters, without line breaks",
        "monitor.toml line 31: clock.start_at must name its time zone; write for example 2021-10-15T08:00:00Z",
        "monitor.toml line 32: there is no setting shedule; did you mean schedule?",
        "environment MONITOR_STORE__URL: store.url must name a SQLite file or a PostgreSQL database; "
        'write "sqlite:///data/monitor.db" or "postgresql://user:password@host/name"',
        'environment MONITOR_WORKERS__PROCESSES: workers.processes must be between 1 and 64, got "many"; '
        "write a whole number of processes",
    ]  # fmt: skip


def test_a_key_in_the_wrong_section_is_sent_to_its_own(tmp_path: Path) -> None:
    assert faults(tmp_path, "port = 1\n[web]\ninterval_minutes = 5\nqqqq = 1") == [
        "monitor.toml line 1: there is no setting port; did you mean web.port?",
        "monitor.toml line 3: there is no setting web.interval_minutes; did you mean schedule.interval_minutes?",
        "monitor.toml line 4: there is no setting web.qqqq; "
        "valid here: enabled, password, host, port, allowed_hosts, trusted_proxies, public_url",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[feeds]]\nurl = "https://example.org/"', "line 1: feeds must be a section of named sections"),
        ("web = 5", "line 1: web must be a section"),
        ('feeds.a = "https://example.org/"', "line 1: feeds.a must be a section"),
        ("[web]\nenabled = 5", "line 2: web.enabled must be true or false, got 5"),
        ('[web]\npassword = ""', "line 2: web.password must not be empty"),
        ('[web]\nallowed_hosts = "[1"', "line 2: web.allowed_hosts must be a list of names"),
        ('[clock]\nstart_at = "soon"', "line 2: clock.start_at must be a date and time"),
    ],
)
def test_the_wrong_kind_of_value_is_named(tmp_path: Path, text: str, told: str) -> None:
    (found,) = faults(tmp_path, text)
    assert told in found


def test_two_feeds_of_one_url_are_a_fault(tmp_path: Path) -> None:
    text = '[feeds.a]\nurl = "https://Example.org/x"\n[feeds.b]\nurl = "http://example.org/x/"'
    assert faults(tmp_path, text) == [
        "monitor.toml line 4: feeds.b.url is the same as feeds.a.url; remove one of the two feeds"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[web]\nhost = localhost", "line 2: is not TOML (Invalid value); put text in quotes"),
        ("[web]\nport = 1\nport = 2", "line 3: is not TOML (Cannot overwrite a value); write each key"),
        ("[web]\n\n[web]\n", "line 3: is not TOML (Cannot declare ('web',) twice); write each key"),
        ("[web\nport = 1", "line 1: is not TOML (Expected ']' at the end of a table declaration); check the quotes"),
        ("\n\nweb", "line 3: is not TOML"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    found = faults(tmp_path, text, {"MONITOR_WEB_PORT": "1"})
    assert told in found[0]
    assert len(found) == 2, "what is wrong in the environment is told as well"


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_bytes("[web]\n# Ключ\n".encode("cp1251"))
    with pytest.raises(ConfigError, match="line 2: is not UTF-8 text; save the file as UTF-8"):
        load.load(path, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "monitor.example.org", "::ffff:127.0.0.1"])
def test_u6_a_page_that_others_can_reach_needs_a_password(tmp_path: Path, host: str) -> None:
    (found,) = faults(tmp_path, f'[web]\nhost = "{host}"')
    assert "line 2: web.host can be reached from other machines and needs a password" in found
    assert loaded(tmp_path, f'[web]\nhost = "{host}"\npassword = "x"').web.host == host
    assert loaded(tmp_path, f'[web]\nhost = "{host}"\nenabled = false').web.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_u6_loopback_needs_none(host: str) -> None:
    assert is_loopback(host)
    assert WebSettings(host=host).password is None


# --- lines ------------------------------------------------------------------------------------------------------------


def test_each_key_knows_its_line_whatever_stands_between() -> None:
    text = '''a.b = 1   # [not.a.section]
[ "x y" . z ]
list = [
  1,   # key = 2
]
long = """
[web]
key = 1
"""
inline = { k = { deep = 1 } }
[[many]]
one = 1
'''
    assert dict(_lines(text)) == {
        ("a",): 1, ("a", "b"): 1,
        ("x y", "z"): 2, ("x y", "z", "list"): 3, ("x y", "z", "long"): 6,
        ("x y", "z", "inline"): 10, ("x y", "z", "inline", "k"): 10, ("x y", "z", "inline", "k", "deep"): 10,
        ("many",): 11, ("many", "one"): 12,
    }  # fmt: skip


NAMES = st.text("abcdefgh_-0123456789", min_size=1, max_size=8)


@given(st.dictionaries(NAMES, st.integers(0, 200), max_size=5), st.integers(0, 3))
def test_any_feed_of_any_file_is_found_on_its_line(
    tmp_path_factory: pytest.TempPathFactory, gaps: dict[str, int], n: int
) -> None:
    lines = [
        line for name in gaps for line in ("", f"[feeds.{name}]", *["# note"] * n, f'url = "https://a.example/{name}"')
    ]
    settings = loaded(tmp_path_factory.mktemp("c"), "\n".join(lines))
    for name in gaps:
        line = int(settings.origin("feeds", name, "url").rpartition(" ")[2])
        assert lines[line - 1].endswith(f'/{name}"')


def test_a_draft_without_origins_still_has_a_place() -> None:
    assert RawSettings().origin(("web", "port")).place == "settings"


# --- what we ship -----------------------------------------------------------------------------------------------------


def test_the_shipped_file_is_whole_and_speaks_five_languages() -> None:
    settings = load.load(ROOT / "config" / "monitor.toml", {})
    assert 20 <= len(settings.feeds) <= 30
    assert {feed.language for feed in settings.feeds.values()} == {"en", "ru", "fa", "ps", "ur"}
    assert settings.channels == {}, "a new user needs no channel"
    assert settings.notes == ()


def test_the_shipped_examples_of_channels_are_right(tmp_path: Path) -> None:
    text = (ROOT / "config" / "monitor.toml").read_text(encoding="utf-8")
    examples = re.findall(r"(?ms)^# \[channels\.\w+\]$.*?(?=^\n)", text)
    written(tmp_path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "desk.secret")
    written(tmp_path, "https://hooks.slack.com/services/T0/B0/x", "newsroom.secret")
    written(tmp_path, PLANTED, "mail.secret")
    settings = loaded(tmp_path, "".join(re.sub(r"(?m)^# ", "", each) for each in examples))
    opened = [build(name, raw, cast(Poster, None)) for name, raw in settings.channels.items()]
    assert [channel.kind for channel in opened] == ["webhook", "slack", "email"]


DOCUMENT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def documented(title: str) -> dict[str, tuple[str, str]]:
    """Key -> (default, variable), as the table under `title` has them."""
    part = DOCUMENT.partition(f"### `[{title}]`")[2].partition("\n### ")[0]
    return {
        key: (default.strip("`"), name)
        for key, default, name in re.findall(r"(?m)^\| `(\w+)` \| (.+?) \| `(.+?)` \|", part)
    }


def expected(model: type[BaseModel], path: str) -> dict[str, tuple[str, str]]:
    return {key: (default(key, field.default), load.variable(path, key)) for key, field in model.model_fields.items()}


def default(key: str, value: object) -> str:
    if key == "user_agent":
        return "article-monitor/<version> (+<contact>)"
    if repr(value) == "PydanticUndefined":
        return "required"
    return "none" if value in (None, "", ()) else str(value).lower() if isinstance(value, bool) else str(value)


SECTIONS = [name for name, value in Settings() if isinstance(value, BaseModel)]


@pytest.mark.parametrize("name", [*SECTIONS, "feeds.<name>"])
def test_every_setting_is_documented_with_default_and_variable(name: str) -> None:
    model = FeedSettings if name.startswith("feeds") else type(getattr(Settings(), name))
    assert documented(name) == expected(model, name.replace(".", "__"))


@pytest.mark.parametrize(
    "web",
    [
        {},
        {"host": "0.0.0.0", "password": "x"},
        {"host": "::", "password": "x"},
        {"public_url": "http://localhost:8000"},
        {"public_url": "http://monitor.localhost"},
        {"public_url": "https://127.0.0.53:8443"},
        {"public_url": "http://[::1]:8000"},
        {"public_url": "http://[::ffff:127.0.0.1]"},
        {"public_url": "http://0.0.0.0:8000"},
        {"host": "127.1", "password": "x"},
    ],
)
def test_fault_alert_10_links_that_lead_their_readers_to_themselves_are_told(web: dict[str, str]) -> None:
    channels = {"desk": {"kind": "email"}, "wire": {"kind": "webhook"}}
    says, mend = Settings.model_validate({"web": web, "channels": channels}).link_warning
    assert says.startswith("links in the alerts of desk, wire lead to http")
    assert "web.public_url" in mend
    assert Settings.model_validate({"web": web}).link_warning == ("", "")


def test_a_public_address_with_a_path_is_told() -> None:
    """Behind `location /monitor/` of a proxy the first page opens, and no link, form or style sheet on it works."""
    for channels in ({}, {"desk": {"kind": "email"}}):
        made = Settings.model_validate({"web": {"public_url": "https://example.org/monitor/"}, "channels": channels})
        says, mend = made.link_warning
        assert "has a path, /monitor," in says
        assert "host name of its own" in mend


@pytest.mark.parametrize(
    "web",
    [
        {"enabled": False},
        {"public_url": "https://monitor.example.org"},
        {"public_url": "http://10.0.0.7:8000"},
        {"host": "192.168.1.20", "password": "x"},
        {"host": "monitor.lan", "password": "x"},
    ],
)
def test_fault_alert_10_links_that_others_can_open_are_no_fault(web: dict[str, object]) -> None:
    assert Settings.model_validate({"web": web, "channels": {"desk": {"kind": "email"}}}).link_warning == ("", "")
