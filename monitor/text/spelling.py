"""English spelling variants, made one before stemming: recognize and recognise, defense and defence, color and colour. Pure.

Of each family the spelling is taken that keeps more apart afterwards: Snowball cuts -ize off (authorize becomes author, organize
almost organ) and leaves -ise, so -ize becomes -ise, and no list of words like *promise* and *rise* is needed. All other families
are closed lists: four and for, hour, cadre and genre, sentence and science stay what they are. Left apart on purpose, as the other
spelling is a common word of its own: cheque and check, tyre and tire, kerb and curb, storey and story.
"""

from __future__ import annotations

import re

_IZE = re.compile(
    r"([a-z]{2,}[bcdfghjklmnpqrstvwxyz])iz(e|ed|es|er|ers|ing|able|ation|ations|ational)|([a-z]*l)yz(e|ed|es|er|ers|ing)"
)
_KEPT_IZE = re.compile(r"(?:cap|re|down|up|over|out|mid|under|super|king|queen)siz.*|apprize.*|belize.*")
_OUR = re.compile(
    r"((?:dis|un|mis|multi|re|en|water|tri|be)?(?:arb|ard|arm|behavi|cand|clam|clang|col|demean|enam|endeav|fav|ferv|flav|harb|hon|"
    r"hum|lab|neighb|od|parl|ranc|rig|rum|savi|sav|splend|succ|tum|val|vap|vig))our"
    r"(s|ed|ing|ings|er|ers|able|ably|al|ally|ful|fully|less|ist|ists|ite|ites|itism|hood|hoods|ly|y|ies|ism|isation|ise|ised)?"
)
_RE = re.compile(
    r"((?:epi|hyper|amphi|kilo|centi|milli|micro|nano|square)?(?:cent|theat|met|fib|sab|calib|somb|spect|meag|lust|och|mit|"
    r"reconnoit|maneuv|sepulch|scept|goit))re(s|d|ly|glass|board)?"
)
_ENCE = re.compile(r"((?:def|off|pret)en|licen)ce(s|d|less|lessness)?")
_PRACTISE = re.compile(r"(mal)?practis(e|ed|es|ing|er|ers)")
_OGUE = re.compile(r"((?:cata|dia|ana|mono|epi|pro|travel)log)ue(s|d|r|rs)?")
# Greek and Latin roots, at the start of a word or after another root.
_DIGRAPHS = (
    ("anaesth", "anesth"), ("paediatr", "pediatr"), ("paedophil", "pedophil"), ("orthopaed", "orthoped"),
    ("encyclopaed", "encycloped"), ("haemo", "hemo"), ("haemato", "hemato"), ("leukaem", "leukem"), ("anaem", "anem"),
    ("septicaem", "septicem"), ("glycaem", "glycem"), ("ischaem", "ischem"), ("gynaecolog", "gynecolog"), ("oestrogen", "estrogen"),
    ("oesophag", "esophag"), ("foetus", "fetus"), ("foetal", "fetal"), ("rrhoea", "rrhea"), ("manoeuv", "maneuv"),
    ("archaeolog", "archeolog"), ("mediaeval", "medieval"), ("palaeo", "paleo"), ("homoeopath", "homeopath"), ("amoeb", "ameb"),
    ("coeliac", "celiac"), ("caesarean", "cesarean"), ("faeces", "feces"), ("faecal", "fecal"), ("oedema", "edema"),
    ("aesthetic", "esthetic"), ("dyspnoea", "dyspnea"), ("apnoea", "apnea"),
)  # fmt: skip
_HAS_DIGRAPH = re.compile("ae|oe")
# Words of families of one: whole beginnings, with what may follow.
_BEGINNINGS = (
    ("aluminium", "aluminum"), ("sceptic", "skeptic"), ("sulph", "sulf"), ("plough", "plow"), ("mould", "mold"),
    ("smoulder", "smolder"), ("moult", "molt"), ("pyjama", "pajama"), ("moustache", "mustache"), ("judgement", "judgment"),
    ("acknowledgement", "acknowledgment"), ("abridgement", "abridgment"), ("jewellery", "jewelry"), ("jeweller", "jeweler"),
    ("aeroplane", "airplane"), ("yoghurt", "yogurt"), ("doughnut", "donut"), ("artefact", "artifact"),
    ("enquir", "inquir"), ("despatch", "dispatch"), ("marvellous", "marvelous"), ("woollen", "woolen"), ("woolly", "wooly"),
    ("counsellor", "counselor"), ("skilful", "skillful"), ("enrolment", "enrollment"),
    ("instalment", "installment"), ("fulfilment", "fulfillment"), ("cypher", "cipher"),
    ("gaol", "jail"), ("speciality", "specialty"), ("specialities", "specialties"), ("orientated", "oriented"),
    ("cosy", "cozy"), ("cosier", "cozier"), ("liquorice", "licorice"),
    ("carburettor", "carburetor"), ("tranquillity", "tranquility"), ("disorientated", "disoriented"), ("storeyed", "storied"),
)  # fmt: skip
_WHOLE = {
    "grey": "gray", "greys": "grays", "greyer": "grayer", "greying": "graying", "programme": "program", "programmes": "programs",
    "advisor": "adviser", "advisors": "advisers", "councillor": "councilor", "councillors": "councilors", "tsar": "czar",
    "tsars": "czars", "tsarist": "czarist", "ageing": "aging", "furore": "furor", "chilli": "chili", "liter": "litre",
    "liters": "litres", "centring": "centering", "manoeuvring": "maneuvering", "reconnoitring": "reconnoitering",
}  # fmt: skip
"""Words of which only these forms have two spellings; *liter* would fall together with *literal*."""
_BEGINS = re.compile("|".join(sorted((british for british, _ in _BEGINNINGS), key=len, reverse=True)))
_BEGIN_AS = dict(_BEGINNINGS)
_STEMS = {"recognit": "recognis", "analysi": "analys", "paralysi": "paralys", "catalysi": "catalys", "skil": "skill"}
"""Stems that English leaves apart though a topic means one thing: to recognise, and recognition."""


