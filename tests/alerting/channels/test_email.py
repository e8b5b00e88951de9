"""Mail: what a second parser reads in it, and what the server's answers mean."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from monitor.alerting.channels.base import Addressed
from monitor.alerting.channels.email import masked_addresses
from monitor.alerting.channels.email_message import Envelope, compose
from monitor.alerting.channels.registry import build, masked
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Concern, Outcome
from monitor.types.errors import ConfigError
from monitor.types.matching import Contribution, Evidence
from tests.fakes.alerts import ID, NOW, alert, notice, trial
from tests.fakes.sink import Letter, MailSink

# A connection that was hung up can outlive its event loop for a moment (seen twice on a machine under load).
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", autouse=True)
def _only_what_is_new() -> Iterator[None]:
    """Collecting after every test looks at what the tests made, not at all modules there are: .2 s each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    """What a test leaves behind is collected while that test, and no other, is asked about it."""
    yield
    gc.collect()


TO = ["ann@example.org", "ben@example.org", "cem@example.org"]
ENVELOPE = Envelope(
    channel="desk", sender=Address("Monitor", "monitor", "example.org"), to=(Address("", "ann", "example.org"),)
)
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "List-Id",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]


def settings(sink: MailSink, **changes: object) -> dict[str, object]:
    table = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": sink.port,
        "from": "Monitor <monitor@example.org>",
        "to": TO[:1],
    }
    return table | {"limit_seconds": 60} | changes


def secured(sink: MailSink, security: str, **changes: object) -> dict[str, object]:
    table = settings(sink, security=security, ca=sink.certificate, username="desk", password="op3n-S3same-planted")
    return table | changes


def send(
    table: Mapping[str, object], each: Alert | None = None, *, times: int = 1, now: datetime = NOW
) -> list[Outcome]:
    """Each time as the deliverer does: those who are settled by then are not sent to."""

    async def run() -> list[Outcome]:
        channel = build("desk", table, _no_poster())
        assert isinstance(channel, Addressed)
        outcomes: list[Outcome] = []
        settled: dict[str, AttemptResult] = {}
        for _ in range(times):
            outcomes.append(await channel.send_to(each or alert(), settled, now=now))
            answered = outcomes[-1].recipients
            settled |= {one.key: one.result for one in answered if one.result is not AttemptResult.TRANSIENT}
        return outcomes

    return asyncio.run(run())


def _no_poster() -> Any:
    return None


def composed(each: Alert, envelope: Envelope = ENVELOPE) -> Letter:
    """A mail as it would go over the wire, without a wire."""
    raw = compose(each, envelope, now=NOW).as_bytes()
    return Letter(sender="", recipients=(), raw=raw, at=NOW, helo="", is_tls=False, user=None)


def subject_of(letter: Letter) -> str:
    """By the old parser, which shares nothing with what wrote it."""
    return str(make_header(decode_header(message_from_bytes(letter.raw)["Subject"]))).replace("\r\n", "")


# --- strangers' words -------------------------------------------------------------------------------------------------

EVIL_TITLES = [
    "Cannery\r\nBcc: x@evil.example",
    "Cannery\nBcc: x@evil.example\n\n<script>",
    "=?utf-8?q?a=0ABcc=3A_evil@x?=",
    "=?utf-8?b?YQpCY2M6IGV2aWxAeA==?= and =?utf-8?q?b=0D=0ATo=3A_x?=",
    "tab\tVT\x0bFF\x0cNEL\x85LS\u2028PS\u2029NUL\x00FS\x1cGS\x1dRS\x1eend",
    "lone \ud800 surrogate",
    "x" * 100_000,
    "Ж" * 100_000,
    "",
    " ",
    "?= =?",
    "Новости: завод откроют снова — «Портовая газета»",
]


@pytest.mark.parametrize("title", EVIL_TITLES)
def test_e1_no_title_adds_a_header(title: str) -> None:
    with MailSink() as sink:
        evil = alert(title=title, source=title, summary=title, topic_title=title)
        assert send(settings(sink), evil)[0].result is AttemptResult.SENT
        (letter,) = sink.received
    assert letter.recipients == ("ann@example.org",)
    assert letter.header_names == HEADERS
    assert len(subject_of(letter)) <= 200
    assert all(len(line) <= 998 for line in letter.raw.split(b"\r\n"))


