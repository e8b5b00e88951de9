"""Recognise walls: consent, paywall, login and robot-check pages served instead of an article. Pure.

In a short text one strong pattern (a phrase that articles do not use of themselves) or three weak ones are enough. Longer texts,
as consent pages are, need several, since an article may well mention cookies, subscriptions or captchas.
"""

from __future__ import annotations

import re

from monitor.text.tokens import word_count

SHORT_WALL_WORDS = 120
"""Longer texts may mention cookies or subscriptions without being a wall."""
_LONG_WORDS = 700
_SAMPLE_CHARS = 6000

_STRONG = (
    # robot checks
    r"enable javascript and cookies to continue"
    r"|(?:enable|turn on) (?:js|javascript) and (?:disable any ad ?blocker|cookies)",
    r"checking (?:if the site connection is secure|your browser before accessing)|ddos protection by"
    r"|^just a moment\b",
    r"(?:verify(?:ing)?|confirm|prove) (?:that )?you are (?:a )?(?:human|not a (?:ro)?bot)"
    r"|are you a robot\?|i['’]m not a robot",
    r"performance (?:&|and) security by cloudflare|attention required! \| cloudflare|\bray id: [0-9a-f]{8}",
    r"(?:complete|solve) (?:the|this) (?:re)?captcha|press (?:&|and) hold to confirm",
    r"you don['’]t have permission to access .{0,200} on this server|access to this page has been denied",
    r"unusual (?:activity|traffic) (?:has been detected )?from your (?:computer|network|device|ip)",
    r"dass sie kein roboter sind|ich bin kein roboter|je ne suis pas un robot|no soy un robot"
    r"|non sono un robot|não sou um robô",
    r"что вы не робот|я не робот|проверк[аи] вашего браузера|что запросы отправляли вы",
    r"我不是(?:机器人|機器人)|请完成(?:安全)?验证|人机验证|ロボットではありません|من ربات نیستم|أنا لست (?:برنامج )?روبوت",
    # paywalls and logins
    r"subscribe (?:now )?to (?:continue|keep) reading"
    r"|(?:subscribe|register|sign up) (?:now )?to read (?:more|the (?:full|rest))",
    r"to (?:continue|keep) reading,? (?:this article,? )?(?:please )?(?:subscribe|log ?in|sign ?in|register|create)",
    r"(?:this|the full|the rest of this) (?:article|content|story) is (?:only )?(?:for|available (?:only )?to|reserved for"
    r"|exclusive to|exclusively for) (?:our )?(?:paying |paid |premium |registered )?(?:subscribers|members)",
    r"already (?:a|an) (?:\w+ )?(?:subscriber|member)\?|you have reached your (?:free )?(?:article )?limit",
    r"(?:log|sign) ?in (?:or (?:register|subscribe|sign ?up|create an account) )?to (?:read|continue)\b",
    r"réservée?s? (?:aux|à nos) abonnés|il vous reste \d+ ?% de cet article"
    r"|(?:connectez|abonnez)-vous pour (?:lire|continuer)",
    r"weiterlesen mit .{0,40}abo|anmelden,? um (?:weiterzulesen|den artikel)"
    r"|mit (?:einem )?abo .{0,30}weiterlesen",
    r"exclusivo para (?:suscriptores|assinantes)|(?:inicia|inicie) sesión para (?:leer|continuar|seguir)"
    r"|suscríbe(?:te|se) para (?:seguir|continuar|leer)|(?:faça login|assine) para (?:continuar|ler)",
    r"(?:accedi|abbonati|registrati) per (?:continuare|leggere)|(?:riservato|esclusivo) (?:agli|per gli) abbonati"
    r"|(?:meld je aan|neem een abonnement|log in) om (?:verder|dit artikel) te lezen",
    r"(?:zaloguj się|wykup (?:dostęp|prenumeratę)),? (?:aby|by|żeby) (?:czytać|przeczytać)"
    r"|logga in för att läsa|log ind for at læse",
    r"доступ(?:ен|но|на) только (?:для )?(?:подписчик|зарегистрированны)(?:ам|ов|м|х)|войдите,? чтобы (?:читать|продолжить)"
    r"|(?:оформите|купите) подписку,? чтобы",
    r"(?:登录|登入|注册|订阅)(?:后|以)?(?:即可)?(?:继续)?阅读|会員限定(?:記事)?です|ログインして(?:続き|全文)|この記事は有料",
    r"للمشتركين فقط|سجل الدخول (?:للمتابعة|لقراءة)|برای ادامه (?:مطالعه|خواندن).{0,30}(?:وارد شوید|عضو شوید|مشترک)"
    r"|okumaya devam etmek için (?:giriş|abone)|पूरा पढ़ने के लिए (?:लॉग|सब्सक्राइब)",
    # consent
    r"before you continue to (?:google|youtube|yahoo)"
    r"|we (?:and our|,? our) (?:\d+ )?(?:trusted )?partners (?:store|use|process)",
    r"(?:accept|reject) all\b.{0,300}\bcookies"
    r"|(?:we|this (?:web)?site) uses? cookies .{0,300}(?:accept|agree|consent)",
    r"(?:benötigen|brauchen) (?:wir )?ihre (?:zustimmung|einwilligung)"
    r"|mit werbung (?:und (?:cookies|tracking) )?weiter",
    r"accepter et (?:continuer|fermer)|continuer sans accepter"
    r"|nous (?:et nos|utilisons).{0,60}(?:partenaires|cookies).{0,300}accept",
    r"aceptar y (?:continuar|cerrar)|(?:utilizamos|usamos) cookies .{0,300}ac(?:eptar|ept[ao]|eitar)",
    r"accetta e (?:continua|chiudi)|(?:utilizziamo|usiamo) i? ?cookie .{0,300}accett"
    r"|wij gebruiken cookies .{0,300}accept",
    r"(?:używamy|wykorzystujemy) plik(?:i|ów) cookie|çerez(?:leri)? kullanıyoruz"
    r"|vi (?:och|og) (?:våra|vores) partner",
    r"(?:мы|сайт) использу(?:ем|ет) (?:файлы )?(?:cookies?|куки)",
    r"(?:我们|本网站)使用\s?cookies?|クッキーを使用しています|نستخدم ملفات تعريف الارتباط|از کوکی.{0,20}استفاده می"
    r"|कुकी(?:ज)? का (?:उपयोग|इस्तेमाल) कर",
)
_WEAK = (
    r"your privacy (?:choices|matters)|we value your privacy|legitimate interest",
    r"\b(?:accept|reject) all\b|manage (?:my )?(?:cookies?|preferences|options)|more options",
    r"\bcookies?\b|куки|クッキー|ملفات تعريف الارتباط|کوکی|çerez",
    r"privacy policy|datenschutzerklärung|politique de confidentialité|política de privacidad"
    r"|informativa sulla privacy|политик[аи] конфиденциальности",
    r"personali[sz]ed (?:ads|advertising|content)|personalisierte (?:werbung|anzeigen)"
    r"|publicités? personnalisée|anuncios personalizados",
    r"alle akzeptieren|tout accepter|aceptar todo|accetta tutt[io]|aceitar tudo|alles accepteren"
    r"|принять все|接受(?:所有|全部)|すべて(?:に)?同意",
    r"please (?:log|sign) ?in\b|you (?:must|need to) be logged in|forgot(?:ten)? (?:your )?password\?"
    r"|create an account",
    r"\bsubscribe(?:rs?)?\b|free articles? (?:left|remaining)|cancel any ?time"
    r"|\babonn(?:enten|ements?|és?)\b|abo abschließen|suscríbete|abbonati|подписк",
    r"passwor[dt]|mot de passe|contraseña|пароль|密码|パスワード|كلمة المرور|رمز عبور",
)
STRONG_PATTERNS = tuple(re.compile(each, re.IGNORECASE | re.DOTALL | re.MULTILINE) for each in _STRONG)
WEAK_PATTERNS = tuple(re.compile(each, re.IGNORECASE) for each in _WEAK)


def is_wall(text: str) -> bool:
    """Whether the text is a wall's, judging by its words alone."""
    words = word_count(text[: 20 * _SAMPLE_CHARS])
    if not text or words > _LONG_WORDS:
        return False
    start = text[:_SAMPLE_CHARS]
    strong = sum(1 for each in STRONG_PATTERNS if each.search(start))
    if words <= SHORT_WALL_WORDS:
        return bool(strong) or _count_weak(start) >= 3
    return strong + _count_weak(start) >= 4 and strong > 0


def _count_weak(text: str) -> int:
    return sum(1 for each in WEAK_PATTERNS if each.search(text))
