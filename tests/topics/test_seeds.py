"""Loading topics from a folder; every fault names file, line and mend, and leaves out no more than it must."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.topics import seeds
from monitor.types.matching import Topic

STORY = (
    "The harbour of Port Ellis reopened on Monday after dredgers cleared the channel that last month's landslide had filled. "
    "Fishing boats left at dawn, and the ferry company said that its first crossing would carry medicine and mail."
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "seeds").mkdir()
    return tmp_path / "seeds"


def put(root: Path, name: str, content: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def only(root: Path) -> Topic:
    shelf = seeds.load(root)
    assert shelf.faults == ()
    (topic,) = shelf.topics
    return topic


def fault(root: Path) -> str:
    (found,) = seeds.load(root).faults
    return found


# --- a topic ----------------------------------------------------------------------------------------------------------


def test_one_article_dropped_in_a_folder_is_a_topic(root: Path) -> None:
    put(root, "port-ellis_harbour/story.txt", f"Harbour reopens\n\n{STORY}")
    topic = only(root)
    assert (topic.name, topic.title, topic.is_enabled) == ("port-ellis_harbour", "Port ellis harbour", True)
    assert [(seed.file, seed.title, seed.text, seed.language) for seed in topic.seeds] == [
        ("story.txt", "Harbour reopens", STORY, "en")
    ]


def test_a_blank_title_is_as_none(tmp_path: Path) -> None:
    folder = tmp_path / "seeds" / "river-floods"
    folder.mkdir(parents=True)
    (folder / "topic.toml").write_text('title = " \u200b\u200f"\ndescription = "Rivers that rise."\n')
    (topic,) = seeds.load(tmp_path / "seeds").topics
    assert topic.title == "River floods"


def test_a_sentence_without_any_article_is_a_topic(root: Path) -> None:
    put(root, "harbour/topic.toml", 'description = "Ships that run aground."')
    put(root, "harbour/not/a.txt", STORY)
    topic = only(root)
    assert (topic.description, [each.is_counter for each in topic.seeds]) == ("Ships that run aground.", [True])
    put(root, "harbour/topic.toml", 'description = "  "')
    assert "no sentence" in fault(root)


def test_topic_toml_says_how_it_is_followed(root: Path) -> None:
    put(root, "harbour/story.txt", STORY)
    put(root, "harbour/not/regatta.md", f"# Regatta\n\n{STORY}")
    put(
        root,
        "harbour/topic.toml",
        'title = "Port Ellis"\ndescription = "The harbour."\nrequired = ["port ellis"]\nexcluded = ["regatta"]\n'
        'sensitivity = "broad"\nlanguages = ["en-GB", "prs"]\nchannels = ["desk"]\nenabled = false\n'
        '[seeds."story.txt"]\nweight = 2\ntitle = "Harbour reopens"\nlanguage = "de"\n',
    )
    topic = only(root)
    assert (topic.title, topic.description, topic.sensitivity, topic.is_enabled) == (
        "Port Ellis", "The harbour.", "broad", False,
    )  # fmt: skip
    assert (topic.required, topic.excluded, topic.languages, topic.channels) == (
        ("port ellis",), ("regatta",), ("en", "fa"), ("desk",),
    )  # fmt: skip
    story, regatta = topic.seeds
    assert (story.weight, story.title, story.language, story.is_counter) == (2.0, "Harbour reopens", "de", False)
    assert (regatta.file, regatta.title, regatta.is_counter) == ("not/regatta.md", "Regatta", True)


def test_no_channels_named_is_every_channel_and_an_empty_list_is_none(root: Path) -> None:
    put(root, "harbour/story.txt", STORY)
    assert only(root).channels is None
    put(root, "harbour/topic.toml", "channels = []")
    assert only(root).channels == ()


def test_passages_keep_the_paragraphs_that_hold_them(root: Path) -> None:
    put(root, "harbour/story.txt", f"{STORY}\n\nElsewhere, the mayor resigned.\n\nThe Ferry fares rise.")
    put(
        root,
        "harbour/topic.toml",
        '[seeds."story.txt"]\npassages = ["DREDGERS cleared", "ferry fares", "no such words"]',
    )
    shelf = seeds.load(root)
    assert shelf.topics[0].seeds[0].text == f"{STORY}\n\nThe Ferry fares rise."
    assert shelf.faults == ()
    assert "no paragraph holds the passage 'no such words'" in shelf.warnings[0]


def test_the_topics_that_ship_load_without_a_word() -> None:
    shelf = seeds.load(Path(__file__).parents[2] / "seeds")
    assert {"moscow-format", "taliban-recognition"} <= {topic.name for topic in shelf.topics}
    assert (shelf.faults, shelf.warnings) == ((), ())
    assert all("2021-10-15 Noting" not in seed.text and seed.language == "en" for t in shelf.topics for seed in t.seeds)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "title", "text"),
    [
        (f" date 2021-10-15 {STORY}", "", STORY),
        (f"Title: Harbour\nDate: 2021-10-15\nURL: https://a.example/1\n\n{STORY}", "Harbour", STORY),
        (f"Harbour reopens\r\n\r\n{STORY}\r\n", "Harbour reopens", STORY),
        (
            f"A first line that ends as a sentence does.\n\n{STORY}",
            "",
            f"A first line that ends as a sentence does.\n\n{STORY}",
        ),
    ],
)
def test_header_lines_are_not_the_story(root: Path, content: str, title: str, text: str) -> None:
    put(root, "harbour/story.txt", content)
    (seed,) = only(root).seeds
    assert (seed.title, seed.text) == (title, text)


def test_markdown_is_read_without_its_marks(root: Path) -> None:
    put(
        root, "harbour/a.md", f'---\ntitle: "Harbour"\ntags: [sea]\n---\n\n**Boats** [left](https://a.example). {STORY}'
    )
    (seed,) = only(root).seeds
    assert (seed.title, seed.text) == ("Harbour", f"Boats left. {STORY}")


def test_html_is_read_as_its_article(root: Path) -> None:
    page = (
        "<?xml version='1.0' encoding='utf-8'?><html><head><title>Site</title><script>var x</script></head><body>"
        f"<nav><p>Home</p></nav><article><h1>Harbour</h1><p>{STORY}</p><p>Größe</p></article><footer><p>(c)</p></footer>"
    )
    put(root, "harbour/a.html", page)
    (seed,) = only(root).seeds
    assert (seed.title, seed.text) == ("Harbour", f"{STORY}\n\nGröße")


def test_byte_order_marks_and_old_code_pages_are_read(root: Path) -> None:
    put(root, "harbour/bom.txt", STORY.encode("utf-8-sig"))
    put(root, "harbour/wide.txt", STORY.encode("utf-16"))
    russian = "Порт снова открыт после того, как землечерпалки расчистили фарватер. " * 5
    put(root, "harbour/russian.txt", russian.encode("cp1251"))
    put(root, "harbour/accents.txt", ("Le château rouvre à Noël après des mois de travaux. " * 5).encode("cp1252"))
    shelf = seeds.load(root)
    texts = {seed.file: seed.text for seed in shelf.topics[0].seeds}
    assert texts["bom.txt"] == texts["wide.txt"] == STORY
    assert "землечерпалки" in texts["russian.txt"]
    assert "château" in texts["accents.txt"]
    assert shelf.faults == ()
    assert [line.split("read as ")[1][:6] for line in shelf.warnings] == ["cp1252", "cp1251"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no text"),
        (b"   \n\n ... !", "holds no text"),
        (b"\x89PNG\r\n\0\0\0\rIHDR", "not text"),
        (b"word " * 300_000, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_article_costs_itself_only(root: Path, content: bytes, said: str) -> None:
    put(root, "harbour/good.txt", STORY)
    bad = put(root, "harbour/bad.txt", content)
    shelf = seeds.load(root)
    assert [seed.file for seed in shelf.topics[0].seeds] == ["good.txt"]
    (found,) = shelf.faults
    assert found.startswith(f"{bad}: ")
    assert said in found


def test_short_seeds_and_strange_files_are_warned_of(root: Path) -> None:
    put(root, "harbour/three.txt", "Harbour reopened today")
    put(root, "harbour/scan.pdf", b"%PDF")
    shelf = seeds.load(root)
    assert shelf.faults == ()
    assert ["only 3 words" in shelf.warnings[1], "scan.pdf: not read" in shelf.warnings[0]] == [True, True]


def test_hidden_files_and_readmes_are_nobodys_seeds(root: Path) -> None:
    for name in (".hidden.txt", "_draft.txt", "story.txt~", "README.md"):
        put(root, f"harbour/{name}", STORY)
        put(root, name, STORY)
    put(root, ".git/config.txt", STORY)
    put(root, "harbour/story.txt", STORY)
    assert [seed.file for seed in only(root).seeds] == ["story.txt"]


def test_links_out_of_the_shelf_are_refused(root: Path) -> None:
    secret = put(root.parent, "secret.txt", STORY)
    put(root, "harbour/story.txt", STORY)
    os.symlink(secret, root / "harbour/stolen.txt")
    os.symlink("story.txt", root / "harbour/alias.txt")
    os.symlink(root.parent, root / "elsewhere")
    shelf = seeds.load(root)
    assert [seed.file for seed in shelf.topics[0].seeds] == ["alias.txt", "story.txt"]
    assert ["a link that leads out" in each for each in shelf.faults] == [True, True]


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "line", "said"),
    [
        ('title = "x"\nsensitvity = "broad"', 2, "unknown key 'sensitvity': did you mean 'sensitivity'?"),
        ("colour = 3", 1, "unknown key 'colour': remove it; valid keys are title,"),
        ("title = 3", 1, "'title' must be a text in quotes"),
        ('description = ["x"]', 1, "'description' must be a text in quotes"),
        ('required = "ellis"', 1, "'required' must be a list of texts"),
        ('\nexcluded = ["..."]', 2, "'...' in 'excluded' holds no word"),
        ('sensitivity = "high"', 1, "use one of precise, balanced, broad"),
        ('languages = ["english"]', 1, "'english' is no language code"),
        ('enabled = "yes"', 1, "'enabled' must be true or false"),
        ('[seeds."a.txt"]\nweigth = 2', 2, "did you mean 'weight'?"),
        ('[seeds."a.txt"]\nweight = 0', 2, "'weight' must be a number above 0"),
        ("title = unquoted", 1, "not TOML"),
    ],
)
def test_a_fault_in_topic_toml_names_line_and_mend(root: Path, toml: str, line: int, said: str) -> None:
    put(root, "harbour/a.txt", STORY)
    path = put(root, "harbour/topic.toml", toml)
    assert fault(root).startswith(f"{path}:{line}: ")
    assert said in fault(root)


def test_one_broken_topic_leaves_the_others_alone(root: Path) -> None:
    put(root, "broken/topic.toml", "title = ")
    put(root, "broken/a.txt", STORY)
    put(root, "empty/topic.toml", 'title = "Empty"')
    put(root, "only-not/not/a.txt", STORY)
    put(root, "sound/a.txt", STORY)
    put(root, "stray.txt", STORY)
    (root / "bare").mkdir()
    shelf = seeds.load(root)
    assert [topic.name for topic in shelf.topics] == ["sound"]
    said = "\n".join(shelf.faults)
    assert len(shelf.faults) == 5
    assert "only counter-seeds" in said
    assert "outside of any topic" in said


def test_settings_for_a_seed_that_is_not_there_are_warned_of(root: Path) -> None:
    put(root, "harbour/a.txt", STORY)
    path = put(root, "harbour/topic.toml", '[seeds."b.txt"]\nweight = 2')
    assert seeds.load(root).warnings == (
        f"{path}:1: settings for 'b.txt', but there is no such seed: mend the name or remove them",
    )


def test_a_missing_shelf_is_one_fault(tmp_path: Path) -> None:
    assert "no such folder" in fault(tmp_path / "nowhere")


# --- digests ----------------------------------------------------------------------------------------------------------


def test_digests_change_with_content_and_only_then(root: Path) -> None:
    path = put(root, "harbour/story.txt", STORY)
    before, looked = only(root).digest, seeds.folder_digest(root)
    assert (only(root).digest, seeds.folder_digest(root)) == (before, looked)
    path.write_text(STORY.replace("Monday", "Friday"))
    os.utime(path, ns=(1, 1))
    assert only(root).digest != before
    assert seeds.folder_digest(root) != looked


# --- what no topic may learn from -------------------------------------------------------------------------------------


def test_a_wall_kept_as_a_seed_is_left_out_with_its_mend(root: Path) -> None:
    wall = "We and our 842 partners store and access information on a device. Accept all cookies to go on."
    put(root, "port/a.txt", STORY)
    put(root, "port/not/b.txt", wall)
    put(root, "alone/c.txt", wall)
    shelf = seeds.load(root)
    assert [(each.name, [seed.file for seed in each.seeds]) for each in shelf.topics] == [("port", ["a.txt"])]
    assert [each for each in shelf.faults if "consent or paywall page" in each and "the article's own text" in each]
    assert [each for each in shelf.faults if str(root / "alone") in each and "no seed that can be read" in each]


def test_sensitivity_is_the_same_in_capitals_and_with_more_spaces(root: Path) -> None:
    put(root, "port/a.txt", STORY)
    put(root, "port/topic.toml", 'sensitivity = "Precision  at least 80 %"')
    assert only(root).sensitivity == "precision at least 80 %"


def test_a_folder_that_did_not_change_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("harbour", "ferry"):
        put(root, f"{name}/story.txt", f"Harbour reopens\n\n{STORY}")
    read: list[str] = []
    plain = seeds._read_folder
    monkeypatch.setattr(seeds, "_read_folder", lambda folder, top: (read.append(folder.name), plain(folder, top))[1])
    folders = seeds.TopicFolders(root)
    first = folders.load()
    assert folders.load() == first
    put(root, "ferry/more.txt", f"A second one\n\n{STORY}")
    assert [len(each.seeds) for each in folders.load().topics] == [2, 1]
    assert read == ["ferry", "harbour", "ferry"]