@effort(max_examples=300)
@given(st.text(), st.text(), st.text())
def test_e1_no_text_at_all_adds_a_header(title: str, source: str, topic: str) -> None:
    letter = composed(alert(title=title, source=source, topic_title=topic, topic=topic, id=title or "a"))
    assert letter.header_names == HEADERS
    assert len(subject_of(letter)) <= 200
    assert b"\r" not in letter.raw.replace(b"\r\n", b"")
    assert b"\n" not in letter.raw.replace(b"\r\n", b"")
    assert letter.raw.isascii()


@given(st.text(alphabet=st.characters(blacklist_categories=["C", "Z", "M"]), min_size=1, max_size=60))
def test_a_subject_arrives_as_it_was(title: str) -> None:
    if "=?" not in title:
        assert title in subject_of(composed(alert(title=title)))


@pytest.mark.parametrize("field", ["from", "to"])
@pytest.mark.parametrize(
    "address",
    [
        'Evil" <a@b>',
        '"Evil" <a@b>',
        "Evil <x@y> <a@b.org>",
        "t@b.c\r\nDATA",
        "t@b.c>\r\nRCPT TO:<e@x",
        "Name\r\nBcc: e@x <a@b.org>",
        "a b@c.org",
        "a@b@c.org",
        "@c.org",
        "a@",
        "a@-c.org",
        "<a@c.org>",
        "a@c.org SIZE=1",
        "a@éxample.org",
        "a@c.org\x00",
        "x" * 65 + "@c.org",
        "",
    ],
)
def test_e2_an_address_that_could_be_read_otherwise_is_a_fault(field: str, address: str) -> None:
    table = {"kind": "email", "host": "mail.example.org", "from": "m@example.org", "to": ["a@example.org"]}
    value: object = address if field == "from" else [address]
    with pytest.raises(ConfigError, match=rf'channel "desk", field "{field}(\.0)?": .*; ') as caught:
        build("desk", table | {field: value}, _no_poster())
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    "body",
    [
        ".\r\n.\r\nMAIL FROM:<x@evil.example>",
        "a\n.\nb",
        "a\r\n.\r\nMAIL FROM:<x>\r\nRCPT TO:<y>\r\nDATA\r\nSubject: forged",
        "a\r.\rb",
        "a\n.\r\nb",
        "..\n.\n",
        "From here on\n>From there",
    ],
)
def test_e3_one_mail_stays_one_mail(body: str) -> None:
    with MailSink() as sink:
        assert send(settings(sink), notice(body=body))[0].result is AttemptResult.SENT
        assert len(sink.received) == 1
        letter = sink.received[0]
        assert b"\r" not in letter.raw.replace(b"\r\n", b"")
        assert b"\n" not in letter.raw.replace(b"\r\n", b"")
        text = letter.message.get_body(("plain",))
        assert text is not None
        wanted = re.split(r"[\r\n]+", body.strip())
        assert [each for each in text.get_content().splitlines() if each in wanted] == [each.strip() for each in wanted]


# --- what it looks like -----------------------------------------------------------------------------------------------


def test_e6_the_headers_of_every_mail() -> None:
    with MailSink() as sink:
        send(
            settings(sink, unsubscribe_url="https://example.org/stop?c=1"), now=datetime(2025, 7, 4, 6, 20, tzinfo=UTC)
        )
        mail = sink.received[0].message
    assert mail["From"] == "Monitor <monitor@example.org>"
    assert mail["To"] == "ann@example.org"
    assert mail["Subject"] == "Fish canning: Harbour town votes to reopen its cannery — The Harbour Post"
    assert mail["Message-ID"] == f"<{ID}.desk@example.org>"
    assert mail["In-Reply-To"] == mail["References"] == "<story-7.desk@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "<fish-canning.alerts.example.org>"
    assert mail["List-Unsubscribe"] == "<https://example.org/stop?c=1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsedate_to_datetime(mail["Date"]) == datetime(2025, 7, 4, 6, 20, tzinfo=UTC)
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_e6_unsubscribing_is_only_offered_where_it_works() -> None:
    assert "List-Unsubscribe" not in composed(alert()).header_names


