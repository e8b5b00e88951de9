"""Tuned numbers of matching: each with its unit, its effect, and where it was measured.

"Model 1" to "Model 7" are the points of "The model" in docs/matching.md; other quoted names are headings there. To change a
number, edit it here, run the bench command named after it, and compare with the tables. Numbers without a command were chosen
by cost or for readers, as stated.
"""

from __future__ import annotations

import math

# --- scores and thresholds --------------------------------------------------------------------------------------------

SHARE_OFFSET = 0.01
"""A cosine. Added to score and threshold before they are compared (Model 6; bench/matching.py)."""
THRESHOLD_LEVEL = 0.6
"""A logarithm: the constant factor of the threshold rule is e to this power (Model 6; bench/matching.py), which also fits the
four exponents below."""
THRESHOLD_LIKENESS_EXPONENT = 0.324
"""Exponent of the article's likeness to the ordinary article: ordinary articles have a higher threshold (Model 6)."""
LIKENESS_OFFSET = 0.002
"""A cosine. Added to the likeness, so that an article with none still has a threshold (Model 6; bench/matching.py)."""
THRESHOLD_RARITY_EXPONENT = -0.464
"""Exponent of the mean rarity of the article's terms: rare terms lower the threshold (Model 6)."""
THRESHOLD_EXAMPLES_EXPONENT = 0.326
"""Exponent of the number of examples: the mean of several is closer to every article than one is (Model 6)."""
EXAMPLES_CAP = 6
"""Articles. More examples do not raise the threshold further: the rule was not measured beyond (Model 6)."""
THRESHOLD_COHERENCE_EXPONENT = 0.862
"""Exponent of the coherence of the topic's examples (Model 6)."""
COHERENCE_FLOOR = 0.1
"""A cosine. Less coherent examples are treated as this coherent: the rule was not measured below."""
SENTENCE_STRICTNESS = 0.8
"""Multiplier of the threshold by words of a topic with a sentence, which stands among its examples and is no article. It does not
change scores by meaning ("By words, with a sentence")."""
THRESHOLD_CEILING = 0.6
"""Maximum threshold as a share of the topic's coherence: a topic never misses articles like its own examples ("An archive of
one story")."""
FULL_TEXT_FROM = 0.6
"""Share of the threshold from which, up to SELF_TRAINING_FULL_FROM, an article's own page is fetched ("When the whole text
pays"; bench/pages.py --tracking)."""

# --- terms of an article ----------------------------------------------------------------------------------------------

MAX_ARTICLE_WORDS = 4_000
"""Words of a body that are read: the first pages show what an article is about (chosen by cost)."""
TITLE_WEIGHT = 3.0
"""Number of mentions in the body that one in the title equals (Model 1; bench/matching.py)."""
START_WORDS = 60
"""Words that count as the article's start, title included: news begins with its subject (Model 1; bench/matching.py)."""
START_WEIGHT = 1.5
"""Factor on the weight of terms in the start (Model 1; bench/matching.py)."""
NUMBERS_FROM_WORDS = 50
"""Length of an article, in words, from which its numbers gain weight: in two-line items they are only the day's figures (Model
1; bench/matching.py)."""
NUMBERS_FULL_AT_WORDS = 200
"""Length, in words, from which numbers have full NUMBER_WEIGHT: dates and counts distinguish similar events (Model 1;
bench/matching.py)."""
NUMBER_WEIGHT = 2.0
"""Maximum factor on the weight of numbers (Model 1; bench/matching.py)."""
RARITY_EXPONENT = 0.8
"""Exponent of a term's rarity: weights grow more slowly than rarity (Model 2; bench/matching.py)."""
RARITY_CAP = 12.0
"""A rarity (-log of a share of articles). Rarer terms count as this: beyond it they are often misspellings (Model 2)."""

# --- what is ordinary -------------------------------------------------------------------------------------------------

