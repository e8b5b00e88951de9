"""Words that carry grammar and no subject, in the languages most often read: they are never shown as what made an article match.

Rarity alone cannot tell them: *against* is as rare in English news as *government* (`matching.background`). Every list holds
articles, pronouns, prepositions, conjunctions, auxiliary verbs, adverbs of time and degree, and the verbs of reporting.
"""

from __future__ import annotations

from functools import cache

from monitor.text.tokens import tokens

_WORDS = {
    "en": """a an the this that new next last taking giving give given gave afterwards afterward these those such each every either
        neither any some all both no none one another other others own same i me my mine myself we us our ours
        ourselves you your yours yourself he him his himself she her hers herself it its itself they them their theirs
        themselves who whom whose which what whatever whoever somebody someone something anybody anyone anything
        everybody everyone everything nobody nothing here there where when why how whether while and or but nor so yet
        for if then than because since unless until although though as at by in into of off on onto out over to from
        with within without about above across after against along among amid around before behind below beneath
        beside besides between beyond despite down during except inside near outside past per regarding through
        throughout toward towards under up upon via amongst am is are was were be been being do does did done doing
        have has had having can could may might must shall should will would ought need cannot get gets got getting
        let lets make makes made making take takes took taken come comes came go goes went going not don doesn didn
        isn aren wasn weren won wouldn couldn shouldn hasn haven hadn ll re ve also just only even still again ever
        never always often already now today yesterday tomorrow soon later once twice first very too more most much
        many less least few several enough quite rather almost nearly about however therefore thus hence meanwhile
        moreover perhaps maybe indeed instead otherwise like well back away around further ago say says said saying
        tell tells told according ask asks asked mr mrs ms dr two three""",
    "de": """der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner dieser diese dieses diesen
        diesem jener jede jeder jedes jeden alle allen aller alles andere anderen anderer beide beiden einige einigen
        mehrere manche viele vielen ich mich mir mein meine wir uns unser unsere du dich dir dein ihr ihre ihren ihrem
        ihrer euch er ihn ihm sein seine seinen seinem seiner sie es man sich wer wen wem was welche welcher welches
        selbst und oder aber denn sondern doch wenn weil dass daß ob als wie obwohl während bevor nachdem damit sowie
        sowohl an am auf aus bei beim bis durch für gegen hinter in im ins mit nach neben ohne seit trotz über um
        unter von vom vor wegen zu zum zur zwischen gegenüber innerhalb außerhalb bin bist ist sind war waren sein
        gewesen wird werden wurde wurden worden geworden habe hat haben hatte hatten gehabt kann können konnte konnten
        könnte muss müssen musste soll sollen sollte sollten will wollen wollte wollten darf dürfen mag möchte lassen
        nicht nur auch noch schon so sehr mehr weniger meist immer wieder nie hier dort da dann nun jetzt heute
        gestern morgen bereits etwa rund eher fast ganz zudem jedoch daher deshalb dabei dazu davon darauf daran
        damals wo warum sagte sagt sagen laut""",
    "fr": """le la les l un une des du de d au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs
        je me moi tu te toi il elle on nous vous ils elles lui eux se soi y en qui que quoi dont où lequel laquelle
        lesquels quel quelle quels quelles tout toute tous toutes autre autres même mêmes aucun aucune chaque
        plusieurs quelques certains certaines et ou mais donc or ni car si comme quand lorsque puisque parce afin
        alors ainsi à dans par pour sur sous avec sans vers chez entre contre depuis pendant avant après jusque jusqu
        dès hors selon malgré être est sont était étaient été sera seront serait soit fut suis ai as a avons avez ont
        avait avaient aura aurait eu avoir fait faire peut peuvent pouvait doit doivent va vont ne n pas plus moins
        très trop aussi encore déjà toujours jamais ici là hier demain bien peu beaucoup notamment cependant qu s c j
        m t dit déclaré""",
    "es": """el la los las un una unos unas lo al del de este esta estos estas ese esa esos esas aquel aquella mi mis tu tus su sus
        nuestro nuestra nuestros vuestro yo me tú te él ella ello nosotros vosotros ellos ellas le les se sí nos os
        que quien quienes cual cuales cuyo cuya donde cuando como cuanto todo toda todos todas otro otra otros otras
        mismo misma ningún ninguna algún alguna algunos cada varios y e o u pero sino ni si porque pues aunque
        mientras a ante bajo con contra desde durante en entre hacia hasta mediante para por según sin sobre tras ser
        es son era eran fue fueron sido sea será serán sería está están estaba estado estar ha han había habían haber
        hay hubo puede pueden podría debe deben tiene tienen tenía hace hacer va van no más menos muy mucho muchos
        poco tan tanto también ya aún todavía siempre nunca aquí allí ahora hoy ayer así dijo dice""",
    "it": """il lo la i gli le l un uno una del dello della dei degli delle al allo alla ai agli alle dal dallo dalla dai dagli
        dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle questo questa questi queste quello
        quella quelli quelle mio mia tuo suo sua suoi sue nostro nostra vostro loro io mi me tu ti te lui lei noi ci
        voi vi si sé che chi cui quale quali dove quando come quanto tutto tutta tutti tutte altro altra altri altre
        stesso stessa nessuno alcuni ogni e ed o ma se perché mentre né a ad con contro da di in per su tra fra dopo
        prima durante senza verso secondo essere è sono era erano sia stato stata stati fu sarà avere ho ha hanno
        aveva avevano può possono deve devono viene fa fare non più meno molto poco anche già ancora sempre mai qui
        ora oggi ieri così detto dice""",
    "pt": """o a os as um uma uns umas do da dos das no na nos nas ao à aos às pelo pela pelos pelas de este esta estes esse essa
        isso isto aquele aquela meu minha teu seu sua seus suas nosso nossa eu me mim tu te você vocês ele ela nós
        eles elas lhe lhes se que quem qual quais cujo onde quando como quanto todo toda todos todas outro outra
        outros outras mesmo mesma nenhum algum alguns cada vários e ou mas nem porque pois embora enquanto em com
        contra desde durante entre para per por segundo sem sob sobre até após antes ser é são era eram foi foram sido
        será seria está estão estava estar há tem têm tinha ter havia pode podem deve devem vai vão faz não mais menos
        muito pouco também já ainda sempre nunca aqui agora hoje ontem assim disse diz""",
    "nl": """de het een dit dat deze die mijn jouw zijn haar hun ons onze ik me mij je jij u hij hem zij ze wij we jullie wie wat
        welke waar wanneer hoe alle alles ander andere anderen beide elke ieder geen enkele en of maar want omdat als
        dan toen terwijl hoewel aan bij door in met na naar om onder op over per sinds te tegen tot tussen uit van
        vanaf voor zonder ben bent is was waren geweest wordt worden werd werden heb hebt heeft hebben had hadden kan
        kunnen kon moet moeten moest zal zullen zou zouden wil willen gaat gaan niet meer minder veel ook nog al weer
        nooit altijd hier daar nu vandaag gisteren zo zeer er zegt zei""",
    "ru": """и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было вот от меня еще
        ещё нет о об из ему теперь когда даже ну ли если уже или ни быть был была были будет будут есть него до вас
        нибудь опять уж вам ведь там потом себя ничего ей может могут мог они тут где надо ней для мы тебя их чем сам
        сама сами чтоб чтобы без будто чего раз тоже себе под ж тогда кто этот эта эти этого этой этих этому этом это
        того той тех тот та те потому какой какая какие какого совсем ним здесь один одна одно одного почти мой моя
        тем нее неё сейчас куда зачем всех всё всего никогда можно при наконец два об другой другие других хоть после
        над больше тот через эти нас про них много разве три перед иногда лучше чуть нельзя такой такая такие таких
        более всегда конечно между также однако который которая которое которые которого которой которых которым
        которую свой своя свои своего своей своих своим наш наша наши ваш или либо пока хотя около против среди вместо
        во время сегодня вчера завтра сказал сказала заявил заявила заявили сообщил сообщила сообщили сообщает отметил""",
    "uk": """і й та в у не що він на я з зі із як а то все вона так його але ти до же ви за би по тільки її мені було від мене ще
        ні о про коли навіть чи якщо вже або бути був була були буде будуть є там потім себе нічого може можуть вони
        тут де для ми тебе їх сам щоб без тоді хто цей ця ці цього цьої це того тієї тих той та ті тому який яка які
        якого яких свій своя свої своїх наш ваш під над при після через між також проте однак хоча проти серед
        сьогодні вчора завтра заявив заявила повідомив повідомляє сказав""",
    "ar": """في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين اللذين ما لا لم لن ان أن إن أنه انه إنه أنها كان كانت يكون
        تكون قد وقد هو هي هم هن نحن أنا انت بعد قبل بين حتى عند عندما منذ خلال حول ضد أو او و ثم بل لكن إذا اذا كما كل
        بعض غير أي أيضا ايضا حيث بها به فيه فيها منه منها عليه عليها له لها لهم قال قالت وقال وقالت أمام تحت فوق دون
        لدى اليوم أمس كيف لماذا متى هناك هنا ليس ليست سوف""",
    "fa": """و در به از که این آن را با است برای بر تا هم یا هر اگر اما ولی نیز پس چون چه کسی ما من او شما آنها آنان ایشان وی خود
        خویش یک دو سه همه هیچ دیگر بین میان روی زیر پیش بعد قبل طی طبق علیه بدون باید شاید شد شده شود شوند شدند می نمی
        کرد کرده کند کنند کردند کردن بود بوده بودند باشد باشند هست هستند نیست داد داده دارد دارند داشت داشته خواهد
        خواهند گفت گفته گوید اند ای ها های هایی تر ترین چند بسیار بیشتر کمتر اکنون امروز دیروز فردا همین همان چنین
        همچنین حال اینکه آنچه جهت توان تواند توانند""",
    "ps": """د په او چې چی یې یی له ته کې کی سره څخه خخه نه هم یو یوه دا دغه هغه هغوی دوی زه موږ تاسو خپل خپله خپلو شو شوی شوې شوه
        شي شی وي وی دي دی ده وو وه و کړ کړی کړې کړي کوي کوی کړه کول تر لپاره پر باندې وړاندې وروسته مخکې بیا که خو ځکه
        نو هر ټول نور ډېر لا اوس نن پرون ویلي ویلی وایي ووې ویل کېږي شول به را ور""",
    "ur": """کا کی کے کو میں سے نے پر اور ہے ہیں تھا تھی تھے یہ وہ اس ان جو جس جن کہ تو بھی ہی نہیں نہ ایک ہو ہوا ہوئی ہوئے ہوں
        ہونے ہوتا ہوتی ہوتے گا گی گے گیا گئی گئے کر کرنے کرتے کرتا کیا کیے کریں لیے لئے ساتھ بعد پہلے دوران تک طرف
        درمیان خلاف بارے اپنے اپنی اپنا ہم آپ میں وہاں یہاں جب تب اگر مگر لیکن یا کوئی کچھ سب تمام دوسرے رہا رہی رہے
        دیا دی دیے جا جاتا جاتی والے والی والا کہا کہنا آج کل""",
    "hi": """का की के को में से ने पर और है हैं था थी थे यह वह इस उस इन उन जो जिस जिन कि तो भी ही नहीं न एक हो हुआ हुई हुए होने
        होता होती होते गा गी गे गया गई गए कर करने करते करता किया किए लिए साथ बाद पहले दौरान तक ओर बीच खिलाफ बारे अपने
        अपनी अपना हम आप वहां यहां जब तब अगर लेकिन या कोई कुछ सब सभी दूसरे रहा रही रहे दिया दी जा जाता जाती वाले वाली
        वाला कहा आज कल""",
    "tr": """ve bir bu şu o da de ile için gibi kadar daha çok en ama fakat ancak veya ya ki ne mi mı mu mü ise her hiç bazı tüm
        bütün diğer kendi ben sen biz siz onlar onun bunun olan olarak oldu olduğu olduğunu olacak olmak olması var
        yok değil dedi söyledi sonra önce göre karşı üzere arasında tarafından bugün dün şimdi artık bile hem""",
}  # fmt: skip


def is_function_word(word: str, language: str) -> bool:
    """Whether a folded word (`text.tokens`) carries no subject in its language; a single letter of an alphabet never does."""
    return all(
        part in _listed(language) or (len(part) == 1 and part.isalpha() and not _is_ideograph(part))
        for part in word.split("'")
    )


def _is_ideograph(letter: str) -> bool:
    return "\u3040" <= letter <= "\u9fff"


@cache
def _listed(language: str) -> frozenset[str]:
    """The words as `text.tokens` folds them. Where the language is unknown, those of English."""
    return frozenset(tokens(_WORDS.get(language, _WORDS["en"] if language in ("", "und") else "")))
