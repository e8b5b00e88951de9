"""Tuned numbers of the stories package: fingerprints, copies, corrections, profiles and stories; each with its unit and its
effect.

They were fitted together by measurement. Under each heading stand the section of docs/dedup.md that says what was measured, and
the command that measures it; run that command before and after changing a number. `python -m bench.stories --data DIR --ours`
runs all sets without the rivals.
"""

from __future__ import annotations

from datetime import timedelta

# --- Fingerprints and the look-up of candidates -------------------------------------------------------------------------
# docs/dedup.md, "How candidates are found" and "Cost and growth"
# python -m bench.stories --data DIR --ours --only allsides,edits,cost; for bytes and time: python -m bench.stories --growth

FINGERPRINT_KEYS = 24
"""Keys per article; 24 rows of (key, article) cost about 320 bytes on SQLite. Only the lower half of each hash is kept: among
a hundred million rows every second look-up meets a chance neighbour, which the exact check rejects."""
RUN_WORDS = 4
"""Words in a run. Shorter runs occur in unrelated texts, longer ones break at every edited word."""
START_DIVISOR, START_RUNS_LEAST, START_RUNS_MOST = 4, 24, 100
"""The start of a text: one in `START_DIVISOR` of its runs, at least `START_RUNS_LEAST` and at most `START_RUNS_MOST`."""
MIN_SHARED_KEYS = 2
"""Keys that a candidate must share; for the exception see `FIRST_KEYS`."""
FIRST_KEYS, RARE_POSTINGS = 2, 8
"""One shared key is enough if it is among the first `FIRST_KEYS` and at most `RARE_POSTINGS` articles carry it."""
MAX_POSTINGS = 64
"""Articles; a key that more of them carry within the window is boilerplate and proposes no candidates."""
MAX_CANDIDATES = 50
"""Candidates that are compared with a new article, those with most shared keys first."""
COPY_WINDOW_DAYS = 30
"""How far back keys, text and title are looked up; guid and URL have no window."""
FINGERPRINT_CHARACTERS = 200_000
"""Characters read of a text: a 5 MB article costs no more than a long one, and its start identifies it."""
BEGINNING_RUNS = 128
"""Word runs at the beginning of a text by which it is seen to differ from another: most do, and the rest need not be looked up."""
RECENT_HEADLINES = 1_000
"""Headlines that are kept as they were read, 2 KB each: of a stream of 8,000 articles, two of three were asked for again."""
RECENT_CHARACTERS = 2_000_000
"""Of stored texts that are kept as word runs, at some five bytes a character: 10 MB. Of the texts that full articles were compared
with, four of five were found there, of those of teasers too (docs/performance.md)."""

# --- Copies -------------------------------------------------------------------------------------------------------------
# docs/dedup.md, "How the choice is made", 2
# python -m bench.stories --data DIR --ours --only allsides,urdu,edits,samesite

COPY_CONTAINMENT = 0.5
"""Share of the smaller text's word runs that makes a copy, if the starts agree. Editing every tenth word leaves .65."""
COPY_CONTAINMENT_OTHER_START = 0.7
"""The same if the starts differ, as when an outlet puts its own lead before an agency's text."""
START_SHARED = 0.25
"""Share of the start of one text that a text of another site must hold."""
SAME_SITE_START_SHARED = 0.3
"""The same within one site. Its pages were measured to share up to .82 in galleries and footers, but at most .26 of their
starts."""
MIN_COPY_WORDS = 14
"""Words; a shorter text is no evidence by itself: the titles must be equal too."""
SAME_TITLE_WORDS = 4
"""Words; a shorter title ("Live updates") occurs on unrelated articles."""
TEASER_WORDS = 40
"""Words; a site uses one teaser for all parts of a series, so the titles must agree as well."""
TEASER_CONTAINMENT = 0.8
"""`COPY_CONTAINMENT` for texts below `TEASER_WORDS`."""
SHORTER_VERSION_TIMES = 2
"""A stored text more than so many times as long as a new version is kept, if the new version states nothing new."""
FULL_ARTICLE_WORDS = 80
"""Words from which one of two texts of a site is a full article, so that the titles need not agree word for word."""
SHORT_TEXT_WORDS = 120
"""Words below which a footer may be longer than the article."""
ALL_BUT_A_PASSAGE = 0.9
"""Containment below which two texts that each have a long passage of their own are different articles in one template."""
CONTRADICTING_NUMBERS, SAME_NUMBERS_SHARE = 4, 0.5
"""If both texts hold at least so many numbers, the other text must hold at least this share of the fewer, or they are no
copies."""
ALL_BUT_FACTS = 0.75
"""Share of all runs of two texts that single corrected facts leave."""
CORRECTION_WITHIN_FOR = timedelta(hours=12)
"""Of two such texts of one site whose titles differ in a number, the later is a correction within this time; after it, the
next day's."""
COPIES_COMPARED = 5
"""Stored copies that a new one is compared with sentence by sentence, most similar first: the fiftieth copy of an agency text
costs no more."""