WORDS_PER_ARTICLE = 200
"""Words. Turns a word's share of all words into its share of articles of this length: 1 - exp(-share * length) (Model 2)."""
UNSEEN_WORD_SHARE = 10**-6.5
"""Share of all words assumed for words not in the shipped lists: below their rarest, about one in three million (Model 2)."""
ORDINARY_SAMPLE = 1_000
"""Articles of a language that the ordinary article is averaged over (Model 2; chosen by cost)."""
ORDINARY_TERMS = 3_000
"""Terms of the ordinary article that are kept, heaviest first (Model 2; chosen by cost)."""
ARCHIVE_WEIGHT = 0.35
"""Maximum weight of the archive in a term's rarity. Alone, the archive would make a running story's own words ordinary, and the
story would be missed ("What did not help"; bench/matching.py)."""
ARCHIVE_HALF_WEIGHT_AT = 100
"""Articles of a language at which the archive has half its maximum weight (Model 2; bench/matching.py)."""
ARCHIVE_ARTICLES = 1_000
"""Latest articles of the archive that are used: more slow every start for little gain (Model 2)."""
ARCHIVE_CHARACTERS = 2_000
"""Characters of each archived text that are used (Model 2; chosen by cost)."""
FIRST_MARK = 50
"""Articles in the archive at which it is used for the first time; then whenever it has doubled (Model 2)."""
REGULAR_MARK = 4_000
"""Once the archive has this many articles, it is read again after each so many more (Model 2)."""
SAME_STORY_COSINE = 0.3
"""A cosine. Archived articles at least this similar tell one story ("An archive of one story")."""
STORY_ARTICLES_CAP = 10.0
"""Maximum total weight of one story's articles among a thousand. Otherwise a feed with a single story makes that story's words
ordinary, and its topic misses it ("An archive of one story")."""
HASHED_DIMENSIONS = 1 << 10
"""Dimensions of hashed vectors, used to compare a thousand articles with each other: cosines are good to about .03 (chosen by
cost)."""
LIKENESS_CAP = 0.06
"""A cosine. No real news is more like the ordinary article, but an archive of one story would make it so ("An archive of one
story")."""
NEWS_LIKENESS = 0.01
"""A cosine. Word lists lack what all news shares (days, agencies, "reported"): until the archive shows it, likeness to real news is
estimated as this ... ("The first day")"""
LIST_LIKENESS_SHARE = 1.15
"""... plus so many times the likeness to the word list ("The first day")."""
UNLISTED_LIKENESS = 0.02
"""A cosine. What it is estimated as in a language without a word list (chosen)."""
EMPTY_RARITY = 4.0
"""Mean rarity of an article without words: that of everyday words."""

# --- topics -----------------------------------------------------------------------------------------------------------

COUNTER_PUSH = 0.5
"""Share of the counter-examples' mean that is subtracted from the examples' mean (Rocchio's gamma, with beta 1; Model 3)."""
TOPIC_TERMS = 400
"""Terms kept for a topic and language, heaviest first: the tail of long seeds is chance words (Model 3; bench/matching.py)."""
THEME_TERMS = 12
"""Heaviest stems of the seeds, taken as what all articles of a topic share (docs/dedup.md)."""
KEY_CHARACTERS = 20_000
"""Characters of a text by which two examples are recognised as the same (chosen by cost). Changing it changes the versions of
topics."""
SAME_TEXT_COSINE = 0.6
"""A cosine. Self-training articles at least this similar are prints of one text and count once ("Prints of one text";
bench/matching.py)."""
FEW_TOPICS = 16
"""Up to so many topics an article is compared with each of their vectors in turn: with five topics that takes two thirds of what
the inverted index takes, with fourteen nine tenths (chosen by cost; bench/article.py, "scores")."""
DENSE_POSTINGS = 8
"""A term that at least one in so many topics has is kept with a weight for each topic (chosen by cost; bench/matching.py
--cost)."""
BOUNDED_FROM = 500
"""Topics from which on only those that can match by their rare terms are scored where matches alone are wanted (chosen by
cost; bench/matching.py --cost) ..."""
BOUNDED_PART = 40
"""... unless they are more than one in so many (chosen by cost)."""
ROUNDING = 1e-9
"""A cosine. More than rounding can add to a score."""
SAME_TEXT_TERMS = 10
"""Two such prints share at least one of this many heaviest terms: a cheap test before the cosine (chosen by cost)."""

