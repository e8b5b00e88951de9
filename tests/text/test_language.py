"""Language detection: scripts, letters, function words, hints, and its speed."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text import language
from monitor.text.language import detect, detect_all, normalize

HEADLINES = {
    "en": "Envoys of ten countries meet in Moscow to discuss the winter",
    "ru": "Делегации десяти стран встретились в Москве, чтобы обсудить зиму",
    "uk": "Делегації десяти країн зустрілися, щоб обговорити зиму",
    "be": "Дэлегацыі дзесяці краін сустрэліся, каб абмеркаваць зіму ў горадзе",
    "bg": "Правителството на десет държави беше признато от всички",
    "fa": "نشست ده کشور در مسکو درباره زمستان برگزار شد",
    "ps": "په مسکو کې د لسو هېوادونو استازي سره ولیدل",
    "ur": "دس ملکوں کے نمائندوں نے ماسکو میں ملاقات کی",
    "ar": "اجتمع ممثلو عشر دول في موسكو لبحث الشتاء",
    "ckb": "نوێنەرانی دە وڵات لە مۆسکۆ کۆبوونەوە بۆ گفتوگۆ",
    "hi": "दस देशों के प्रतिनिधि मास्को में मिले और सर्दी पर बात की",
    "mr": "दहा देशांचे प्रतिनिधी मॉस्कोमध्ये भेटले आणि हिवाळ्यावर चर्चा झाली",
    "ne": "दश देशका प्रतिनिधिहरूले मस्कोमा भेट गरेका छन्",
    "zh": "十国代表在莫斯科会面讨论冬天",
    "ja": "十カ国の代表がモスクワで会談した",
    "ko": "열 나라 대표가 모스크바에서 만났다",
    "fr": "Les envoyés de dix pays se réunissent à Moscou pour parler de l'hiver",
    "es": "Los enviados de diez países se reúnen en Moscú para hablar del invierno",
    "de": "Gesandte aus zehn Ländern treffen sich in Moskau und sprechen über den Winter",
    "it": "Gli inviati di dieci paesi si incontrano a Mosca per parlare dell'inverno",
    "pt": "Enviados de dez países reúnem-se em Moscovo para falar do inverno",
    "tr": "On ülkenin temsilcileri kışı görüşmek üzere Moskova'da bir araya geldi",
    "pl": "Wysłannicy dziesięciu krajów spotkali się w Moskwie, aby rozmawiać o zimie",
    "tg": "Намояндагони даҳ кишвар дар Маскав вохӯрданд",
    "kk": "Он елдің өкілдері Мәскеуде кездесіп, қысты талқылады",
    "he": "נציגי עשר מדינות נפגשו במוסקבה",
    "el": "Εκπρόσωποι δέκα χωρών συναντήθηκαν στη Μόσχα",
    "ka": "ათი ქვეყნის წარმომადგენლები მოსკოვში შეხვდნენ",
    "hy": "Տասը երկրների ներկայացուցիչները հանդիպեցին",
    "bn": "দশ দেশের প্রতিনিধিরা মস্কোতে মিলিত হয়েছেন",
    "th": "ผู้แทนสิบประเทศพบกันที่มอสโก",
    "am": "የአስር ሀገራት ተወካዮች በሞስኮ ተገናኙ",
}


@pytest.mark.parametrize("code", HEADLINES)
def test_a_headline_tells_its_language(code: str) -> None:
    assert detect(HEADLINES[code]) == code


@pytest.mark.parametrize("code", HEADLINES)
def test_a_feed_that_claims_another_language_does_not_change_a_headline(code: str) -> None:
    assert detect(HEADLINES[code], "fr" if code == "en" else "en-US") == code


@pytest.mark.parametrize("code", HEADLINES)
def test_a_feed_that_is_right_confirms_a_headline(code: str) -> None:
    assert detect(HEADLINES[code], code) == code


@pytest.mark.parametrize(
    ("text", "hint", "expected"),
    [
        ("Biden, Putin, Macron", "fr", "fr"),
        ("Biden, Putin, Macron", "de-AT", "de"),
        ("افغانستان", "fa", "fa"),
        ("افغانستان", "prs", "fa"),
        ("Талибан", "uk", "uk"),
        ("Талибан", "en", "ru"),
        ("Hukumat", "uz", "uz"),
    ],
)
def test_the_feeds_word_decides_on_few_words_of_its_script(text: str, hint: str, expected: str) -> None:
    assert detect(text, hint) == expected


@pytest.mark.parametrize("text", ["", " \n", "123 !!! 2021-10-15", "🎉🎉", "https://example.org/2021"])
def test_what_has_no_letters_is_undetermined_unless_the_feed_knows(text: str) -> None:
    assert detect(text) == "und"
    assert detect(text, "EN_us") == "en"
    assert detect(text, "nonsense tag") == "und"


def test_foreign_names_in_latin_letters_do_not_change_the_script() -> None:
    assert detect("نشست Moscow Format درباره افغانستان برگزار شد") == "fa"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en-GB", "en"),
        ("EN_us", "en"),
        ("prs", "fa"),
        ("prs-AF", "fa"),
        ("eng", "en"),
        ("pus", "ps"),
        ("zh-Hant-TW", "zh"),
        ("nb", "no"),
        (" fr ", "fr"),
        ("iw", "he"),
        ("und", None),
        ("", None),
        (None, None),
        ("english language", None),
        ("x", None),
        ("e\u0301n", None),
    ],
)
def test_tags_are_normalised(tag: str | None, expected: str | None) -> None:
    assert normalize(tag) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.one_of(st.none(), st.text(max_size=10)))
def test_any_text_has_an_answer(text: str, hint: str | None) -> None:
    assert 2 <= len(detect(text, hint)) <= 3


def test_threads_may_ask_at_once() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(detect(HEADLINES["fr"]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["fr"] * 8


BEGINNINGS = [
    (headline[:end], hint) for headline in HEADLINES.values() for end in (9, 20, 40) for hint in (None, "eo", "fr")
]


def test_many_texts_at_once_have_the_languages_that_each_has_alone() -> None:
    asked = [*BEGINNINGS, ("", None), ("7", "fr"), ("\ud800", None), ("", "en")]
    assert detect_all(asked) == [detect(*each) for each in asked]
    assert detect_all([]) == []


def test_few_languages_are_compared_with_the_outcome_of_comparing_all(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = detect_all(BEGINNINGS)
    monkeypatch.setattr(language, "_likeliest", lambda *_: None)
    assert quick == detect_all(BEGINNINGS)


def test_where_rounding_could_decide_all_languages_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def exactly(text: language._Undecided) -> str:
        asked.append(text.text)
        return "xx"

    monkeypatch.setattr(language, "_likeliest_exactly", exactly)
    assert detect_all([("ȸ", None), (HEADLINES["fr"], None)]) == ["xx", "fr"]
    assert asked == ["ȸ"]  # of which the model knows nothing, so that all are alike
