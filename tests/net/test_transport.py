"""The guarded transport: both URL parsers must agree, every request is checked, received headers are never interpreted."""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
from datetime import timedelta

import httpcore2
import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.net.addresses import AddressPolicy, Resolver
from monitor.net.http import HttpClient
from monitor.net.transport import GuardedTransport, OutboundCall, _as_httpx2_errors, _check_parsers_agree
from monitor.text import urls
from monitor.types.errors import FetchError, RefusedAddressError
from tests.fakes.site import Site

LOOPBACK = AddressPolicy((ipaddress.ip_network("127.0.0.0/8"),))
SHORT = timedelta(seconds=5)


def call_for(url: str) -> OutboundCall:
    return OutboundCall(url, urls.split(url), LOOPBACK)


def send(request: httpx2.Request) -> int:
    """Straight through the transport; the status."""

    async def sending() -> int:
        async with httpx2.AsyncClient(transport=GuardedTransport(Resolver(), httpx2.create_ssl_context())) as client:
            return (await client.send(request)).status_code

    return asyncio.run(sending())


# --- two parsers --------------------------------------------------------------------------------------------------------

MARKS = st.sampled_from("/?#%&=+:;,@!$()*~_-.[]{}|^`'<>\" \\")
TAILS = st.lists(
    MARKS | st.sampled_from(["..", "//", "%2e", "%2E%2E", "%00", "🙂"]) | st.characters(), max_size=12
).map("".join)
HOSTS = st.sampled_from(
    [
        "example.org",
        "Example.ORG:443",
        "example.org.:80",
        "my_feed.example",
        "faß.example",
        "خبر.example",
        "xn--0.example",
        "xn--a",
        "a.b-c.example:65535",
        "127.0.0.1:8080",
        "①②⑦.0.0.1",
        "[2001:DB8::1]",
        "[::ffff:1.2.3.4]:81",
    ]
)


@given(st.sampled_from(["http", "HTTPS"]), HOSTS, TAILS)
@example("http", "example.org", "/a/..")
@example("http", "example.org", "?")
@example("http", "example.org", "//x")
def test_r2_whatever_our_parser_lets_through_httpx2_reads_alike(scheme: str, host: str, tail: str) -> None:
    url = f"{scheme}://{host}/{tail}"
    try:
        call = call_for(url)
    except ValueError:
        return
    theirs = httpx2.URL(str(call.parts._replace(fragment=None)))
    _check_parsers_agree(theirs, call)
    assert (theirs.raw_host, theirs.raw_path) == (call.parts.host.encode(), call.parts.target.encode())


@pytest.mark.parametrize(
    "read",
    [
        "http://127.0.0.2:{port}/hook?x=1",
        "http://other.example:{port}/hook?x=1",
        "http://127.0.0.1:1/hook?x=1",
        "https://127.0.0.1:{port}/hook?x=1",
        "http://127.0.0.1:{port}/else?x=1",
        "http://127.0.0.1:{port}/hook?x=2",
        "http://127.0.0.1:{port}/hook",
        "http://me:secret@127.0.0.1:{port}/hook?x=1",
    ],
)
def test_r2_nobody_is_called_where_the_parsers_disagree(site: Site, read: str) -> None:
    call = call_for(site.url("/hook?x=1"))
    with pytest.raises(RefusedAddressError, match="can be read in two ways") as refusal:
        send(httpx2.Request("GET", read.format(port=site.port), extensions={"call": call}))
    assert "secret" not in str(refusal.value)
    assert site.connections == 0


def test_a_request_without_a_call_goes_nowhere(site: Site) -> None:
    with pytest.raises(KeyError):
        send(httpx2.Request("GET", site.url("/hook")))
    assert site.connections == 0


def test_a_request_with_a_call_goes_where_it_says(site: Site) -> None:
    site.answers("/hook?x=1", 201)
    url = site.url("/hook?x=1")
    assert send(httpx2.Request("GET", url, extensions={"call": call_for(url)})) == 201


