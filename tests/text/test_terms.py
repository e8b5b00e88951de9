"""Terms: words that mean one thing in two spellings meet, and words that only look alike do not."""

from __future__ import annotations

import pytest

from monitor.text.terms import stem, terms

MEET = """
recognise recognize|recognised recognized|recognising recognizing|recognition recognise|recognition recognize
recognisable recognizable|recognition recognised|recognises recognizes|organise organize|organised organized
organisation organization|organisations organizations|organiser organizer|organisational organizational|realise realize
realisation realization|civilisation civilization|criticise criticize|criticised criticized|apologise apologize
specialise specialize|emphasise emphasize|authorise authorize|authorisation authorization|modernise modernize
modernisation modernization|nationalise nationalize|privatise privatize|privatisation privatization|minimise minimize
maximise maximize|normalise normalize|normalisation normalization|legalise legalize|legalisation legalization|baptise baptize
mobilise mobilize|mobilisation mobilization|stabilise stabilize|destabilise destabilize|demilitarise demilitarize
demilitarisation demilitarization|radicalise radicalize|radicalisation radicalization|sanitiser sanitizer|vaporise vaporize
characterise characterize|prioritise prioritize|summarise summarize|utilise utilize|hospitalised hospitalized
globalisation globalization|colonise colonize|decolonisation decolonization|subsidise subsidize|jeopardise jeopardize
scrutinise scrutinize|terrorise terrorize|industrialised industrialized|synchronise synchronize|analyse analyze
analysed analyzed|analysing analyzing|paralyse paralyze|analysis analyze|paralysed paralyzed|catalyse catalyze|colour color
colours colors|coloured colored|colourful colorful|colouring coloring|discoloured discolored|favour favor|favours favors
favoured favored|favourite favorite|favourites favorites|favourable favorable|unfavourable unfavorable|labour labor
labourer laborer|labours labors|honour honor|honourable honorable|dishonour dishonor|honoured honored|neighbour neighbor
neighbours neighbors|neighbouring neighboring|neighbourhood neighborhood|harbour harbor|harbours harbors|behaviour behavior
behavioural behavioral|misbehaviour misbehavior|rumour rumor|rumours rumors|humour humor|armour armor|armoured armored
armoury armory|vapour vapor|vigour vigor|rigour rigor|valour valor|odour odor|parlour parlor|flavour flavor|flavoured flavored
tumour tumor|tumours tumors|endeavour endeavor|endeavours endeavors|saviour savior|splendour splendor|fervour fervor
candour candor|rancour rancor|clamour clamor|demeanour demeanor|misdemeanour misdemeanor|ardour ardor|defence defense
defences defenses|defenceless defenseless|offence offense|offences offenses|pretence pretense|licence license|licences licenses
licenced licensed|practise practice|practised practiced|practising practicing|centre center|centres centers|centred centered
epicentre epicenter|theatre theater|theatres theaters|amphitheatre amphitheater|metre meter|metres meters|kilometre kilometer
kilometres kilometers|centimetre centimeter|millimetre millimeter|litre liter|litres liters|fibre fiber|fibres fibers
fibreglass fiberglass|sabre saber|calibre caliber|sombre somber|spectre specter|meagre meager|lustre luster|sceptre scepter
manoeuvre maneuver|manoeuvres maneuvers|manoeuvred maneuvered|manoeuvring maneuvering|travelled traveled|travelling traveling
traveller traveler|travellers travelers|cancelled canceled|cancelling canceling|labelled labeled|modelling modeling
signalled signaled|fuelled fueled|counsellor counselor|councillor councilor|marvellous marvelous|jewellery jewelry
jeweller jeweler|skilful skillful|fulfil fulfill|fulfilment fulfillment|enrol enroll|enrolment enrollment|instalment installment
woollen woolen|programme program|programmes programs|catalogue catalog|catalogues catalogs|catalogued cataloged|dialogue dialog
dialogues dialogs|analogue analog|monologue monolog|grey gray|greys grays|aluminium aluminum|sceptic skeptic|sceptical skeptical
scepticism skepticism|sulphur sulfur|plough plow|ploughed plowed|mould mold|mouldy moldy|smoulder smolder|pyjamas pajamas
moustache mustache|judgement judgment|acknowledgement acknowledgment|aeroplane airplane|yoghurt yogurt|artefact artifact
artefacts artifacts|enquiry inquiry|enquiries inquiries|despatched dispatched|advisor adviser|advisors advisers|tsar czar
speciality specialty|ageing aging|cosy cozy|anaesthetic anesthetic|paediatric pediatric|paediatrician pediatrician
orthopaedic orthopedic|haemorrhage hemorrhage|haemoglobin hemoglobin|leukaemia leukemia|anaemia anemia
gynaecologist gynecologist|oestrogen estrogen|foetus fetus|foetal fetal|diarrhoea diarrhea|archaeology archeology
archaeologists archeologists|mediaeval medieval|encyclopaedia encyclopedia|caesarean cesarean|aesthetic esthetic
palaeontology paleontology
"""
APART = """
four for|our or|hour hor|tour tor|pour por|sour sor|flour floor|flour flor|contour contort|detour deter|devour dever|scour score
glamour glamor|velour velor|troubadour troubador|amour amor|paramour paramor|dour door|court cort|source sorce|course corse
journal jornal|mourn morn|enter entre|genre gener|cadre cader|acre acer|massacre massacer|ogre ogger|timbre timber
mediocre mediocer|lucre lucer|euchre eucher|sucre sucker|centre central|center central|century center|theatre theology
metre metro|meter metric|litre literal|litre literature|liter literary|liter literal|fibre fibula|sabre sober|fence fens
hence hens|pence pens|science scenes|absence absent|presence presents|silence silens|violence violens|commence commerce
essence essay|university universe|import importance|imports important|organ organise|organ organize|organ organization
organic organise|author authorise|author authorize|authority authorize|general generalise|general generalize|special specialize
special specialise|capital capitalise|capital capitalize|nation nationalise|nation nationalize|national nationalize
final finalize|legal legalize|normal normalize|minimum minimize|moral moralize|central centralize|penal penalize
formal formalize|formula formulate|character characterize|motor motorize|union unionize|colony colonize|emphatic emphasize
real realize|reality realize|critic criticize|civil civilize|mobile mobilize|personal personalize|local localize|vocal vocalize
hospital hospitalize|radical radicalize|symbol symbolize|summary summarize|wander wonder|import important|advice advise
device devise|price prise|prize prise|size sise|sized side|seize seise|seize cease|rise rice|wise wis|promise premise
promise prom|premise premier|exercise exert|surprise surplus|comprise compress|compromise comprise|enterprise enter
paradise parade|franchise france|merchandise merchant|advertise adverse|revise revive|supervise superb|improvise improve
disguise disgust|noise nose|poise pose|raise race|praise prays|cruise cruse|bruise brush|precise price|concise council
treatise treaty|expertise expert|otherwise other|likewise like|louise louis|denise dennis|elise eliza|maize maze|citizen cite
belize belief|belize belise|capsize cap|capsize capsise|resize resist|downsize down|oversize over|pfizer pfister|fizz fis
quiz quis|wizard wise|horizon horise|bizarre bazaar|pizza pisa|arizona arise|elizabeth elisabeth|check cheque|checks cheques
tyre tired|kerb curb|storey story|council counsel|councillor counsellor|councilor counselor|stationary stationery
principal principle|complement compliment|affect effect|moral morale|personal personnel|desert dessert|loose lose|statue statute
station static|general generous|policy police|polish policy|secret secretary|minister ministry|arm army|war ward|ward warden
bank bankrupt|cap capital|port portrait|part party|art article|new news|state statement|mine minister|tank tanker|grey grew
greyhound grayhound|gray grain|gray gravy|program progress|programmed progress|catalog catalyst|catalogue catalan
dialog diagnosis|dialogue dial|prologue prolong|synagogue synagog|league leag|vague vag|plague plag|colleague college
fatigue fatal|plough plug|mould model|mold moldova|mould mouse|tsar star|tsarnaev czarnaev|chilling chili|chile chili
chilly chili|ageing agency|aging agenda|will wilful|willing wil|recognise reckon|recognition recondition|recognise recon
defence defer|defend defence|defendant defense|offend offence|offer offense|license lice|favour favela|labour laboratory
colour colony|colour column|honour hone|humour human|rumour rum|armour army|harbour hardware|neighbour neither|behave behaviour
valour value|vapour vape|rigour rig|tumour tumble|parlour parliament|odour order|saviour save|advisory advisor
practice practitioner|analysis anal|analyst anally|paralysis parallel|foetus focus|poet pet|aerial arial|canoe cane|caesar cesar
israel isrel|michael michel|shoe she|phoenix phenix|joel jel|goes ges|does des|toe te|haiti hati|maestro mestro
"""


def _pairs(listed: str) -> list[tuple[str, str]]:
    return [tuple(each.split()) for line in listed.split("\n") for each in line.split("|") if each]  # type: ignore[misc]


@pytest.mark.parametrize(("one", "other"), _pairs(MEET))
def test_spelling_variants_are_one_term(one: str, other: str) -> None:
    assert stem(one, "en") == stem(other, "en")


@pytest.mark.parametrize(("one", "other"), _pairs(APART))
def test_words_that_only_look_alike_stay_apart(one: str, other: str) -> None:
    assert stem(one, "en") != stem(other, "en")


def test_there_are_enough_of_both() -> None:
    assert min(len(_pairs(MEET)), len(_pairs(APART))) >= 150


def test_only_english_is_folded() -> None:
    assert terms("labour defence", "fr") != terms("labor defense", "fr")
    assert terms("le centre organise", "fr") == ["le", stem("centre", "fr"), stem("organise", "fr")]
    assert terms("The Labour defence of Grey's theatre", "en") == terms("The Labor defense of Gray's theater", "en")
