"""Make the cold-start word statistics in monitor/matching/data/background/ from the word lists of the `wordfreq` package.

Run by hand, once, in an environment of its own (wordfreq is no dependency of ours; its data is CC BY-SA 4.0, see the
ATTRIBUTION file this script writes beside the tables):

    python -m venv /tmp/words && /tmp/words/bin/pip install wordfreq
    PYTHONPATH=. /tmp/words/bin/python bench/build_background.py

Out comes one `<language>.txt.gz` a language: a line for each frequency, "<centibels> word word ...", commonest first,
where centibels = -1000 * log10(share of the word among all words) / 10, so 300 is one word in a thousand. No text, no
order, no pairs (except in Chinese and Japanese, whose tokens are pairs): nothing can be read back from it.
"""

from __future__ import annotations

import argparse
import gzip
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import wordfreq

from monitor.text.tokens import tokens

WORDS = 30_000
WORDS_MINOR = 15_000
MAJOR = ("en", "ru", "fa", "ar", "ur", "hi", "zh", "fr", "es", "de", "tr", "uk", "pt", "it")
PAIRED = ("zh", "ja")
"""Languages whose tokens are pairs of characters (monitor.text)."""
NOT_OURS = ("ko",)
"""wordfreq counts Korean by morpheme, we by the word between spaces: the lists do not meet."""
STEP = 10
"""Quantised to a tenth of a power of ten: idf moves by at most .12."""

# wordfreq has no Pashto. Its grammar words are few and carry most of the text; the loan words it shares with Persian
# come from there at half their share. The shares are estimates of the right order, which is all that idf asks for.
PASHTO = {
    "د": 190, "په": 200, "او": 160, "چې": 165, "له": 180, "کې": 170, "ته": 185, "یې": 190, "دی": 195, "ده": 200,
    "سره": 215, "هم": 220, "دا": 220, "څخه": 215, "شوی": 235, "و": 210, "به": 220, "نه": 220, "هغه": 220,
    "کړي": 230, "خو": 240, "دغه": 225, "یو": 220, "یوه": 240, "تر": 225, "کړی": 235, "شول": 255, "وي": 240,
    "کوي": 235, "کړ": 240, "شو": 245, "پر": 225, "لپاره": 230, "ويلي": 245, "وویل": 240, "وايي": 240, "شي": 235,
    "شوي": 235, "کړې": 245, "کړل": 255, "دي": 210, "يې": 190, "کال": 250, "کسان": 255, "خپل": 240, "خپلو": 250,
    "خپله": 255, "ډېر": 260, "ډیر": 260, "نو": 245, "که": 245, "لري": 240, "کول": 245, "کولو": 250, "وروسته": 250,
    "هېواد": 260, "هیواد": 260, "پورې": 255, "ټول": 255, "ټولو": 260, "نور": 265, "نورو": 265, "دوی": 255,
    "هغوی": 260, "زموږ": 270, "موږ": 260, "زه": 270, "بیا": 260, "اوس": 265, "یا": 245, "باندې": 260, "وه": 245,
    "وو": 245, "ول": 255, "شوې": 250, "شوه": 255, "راغلي": 275, "همدارنګه": 285, "ترڅو": 280, "لومړی": 275,
    "ورځ": 270, "نړۍ": 280, "افغانستان": 250, "کابل": 275, "طالبان": 270,
}  # fmt: skip

ATTRIBUTION = """The tables in this folder are derived from the word lists of wordfreq {version} by Robyn Speer
(https://github.com/rspeer/wordfreq): folded as monitor/text/tokens.py does, cut to the commonest words, rounded.
Pashto (ps) is estimated: grammar words written down by us, the rest from the Persian list.

wordfreq's data is made available under the Creative Commons Attribution-ShareAlike 4.0 licence
(https://creativecommons.org/licenses/by-sa/4.0/), and so are these tables. It contains data extracted from Google Books
Ngrams (https://books.google.com/ngrams), the Leeds Internet Corpus (http://corpus.leeds.ac.uk/list.html), Wikipedia,
ParaCrawl (https://paracrawl.eu), OPUS OpenSubtitles 2018 (http://opus.nlpl.eu/OpenSubtitles.php, from
http://www.opensubtitles.org) and SUBTLEX (Marc Brysbaert et al.: SUBTLEX-US, -UK, -CH, -DE, -NL, -PL), among the
sources listed in wordfreq's own README and NOTICE.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("monitor/matching/data/background"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for language in sorted(set(wordfreq.available_languages("best")) - set(NOT_OURS)):
        shares = paired(language) if language in PAIRED else spaced(language)
        write(out / f"{language}.txt.gz", shares, WORDS if language in MAJOR else WORDS_MINOR)
    write(out / "ps.txt.gz", pashto(), WORDS_MINOR)
    (out / "ATTRIBUTION.txt").write_text(ATTRIBUTION.format(version="3.1.1"), encoding="utf-8")


def spaced(language: str) -> Counter[str]:
    """Share of each of our tokens among all tokens. Numbers are shapes in wordfreq ('0000'): asked for one by one."""
    shares: Counter[str] = Counter()
    for word, share in wordfreq.get_frequency_dict(language, "best").items():
        if "0" not in word:
            for token in tokens(word):
                shares[token] += share
    for number in (*range(200), *range(200, 1000, 50), *range(1000, 10_000, 1000), *range(1900, 2041)):
        shares[str(number)] = max(shares[str(number)], wordfreq.word_frequency(str(number), language))
    return shares


def paired(language: str) -> Counter[str]:
    """Pairs inside words take the word's share; pairs across two words are chance meetings of their characters."""
    shares: Counter[str] = Counter()
    starts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for word, share in wordfreq.get_frequency_dict(language, "best").items():
        found = tokens(word)
        for token in found if len(word) > 1 else ():
            shares[token] += share
        starts[word[0]] += share
        ends[word[-1]] += share
    for first, second in across(starts, ends):
        shares[first + second] += ends[first] * starts[second]
    return shares


def across(starts: Counter[str], ends: Counter[str]) -> Iterator[tuple[str, str]]:
    for first, _ in ends.most_common(1500):
        for second, _ in starts.most_common(1500):
            if tokens(first + second) == [first + second]:
                yield first, second


def pashto() -> Counter[str]:
    shares: Counter[str] = Counter({word: share / 2 for word, share in spaced("fa").items()})
    for word, centibels in PASHTO.items():
        for token in tokens(word):
            shares[token] = max(shares[token], 10 ** (-centibels / 100))
    return shares


def write(path: Path, shares: Counter[str], words: int) -> None:
    levels: dict[int, list[str]] = {}
    for token, share in shares.most_common(words):
        centibels = max(0, round(-100 * math.log10(share) / STEP) * STEP)
        levels.setdefault(centibels, []).append(token)
    lines = [f"{level} {' '.join(sorted(found))}" for level, found in sorted(levels.items())]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    kept, size = sum(map(len, levels.values())), path.stat().st_size / 1024
    print(f"{path.name:12} {kept:6} words, {size:5.0f} KB, down to {max(levels)} cB")


if __name__ == "__main__":
    main()
