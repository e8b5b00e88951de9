"""The HTTP client: where it connects, what it sends, how POSTs end. The server is a real one on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import logging
import select
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.net import waits
from monitor.net.addresses import AddressPolicy, Lookup, system_lookup
from monitor.net.http import (
    ANSWER_LIMIT,
    Headers,
    HttpClient,
    HttpResponse,
    NoAnswerError,
    default_user_agent,
    retry_after,
)
from monitor.types.errors import FetchError, RefusedAddressError
from tests.fakes.certificates import EXPIRED, GOOD, WRONG_NAME, for_a_reader, for_a_site
from tests.fakes.patience import PATIENCE
from tests.fakes.ports import free_port
from tests.fakes.site import Site

LOOPBACK = AddressPolicy((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AMPLE = 10 * PATIENCE
"""No limit that a test meets: `post` gives up long before."""
BODY = '{"title": "Überschrift \u2028"}'.encode()


def post(
    url: str,
    *,
    policy: AddressPolicy | None = LOOPBACK,
    headers: Mapping[str, str] | None = None,
    limit: float = AMPLE,
    silence: float = AMPLE,
    tls: ssl.SSLContext | None = None,
    lookup: Lookup = system_lookup,
) -> HttpResponse:
    """One POST through a client that allows loopback, unless `policy` says otherwise."""

    async def posting() -> HttpResponse:
        patient = timedelta(seconds=AMPLE)
        client = HttpClient(
            policy=policy, connect_for=patient, read_timeout_for=timedelta(seconds=silence), tls=tls, lookup=lookup
        )
        try:
            async with asyncio.timeout(PATIENCE):
                return await client.post(url, body=BODY, headers=headers or {}, limit_for=timedelta(seconds=limit))
        finally:
            await client.aclose()

    return asyncio.run(posting())


def answering(*addresses: str) -> Lookup:
    """A name service that gives these addresses for every name."""
    return lambda host, port: [(0, 0, 0, "", (address, port)) for address in addresses]


# --- what is sent and what comes back -----------------------------------------------------------------------------------


def test_w2_a_post_arrives_byte_for_byte(site: Site) -> None:
    site.answers("/hook", 200, {"X-Kind": "a"}, "ok")
    answer = post(site.url("/hook"), headers={"Content-Type": "application/json", "webhook-id": "msg_1"})
    assert (answer.status, answer.text, answer.is_whole, answer.headers["x-kind"]) == (200, "ok", True, "a")
    (request,) = site.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook", BODY)
    assert request.header("webhook-id") == "msg_1"
    assert request.header("content-length") == str(len(BODY))


def test_f26_nothing_is_sent_but_the_question(site: Site) -> None:
    site.answers("/hook", 200, {"Set-Cookie": "a=b"}, "ok")
    for _ in range(2):
        post(site.url("/hook?x=1"))
    assert len(site.requests) == 2
    for request in site.requests:
        names = [name.lower() for name, _ in request.headers]
        assert names == [b"host", b"user-agent", b"content-length", b"accept-encoding", b"connection"]
        assert request.path == "/hook?x=1"
        assert request.header("host") == f"127.0.0.1:{site.port}"
        assert request.header("user-agent") == default_user_agent()


def test_f26_the_user_agent_can_carry_a_contact() -> None:
    assert default_user_agent("https://example.org/bot").endswith("(+https://example.org/bot)")


def test_w4_a_redirect_is_an_answer_and_not_followed(site: Site) -> None:
    for status in (301, 302, 307, 308):
        site.redirects("/hook", site.url("/elsewhere"), status)
        assert post(site.url("/hook")).status == status
    assert {each.path for each in site.requests} == {"/hook"}


@pytest.mark.parametrize("status", [200, 201, 204, 400, 410, 429, 500, 999])
def test_every_status_is_an_answer(site: Site, status: int) -> None:
    site.answers("/hook", status, {"Retry-After": "7"})
    answer = post(site.url("/hook"))
    assert answer.status == status
    assert answer.retry_after_for(NOW) == timedelta(seconds=7)


def test_the_answers_text_is_clean(site: Site) -> None:
    site.answers("/hook", 400, {}, b"bad\x00 \xff \x1b[31mred\r\nline")
    assert post(site.url("/hook")).text == "bad \ufffd [31mred\nline"


def test_an_answer_that_cannot_be_decoded_still_has_a_status(site: Site) -> None:
    site.answers("/hook", 200, {"Content-Encoding": "br"}, b"???")
    assert post(site.url("/hook")) == HttpResponse(
        status=200, headers=post(site.url("/hook")).headers, text="", is_whole=False
    )


def test_a_header_that_would_split_the_request_is_refused(site: Site) -> None:
    site.answers("/hook", 200)
    with pytest.raises(FetchError) as error:
        post(site.url("/hook"), headers={"X-Title": "a\r\nHost: inside"})
    assert error.value.code == "protocol"
    assert site.requests == []


# --- receivers that misbehave -------------------------------------------------------------------------------------------


def unanswered(url: str) -> NoAnswerError:
    """The error of a post that is not answered in time, with as little time as this machine needs to send it whole."""
    for limit in (0.3, 3.0, 30.0):
        with pytest.raises(FetchError) as error:
            post(url, limit=limit)
        if isinstance(error.value, NoAnswerError):
            return error.value
    raise AssertionError("never sent whole")


def test_w9_a_receiver_that_never_answers_is_left_in_time(site: Site) -> None:
    site.never_answers("/hook")
    error = unanswered(site.url("/hook"))
    assert (error.code, str(error)) == ("timeout", "127.0.0.1 did not answer in time")


def test_w9_silence_is_limited_too(site: Site) -> None:
    site.never_answers("/hook")
    with pytest.raises(NoAnswerError):
        post(site.url("/hook"), silence=0.2)


def test_w9_a_dripped_answer_is_left_in_time(site: Site) -> None:
    site.drips("/hook")
    assert unanswered(site.url("/hook")).code == "timeout"


def test_w9_a_huge_answer_is_cut(site: Site) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    site.sends_raw("/hook", lambda: [head, *[b"x" * 65536] * 1000])
    answer = post(site.url("/hook"))
    assert (answer.status, len(answer.text), answer.is_whole) == (200, ANSWER_LIMIT, False)


def test_w9_a_bomb_of_an_answer_is_cut(site: Site) -> None:
    site.answers("/hook", 200, {"Content-Encoding": "gzip"}, gzip.compress(b"a" * 50_000_000))
    answer = post(site.url("/hook"))
    assert (len(answer.text), answer.is_whole) == (ANSWER_LIMIT, False)


@pytest.mark.parametrize("then", ["reset", "close"])
@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"]
)
def test_w10_an_answer_broken_off_leaves_the_outcome_unknown(site: Site, then: str, sent: bytes) -> None:
    site.sends_raw("/hook", sent, then=then)
    with pytest.raises(NoAnswerError):
        post(site.url("/hook"))
    assert site.requests[0].body == BODY


def test_w10_nobody_there_is_not_an_unknown_outcome(site: Site) -> None:
    site.goes_down()
    with pytest.raises(FetchError) as error:
        post(site.url("/hook"))
    assert not isinstance(error.value, NoAnswerError)
    assert error.value.code == "connect"


def test_a_receiver_comes_back(site: Site) -> None:
    site.answers("/hook", 200, body="ok")
    site.goes_down()
    with pytest.raises(FetchError):
        post(site.url("/hook"))
    site.comes_back()
    assert post(site.url("/hook")).text == "ok"


# --- who is called ------------------------------------------------------------------------------------------------------

SPELLINGS = [
    *("127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "127.1", "0", "0.0.0.0", "localhost"),
    *(
        "LOCALHOST",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[fe80::1%25lo]",
    ),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fec0::1]", "100.64.0.1", "169.254.169.254", "[fd00:ec2::254]"),
    *("168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255", "198.18.0.1", "localhost.", "127.0.0.2"),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_r1_no_spelling_of_an_inner_address_gets_a_connection(site: Site, spelling: str) -> None:
    with pytest.raises(RefusedAddressError) as refusal:
        post(f"http://{spelling}:{site.port}/hook", policy=None)
    assert refusal.value.code == "refused"
    assert site.connections == 0


def test_r3_the_name_service_is_asked_once_and_believed_once(site: Site) -> None:
    site.answers("/hook", 200, body="ok")
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        asked.append(host)
        return answering("127.0.0.1" if len(asked) == 1 else "10.0.0.1")(host, port)

    assert post(site.url("/hook", host="news.example"), lookup=rebinding).text == "ok"
    assert asked == ["news.example"]
    assert site.requests[0].header("host") == f"news.example:{site.port}"


@pytest.mark.parametrize("answers", [("1.1.1.1", "127.0.0.1"), ("127.0.0.1", "1.1.1.1"), ("2606:4700::1", "127.0.0.1")])
def test_r3_one_inner_answer_among_public_ones_refuses_the_name(site: Site, answers: Sequence[str]) -> None:
    with pytest.raises(RefusedAddressError):
        post(site.url("/hook", host="news.example"), policy=None, lookup=answering(*answers))
    assert site.connections == 0


def test_r3_the_next_address_is_tried_where_one_is_dead(site: Site) -> None:
    site.answers("/hook", 200, body="ok")
    lookup = answering("127.0.0.77", "127.0.0.78", "127.0.0.1")
    assert post(site.url("/hook", host="news.example"), lookup=lookup).text == "ok"


def test_r5_ports_of_other_services_are_refused() -> None:
    for port in (22, 25, 6379, 5432):
        with pytest.raises(RefusedAddressError, match=f"port {port}"):
            post(f"http://1.1.1.1:{port}/", policy=None)
    for port in (0, 65536):
        with pytest.raises(RefusedAddressError, match=f"no port {port}"):
            post(f"http://1.1.1.1:{port}/", policy=None)


def test_r5_an_unusual_port_is_logged_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.answers("/secret", 200)

    async def twice() -> None:
        client = HttpClient(policy=LOOPBACK)
        for _ in range(2):
            await client.post(site.url("/secret"), body=b"", headers={})
        await client.aclose()

    with caplog.at_level(logging.INFO, logger="monitor"):
        asyncio.run(twice())
    assert caplog.messages == [f"calling an unusual port host=127.0.0.1 port={site.port}"]


def test_r6_proxies_in_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers("/hook", 200, body="direct")
    with Site() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        assert post(site.url("/hook")).text == "direct"
        assert proxy.connections == 0


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/", "/run/x.sock", "http://127.0.0.1\\@1.1.1.1/"]
)
def test_r7_what_is_no_web_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(RefusedAddressError) as refusal:
        post(url)
    assert url not in str(refusal.value)


def test_r9_a_refused_address_reads_the_same_whatever_listens_there(site: Site) -> None:
    listening, closed = site.port, free_port()
    sentences = set()
    for port in (listening, closed):
        with pytest.raises(RefusedAddressError) as refusal:
            post(f"http://127.0.0.1:{port}/", policy=None)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1
    assert site.connections == 0


def test_r9_closed_and_silent_ports_read_the_same() -> None:
    async def connecting(url: str) -> str:
        client = HttpClient(policy=LOOPBACK, connect_for=timedelta(seconds=0.2))
        try:
            await client.post(url, body=b"", headers={})
        except FetchError as error:
            return f"{error.code}: {error}"
        finally:
            await client.aclose()
        return "answered"

    with full_listener() as silent:
        closed = asyncio.run(connecting(f"http://127.0.0.1:{free_port()}/"))
        assert asyncio.run(connecting(f"http://127.0.0.1:{silent}/")) == closed
    assert closed == "connect: cannot connect to 127.0.0.1; it may be down, or its address wrong"


def test_r10_a_policy_can_be_chosen_for_one_call(site: Site) -> None:
    site.answers("/hook", 200, body="ok")

    async def both() -> None:
        client = HttpClient()
        allowed = await client.post(site.url("/hook"), body=b"", headers={}, policy=LOOPBACK)
        assert allowed.text == "ok"
        with pytest.raises(RefusedAddressError):
            await client.post(site.url("/hook"), body=b"", headers={})
        await client.aclose()

    asyncio.run(both())
    assert site.connections == 1


class full_listener:
    """A port whose queue is full: it neither accepts nor refuses, as behind a filter."""

    def __enter__(self) -> int:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        port: int = self._listener.getsockname()[1]
        self._waiting = [socket.socket() for _ in range(3)]
        for each in self._waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        assert select.select([], self._waiting[:1], [], PATIENCE)[1], "the first has its place in the queue"
        return port

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._waiting):
            each.close()


# --- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("certificate", "trusted", "reason"),
    [
        (GOOD, (), "self-signed certificate"),
        (EXPIRED, (EXPIRED,), "certificate has expired"),
        (WRONG_NAME, (WRONG_NAME,), "IP address mismatch"),
    ],
    ids=["self-signed", "expired", "wrong name"],
)
def test_f29_a_certificate_that_proves_nothing_is_refused(
    certificate: str, trusted: Sequence[str], reason: str, tmp_path: Path
) -> None:
    with Site(tls=for_a_site(certificate, tmp_path)) as site:
        with pytest.raises(FetchError) as error:
            post(site.url("/hook"), tls=for_a_reader(*trusted))
        assert site.requests == []
    assert error.value.code == "tls"
    assert "its certificate is not valid" in str(error.value)
    assert reason in str(error.value)
    assert not isinstance(error.value, NoAnswerError)


def test_f29_a_good_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    with Site(tls=for_a_site(GOOD, tmp_path)) as site:
        site.answers("/hook", 200, body="ok")
        tls = for_a_reader(GOOD)
        lookup = answering("127.0.0.1")
        assert post(site.url("/hook"), tls=tls).text == "ok"
        assert post(site.url("/hook", host="news.example"), tls=tls, lookup=lookup).text == "ok"
        with pytest.raises(FetchError, match="Hostname mismatch"):
            post(site.url("/hook", host="other.example"), tls=tls, lookup=lookup)


def test_f29_a_server_without_tls_is_one_clear_error(site: Site) -> None:
    with pytest.raises(FetchError, match="no secure connection") as error:
        post(f"https://127.0.0.1:{site.port}/")
    assert error.value.code == "tls"


def test_f29_a_handshake_that_never_ends_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(FetchError) as error:
        post(f"https://127.0.0.1:{silent.getsockname()[1]}/", limit=0.3)
    assert error.value.code == "timeout"


# --- what must stay quiet -----------------------------------------------------------------------------------------------


def test_u16_no_secret_reaches_the_log_or_an_error(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.answers("/services/SECRET", 500, body="no")
    site.sends_raw("/broken/SECRET", b"", then="reset")
    with caplog.at_level(logging.DEBUG):
        post(site.url("/services/SECRET?token=SECRET"), headers={"Authorization": "Bearer SECRET"})
        with pytest.raises(FetchError) as error:
            post(site.url("/broken/SECRET"))
    assert "SECRET" not in caplog.text
    assert "SECRET" not in str(error.value)


# --- headers ------------------------------------------------------------------------------------------------------------

DATE = "Fri, 20 Nov 2026 11:00:00 GMT"  # an hour behind NOW: the server's clock, not ours, wrote the wait


@pytest.mark.parametrize(
    ("values", "wait"),
    [
        (["120"], 120),
        (["Fri, 20 Nov 2026 11:02:00 GMT"], 120),
        (["-5"], None),
        ([str(10**12)], 24 * 3600),
        (["9" * 5000], 24 * 3600),
        (["soon"], None),
        ([""], None),
        (["1e3"], None),
        (["٣"], None),
        (["30", "90"], 90),
        (["30, 90"], 90),
        (["90", "garbage"], 90),
        (["2.5"], 2.5),
        (["Fri, 20 Nov 2026 10:00:00 GMT"], None),
        (["Fri, 31 Dec 9999 23:59:59 GMT"], 24 * 3600),
        (["Fri, 99 Nov 2026 11:02:00 GMT"], None),
        ([], None),
    ],
)
def test_f14_retry_after_is_read(values: Sequence[str], wait: float | None) -> None:
    headers = Headers([(b"Retry-After", each.encode()) for each in values] + [(b"date", DATE.encode())])
    assert retry_after(headers, now=NOW) == (None if wait is None else timedelta(seconds=wait))


@pytest.mark.parametrize(
    "value",
    [
        *("90s", "90 seconds", "+90", '"90"', "90;ms=0", "1.5 minutes", "1m30s", "PT1M30S", "00:01:30", "90000ms"),
        *("2026-11-20T12:01:30Z", "2026-11-20 12:01:30", "1795176090", "1795176090000"),
    ],
)
def test_fault_feed_22_a_wait_is_read_however_it_is_spelt(value: str) -> None:
    headers = Headers([(b"Retry-After", value.encode()), (b"date", b"Fri, 20 Nov 2026 12:00:00 GMT")])
    assert retry_after(headers, now=NOW) == timedelta(seconds=90)


@pytest.mark.parametrize("value", ["soon", "90 apples", "P", "PT", "s", "::", "1:2", "NaN", "Infinity", "-90s"])
def test_fault_feed_22_a_wait_that_says_nothing_is_none(value: str) -> None:
    assert retry_after(Headers([(b"Retry-After", value.encode())]), now=NOW) is None


def test_f14_without_a_date_of_the_server_ours_counts() -> None:
    headers = Headers([(b"retry-after", b"Fri, 20 Nov 2026 12:01:00 GMT")])
    assert retry_after(headers, now=NOW) == timedelta(minutes=1)


@pytest.mark.parametrize("value", [None, "", "0", "-1", "garbage", "Fri, 20 Nov 99999 10:00:00 GMT", "x" * 10_000])
def test_what_is_no_date_is_none(value: str | None) -> None:
    assert waits.http_date(value) is None


def test_headers_keep_every_value_in_order() -> None:
    headers = Headers([(b"A", b" 1 "), (b"a", b"\xe4"), (b"B", b"")])
    assert (headers["a"], headers.all("a"), headers.first("b"), headers.get("c")) == ("1, ä", ["1", "ä"], None, None)
    assert list(headers) == ["a", "b"]