# --- Boilerplate of a site ----------------------------------------------------------------------------------------------
# docs/dedup.md, "How the choice is made", 2, "Boilerplate is learned"
# python -m bench.stories --data DIR --ours --only allsides,edits,samesite

BOILERPLATE_PAGES = 3
"""Pages of one site, each with a passage of its own, that must share a run."""
BOILERPLATE_PAGES_COMPARED = 6
"""Pages that are compared; more do not improve the result."""
BOILERPLATE_TEXTS_READ = 12
"""Stored articles in which boilerplate is looked for."""
OWN_PASSAGE_RUNS = 15
"""Runs of a passage that only one text has, by which different pages of a site are distinguished from copies of one text."""
OWN_PASSAGE_RUNS_OF_TWO = 30
"""The same if there are only two pages to compare: editing every tenth word leaves no passage so long."""
STRANGER_PASSAGE_RUNS = 8
"""The same for pages, perhaps of several sites, that share a template."""
AROUND_PASSAGE_RUNS = 8
"""Shared runs on either side of a passage that texts of two sites need for it to count as standing inside a template."""

# --- Changes and corrections --------------------------------------------------------------------------------------------
# docs/dedup.md, "What is a material change"
# python -m bench.stories --data DIR --ours --only bbc,allsides,edits

COMPARED_CHARACTERS = 100_000
"""Characters read of a version."""
COMPARED_SENTENCES = 200
"""Sentences without a counterpart that are compared with one another, on each side."""
SAME_SENTENCE = 0.4
"""Share of all words of two sentences from which one is a new form of the other."""
REWORDED_SENTENCE = 0.5
"""The same, from which a copy's new number or quote counts as replacing another."""
SAME_WORDING = 0.7
"""The same, from which it is one sentence with other names or fewer numbers."""
TEASER_VERSION_WORDS, FULL_VERSION_TIMES = 60, 3
"""A version with fewer words than the first, beside one at least the second times as long, is a teaser of it and no rewriting."""
TEASER_ITEM_WORDS, TEASER_ITEM_SENTENCES = 40, 2
"""Words and sentences of text up to which an item is a headline with a line or two."""
ANOTHER_TEASER = 0.25
"""Share of all words that two teasers share at most where the later one was written anew. Of 300 edits of bbc_items read by two
readers (96 % agreed), new names, quotes and added numbers were news in a quarter, numbers in place of others in nine of ten,
teasers written anew in 28 of 30 (docs/dedup.md, "What is a material change")."""
POWERS = (1, 1e3, 1e6, 1e9, 1e-3, 1e-6, 1e-9)
"""Factors by which two spellings of one number differ: 20m and 20 million, 6,000 m and 6 km."""
ROUNDED_BY = 0.0105
"""Share by which a number may differ from itself as a round one: 29.3 and 29 degrees."""
NEGATED_WORDS = 4
"""Words in which two sentences may differ at most for a negation between them to count."""
WORDS_BESIDES_NAMES = 4
"""Words that a sentence must have besides its names to count as equal except for names."""
FULL_SENTENCE_WORDS = 6
"""Words; a shorter line states nothing: "Slideshow (21 images)"."""
QUOTE_WORDS = 3
"""Words from which the text between quotation marks is a quote."""
SPELLING_LETTERS = 6
"""Letters from which two words can be spellings of one name: Iran and Iraq differ by one letter."""
TITLE_CASE_WORDS = 3
"""Words of four letters or more that a headline must have for title case to be recognised."""
COMPARED_TITLE_CASE = 0.6
"""Share of these with a capital above which a headline is in title case, when two versions are compared."""

# --- Profiles ---------------------------------------------------------------------------------------------------------
# docs/dedup.md, "Stories: the same event in other words"
# python -m bench.stories --data DIR --ours --only stories

