"""Main-text extraction and wall detection on web pages, and robots.txt rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.net.robots import rule
from monitor.reading.webpage import WebPage, parse_html, read
from monitor.text.walls import is_wall

PROSE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services run until midnight. "
)


def page(text: str, *, title: str = "Marrow bridge closed", head: str = "") -> bytes:
    return (
        f"<!doctype html><html><head><meta charset=utf-8><title>{title}</title>{head}</head><body><nav><a href=/>Home</a></nav>"
        f"<main><article><h1>{title}</h1><p>{text}</p></article></main><footer>All rights reserved</footer></body></html>"
    ).encode()


WALLS = {
    "consent": "We value your privacy. We and our 842 partners store information on your device. Accept all. Manage options.",
    "paywall": "Drivers lose an hour a day. Subscribe to continue reading. Already a subscriber? Log in.",
    "login": "Please sign in to continue. Forgot your password? Create an account.",
    "robot check": "Just a moment... Checking your browser before accessing the site. Ray ID: 8a1b2c3d4e5f",
    "German": "Wir benötigen Ihre Zustimmung. Mit Werbung weiterlesen oder mit einem Abo werbefrei weiterlesen.",
    "French": "Cet article est réservé aux abonnés. Il vous reste 85 % de cet article à découvrir.",
    "Russian": "Подтвердите, что вы не робот. Статья доступна только для подписчиков.",
    "Spanish": "Contenido exclusivo para suscriptores. Inicia sesión para continuar.",
    "Persian": "برای ادامه مطالعه وارد شوید یا ثبت نام کنید.",
    "Chinese": "请完成安全验证,登录后阅读全文。",
}
LONG_CONSENT = (
    "Before you continue to Yahoo. We and our 237 partners store and access information on a device, such as cookies, and process "
    "personal data. You may accept or manage your choices, including your right to object where legitimate interest is used. "
    "Personalised ads and content, measurement and audience insights. Read our privacy policy. Accept all. Reject all. "
    * 3
)


@pytest.mark.parametrize("wall", [*WALLS.values(), LONG_CONSENT], ids=[*WALLS, "long consent"])
def test_a_wall_gives_no_text(wall: str) -> None:
    found = read(WebPage(body=page(wall)))
    assert (found.is_wall, found.text) == (True, "")


@pytest.mark.parametrize(
    "text",
    [
        "The regulator fined the site because it used cookies without asking, said the newspaper's lawyer.",
        "Ministers refuse all talks about the privacy policy of the new register.",
        "The paper has 40,000 subscribers more than a year ago and will raise its price.",
        "A robot found the leak; engineers verify that the piers hold.",
        "Подписка на газету подорожает с января, сообщило издательство.",
        "Le journal compte désormais dix mille abonnés de plus qu'au printemps.",
        "Die Zeitung verliert Abonnenten, der Verlag sucht eine Einwilligung der Aktionäre.",
        "",
    ],
)
def test_news_of_walls_is_no_wall(text: str) -> None:
    assert not is_wall(text)
    assert not is_wall(f"{text} {PROSE * 4}")


def test_an_article_with_a_cookie_banner_is_read() -> None:
    banner = "<div class=banner>We use cookies. Accept all. Reject all. Manage preferences. Privacy policy.</div>"
    body = page(PROSE * 4).replace(b"<nav>", banner.encode() + b"<nav>")
    found = read(WebPage(body=body))
    assert not found.is_wall
    assert found.text.startswith("Engineers closed") or "Engineers closed" in found.text[:60]
    assert "Accept all" not in found.text


@pytest.mark.parametrize(
    ("declared", "text", "is_wall"),
    [
        ('{"isAccessibleForFree": false}', PROSE, True),
        ('{"isAccessibleForFree": "False", "@type": "NewsArticle"}', PROSE, True),
        ('{"@graph": [{"hasPart": {"isAccessibleForFree": "http://schema.org/False"}}]}', PROSE, True),
        ('{"isAccessibleForFree": true}', PROSE, False),
        ('{"isAccessibleForFree": false}', PROSE * 5, False),
        ("{", PROSE, False),
    ],
)
def test_a_page_that_says_it_is_not_free_and_shows_a_little_is_a_wall(declared: str, text: str, is_wall: bool) -> None:
    head = f'<script type="application/ld+json">{declared}</script>'
    assert read(WebPage(body=page(text, head=head))).is_wall is is_wall


@pytest.mark.parametrize(
    ("url", "is_wall"),
    [
        ("https://login.news.example/?next=1", True),
        ("https://consent.news.example/x", True),
        ("https://news.example/login?back=/1", True),
        ("https://news.example/2021/bridge", False),
    ],
)
def test_where_a_page_leads_to_tells_a_wall(url: str, is_wall: bool) -> None:
    assert read(WebPage(body=page(PROSE), url=url, asked_url="https://news.example/1")).is_wall is is_wall


UNDECLARED = {
    "ru": "Паром «Надежда» затонул в шторм недалеко от берега. Капитан вызвал спасателей, и всех пассажиров доставили в порт.",
    "uk": "Міст через річку закрили після того, як інженери знайшли тріщини в опорах, і ґрунтовий шлях відкрили для автобусів.",
    "zh": "一艘渡轮在海岸附近的暴风雨中沉没。船长呼叫救援，所有乘客都已安全抵达港口。当局表示将进行调查。",
    "zh-TW": "一艘渡輪在海岸附近的暴風雨中沉沒。船長呼叫救援，所有乘客都已安全抵達港口。當局表示將進行調查。",
    "ja": "フェリーが海岸近くの嵐で沈没した。船長は救助を求め、乗客は全員無事に港に到着した。当局は調査すると述べた。",
    "ko": "여객선이 해안 근처에서 폭풍으로 침몰했다. 선장은 구조를 요청했고 모든 승객은 무사히 항구에 도착했다.",
    "fr": "Le traversier a coulé près de la côte, et les passagers ont été sauvés, d'après l'enquête menée à l'été par la marine.",
    "ar": "غرقت العبارة في عاصفة بالقرب من الساحل. استدعى القبطان الإنقاذ ووصل جميع الركاب إلى الميناء بسلام.",
    "el": "Το πλοίο βυθίστηκε σε καταιγίδα κοντά στην ακτή. Ο καπετάνιος ζήτησε βοήθεια και όλοι οι επιβάτες σώθηκαν.",
    "he": "המעבורת טבעה בסערה סמוך לחוף. הקברניט קרא לעזרה וכל הנוסעים הגיעו לנמל בשלום.",
    "pl": "Prom zatonął w czasie sztormu blisko wybrzeża. Kapitan wezwał pomoc, pasażerowie dotarli do portu, słońce świeciło.",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("ru", "cp1251"),
        *(("uk", each) for each in ("cp1251", "koi8-u")),
        *(("zh", each) for each in ("gb18030", "gbk")),
        *(("ja", each) for each in ("shift_jis", "euc-jp", "iso2022_jp")),
        *(("zh-TW", "big5"), ("ko", "euc-kr"), ("fr", "cp1252"), ("ar", "cp1256"), ("el", "cp1253"), ("he", "cp1255")),
        ("pl", "cp1250"),
    ],
)
@pytest.mark.parametrize(
    "nav", ["", "<nav><a href='/'>Home</a><script>if (1 < 2) { var a = '<b>'; }</script></nav>" * 200]
)
def test_x7_the_encoding_of_a_page_that_says_nothing_is_guessed(language: str, encoding: str, nav: str) -> None:
    text = UNDECLARED[language]
    body = f"<html><head><title>{text[:20]}</title></head><body>{nav}<article><p>{text * 2}</p></article></body></html>"
    tree = parse_html(body.encode(encoding))
    assert tree is not None
    assert text in tree.text_content()


def test_x7_koi8_and_dos_russian_are_guessed() -> None:
    text = UNDECLARED["ru"].replace("«", '"').replace("»", '"')
    for encoding in ("koi8-r", "cp866", "iso8859-5"):
        tree = parse_html(f"<html><body><p>{text}</p></body></html>".encode(encoding))
        assert tree is not None
        assert tree.text_content().strip() == text


@pytest.mark.parametrize(
    "name", ["hex", "punycode", "utf-7", "mac-latin2", "unicode-escape", "euc_jis_2004", "\x00", "bogus-99"]
)
def test_x7_a_declaration_that_is_none_harms_nothing(name: str) -> None:
    body = f"<html><body><p>{UNDECLARED['ru']}</p></body></html>".encode("cp1251")
    for media_type, head in ((f"text/html; charset={name}", b""), ("text/html", f'<meta charset="{name}">'.encode())):
        assert parse_html(head + body, media_type) is not None


@given(st.binary(max_size=400))
def test_x7_no_bytes_are_too_strange(body: bytes) -> None:
    for page, media_type in ((b"<p>" + body, ""), (b"<p>\x1b$B" + body, "text/html; charset=shift_jis")):
        tree = parse_html(page, media_type)
        assert tree is None or isinstance(tree.text_content(), str)


@pytest.mark.parametrize(
    ("encoding", "media_type", "meta"),
    [
        ("utf-8", "text/html", ""),
        ("windows-1251", "text/html; charset=windows-1251", ""),
        ("windows-1251", "text/html", '<meta charset="windows-1251">'),
        (
            "koi8-r",
            "text/html; charset=bogus-99",
            '<meta http-equiv="content-type" content="text/html; charset=koi8-r">',
        ),
    ],
)
def test_x7_the_encoding_of_a_page_is_found(encoding: str, media_type: str, meta: str) -> None:
    text = (
        "Инженеры закрыли старый мост для грузовиков во вторник, после того как водолазы нашли трещины в двух опорах. "
        * 3
    )
    body = f"<html><head>{meta}<title>Мост</title></head><body><article><p>{text}</p></article></body></html>"
    assert "водолазы нашли трещины" in read(WebPage(body=body.encode(encoding), media_type=media_type)).text


@pytest.mark.parametrize(
    ("robots", "is_allowed"),
    [
        (b"", True),
        (b"User-agent: *\nDisallow: /", False),
        (b"User-agent: *\nDisallow: /private", True),
        (b"User-agent: article-monitor\nDisallow: /1$\n\nUser-agent: *\nAllow: /", False),
        (b"User-agent: *\nDisallow: /\n\nUser-agent: Article-Monitor\nAllow: /", True),
        (b"User-agent: *\nDisallow: /*\nAllow: /1", True),
        (b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /1", False),
        (b"<html>no such page</html>", True),
        (b"\x00\xff" * 1000, True),
        (b"User-agent: *\nDisallow: " + b"*a" * 5000, True),
    ],
)
def test_robots_txt_says_who_may_read_what(robots: bytes, is_allowed: bool) -> None:
    assert (
        rule(robots, "article-monitor/0.1.0 (+https://us.example/)", "https://news.example/1").is_allowed is is_allowed
    )


def test_the_pause_that_robots_txt_wants_is_read() -> None:
    assert rule(b"User-agent: *\nCrawl-delay: 7", "article-monitor", "https://e.org/").delay_for == timedelta(seconds=7)
    assert rule(b"User-agent: *\nCrawl-delay: x", "article-monitor", "https://e.org/").delay_for is None
