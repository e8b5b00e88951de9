"""Every number of matching that was fitted or chosen by measurement, each once: its unit, what it does, where it was measured.

"Model 1" to "Model 7" are the points of "The model" in docs/matching.md; other names in quotation marks are headings there.
The command that follows measures the number: change it here, run the command, and compare with the tables. Numbers without a
command were chosen by what they cost or by what suits readers, and say so.
"""

from __future__ import annotations

import math

# --- scores and thresholds --------------------------------------------------------------------------------------------

SHIFT = 0.01
"""A cosine. Added to score and threshold before they are compared (Model 6; bench/matching.py)."""
THRESHOLD_LEVEL = 0.6
"""A logarithm: the threshold rule's constant is e to this power (Model 6; bench/matching.py), as are the four exponents
below."""
THRESHOLD_LIKENESS_EXPONENT = 0.324
"""Exponent of the article's likeness to the ordinary article: the more ordinary, the higher the threshold (Model 6)."""
LIKENESS_OFFSET = 0.002
"""A cosine. Added to the likeness, so that an article without any still has a threshold (Model 6; bench/matching.py)."""
THRESHOLD_RARITY_EXPONENT = -0.464
"""Exponent of the mean rarity of the article's terms: rare words lower the threshold (Model 6)."""
THRESHOLD_EXAMPLES_EXPONENT = 0.326
"""Exponent of the number of examples: a mean of several lies nearer to everything than one does (Model 6)."""
EXAMPLES_CAP = 6
"""Articles. More examples do not raise the threshold further: beyond it the rule was not measured (Model 6)."""
THRESHOLD_COHERENCE_EXPONENT = 0.862
"""Exponent of the coherence of the topic's examples (Model 6)."""
COHERENCE_FLOOR = 0.1
"""A cosine. Examples that lie further apart count as coherent as this: the rule was not measured below."""
THRESHOLD_CEILING = 0.6
"""Share of the topic's coherence that no threshold passes: what its own examples are like is never lost ("An archive of one
story")."""
FULL_TEXT_FROM = 0.6
"""Share of the threshold from which, up to FULL_LESSON_FROM, an article's own page is worth reading ("When the whole text
pays"; bench/pages.py --tracking)."""

# --- terms of an article ----------------------------------------------------------------------------------------------

ARTICLE_WORDS = 4_000
"""Words of a body that are read: what an article is about stands in its first pages (chosen by cost)."""
TITLE_WEIGHT = 3.0
"""Mentions in the body that one in the title counts for (Model 1; bench/matching.py)."""
START_WORDS = 60
"""Words, title included, with which an article begins: news says first what it is about (Model 1; bench/matching.py)."""
START_WEIGHT = 1.5
"""Times that a term among them weighs more (Model 1; bench/matching.py)."""
NUMBERS_FROM_WORDS = 50
"""Words of an article from which on its numbers begin to weigh more: in two lines they are the day's figures (Model 1;
bench/matching.py)."""
NUMBERS_FULL_AT_WORDS = 200
"""Words of an article from which on its numbers weigh most: dates and counts tell like events apart (Model 1;
bench/matching.py)."""
NUMBER_WEIGHT = 2.0
"""Times that a number weighs more there (Model 1; bench/matching.py)."""
RARITY_EXPONENT = 0.8
"""Exponent of a term's rarity: weights grow more slowly than it (Model 2; bench/matching.py)."""
RARITY_CAP = 12.0
"""A rarity (-log of a share of articles). Rarer terms count as this: beyond, rare is often misspelt (Model 2)."""

# --- what is ordinary -------------------------------------------------------------------------------------------------