def test_a_url_longer_than_httpx2_can_hold_is_refused_with_its_mend(site: Site) -> None:
    async def asking() -> None:
        client = HttpClient(policy=LOOPBACK)
        try:
            await client.post(site.url("/" + "🙂" * 8000), body=b"", headers={})
        finally:
            await client.aclose()

    with pytest.raises(RefusedAddressError, match="shorten it"):
        asyncio.run(asking())
    assert site.connections == 0


# --- one client, many requests ------------------------------------------------------------------------------------------


def test_f26_cookies_are_neither_kept_nor_sent_back(site: Site) -> None:
    site.answers("/hook", 200, {"Set-Cookie": "id=1; Path=/", "Set-Cookie2": "a=b"}, "ok")

    async def thrice() -> None:
        client = HttpClient(policy=LOOPBACK)
        for _ in range(3):
            await client.post(site.url("/hook"), body=b"", headers={})
        assert not list(client._client.cookies.jar)
        await client.aclose()

    asyncio.run(thrice())
    assert [request.header("cookie") for request in site.requests] == [None] * 3


def test_r10_a_connection_under_one_policy_never_serves_another(site: Site) -> None:
    site.answers("/hook", 200, {"Connection": "keep-alive"}, "ok")

    async def asking(client: HttpClient, policy: AddressPolicy) -> str:
        try:
            return (await client.post(site.url("/hook"), body=b"", headers={}, policy=policy)).text
        except RefusedAddressError:
            return "refused"

    async def side_by_side() -> list[str]:
        client = HttpClient()
        policies = [LOOPBACK, AddressPolicy()] * 10
        answers = list(await asyncio.gather(*(asking(client, policy) for policy in policies)))
        await client.aclose()
        return answers

    assert asyncio.run(side_by_side()) == ["ok", "refused"] * 10
    assert site.connections == 10


@pytest.mark.parametrize(
    "location",
    [
        *(
            "http://xn--a/",
            "http://[",
            "//[::1",
            "http://1.2.3.4.5.6:99999999999/",
            "http://:port/",
            "\\\\x",
            "http:///",
        ),
        *("http://" + "ä" * 20_000 + "/", "/" + "%" * 60_000, "//xn--" + "9" * 60_000, "http://a b/", "\x80"),
    ],
    ids=lambda location: repr(location[:12]),
)
def test_f9_a_location_stays_text_however_odd_it_is(site: Site, location: str) -> None:
    site.redirects("/hook", location)

    async def asking() -> tuple[int, str | None]:
        client = HttpClient(policy=LOOPBACK)
        try:
            answer = await client.post(site.url("/hook"), body=b"", headers={}, limit_for=SHORT)
            return answer.status, answer.headers.first("location")
        finally:
            await client.aclose()

    status, _ = asyncio.run(asking())
    assert status == 302


def test_a_closed_door_stays_closed(site: Site) -> None:
    async def asking() -> None:
        client = HttpClient(policy=LOOPBACK)
        await client.aclose()
        await client.post(site.url("/hook"), body=b"", headers={})

    with pytest.raises(RuntimeError):
        asyncio.run(asking())
    assert site.connections == 0


# --- words --------------------------------------------------------------------------------------------------------------

ENGINE_FAULTS = [
    kind
    for kind in vars(httpcore2).values()
    if inspect.isclass(kind) and issubclass(kind, Exception) and kind is not httpcore2.ConnectionNotAvailable
]


@pytest.mark.parametrize("kind", ENGINE_FAULTS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_engine_becomes_one_of_httpx2(kind: type[Exception]) -> None:
    if kind is httpcore2.ProxyError:
        return  # we have no proxies
    with pytest.raises(httpx2.TransportError) as error, _as_httpx2_errors():
        raise kind("why")
    assert type(error.value).__name__ == kind.__name__
    assert isinstance(error.value.__cause__, kind)


def test_our_own_errors_pass_httpx2_unchanged(site: Site) -> None:
    ours = FetchError("no", url=site.url(), code="dns")
    with pytest.raises(FetchError) as error, _as_httpx2_errors():
        raise ours
    assert error.value is ours
