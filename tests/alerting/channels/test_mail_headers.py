"""Headers of mails, letter for letter: what three parsers read is what was written, in every language."""

from __future__ import annotations

import base64
import quopri
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import render
from monitor.alerting.channels import mail_headers
from monitor.alerting.channels.email_message import Envelope, compose
from tests.fakes.alerts import alert
from tests.fakes.headlines import WORDS, headlines

NOW = datetime(2026, 7, 4, 6, 12, tzinfo=UTC)
ENVELOPE = Envelope(
    channel="desk", sender=Address("Monitor", "monitor", "example.org"), to=(Address("", "ann", "example.org"),)
)
_WORD = re.compile(r"=\?utf-8\?([bq])\?([^ ?]*)\?=")


def letter(**headers: str) -> bytes:
    """A mail with these headers, written as `compose` writes them."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii") + b"\r\nbody\r\n"


def by_new_policy(mail: bytes, name: str = "Subject") -> str:
    return str(message_from_bytes(mail, policy=policy.default)[name])


def by_old_policy(mail: bytes, name: str = "Subject") -> str:
    return str(make_header(decode_header(message_from_bytes(mail, policy=policy.compat32)[name])))


def by_the_letter_of_rfc_2047(mail: bytes, name: str = "Subject") -> str:
    """A strict reader of our own: unfolds, insists on whole characters in words of at most 75 characters, joins neighbours."""
    raw = re.sub("\r\n(?=[ \t])", "", mail.decode("ascii").split("\r\n\r\n")[0])
    (value,) = (line.removeprefix(f"{name}: ") for line in raw.split("\r\n") if line.startswith(f"{name}: "))
    assert value == value.strip(), "a parser may trim it"
    if not _WORD.search(value):
        return str(value)
    words = value.split(" ")
    assert all(_WORD.fullmatch(each) and len(each) <= 75 for each in words), value
    return "".join(_decoded(*found.groups()) for each in words if (found := _WORD.fullmatch(each)))


def _decoded(encoding: str, said: str) -> str:
    data = base64.b64decode(said, validate=True) if encoding == "b" else quopri.decodestring(said, header=True)
    return data.decode("utf-8")


PARSERS = [by_new_policy, by_old_policy, by_the_letter_of_rfc_2047]


def test_fault_alert_5_500_subjects_in_eight_languages_come_through_three_parsers() -> None:
    written = headlines(500)
    assert {language for language, _ in written} == set(WORDS)
    for _, subject in written:
        mail = letter(Subject=mail_headers.text("Subject", subject))
        assert [read(mail) for read in PARSERS] == [subject] * 3
        assert max(map(len, mail.split(b"\r\n"))) <= 76


def test_fault_alert_5_the_subject_of_a_mail_is_the_headline() -> None:
    for _, title in headlines(120, seed=5):
        told = alert(title=title, source=title[:20], topic_title=title[-20:])
        mail = compose(told, ENVELOPE, now=NOW).as_bytes()
        assert [read(mail) for read in PARSERS] == [render.headline(told)] * 3
        assert max(map(len, mail.split(b"\r\n"))) <= 998


@given(st.text(st.characters(blacklist_categories=["C"], blacklist_characters="\u2028\u2029"), max_size=250))
def test_fault_alert_5_any_text_comes_through_three_parsers(subject: str) -> None:
    mail = letter(Subject=mail_headers.text("Subject", subject))
    assert [read(mail) for read in PARSERS] == [subject] * 3


def test_fault_alert_5_what_is_plain_and_short_stays_readable() -> None:
    assert mail_headers.text("Subject", "Border shut") == "Border shut"
    assert mail_headers.text("Subject", "Border shut — Herald") == "=?utf-8?q?Border_shut_=E2=80=94_Herald?="


NAMES = [
    "Article monitor",
    "Dr. Ann O'Neil, desk",
    "Редакция ленты новостей",
    "د خبرونو مېز",
    "Rédaction de l’été",
    "新闻 编辑部",
]
# Longer than an encoded word, and with two spaces, which `policy.default` of Python 3.11 does not read as they are written.
LONG_NAMES = ["Ночная смена редакции международных новостей и обозрений", "Rédaction  à deux espaces", "x" * 120]


def people_named(name: str) -> bytes:
    people = [
        Address(name, "ann", "example.org"),
        Address("", "ben", "example.org"),
        Address(name, "cem", "example.org"),
    ]
    mail = letter(From=mail_headers.addresses("From", people[:1]), To=mail_headers.addresses("To", people))
    assert max(map(len, mail.split(b"\r\n"))) <= 76
    return mail


@pytest.mark.parametrize("name", NAMES)
def test_fault_alert_5_display_names_come_through(name: str) -> None:
    read = message_from_bytes(people_named(name), policy=policy.default)
    assert [each.addr_spec for each in read["To"].addresses] == [
        "ann@example.org",
        "ben@example.org",
        "cem@example.org",
    ]
    assert [each.display_name for each in read["To"].addresses] == [name, "", name]
    assert [each.display_name for each in read["From"].addresses] == [name]


@pytest.mark.parametrize("name", [*NAMES, *LONG_NAMES])
def test_fault_alert_5_display_names_are_encoded_by_the_letter_of_the_rfc(name: str) -> None:
    raw = message_from_bytes(people_named(name), policy=policy.compat32)
    ((sender, address),) = getaddresses([re.sub("\r?\n", "", raw["From"])])
    assert (str(make_header(decode_header(sender))), address) == (name, "ann@example.org")
    to = getaddresses([re.sub("\r?\n", "", raw["To"])])
    assert [str(make_header(decode_header(each))) for each, _ in to] == [name, "", name]


def test_fault_alert_5_topics_in_other_scripts_are_lists_of_their_own() -> None:
    ids = {compose(alert(topic=each), ENVELOPE, now=NOW)["List-Id"] for each in ("рыба", "порт", "fish", "fish-7")}
    assert len(ids) == 4
    assert "<fish.alerts.example.org>" in ids
    assert all(re.fullmatch(r"<[A-Za-z0-9_.-]+>", each) for each in ids)


def test_fault_alert_15_a_long_address_breaks_no_line_of_a_mail() -> None:
    url = "https://www.example.org/?q=" + "a" * 8000
    raw = compose(alert(url=url), ENVELOPE, now=NOW).as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    read = message_from_bytes(raw, policy=policy.default)
    assert all(part.get_content().count(url) == 1 for part in read.walk() if part.get_content_maintype() == "text")
