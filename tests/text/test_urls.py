"""URLs: which are accepted, which are refused and with what advice, which are the same page."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.text import urls

# --- check --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "checked"),
    [
        ("https://example.org/feed", "https://example.org/feed"),
        ("  HTTPS://Example.ORG:443/Feed\n", "https://example.org/Feed"),
        ("http://example.org", "http://example.org/"),
        ("http://example.org?x=1", "http://example.org/?x=1"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://example.org:8080/a#part", "http://example.org:8080/a"),
        ("https://example.org/a b/ä?q=ö", "https://example.org/a%20b/%C3%A4?q=%C3%B6"),
        ("https://example.org/100%/%41", "https://example.org/100%25/%41"),
        ("https://example.org/a/../b/./c", "https://example.org/b/c"),
        ("https://example.org/../../etc", "https://example.org/etc"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://خبر.example/", "https://xn--ngblk.example/"),
        ("https://my_feed.example/", "https://my_feed.example/"),
        ("http://[2001:DB8:0::1]:81/", "http://[2001:db8::1]:81/"),
        ("https://example.org/?mail=a@b.example", "https://example.org/?mail=a@b.example"),
    ],
)
def test_a_web_address_is_normalised(written: str, checked: str) -> None:
    assert urls.check(written) == checked
    assert urls.check(checked) == checked


@pytest.mark.parametrize(
    ("written", "mend"),
    [
        ("", "write one such as"),
        ("https://example.org/" + "a" * 8192, "shorten it"),
        ("example.org/feed", "write https:// in front"),
        ("example.org:80/feed", "write https:// in front"),
        ("//example.org/feed", "write https:// in front"),
        ("https:example.org", "two slashes"),
        ("https:///feed", "no host"),
        ("https://./feed", "no host"),
        ("https://:80/", "no host"),
        ("https://a..b/", "check its spelling"),
        ("https://-a.example/", "check its spelling"),
        ("https://" + "a" * 64 + ".example/", "check its spelling"),
        ("https://" + "a." * 200 + "example/", "check its spelling"),
        ("https://" + "ä" * 100_000 + ".example/", "shorten it"),
        ("https://" + "ä" * 4_000 + ".example/", "check its spelling"),
        ("https://☃☃ ☃.example/", "check its spelling"),
        ("http://[::bad/", "write host or host:port"),
        ("http://[::xyz]/", "malformed"),
        ("http://[fe80::1%25lo]/", "malformed"),
        ("http://example.org:port/", "write host or host:port"),
        ("http://example.org:123456/", "write host or host:port"),
        ("http://a:b:c/", "write host or host:port"),
        ("http://example.org:٨٠/", "write host or host:port"),
    ],
)
def test_what_is_no_web_address_is_refused_with_its_mend(written: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        urls.check(written)


@pytest.mark.parametrize(
    "written",
    [
        "http://1.1.1.1\\@127.0.0.1/",
        "http://127.0.0.1\\@1.1.1.1/",
        "http:\\\\127.0.0.1/",
        "https://example.org/a\\b",
        "http://1.1.1.1#@127.0.0.1/",
        "http://1.1.1.1?@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://user:pw@example.org/",
        "http://@example.org/",
        "http://example.org@127.0.0.1:80/",
        "http://exa\tmple.org/",
        "http://example.org/\nHost: inside",
        "http://example.org/\x00",
        "http://example.org/\x7f",
        "http://example.org/\x85",
        "http://example.org%00.inside/",
        "http://127.0.0.1%2f@example.org/",
        "http://ex ample.org/",
        "source:http://example.org/",
        "view-source:http://example.org/",
        "feed:http://example.org/",
        "http://example.org\uff0f@127.0.0.1/",
        "http://\ud800.example/",
        "http://example.org/\ud800",
    ],
)
def test_r2_disguised_hosts_are_refused(written: str) -> None:
    with pytest.raises(ValueError):
        urls.check(written)


@pytest.mark.parametrize(
    "written",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "127.0.0.1.1",
        "0x",
        "1.2.3.0x4",
    ],
)
def test_r1_numbers_that_resolvers_take_for_addresses_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="four decimal numbers"):
        urls.check(f"http://{written}/")


@pytest.mark.parametrize("written", ["127。0。0。1", "①②⑦.0.0.1", "１２７.0.0.1", "127.0.0.1."])
def test_r1_fancy_spellings_of_an_address_come_out_plain(written: str) -> None:
    assert urls.host(f"http://{written}/") == "127.0.0.1"


@pytest.mark.parametrize(
    "written",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "dict://a/",
        "data:text/html,x",
        "/run/x.sock",
        "unix:/run/x.sock",
        "javascript:alert(1)",
        "jar:http://a/!/",
        "http+unix://%2Frun%2Fx/",
    ],
)
def test_r7_other_schemes_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="https"):
        urls.check(written)


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_r5_ports_that_do_not_exist_are_refused(port: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 65535"):
        urls.check(f"http://example.org:{port}/")


@pytest.mark.parametrize(
    "secret",
    ["https://hooks.example/T0/SECRET word\\", "https://u:SECRET@hooks.example/", "https://hooks.example:SECRET/"],
)
def test_u16_a_refusal_never_repeats_the_url(secret: str) -> None:
    with pytest.raises(ValueError) as refusal:
        urls.check(secret)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://hooks.example/services/T0/B0/SECRET", "https://hooks.example/…"),
        ("https://hooks.example:8443/?token=SECRET", "https://hooks.example:8443/…"),
        ("https://user:SECRET@hooks.example/", "(not a web address)"),
        ("SECRET", "(not a web address)"),
    ],
)
def test_u16_a_masked_url_keeps_its_secret(url: str, masked: str) -> None:
    assert urls.masked(url) == masked


# --- resolve ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "absolute"),
    [
        ("https://other.example/x", "https://other.example/x"),
        (" \n https://other.example/x \n", "https://other.example/x"),
        ("/x", "https://news.example/x"),
        ("x", "https://news.example/world/x"),
        ("./x", "https://news.example/world/x"),
        ("../x?y=1#z", "https://news.example/x?y=1#z"),
        ("?page=2", "https://news.example/world/index?page=2"),
        ("#part", "https://news.example/world/index?a=b#part"),
        ("", "https://news.example/world/index?a=b"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("//10.0.0.1", "https://10.0.0.1/"),
        ("javascript:alert(1)", ""),
        (" java\tscript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("vbscript:x", ""),
        ("data:text/html,<script>", ""),
        ("mailto:a@b.example", ""),
        ("file:///etc/passwd", ""),
        ("http://[::bad/", ""),
        ("https://a@b.example/", ""),
        ("\\\\evil.example\\x", ""),
        ("/\\evil.example", ""),
    ],
)
def test_a_link_is_resolved_or_dropped(link: str, absolute: str) -> None:
    assert urls.resolve("https://news.example/world/index?a=b", link) == absolute


def test_an_absolute_link_needs_no_base() -> None:
    assert urls.resolve("", "https://news.example/x") == "https://news.example/x"
    assert urls.resolve("", "/x") == ""


# --- canonical ----------------------------------------------------------------------------------------------------------

PAGE = "https://news.example/world/story-1"


@pytest.mark.parametrize(
    "spelling",
    [
        "http://news.example/world/story-1",
        "https://www.news.example/world/story-1/",
        "https://m.news.example/world/story-1#comments",
        "https://amp.news.example/world/story-1",
        "https://www.m.news.example:443/world/story-1",
        "http://news.example:80/world/story-1",
        "HTTPS://NEWS.example./world/./x/../story%2D1",
        "https://news.example/world/story-1?utm_source=rss&utm_medium=feed",
        "https://news.example/world/story-1?at_medium=RSS&at_campaign=KARANGA",
        "https://news.example/world/story-1?ns_mchannel=social&fbclid=abc&gclid=1",
        "https://news.example/world/story-1?utm%5Fsource=rss",
        "https://news.example/world/story-1?maca=en-rss-en-all-1573-rdf",
        "https://news.example/world/story-1?traffic_source=rss&ref=rss&CMP=share",
        "https://news.example/world/story-1?&=&",
        "https://news.example/world/story-1?amp",
        "https://news.example/world/story-1/amp",
        "https://news.example/world/story-1/amp/",
        "https://news.example/world/story-1.amp?outputType=amp",
        "https://news-example.cdn.ampproject.org/c/s/www.news.example/world/story-1/amp/",
        "https://www.google.com/amp/s/amp.news.example/world/story-1",
    ],
)
def test_spellings_of_one_page_are_one(spelling: str) -> None:
    assert urls.canonical(spelling) == PAGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://news.example/?id=7", "https://news.example/?id=8"),
        ("https://news.example/?id=7", "https://news.example/"),
        ("https://news.example/?p=1&page=2", "https://news.example/?p=1&page=3"),
        ("https://news.example/Story", "https://news.example/story"),
        ("https://news.example/a%2Fb", "https://news.example/a/b"),
        ("https://news.example/?q=a%26b", "https://news.example/?q=a&b"),
        ("https://news.example/#!/story/1", "https://news.example/#!/story/2"),
        ("https://news.example/#/story/1", "https://news.example/"),
        ("https://news.example:8080/a", "https://news.example/a"),
        ("https://world.news.example/a", "https://news.example/a"),
        ("https://news.example/amp", "https://news.example/"),
        ("https://news.example/swamp", "https://news.example/sw"),
        ("https://www.example/a", "https://example/a"),
        ("https://news.example/?source=7", "https://news.example/?source=8"),
        ("https://10.0.0.1/a", "https://0.0.1.1/a"),
    ],
)
def test_strangers_stay_apart(one: str, other: str) -> None:
    assert urls.canonical(one) != urls.canonical(other) != ""


def test_the_order_of_parameters_does_not_matter() -> None:
    assert urls.canonical("https://news.example/?b=2&a=1") == urls.canonical("https://news.example/?a=1&b=2")


def test_what_is_no_url_has_no_identity() -> None:
    assert urls.canonical("not a url") == urls.canonical("") == urls.canonical("urn:uuid:1") == ""


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.bbc.co.uk/news/1", "bbc.co.uk"),
        ("https://feeds.bbc.co.uk/news/rss.xml", "bbc.co.uk"),
        ("http://edition.cnn.com/x", "cnn.com"),
        ("https://m.dw.com/x", "dw.com"),
        ("https://www2.news.example:8080/x", "news.example"),
        ("https://english.alarabiya.net/x", "english.alarabiya.net"),
        ("http://127.0.0.1:8000/x", "127.0.0.1"),
        ("https://localhost/x", "localhost"),
        ("", ""),
    ],
)
def test_a_site_is_its_host_without_the_front(url: str, site: str) -> None:
    assert urls.site(url) == site


# --- properties ---------------------------------------------------------------------------------------------------------

_words = st.text(st.sampled_from("abAB019-._~%/.&=?+:;,@!#'é語 "), max_size=12)
_urls = st.builds(
    "{}://{}{}{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    st.sampled_from(["", "www.", "m.", "amp.", "www.m.amp.", "www.google.", "x.cdn.ampproject.org/c/s/"]),
    st.sampled_from(
        ["news.example", "com", "example.org:80", "example.org:443", "1.1.1.1", "[2001:db8::1]", "a.example."]
    ),
    st.sampled_from(
        ["", "/", "//", "/amp/s/", "/amp", "/amp/amp/", "/a.amp", "/a/.amp.html", "/%7Ea%2f%25", "/a/./../.."]
    ),
    _words,
    st.sampled_from(["", "?utm_source=x&b=2&a=1", "?amp=1&x", "?id=7&&", "#!/x", "#x", "?%75tm_source=1", "?a=%2575"]),
)


@given(_urls)
@example("https://news.example/a/amp/%2e%2E/amp")
@example("https://news.example/%2e%2e/%2E")
@example("https://www.google.com/amp/s/www.google.com/amp/s/news.example/a")
def test_canonical_urls_are_stable_under_a_second_pass(url: str) -> None:
    once = urls.canonical(url)
    assert urls.canonical(once) == once


@given(_urls)
def test_checked_urls_are_stable_and_sendable(url: str) -> None:
    try:
        checked = urls.check(url)
    except ValueError:
        return
    assert urls.check(checked) == checked
    assert re.fullmatch(r"[\x21-\x7e]+", checked)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_raises_anything_else(base: str, link: str) -> None:
    resolved = urls.resolve(base, link)
    assert resolved == "" or urls.host(resolved)
    assert urls.canonical(link) == "" or urls.host(link)
    assert urls.masked(link).endswith(("…", ")"))


@given(_urls, _words)
def test_a_resolved_link_is_an_address_the_parser_agrees_with(base: str, link: str) -> None:
    resolved = urls.resolve(base, link)
    assert resolved == "" or str(urls.split(resolved)) == resolved


@pytest.mark.parametrize(
    ("link", "asked", "title", "believed"),
    [
        ("/2021/10/20/bridge-closed-to-lorries", "https://a.org/?p=77", "Bridge closed to lorries", True),
        ("https://a.org/world/old-bridge-closed", "https://amp.a.org/live/old-bridge-closed", "", True),
        ("https://www.a.org/news/4711", "https://a.org/sport/4711-bridge", "", True),
        ("https://a.org/read?id=4711", "https://a.org/read?id=4711&utm_source=rss&x=1", "", True),
        ("https://a.org/read.php", "https://a.org/read.php?id=4711", "", False),
        ("https://a.org/read.php?id=4712", "https://a.org/read.php?id=4711", "", False),
        ("https://a.org/", "https://a.org/news/4711", "", False),
        ("https://a.org/news", "https://a.org/news/4711", "News", False),
        ("https://a.org/latest-news-of-today", "https://a.org/news/4711", "Bridge closed to lorries", False),
        ("https://a.org/bridge-closed-to-lorries", "https://a.org/bridge-closed-to-lorries-2", "Bridge closed to lorries", False),
        ("https://b.org/2021/bridge-closed-to-lorries", "https://a.org/2021/bridge-closed-to-lorries", "", False),
        ("ftp://a.org/bridge-closed-to-lorries", "https://a.org/x/bridge-closed-to-lorries", "", False),
    ],
)  # fmt: skip
def test_an_address_that_a_page_names_is_believed_where_it_is_this_articles(
    link: str, asked: str, title: str, believed: bool
) -> None:
    assert bool(urls.trusted_canonical(link, asked, asked, title)) is believed
