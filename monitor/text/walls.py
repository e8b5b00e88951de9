"""Recognise walls: consent, paywall, login and robot-check pages served instead of an article. Pure.

In a short text one strong pattern (a phrase that articles do not use of themselves) or three weak ones are enough. Longer texts,
as consent pages are, need several, since an article may well mention cookies, subscriptions or captchas.

Each pattern stands below the words without which it cannot be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitor.text.signs import Sign, lower
from monitor.text.tokens import word_count

SHORT_WALL_WORDS = 120
"""Longer texts may mention cookies or subscriptions without being a wall."""
_LONG_WORDS = 700
_SAMPLE_CHARS = 6000

_STRONG = (
    # robot checks
    (
        "and cookies|and disable any ad",
        r"enable javascript and cookies to continue"
        r"|(?:enable|turn on) (?:js|javascript) and (?:disable any ad ?blocker|cookies)",
    ),
    (
        "site connection is secure|browser before accessing|ddos protection by|just a moment",
        r"checking (?:if the site connection is secure|your browser before accessing)|ddos protection by"
        r"|^just a moment\b",
    ),
    (
        "you are human|you are a human|you are not a|you are a not a|are you a robot?|m not a robot",
        r"(?:verify(?:ing)?|confirm|prove) (?:that )?you are (?:a )?(?:human|not a (?:ro)?bot)"
        r"|are you a robot\?|i['’]m not a robot",
    ),
    (
        "cloudflare|ray id: ",
        r"performance (?:&|and) security by cloudflare|attention required! \| cloudflare|\bray id: [0-9a-f]{8}",
    ),
    (
        "captcha|hold to confirm",
        r"(?:complete|solve) (?:the|this) (?:re)?captcha|press (?:&|and) hold to confirm",
    ),
    (
        "t have permission to access |access to this page has been denied",
        r"you don['’]t have permission to access .{0,200} on this server|access to this page has been denied",
    ),
    (
        "unusual activity|unusual traffic",
        r"unusual (?:activity|traffic) (?:has been detected )?from your (?:computer|network|device|ip)",
    ),
    (
        "kein roboter|pas un robot|no soy un robot|non sono un robot|não sou um robô",
        r"dass sie kein roboter sind|ich bin kein roboter|je ne suis pas un robot|no soy un robot"
        r"|non sono un robot|não sou um robô",
    ),
    (
        "не робот|вашего браузера|что запросы отправляли вы",
        r"что вы не робот|я не робот|проверк[аи] вашего браузера|что запросы отправляли вы",
    ),
    (
        "我不是|请完成|人机验证|ロボットではありません|من ربات نیستم|أنا لست ",
        r"我不是(?:机器人|機器人)|请完成(?:安全)?验证|人机验证|ロボットではありません|من ربات نیستم|أنا لست (?:برنامج )?روبوت",
    ),
    # paywalls and logins
    (
        "to continue reading|to keep reading|to read more|to read the ",
        r"subscribe (?:now )?to (?:continue|keep) reading"
        r"|(?:subscribe|register|sign up) (?:now )?to read (?:more|the (?:full|rest))",
    ),
    (
        "to continue reading|to keep reading",
        r"to (?:continue|keep) reading,? (?:this article,? )?(?:please )?(?:subscribe|log ?in|sign ?in|register|create)",
    ),
    (
        "article is |content is |story is ",
        r"(?:this|the full|the rest of this) (?:article|content|story) is (?:only )?(?:for|available (?:only )?to|reserved for"
        r"|exclusive to|exclusively for) (?:our )?(?:paying |paid |premium |registered )?(?:subscribers|members)",
    ),
    (
        "subscriber?|member?|you have reached your ",
        r"already (?:a|an) (?:\w+ )?(?:subscriber|member)\?|you have reached your (?:free )?(?:article )?limit",
    ),
    (
        "in to read|in to continue|register to |subscribe to |sign up to |signup to |create an account to ",
        r"(?:log|sign) ?in (?:or (?:register|subscribe|sign ?up|create an account) )?to (?:read|continue)\b",
    ),
    (
        "aux abonnés|à nos abonnés|il vous reste |connectez-vous pour |abonnez-vous pour ",
        r"réservée?s? (?:aux|à nos) abonnés|il vous reste \d+ ?% de cet article"
        r"|(?:connectez|abonnez)-vous pour (?:lire|continuer)",
    ),
    (
        "weiterlesen|anmelden",
        r"weiterlesen mit .{0,40}abo|anmelden,? um (?:weiterzulesen|den artikel)"
        r"|mit (?:einem )?abo .{0,30}weiterlesen",
    ),
    (
        "exclusivo para |sesión para |suscríbe|faça login para |assine para ",
        r"exclusivo para (?:suscriptores|assinantes)|(?:inicia|inicie) sesión para (?:leer|continuar|seguir)"
        r"|suscríbe(?:te|se) para (?:seguir|continuar|leer)|(?:faça login|assine) para (?:continuar|ler)",
    ),
    (
        "per continuare|per leggere|gli abbonati|om verder te lezen|om dit artikel te lezen",
        r"(?:accedi|abbonati|registrati) per (?:continuare|leggere)|(?:riservato|esclusivo) (?:agli|per gli) abbonati"
        r"|(?:meld je aan|neem een abonnement|log in) om (?:verder|dit artikel) te lezen",
    ),
    (
        "zaloguj się|wykup |logga in för att läsa|log ind for at læse",
        r"(?:zaloguj się|wykup (?:dostęp|prenumeratę)),? (?:aby|by|żeby) (?:czytać|przeczytać)"
        r"|logga in för att läsa|log ind for at læse",
    ),
    (
        "подписчик|зарегистрированны|войдите|подписку",
        r"доступ(?:ен|но|на) только (?:для )?(?:подписчик|зарегистрированны)(?:ам|ов|м|х)|войдите,? чтобы (?:читать|продолжить)"
        r"|(?:оформите|купите) подписку,? чтобы",
    ),
    (
        "阅读|会員限定|ログインして|この記事は有料",
        r"(?:登录|登入|注册|订阅)(?:后|以)?(?:即可)?(?:继续)?阅读|会員限定(?:記事)?です|ログインして(?:続き|全文)|この記事は有料",
    ),
    (
        "للمشتركين فقط|سجل الدخول |برای ادامه |okumaya devam etmek |पूरा पढ़ने के लिए ",
        r"للمشتركين فقط|سجل الدخول (?:للمتابعة|لقراءة)|برای ادامه (?:مطالعه|خواندن).{0,30}(?:وارد شوید|عضو شوید|مشترک)"
        r"|okumaya devam etmek için (?:giriş|abone)|पूरा पढ़ने के लिए (?:लॉग|सब्सक्राइब)",
    ),
    # consent
    (
        "before you continue to |partners store|partners use|partners process",
        r"before you continue to (?:google|youtube|yahoo)"
        r"|we (?:and our|,? our) (?:\d+ )?(?:trusted )?partners (?:store|use|process)",
    ),
    (
        "cookies",
        r"(?:accept|reject) all\b.{0,300}\bcookies"
        r"|(?:we|this (?:web)?site) uses? cookies .{0,300}(?:accept|agree|consent)",
    ),
    (
        "ihre zustimmung|ihre einwilligung|mit werbung ",
        r"(?:benötigen|brauchen) (?:wir )?ihre (?:zustimmung|einwilligung)"
        r"|mit werbung (?:und (?:cookies|tracking) )?weiter",
    ),
    (
        "accepter et |continuer sans accepter|nous et nos|nous utilisons",
        r"accepter et (?:continuer|fermer)|continuer sans accepter"
        r"|nous (?:et nos|utilisons).{0,60}(?:partenaires|cookies).{0,300}accept",
    ),
    (
        "aceptar y |cookies",
        r"aceptar y (?:continuar|cerrar)|(?:utilizamos|usamos) cookies .{0,300}ac(?:eptar|ept[ao]|eitar)",
    ),
    (
        "accetta e |utilizziamo |usiamo |wij gebruiken cookies",
        r"accetta e (?:continua|chiudi)|(?:utilizziamo|usiamo) i? ?cookie .{0,300}accett"
        r"|wij gebruiken cookies .{0,300}accept",
    ),
    (
        "cookie|çerez|våra partner|vores partner",
        r"(?:używamy|wykorzystujemy) plik(?:i|ów) cookie|çerez(?:leri)? kullanıyoruz"
        r"|vi (?:och|og) (?:våra|vores) partner",
    ),
    (
        "cookie|куки",
        r"(?:мы|сайт) использу(?:ем|ет) (?:файлы )?(?:cookies?|куки)",
    ),
    (
        "cookie|クッキーを使用しています|نستخدم ملفات تعريف الارتباط|از کوکی|कुकी",
        r"(?:我们|本网站)使用\s?cookies?|クッキーを使用しています|نستخدم ملفات تعريف الارتباط|از کوکی.{0,20}استفاده می"
        r"|कुकी(?:ज)? का (?:उपयोग|इस्तेमाल) कर",
    ),
)
_WEAK = (
    (
        "your privacy|legitimate interest",
        r"your privacy (?:choices|matters)|we value your privacy|legitimate interest",
    ),
    (
        "accept all|reject all|manage my |manage cookie|manage preferences|manage options|more options",
        r"\b(?:accept|reject) all\b|manage (?:my )?(?:cookies?|preferences|options)|more options",
    ),
    (
        "cookie|куки|クッキー|ملفات تعريف الارتباط|کوکی|çerez",
        r"\bcookies?\b|куки|クッキー|ملفات تعريف الارتباط|کوکی|çerez",
    ),
    (
        "privacy policy|datenschutzerklärung|politique de confidentialité|política de privacidad|sulla privacy|конфиденциальности",
        r"privacy policy|datenschutzerklärung|politique de confidentialité|política de privacidad"
        r"|informativa sulla privacy|политик[аи] конфиденциальности",
    ),
    (
        "personalised |personalized |personalisierte |personnalisée|anuncios personalizados",
        r"personali[sz]ed (?:ads|advertising|content)|personalisierte (?:werbung|anzeigen)"
        r"|publicités? personnalisée|anuncios personalizados",
    ),
    (
        "alle akzeptieren|tout accepter|aceptar todo|accetta tutt|aceitar tudo|alles accepteren|принять все|接受|すべて",
        r"alle akzeptieren|tout accepter|aceptar todo|accetta tutt[io]|aceitar tudo|alles accepteren"
        r"|принять все|接受(?:所有|全部)|すべて(?:に)?同意",
    ),
    (
        "please log|please sign|be logged in|password?|create an account",
        r"please (?:log|sign) ?in\b|you (?:must|need to) be logged in|forgot(?:ten)? (?:your )?password\?"
        r"|create an account",
    ),
    (
        "subscribe|free article|cancel any|abonn|abo abschließen|suscríbete|abbonati|подписк",
        r"\bsubscribe(?:rs?)?\b|free articles? (?:left|remaining)|cancel any ?time"
        r"|\babonn(?:enten|ements?|és?)\b|abo abschließen|suscríbete|abbonati|подписк",
    ),
    (
        "passwor|mot de passe|contraseña|пароль|密码|パスワード|كلمة المرور|رمز عبور",
        r"passwor[dt]|mot de passe|contraseña|пароль|密码|パスワード|كلمة المرور|رمز عبور",
    ),
)


STRONG_SIGNS = tuple(
    Sign(tuple(words.split("|")), re.compile(pattern, re.IGNORECASE | re.DOTALL | re.MULTILINE))
    for words, pattern in _STRONG
)
WEAK_SIGNS = tuple(Sign(tuple(words.split("|")), re.compile(pattern, re.IGNORECASE)) for words, pattern in _WEAK)


def is_wall(text: str) -> bool:
    """Whether the text is a wall's, judging by its words alone."""
    words = word_count(text[: 20 * _SAMPLE_CHARS])
    if not text or words > _LONG_WORDS:
        return False
    start = text[:_SAMPLE_CHARS]
    lowered = lower(start)
    strong = _count(STRONG_SIGNS, start, lowered)
    if words <= SHORT_WALL_WORDS:
        return strong > 0 or _count(WEAK_SIGNS, start, lowered) >= 3
    return strong > 0 and strong + _count(WEAK_SIGNS, start, lowered) >= 4


def _count(signs: Iterable[Sign], text: str, lowered: str) -> int:
    return len([each for each in signs if each.may_be_in(lowered) and each.pattern.search(text)])