LOOK_UP_TERMS = 12
"""Terms of a profile by which articles are looked up, the heaviest ones."""
PROFILE_TERMS = 64
"""Terms of a profile. Keeping all decides no better, and the cost would grow with the text."""
PROFILE_WORDS, PROFILE_CHARACTERS = 300, 3_000
"""Words, headline included, and characters read of an article."""
DISTINCTIVE_RARITY = 3.5
"""Rarity (idf) from which a word is distinctive: about one article in thirty has it."""
MAX_RARITY = 12.0
"""Rarity is capped here."""
RARITY_POWER = 0.8
"""Exponent that turns rarity into weight."""
COUNT_SATURATION = 1.2
"""Occurrences at which a word reaches half of its maximal weight (BM25's k1)."""
START_WORDS, START_WEIGHT = 60, 1.5
"""A word among the first `START_WORDS`, headline included, weighs `START_WEIGHT` times as much."""
NAME_WEIGHT = 1.25
"""Factor on the weight of a name."""
PROFILE_NUMBER_WEIGHT = 2.0
"""Factor on the weight of a number."""
TOPIC_TERM_WEIGHT = 0.2
"""Factor on the weight of a word that every article of its topic has."""
PAIR_WEIGHT, PAIR_RARITY_FROM, PAIR_RARITY_LESS = 0.7, 9.0, 6.0
"""Two neighbouring words are a term if their rarities add up to more than `PAIR_RARITY_FROM`. The pair weighs as a word of
that sum less `PAIR_RARITY_LESS` would, times `PAIR_WEIGHT`."""
KNOWN_WORDS = 3_000
"""Words; in a language with fewer known ones rarity means nothing, so no article joins a story in it."""
LEAD_WORDS, LEAD_CHARACTERS = 60, 600
"""The lead, in which numbers, places and days are marked."""
LEAD_DAYS = 4
"""Days of the lead that are kept, those nearest to the article's own first."""
PROFILED_TITLE_CASE, SHORT_WORD_LETTERS = 0.85, 3
"""Share of a headline's words, function words left out, with a capital above which it is in title case; words of more letters
than `SHORT_WORD_LETTERS` must be as many as `TITLE_CASE_WORDS`. Of "Blinken meets Egypt's Sisi in Cairo" .8 have one."""

# --- Joining a story ----------------------------------------------------------------------------------------------------
# docs/dedup.md, "Stories: the same event in other words"
# python -m bench.stories --data DIR --ours --only stories

JOIN_LIKENESS = 0.23
"""Similarity from which an article joins a story: the mean cosine of profiles over its nearest articles, less the deductions
for time and for rival names."""
NEAREST_MEMBERS = 3
"""Articles of a story, the most similar ones, over which the mean is taken."""
MERGE_LIKENESS = 0.24
"""The same for merging a small story that was kept apart before; each of its articles is compared."""
MAX_MERGED_ARTICLES = 4
"""Articles, copies not counted, that a story may have to be merged into another."""
SHORT_PROFILE_PENALTY = 0.1
"""Added to a limit in proportion to the terms that a short article lacks: two headlines share a few rare words by chance."""
MIN_LOOK_UP_TERMS = 2
"""Look-up terms that two articles must share to be compared."""
MAX_COMPARED_PROFILES = 12
"""Profiles that one article is compared with."""
STORY_WINDOW_FOR = timedelta(days=14)
"""After so long without an article a story is over; what follows opens a new one."""
DAY_FACTOR = 0.9
"""Factor on similarity for each day between two articles beyond the first."""
MIN_SHARED_WORDS = 3
"""Distinct distinctive words that must be shared: one rare name makes half the similarity of two headlines. Twice as many in
scripts without capitals, where names are not recognised."""
MIN_HEADLINE_WORDS = 2
"""Of these, words of both headlines that must be shared if no name is."""
MIN_TERMS_WITHOUT_CAPITALS = 16
"""Terms (stems and pairs) that an article in a script without capitals must have: "最新消息", "点击查看" have ten."""
THEME_FROM, THEME_ARTICLES = 24, 64
"""A term carried by more articles within the window than the first loses weight, and has none from the second on: it is a
theme and identifies no event."""
RIVAL_NAMES_COST = 0.5
"""Deduction from similarity if the profile were all rival names; in proportion to their share."""
STORY_NAME_SHARE = 0.6
"""Share of a story's articles that must have a name for it to count as the story's."""
SHARED_NUMBER_FACTOR, CONFLICT_FACTOR = 1.15, 0.85
"""Factors on similarity: if both leads have numbers and share one; if both have numbers, or both have places, and share none.
A shared place is no gain: many events of a topic have one."""
OTHER_HEADLINE_NUMBER_FACTOR = 0.5
"""The second factor if both headlines have numbers: "23 new cases" is another event than "14 new cases"."""
OTHER_DAYS_FACTOR, OTHER_PAST_DAYS_FACTOR = 0.0, 0.7
"""Factors if both leads state days and none agree: for days near the articles' own, and for days long past."""
DAYS_APART = 3
"""Days from which two stated dates differ: an event and its report are often a day apart."""
DAYS_NEAR = 60
"""Days around the article's own date within which a stated date mostly is the event's; others are background."""

