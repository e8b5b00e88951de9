"""Names of languages, for people: `Hindi` for `hi`. All of ISO 639-1, and what else this program tells apart."""

from __future__ import annotations

from typing import Final

from monitor.text.language import UNKNOWN, normalize

_TABLE = """\
aa:Afar|ab:Abkhazian|ae:Avestan|af:Afrikaans|ak:Akan|am:Amharic|an:Aragonese|ar:Arabic|as:Assamese|av:Avaric|
ay:Aymara|az:Azerbaijani|ba:Bashkir|be:Belarusian|bg:Bulgarian|bh:Bihari|bi:Bislama|bm:Bambara|bn:Bengali|bo:Tibetan|
br:Breton|bs:Bosnian|ca:Catalan|ce:Chechen|ch:Chamorro|ckb:Central Kurdish|co:Corsican|cr:Cree|cs:Czech|
cu:Church Slavic|cv:Chuvash|cy:Welsh|da:Danish|de:German|dv:Divehi|dz:Dzongkha|ee:Ewe|el:Greek|en:English|
eo:Esperanto|es:Spanish|et:Estonian|eu:Basque|fa:Persian|ff:Fulah|fi:Finnish|fj:Fijian|fo:Faroese|fr:French|
fy:Western Frisian|ga:Irish|gd:Scottish Gaelic|gl:Galician|gn:Guarani|gu:Gujarati|gv:Manx|ha:Hausa|he:Hebrew|hi:Hindi|
ho:Hiri Motu|hr:Croatian|ht:Haitian Creole|hu:Hungarian|hy:Armenian|hz:Herero|ia:Interlingua|id:Indonesian|
ie:Interlingue|ig:Igbo|ii:Sichuan Yi|ik:Inupiaq|io:Ido|is:Icelandic|it:Italian|iu:Inuktitut|ja:Japanese|jv:Javanese|
ka:Georgian|kg:Kongo|ki:Kikuyu|kj:Kuanyama|kk:Kazakh|kl:Greenlandic|km:Khmer|kn:Kannada|ko:Korean|kr:Kanuri|
ks:Kashmiri|ku:Kurdish|kv:Komi|kw:Cornish|ky:Kyrgyz|la:Latin|lb:Luxembourgish|lg:Ganda|li:Limburgish|ln:Lingala|
lo:Lao|lt:Lithuanian|lu:Luba-Katanga|lv:Latvian|mg:Malagasy|mh:Marshallese|mi:Maori|mk:Macedonian|ml:Malayalam|
mn:Mongolian|mr:Marathi|ms:Malay|mt:Maltese|my:Burmese|na:Nauru|nd:North Ndebele|ne:Nepali|ng:Ndonga|nl:Dutch|
no:Norwegian|nr:South Ndebele|nv:Navajo|ny:Chichewa|oc:Occitan|oj:Ojibwa|om:Oromo|or:Odia|os:Ossetian|pa:Punjabi|
pi:Pali|pl:Polish|ps:Pashto|pt:Portuguese|qu:Quechua|rm:Romansh|rn:Rundi|ro:Romanian|ru:Russian|rw:Kinyarwanda|
sa:Sanskrit|sc:Sardinian|sd:Sindhi|se:Northern Sami|sg:Sango|si:Sinhala|sk:Slovak|sl:Slovenian|sm:Samoan|sn:Shona|
so:Somali|sq:Albanian|sr:Serbian|ss:Swati|st:Southern Sotho|su:Sundanese|sv:Swedish|sw:Swahili|ta:Tamil|te:Telugu|
tg:Tajik|th:Thai|ti:Tigrinya|tk:Turkmen|tl:Filipino|tn:Tswana|to:Tonga|tr:Turkish|ts:Tsonga|tt:Tatar|tw:Twi|
ty:Tahitian|ug:Uyghur|uk:Ukrainian|ur:Urdu|uz:Uzbek|ve:Venda|vi:Vietnamese|vo:Volapük|wa:Walloon|wo:Wolof|xh:Xhosa|
yi:Yiddish|yo:Yoruba|za:Zhuang|zh:Chinese|zu:Zulu"""
NAMES: Final = dict(each.split(":") for each in _TABLE.replace("\n", "").split("|"))
"""Code -> name."""
_BY_NAME: Final = {name.casefold(): code for code, name in NAMES.items()}
_UNTOLD: Final = "language not known"


def language_name(code: str) -> str:
    """`Hindi` for `hi`; the code itself where it has no name here."""
    known = normalize(code) if code else None
    return _UNTOLD if code in ("", UNKNOWN) else NAMES.get(known or code, code)


def language_code(written: str) -> str | None:
    """The code of a language that somebody wrote as a code (`hi`, `pt-BR`) or by its English name (`Hindi`); None for neither."""
    wanted = written.strip().casefold()
    if wanted in _BY_NAME:
        return _BY_NAME[wanted]
    known = normalize(wanted)
    return known if known in NAMES else None
