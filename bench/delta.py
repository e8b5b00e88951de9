"""Whether reading only what is new of a feed's document finds what reading all of it finds, and what it saves.

    python -m bench.delta FOLDER [FOLDER ...] [--mixed 6000] [--seed 1]

Each document in the folders (xml, rss, atom, rdf, json) is read with a random part of its entries known, then with its entries
shuffled, taken out, changed and doubled; then documents are put together of entries of many, which shows whether one bears on
another. Archives of one feed's documents over time (tar.gz) are read in order, each with what was read of the last one known. An
entry, a title or a note that differs ends it.
"""

from __future__ import annotations

import argparse
import random
import re
import tarfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.reading import delta, parse, slices
from monitor.reading.slices import Slices
from monitor.types.digests import content_key, key_of
from monitor.types.errors import ParseError
from monitor.types.fetching import Delta, KnownEntries

NOW = datetime(2021, 7, 20, tzinfo=UTC)
URL = "https://feed.example/rss"
_KINDS = {".xml", ".rss", ".atom", ".rdf", ".json"}
_OWN = re.compile(rb"<(guid|pubDate|id|published|updated|modified|created|issued)\b.*?</\1>", re.S)


class Compared:
    """Readings that were compared, by how they were made."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.counts: Counter[str] = Counter()

    def compare(self, body: bytes, known: KnownEntries | None, made: str, now: datetime = NOW) -> Delta | None:
        """Read as far as it is new, and all of it: they must agree. None where it cannot be read."""
        try:
            whole = parse.read_feed(body, URL, "", now)
        except ParseError:
            return None
        found = delta.read(body, URL, "", now, known)
        keys = {(each.guid_key, each.content_key) for each in found.feed.known}
        rest = tuple(each for each in whole.entries if (key_of(each.guid), content_key(each)) not in keys)
        is_same = found.feed.entries == rest and found.feed.size == len(whole.entries) and not found.wrong
        if not is_same or replace(found.feed, entries=(), known=()) != replace(whole, entries=()):
            raise SystemExit(f"not the same ({made}):\n{body.decode(errors='replace')[:5000]}")
        self.counts[f"{made}: {'in part' if found.feed.known else 'in full'}"] += 1
        self.counts["entries in all"] += found.feed.size
        self.counts["entries read"] += len(found.feed.entries)
        return found

    def part(self, known: KnownEntries) -> KnownEntries:
        """A random part of what is known, at least one."""
        some = self.dice.sample(known.entries, self.dice.randint(1, len(known.entries)))
        return replace(known, entries=tuple(some))

    def one(self, body: bytes) -> None:
        """A document, and others made of it."""
        first = self.compare(body, None, "as it is")
        if first is None or first.known is None:
            return
        pieces = _sliced(body)
        assert pieces
        self.compare(body, self.part(first.known), "as it is")
        for made, elements in self._changed(pieces.elements):
            self.compare(_joined(pieces, elements), self.part(first.known), made)

    def _changed(self, elements: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
        yield "shuffled", self.dice.sample(elements, len(elements))
        yield "some taken out", [each for each in elements if self.dice.random() < 0.7] or list(elements[:1])
        yield "some changed", [each.replace(b"1", b"2") if self.dice.random() < 0.3 else each for each in elements]
        yield "one doubled and changed", [*elements, self.dice.choice(elements).replace(b"a", b"e")]

    def mixed(self, documents: Sequence[Slices]) -> None:
        """A document of the entries of many in the frame of one."""
        frame = self.dice.choice(documents)
        picked = [self.dice.choice(self.dice.choice(documents).elements) for _ in range(self.dice.randint(2, 8))]
        body = _joined(frame, [self._as_own(each) for each in picked])
        first = self.compare(body, None, "mixed")
        if first and first.known:
            self.compare(body, self.part(first.known), "mixed")

    def _as_own(self, element: bytes) -> bytes:
        """An element with a guid and a date of its own, as otherwise most would be read in full."""
        end = element.rindex(b"</") if element.endswith((b"</item>", b"</entry>")) else 0
        if not end:
            return element
        number, day = self.dice.randrange(10**9), self.dice.randint(1, 9)
        own = (
            b"<guid isPermaLink='false'>u%d</guid><pubDate>Tue, 0%d Jul 2021 10:00:00 GMT</pubDate>"
            if element.endswith(b"</item>")
            else b"<id>u%d</id><published>2021-07-0%dT10:00:00Z</published>"
        )
        return _OWN.sub(b"", element[:end]) + own % (number, day) + element[end:]

    def archive(self, path: Path) -> None:
        """The documents of one feed, in the order of time."""
        known, at, seconds = None, NOW - timedelta(days=14), Counter[str]()
        with tarfile.open(path) as packed:
            for each in sorted((each for each in packed.getmembers() if each.isfile()), key=lambda each: each.name):
                file = packed.extractfile(each)
                body, at = file.read() if file else b"", at + timedelta(minutes=20)
                found = self.compare(body, known, path.name, at)
                for kind, before in (("in full", None), ("as far as it is new", known)):
                    began = time.process_time()
                    delta.read(body, URL, "", at, before) if before else parse.read_feed(body, URL, "", at)
                    seconds[kind] += time.process_time() - began
                known = found.known if found else None
        print(path.name, {kind: f"{each:.2f} CPU s" for kind, each in seconds.items()})


def _sliced(body: bytes) -> Slices | None:
    try:
        document = parse.prepare(body, url=URL)
    except ParseError:
        return None
    return slices.of(document.xml) if document.xml else None


def _joined(frame: Slices, elements: Sequence[bytes]) -> bytes:
    return frame.head + b"\n".join(elements) + frame.tail


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--mixed", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    compared, by_kind = Compared(asked.seed), defaultdict[bytes, list[Slices]](list)
    paths = sorted(path for folder in asked.folders for path in folder.rglob("*") if path.is_file())
    for body in (path.read_bytes() for path in paths if path.suffix in _KINDS):
        compared.one(body)
        if pieces := _sliced(body):
            by_kind[pieces.elements[0][-5:]].append(pieces)
    for documents in by_kind.values():
        for _ in range(asked.mixed):
            compared.mixed(documents)
    for path in paths:
        if path.name.endswith(".tar.gz"):
            compared.archive(path)
    for name, count in sorted(compared.counts.items()):
        print(f"{count:>9,}  {name}")


if __name__ == "__main__":
    main()
