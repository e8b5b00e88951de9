"""The picture of a story's time line: who, when, how many, and when somebody was told."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.review.stories import Appearance
from monitor.web.story_picture import MAX_ROWS, NAMES, RIGHT, WIDTH, StoryPicture, draw
from tests.web.test_web import NOW


def appears(publisher: str, *, minutes: float = 0, is_copy: bool = False, number: int = 1) -> Appearance:
    return Appearance(article_id=number, publisher=publisher, at=NOW + timedelta(minutes=minutes), is_copy=is_copy)


def drawn(*appearances: Appearance, told: tuple[float, ...] = ()) -> StoryPicture:
    picture = draw(appearances, [NOW + timedelta(minutes=each) for each in told])
    assert picture
    return picture


def test_publishers_stand_in_the_order_in_which_they_came_and_time_runs_to_the_right() -> None:
    picture = drawn(appears("Echo", minutes=60, is_copy=True), appears("Post"), appears("Post", minutes=30), told=(15,))
    assert [(each.name, each.articles) for each in picture.rows] == [("Post", 2), ("Echo", 1)]
    assert [(each.publisher, each.is_copy) for each in picture.dots] == [
        ("Post", False),
        ("Post", False),
        ("Echo", True),
    ]
    left, middle, right = (each.x for each in picture.dots)
    assert (left, right) == (NAMES, WIDTH - RIGHT)
    assert middle - left == right - middle
    assert picture.told[0].x == left + (right - left) / 4
    assert sum(each.articles for each in picture.bars) == 3
    assert picture.says.startswith("3 articles of 2 publishers, 1 of them copies; first Post")


def test_one_article_is_no_picture() -> None:
    assert draw([appears("Post")], []) is None
    assert draw([], []) is None


def test_many_publishers_share_the_last_row_and_long_names_are_cut() -> None:
    picture = drawn(*(appears(f"{number} {'x' * 90}", minutes=number) for number in range(40)))
    assert len(picture.rows) == MAX_ROWS
    assert picture.rows[-1].name == "27 others"
    assert picture.rows[-1].articles == 27
    assert {each.y for each in picture.dots} == {each.y for each in picture.rows}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1e6), st.booleans()), min_size=2, max_size=30))
def test_everything_lies_within_the_picture(of: list[tuple[str, float, bool]]) -> None:
    picture = drawn(*(appears(name, minutes=at, is_copy=is_copy) for name, at, is_copy in of), told=(5, 1e9))
    assert all(NAMES <= each.x <= WIDTH - RIGHT for each in (*picture.dots, *picture.told, *picture.ticks))
    assert all(0 <= each.y < picture.height for each in (*picture.dots, *picture.rows, *picture.bars))
    assert sum(each.articles for each in picture.bars) == len(of)
