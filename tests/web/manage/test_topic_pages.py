"""The pages of topics over a real store and a real folder of seeds: made as a draft, tried, followed, changed, put back."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from monitor.service.topic_keeper import TopicKeeper
from monitor.store import topics
from monitor.store.db import Database
from monitor.topics import seeds
from monitor.types.errors import FetchError, MonitorError
from monitor.types.matching import Article, Grade
from monitor.web.app import create_app
from monitor.web.tools import PageTools
from tests.fakes.command import SEED as BRIDGE
from tests.web.test_web import NOW, OWN, PAYLOADS, WELL, assert_is_ours, browsing, fill, has_article, token_of
from tests.web.test_web import WebSettings as Web
from tests.web.test_web import db as db  # the fixture

TRIED: list[Path] = []
SETTINGS = ("title", "description", "sensitivity")


def trial(*articles: Mapping[str, Any]) -> dict[str, Any]:
    """What `topics try --json` says."""
    ahead = {"low": 0, "high": 3, "sure": 0.9}
    costs = [
        {"sensitivity": name, "factor": factor, "a_day": a_day, "low": 0.5, "high": 4.0, "next_day": ahead}
        for name, factor, a_day in (("precise", 1.3, 0.4), ("balanced (in force)", 1.0, 1.6), ("broad", 0.8, 4.2))
    ]
    shown = {"source": "bbc", "language": "en", "kind": "new"}
    found = [{**shown, **each} for each in articles]
    return {
        "articles": 4000, "days": 9, "matched": 2, "stories": 2, "seeds_left_out": 1, "costs": costs,
        "hits": [each for each in found if each["part"] >= 1], "above": [],
        "below": [each for each in found if each["part"] < 1],
    }  # fmt: skip


async def article_at(url: str) -> Article:
    if "missing" in url:
        raise FetchError("news.example answered 404 Not Found", url=url, code="404")
    return Article(
        guid=url, title="Cracks in the old bridge", text=BRIDGE, url=url, source="news.example", language="en",
        published_at=NOW, seen_at=NOW, grade=Grade.WALL if "wall" in url else Grade.FULL,
    )  # fmt: skip


async def tried(folder: Path) -> Mapping[str, Any]:
    TRIED.append(folder)
    return trial(
        {"id": 1, "title": "Far above", "part": 1.5},
        {"id": 2, "title": "Just above", "part": 1.05},
        {"id": 3, "title": "Just below", "part": 0.9},
        {"id": 4, "title": "Far below", "part": 0.5},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TRIED.clear()
    (tmp_path / "seeds").mkdir()
    return tmp_path / "seeds"


@pytest.fixture
def client(db: Database, root: Path) -> Iterator[TestClient]:
    tools = PageTools(article_at=article_at, try_topic=tried)
    app = create_app(db, Web(), clock=lambda: NOW, health=lambda: WELL, seeds=root, tools=tools)
    with browsing(app) as client:
        yield client


def send(client: TestClient, path: str, **form: Any) -> Any:
    return client.post(path, data={"token": token_of(client, "/topics/new"), **form}, headers=OWN)


def daemon_reads(db: Database, root: Path) -> None:
    keeper = TopicKeeper(root, is_shared=False)
    with db.writing() as session:
        keeper.settle(session, keeper.read(), channels={}, now=NOW)


def follows(root: Path, name: str = "bridge", toml: str = 'title = "The bridge"\n') -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "a.txt").write_text(BRIDGE)
    (folder / "topic.toml").write_text(toml)
    return folder


# --- a new topic ------------------------------------------------------------------------------------------------------


def test_a_topic_is_made_tried_taught_and_followed(db: Database, client: TestClient, root: Path) -> None:
    fill(db, *(has_article(f"Article {n}", url=f"https://n.example/{n}", text=f"{BRIDGE} {n}") for n in (1, 2, 3, 4)))
    answer = send(
        client, "/topics/make",
        title="The old bridge", description="Whether the bridge is pulled down.",
        addresses="https://news.example/a\nhttps://news.example/b", text="A title\n\nA text of mine on the ferry.",
    )  # fmt: skip
    assert answer.headers["location"] == "/draft/the-old-bridge?done=made"
    assert list(seeds.load(root).topics) == [], "nobody is told anything yet"
    shown = client.get("/draft/the-old-bridge").text
    assert "Whether the bridge is pulled down." in shown
    assert "<strong>2</strong> articles in 2 stories; 1 left out" in shown
    bands = re.split("<h3>", shown)
    assert [each.partition("<")[0] for each in bands[1:5]] == [
        "Found at every sensitivity", "Added by “balanced”", "Added by “broad”", "Found by none, but near",
    ]  # fmt: skip
    assert ["Far above" in bands[1], "Just above" in bands[2], "Just below" in bands[3], "Far below" in bands[4]] == [
        True
    ] * 4
    client.get("/draft/the-old-bridge")
    assert len(TRIED) == 1, "a trial is kept until something changes"
    answer = send(client, "/draft/the-old-bridge/examples", a1="right", a3="wrong", a4="")
    assert answer.status_code == 303
    draft = root / ".drafts" / "the-old-bridge"
    assert len(list((draft / "not").iterdir())) == 1
    client.get("/draft/the-old-bridge")
    assert len(TRIED) == 2
    answer = send(client, "/draft/the-old-bridge/follow", sensitivity="broad")
    assert answer.headers["location"] == "/topic/the-old-bridge?done=followed#said"
    (topic,) = seeds.load(root).topics
    assert (topic.title, topic.sensitivity, len(topic.seeds)) == ("The old bridge", "broad", 4)
    assert not draft.exists()
    assert "takes it up within a second" in client.get("/topics").text
    daemon_reads(db, root)
    assert client.get("/topic/the-old-bridge").status_code == 200


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"title": "X"}, "needs a sentence or an example"),
        ({"title": "…", "description": "x"}, "needs a title"),
        ({"title": "X", "name": "../evil", "description": "x"}, "is no name for a topic"),
        ({"title": "X", "name": ".hidden", "description": "x"}, "is no name for a topic"),
        ({"title": "X", "name": "not", "description": "x"}, "is no name for a topic"),
        ({"title": "X", "addresses": "https://news.example/missing"}, "answered 404"),
        ({"title": "X", "addresses": "https://news.example/wall"}, "a consent or paywall page"),
        ({"title": "X", "addresses": "javascript:alert(1)"}, "no web address"),
        ({"title": "X", "addresses": " ".join(f"https://n.example/{n}" for n in range(21))}, "at most 20 examples"),
    ],
)
def test_where_something_is_wrong_nothing_is_made_and_what_was_written_stays(
    client: TestClient, root: Path, form: dict[str, str], says: str
) -> None:
    answer = send(client, "/topics/make", **form)
    assert (answer.status_code, says.lower() in answer.text.lower()) == (400, True)
    assert 'name="title" value="' in answer.text
    assert [each for each in root.rglob("*") if each.is_file()] == []
    assert str(root) not in answer.text


def test_files_become_examples(client: TestClient, root: Path) -> None:
    data = {"token": token_of(client, "/topics/new"), "title": "Bridge"}
    files = [("files", ("a.html", b"<html><title>T</title><body><p>" + BRIDGE.encode() + b"</p></body></html>"))]
    files += [("files", ("../../b.txt", "Мост закрыт. ".encode() * 20))]
    answer = client.post("/topics/make", data=data, files=files, headers=OWN)
    assert answer.status_code == 303, answer.text
    assert len(list((root / ".drafts" / "bridge").glob("*.txt"))) == 2
    bad = client.post("/topics/make", data={**data, "name": "c"}, files=[("files", ("c.exe", b"x"))], headers=OWN)
    assert (bad.status_code, "ends in .txt" in bad.text) == (400, True)


def test_names_that_are_taken_are_refused(db: Database, client: TestClient, root: Path) -> None:
    follows(root)
    daemon_reads(db, root)
    for name in ("bridge",):
        assert send(client, "/topics/make", title="X", name=name, description="A sentence.").status_code == 400
    assert send(client, "/topics/make", title="Other", description="A sentence on rivers.").status_code == 303
    again = send(client, "/topics/make", title="Other", description="A sentence on rivers.")
    assert "there is a draft &#34;other&#34; already" in again.text.lower()
    assert send(client, "/draft/other/discard").headers["location"] == "/topics?done=removed#said"
    assert client.get("/draft/other").status_code == 404


def test_where_no_trial_can_be_made_the_page_says_so(db: Database, root: Path) -> None:
    async def fails(folder: Path) -> None:
        raise MonitorError(f"{folder}: too much")

    for tools, says in (
        (PageTools(), "Topics cannot be tried from here"),
        (PageTools(try_topic=fails), "bridge: too much"),
    ):
        app = create_app(db, Web(), clock=lambda: NOW, health=lambda: WELL, seeds=root, tools=tools)
        with browsing(app) as client:
            send(client, "/topics/make", title="Bridge", description="A sentence on the bridge.")
            shown = client.get("/draft/bridge").text
            assert says in shown
            assert str(root) not in shown


# --- one topic --------------------------------------------------------------------------------------------------------


def test_settings_are_written_to_the_file_and_said(db: Database, client: TestClient, root: Path) -> None:
    folder = follows(root, toml='# kept\ntitle = "The bridge"\nchannels = ["desk"]\n')
    daemon_reads(db, root)
    form = {"title": "The bridge", "description": "Whether it is pulled down.", "sensitivity": "broad"}
    answer = send(client, "/topic/bridge/settings", **form)
    assert (folder / "topic.toml").read_text() == (
        '# kept\ntitle = "The bridge"\nchannels = ["desk"]\ndescription = "Whether it is pulled down."\nsensitivity = "broad"\n'
    )
    shown = client.get(answer.headers["location"]).text
    assert "Saved: description, sensitivity." in shown
    wrong = send(client, "/topic/bridge/settings", **{**form, "title": "Typed <anew>", "sensitivity": "loud"})
    assert wrong.status_code == 400
    assert '<p class="fault" id="fault-sensitivity">Sensitivity is one of precise,' in wrong.text
    assert 'name="title" value="Typed &lt;anew&gt;"' in wrong.text
    assert 'name="sensitivity" value="loud"' in wrong.text
    assert str(root) not in wrong.text


def test_versions_are_compared_and_put_back(db: Database, client: TestClient, root: Path) -> None:
    folder = follows(root)
    daemon_reads(db, root)
    (folder / "topic.toml").write_text('title = "Another title"\n')
    (folder / "b.txt").write_text(f"Another text. {BRIDGE}")
    daemon_reads(db, root)
    shown = client.get("/topic/bridge?compare=1").text
    assert "title: <del>The bridge</del> <ins>Another title</ins>" in shown
    assert "<ins><bdi>b.txt</bdi></ins>" in shown
    answer = send(client, "/topic/bridge/restore", version="1")
    assert answer.headers["location"] == "/topic/bridge?done=restored#said"
    (topic,) = seeds.load(root).topics
    assert (topic.title, [each.file for each in topic.seeds]) == ("The bridge", ["a.txt"])
    assert list((root / ".removed").iterdir()), "the folder of before is kept"
    assert send(client, "/topic/bridge/restore", version="99").status_code == 404
    assert send(client, "/topic/bridge/restore", version="x").status_code == 400


def test_a_topic_is_paused_resumed_renamed_and_removed(db: Database, client: TestClient, root: Path) -> None:
    follows(root)
    daemon_reads(db, root)
    send(client, "/topic/bridge/pause")
    assert ">paused<" in client.get("/topics").text
    send(client, "/topic/bridge/resume")
    assert ">on<" in client.get("/topics").text
    answer = send(client, "/topic/bridge/rename", new="weir-landing")
    assert answer.headers["location"] == "/topic/weir-landing?done=renamed#said"
    assert (root / "weir-landing").is_dir()
    wrong = send(client, "/topic/weir-landing/rename", new="../evil")
    assert wrong.status_code == 400
    assert '<p class="fault" id="fault-new">' in wrong.text
    assert 'value="../evil"' in wrong.text
    assert send(client, "/topic/weir-landing/remove").status_code == 400, "one click is not enough"
    assert (root / "weir-landing").is_dir()
    answer = send(client, "/topic/weir-landing/remove", sure="yes")
    assert "It is set aside" in client.get(answer.headers["location"]).text
    assert not (root / "weir-landing").exists()
    with db.reading() as session:
        assert topics.stored(session)["weir-landing"].has_ended
    for verb in ("pause", "resume", "rename", "remove", "restore"):
        assert send(client, f"/topic/nobody/{verb}", new="x", version="1").status_code == 404
    assert client.get("/topic/nobody").status_code == 404


def test_two_windows_undo_nothing_of_one_another(db: Database, client: TestClient, root: Path) -> None:
    follows(root)
    daemon_reads(db, root)
    page = client.get("/topic/bridge").text
    shown = {key: html.unescape(each) for key, each in re.findall('name="was_([^"]+)" value="([^"]*)"', page)}
    assert set(shown) == set(SETTINGS)
    was = {f"was_{key}": value for key, value in shown.items()}
    send(client, "/topic/bridge/settings", **was, **shown | {"title": "Of the first window"})
    sentence = "Bridges over rivers that are opened or closed to the people of both banks."
    done = send(client, "/topic/bridge/settings", **was, **shown | {"description": sentence})
    assert done.headers["location"] == "/topic/bridge?changed=description#said"
    read = seeds.load_one(root / "bridge").topics[0]
    assert (read.title, read.description) == ("Of the first window", sentence)
    refused = send(client, "/topic/bridge/settings", **was, **shown | {"title": "Of the second window"})
    assert refused.status_code == 400
    assert "changed meanwhile, to “Of the first window”" in html.unescape(refused.text)
    assert 'value="Of the second window"' in refused.text
    assert sentence in refused.text.partition("</textarea>")[0], "what was not touched is as it is now"
    again = was | {"was_title": "Of the first window", "was_description": sentence}
    send(
        client, "/topic/bridge/settings", **again, **shown | {"title": "Of the second window", "description": sentence}
    )
    assert seeds.load_one(root / "bridge").topics[0].title == "Of the second window"


def test_a_draft_that_is_made_twice_is_linked_to(client: TestClient) -> None:
    """A second click, or the browser's way back after the first."""
    for _ in range(2):
        answer = send(client, "/topics/make", title="Floods", description="Rivers that flood towns.")
    assert answer.status_code == 400
    assert '<a href="/draft/floods">' in answer.text
    assert "/draft/" not in send(client, "/topics/make", title="Quakes", description="").text