WORDS_PER_ARTICLE = 200
"""Words. A word list gives a word's share of all words; as a share of articles this long it is 1 - exp(-share * length)
(Model 2)."""
UNSEEN_WORD_SHARE = 10**-6.5
"""Share of all words of a word beyond the shipped lists: rarer than their last, about one in three million (Model 2)."""
ORDINARY_SAMPLE = 1_000
"""Articles of a language that the ordinary article is the mean of (Model 2; chosen by cost)."""
ORDINARY_TERMS = 3_000
"""Terms of the ordinary article that are kept, heaviest first (Model 2; chosen by cost)."""
ARCHIVE_SAY = 0.35
"""Share that the archive has in a term's rarity at most: alone it makes a running story's own words ordinary, so that the
story is lost ("What did not help"; bench/matching.py)."""
ARCHIVE_HALF_WAY = 100
"""Articles of a language at which the archive has half of its say (Model 2; bench/matching.py)."""
ARCHIVE_ARTICLES = 1_000
"""The latest articles of the archive that are learned from: more at each start cost more than they teach (Model 2)."""
ARCHIVE_CHARACTERS = 2_000
"""Characters of each of their texts (Model 2; chosen by cost)."""
FIRST_MARK = 50
"""Articles in the archive at which it is looked at first; then each time it has doubled (Model 2)."""
REGULAR_MARK = 4_000
"""Articles after which it is looked at again once it has so many (Model 2)."""
SAME_STORY_COSINE = 0.3
"""A cosine. Archived articles as near as this tell one story ("An archive of one story")."""
STORY_TELLINGS = 10.0
"""Articles that all tellings of one story count for at most among a thousand: else a feed that tells one story only makes
its own words ordinary, and its topic loses it ("An archive of one story")."""
FOLDED_NUMBERS = 1 << 10
"""Numbers that an article is folded into to be compared with a thousand others: good to about .03 (chosen by cost)."""
LIKENESS_CAP = 0.06
"""A cosine. No real news is more like the ordinary article; an archive of one story would make it so ("An archive of one
story")."""
NEWS_LIKENESS = 0.02
"""A cosine. Word lists miss what all news shares (days, agencies, "reported"), two-line items above all: an article's
likeness to real news is about this much ... ("Thresholds")"""
LIST_LIKENESS_SHARE = 0.7
"""... plus this share of its likeness to the word list ("Thresholds")."""
EMPTY_RARITY = 4.0
"""Mean rarity of an article without words: that of everyday ones."""

# --- topics -----------------------------------------------------------------------------------------------------------

COUNTER_PUSH = 0.5
"""Share of the counter-examples' mean that is taken off the examples' (Rocchio's gamma against a beta of 1; Model 3)."""
TOPIC_TERMS = 400
"""Terms kept for a topic and language, heaviest first: long seeds end in chance words (Model 3; bench/matching.py)."""
THEME_TERMS = 12
"""Heaviest stems of the seeds that count as what all articles of a topic share (docs/dedup.md)."""
KEY_CHARACTERS = 20_000
"""Characters of a text that tell whether two examples are one (chosen by cost). Changing it changes the versions of
topics."""
SAME_TEXT_COSINE = 0.6
"""A cosine. Two self-training articles as near as this are one in two prints, and teach once ("Prints of one text";
bench/matching.py)."""
SAME_TEXT_TERMS = 10
"""Heaviest terms of which two such prints share at least one: a cheap look before the dear one (chosen by cost)."""

# --- self-training ----------------------------------------------------------------------------------------------------

FULL_LESSON_FROM = 1.3
"""Share of the threshold from which on a match teaches its topic as much as an example does ("Following";
bench/matching.py)."""
PART_LESSON_FROM = 0.75
"""Share of the threshold from which on an article may teach a part of that ("Partial lessons"; bench/matching.py)."""
ANCHOR_FROM = 0.5
"""Least share of the threshold that such an article must reach by seeds and verdicts alone ("Partial lessons";
bench/matching.py)."""
LESSON_WINDOW = 20_000
"""The latest articles whose partial lessons are counted ("Partial lessons"; bench/matching.py)."""
ARTICLES_PER_LESSON = 1_000
"""Articles of the window for each partial lesson ("Partial lessons"; bench/matching.py)."""
SELF_TRAINING_KEPT = 40
"""The latest articles that a topic has taught itself by; older ones are let go ("Partial lessons"; bench/matching.py)."""
SELF_TRAINING_SHARE = 1.0
"""Weight that all of them together have at most, against the seeds ("Following"; bench/matching.py)."""