# --- self-training ----------------------------------------------------------------------------------------------------

SELF_TRAINING_FULL_FROM = 1.3
"""Share of the threshold from which a match has the weight of a seed in self-training ("Self-training"; bench/matching.py)."""
SELF_TRAINING_PART_FROM = 0.75
"""Share of the threshold from which an article may have a part of that weight ("Partial examples"; bench/matching.py)."""
SELF_TRAINING_ANCHOR_FROM = 0.5
"""Least share of the threshold that such an article must reach by seeds and verdicts alone ("Partial examples";
bench/matching.py)."""
SELF_TRAINING_WINDOW = 20_000
"""Latest articles over which partial examples are counted ("Partial examples"; bench/matching.py)."""
ARTICLES_PER_PARTIAL_EXAMPLE = 1_000
"""Articles of the window for each partial example allowed ("Partial examples"; bench/matching.py)."""
SELF_TRAINING_AGREES_FROM = 0.08
"""Score by meaning, above the level where it neither raises nor lowers, from which on an article may train a topic: the meaning of
the seeds must agree, where articles have embeddings ("Self-training"; bench/aspects.py)."""
SELF_TRAINING_KEPT = 40
"""Latest self-training articles that a topic keeps; older ones are dropped ("Partial examples"; bench/matching.py)."""
SELF_TRAINING_SHARE = 1.0
"""Maximum weight of all of them together, relative to the seeds ("Self-training"; bench/matching.py)."""

# --- sensitivity ------------------------------------------------------------------------------------------------------

PRECISE_FACTOR = 1.25
"""Multiplier of the balanced threshold for "precise" (Model 6)."""
BROAD_FACTOR = 0.8
"""Multiplier of the balanced threshold for "broad" (Model 6)."""
MIN_FACTOR, MAX_FACTOR = 0.6, 2.0
"""Bounds of the multiplier for any sensitivity: the threshold was not measured beyond ("Calibration", Sensitivity)."""
FACTOR_STEP = 0.01
"""Step in which factors are tried for a requested precision ("Calibration", Sensitivity)."""
ALERTS_FLOOR = 0.8
"""Share of the requested alerts; if fewer are to be expected, a note says so (chosen for readers)."""
RATE_COVERAGE = 0.9
"""Probability with which the range of alerts a day should contain the actual rate (chosen for readers)."""
RATE_SIGMAS = 1.645
"""Standard deviations of that range, where the normal approximation is used."""
RATE_NORMAL_FROM = 1_000
"""Alerts from which on it is used in place of the exact Poisson interval."""
BOOTSTRAP_DAYS = 7
"""Days from which the range also allows for uneven days."""
BOOTSTRAP_DRAWS = 2_000
"""Resamples of the days (chosen by cost)."""

FORECAST_HALF_LIFE = 4.0
"""Days after which a day counts half in the mean of the next one. 3, 5 and 7 are within 3 % (docs/matching.md)."""
FORECAST_PRIOR = (0.2, 0.8)
"""Alerts, and days, before anything is known of a topic: the aspects' mean is .28 a day."""
FORECAST_SPREAD_HALF_LIFE = 16.0
"""Days after which a day counts half in how much days differ from what was forecast."""
FORECAST_SPREAD_MOST = 10.0
"""Largest relative variance of a topic's rate: there the interval is widest, and shrinks again above ("Forecast": 3 to no bound
are within .01 of width and score; bench/forecast.py)."""
FORECAST_SPREAD_PRIOR = (0.2, 10.0)
"""Relative variance of a topic's rate, and its weight, before its days have shown any."""