def test_a_page_of_a_topic_that_was_renamed_meanwhile_goes_on(db: Database, client: TestClient, root: Path) -> None:
    follows(root)
    daemon_reads(db, root)
    send(client, "/topic/bridge/rename", new="weir")
    assert client.get("/topic/bridge").headers["location"] == "/topic/weir"
    done = send(client, "/topic/bridge/settings", title="The weir", description="", sensitivity="balanced")
    assert done.headers["location"].startswith("/topic/weir?changed=title")
    assert send(client, "/topic/bridge/pause").headers["location"] == "/topic/weir?done=paused#said"


def test_a_renamed_topic_is_not_offered_as_removed(db: Database, client: TestClient, root: Path) -> None:
    """Putting a version back leaves the folder of before, under the name that the topic had then."""
    follows(root)
    daemon_reads(db, root)
    send(client, "/topic/bridge/settings", title="Another title", description="", sensitivity="balanced")
    daemon_reads(db, root)
    assert send(client, "/topic/bridge/restore", version="1").headers["location"] == "/topic/bridge?done=restored#said"
    send(client, "/topic/bridge/rename", new="weir")
    assert (root / ".removed").is_dir()
    assert "Removed (" not in client.get("/topics").text
    assert send(client, "/topics/back", folder=f"bridge-{NOW:%Y-%m-%d}").status_code == 404


