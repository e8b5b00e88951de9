"""Text that is read off simple markup without a parser is the parser's, to the letter."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.reading import markup
from monitor.text import tokens

SIMPLE = (
    "<p>Envoys met in <b>Moscow</b>.</p>\n<p>They spoke of winter.</p>",
    '<p>The post <a href="https://n.example/?a=1&amp;b=2" rel="nofollow">Envoys</a> appeared first on <a href="/">News</a>.</p>',
    '<p><img src="a.jpg" alt="Envoys" /> Envoys met&nbsp;in Moscow &#8211; and &ldquo;spoke&rdquo;<br />of winter&hellip;</p>',
    "Envoys met<br>in <em>Moscow</em> &amp; spoke",
)
OTHER = (
    "<p>Envoys met<p>They spoke",
    "<div>Envoys met</div>",
    "Envoys met</p> in Moscow",
    "<p>Envoys &bogus; met</p>",
    "<p>Envoys &#150; met</p>",
    "<p class=x>Envoys met</p>",
    "<p>Envoys <script>met</script></p>",
    "2 < 3",
)
INLINE = (
    "<br>", "<br/>", "<br />", "<b>", "</b>", "<em>", "</em>", "<strong>", "</strong>", "<a>", '<a href="/?x=1&y" data-x="a > b">',
    '<a href="/" title="two  words">', "</a>", '<span class="c d">', "</span>", '<img src="a"/>', '<img src="a" alt="b c">', " ",
    "  ", "\n", "\u00a0", "\u3000", "\u200b", "\u00ad", "word", "a", "слово", "کتاب", "語", "😀", ">", "]]>", "/", "'", '="',
    "\n\n", "&nbsp;", "&amp;", "&lt;", "&gt;", "&quot;", "&lt;b&gt;", "&#160;", "&#8201;", "&#8203;", "&#8232;", "&hellip;",
)  # fmt: skip
PARTS = st.lists(st.sampled_from(INLINE), max_size=12).map("".join)
PARAGRAPHS = st.lists(st.tuples(PARTS, st.sampled_from(["", " ", "\n", "\n \n"])), max_size=4).map(
    lambda each: "".join(f"<p>{text}</p>{gap}" for text, gap in each)
)


@pytest.mark.parametrize("written", SIMPLE)
def test_what_most_feeds_publish_needs_no_parser(written: str) -> None:
    assert markup._of_simple(written) == markup._extract_text(written, markup._SKIPPED) != ""


@pytest.mark.parametrize("written", OTHER)
def test_what_a_parser_may_mend_is_left_to_it(written: str) -> None:
    assert markup._of_simple(written) == ""


@settings(max_examples=1_000, deadline=None)
@given(PARTS | PARAGRAPHS)
@example("<p>a &nbsp; b</p> <p>\u00a0</p><p>c</p>")
def test_without_a_parser_comes_out_what_the_parser_finds(written: str) -> None:
    cleaned = tokens.clean(written)
    if found := markup._of_simple(cleaned):
        assert found == markup._extract_text(cleaned, markup._SKIPPED)