def test_e6_a_story_is_a_thread_and_an_alert_one_id_per_channel() -> None:
    first, update = composed(alert()).message, composed(alert(kind=AlertKind.UPDATED, id="alt_2")).message
    later, other = composed(alert(topic="harbours")).message, composed(alert(story_id=8)).message
    elsewhere = composed(alert(), Envelope(channel="night", sender=ENVELOPE.sender, to=ENVELOPE.to)).message
    assert first["References"] == update["References"] == later["References"] != other["References"]
    assert len({first["Message-ID"], update["Message-ID"], elsewhere["Message-ID"]}) == 3
    assert update["Subject"].startswith("Fish canning, updated: ")


def test_e6_long_ids_stay_whole() -> None:
    """Python 3.11 folds ids longer than a line into encoded words, which no server reads as ids (cpython#100991)."""
    sender = Address("", "monitor", "alerts.newsroom.a-rather-long-department-name.example.org")
    letter = composed(
        alert(topic="t" * 80),
        Envelope(channel="c" * 40, sender=sender, to=ENVELOPE.to, unsubscribe_url="https://example.org/" + "u" * 200),
    )
    head = letter.raw.split(b"\r\n\r\n")[0].decode()
    for name in ("Message-ID", "In-Reply-To", "References", "List-Id", "List-Unsubscribe"):
        assert re.search(rf"^{name}: <[^<>\s]+>$", head.replace("\r\n", "\n"), re.MULTILINE)


def test_e7_the_page_is_escaped_and_loads_nothing() -> None:
    evil = "<img src=https://spy.example/p.gif><script>x()</script>"
    page = composed(alert(title=evil, summary=evil, source=evil)).message.get_body(("html",))
    assert page is not None
    assert not re.search(
        r"<(img|script|link|iframe)|src=https|url\(|@import", page.get_content().replace("&lt;img src", "")
    )
    assert "Read it at example.org" in page.get_content()


def test_a4_a_test_says_so() -> None:
    mail = composed(trial()).message
    assert mail["Subject"] == "Test: Channel desk"
    assert mail["In-Reply-To"] is None


def test_a_notice_is_a_mail_too() -> None:
    mail = composed(notice()).message
    assert mail["Subject"] == "Article monitor: Feed coast has been failing for 24 hours"
    assert mail["List-Id"] == "<notices.alerts.example.org>"


def test_names_in_other_scripts_arrive() -> None:
    with MailSink() as sink:
        assert (
            send(settings(sink, **{"from": "Дежурный <m@example.org>", "to": ["Zoë Ağar <ann@example.org>"]}))[0].code
            == "250"
        )
        letter = sink.received[0]
    assert (letter.sender, letter.recipients) == ("m@example.org", ("ann@example.org",))
    assert letter.message["From"].addresses[0].display_name == "Дежурный"
    assert letter.message["To"].addresses[0].display_name == "Zoë Ağar"


# --- what the server answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("code", [421, 450, 451])
def test_e4_a_passing_no_waits_five_minutes(command: str, code: int) -> None:
    with MailSink() as sink:
        sink.answers(command, code, "4.2.0 greylisted", times=1)
        outcomes = send(settings(sink), times=2)
    assert [each.result for each in outcomes] == [AttemptResult.TRANSIENT, AttemptResult.SENT]
    assert outcomes[0].code == str(code)
    assert outcomes[0].retry_after_for == timedelta(minutes=5)


def test_e4_one_of_three_refused_is_sent_and_said() -> None:
    with MailSink() as sink:
        sink.answers("RCPT ben@example.org", 550, "5.1.1 <ben@example.org> no such user")
        outcome = send(settings(sink, to=TO))[0]
    assert outcome.result is AttemptResult.SENT
    assert outcome.detail == "b…@example.org: 550 5.1.1 <b…@example.org> no such user"
    assert sink.received[0].recipients == ("ann@example.org", "cem@example.org")