def upload(client: TestClient, path: str, *files: tuple[str, bytes], **form: str) -> Any:
    data = {"token": token_of(client, "/topics/new"), **form}
    return client.post(path, data=data, files=[("files", each) for each in files or [("", b"")]], headers=OWN)


@pytest.mark.parametrize("where", ["topic", "draft"])
def test_examples_are_added_and_taken_out_by_page(client: TestClient, root: Path, where: str) -> None:
    folder = follows(root)
    if where == "draft":
        (root / ".drafts").mkdir()
        folder = folder.rename(root / ".drafts" / "bridge")
    link = f"/{where}/bridge"
    answer = upload(
        client, f"{link}/add", ("b.txt", b"Ferry\n\n" + BRIDGE.encode()), addresses="https://news.example/a"
    )
    assert answer.headers["location"] == f"{link}?done=examples#said"
    assert len(list(folder.glob("*.txt"))) == 3
    upload(client, f"{link}/add", text="Choir wins\n\nThe choir won a prize on the other side of town.", kind="counter")
    (counter,) = (folder / "not").glob("*.txt")
    shown = client.get(link).text
    assert "Not wanted, though it looks alike (1)" in shown
    taken = send(client, f"{link}/drop", file=f"not/{counter.name}")
    assert not counter.exists()
    shown = client.get(taken.headers["location"].partition("#")[0]).text
    undo = dict(
        re.findall(
            r'type="hidden" name="(file|as)" value="([^"]+)"', shown.partition("/undrop")[2].partition("</form>")[0]
        )
    )
    assert send(client, f"{link}/undrop", **undo).headers["location"] == f"{link}?done=undropped#said"
    assert counter.is_file()


