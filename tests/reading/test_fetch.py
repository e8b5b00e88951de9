"""Fetching: requests to and responses from well-behaved servers, and the error for each kind of misbehaviour."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import resource
import threading
import zlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.net.addresses import AddressPolicy
from monitor.net.http import Headers, HttpClient
from monitor.reading.fetch import FEED_TYPES, PAGE_TYPES, Fetcher, FetchLimits, max_age
from monitor.types.errors import FetchError, RefusedAddressError
from monitor.types.fetching import Fetched, Validators
from tests.fakes.certificates import GOOD, for_a_reader, for_a_site
from tests.fakes.patience import PATIENCE, soon_on_loop
from tests.fakes.site import Site, atom, rss

LOOPBACK = AddressPolicy((ipaddress.ip_network("127.0.0.0/8"),))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AMPLE_FOR = 10 * timedelta(seconds=PATIENCE)
"""No limit that a test meets: `with_fetcher` gives up long before."""
BRISK = FetchLimits(total_for=AMPLE_FOR, spacing_for=timedelta(0), per_host=8)
T = TypeVar("T")
NEWS = rss(("Title", "https://news.example/1", "guid-1", "Text", "2026-11-20T10:00:00Z"))


def with_fetcher(
    work: Callable[[Fetcher], Coroutine[Any, Any, T]], *, limits: FetchLimits = BRISK, client: HttpClient | None = None
) -> T:
    """Run `work` with a fetcher that may read loopback."""

    async def working() -> T:
        patient = HttpClient(policy=LOOPBACK, connect_for=AMPLE_FOR, read_timeout_for=AMPLE_FOR)
        async with Fetcher(client or patient, limits=limits) as fetcher, asyncio.timeout(PATIENCE):
            return await work(fetcher)

    return asyncio.run(working())


def get(url: str, *, limits: FetchLimits = BRISK, **more: Any) -> Fetched:
    """One fetch."""
    return with_fetcher(lambda fetcher: fetcher.get(url, now=NOW, **more), limits=limits)


def failure(url: str, *, limits: FetchLimits = BRISK, **more: Any) -> FetchError:
    """The one error that a fetch ends in."""
    with pytest.raises(FetchError) as error:
        get(url, limits=limits, **more)
    assert len(str(error.value)) < 200
    return error.value


# --- an honest server ---------------------------------------------------------------------------------------------------


def test_a_feed_is_read(site: Site) -> None:
    site.publishes("/feed", NEWS, last_modified="Fri, 20 Nov 2026 10:00:00 GMT")
    fetched = get(site.url("/feed"))
    assert (fetched.status, fetched.body, fetched.media_type) == (200, NEWS, "application/rss+xml; charset=utf-8")
    assert (fetched.url, fetched.final_url, fetched.at) == (site.url("/feed"), site.url("/feed"), NOW)
    assert fetched.validators.last_modified == "Fri, 20 Nov 2026 10:00:00 GMT"
    assert fetched.permanent_url is None
    assert timedelta(0) < fetched.took_for < AMPLE_FOR


def test_f20_only_the_first_question_is_unconditional(site: Site) -> None:
    site.publishes("/feed", NEWS, last_modified="Fri, 20 Nov 2026 10:00:00 GMT")

    async def polling(fetcher: Fetcher) -> list[int]:
        known = Validators()
        statuses = []
        for _ in range(5):
            fetched = await fetcher.get(site.url("/feed"), validators=known, now=NOW)
            known = fetched.validators
            statuses.append(fetched.status)
        return statuses

    assert with_fetcher(polling) == [200, 304, 304, 304, 304]
    assert [request.header("if-none-match") is None for request in site.requests] == [True, *[False] * 4]
    assert all(request.header("if-modified-since") for request in site.requests[1:])


@pytest.mark.parametrize(
    "etag", ['"abc"', 'W/"abc"', "abc", "'x'", '"' + "x" * 8000 + '"', '"é\xa0ÿ"', '"a b\tc"', "\x80\x9f", '"a,b"', "*"]
)
def test_f21_validators_are_echoed_byte_for_byte(site: Site, etag: str) -> None:
    site.publishes("/feed", NEWS, etag=etag, last_modified="whenever; ÿ")
    known = get(site.url("/feed")).validators
    assert get(site.url("/feed"), validators=known).status == 304
    headers = dict(site.requests[-1].headers)
    assert headers[b"If-None-Match"] == etag.encode("latin-1")
    assert headers[b"If-Modified-Since"] == "whenever; ÿ".encode("latin-1")


def test_f21_a_validator_too_long_to_send_is_dropped(site: Site) -> None:
    site.publishes("/feed", NEWS, etag='"' + "x" * 8200 + '"')
    assert get(site.url("/feed")).validators == Validators()


@pytest.mark.parametrize("spoilt", ["x" * 9000, "a\r\nHost: inside", "a\x00", "日", ""])
def test_f21_a_validator_that_cannot_be_sent_is_left_out(site: Site, spoilt: str) -> None:
    site.publishes("/feed", NEWS)
    assert get(site.url("/feed"), validators=Validators(etag=spoilt, last_modified=spoilt)).status == 200
    assert site.requests[0].header("if-none-match") is site.requests[0].header("if-modified-since") is None


def test_f22_both_validators_follow_the_server(site: Site) -> None:
    known = Validators(etag='"old"', last_modified="old")
    site.publishes("/feed", NEWS, etag='"new"', last_modified="old")
    known = get(site.url("/feed"), validators=known).validators
    assert known == Validators(etag='"new"', last_modified="old")
    site.publishes("/feed", NEWS, etag="", last_modified="newer")
    assert get(site.url("/feed"), validators=known).validators == Validators(last_modified="newer")


def test_f23_a_304_may_bring_new_validators(site: Site) -> None:
    known = Validators(etag='"old"', last_modified="old")
    site.answers("/feed", 304, {"ETag": '"new"'})
    fetched = get(site.url("/feed"), validators=known)
    assert (fetched.status, fetched.body) == (304, b"")
    assert fetched.validators == Validators(etag='"new"', last_modified="old")
    site.answers("/feed", 304, {"Last-Modified": "new"})
    assert get(site.url("/feed"), validators=known).validators == Validators(etag='"old"', last_modified="new")


def test_f24_a_server_without_conditions_is_read_again(site: Site) -> None:
    site.answers("/feed", 200, {"ETag": '"same"'}, NEWS)
    assert get(site.url("/feed"), validators=Validators(etag='"same"')).body == NEWS


def test_a_304_that_nobody_asked_for_is_an_error(site: Site) -> None:
    site.answers("/feed", 304)
    assert failure(site.url("/feed")).status == 304


def test_f26_no_cookie_no_referer_no_query_is_added(site: Site) -> None:
    cookie = {"Set-Cookie": "session=1; Path=/", "ETag": '"a"'}
    site.answers("/start", 302, {"Location": "/feed?x=1"})
    site.answers("/feed", 200, cookie, NEWS)

    async def twice(fetcher: Fetcher) -> None:
        for _ in range(2):
            await fetcher.get(site.url("/start"), now=NOW)

    with_fetcher(twice)
    assert [request.path for request in site.requests] == ["/start", "/feed?x=1"] * 2
    for request in site.requests:
        assert [name for name, _ in request.headers] == [
            *(b"Host", b"User-Agent", b"Accept", b"Accept-Encoding", b"Connection")
        ]
    assert len({request.header("user-agent") for request in site.requests}) == 1


def test_a_page_is_asked_for_as_a_page(site: Site) -> None:
    site.publishes("/story", "<p>Text", content_type="text/html")
    get(site.url("/story"), accept=PAGE_TYPES)
    get(site.url("/story"))
    assert [request.header("accept") for request in site.requests] == [PAGE_TYPES, FEED_TYPES]


# --- redirects ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hops", "is_permanent"),
    [([301], True), ([308, 301], True), ([302], False), ([301, 307, 301], False), ([303], False)],
)
def test_f10_f11_redirects_are_followed_and_remembered(site: Site, hops: Sequence[int], is_permanent: bool) -> None:
    for number, status in enumerate(hops):
        site.redirects(f"/{number}", f"/{number + 1}", status)
    site.publishes(f"/{len(hops)}", NEWS)
    fetched = get(site.url("/0"))
    end = site.url(f"/{len(hops)}")
    assert (fetched.url, fetched.final_url) == (site.url("/0"), end)
    assert fetched.permanent_url == (end if is_permanent else None)


def test_f20_conditions_survive_a_redirect(site: Site) -> None:
    site.redirects("/old", "/feed", 301)
    site.publishes("/feed", NEWS)
    known = get(site.url("/old")).validators
    fetched = get(site.url("/old"), validators=known)
    assert (fetched.status, fetched.permanent_url) == (304, site.url("/feed"))


@pytest.mark.parametrize(
    "location", ["/feed", "feed", "./feed", "//{authority}/feed", "http://{authority}/feed#part", "  /feed ", "?go=1"]
)
def test_a_location_may_be_relative(site: Site, location: str) -> None:
    site.redirects("/old", location.format(authority=f"127.0.0.1:{site.port}"), times=1)
    site.publishes("/feed", NEWS)
    site.publishes("/old", NEWS)
    assert get(site.url("/old")).body == NEWS


def test_a_location_in_utf8_is_understood(site: Site) -> None:
    site.redirects("/old", "/новости".encode().decode("latin-1"))
    site.publishes("/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8", NEWS)
    assert get(site.url("/old")).body == NEWS


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "javascript:alert(1)", "http://[::bad/", "", "gopher://127.0.0.1/", "data:,x"),
        *("\\\\a\\b", "http://user:pw@127.0.0.1/", "http://127.0.0.1:0/", "http://2130706433/"),
    ],
)
def test_f9_a_redirect_to_something_else_is_an_error(site: Site, location: str) -> None:
    site.redirects("/feed", location)
    error = failure(site.url("/feed"))
    assert (error.code, len(site.requests)) == ("redirect", 1)


def test_f9_a_redirect_without_a_location_is_an_error(site: Site) -> None:
    site.answers("/feed", 302)
    assert failure(site.url("/feed")).code == "redirect"


def test_f9_loops_and_long_chains_end(site: Site) -> None:
    site.redirects("/loop", "/loop")
    assert failure(site.url("/loop")).code == "redirect"
    assert len(site.requests) == 11
    for number in range(21):
        site.redirects(f"/{number}", f"/{number + 1}")
    assert "more than 10 times" in str(failure(site.url("/0")))


@pytest.mark.parametrize("position", range(3))
def test_r4_each_hop_is_checked_again(site: Site, position: int) -> None:
    only_here = AddressPolicy((ipaddress.ip_network("127.0.0.1/32"),))
    with Site("127.0.0.2") as inside:
        inside.publishes("/secret", NEWS)
        for number in range(position):
            site.redirects(f"/{number}", f"/{number + 1}")
        site.redirects(f"/{position}", inside.url("/secret"))
        with pytest.raises(RefusedAddressError):
            get(site.url("/0"), policy=only_here)
        assert inside.connections == 0
    assert len(site.requests) == position + 1


@pytest.mark.parametrize(
    "location", ["//10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://1.1.1.1:22/"]
)
def test_r4_a_redirect_inside_is_refused(site: Site, location: str) -> None:
    site.redirects("/feed", location)
    assert failure(site.url("/feed")).code == "refused"


def test_r8_nothing_crosses_to_another_host_but_the_question(site: Site) -> None:
    with Site("127.0.0.2") as other:
        other.publishes("/feed", NEWS)
        site.answers("/feed", 302, {"Location": other.url("/feed"), "Set-Cookie": "a=b; Domain=127.0.0.2"})
        get(site.url("/feed"))
        names = [name for name, _ in other.requests[0].headers]
        assert names == [b"Host", b"User-Agent", b"Accept", b"Accept-Encoding", b"Connection"]
        assert other.requests[0].header("host") == f"127.0.0.2:{other.port}"


def test_r10_one_feed_may_be_allowed_what_others_are_not(site: Site) -> None:
    site.publishes("/feed", NEWS)

    async def both(fetcher: Fetcher) -> None:
        assert (await fetcher.get(site.url("/feed"), now=NOW, policy=LOOPBACK)).status == 200
        with pytest.raises(RefusedAddressError):
            await fetcher.get(site.url("/feed"), now=NOW)

    with_fetcher(both, client=HttpClient())
    assert site.connections == 1


def test_f29_a_redirect_from_https_to_http_is_refused(site: Site, tmp_path: Path) -> None:
    site.publishes("/feed", NEWS)
    with Site(tls=for_a_site(GOOD, tmp_path)) as secure:
        secure.redirects("/down", site.url("/feed"))
        secure.redirects("/across", "/feed")
        secure.publishes("/feed", NEWS)
        site.redirects("/up", secure.url("/feed"), 301)

        async def three(fetcher: Fetcher) -> None:
            with pytest.raises(FetchError, match="from https to http") as error:
                await fetcher.get(secure.url("/down"), now=NOW)
            assert error.value.code == "redirect"
            assert (await fetcher.get(secure.url("/across"), now=NOW)).body == NEWS
            assert (await fetcher.get(site.url("/up"), now=NOW)).permanent_url == secure.url("/feed")

        with_fetcher(three, client=HttpClient(policy=LOOPBACK, tls=for_a_reader(GOOD)))
    assert [request.path for request in site.requests] == ["/up"]


def test_f29_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    with Site(tls=for_a_site(GOOD, tmp_path)) as secure:
        error = failure(secure.url("/feed"))
        assert (error.code, secure.requests) == ("tls", [])
    assert "certificate is not valid" in str(error)


# --- servers that misbehave ---------------------------------------------------------------------------------------------

HASTY = FetchLimits(total_for=timedelta(seconds=0.4), spacing_for=timedelta(0))


def hasty_failure(url: str) -> FetchError:
    """The error of a fetch that has little time in all."""
    return failure(url, limits=HASTY)


def test_f1_a_server_that_never_answers_is_left_in_time(site: Site) -> None:
    site.never_answers("/feed")
    assert hasty_failure(site.url("/feed")).code == "timeout"


def test_f1_silence_ends_before_the_whole_limit(site: Site) -> None:
    site.never_answers("/feed")

    async def reading(fetcher: Fetcher) -> None:
        with pytest.raises(FetchError, match="did not answer in time"):
            await fetcher.get(site.url("/feed"), now=NOW)

    with_fetcher(reading, client=HttpClient(policy=LOOPBACK, read_timeout_for=timedelta(seconds=0.2)))


def test_f2_a_dripped_body_is_cut_at_the_total_limit(site: Site) -> None:
    site.drips("/feed")
    assert hasty_failure(site.url("/feed")).code == "timeout"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000, b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 100]
)
def test_f3_a_dripped_head_is_cut_at_the_total_limit(site: Site, head: bytes) -> None:
    site.drips("/feed", head)
    assert hasty_failure(site.url("/feed")).code == "timeout"


def test_f3_endless_early_hints_are_cut_at_the_total_limit(site: Site) -> None:
    site.sends_raw("/feed", lambda: repeat(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 50))
    assert hasty_failure(site.url("/feed")).code == "timeout"


def test_the_total_limit_spans_all_redirects(site: Site) -> None:
    site.is_slow(0.15)
    for number in range(10):
        site.redirects(f"/{number}", f"/{number + 1}")
    assert hasty_failure(site.url("/0")).code == "timeout"
    assert len(site.requests) <= 4


def test_f4_an_endless_body_is_cut_at_the_cap(site: Site) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        yield head
        while True:
            sent.append(len(chunk))
            yield chunk

    site.sends_raw("/feed", endless)
    error = failure(site.url("/feed"))
    assert (error.code, str(error)) == (
        "too large",
        "127.0.0.1 sends more than the 10.5 MB that are read of one document",
    )
    assert sum(sent) < 25_000_000


def test_f4_a_body_of_exactly_the_cap_is_read(site: Site) -> None:
    limits = FetchLimits(total_for=AMPLE_FOR, body_bytes=1000, spacing_for=timedelta(0))
    site.answers("/fits", 200, {}, b"x" * 1000)
    site.answers("/over", 200, {}, b"x" * 1001)
    assert len(get(site.url("/fits"), limits=limits).body) == 1000
    assert failure(site.url("/over"), limits=limits).code == "too large"


def zeros(wbits: int) -> bytes:
    """A gigabyte of nothing, compressed: the same flushed block over and over, for the sake of speed."""
    packer = zlib.compressobj(9, wbits=wbits)
    first, again = (packer.compress(bytes(1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 1023


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", lambda: zeros(31)),
        ("deflate", lambda: zeros(15)),
        ("gzip, gzip", lambda: gzip.compress(zeros(31))),
        ("br", lambda: b"\x5b\xff\xff\xff" * 1000),
        ("zstd", lambda: b"\x28\xb5\x2f\xfd" * 1000),
    ],
)
def test_f5_a_bomb_is_cut_while_it_is_small(site: Site, coding: str, packed: Callable[[], bytes]) -> None:
    site.answers("/feed", 200, {"Content-Encoding": coding}, packed())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = failure(site.url("/feed"))
    assert error.code in ("too large", "encoding")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KB


def test_f5_many_little_members_are_cut_too(site: Site) -> None:
    site.answers("/feed", 200, {"Content-Encoding": "gzip"}, gzip.compress(b"") * 600_000)
    assert failure(site.url("/feed")).code == "too large"


def test_f6_a_body_shorter_than_promised_is_an_error(site: Site) -> None:
    site.sends_raw("/feed", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    assert failure(site.url("/feed")).code == "protocol"


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: sparkling\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"<rss/>",
        b"\x16\x03\x01\x00\x00",
        b"ICY 200 OK\r\n\r\n",
        b"",
    ],
    ids=lambda sent: repr(sent[16:50]),
)
def test_f7_broken_http_is_one_error(site: Site, sent: bytes) -> None:
    site.sends_raw("/feed", sent)
    assert failure(site.url("/feed")).code in ("protocol", "connect")


def test_f7_a_head_of_fifty_megabytes_is_not_read(site: Site) -> None:
    site.sends_raw("/feed", lambda: [b"HTTP/1.1 200 OK\r\nX: ", *[b"a" * 1_000_000] * 50])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert failure(site.url("/feed")).code == "protocol"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KB


def test_f7_a_reset_is_one_error(site: Site) -> None:
    site.sends_raw("/feed", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<rss", then="reset")
    site.sends_raw("/at-once", b"", then="reset")
    assert failure(site.url("/feed")).code == "connect"
    assert failure(site.url("/at-once")).code in ("connect", "protocol")


def test_f8_plain_text_that_claims_to_be_gzip_is_an_error(site: Site) -> None:
    site.answers("/feed", 200, {"Content-Encoding": "gzip"}, NEWS)
    error = failure(site.url("/feed"))
    assert (error.code, str(error)) == (
        "encoding",
        "127.0.0.1 says its answer is compressed, but it is not, or not whole",
    )


def test_f8_an_unknown_encoding_is_an_error(site: Site) -> None:
    site.answers("/feed", 200, {"Content-Encoding": "aes128"}, NEWS)
    error = failure(site.url("/feed"))
    assert error.code == "encoding"
    assert "aes128" in str(error)


def test_f8_a_compressed_body_cut_short_is_an_error(site: Site) -> None:
    site.answers("/feed", 200, {"Content-Encoding": "gzip"}, gzip.compress(NEWS)[:-9])
    assert failure(site.url("/feed")).code == "encoding"


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(NEWS)),
        ("GZip", gzip.compress(NEWS)),
        ("identity, x-gzip", gzip.compress(NEWS)),
        ("gzip", gzip.compress(NEWS[:50]) + gzip.compress(NEWS[50:])),
        ("gzip", gzip.compress(NEWS) + b"junk behind"),
        ("gzip", gzip.compress(NEWS) + b"\x1f"),
        ("deflate", zlib.compress(NEWS)),
        ("identity", NEWS),
    ],
)
def test_compressed_feeds_are_read(site: Site, coding: str, packed: bytes) -> None:
    site.answers("/feed", 200, {"Content-Encoding": coding}, packed)
    assert get(site.url("/feed")).body == NEWS
    site.drips("/drip", _plain_answer(coding, packed), every=0)
    assert get(site.url("/drip")).body == NEWS


def _plain_answer(coding: str, packed: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode() + packed


def test_an_empty_body_is_an_empty_body(site: Site) -> None:
    site.answers("/feed", 200, {"Content-Encoding": "gzip"}, b"")
    assert get(site.url("/feed")).body == b""


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n"])
        | st.sampled_from(
            [b"Content-Encoding: gzip\r\n", b"Location: //[\r\n", b"HTTP/1.1 302 X\r\n", b"5\r\nabcde\r\n"]
        )
        | st.sampled_from(
            [b"ETag: \xff\r\n", b"Retry-After: x\r\n", b"Expires: 0\r\n", b"Cache-Control: =,\r\n", b"0\r\n"]
        )
        | st.binary(max_size=20),
        max_size=8,
    )
)
def test_whatever_comes_is_a_page_or_one_error(pieces: list[bytes]) -> None:
    with Site() as site:
        site.sends_raw("/feed", b"".join(pieces))
        with suppress(FetchError):
            assert get(site.url("/feed"), limits=HASTY).status == 200


# --- what the status says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 403, 404, 418, 429, 500, 503, 599, 999])
def test_f13_every_other_status_is_an_error_with_its_number(site: Site, status: int) -> None:
    site.answers("/feed", status, {}, b"words")
    error = failure(site.url("/feed"))
    assert (error.status, error.code, error.is_gone) == (status, str(status), False)
    assert f"127.0.0.1 answered {status}" in str(error)


def test_f12_gone_is_gone(site: Site) -> None:
    site.answers("/feed", 410)
    site.redirects("/moved", "/feed", 301)
    site.redirects("/elsewhere", "/feed", 302)
    assert failure(site.url("/feed")).is_gone
    assert failure(site.url("/moved")).is_gone
    assert not failure(site.url("/elsewhere")).is_gone, "where a passing redirect leads is not our feed"


def test_f14_f15_the_wish_to_be_left_alone_is_passed_on(site: Site) -> None:
    site.answers("/feed", 429, {"Retry-After": "120"})
    assert failure(site.url("/feed")).retry_after_for == timedelta(minutes=2)
    site.answers("/feed", 503, [("Retry-After", "30"), ("Retry-After", "90")])
    assert failure(site.url("/feed")).retry_after_for == timedelta(seconds=90)
    site.answers(
        "/feed", 503, {"Date": "Fri, 20 Nov 2026 11:00:00 GMT", "Retry-After": "Fri, 20 Nov 2026 11:01:00 GMT"}
    )
    assert failure(site.url("/feed")).retry_after_for == timedelta(minutes=1)
    site.answers("/feed", 503)
    assert failure(site.url("/feed")).retry_after_for is None


@pytest.mark.parametrize(
    ("lines", "age"),
    [
        ({"Cache-Control": "max-age=43200"}, 43200),
        ({"Cache-Control": "public, Max-Age=600, must-revalidate"}, 600),
        ({"Cache-Control": 'max-age="600"'}, 600),
        ({"Cache-Control": "max-age=600", "Age": "200"}, 400),
        ({"Cache-Control": "max-age=600", "Age": "900"}, None),
        ({"Cache-Control": "max-age=600", "Age": "old"}, 600),
        ({"Cache-Control": "max-age=600", "Expires": "Fri, 20 Nov 2026 23:00:00 GMT"}, 600),
        ({"Cache-Control": "no-cache, max-age=600"}, None),
        ({"Cache-Control": "no-store", "Expires": "Fri, 20 Nov 2026 23:00:00 GMT"}, None),
        ({"Cache-Control": "max-age=0"}, None),
        ({"Cache-Control": "max-age=-1"}, None),
        ({"Cache-Control": "max-age=" + "9" * 5000}, 86400),
        ({"Cache-Control": "max-age"}, None),
        ({"Expires": "Fri, 20 Nov 2026 13:00:00 GMT"}, 3600),
        ({"Expires": "Fri, 20 Nov 2026 13:00:00 GMT", "Date": "Fri, 20 Nov 2026 12:30:00 GMT"}, 1800),
        ({"Expires": "Fri, 31 Dec 9999 13:00:00 GMT"}, 86400),
        ({"Expires": "0"}, None),
        ({"Expires": "-1"}, None),
        ({}, None),
    ],
)
def test_f25_the_servers_wish_not_to_be_asked_is_read(lines: dict[str, str], age: int | None) -> None:
    headers = Headers((name.encode(), value.encode()) for name, value in lines.items())
    assert max_age(headers, now=NOW) == (None if age is None else timedelta(seconds=age))


def test_f25_a_304_renews_the_wish(site: Site) -> None:
    site.answers("/feed", 304, {"Cache-Control": "max-age=600"})
    assert get(site.url("/feed"), validators=Validators(etag='"a"')).max_age_for == timedelta(minutes=10)


def test_r7_what_is_no_web_address_is_refused(site: Site) -> None:
    for url in ("file:///etc/passwd", "feed:" + site.url("/"), site.url("/").replace("//", "\\\\"), ""):
        assert failure(url).code == "refused"
    assert site.connections == 0


def test_a_site_that_is_down_comes_back(site: Site) -> None:
    site.publishes("/feed", NEWS)
    site.goes_down()
    assert failure(site.url("/feed")).code == "connect"
    site.comes_back()
    assert get(site.url("/feed")).body == NEWS


# --- pace ---------------------------------------------------------------------------------------------------------------


def test_f15_one_host_gets_two_requests_at_once(site: Site) -> None:
    site.publishes("/feed", NEWS)
    site.is_slow(0.05)
    site.answers_only_when_asked_by(2)

    async def many(fetcher: Fetcher) -> None:
        await asyncio.gather(*(fetcher.get(site.url(f"/feed?{number}"), now=NOW) for number in range(10)))

    with_fetcher(many, limits=FetchLimits(total_for=AMPLE_FOR, spacing_for=timedelta(0)))
    assert len(site.requests) == 10
    assert site.most_at_once == 2


def test_f15_between_two_requests_to_one_host_there_is_a_pause(site: Site) -> None:
    site.publishes("/feed", NEWS)

    async def four(fetcher: Fetcher) -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(fetcher.get(site.url("/feed"), now=NOW) for _ in range(4)))
        return asyncio.get_running_loop().time() - began

    limits = FetchLimits(total_for=AMPLE_FOR, spacing_for=timedelta(seconds=0.1))
    assert with_fetcher(four, limits=limits) >= 0.3


def test_f15_waiting_for_its_turn_is_not_held_against_a_feed(site: Site) -> None:
    turn = threading.Event()
    site.publishes("/feed", NEWS)
    site.sends_raw("/first", lambda: [b"HTTP/1.1 200 OK\r\n\r\n"] if turn.wait(PATIENCE) else [])

    async def both(fetcher: Fetcher) -> tuple[timedelta, float]:
        loop = asyncio.get_running_loop()
        first = asyncio.create_task(fetcher.get(site.url("/first"), now=NOW))
        await soon_on_loop(lambda: site.asked_for("/first"))
        second = asyncio.create_task(fetcher.get(site.url("/feed"), now=NOW))
        await asyncio.sleep(0.2)
        began = loop.time()
        turn.set()
        fetched = await second
        await first
        return fetched.took_for, loop.time() - began

    limits = FetchLimits(total_for=AMPLE_FOR, per_host=1, spacing_for=timedelta(0))
    took_for, since = with_fetcher(both, limits=limits)
    assert took_for < timedelta(seconds=since)


def test_f28_a_thousand_feeds_at_once_stay_within_the_limits() -> None:
    hosts = [f"127.0.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    with Site("0.0.0.0") as everywhere:
        everywhere.publishes("/feed", NEWS)
        everywhere.is_slow(0.01)

        async def thousand(fetcher: Fetcher) -> None:
            await asyncio.gather(*(fetcher.get(everywhere.url("/feed", host=host), now=NOW) for host in hosts))

        with_fetcher(thousand, limits=FetchLimits(total_for=AMPLE_FOR))
        assert len(everywhere.requests) == 1000
        assert everywhere.most_at_once <= 32


def test_a_slow_host_does_not_hold_up_the_others(site: Site) -> None:
    site.never_answers("/feed")
    with Site("127.0.0.2") as other:
        other.publishes("/feed", NEWS)

        async def both(fetcher: Fetcher) -> None:
            stuck = [asyncio.create_task(fetcher.get(site.url("/feed"), now=NOW)) for _ in range(10)]
            await soon_on_loop(lambda: len(site.requests) == 2)
            await fetcher.get(other.url("/feed"), now=NOW)
            assert not any(task.done() for task in stuck)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)

        limits = FetchLimits(total_for=AMPLE_FOR, concurrency=3, per_host=2, spacing_for=timedelta(0))
        with_fetcher(both, limits=limits)


def test_a_cancelled_fetch_leaves_nothing_open(site: Site) -> None:
    site.drips("/feed")

    async def cancelling(fetcher: Fetcher) -> None:
        task = asyncio.create_task(fetcher.get(site.url("/feed"), now=NOW))
        await soon_on_loop(lambda: site.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        site.publishes("/feed", NEWS)
        assert (await fetcher.get(site.url("/feed"), now=NOW)).status == 200

    with_fetcher(cancelling, limits=FetchLimits(total_for=AMPLE_FOR, per_host=1, spacing_for=timedelta(0)))


def test_a_flood_of_tiny_chunks_does_not_block_the_loop(site: Site) -> None:
    """It never ends and never reaches the cap: what else the loop has to do is done meanwhile, or never."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    site.sends_raw("/flood", lambda: chain([head], repeat(b"1\r\nx\r\n" * 2000)))
    site.publishes("/feed", NEWS)

    async def both(fetcher: Fetcher) -> None:
        flood = asyncio.create_task(fetcher.get(site.url("/flood"), now=NOW))
        await soon_on_loop(lambda: site.asked_for("/flood"))
        assert (await fetcher.get(site.url("/feed"), now=NOW)).status == 200
        assert not flood.done()
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)

    with_fetcher(both, limits=FetchLimits(total_for=AMPLE_FOR, body_bytes=10**12, spacing_for=timedelta(0)))


# --- the newspaper itself -----------------------------------------------------------------------------------------------


def test_a_site_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with Site() as site:
        site.drips("/feed")
        failure(site.url("/feed"), limits=HASTY)
    assert threading.active_count() <= before


def test_documents_of_both_kinds_carry_the_same_items() -> None:
    items = [("A & B", "https://news.example/1", "g<1>", "<p>Text", NOW), ("Only a title",)]
    for document in (rss(*items), atom(*items)):
        text = document.decode()
        assert "A &amp; B" in text
        assert "g&lt;1&gt;" in text
        assert "&lt;p&gt;Text" in text
        assert "Only a title" in text
        assert "2026" in text
