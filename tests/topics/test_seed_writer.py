"""Articles saved as seed files; a verdict that was also saved as a seed counts once."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.background import Background
from monitor.matching.model import learn
from monitor.topics import seed_writer, seeds
from monitor.topics.seed_writer import SeedFileError, SeedText, write_seed
from monitor.types.matching import Example, Seed, Topic

DAY = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
BRIDGE = SeedText(
    title="Old bridge closed: cracks, says “engineer”",
    text="The old bridge at Weir Landing was closed.\n\nIts engineers had found cracks in the piers.",
    url="https://news.example/bridge?a=1",
    source="herald",
    published_at=DAY,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "seeds" / "bridge"
    made.mkdir(parents=True)
    return made


def test_a_seed_reads_back_as_the_article_was(folder: Path) -> None:
    written = write_seed(folder, BRIDGE, is_counter=False)
    assert written.is_new
    assert written.path == folder / "2026-11-22-old-bridge-closed-cracks-says-engineer.txt"
    (seed,) = seeds.load_one(folder).topics[0].seeds
    assert (seed.title, seed.text, seed.is_counter) == (BRIDGE.title, BRIDGE.text, False)
    assert "url: https://news.example/bridge?a=1" in written.path.read_text()
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o644
    assert [each.name for each in folder.iterdir()] == [written.path.name], "nothing unfinished is left"


def test_a_counter_seed_goes_into_not(folder: Path) -> None:
    assert write_seed(folder, BRIDGE, is_counter=True).path.parent == folder / "not"


def test_the_same_article_is_not_written_twice(folder: Path) -> None:
    first = write_seed(folder, BRIDGE, is_counter=False)
    again = write_seed(folder, BRIDGE, is_counter=False)
    assert (again.path, again.is_new) == (first.path, False)
    with pytest.raises(SeedFileError, match="is a seed of the topic already"):
        write_seed(folder, BRIDGE, is_counter=True)


def test_another_article_of_that_day_and_title_gets_a_name_of_its_own(folder: Path) -> None:
    first = write_seed(folder, BRIDGE, is_counter=False)
    second = write_seed(folder, SeedText(title=BRIDGE.title, text="Another text.", published_at=DAY), is_counter=False)
    assert second.path.name.endswith("engineer-2.txt")
    assert "cracks in the piers" in first.path.read_text()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "2026-11-22-etc-passwd.txt"),
        (".hidden", "2026-11-22-hidden.txt"),
        ("con", "2026-11-22-con.txt"),
        ("Старый мост", "2026-11-22-старый-мост.txt"),
        ("पुराना पुल", "2026-11-22-पुराना-पुल.txt"),
        ("!!!", "2026-11-22.txt"),
        ("a\0b\nc", "2026-11-22-ab-c.txt"),
    ],
)
def test_names_are_safe_in_every_script(folder: Path, title: str, name: str) -> None:
    path = write_seed(folder, SeedText(title=title, text=f"Text of {name}", published_at=DAY), is_counter=False).path
    assert path.parent == folder
    assert path.name == name


@given(st.text(max_size=400), st.text(min_size=1, max_size=300))
def test_whatever_the_article_holds_the_file_is_in_its_folder(
    tmp_path_factory: pytest.TempPathFactory, title: str, text: str
) -> None:
    folder = tmp_path_factory.mktemp("seeds")
    try:
        path = write_seed(folder, SeedText(title=title, text=text), is_counter=False).path
    except SeedFileError:
        return
    assert path.parent == folder
    assert len(path.name.encode()) < 200
    assert path.read_text()


def test_a_folder_that_may_not_be_written_is_said_with_its_mend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(**_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(seed_writer.tempfile, "mkstemp", refuses)
    with pytest.raises(SeedFileError, match="let this user write the folder") as caught:
        write_seed(folder, BRIDGE, is_counter=False)
    assert str(folder) not in caught.value.public_message


def test_a_topic_whose_folder_is_gone_and_an_empty_article_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SeedFileError, match="no such folder"):
        write_seed(tmp_path / "none", BRIDGE, is_counter=False)
    with pytest.raises(SeedFileError, match="neither title nor text"):
        write_seed(folder, SeedText(title="", text=" \n"), is_counter=False)


def test_a_file_system_without_links_is_good_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(seed_writer.os, "link", cannot)
    assert write_seed(folder, BRIDGE, is_counter=False).path.exists()
    other = write_seed(folder, SeedText(title=BRIDGE.title, text="Another", published_at=DAY), is_counter=False)
    assert other.path.name.endswith("-2.txt")


def test_a_huge_article_is_cut(folder: Path) -> None:
    path = write_seed(folder, SeedText(title="Huge", text="words and words " * 400_000), is_counter=False).path
    assert path.stat().st_size < 300_000
    assert seeds.load_one(folder).topics


def test_a_confirmed_article_that_is_a_seed_too_teaches_once(folder: Path) -> None:
    write_seed(folder, BRIDGE, is_counter=False)
    (topic,) = seeds.load_one(folder).topics
    verdict = Example(topic="bridge", title=BRIDGE.title, text=BRIDGE.text, language="en", is_relevant=True)
    alone, both = (learn(topic, verdicts, (), Background.shipped()) for verdicts in ((), (verdict,)))
    assert both.side("en").examples == alone.side("en").examples == 1
    assert both.side("en").vector == alone.side("en").vector


def test_a_seed_put_in_twice_teaches_once() -> None:
    seed = Seed(file="a.txt", title="Old bridge", text=BRIDGE.text, language="en")
    twice = Topic(
        name="t",
        title="t",
        seeds=(seed, Seed(file="b.txt", title="", text=f"Old bridge\n\n{BRIDGE.text}", language="en")),
    )
    assert learn(twice, (), (), Background.shipped()).side("en").examples == 1