def test_what_cannot_become_an_example_is_said_beside_its_field_and_kept(client: TestClient, root: Path) -> None:
    folder = follows(root)
    for path, form in (("/topic/bridge", {"kind": "counter"}), ("/topic/bridge", {})):
        wrong = upload(
            client, f"{path}/add", addresses="https://news.example/missing", text="Typed <b>here</b>", **form
        )
        assert wrong.status_code == 400
        assert re.search(r'<p class="fault" id="fault-addresses">[^<]*404', wrong.text)
        assert "Typed &lt;b&gt;here&lt;/b&gt;</textarea>" in wrong.text
        assert ('value="counter" selected' in wrong.text) == bool(form)
    assert '<p class="fault" id="fault-addresses">Paste an address' in upload(client, "/topic/bridge/add").text
    assert [each.name for each in folder.iterdir() if each.suffix == ".txt"] == ["a.txt"]


def test_of_examples_of_which_one_cannot_be_used_none_is_written(client: TestClient, root: Path) -> None:
    folder = follows(root)
    before = sorted(each.name for each in folder.rglob("*"))
    known = ("b.txt", (folder / "a.txt").read_bytes())
    answer = upload(client, "/topic/bridge/add", ("c.txt", b"Ferry\n\nA ferry ran aground."), known, kind="counter")
    assert answer.status_code == 400
    assert [each.name for each in folder.rglob("*.txt")] == ["a.txt"]
    assert before == sorted(each.name for each in folder.rglob("*") if each.name != "not")


