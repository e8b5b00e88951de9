"""The numbers by which copies, corrections and stories are told apart: each once, with its unit and what it does.

They were fitted together by measurement. Under each heading stand the section of docs/dedup.md that says what was measured, and
the command that measures it; whoever changes a number runs that command before and after. `python -m bench.stories --data DIR
--ours` runs all sets and leaves the rivals out.
"""

from __future__ import annotations

from datetime import timedelta

# --- Fingerprints and the look-up of candidates -------------------------------------------------------------------------
# docs/dedup.md, "How candidates are found" and "Cost and growth"
# python -m bench.stories --data DIR --ours --only allsides,edits,cost; for bytes and time: python -m bench.stories --growth

FINGERPRINT_KEYS = 24
"""Keys an article; 24 rows of (key, article) cost about 320 bytes on SQLite. Of each hash the lower half is kept: among a hundred
million rows a chance neighbour is met at every second look-up, and the exact check sends it away."""
RUN_WORDS = 4
"""Words in a run. Shorter runs are shared by strangers, longer ones break at every edited word."""
START_DIVISOR, START_RUNS_LEAST, START_RUNS_MOST = 4, 24, 100
"""The start of a text: its first runs, one in `START_DIVISOR` of all, within these bounds."""
MIN_SHARED_KEYS = 2
"""Keys an article must share to be looked at, but see the next two."""
FIRST_KEYS, RARE_POSTINGS = 2, 8
"""One shared key is enough where it is among so many of the smallest and at most so many articles carry it."""
MAX_POSTINGS = 64
"""Articles; a key carried by more of them within the window is boilerplate and proposes nobody."""
MAX_CANDIDATES = 50
"""Articles that are compared with a new one, the likeliest first."""
COPY_WINDOW_DAYS = 30
"""How far back keys, text and title are looked up; guid and URL know no window."""
FINGERPRINT_CHARACTERS = 200_000
"""What is read of a text: a 5 MB article costs no more than a long one, and its start tells what it is."""

# --- Copies -------------------------------------------------------------------------------------------------------------
# docs/dedup.md, "How the choice is made", 2
# python -m bench.stories --data DIR --ours --only allsides,urdu,edits,samesite

COPY_CONTAINMENT = 0.5
"""Share of the smaller text's word runs that makes a copy, if the start agrees. Every tenth word edited leaves .65."""
COPY_CONTAINMENT_OTHER_START = 0.7
"""The same where the starts differ, as when an outlet puts its own lead before the wire's text."""
START_SHARED = 0.25
"""Share of the start of one text that another site's must hold."""
SAME_SITE_START_SHARED = 0.3
"""The same of one site, whose pages share up to .82 in galleries and footers, but at most .26 of their starts, as measured."""
SHORT_WORDS = 14
"""Words; below this a text proves nothing alone: the title must be the same too."""
SAME_TITLE_WORDS = 4
"""Words; a title of fewer ("Live updates") is shared by strangers."""
TEASER_WORDS = 40
"""Words; one site prints the next part of a tale or of a series under the same teaser: the titles must tally."""
TEASER_CONTAINMENT = 0.8
"""`COPY_CONTAINMENT` of texts below `TEASER_WORDS`."""
SHORTER_READING_TIMES = 2
"""A stored text more than so many times as long as a new reading of its article is kept, where that states nothing new."""
ARTICLE_WORDS = 80
"""Words from which one of two texts of a site is an article, whose titles need not tally word for word."""
SHORT_TALE_WORDS = 120
"""Words below which a footer may be longer than the tale."""
ALL_BUT_A_PASSAGE = 0.9
"""Containment below which two texts that each hold a long passage of their own are a template around two tales."""
CONTRADICTING_NUMBERS, SAME_NUMBERS_SHARE = 4, 0.5
"""Where both texts hold so many numbers, this share of the fewer must be in the other text, too, else they are strangers."""
ALL_BUT_FACTS = 0.75
"""Share of all runs of two texts that is left where single facts were corrected."""
CORRECTED_WITHIN_FOR = timedelta(hours=12)
"""Of two such texts of one site under titles that differ in a number, the later one corrects; after that it is the next day's."""
PRINTS_COMPARED = 5
"""Stored prints that a copy is compared with sentence by sentence, the likest ones: a wire's fiftieth print costs no more."""

# --- Boilerplate of a site ----------------------------------------------------------------------------------------------
# docs/dedup.md, "How the choice is made", 2, "Boilerplate is learned"
# python -m bench.stories --data DIR --ours --only allsides,edits,samesite