ARRIVALS_DAYS = 30
"""Latest days of the archive from which alerts a day are estimated."""
NEWS_DAYS = 3
"""An article that was published longer than this before it was seen is its feed's backlog and no day's news (chosen)."""
FORECAST_MOST = 100_000
"""No interval of a day goes beyond this count."""
PRODUCT_ROUNDING = 1e-5
"""Products of unit vectors in float32 are within so much of the exact ones, whatever the order and the number of threads."""

# --- drift ------------------------------------------------------------------------------------------------------------

DRIFT_MATCHES = 20
"""Stories whose mean nearness to the topic's sentence and seeds is compared: so many of the first and of the latest."""
DRIFT_FALL = 0.3
"""Share of the first mean by which the latest must have fallen (docs/matching.md, "Drift")."""
DRIFT_SIGMAS = 3.0
"""Standard errors that the fall must exceed, as topics are looked at again and again."""

# --- calibration ------------------------------------------------------------------------------------------------------

CALIBRATION_MIN_VERDICTS = 20
"""Verdicts on different texts that a topic needs before it shows percentages ("Calibration"; bench/matching.py --calibration)."""
CALIBRATION_MIN_OF_EACH = 3
"""Confirmed, and dismissed, verdicts required among them ("Calibration")."""
CALIBRATION_FOLDS = 5
"""Cross-validation folds: each is predicted by a curve fitted on the others ("Calibration")."""
CALIBRATION_GROUPS = 10
"""Groups of topics that are left out in turn ("Calibration"; bench/matching.py --calibration)."""
CURVE_OFFSET, CURVE_OFFSET_SPREAD = 0.0, 2.0
"""Log odds at the threshold: prior mean and standard deviation ("Calibration"; bench/matching.py --calibration)."""
CURVE_SLOPE, CURVE_SLOPE_SPREAD = 6.0, 2.0
"""Log odds per unit of margin: prior mean and standard deviation ("Calibration"; bench/matching.py --calibration)."""
MIN_SLOPE = 0.5
"""Log odds per unit of margin. The least slope, even if verdicts contradict the scores: the curve never falls."""
TOPIC_SPREAD = 1.0
"""Log odds. Prior standard deviation of topic offsets ("Calibration"; bench/matching.py --calibration) ..."""
TOPIC_SPREAD_WEIGHT = 4
"""... which counts as much as this many topics ("Calibration")."""
CURVE_ROUNDS = 8
"""Rounds in which curve and spread are fitted in turn (chosen by cost)."""
MAX_MARGIN = math.log(20.0)
"""A margin. Margins are clipped to this: beyond 1/20 or 20 times the threshold they add nothing ("Calibration")."""
MAX_VERDICT_WEIGHT = 5.0
"""Maximum number of articles that a reviewed near miss represents: no single verdict may turn the curve ("Calibration")."""
CALIBRATION_SIGMAS = 2.58
"""Standard deviations (99 %) by which a topic's probabilities may miss its verdicts ("Calibration")."""
CALIBRATION_MAX_BRIER_RATIO = 1.1
"""Maximum ratio of their Brier score to that of the topic's base rate ("Calibration")."""
MIN_PROBABILITY, MAX_PROBABILITY = 0.01, 0.99
"""Bounds of probabilities: one reader's verdicts prove no more."""
RELIABILITY_BINS = 10
"""Bins of equal width: 0-10 %, ..., 90-100 % ("Calibration"; bench/matching.py --calibration)."""
WILSON_SIGMAS = 1.959964
"""Standard deviations of a 95 % interval."""

# --- near misses ------------------------------------------------------------------------------------------------------

NEAR_MISS_BANDS = (0.5, 0.7, 0.85, 1.0)
"""Band edges, as shares of the threshold. Below half of it hardly anything is wanted ("Calibration", Near misses)."""
NEAR_MISSES_A_DAY = (1.0, 1.0, 2.0)
"""Articles of each band that are kept for each day and topic, approximately ("Calibration", Near misses)."""
MATCH_STRATA = (1.15, 1.4, 2.0)
"""Edges, as shares of the balanced threshold, between matches whose precision is estimated apart (chosen: what is asked about first
ends at about 1.4)."""
NEAR_MISS_DAYS = 14
"""Days over which the usual number is averaged ("Calibration", Near misses)."""