# --- sensitivity ------------------------------------------------------------------------------------------------------

PRECISE_FACTOR = 1.25
"""What "precise" multiplies the balanced threshold by (Model 6)."""
BROAD_FACTOR = 0.8
"""What "broad" multiplies it by (Model 6)."""
LEAST_FACTOR, MOST_FACTOR = 0.6, 2.0
"""Bounds of what any sensitivity comes to: beyond them the threshold was never measured ("Calibration", Sensitivity)."""
FACTOR_STEP = 0.01
"""Steps in which the factor for a precision is looked for ("Calibration", Sensitivity)."""
TOO_FEW_ALERTS = 0.8
"""Share of the alerts asked for below which it is said that they cannot be had (chosen for readers)."""
RATE_COVERAGE = 0.9
"""How often the range of alerts a day should hold what comes (chosen for readers)."""
RATE_SIGMAS = 1.645
"""Standard deviations of that range where the Poisson interval is as good as normal."""
RATE_NORMAL_FROM = 1_000
"""Alerts from which on it is."""
BOOTSTRAP_DAYS = 7
"""Days from which on their own unevenness widens the range."""
BOOTSTRAP_DRAWS = 2_000
"""Resamples of the days (chosen by cost)."""

# --- calibration ------------------------------------------------------------------------------------------------------

CALIBRATION_VERDICTS = 20
"""Verdicts on different texts that a topic needs before it says a percentage ("Calibration"; bench/matching.py
--calibration)."""
CALIBRATION_OF_EACH = 3
"""Of these, confirmed and dismissed each ("Calibration")."""
CALIBRATION_FOLDS = 5
"""Parts into which verdicts are divided, each judged by a curve fitted on the others ("Calibration")."""
CALIBRATION_GROUPS = 10
"""Groups of topics that are left out in turn ("Calibration"; bench/matching.py --calibration)."""
CURVE_OFFSET, CURVE_OFFSET_SPREAD = 0.0, 2.0
"""Log odds at the threshold: first guess and its standard deviation, from which many verdicts lead away ("Calibration";
bench/matching.py --calibration)."""
CURVE_SLOPE, CURVE_SLOPE_SPREAD = 6.0, 2.0
"""Log odds for each unit of margin: first guess and its standard deviation ("Calibration"; bench/matching.py
--calibration)."""
LEAST_SLOPE = 0.5
"""Log odds for each unit of margin. Verdicts that run against the scores leave the curve as flat as this: it never
falls."""
TOPIC_SPREAD = 1.0
"""Log odds. How far topics' offsets lie apart: a first guess ("Calibration"; bench/matching.py --calibration) ..."""
TOPIC_SPREAD_WEIGHT = 4
"""... that counts as much as so many topics ("Calibration")."""
CURVE_ROUNDS = 8
"""Rounds in which curve and spread are fitted in turn (chosen by cost)."""
FURTHEST_MARGIN = math.log(20.0)
"""A margin. Beyond a twentieth or twenty times the threshold it tells no more ("Calibration")."""
HEAVIEST_VERDICT = 5.0
"""Articles that a judged near miss stands for at most: no single verdict may turn the curve ("Calibration")."""
CALIBRATION_SIGMAS = 2.58
"""Standard deviations (99 %) that a topic's probabilities may miss its verdicts by ("Calibration")."""
CALIBRATION_WORSE = 1.1
"""Times the squared error of always saying the topic's base rate that they may have ("Calibration")."""
LEAST_PROBABILITY, MOST_PROBABILITY = 0.01, 0.99
"""Probabilities. No verdicts of one reader prove more."""
RELIABILITY_BINS = 10
"""Bins of equal width: 0-10 %, ..., 90-100 % ("Calibration"; bench/matching.py --calibration)."""
WILSON_SIGMAS = 1.959964
"""Standard deviations of a 95 % interval."""