def test_the_only_example_stays_and_no_file_of_others_is_moved(client: TestClient, root: Path) -> None:
    folder = follows(root)
    answer = send(client, "/topic/bridge/drop", file="a.txt")
    assert answer.status_code == 409
    assert "only example" in answer.text
    (root.parent / "outside.txt").write_text("mine")
    for file in ("../../outside.txt", "topic.toml", "b.txt", "", "/etc/passwd"):
        assert send(client, "/topic/bridge/drop", file=file).status_code == 409
    (folder / "b.txt").write_text(f"Another. {BRIDGE}")
    send(client, "/topic/bridge/drop", file="b.txt")
    for file, name in (
        ("../x.txt", "b.txt"),
        ("x.toml", "b.txt"),
        ("b.txt", "../../outside.txt"),
        ("a.txt", "b.txt"),
        ("/x-of-the-root.txt", "b.txt"),
        ("//x-of-the-root.txt", "b.txt"),
        ("", "b.txt"),
        (".", "b.txt"),
    ):
        assert send(client, "/topic/bridge/undrop", file=file, **{"as": name}).status_code == 409
    assert (root.parent / "outside.txt").read_text() == "mine"
    assert sorted(each.name for each in folder.iterdir()) == ["a.txt", "topic.toml"]


def test_a_removed_topic_is_followed_again(db: Database, client: TestClient, root: Path) -> None:
    follows(root)
    daemon_reads(db, root)
    assert "Removed (" not in client.get("/topics").text
    send(client, "/topic/bridge/remove", sure="yes")
    shown = client.get("/topics").text
    assert "Removed (1)" in shown
    assert "<bdi>The bridge</bdi>" in shown
    folder = re.search(r'name="folder" value="([^"]+)"', shown)
    assert folder is not None
    answer = send(client, "/topics/back", folder=folder[1])
    assert answer.headers["location"] == "/topic/bridge?done=back#said"
    assert (root / "bridge" / "a.txt").is_file()
    with db.reading() as session:
        assert not topics.stored(session)["bridge"].has_ended
    assert "Removed (" not in client.get("/topics").text
    assert send(client, "/topics/back", folder=folder[1]).status_code == 404


