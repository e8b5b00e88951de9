"""An image starts on volumes that are empty, full, somebody else's or not to be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.command import SEED, Said, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """What an image carries: settings without feeds, and two topics."""
    folder = tmp_path / "shipped"
    for topic in ("bridges", "ferries"):
        (folder / "seeds" / topic).mkdir(parents=True)
        (folder / "seeds" / topic / "seed.txt").write_text(f"{topic}: {SEED}")
    (folder / "config").mkdir()
    (folder / "config" / "monitor.toml").write_text('[embedding]\nembedder = "none"\n[web]\nenabled = false\n')
    return folder


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the image starts in, with three empty volumes."""
    folder = tmp_path / "app"
    for volume in ("data", "seeds", "config"):
        (folder / volume).mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def starts(shipped: Path) -> Said:
    """Its start, up to and including one poll."""
    said = run("init", "--from", str(shipped))
    if not said.exit_code:
        assert run("poll").exit_code == 0
    return said


def topics(image: Path) -> set[str]:
    return {each.name for each in (image / "seeds").iterdir()}


def test_the_first_start_fills_empty_volumes_and_the_next_keeps_what_its_owner_wrote(
    image: Path, shipped: Path
) -> None:
    assert "seeds: filled" in starts(shipped).stderr
    assert topics(image) == {"bridges", "ferries"}
    (image / "config" / "monitor.toml").write_text('[embedding]\nembedder = "none"\n[schedule]\ninterval_minutes = 7\n')
    (image / "seeds" / "bridges" / "seed.txt").write_text(f"Mine. {SEED}")

    assert starts(shipped).stderr.count("kept as it is") == 2
    assert "interval_minutes = 7" in (image / "config" / "monitor.toml").read_text()
    assert (image / "seeds" / "bridges" / "seed.txt").read_text().startswith("Mine.")


def test_a_volume_that_a_file_system_made_holds_lost_and_found_and_counts_as_empty(image: Path, shipped: Path) -> None:
    (image / "seeds" / "lost+found").mkdir()
    assert "seeds: filled" in starts(shipped).stderr


def test_what_the_image_fills_can_be_written_though_it_was_shipped_read_only(image: Path, shipped: Path) -> None:
    seed = shipped / "seeds" / "bridges" / "seed.txt"
    seed.chmod(0o444)
    starts(shipped)
    assert (image / "seeds" / "bridges" / "seed.txt").stat().st_mode & 0o200


def test_topics_that_were_removed_do_not_come_back(image: Path, shipped: Path) -> None:
    starts(shipped)
    for topic in ("bridges", "ferries"):
        assert run("topics", "remove", topic).exit_code == 0
    for rest in (image / "seeds").iterdir():
        os.rename(rest, image / f"away-{rest.name}")

    assert "left empty: its topics were removed" in starts(shipped).stderr
    assert not topics(image)


def test_an_older_image_whose_topics_lay_in_itself_goes_on_with_volumes(image: Path, shipped: Path) -> None:
    starts(shipped)
    assert run("topics", "remove", "ferries").exit_code == 0
    for rest in (image / "seeds").iterdir():
        os.rename(rest, image / f"away-{rest.name}")

    assert "filled with bridges" in starts(shipped).stderr
    assert topics(image) == {"bridges"}


def test_another_volume_beside_a_store_with_topics_of_its_owner_is_left_empty_and_said(
    image: Path, shipped: Path
) -> None:
    (image / "seeds" / "tunnels").mkdir()
    (image / "seeds" / "tunnels" / "seed.txt").write_text(SEED)
    starts(shipped)
    os.rename(image / "seeds" / "tunnels", image / "away")

    said = run("init", "--from", str(shipped))
    assert said.exit_code == 0
    assert "left empty: the store has topics of yours (tunnels); is this the right volume?" in said.stderr
    assert not topics(image)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_volume_that_may_not_be_written_is_named_with_the_user(image: Path, shipped: Path) -> None:
    (image / "seeds").chmod(0o555)
    said = run("init", "--from", str(shipped))
    assert said.exit_code == 2
    assert f"seeds cannot be filled (Permission denied): let user {os.getuid()} write there" in said.stderr


def test_a_file_in_the_place_of_a_folder_is_named(image: Path, shipped: Path) -> None:
    (image / "seeds").rmdir()
    (image / "seeds").write_text("not a folder")
    said = run("init", "--from", str(shipped))
    assert said.exit_code == 2
    assert "seeds cannot be filled" in said.stderr


def test_a_source_without_the_folders_is_named(image: Path, tmp_path: Path) -> None:
    said = run("init", "--from", str(tmp_path / "nothing"))
    assert said.exit_code == 2
    assert "nothing/config: no such folder to fill from" in said.stderr


def test_all_that_the_image_copies_is_sent_to_its_builder() -> None:
    sent = {each[1:] for each in (ROOT / ".dockerignore").read_text().split() if each.startswith("!")}
    copied = [
        each
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for each in line.split()[1:-1]
    ]
    assert copied
    assert not [each for each in copied if each.removeprefix("./") not in sent]
