"""What is to be said of a topic's sentence (`description` in topic.toml): that it would help, or that it does not do what it seems
to. Pure.

Meaning is read from title and sentence together, at most `EMBEDDED_WORDS` words of it. A negation is not understood: "not the
opening ceremony" draws articles on the opening ceremony.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from monitor.matching.tuning import CONTRADICTION_BELOW, EMBEDDED_WORDS
from monitor.text.language import UNKNOWN, detect, normalize
from monitor.text.tokens import shorten, tokens, word_count
from monitor.types.matching import TopicOutline

_NEGATIONS = {
    "en": "not no except excepting excluding exclude excludes without never nor unless don't doesn't isn't aren't won't",
    "de": "nicht kein keine keinen keiner außer ausgenommen ohne nie niemals",
    "fr": "pas non sauf sans excepté hormis jamais aucun aucune",
    "es": "no excepto salvo sin nunca ningún ninguna menos",
    "it": "non no tranne eccetto senza mai nessun nessuna",
    "pt": "não exceto salvo sem nunca nenhum nenhuma",
    "nl": "niet geen behalve zonder nooit",
    "pl": "nie oprócz bez poza nigdy żaden",
    "sv": "inte ej utom utan aldrig ingen",
    "da": "ikke undtagen uden aldrig ingen",
    "no": "ikke unntatt uten aldri ingen",
    "ru": "не нет ни без кроме исключая никогда помимо",
    "uk": "не ні без крім окрім ніколи",
    "be": "не ні без акрамя",
    "bg": "не без освен никога",
    "sr": "не ne без bez осим osim",
    "cs": "ne není nejsou kromě bez mimo nikdy",
    "ar": "لا ليس ليست غير باستثناء بدون دون سوى إلا عدا",
    "fa": "نه نیست نیستند غیر بجز جز بدون مگر بی هیچ",
    "ps": "نه پرته بې مه",
    "ur": "نہیں نہ علاوہ بغیر سوائے",
    "hi": "नहीं न बिना अलावा सिवाय",
    "tr": "değil hariç dışında olmayan yok asla",
}
_LONGEST_TITLE = 20
"""Words: a third of what is read of title and sentence."""
_NEGATING_SIGNS = {"zh": ("不", "除了", "除外", "非", "无"), "ja": ("ない", "以外", "除く", "なし")}
"""Of languages written without spaces."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to be said of a topic's sentence. `kind` is a short stable label for programs."""

    kind: str
    what: str
    mend: str
    is_warning: bool = True
    """Else a remark: nothing to mend if it is meant."""

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}"


@lru_cache(maxsize=20_000)
def advice(topic: TopicOutline) -> tuple[Advice, ...]:
    """All that is to be said of a topic's title and sentence."""
    if not topic.description.strip():
        mend = (
            'write what you want to be told into topic.toml: description = "..."; it helps more than any further seed'
        )
        return (Advice("no sentence", "it has no sentence, only examples", mend, is_warning=False),)
    return (*_length(topic.description), *_title(topic), *_negation(topic), *_language(topic))


def _length(description: str) -> Iterator[Advice]:
    words = word_count(description)
    if not any(each.isalpha() for each in description):
        what = f'its sentence has no word ("{shorten(description.strip(), 40)}")'
        yield Advice("short sentence", what, "say in a whole sentence what you want to be told")
    elif words == 1:
        what = f'its sentence is one word ("{description.strip()}")'
        yield Advice("short sentence", what, "say in a whole sentence what you want to be told of it")
    elif words > EMBEDDED_WORDS:
        what = f"its sentence has {words:,} words, of which about the first {EMBEDDED_WORDS} are read by meaning"
        yield Advice("long sentence", what, "say it in one sentence of 10 to 40 words; put the rest into seeds")


def _title(topic: TopicOutline) -> Iterator[Advice]:
    words = word_count(topic.title)
    if words > _LONGEST_TITLE:
        what = f"its title has {words:,} words, and of title and sentence together about {EMBEDDED_WORDS} are read"
        yield Advice("long title", what, "a title of a few words leaves room for the sentence")
    elif words == 1:
        what = f'its title is one word ("{topic.title}"), and the title is compared with articles by itself, too'
        yield Advice("short title", what, "a few words more tell the subject better", is_warning=False)


def _negation(topic: TopicOutline) -> Iterator[Advice]:
    found = negations(topic.description)
    if found:
        what = (
            f'its sentence seems to say what is not wanted ("{", ".join(found[:3])}"), and a negation is not understood'
        )
        mend = (
            "say only what is wanted; what is not goes into `excluded` in topic.toml, or as an article into the folder not/; "
            "fine if the word belongs to the subject"
        )
        yield Advice("negated sentence", what, mend)


def negations(description: str) -> list[str]:
    """The words of a sentence that negate or except, as they are written."""
    language = detect(description)
    signs = [each for each in _NEGATING_SIGNS.get(language, ()) if each in description]
    listed = frozenset(tokens(_NEGATIONS.get(language, _NEGATIONS["en"])))
    return signs or list(dict.fromkeys(each for each in tokens(description) if each in listed))


def _language(topic: TopicOutline) -> Iterator[Advice]:
    language = detect(f"{topic.title}. {topic.description}")
    if (
        topic.seed_languages
        and UNKNOWN not in (language, *topic.seed_languages)
        and language not in topic.seed_languages
    ):
        what = f"its sentence is in {language}, its seeds in {', '.join(sorted(topic.seed_languages))}"
        mend = "fine with an embedder, which reads both; without one, words match in each of these languages by itself"
        yield Advice("sentence in another language", what, mend, is_warning=False)


def contradictions(likenesses: Iterable[tuple[str, float]]) -> Iterator[tuple[str, Advice]]:
    """By seed, that it is no nearer to the sentence than ordinary news is; `likenesses` are files with their cosines to it."""
    for file, likeness in likenesses:
        if likeness < CONTRADICTION_BELOW:
            near = f"likeness {likeness:.2f}; ordinary news reaches {CONTRADICTION_BELOW:.2f}"
            what = f"it does not say what the topic's sentence says ({near})"
            mend = "take one of the two out, or write the sentence so that it covers both; `passages` keep a part of an article"
            yield file, Advice("contradicted sentence", what, mend)


def title_apart(title: str) -> Advice:
    """That the title does not count, as it says nothing of what the sentence says."""
    what = f'its title ("{shorten(title, 60)}") says nothing of what its sentence says, so the sentence alone counts'
    return Advice(
        "title apart", what, 'write a few words on the subject into topic.toml: title = "..."', is_warning=False
    )


def word_languages(topic: TopicOutline) -> frozenset[str]:
    """The languages in which the topic has words: of its seeds and its sentence."""
    written = [detect(f"{topic.title}. {topic.description}")] if topic.description.strip() else []
    return frozenset(normalize(each) or UNKNOWN for each in (*topic.seed_languages, *written))