_DOUBLED = re.compile(
    r"((?:re)?fuel|duel|dial|trial|equal|victual|initial|total|medal|pedal|cruel|jewel|rival|metal)l(ed|ing|er|ers)"
)
OWN_STEMS = {"important": "important", "importantly": "important", "importance": "important", "morale": "morale"}
"""Words that the stemmer takes for others: imports, and moral."""


def one_spelling(word: str) -> str:
    """The word, lower case, in the spelling that all its variants share."""
    if word in _WHOLE:
        return _WHOLE[word]
    if _HAS_DIGRAPH.search(word):
        for british, american in _DIGRAPHS:
            word = word.replace(british, american)
    if found := _BEGINS.match(word):
        return _BEGIN_AS[found.group()] + word[found.end() :]
    if (found := _OUR.fullmatch(word)) is not None:
        return one_spelling(f"{found[1]}or{found[2] or ''}")
    if (found := _RE.fullmatch(word)) is not None:
        ending = {"d": "ed"}.get(found[2], found[2] or "")
        return f"{found[1]}er{ending}"
    if (found := _ENCE.fullmatch(word)) is not None:
        return f"{found[1]}se{found[2] or ''}"
    if (found := _PRACTISE.fullmatch(word)) is not None:
        return f"{found[1] or ''}practic{found[2]}"
    if (found := _OGUE.fullmatch(word)) is not None:
        return found[1] + {"d": "ed", "r": "er", "rs": "ers"}.get(found[2], found[2] or "")
    if (found := _DOUBLED.fullmatch(word)) is not None:
        return f"{found[1]}{found[2]}"
    return _with_ise(word)


def _with_ise(word: str) -> str:
    found = _IZE.fullmatch(word)
    if found is None or _KEPT_IZE.fullmatch(word):
        return word
    return f"{found[1]}is{found[2]}" if found[1] else f"{found[3]}ys{found[4]}"


def one_stem(stem: str) -> str:
    """The stem that all stems of a family share."""
    return _STEMS.get(stem, stem)