# --- Headlines that contradict one another ---------------------------------------------------------------------------
# docs/dedup.md, "Short items": 140 pairs of headlines written and labelled by somebody who had not seen the code
# python -m bench.stories --data DIR --ours --only headlines,sts

LEAST_HEADLINE_WORDS, MOST_OUTLET_WORDS = 4, 4
"""Words that a headline must have besides the outlet at its end, and words of an outlet's name at most."""
MOST_HEADLINE_WORDS = 20
"""Words above which a title is a sentence of the article, whose order says nothing."""
CONTENT_LETTERS = 3
"""Letters from which a word that is no function word counts as content."""
TERMS_A_HAN_WORD = 2
"""Terms (pairs of characters) of Chinese or Japanese that say what a word of other languages does: a headline with a line of 27
characters has 46 terms."""
FORM_LETTERS, OTHER_ENDING_LETTERS, LONG_WORD_LETTERS = 4, 2, 7
"""Letters at the start that forms of a word share at least, and at the end of the shorter one that may differ (one letter of a long
word): Iran and Iranian, Turkey and Turkish; not Iran and Iraq, Austria and Australia."""
SAME_SHAPE_WORDS = 0.45
"""Share of the shorter headline's words that both have in one order, from which they have one shape: of pairs on different events
of one shape .83 have it and content of their own, of pairs on one event .07."""
MOST_ACTING_WORDS = 4
"""Words from the beginning among which the word for what is done is looked for: "Kurdish fighters hit"."""
BEGINNING_WORDS = 2
"""Words at the start that the parts of a series share."""
MANY_WORDS_IN_ORDER = 0.37
"""The same from which a name or number that the other article lacks is held against one event."""

# --- The same event, by words and by meaning ----------------------------------------------------------------------------
# docs/dedup.md, "Short items". Fitted on 337 pairs of news items within three days, read and labelled for it, on the briefs of the
# mission, and on pairs of headlines; a logistic regression whose signs were held, then rounded.
# python -m bench.stories --data DIR --ours --only mission,headlines,sts,stories