# --- near misses ------------------------------------------------------------------------------------------------------

NEAR_MISS_BANDS = (0.5, 0.7, 0.85, 1.0)
"""Edges, as shares of the threshold. Below a half hardly anything is ever wanted ("Calibration", Near misses)."""
NEAR_MISSES_A_DAY = (1.0, 1.0, 2.0)
"""Articles of each band that are kept a day and topic, about ("Calibration", Near misses)."""
NEAR_MISS_DAYS = 14
"""Days that tell how many there usually are ("Calibration", Near misses)."""

# --- across languages -------------------------------------------------------------------------------------------------

EMBEDDED_WORDS = 60
"""Words of the text, after the title: at least as good as the whole of it, and ten times cheaper ("Across languages";
bench/multilingual.py). Whoever changes this or the next raises embedders.READING."""
EMBEDDED_CHARACTERS = 600
"""Room for title and words together, in letters; a Chinese character takes three ("Across languages")."""
EMBEDDING_NUMBERS = 8_192
"""Numbers in a vector at most: more is no answer of an embedder."""
UNIT_LENGTH_OFF = 0.1
"""How far from one the length of a stored vector may be: more is damage."""
EMBEDDING_THRESHOLD = 0.32
"""A cosine, of a balanced topic ("Across languages"; bench/multilingual.py)."""
COLD_RISE = 0.25
"""Share by which it is higher in a language of which no article has been seen: the shipped centre is not quite its own
("Across languages"; bench/multilingual.py)."""
EMBEDDING_LESSON_FROM = 1.2
"""Times its threshold from which on a match teaches its topic what the subject looks like in that language ("Across
languages"; bench/multilingual.py). Of plain cosines: SHIFT is not added, as it was not when this was measured."""
EMBEDDING_LESSONS_KEPT = 20
"""Of a topic in a language, the latest; together they weigh at most as much as its seeds ("Across languages";
bench/multilingual.py)."""
EMBEDDING_PUSH = 0.5
"""Share of the counter-examples' mean that is taken off the examples' ("Across languages")."""
CENTRE_PRIOR = 10
"""Articles of a language that the shipped centre counts for ("Across languages"; bench/multilingual.py)."""
CENTRE_LEAST = 30
"""Articles that must have been seen before anything is scored, where no centre is shipped for the embedder ("Across
languages")."""
CENTRE_PLENTY = 100
"""Articles of a seed's language that are embedded for the sake of its centre ... ("Across languages")"""
CENTRE_ONE_IN = 10
"""... and then one in so many ("Across languages")."""
EMBEDDED_SENTENCES = 12
"""Sentences of an article that are embedded to name the nearest one (chosen by cost)."""

# --- what people are shown --------------------------------------------------------------------------------------------

EVIDENCE_TERMS = 12
"""Terms of a match's evidence (chosen for readers)."""
EVIDENCE_SENTENCE_CHARACTERS = 400
"""Characters; longer sentences are cut for display (chosen for readers)."""
EVIDENCE_SENTENCES = 200
"""Sentences of an article that are looked at for the best one (chosen by cost)."""
EVEN_SENTENCE_WORDS = 12
"""Words at which a sentence is neither short nor long: damps one-word sentences and run-on lists alike."""
MOVED_TERMS = 3
"""Terms named on either side of a comparison of two versions (chosen for readers)."""
LEAST_MOVE = 0.005
"""Of a weight in a vector of length one; a smaller move is the echo of other terms' moves."""
