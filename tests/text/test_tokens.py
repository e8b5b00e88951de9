"""Tokens in many scripts, cleaning, shortening between characters, sentences."""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text import tokens


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Kabul's U.S.-led talks: 1,500 people", ["kabul", "u", "s", "led", "talks", "1,500", "people"]),
        ("Россия признала «Талибан», 12,5 млн", ["россия", "признала", "талибан", "12,5", "млн"]),
        ("تحریک طالبان ", ["تحریک", "طالبان"]),
        ("तालिबान की सरकार को मान्यता", ["तालिबान", "की", "सरकार", "को", "मान्यता"]),
        ("塔利班政府", ["塔利", "利班", "班政", "政府"]),
        ("タリバンが2021年", ["タリ", "リバ", "バン", "ンが", "2021", "年"]),
        ("한국 정부가", ["한국", "정부가"]),
        ("ক্ষমতা গ্রহণ", ["ক্ষমতা", "গ্রহণ"]),
        ("Η κυβέρνηση", ["η", "κυβέρνηση"]),
        ("ไทย", ["ไท", "ทย"]),
        ("STRASSE Straße ﬁne", ["strasse", "strasse", "fine"]),
        ("", []),
    ],
)
def test_tokens_are_words_in_every_script(written: str, expected: list[str]) -> None:
    assert tokens.tokens(written) == expected


def test_arabic_and_persian_spellings_of_one_word_are_one_token() -> None:
    assert tokens.tokens("كابل مي‌خواهد") == tokens.tokens("کابل میخواهد")
    assert tokens.tokens("مُحَمَّد ـ طالبـان") == tokens.tokens("محمد طالبان")


def test_curly_and_straight_apostrophes_are_one_spelling() -> None:
    assert tokens.tokens("don’t") == tokens.tokens("don't")
    assert tokens.tokens("Putin’s") == tokens.tokens("Putin's") == ["putin"]


def test_composed_and_decomposed_letters_are_one_spelling() -> None:
    assert tokens.tokens(unicodedata.normalize("NFD", "été Ленинский")) == tokens.tokens("été Ленинский")


@given(st.text(max_size=200))
def test_tokens_are_folded_already(written: str) -> None:
    for token in tokens.tokens(written):
        assert token == token.strip()
        assert token


@given(st.text(max_size=300))
def test_x6_clean_text_goes_into_every_database(written: str) -> None:
    cleaned = tokens.clean(written)
    assert "\x00" not in cleaned
    cleaned.encode()  # no lone surrogate
    with closing(sqlite3.connect(":memory:")) as database:
        assert database.execute("SELECT ?", (cleaned,)).fetchone() == (cleaned,)
    assert tokens.clean(cleaned) == cleaned


def test_x6_nul_and_surrogates_are_taken_out() -> None:
    assert tokens.clean("a\x00b\ud800c\x1b[31m\uffff") == "abc[31m"


def test_clean_keeps_lines_and_paragraphs_and_nothing_wider() -> None:
    assert tokens.clean("one\r\ntwo\u2028three\t four\n \n\n  five ") == "one\ntwo\nthree four\n\nfive"


@given(st.text(max_size=200), st.integers(2, 50))
def test_a_clean_line_is_one_line_within_its_limit(written: str, limit: int) -> None:
    line = tokens.clean_line(written, limit=limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


def test_x9_reading_direction_and_invisible_characters_stay_out_of_lines() -> None:
    assert tokens.clean_line("evil\u202egpj.exe\u2066 a\u200bb\u00adc\ufeff") == "evilgpj.exe abc"


def test_x9_joiners_of_persian_and_emoji_stay() -> None:
    assert tokens.clean_line("می\u200cخواهد 👩\u200d👧") == "می\u200cخواهد 👩\u200d👧"


@pytest.mark.parametrize(
    ("written", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("aaaaaaaaaa", 5, "aaaa…"),
        ("word " * 30, 60, "word word word word word word word word word word word…"),
        ("e\u0301" * 10, 6, "e\u0301e\u0301…"),
        ("क्षि" * 10, 9, "क्षिक्षि…"),
        ("👨\u200d👩\u200d👧\u200d👦" * 5, 9, "👨\u200d👩\u200d👧\u200d👦…"),
        ("👍🏽👍🏽👍🏽", 4, "👍🏽…"),
        ("🇫🇷🇩🇪🇬🇧🇺🇸", 6, "🇫🇷🇩🇪…"),
        ("a" + "\u0301" * 1000, 50, "a…"),
    ],
)
def test_x9_text_is_cut_between_characters_as_readers_see_them(written: str, limit: int, expected: str) -> None:
    assert tokens.shorten(written, limit) == expected


@given(st.text(max_size=100), st.integers(2, 60))
def test_shortened_text_is_within_its_limit(written: str, limit: int) -> None:
    assert len(tokens.shorten(written, limit)) <= limit


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("AT&amp;T &amp; <b>R&amp;D</b>", "AT&T & R&D"),
        ("&lt;b&gt;Breaking&lt;/b&gt; news", "Breaking news"),
        ("<script>alert(1)</script>Title", "alert(1) Title"),
        ("5 &lt; 7 and a < b and c > d", "5 < 7 and a < b and c > d"),
        ("What is vector&lt;T&gt;?", "What is vector<T>?"),
        ("one\n two", "one two"),
    ],
)
def test_a_title_loses_its_tags_and_keeps_its_words(markup: str, expected: str) -> None:
    assert tokens.plain_line(markup) == expected


def test_sentences_end_where_readers_see_them_end() -> None:
    written = 'Mr. Lavrov met U.S. envoys. "It works," he said. He called it "historic." Why? Done…\nПрезидент В. Путин сказал. Да.'
    assert tokens.sentences(written) == [
        "Mr. Lavrov met U.S. envoys.",
        '"It works," he said.',
        'He called it "historic."',
        "Why?",
        "Done…",
        "Президент В. Путин сказал.",
        "Да.",
    ]


def test_sentences_of_scripts_with_stops_of_their_own() -> None:
    assert tokens.sentences("یک جمله. دو جمله؟ ایک جملہ۔ एक वाक्य। 一句。“两句！”三") == [
        "یک جمله.",
        "دو جمله؟",
        "ایک جملہ۔",
        "एक वाक्य।",
        "一句。",
        "“两句！”",
        "三",
    ]


@given(st.text(max_size=300))
def test_sentences_lose_nothing_but_white_space(written: str) -> None:
    assert "".join("".join(tokens.sentences(written)).split()) == "".join(written.split())


@given(st.text(alphabet="abZ'’_1.,- \n", max_size=60))
def test_plain_letters_are_read_like_any_others(written: str) -> None:
    assert [*tokens.tokens(written), "é"] == tokens.tokens(f"{written} é")


@settings(max_examples=500, deadline=None)
@given(st.text("ab.é語 \n\r\t\x00\x0b\x1c\x85\xa0\u2028\u3000\u200b\ud800\uffff", max_size=20))
def test_text_that_needs_no_mending_is_told_from_text_that_does(text: str) -> None:
    mended = tokens._LINE_BREAKS.sub("\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    mended = tokens._SPACES.sub(" ", tokens._UNSTORABLE.sub("", mended))
    assert tokens.clean(text) == tokens._BLANK_LINES.sub("\n\n", mended).strip()


@given(st.text("ab 語あ", max_size=20))
def test_words_are_counted_in_every_script(text: str) -> None:
    assert tokens.word_count(text) == max(len(text.split()), (text.count("語") + text.count("あ")) // 2)