NO_EVENT = -9.0
"""Score of two articles that share nothing that could be an event."""
WORDS_WORTH = 16.0
"""Log-odds of a unit of similarity by words: ecbplus 17, basil 24, vietnamese 23, together with meaning 15 to 17."""
SEMANTIC_WORTH, NEARNESS_COST = 11.6, 12.3
"""Log-odds of a unit of similarity by meaning, and of a unit of nearness to other articles: near to everything is near to
nothing. Without the second F1 is .80 instead of .84 on the labelled pairs, and .48 instead of .58 on the briefs of one language."""
DAY_COST, MOST_DAYS_APART = 2.65, 5.0
"""Log-odds of each day between two short items, and days that count at most: items on one event come within a day."""
SEMANTIC_BASE, ACROSS_BASE = 0.4, 1.0
"""Log-odds that are added to all pairs, and to those of two languages, whose vectors are further apart."""
ACROSS_LEVEL = 0.38
"""Cosine that one article of a story must reach where its nearest is in another language. In a young archive nearness is low
and any two items of one subject would do: of 66 items of one busy day in eleven languages, in six orders, 1,273 joined pairs were
wrong, with it 640, and 559 of 582 right ones joined, before 491. Briefs across languages: 70 of 86, before 68. At .40 an event
of ten outlets becomes two stories."""
HEADLINE_TERMS, TEASER_TERMS, BRIEF_TERMS = 8, 30, 45
"""Terms of a headline alone, of a headline with a line of text, and with a paragraph."""
LENGTH_COST = 0.8
"""Log-odds that a paragraph costs beyond a line of text: the more both say of their subject, the more alike they are by it (pairs
of 25 words fit best with no such cost, the briefs of 50 words with .8)."""
BREVITY_COST, BREVITY_POWER, MOST_BREVITY = 4.6, 1.5, 1.6
"""Log-odds that a headline of `HEADLINE_TERMS` terms alone costs: the fewer the words, the more alike are any two by meaning
(sts_headlines: two headlines on different events .47)."""
BRIEF_DAY_WORTH = 1.0
"""Log-odds by which a day counts less between headlines alone."""
VERY_ALIKE, VERY_ALIKE_WORTH = 0.8, 20.0
"""Similarity by meaning above which two texts say the same in other words, and the log-odds of a unit above it."""
NAME_WORTH, MOST_NAMES, NO_NAME_COST = 0.25, 2, 0.5
"""Log-odds of each name that two items of one language with a line of text have in common, names that count at most, and log-
odds that it costs if both have names and none in common. Of 27,000 pairs of 240 items in one archive 19 were joined wrongly and
36 of 60 rightly before, 16 and 40 with these; pairs of headlines on one event 46 and 48 of 70."""
OTHER_CONTENT_COST, OTHER_NAMES_COST, OTHER_NUMBERS_COST, SWAPPED_COST = 2.3, 2.5, 3.0, 4.0
"""Log-odds that contradictions of headlines cost; `OTHER_NUMBERS_COST` also for another day, `SWAPPED_COST` for swapped roles:
two attacks in opposite directions are the more alike, the more words they share (docs/dedup.md)."""
SERIES_COST, SERIES_NUMBERS_COST, NEXT_OF_SERIES_FROM_FOR = 2.0, 8.0, timedelta(hours=18)
"""Log-odds that one beginning costs from that time on, and other numbers besides: the next day's weather, market or rates. The
first is also what it costs at once with other content and other numbers or names: two exchange rates, two earthquakes of one day
(sts_headlines .84 of those on one event joined, now .83; all other sets as before)."""
TEASER_PROFILE_TERMS = 52
"""Terms from which a profile begins to count as that of a full article; above, words decide."""
FULL_SEMANTIC_WORTH, FULL_SEMANTIC_LEVEL = 8.0, 0.5
"""Log-odds of a unit of similarity by meaning of two full articles beyond that level."""
SEMANTIC_MEMBERS = 30
"""Articles of a story, all but in effect, over which the mean is taken where they are compared by meaning: with three, a chain of
neighbours joins a busy subject (of pairs joined across languages .36 wrong, with all .26)."""
DOUBTING_SHARE, MOSTLY_FULL = 3, 0.5
"""Of short items (those weighed as full articles by less than `MOSTLY_FULL`), one article in so many may, by itself, be more
likely on another event than not (one of fewer, too). Of the briefs of one language that joined, .57 were wrong before, .36 are
with it; across languages .26 and .13. With one in four as with one in three, but an event of ten outlets was two stories; with one
in two .50; with none 5 of 15 are found."""
NEAREST_OTHERS = 5
"""Articles over which nearness is averaged: earlier matches, and the shipped centres of ordinary news."""
OTHERS_BEFORE_FOR = timedelta(hours=36)
"""Time before an article from which matches are no longer on its event, so that they show what is near to everything."""
OTHERS_WITHIN_FOR = timedelta(days=30)
"""How long matches are looked at for that."""

# --- A story's state and its sources ------------------------------------------------------------------------------------
# docs/architecture.md, "Entry, article, story"; set by what people understand by these words, not measured

QUIET_AFTER_FOR = timedelta(hours=48)
"""Time without an article after which a story is quiet; later articles may still join."""
EMERGING_FOR = timedelta(hours=6)
"""Age below which a story is emerging, however many outlets carry it."""
ACTIVE_OUTLETS = 2
"""Outlets from which a story that is no longer young is active."""
PACE_FOR = timedelta(hours=6)
"""Pace is the number of articles, copies left out, within this time."""

# --- The time line of a story -------------------------------------------------------------------------------------------
# docs/dedup.md, "The time line of a story"; chosen by what a page can show, not measured

TIMELINE_CHARACTERS = 5_000
"""Characters read of one text. News is told in its first paragraphs; a page shows a story of hundreds of articles, at two
milliseconds each."""
TIMELINE_TEXTS = 150
"""Texts read of one story: of later ones it is not said what they added."""
TIMELINE_FACTS = 5
"""Numbers and names that are shown of one article."""
TIMELINE_SENTENCE_LENGTH = 240
"""Letters of the sentence that is shown of one article."""

# --- Credits to news agencies -------------------------------------------------------------------------------------------
# tests/stories/test_agencies.py tests the spellings; the limits bound the cost

CREDIT_CHARACTERS, CREDIT_LINES = 600, 4
"""The start of a text in which a dateline is looked for: a byline or the headline may stand above it."""
DATELINE_CHARACTERS = 160
"""Characters of a line within which a dateline must end."""
BYLINE_CHARACTERS = 300
"""Characters read of an author field."""