TEMPLATE_PAGES = 3
"""Pages of one site, each with a passage of its own, that must share a run."""
TEMPLATE_PAGES_COMPARED = 6
"""Pages that are compared; more tell no more."""
TEMPLATE_TEXTS_READ = 12
"""Stored articles that a template is looked for in."""
OWN_PASSAGE_RUNS = 15
"""Runs of a passage of one's own, by which pages of a site are told from copies of one text."""
OWN_PASSAGE_RUNS_OF_TWO = 30
"""The same where only two pages speak: every tenth word edited leaves none so long."""
STRANGER_PASSAGE_RUNS = 8
"""The same of pages that may stand on several sites and share a template."""
AROUND_PASSAGE_RUNS = 8
"""Runs on either side of a passage that texts of two sites must share for it to stand inside a template."""

# --- Changes and corrections --------------------------------------------------------------------------------------------
# docs/dedup.md, "What is a material change"
# python -m bench.stories --data DIR --ours --only bbc,allsides,edits

COMPARED_CHARACTERS = 100_000
"""What is read of a version."""
COMPARED_SENTENCES = 200
"""Sentences without a counterpart that are compared with one another, on each side."""
SAME_SENTENCE = 0.4
"""Share of all words of two sentences from which one became the other."""
REWORDED_SENTENCE = 0.5
"""The same, from which a copy's new number or quote took another's place in it."""
SAME_WORDING = 0.7
"""The same, from which it is one sentence with other names or fewer numbers."""
READING_WORDS, READING_TIMES = 60, 3
"""A version below so many words beside one of so many times its length is a teaser: read otherwise, not written otherwise."""
NEGATED_WORDS = 4
"""Words in which two sentences may differ at most for a negation between them to count."""
NAMELESS_WORDS = 4
"""Words that a sentence must have besides its names to be the same but for them."""
TOLD_WORDS = 6
"""A line of fewer words tells nothing: "Slideshow (21 images)"."""
QUOTE_WORDS = 3
"""Words from which what stands between quotation marks is a quote."""
SPELLING_LETTERS = 6
"""Letters from which two words can be one in two spellings: Iran and Iraq differ by one letter."""
TITLE_CASE_WORDS = 3
"""Words of four letters or more that a headline must have for Title Case to be told."""
COMPARED_TITLE_CASE = 0.6
"""Share of these with a capital above which a headline of two that are compared is in Title Case."""

# --- Profiles: what an article is told by -------------------------------------------------------------------------------
# docs/dedup.md, "Stories: the same event in other words"
# python -m bench.stories --data DIR --ours --only stories

LOOK_UP_TERMS = 12
"""The heaviest terms of a profile: those it is found by."""
PROFILE_TERMS = 64
"""Terms of a profile. Keeping them all decides no better, and cost would grow with the text."""
PROFILE_WORDS, PROFILE_CHARACTERS = 300, 3_000
"""What is read of an article, its headline included in the words."""
TELLING_RARITY = 3.5
"""Rarity from which a word tells something: about one article in thirty carries it."""
MOST_RARITY = 12.0
"""Rarity above which words are alike rare."""
RARITY_POWER = 0.8
"""To which rarity is raised to become a weight."""
COUNT_SATURATION = 1.2
"""How soon saying a word again stops to count: after so many times it weighs half of the most it can (BM25's k1)."""
START_WORDS, START_WEIGHT = 60, 1.5
"""A word among so many of the first, headline included, weighs so many times as much."""
NAME_WEIGHT = 1.25
"""What a name weighs more than another word."""
NUMBER_WEIGHT = 2.0
"""What a number weighs more than a word."""
TOPIC_TERM_WEIGHT = 0.2
"""What is left of a word that every article of its topic carries."""
PAIR_WEIGHT, PAIR_RARITY_FROM, PAIR_RARITY_LESS = 0.7, 9.0, 6.0
"""Two neighbouring words count as a pair if their rarities add up to more than the second; it weighs as a word of that rarity less
the third, times the first."""
KNOWN_WORDS = 3_000
"""A language of whose words fewer are known has no rarity to go by: nothing joins in it."""
LEAD_WORDS, LEAD_CHARACTERS = 60, 600
"""The lead, in which numbers, places and days are marked."""
LEAD_DAYS = 4
"""Days of the lead that are kept, those nearest to the article's own first."""
PROFILED_TITLE_CASE = 0.7
"""Share of a headline's longer words with a capital above which it is in Title Case."""