def test_e4_only_the_one_put_off_is_tried_again() -> None:
    with MailSink() as sink:
        sink.answers("RCPT ben@example.org", 450, "greylisted", times=1)
        sink.answers("RCPT cem@example.org", 550, "gone")
        outcomes = send(settings(sink, to=TO), times=3)
        assert [each.result for each in outcomes] == [AttemptResult.TRANSIENT, AttemptResult.SENT, AttemptResult.SENT]
        assert outcomes[0].concern is Concern.RECIPIENT
        assert outcomes[0].detail == "b…@example.org: 450 greylisted"
        results = {each.name: each.result for each in outcomes[0].recipients}
        assert results["c…@example.org"] is AttemptResult.REJECTED
        assert len(sink.received) == 2
        assert [each.recipients for each in sink.received[:2]] == [("ann@example.org",), ("ben@example.org",)]
        assert len({each.message["Message-ID"] for each in sink.received}) == 1


def test_e4_nobody_left_to_write_to_is_the_channels() -> None:
    with MailSink() as sink:
        sink.answers("RCPT", 550, "no such user")
        outcome = send(settings(sink, to=TO))[0]
    assert (outcome.result, outcome.concern) == (AttemptResult.REJECTED, Concern.DESTINATION)
    assert (outcome.code, outcome.recipients) == ("550", ())


def test_e4_a_full_mailbox_empties() -> None:
    with MailSink() as sink:
        sink.answers("RCPT", 552, "mailbox full", times=1)
        assert [each.result for each in send(settings(sink), times=2)] == [AttemptResult.TRANSIENT, AttemptResult.SENT]


def test_e4_a_refused_sender_is_the_channels() -> None:
    with MailSink() as sink:
        sink.answers("MAIL", 550, "not you")
        outcome = send(settings(sink))[0]
    assert (outcome.result, outcome.concern) == (AttemptResult.REJECTED, Concern.DESTINATION)


@pytest.mark.parametrize("command", ["DATA", "."])
def test_e4_refused_content_is_the_message_not_the_channel(command: str) -> None:
    with MailSink() as sink:
        sink.answers(command, 554, "looks like spam")
        outcome = send(settings(sink))[0]
    assert (outcome.result, outcome.code, outcome.detail) == (AttemptResult.REJECTED, "554", "554 looks like spam")


@pytest.mark.parametrize("command", ["MAIL", "."])
def test_e4_too_large_goes_once_more_without_its_page(command: str) -> None:
    with MailSink() as sink:
        sink.answers(command, 552, "too large", times=1)
        assert send(settings(sink))[0].result is AttemptResult.SENT
        assert sink.received[0].message.get_content_type() == "text/plain"
        sink.answers(command, 552, "too large", times=2)
        assert send(settings(sink))[0].result is AttemptResult.REJECTED


def test_e4_a_wrong_password_is_the_channels_and_waits_five_minutes() -> None:
    with MailSink("starttls", accounts={"desk": "another"}) as sink:
        outcome = send(secured(sink, "starttls"))[0]
        assert (outcome.result, outcome.concern) == (AttemptResult.REJECTED, Concern.DESTINATION)
        assert (outcome.code, outcome.retry_after_for) == ("535", timedelta(minutes=5))
        assert sink.received == []
        assert sink.connections == 1


@pytest.mark.parametrize(("command", "concern"), [("MAIL", Concern.DESTINATION), (".", Concern.MESSAGE)])
def test_fault_alert_2_a_no_is_about_what_the_command_was_about(command: str, concern: Concern) -> None:
    with MailSink() as sink:
        sink.answers(command, 451, "not now")
        assert send(settings(sink, to=TO))[0].concern is concern


def test_fault_alert_1_a_server_that_ends_the_session_over_one_recipient_keeps_no_mail_from_the_others() -> None:
    with MailSink() as sink:
        sink.answers("RCPT ben@example.org", 421, "too much mail for ben")
        outcomes = send(settings(sink, to=TO), times=2)
        assert [each.concern for each in outcomes] == [Concern.RECIPIENT, Concern.DESTINATION]
        assert [each.recipients for each in sink.received] == [("ann@example.org", "cem@example.org")]
    waits = [each.name for each in outcomes[0].recipients if each.result is AttemptResult.TRANSIENT]
    assert waits == ["b…@example.org"]


def test_fault_alert_1_a_recipient_whom_the_server_is_slow_to_ask_for_keeps_no_mail_from_the_others() -> None:
    with MailSink() as sink:
        sink.stalls_at = "ben@example.org"
        outcome = send(settings(sink, to=TO, limit_seconds=24))[0]
        assert [each.recipients for each in sink.received] == [("ann@example.org", "cem@example.org")]
    assert (outcome.result, outcome.concern, outcome.code) == (AttemptResult.TRANSIENT, Concern.RECIPIENT, "timeout")


