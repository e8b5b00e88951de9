"""Faults 01, 03 and 20: bytes to text, whatever labels and servers say."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading import webpage
from monitor.reading.parse import parse
from monitor.text import charsets, language
from tests.fakes.site import Site
from tests.reading.test_fetch import failure, get

FAULTS = Path(__file__).parents[1] / "data" / "faults"
URL = "https://gazette.example/feed"

RUSSIAN = (
    "Профсоюз моряков заявил, что экипажи паромов не выйдут на работу, пока компания не отзовёт новый график смен. "
    "Рейсы на остров отменены, посредник министерства ждёт обе стороны."
)
TEXTS = {
    "ru": (RUSSIAN, ["windows-1251", "koi8-r", "iso-8859-5", "cp866"]),
    "uk": ("Страйк поромників: екіпажі не вийшли на зміну, її їжа й ґанок", ["windows-1251", "koi8-u"]),
    "bg": ("Стачка на фериботите: екипажите не излязоха на смяна, съюзът обяви", ["windows-1251"]),
    "fa": ("اعتصاب كاركنان كشتى در سن: خدمه به شيفت نرفتند. اتحاديه گفت كه خدمه سر كار نمى روند", ["windows-1256"]),
    "ur": ("فيرى كے عملے كى ہڑتال، يونين نے كہا كہ عملہ كام پر نہيں آئے گا".replace("ی", "ي"), ["windows-1256"]),
    "ar": ("أعلنت نقابة البحارة أن أطقم العبارات لن تعمل حتى تسحب الشركة الجداول الجديدة", ["windows-1256"]),
    "de": ("Die Besatzungen der Fähren gehen nicht zur Arbeit, größere Straße über Öl", ["windows-1252", "latin-1"]),
    "fr": ("La grève des équipages à Senn : les marins n’ont pas pris leur service, déjà élevé", ["windows-1252"]),
    "pl": ("Strajk załóg promów: związek zażądał wyższych płac, żółć gęślą jaźń", ["windows-1250", "iso-8859-2"]),
    "el": ("Η απεργία των πληρωμάτων των πλοίων συνεχίζεται στο νησί", ["windows-1253"]),
    "zh": ("渡轮船员罢工：工会表示船员不会上班", ["gb18030", "gb2312"]),
    "tw": ("渡輪船員罷工：工會表示船員不會上班", ["big5"]),
    "ja": ("フェリー乗組員のストライキが続いています", ["shift_jis", "euc_jp", "iso-2022-jp"]),
    "ko": ("페리 승무원 파업이 계속되고 있습니다", ["euc-kr"]),
}
ENCODED = [(text, encoding) for text, encodings in TEXTS.values() for encoding in encodings]
ENCODABLE = [
    pytest.param("".join(each for each in text if each.encode(encoding, "ignore")), encoding, id=f"{code}-{encoding}")
    for code, (text, encodings) in TEXTS.items()
    for encoding in encodings
]


def feed(text: str, encoding: str, *, declared: str = "") -> bytes:
    """A feed of three items in an encoding, with an XML declaration that may lie."""
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    items = "".join(
        f"<item><title>{text}</title><guid>{n}</guid><description>{text}</description></item>" for n in range(3)
    )
    return f'{head}<rss version="2.0"><channel><title>T</title>{items}</channel></rss>'.encode(encoding)


def titles(body: bytes, media_type: str = "") -> list[str]:
    return [each.title for each in parse(body, url=URL, media_type=media_type).entries]


# --- one bad byte -----------------------------------------------------------------------------------------------------


def test_fault_feed_01_one_bad_byte_costs_one_character() -> None:
    body = (FAULTS / "01-utf8-one-bad-byte.xml").read_bytes()
    first, second = parse(body, url=URL, media_type="text/xml; charset=utf-8").entries
    assert second.title == "Паром на Сенн: день второй"
    assert first.summary_html.count("\ufffd") == 1
    assert first.summary_html.endswith("ждёт обе стороны. \ufffd конец.")
    assert language.detect(first.summary_html) == "ru"


@pytest.mark.parametrize(
    "media_type", ["", "text/xml", "application/rss+xml; charset=utf-8", "text/xml; charset=iso-8859-1"]
)
@pytest.mark.parametrize("declared", ["utf-8", "", "windows-1251", "iso-8859-1", "bogus-99"])
@pytest.mark.parametrize("bad", [b"\xff", b"\x81", b"\xd0", b"\xe2\x80", b"\xc0", b"\xf5", b"\xed\xa0\x80"])
def test_fault_feed_01_wherever_it_stands_and_whatever_the_labels(bad: bytes, declared: str, media_type: str) -> None:
    body = feed(RUSSIAN, "utf-8", declared=declared).replace("моряков".encode(), "моряков".encode() + bad, 1)
    first, *others = titles(body, media_type)
    assert others == [RUSSIAN, RUSSIAN]
    assert first.replace("\ufffd", "") == RUSSIAN
    assert 1 <= first.count("\ufffd") <= 3


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(RUSSIAN.encode()) - 1), st.integers(0x80, 0xFF), st.sampled_from(list("рнт")))
def test_fault_feed_01_any_byte_replaced_by_any_other(place: int, bad: int, letter: str) -> None:
    raw = RUSSIAN.encode()
    spoilt = raw[:place] + bytes([bad]) + raw[place + 1 :]
    text = charsets.read(spoilt + letter.encode() * 3, ["utf-8"]).text
    assert len(text) - len(RUSSIAN) - 3 in (-1, 0, 1, 2)
    assert sum(one != other for one, other in zip(text[: max(0, place // 2 - 2)], RUSSIAN, strict=False)) == 0


def test_fault_feed_01_emoji_of_an_old_database_are_emoji() -> None:
    assert charsets.read("Паром ".encode() + b"\xed\xa0\xbd\xed\xb8\x80", ["utf-8"]).text == "Паром \U0001f600"


def test_fault_feed_01_items_of_another_encoding_among_utf_8() -> None:
    body = feed(RUSSIAN, "utf-8", declared="utf-8")
    foreign = (
        b"<item><guid>x</guid><title>"
        + "Забастовка паромщиков Сенна продолжается".encode("windows-1251")
        + b"</title></item>"
    )
    assert titles(body.replace(b"</channel>", foreign + b"</channel>")) == [
        *[RUSSIAN] * 3,
        "Забастовка паромщиков Сенна продолжается",
    ]


def test_fault_feed_01_control_characters_cost_nothing_else() -> None:
    body = feed(RUSSIAN, "utf-8", declared="utf-8").replace(b"<description>", b"<description>\x08\x0b\x1f\xef\xbf\xbf")
    feed_read = parse(body, url=URL)
    assert [each.summary_html for each in feed_read.entries] == [RUSSIAN] * 3


def test_fault_feed_01_a_page_with_one_bad_byte_is_read() -> None:
    markup = f"<html><body><article><p>{RUSSIAN}</p><p>{RUSSIAN}</p></article></body></html>".encode()
    for media_type in ("text/html", "text/html; charset=utf-8", "text/html; charset=windows-1251"):
        tree = webpage.parse_html(markup.replace(b"<p>", b"<p>\xff", 1), media_type)
        assert tree is not None
        assert tree.text_content().strip("\ufffd").startswith(RUSSIAN)


def test_fault_feed_01_json_with_one_bad_byte_is_read() -> None:
    body = (
        b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", "title": "'
        + RUSSIAN.encode()
        + b'\xff"}]}'
    )
    assert titles(body, "application/json") == [RUSSIAN + "\ufffd"]


# --- labels that lie --------------------------------------------------------------------------------------------------


def test_fault_feed_03_utf_8_that_says_windows_1251() -> None:
    body = (FAULTS / "03-says-1251-is-utf8.xml").read_bytes()
    for media_type in ("", "text/xml", "text/xml; charset=windows-1251"):
        found = parse(body, url=URL, media_type=media_type).entries
        assert {language.detect(each.title + each.summary_html) for each in found} == {"ru"}


LABELS = ["", "utf-8", "iso-8859-1", "windows-1251", "windows-1256", "koi8-r", "us-ascii", "gb2312", "bogus-99"]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("code", sorted(TEXTS))
def test_fault_feed_03_utf_8_whatever_it_is_said_to_be(code: str, label: str) -> None:
    text = TEXTS[code][0]
    body = feed(text, "utf-8", declared=label)
    assert titles(body) == titles(body, f"text/xml; charset={label}") == [text] * 3


@pytest.mark.parametrize("declared", ["utf-8", "iso-8859-1", "windows-1251", ""])
@pytest.mark.parametrize(("text", "encoding"), ENCODABLE)
def test_fault_feed_03_the_header_is_right_and_the_declaration_lies(text: str, encoding: str, declared: str) -> None:
    """As proxies leave it that recode a document."""
    assert titles(feed(text, encoding, declared=declared), f"text/xml; charset={encoding}") == [text] * 3


@pytest.mark.parametrize("header", ["utf-8", "iso-8859-1", "us-ascii"])
@pytest.mark.parametrize(("text", "encoding"), ENCODABLE)
def test_fault_feed_03_the_declaration_is_right_and_the_header_lies(text: str, encoding: str, header: str) -> None:
    if encoding in ("iso-8859-2", "windows-1250") and header != "utf-8":
        pytest.skip("Polish by its header is as good as Western European")
    assert titles(feed(text, encoding, declared=encoding), f"text/xml; charset={header}") == [text] * 3


@pytest.mark.parametrize("label", ["", "utf-8"])
@pytest.mark.parametrize(
    "encoding", ["windows-1251", "koi8-r", "windows-1256", "windows-1252", "gb18030", "big5", "shift_jis"]
)
def test_fault_feed_03_no_label_or_a_wrong_one(encoding: str, label: str) -> None:
    text = next(text for text, encodings in TEXTS.values() if encoding in encodings)
    assert titles(feed(text, encoding, declared=label), f"text/xml; charset={label}" if label else "") == [text] * 3


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("declared", ["utf-16", "utf-8", "", "windows-1251"])
@pytest.mark.parametrize("before", ["", "\n  "])
def test_fault_feed_03_utf_16_with_and_without_a_mark(encoding: str, declared: str, before: str) -> None:
    body = (before + feed(RUSSIAN, "utf-8", declared=declared).decode()).encode(encoding)
    assert titles(body, "text/xml; charset=utf-8") == titles(body) == [RUSSIAN] * 3


def test_fault_feed_03_a_mark_that_lies() -> None:
    assert titles(b"\xff\xfe" + feed(RUSSIAN, "utf-8")) == [RUSSIAN] * 3
    assert titles(b"\xef\xbb\xbf" + feed(RUSSIAN, "windows-1251", declared="windows-1251")) == [RUSSIAN] * 3


def test_fault_feed_03_latin_1_with_the_signs_of_windows() -> None:
    body = feed("Fares “rise” – by 5 €", "windows-1252", declared="iso-8859-1")
    assert titles(body, "text/xml; charset=iso-8859-1") == ["Fares “rise” – by 5 €"] * 3


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.lists(st.sampled_from([*LABELS, "utf-16", "hz", "utf-7", "\x00"]), max_size=3))
def test_fault_feed_03_any_bytes_with_any_labels_are_some_text(body: bytes, labels: list[str]) -> None:
    found = charsets.read(body, labels)
    assert found.text.encode().decode() == found.text, "no half characters"
    assert found.lost <= found.text.count("\ufffd")


TOLD = {
    "cs": ("iso8859_2", "cp1250", "Ministerstvo zahraničí oznámilo, že jednání budou pokračovat, řekl mluvčí."),
    "tr-TR": ("iso8859_9", "cp1254", "Dışişleri Bakanlığı, görüşmelerin Kabil'de süreceğini açıkladı."),
    "lt": ("iso8859_13", "cp1257", "Užsienio reikalų ministerija pranešė, kad derybos tęsis Kabule."),
    "hu": ("iso8859_2", "cp1250", "A külügyminisztérium bejelentette, hogy a tárgyalások folytatódnak, őszintén."),
    "ar": ("iso8859_6", "cp1256", "أعلنت وزارة الخارجية أن المفاوضات ستستمر في كابول"),
    "ru": ("mac_cyrillic", "cp866", "Министр иностранных дел заявил, что переговоры в Кабуле продолжатся."),
}


@pytest.mark.parametrize("media_type", ["", "text/xml; charset=utf-8", "text/xml; charset=iso-8859-1"])
@pytest.mark.parametrize("encoding", [0, 1])
@pytest.mark.parametrize("tag", TOLD)
def test_fault_feed_03_the_language_that_a_document_names_tells_its_encoding(
    tag: str, encoding: int, media_type: str
) -> None:
    text, code = TOLD[tag][2], str(TOLD[tag][encoding])
    document = (
        f"<rss><channel><title>T</title><language>{tag}</language><item><title>{text}</title></item></channel></rss>"
    )
    assert parse(document.encode(code), url="https://x.example/", media_type=media_type).entries[0].title == text


def test_fault_feed_03_a_language_that_the_text_is_not_in_tells_nothing() -> None:
    text = "Les négociations reprendront à Kaboul, a déclaré le ministère des Affaires étrangères, après l'échec."
    document = f"<rss><channel><language>ru</language><item><title>{text}</title></item></channel></rss>"
    assert parse(document.encode("cp1252"), url="https://x.example/").entries[0].title == text


# --- content encodings ------------------------------------------------------------------------------------------------

NEWS = feed(RUSSIAN, "utf-8", declared="utf-8")
PACKED = gzip.compress(NEWS)
RAW_DEFLATE = zlib.compressobj(wbits=-15)
DEFLATED = RAW_DEFLATE.compress(NEWS) + RAW_DEFLATE.flush()
NAMES_OF_NOTHING = [
    *(
        "utf-8",
        "UTF8",
        "none",
        "None",
        "aws-chunked",
        "binary",
        "7bit",
        "8bit",
        "identity",
        "identity, identity",
        "plain",
        "",
    ),
    *(
        "text",
        "text/xml",
        "application/xml",
        "iso-8859-1",
        "windows-1251",
        "charset=utf-8",
        '"utf-8"',
        "us-ascii",
        "null",
    ),
    *(
        "false",
        "no",
        "raw",
        "default",
        "undefined",
        "chunked",
        "quoted-printable",
        "utf-8, none",
        ",",
        "; ",
        "text/html; charset=utf-8",
    ),
    *("en", "en-US", "identity;q=0", "uncompressed", "unknown", "no-transform", "amz-1.0"),
    *("br", "zstd", "compress", "br, zstd"),  # what a proxy unpacked and left the name of
]


@pytest.mark.parametrize("name", NAMES_OF_NOTHING)
def test_fault_feed_20_names_that_are_no_compression_are_ignored(site: Site, name: str) -> None:
    site.answers("/feed", 200, {"Content-Encoding": name}, NEWS)
    assert get(site.url("/feed")).body == NEWS


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("", PACKED),  # a file feed.xml.gz
        ("identity", PACKED),
        ("utf-8", PACKED),
        ("aws-chunked", PACKED),
        ("gzip", gzip.compress(PACKED)),  # such a file, packed for the way
        ("gzip, gzip", gzip.compress(PACKED)),
        ("gzip, gzip", PACKED),  # packed once, named by two
        ("gzip;q=1.0", PACKED),
        ("gzip, aws-chunked", PACKED),
        ("aws-chunked,gzip", PACKED),
        ("gzip utf-8", PACKED),
        ("x-gzip", PACKED),
        ("deflate", DEFLATED),
        ("deflate", zlib.compress(NEWS)),
        ("deflate", PACKED),
        ("gzip", zlib.compress(NEWS)),
        ("deflate, gzip", gzip.compress(zlib.compress(NEWS))),
        ("gzip, deflate", zlib.compress(PACKED)),
    ],
)
def test_fault_feed_20_compressions_named_stacked_and_hidden(site: Site, name: str, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Type: application/gzip\r\n\r\n"
    site.answers("/feed", 200, {"Content-Encoding": name, "Content-Type": "application/gzip"}, body)
    site.drips("/drip", head.encode() + body, every=0)
    assert get(site.url("/feed")).body == get(site.url("/drip")).body == NEWS


@pytest.mark.parametrize(
    "name", ["aes128", "br", "zstd", "compress", "gzip, br", "gzip, gzip, gzip", "base64", "rot13"]
)
def test_fault_feed_20_what_we_cannot_undo_is_an_error(site: Site, name: str) -> None:
    site.answers("/feed", 200, {"Content-Encoding": name}, PACKED)
    assert failure(site.url("/feed")).code == "encoding"


@pytest.mark.parametrize("body", [PACKED[:-9], gzip.compress(PACKED[:-9]), b"\x1f\x8b\x08" + b"\xff" * 50])
def test_fault_feed_20_a_hidden_archive_cut_short_is_an_error(site: Site, body: bytes) -> None:
    site.answers("/feed", 200, {"Content-Encoding": "gzip" if body is not PACKED else ""}, body)
    assert failure(site.url("/feed")).code == "encoding"


@pytest.mark.parametrize("body", [b"", b"<", b"\x1f", b"\x1f\x8b", b"<r"])
def test_fault_feed_20_bodies_too_short_to_tell(site: Site, body: bytes) -> None:
    site.answers("/feed", 200, {}, body)
    assert get(site.url("/feed")).body == body


def test_fault_feed_20_a_hidden_bomb_is_cut(site: Site) -> None:
    site.answers("/feed", 200, {}, gzip.compress(bytes(40_000_000)))
    assert failure(site.url("/feed")).code == "too large"
