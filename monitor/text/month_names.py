"""The names of months in the languages of feeds, in lower case. Arabic letters are spelt as
`publication_dates` spells them: ي and ك.

The words of `stated_days`, by which days in running text are recognised, are among them; here also short and first forms
count, as a date
field holds nothing else. Languages that are missing are read by a library (`publication_dates.read_words`).
"""

from __future__ import annotations

_GREGORIAN = (
    "january jan januar jänner janvier janv januari enero ene gennaio gen janeiro январь января янв"
    " янвоьр січень січня січ"
    " stycznia styczeń sty ocak oca yanvar ιανουαρίου ιανουάριος ιαν ינואר जनवरी يناير جانفي جنوري"
    " ژانويه جانيوري 1月 leden ledna január"
    " ianuarie janeiro tammikuu ğınvar қаңтар জানুয়ারি",
    "february feb februar feber février fevrier févr fév fev februari febrero febbraio fevereiro февраль"
    " февраля фев февр лютий"
    " лютого лют luty lutego lut şubat şub fevral φεβρουαρίου φεβρουάριος φεβ פברואר फ़रवरी फरवरी فبراير"
    " فيفري فروري فبروري فوريه"
    " únor února február februarie helmikuu ақпан ফেব্রুয়ারি",
    "march mar märz mrz mars maart mrt marzo março марта март мар березень березня бер marca marzec mart"
    " μαρτίου μάρτιος μαρ מרץ मार्च مارس مارچ březen března március martie maaliskuu наурыз মার্চ",
    "april apr avril avr april abril abr aprile апрель апреля апр квітень квітня кві квіт kwiecień"
    " kwietnia kwi nisan nis aprel"
    " απριλίου απρίλιος απρ אפריל अप्रैल ابريل أبريل إبريل افريل آوريل اپريل duben dubna április aprilie"
    " huhtikuu сәуір এপ্রিল",
    "may mai mei mayo maggio mag maio май мая травень травня трав maj maja mayıs μαΐου μαΐος μαϊου μάιος"
    " μαϊ μαι מאי मई مايو ماي مه مي"
    " مئي مۍ květen května máj május toukokuu мамыр মে",
    "june jun juni juin junio giugno giu junho июнь июня июн червень червня чер черв czerwiec czerwca"
    " cze haziran haz iyun"
    " ιουνίου ιούνιος ιουν יוני जून يونيو جوان ژوئن جون červen června június iunie kesäkuu маусым জুন",
    "july jul juli juillet juil julio luglio lug julho июль июля июл липень липня лип lipiec lipca lip"
    " temmuz tem iyul"
    " ιουλίου ιούλιος ιουλ יולי जुलाई يوليو جويلية ژوئيه جولاي جولائي červenec července július iulie"
    " heinäkuu шілде জুলাই",
    "august aug août aout augustus augusti agosto ago август августа авг серпень серпня сер серп"
    " sierpień sierpnia sie ağustos ağu"
    " avqust avgust αυγούστου αύγουστος αυγ אוגוסט अगस्त أغسطس اغسطس أوت اوت آگوست اگست اكست اګست srpen"
    " srpna augusztus elokuu тамыз আগস্ট",
    "september sept sep septembre septiembre settembre set setembro сентябрь сентября сен сент вересень"
    " вересня вер wrzesień września"
    " wrz eylül eyl sentyabr σεπτεμβρίου σεπτέμβριος σεπ ספטמבר सितंबर सितम्बर سبتمبر سپتامبر سپتمبر"
    " سپټمبر ستمبر září"
    " szeptember septembrie syyskuu қыркүйек সেপ্টেম্বর",
    "october oct oktober okt octobre octubre ottobre ott outubro out октябрь октября окт жовтень жовтня"
    " жов жовт październik"
    " października paź ekim eki oktyabr οκτωβρίου οκτώβριος οκτ אוקטובר अक्टूबर अक्तूबर أكتوبر اكتوبر"
    " اكتبر اڪتوبر říjen října október"
    " octombrie lokakuu қазан অক্টোবর",
    "november nov novembre noviembre novembro ноябрь ноября ноя нояб листопад листопада лис лист"
    " listopad listopada lis kasım kas"
    " noyabr νοεμβρίου νοέμβριος νοε נובמבר नवंबर नवम्बर نوفمبر نوامبر نومبر noiembrie marraskuu қараша"
    " নভেম্বর",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro декабрь декабря дек"
    " грудень грудня гру груд"
    " grudzień grudnia gru aralık ara dekabr δεκεμβρίου δεκέμβριος δεκ דצמבר दिसंबर दिसम्बर ديسمبر"
    " دسامبر دسمبر ډسمبر prosinec prosince"
    " decembrie joulukuu желтоқсан ডিসেম্বর",
)
_JALALI = (
    "فروردين حمل ورى وري",
    "ارديبهشت ثور غويى غويي",
    "خرداد جوزا غبركولي غبرګولى غبرګولي",
    "تير سرطان چنګاښ چنكاښ",
    "مرداد امرداد اسد زمري زمرى",
    "شهريور سنبله وږى وږي",
    "مهر ميزان تله",
    "آبان ابان عقرب لړم",
    "آذر اذر قوس ليندۍ",
    "دي جدي مرغومي مرغومى",
    "بهمن دلو سلواغه",
    "اسفند حوت كب",
)
# Those of the Levant in one word; `publication_dates` knows those in two.
_LEVANT = {
    "شباط": 2,
    "آذار": 3,
    "اذار": 3,
    "نيسان": 4,
    "ايار": 5,
    "أيار": 5,
    "حزيران": 6,
    "تموز": 7,
    "آب": 8,
    "ايلول": 9,
    "أيلول": 9,
}

# Of the Baltic states and Central Asia, with the endings that they have beside a day.
_MORE = (
    "sausio sausis janvāris janvārī jaanuar jaanuaril январи",
    "vasario vasaris februāris februārī veebruar veebruaril феврали",
    "kovo kovas marts martā märts märtsil марти",
    "balandžio balandis aprīlis aprīlī aprill aprillil апрели",
    "gegužės gegužė maijs maijā mai mail маи",
    "birželio birželis jūnijs jūnijā juuni juunil июни",
    "liepos liepa jūlijs jūlijā juuli juulil июли",
    "rugpjūčio rugpjūtis augusts augustā augustil августи",
    "rugsėjo rugsėjis septembris septembrī septembril сентябри",
    "spalio spalis oktobris oktobrī oktoober oktoobril октябри",
    "lapkričio lapkritis novembris novembrī novembril ноябри",
    "gruodžio gruodis decembris decembrī detsember detsembril декабри",
)

MONTHS = {word: number for number, words in enumerate(_GREGORIAN, 1) for word in words.split()} | _LEVANT
MONTHS |= {word: number for number, words in enumerate(_MORE, 1) for word in words.split()}
JALALI_MONTHS = {word: number for number, words in enumerate(_JALALI, 1) for word in words.split()}