def test_fault_alert_a_server_that_ends_every_session_is_the_destinations() -> None:
    with MailSink() as sink:
        sink.answers("RCPT", 421, "going down")
        outcome = send(settings(sink, to=TO))[0]
        assert (outcome.result, outcome.concern, outcome.code) == (AttemptResult.TRANSIENT, Concern.DESTINATION, "421")
        assert sink.received == []


@pytest.mark.parametrize("code", [354, 199, 299])
def test_fault_alert_a_code_that_is_no_answer_is_the_servers(code: int) -> None:
    with MailSink() as sink:
        sink.answers("MAIL", code, "what?")
        assert send(settings(sink))[0].concern is Concern.DESTINATION


def test_fault_alert_2_a_yes_before_the_text_is_no_delivery() -> None:
    with MailSink() as sink:
        sink.answers("DATA", 250, "ok")
        outcome = send(settings(sink))[0]
        assert sink.received == []
        assert (outcome.result, outcome.concern) == (AttemptResult.TRANSIENT, Concern.DESTINATION)
        assert "before it has the text" in outcome.detail


def test_fault_alert_6_recipients_are_told_apart_by_their_masked_names() -> None:
    named = masked_addresses(["anna@example.org", "ann@example.org", "al@example.org", "anna@other.example"])
    assert len(set(named.values())) == len(named)
    assert named["al@example.org"] == "al@example.org"
    assert named["anna@other.example"] == "a…@other.example"


@pytest.mark.parametrize(
    ("place", "result"),
    [
        ("connect", AttemptResult.TRANSIENT),
        ("DATA", AttemptResult.UNKNOWN),
        ("body", AttemptResult.UNKNOWN),
        ("dot", AttemptResult.UNKNOWN),
    ],
)
def test_e4_broken_off_is_tried_again_with_the_same_id(place: str, result: AttemptResult) -> None:
    with MailSink() as sink:
        sink.drops_at = place
        assert send(settings(sink))[0].result is result
        sink.drops_at = None
        assert send(settings(sink))[0].result is AttemptResult.SENT
        assert {each.message["Message-ID"] for each in sink.received} == {f"<{ID}.desk@example.org>"}


def test_e4_a_server_that_is_down_is_tried_again() -> None:
    with MailSink() as sink:
        port = sink.port
    outcome = send({"kind": "email", "host": "127.0.0.1", "port": port, "from": "m@example.org", "to": TO})[0]
    assert (outcome.result, outcome.code) == (AttemptResult.TRANSIENT, "connect")


def test_e5_a_server_that_stalls_in_the_banner_costs_the_limit_and_no_more() -> None:
    with MailSink() as sink:
        sink.drops_at = "banner"
        outcome = send(settings(sink, limit_seconds=1))[0]
        assert (outcome.result, outcome.code) == (AttemptResult.TRANSIENT, "timeout")


def test_a_server_that_stalls_at_the_goodbye_has_the_mail() -> None:
    with MailSink() as sink:
        sink.drops_at = "QUIT"
        assert send(settings(sink))[0].result is AttemptResult.SENT


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_e5_with_tls_the_mail_and_the_login_go_encrypted(security: str) -> None:
    with MailSink(security, accounts={"desk": "op3n-S3same-planted"}) as sink:
        assert send(secured(sink, security))[0].result is AttemptResult.SENT
        assert sink.received[0].is_tls
        assert sink.received[0].user == "desk"


def test_e5_without_starttls_neither_password_nor_mail_is_sent() -> None:
    with MailSink(accounts={"desk": "op3n-S3same-planted"}) as sink:
        outcome = send(secured(sink, "starttls"))[0]
        assert (outcome.result, outcome.code) == (AttemptResult.TRANSIENT, "tls")
        assert "STARTTLS" in outcome.detail
        assert sink.logins == []
        assert sink.received == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_e5_a_certificate_nobody_vouches_for_is_refused(security: str) -> None:
    with MailSink(security, accounts={}) as sink:
        outcome = send(secured(sink, security, ca=""))[0]
        assert (outcome.result, outcome.code) == (AttemptResult.TRANSIENT, "tls")
        assert "certificate" in outcome.detail
        assert sink.logins == []