# --- by meaning. Raise semantic_topic.SEMANTIC_REVISION with any of these ------------------------------------------------

EMBEDDED_WORDS = 60
"""Words of the text, after the title: at least as good as the whole text and ten times cheaper ("Across languages";
bench/aspects.py). If you change this or the next, raise embedders.EXCERPT_VERSION."""
EMBEDDED_CHARACTERS = 600
"""Maximum length of title and words together, in letters; a Chinese character counts as three ("Across languages")."""
MAX_EMBEDDING_DIM = 8_192
"""Maximum dimension of an embedding: longer vectors are refused as a faulty answer."""
UNIT_TOLERANCE = 0.1
"""Allowed deviation of a stored vector's length from 1: more is damage."""
SENTENCE_WEIGHT, TITLE_ONLY_WEIGHT, SEEDS_WEIGHT = 0.5, 0.2, 0.3
"""Weights of an article's cosines with the owner's title and sentence together, with the title alone, and with the mean of the
seeds ("Semantic scores"; bench/mission.py, bench/aspects.py)."""
SENTENCE_ALONE_WEIGHT, TITLE_ALONE_WEIGHT = 0.7, 0.3
"""The first two for a topic without seeds ("Semantic scores"; bench/aspects.py)."""
TITLE_AGREES_FROM = 0.25
"""Cosine of a topic's title with its sentence below which the title does not count ("A title that says nothing"; bench/mission.py
--title): 31 titles that fit their sentences reach .34 to .62, twenty that say nothing (Test, Project q3, 2026 112) at most .23."""
CONTRAST_WEIGHT = 0.5
"""Weight of how much less the article is like the archive than articles usually are ("Contrast"; bench/mission.py)."""
CONTRAST_MAX = 0.03
"""Most that this adds: that nothing like it is in the archive makes no article match ("Contrast": .03 and no bound are alike on
both sets, .02 loses .002 of mean average precision)."""
WHOLE_SUBJECT_CONTRAST = 0.06
"""What it is for a topic with a sentence and the sensitivity "broad", and its words never lower a score ("Whole subjects")."""
SUBJECT_SURE_FROM = 0.18
"""Score by the owner's sentence, title and examples alone from which an archived article is sure to be on a whole subject ("Whole
subjects": .16 to .20)."""
SUBJECT_LEVEL = 0.65
"""Likeness to these articles that neither raises nor lowers a score ("Whole subjects": .5 finds more, of which less is right)."""
SUBJECT_LEARNED_WORTH, SUBJECT_LEARNED_MAX = 0.5, 0.15
"""Score for each unit of likeness above that level, and most that is added or taken off ("Whole subjects": .3 to .8)."""
SUBJECT_ARTICLES_HALF = 20
"""Sure articles at which likeness to them has half of its whole weight (chosen)."""
SUBJECT_NEIGHBOURS = 10
"""Nearest sure articles, and nearest others, that an article is compared with ("Whole subjects")."""
SUBJECT_SHIPPED_WORTH = 500
"""Articles that the shipped clusters count as in the mean of other news (chosen: a small archive may be all of one subject)."""
WORDS_WEIGHT = 0.06
"""Score for each unit of the words' margin, in a language that the topic has words in ("Semantic scores"; bench/aspects.py)."""
WORDS_MARGIN_MIN, WORDS_MARGIN_MAX = -2.0, 1.0
"""Margins of words beyond these count as these: words neither decide alone nor forbid ("Semantic scores")."""
SENTENCE_THRESHOLD = 0.26
"""A score, of a balanced topic with a sentence, in every language ("One threshold"; bench/mission.py, bench/aspects.py)."""
SEEDS_THRESHOLD = 0.32
"""A score, of a balanced topic without a sentence, in languages that it has no words in ("Across languages";
bench/aspects.py --sets ru fr)."""
SEEDS_LEVEL = 0.19
"""Score by meaning at which, for a topic with one example and no sentence, meaning neither raises nor lowers what the words say
("Without a sentence"; bench/aspects.py) ..."""
SEEDS_LEVEL_DOUBLED, SEEDS_LEVEL_DOUBLINGS = 0.05, 2
"""... how much higher it is for twice as many examples, and for how many doublings: their mean is nearer to everything ..."""
SEEDS_LEVEL_FULL = 0.26
"""... and how much higher where article and examples are full texts, whose beginnings are more alike ("Without a sentence")."""
SEEDS_GAIN = 2.0
"""Margin by which meaning raises it, for each unit of score above that level ("Without a sentence"; bench/aspects.py)."""
FULL_FROM_WORDS, FULL_AT_WORDS = 40, 120
"""Words from which a text begins to count as a full one, and at which it is one ("Without a sentence")."""
EMBEDDING_PUSH = 0.5
"""Share of the counter-examples' mean that is subtracted from the examples' mean ("Across languages")."""
NEIGHBOURS = 5
"""Nearest earlier articles whose mean similarity tells how ordinary an article is ("Contrast"; bench/mission.py)."""
NEIGHBOUR_CANDIDATES = 60
"""Of so many, those that matched the topic itself are left out (chosen by cost)."""
ORDINARY_ARTICLES = 10_000
"""Latest articles among which neighbours are sought (chosen by cost: 15 MB, and 2 ms an article)."""
ORDINARY_LEVEL = 0.36
"""That mean for ordinary articles in an archive of ORDINARY_REFERENCE articles ("Contrast"; bench/mission.py)."""
ORDINARY_REFERENCE = 4_000
"""Articles of the archive that nearness is told for. Beyond it nothing is taken off: what is added to a large archive is mostly
other news, which brings an article of a busy subject no nearer neighbour ("Contrast"; bench/mission.py)."""
ORDINARY_GROWTH = 0.03
"""By which it grows whenever the archive doubles ("Contrast": .027, .029, .029, .031, .025 from 500 to 16,000 articles)."""
ORDINARY_MEASURED_FROM = 500
"""Smaller archives count as one of so many articles (below, it was not measured), and in proportion to their number beside the
shipped centres ("Contrast"; bench/mission.py: 200 .724 / .847, 500 .786 / .818, 1,000 .783 / .822)."""
SHIPPED_ORDINARY_WORTH = 1_000
"""Articles that the shipped centres of ordinary news are worth, by the nearness that they give ("Contrast")."""
CENTRE_PRIOR = 10
"""Articles by which the centre of a language is drawn towards that of all languages, for an embedder without shipped centres
("Across languages")."""
CENTRE_MIN_ARTICLES = 30
"""Articles required before anything is scored, if no centre is shipped for the embedder ("Across languages")."""
EMBEDDED_SENTENCES = 12
"""Sentences of an article that are embedded to name the nearest one (chosen by cost)."""