def test_a_discarded_draft_is_a_draft_again_and_a_taken_name_is_not_offered(
    db: Database, client: TestClient, root: Path
) -> None:
    send(client, "/topics/make", title="Floods", description="Rivers that flood towns.")
    send(client, "/draft/floods/discard")
    folder = f"floods-{NOW:%Y-%m-%d}"
    assert "Make it a draft again" in client.get("/topics").text
    follows(root, "floods")
    assert "Make it a draft again" not in client.get("/topics").text
    assert send(client, "/topics/back", folder=folder).status_code == 404
    (root / "floods").rename(root / "other")
    assert send(client, "/topics/back", folder=folder).headers["location"] == "/draft/floods"
    assert [each.name for each in (root / ".drafts").iterdir()] == ["floods"]
    for bad in ("..", "../bridge", "floods", ""):
        assert send(client, "/topics/back", folder=bad).status_code == 404


@pytest.mark.parametrize("name", ["..%2F..%2Fetc", ".drafts", ".", "%00", "a%0Ab", "..%5Cx"])
def test_no_name_leads_out_of_the_folder(client: TestClient, root: Path, name: str) -> None:
    for path in (f"/topic/{name}", f"/draft/{name}"):
        assert client.get(path).status_code == 404


def test_u1_no_payload_becomes_markup_on_the_pages_of_topics(db: Database, root: Path) -> None:
    for number, payload in enumerate(PAYLOADS):
        folder = follows(root, f"topic{number}", toml="")
        (folder / "topic.toml").write_text(f"title = {_toml(payload)}\ndescription = {_toml(payload)}\n")
        (folder / "s.txt").write_text(f"title: {payload}\n\n{payload} {BRIDGE}")
    daemon_reads(db, root)

    async def poisoned(folder: Path) -> Mapping[str, Any]:
        return trial(*({"id": n, "title": each, "source": each, "part": 0.9} for n, each in enumerate(PAYLOADS)))

    tools = PageTools(article_at=article_at, try_topic=poisoned)
    app = create_app(db, Web(), clock=lambda: NOW, health=lambda: WELL, seeds=root, tools=tools)
    with browsing(app) as client:
        pages = [client.get("/topics").text]
        pages += [client.get(f"/topic/topic{number}?compare=1").text for number in range(0, len(PAYLOADS), 6)]
        for payload in PAYLOADS:
            pages.append(client.get("/topics", params={"removed": payload}).text)
            pages.append(client.get("/topic/topic0", params={"changed": payload, "done": payload}).text)
            pages.append(send(client, "/topics/make", title=payload, name="a/b", text=payload, addresses=payload).text)
            pages.append(send(client, "/topic/topic0/rename", new=payload + "/").text)
        for number, payload in enumerate(PAYLOADS[:12]):
            send(client, "/topics/make", title=payload, name=f"d{number}", description=payload + " a bridge")
            pages.append(client.get(f"/draft/d{number}").text)
    for shown in pages:
        assert_is_ours(shown)
        for payload in PAYLOADS:
            assert "<" not in payload or payload not in shown


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