def test_e5_a_certificate_for_another_name_is_refused() -> None:
    with MailSink("tls") as sink:
        outcome = send(settings(sink, host="127.0.0.2", security="tls", ca=sink.certificate))[0]
        assert outcome.result is AttemptResult.TRANSIENT
        assert sink.received == []


def test_e5_tls_is_the_default_except_on_this_machine() -> None:
    def security(**changes: object) -> object:
        table = {"kind": "email", "host": "mail.example.org", "from": "m@example.org", "to": "a@example.org"}
        channel: Any = build("desk", table | changes, _no_poster())
        return channel.settings.security

    assert security() == "starttls"
    assert security(host="192.0.2.1") == "starttls"
    assert security(host="localhost") == security(host="127.0.0.1") == security(host="::1") == "none"
    assert security(security="none") == "none"


@pytest.mark.parametrize("host", ["mail.example.org", "127.0.0.1"])
def test_e5_a_password_in_plain_text_is_a_fault(host: str) -> None:
    table = {"kind": "email", "host": host, "security": "none", "username": "u", "password": "planted-pw"}
    with pytest.raises(ConfigError, match="plain text") as caught:
        build("desk", table | {"from": "m@example.org", "to": "a@example.org"}, _no_poster())
    assert "planted" not in str(caught.value)


# --- secrets and settings ---------------------------------------------------------------------------------------------


def test_u16_no_secret_in_any_outcome(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "monitor")
    caplog.set_level(logging.DEBUG, "aiosmtplib")
    password = "op3n-S3same-planted"
    forms = [
        password,
        *(base64.b64encode(each).decode() for each in (password.encode(), f"\0desk\0{password}".encode())),
    ]
    echo = f"no {' '.join(forms)} for ann@example.org"
    outcomes = []
    with MailSink("starttls", accounts={"desk": password}) as sink:
        table = secured(sink, "starttls")
        for command, code in (("MAIL", 550), ("RCPT", 550), ("RCPT", 450), ("DATA", 554), (".", 451)):
            sink.answers(command, code, echo, times=1)
            outcomes += send(table)
        channel = build("desk", table, _no_poster())
    with MailSink("starttls", accounts={"desk": "another"}) as sink:
        outcomes += send(secured(sink, "starttls"))
    said = " ".join(
        [*map(repr, outcomes), repr(channel), channel.shown, channel.destination, str(masked(table)), caplog.text]
    )
    for secret in forms:
        assert secret not in said
    assert "ann@example.org" not in " ".join(map(repr, outcomes))
    assert channel.shown == "mail to a…@example.org via 127.0.0.1"


def test_the_destination_is_who_reads_it() -> None:
    def destination(**changes: object) -> str:
        table = {
            "kind": "email",
            "host": "mail.example.org",
            "from": "m@example.org",
            "to": ["a@example.org", "b@example.org"],
        }
        return build("desk", table | changes, _no_poster()).destination

    assert destination() == destination(to="B@example.org, A@example.org", host="relay.example.org", port=25)
    assert destination() != destination(to="a@example.org")


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build(
            "desk",
            {
                "kind": "email",
                "host": "a b",
                "port": 0,
                "security": "ssl",
                "to": [],
                "ca": "x",
                "unsubscribe_url": "http://x",
                "password": "p",
            },
            _no_poster(),
        )
    named = [re.search(r'field "(\w+)"', each) for each in caught.value.faults]
    assert [each and each[1] for each in named] == [
        "host",
        "security",
        "port",
        "from",
        "to",
        "password",
        "ca",
        "unsubscribe_url",
    ]
    assert all("; " in each for each in caught.value.faults)


def test_evidence_of_any_length_is_a_mail() -> None:
    evidence = Evidence(terms=(Contribution(term="Ж" * 5000, weight=1.0),), sentence="ж" * 50_000)
    with MailSink() as sink:
        assert send(settings(sink), alert(evidence=evidence, summary="x" * 100_000))[0].result is AttemptResult.SENT
    assert len(sink.received[0].raw) < 20_000