# --- answers: what verdicts add to a score by meaning. Raise semantic_topic.SEMANTIC_REVISION with any of the first group ------

ANSWER_SPREAD = 0.17
"""Share of the threshold over which the odds that an article is wanted change by a factor of e ("Answers"; bench/answers.py)."""
ANSWER_LEVEL = -0.7
"""Log odds of an article at the threshold: below even, because among those asked about more are unwanted ("Answers")."""
ANSWERS_BIAS, ANSWERS_LINEAR, ANSWERS_LOCAL = 0.04, 1.1, 1.0
"""Prior standard deviations, as shares of the threshold, of what answers add to every article, to one in their direction, and to
one that is like them ("Answers"; bench/answers.py)."""
ANSWERS_CORRECTION_MAX = 0.55
"""Share of the threshold: most that answers add or take off ("Answers": .3 gives up a third of the gain)."""
ANSWERS_RISE = 0.8
"""Share of what answers add that counts, where it is known what is unwanted: a match too much disturbs ("Answers") ..."""
DISMISSED_FOR_FULL_RISE = 0.2
"""... and the share of dismissed articles among the answers from which on it is known ("Answers"; bench/answers.py)."""
ANSWERED_SHARE_MAX = 3.0
"""Share of the threshold. An answered article that reached more counts as one that reached this."""
ANSWERS_ROUNDS = 30
"""Rounds of Newton's method at most (chosen by cost)."""
ANSWERS_SETTLED = 1e-9
"""Share of the threshold. A smaller step ends them."""
LOG_ODDS_MAX = 30.0
"""Log odds beyond this count as this."""
ASK_AT, ASK_SPREAD = 1.0, 0.22
"""Share of the threshold at which an article is asked about first, and the width of the doubt about it ("Answers")."""
ASK_HALF_LIFE_DAYS = 45.0
"""Days after which an article is worth half as much to ask about: what is to come is like the latest ("Answers")."""
ASKED_AT_RANDOM = 1 / 3
"""Share of the near misses that are asked about in no instructive order, but the latest first: only from these is recall estimated.
They come third, sixth ..."""
ASK_AT_RANDOM_FROM = 20
"""... among the questions of a topic that has so many answers. Its first ones are to repair it, and count for no estimate of recall
("Answers": from 10 on, twenty answers of which two are wrong gain .047 for .056; bench/answers.py)."""
ASK_CANDIDATES = 400
"""Latest articles among which the most instructive ones are sought (chosen by cost)."""