# --- Joining a story ----------------------------------------------------------------------------------------------------
# docs/dedup.md, "Stories: the same event in other words"
# python -m bench.stories --data DIR --ours --only stories

JOIN_LIKENESS = 0.23
"""From which an article joins: cosine of profiles, less what time takes off it, the mean of the story's nearest, less what
rival names cost."""
NEAREST_MEMBERS = 3
"""Articles of a story, the likest, whose mean decides."""
GATHER_LIKENESS = 0.24
"""`JOIN_LIKENESS` from which a small story told apart before is gathered in, each of its articles being asked."""
MOST_GATHERED = 4
"""Articles, copies not counted, of a story that may be gathered."""
SHORT_PROFILE_MORE = 0.1
"""What is added to a limit for the share of a full profile's terms that a short article lacks: two headlines share a few rare
words by chance."""
MIN_LOOK_UP_TERMS = 2
"""Of the terms an article is found by, how many must be shared for a comparison."""
MAX_KINDRED = 12
"""Profiles that one article is compared with."""
STORY_WINDOW_FOR = timedelta(days=14)
"""An event that nobody wrote of for longer is over; what follows is told anew."""
DAY_FACTOR = 0.9
"""What is left of a likeness for each day between two articles beyond the first."""
MIN_SHARED_WORDS = 3
"""Different telling words that must be shared: of two headlines one rare name makes half the likeness. Twice as many, where the
script has no capitals to tell names by."""
MIN_HEADLINE_WORDS = 2
"""Of these, words of both headlines that must be shared where no name is."""
MIN_TERMS_WITHOUT_CAPITALS = 16
"""Terms (stems and pairs) that an article in a script without capitals must have: "最新消息", "点击查看" have ten."""
THEME_FROM, THEME = 24, 64
"""A term carried by so many articles within the window begins to be a theme, and is one: it tells no event."""
RIVAL_NAMES_COST = 0.5
"""What is taken off a likeness for the share of a profile that is rival names."""
STORY_NAME_SHARE = 0.6
"""Share of a story's articles that must carry a name for it to be the story's."""
SHARED_NUMBER_FACTOR, CONFLICT_FACTOR = 1.15, 0.85
"""What is done to a likeness where both leads have numbers and share one; where they have numbers, or places, and share none.
A shared place is no gain: many events of a topic have one."""
OTHER_HEADLINE_NUMBER_FACTOR = 0.5
"""The same where both headlines have numbers and share none: "23 new cases" is another event than "14 new cases"."""
OTHER_DAYS_FACTOR, OTHER_PAST_DAYS_FACTOR = 0.0, 0.7
"""The same where both leads state days, none near one of the other's: days near the articles' own, and days long past."""
DAYS_APART = 3
"""Days from which two stated dates are different ones: that of the event and that of the report lie side by side."""
DAYS_NEAR = 60
"""Days around its own date within which an article speaks of the event, mostly; beyond, of what went before it."""

# --- Stories across languages -------------------------------------------------------------------------------------------
# docs/dedup.md, "Across languages": fitted by reading pairs, for which there is no command

ACROSS_LIKENESS = 0.5
"""From which two matches of one topic in different languages tell one event: cosine of their vectors, each off the centre of its
language. Their common topic is the second signal."""
ACROSS_FOR = timedelta(hours=48)
"""So near to each other they must have been published: what is said of an event a week on is like any other thing said of it."""

# --- A story's state and its sources ------------------------------------------------------------------------------------
# docs/architecture.md, "What is an entry, an article, a story"; set by what people understand by these words, not measured

QUIET_AFTER_FOR = timedelta(hours=48)
"""Nothing came for so long: what follows may still join, but nobody waits for it."""
EMERGING_FOR = timedelta(hours=6)
"""So young a story is still coming together, whoever carries it."""
ACTIVE_OUTLETS = 2
"""Outlets from which a story that is no longer young is active."""
PACE_FOR = timedelta(hours=6)
"""Pace is articles, copies apart, within so long."""

# --- Credits to news agencies -------------------------------------------------------------------------------------------
# tests/test_wires.py holds the spellings; the limits are of cost: where a credit can stand

CREDIT_CHARACTERS, CREDIT_LINES = 600, 4
"""The start of a text in which a dateline is looked for: a byline or the headline may stand above it."""
DATELINE_CHARACTERS = 160
"""Characters of a line in which a dateline begins and ends."""
BYLINE_CHARACTERS = 300
"""What is read of an author field."""