# --- what people are shown --------------------------------------------------------------------------------------------

ABSURD_WEIGHT = 1e9
"""A stored score or part this large is damage, and is not shown (chosen for readers)."""
EVIDENCE_TERMS = 8
"""Words shown for a match (chosen for readers)."""
EVIDENCE_LEAST_SHARE = 0.02
"""Of what the words shown weigh together, the least that one of them weighs (chosen for readers)."""
CONTENT_RARITY = 1.0
"""IDF. A word in more than e^-1 of articles of 200 words says nothing of their subject: *time* (.96), *just* (.93) and *one* (.73)
in English, *года* (.65) in Russian; above it lie *people* (1.10), in Pashto *طالبان* (1.11), in Urdu *حکومت* (1.30)."""
CONTRADICTION_BELOW = 0.15
"""Cosine of a topic's sentence with one of its seeds, below which they contradict each other: 95 % of the 216 clusters of ordinary
news lie below it for both shipped topics; their own seeds reach .41 to .53, and wanted briefs at least .22 (bench/mission.py)."""
EVIDENCE_CANDIDATES = 16
"""Words of a match in another language that are embedded to name those nearest to the topic (chosen by cost)."""
EVIDENCE_SENTENCE_CHARACTERS = 400
"""Maximum length of the displayed sentence, in characters (chosen for readers)."""
EVIDENCE_SENTENCES = 200
"""Sentences of an article that are tried to find the best one (chosen by cost)."""
SENTENCE_LENGTH_OFFSET = 12
"""Words. Added to a sentence's length before dividing by its square root, so that neither one-word sentences nor run-on lists
win."""
COMPARED_TOGETHER = 200
"""Articles that two versions of a topic score as one batch, whose embeddings are asked for together (chosen)."""
SHIFTED_TERMS = 3
"""Terms shown on either side when two versions of a topic are compared (chosen for readers)."""
MIN_SHIFT = 0.005
"""Least change of a weight in a unit vector that is shown; smaller ones are side effects of normalization."""

# --- which articles are embedded where a budget does not allow for all (matching.embedding_gate) ---------------------------

GATE_MARGIN = -2.0
"""Logarithm of a share of the threshold. Margin by words above which an article of an example's language is worth embedding: a
seventh of the threshold. With names, 102 of 107 briefs on the two shipped topics are let through (ru 11 of 13, fa 8 of 8,
ur 7 of 9), and 7 % of ordinary headlines. bench/embedding_gate.py"""
GATE_NAME_CONSONANTS = 4
"""Consonants. Fewest in a name that counts in another alphabet; shorter ones are too often those of another word (chosen, not
measured)."""
