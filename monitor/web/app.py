"""The web application: routes and the order of middleware. `create_app` returns an ASGI application.

Outermost first:
Hardened      security headers on every answer     RealClient    what trusted proxies say of the client
TrustedHost   the Host header must be ours (U6)    body limit    413 above a few kilobytes
BasicAuth     password, and no forms from other sites
Compressed    what no other site asked for
endpoint      form and token, then the page, on one of a few threads of the web's own, so that many readers delay no poll (U18)
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from monitor.config.settings import WebSettings
from monitor.matching.background import Background
from monitor.review.kept import KeptValues
from monitor.store.db import Database
from monitor.types.condition import Severity
from monitor.types.errors import StoreError
from monitor.types.plans import SettingsEntry
from monitor.web import zones
from monitor.web.articles import ArticlePages
from monitor.web.compression import Compressed
from monitor.web.figures import FigurePages
from monitor.web.forms import BodyLimits, read_form
from monitor.web.guard import HEALTH_PATH, BasicAuth, Hardened, RealClient, Throttle, Tokens, harden
from monitor.web.health import Health
from monitor.web.inbox import InboxPages
from monitor.web.manage import stale_forms
from monitor.web.manage.alerts import AlertPages
from monitor.web.manage.channels import ChannelPages
from monitor.web.manage.drafts import DraftPages
from monitor.web.manage.feeds import FeedPages
from monitor.web.manage.topics import TopicPages
from monitor.web.overview import OverviewPages
from monitor.web.pages import PageRequest
from monitor.web.show import message
from monitor.web.static_files import static_files
from monitor.web.stories import StoryPages
from monitor.web.tools import PageTools
from monitor.web.views import ViewPages

THREADS = 4
_SENTENCES = {
    404: "There is no such page.",
    405: "This address does not take that kind of request.",
}

Page = Callable[[PageRequest], Response]
AsyncPage = Callable[[PageRequest], Awaitable[Response]]
"""For what waits for other servers, and would keep a thread from readers meanwhile."""
log = logging.getLogger(__name__)


def create_app(
    db: Database,
    settings: WebSettings,
    *,
    clock: Callable[[], datetime],
    health: Callable[[], Health],
    throttle: Throttle | None = None,
    tokens: Tokens | None = None,
    seeds: Path | None = None,
    preferred: Sequence[str] = (),
    background: Callable[[], Background | None] = lambda: None,
    entries: Sequence[SettingsEntry] | None = None,
    embedder_problem: str = "",
    tools: PageTools | None = None,
) -> Starlette:
    """The review page and /healthz.

    `clock` returns aware UTC. `health` must return at once, without disk or store. `seeds` is the folder of topics; without
    it the page has no buttons to make seeds. `preferred` are the feeds whose article leads a story, best first. `background`
    returns the background of the model in force, with which the effect of a verdict is worked out. `entries` are the feeds and
    channels of this node's settings, which the status page compares with those in force; None compares nothing.
    `embedder_problem` says why articles are not compared by meaning; '' where they are. `tools` are what pages can ask beyond
    the store.
    """
    password = settings.password.get_secret_value() if settings.password else None
    tokens, tools = tokens or Tokens(), tools or PageTools()
    kept = KeptValues(db, clock)
    pages = ArticlePages(db, clock, health, kept, seeds, background, entries, embedder_problem, tools)
    return Starlette(
        routes=_routes(
            pages,
            InboxPages(db, clock, health, pages.effects, kept, seeds),
            StoryPages(db, clock, preferred),
            FigurePages(db, clock, kept),
            FeedPages(db, clock, tools),
            TopicPages(db, clock, seeds, kept, tools, embedder_problem=embedder_problem),
            DraftPages(db, clock, seeds, tools, embedder_problem=embedder_problem),
            AlertPages(db, clock, tools),
            ChannelPages(db, clock, tools),
            ViewPages(db, clock, kept, settings.base_url),
            OverviewPages(db, clock, health, kept),
            tokens,
            health,
        ),
        middleware=[
            Middleware(Hardened),
            Middleware(RealClient, proxies=settings.trusted_proxies),
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(settings), www_redirect=False),
            Middleware(BodyLimits),
            Middleware(
                BasicAuth,
                password=password,
                own_authority=urlsplit(settings.base_url).netloc,
                refuse=message,
                throttle=throttle or Throttle(),
                tokens=tokens,
            ),
            Middleware(Compressed),
        ],
        exception_handlers={HTTPException: _refused, StoreError: _no_store, ClientDisconnect: _gone, 500: _crashed},
    )


def _routes(
    pages: ArticlePages,
    inbox: InboxPages,
    stories: StoryPages,
    figures: FigurePages,
    feeds: FeedPages,
    topics: TopicPages,
    drafts: DraftPages,
    alerts: AlertPages,
    channels: ChannelPages,
    views: ViewPages,
    overview: OverviewPages,
    tokens: Tokens,
    health: Callable[[], Health],
) -> list[Route | Mount]:
    threads = CapacityLimiter(THREADS)
    register_url_convertor("id", _IdConvertor())

    register_url_convertor("name", _NameConvertor())

    register_url_convertor("topic", _TopicConvertor())

    def get(path: str, answer: Page | AsyncPage) -> Route:
        return Route(path, _endpoint(answer, tokens, threads), methods=["GET"])

    def post(path: str, answer: Page | AsyncPage) -> Route:
        return Route(path, _endpoint(answer, tokens, threads), methods=["POST"])

    return [
        get("/", inbox.inbox),
        get("/lines", inbox.lines),
        get("/stories/{number:id}/reading", inbox.reading),
        post("/verdicts", inbox.judge),
        post("/verdicts/undo", inbox.undo),
        get("/articles/{number:id}", pages.article),
        get("/overview", overview.overview),
        get("/fresh", inbox.fresh),
        get("/views", views.views),
        post("/views/save", views.save),
        post("/views/{number:id}/share", views.share),
        post("/views/{number:id}/unshare", views.unshare),
        post("/views/{number:id}/remove", views.remove),
        get("/matches.csv", views.as_csv),
        get("/matches.jsonl", views.as_json_lines),
        get("/shared/{secret}.atom", views.as_atom),
        get("/shared/{secret}.json", views.as_json_feed),
        get("/explain", pages.explain),
        get("/status", pages.status),
        get("/stories", stories.stories),
        get("/stories/{number:id}", stories.story),
        post("/stories/{number:id}/merge", stories.merge),
        post("/stories/{number:id}/split", stories.split),
        post("/stories/{number:id}/move", stories.move),
        get("/evaluate", figures.evaluate),
        get("/evaluate/plot", figures.plot),
        get("/near", figures.near),
        post("/near/{number:id}/confirm", figures.confirm),
        post("/near/{number:id}/dismiss", figures.dismiss),
        post("/matches/{number:id}/confirm", pages.confirm),
        post("/matches/{number:id}/dismiss", pages.dismiss),
        post("/articles/{number:id}/seed", pages.seed),
        post("/articles/{number:id}/undo", pages.undo),
        get("/feeds", feeds.feeds),
        post("/feeds/look", feeds.look),
        post("/feeds/add", feeds.add),
        post("/feeds/import", feeds.import_),
        get("/feeds/export", feeds.export),
        get("/feed/{name:name}", feeds.feed),
        *(
            post(f"/feed/{{name:name}}/{verb}", getattr(feeds, verb))
            for verb in ("poll", "pause", "resume", "remove", "settings")
        ),
        get("/topics", topics.topics),
        post("/topics/back", topics.bring_back),
        get("/topics/new", drafts.blank),
        post("/topics/make", drafts.make),
        get("/draft/{name:topic}", drafts.draft),
        *(
            post(f"/draft/{{name:topic}}/{verb}", getattr(drafts, verb))
            for verb in ("examples", "add", "drop", "undrop", "follow", "discard")
        ),
        get("/topic/{name:topic}", topics.topic),
        *(
            post(f"/topic/{{name:topic}}/{verb}", getattr(topics, verb))
            for verb in ("settings", "add", "drop", "undrop", "pause", "resume", "rename", "remove", "restore")
        ),
        get("/channels", alerts.channels),
        get("/channels/new", channels.blank),
        post("/channels/add", channels.add),
        get("/channel/{name:name}", channels.channel),
        post("/channel/{name:name}/settings", channels.settings),
        post("/channel/{name:name}/remove", channels.remove),
        post("/channel/{name:name}/test", alerts.test),
        post("/channel/{name:name}/pause", alerts.pause),
        post("/channel/{name:name}/resume", alerts.resume),
        post("/channel/{name:name}/retry", alerts.retry_channel),
        get("/alerts", alerts.alerts),
        get("/alert/{name:name}", alerts.alert),
        *(post(f"/alert/{{name:name}}/{verb}", getattr(alerts, verb)) for verb in ("retry", "resend", "drop")),
        Route(HEALTH_PATH, _healthz(health), methods=["GET"]),
        Mount("/static", static_files()),
    ]


class _IdConvertor(Convertor[int]):
    """A number in a path. Starlette's own takes digits without end, and Python refuses to read more than 4,300: longer ones are
    no id of ours, and the address does not exist.
    """

    regex = "[0-9]{1,10}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _NameConvertor(Convertor[str]):
    """The name of a feed, topic or channel in a path."""

    regex = "[A-Za-z0-9_.-]{1,100}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _TopicConvertor(_NameConvertor):
    """The name of a topic: that of its folder, in any script."""

    regex = r"[^/\\]{1,200}"


def _hosts(settings: WebSettings) -> list[str]:
    """The accepted host names as the middleware compares them: without port, IPv6 in brackets."""
    return [f"[{host}]" if ":" in host else host for host in settings.accepted_hosts]


# --- one request ------------------------------------------------------------------------------------------------------


def _endpoint(answer: Page | AsyncPage, tokens: Tokens, threads: CapacityLimiter) -> Callable[..., object]:
    async def endpoint(request: Request) -> Response:
        who: str = request.state.who
        form, files = await read_form(request) if request.method == "POST" else ({}, [])
        if request.method == "POST" and not tokens.is_valid(
            who, request.cookies.get(tokens.COOKIE, ""), form.get(tokens.FIELD, "")
        ):
            return _stale(request, form, tokens, has_files=bool(files))
        asked = PageRequest(
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            who=who,
            token=tokens.field(who),
            query=request.query_params,
            form=form,
            number=request.path_params.get("number", 0),
            name=request.path_params.get("name", ""),
            files=files,
            secret=request.path_params.get("secret", ""),
            known_tag=request.headers.get("if-none-match", ""),
            is_script=request.headers.get("accept") == "application/json",
        )
        zones.use(request.cookies.get(zones.COOKIE, ""))
        if inspect.iscoroutinefunction(answer):
            response: Response = await answer(asked)
        else:
            response = await to_thread.run_sync(cast(Page, answer), asked, limiter=threads)
        if "secret" not in request.path_params:
            tokens.give(request, who, response)
        return response

    return endpoint


def _stale(request: Request, form: Mapping[str, str], tokens: Tokens, *, has_files: bool) -> Response:
    who: str = request.state.who
    response = stale_forms.sent_again(request.url.path, form, tokens.field(who), has_files=has_files)
    tokens.give(request, who, response)
    return response


def _healthz(health: Callable[[], Health]) -> Callable[..., object]:
    async def healthz(request: Request) -> Response:
        """Runs on the event loop and from memory, so that it answers while the store or all threads are busy."""
        found = health()
        return JSONResponse(_said(found), 200 if found.is_ok else 503)

    return healthz


def _said(health: Health) -> dict[str, object]:
    """What anybody may know (U21). `age_seconds`: how old the part is that only the store can tell."""
    fails = [each for each in health.problems if each.severity is Severity.FAIL]
    warnings = [each for each in health.problems if each.severity is Severity.WARN]
    return {
        "status": "failing" if not health.is_ok else "degraded" if fails else "ok",
        "problems": [each.public for each in fails],
        "warnings": [each.public for each in warnings],
        "notes": list(health.notes),
        "codes": [each.code.value for each in health.problems],
        "age_seconds": None if health.age_for is None else round(health.age_for.total_seconds()),
        "beats": {name: at.isoformat() for name, at in sorted(health.beats.items())},
    }


# --- errors -----------------------------------------------------------------------------------------------------------


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    is_ours = error.detail != HTTPException(error.status_code).detail
    sentence = error.detail if is_ours else _SENTENCES.get(error.status_code, error.detail)
    answer = message(error.status_code, sentence)
    answer.headers.update(error.headers or {})
    return answer


async def _no_store(request: Request, error: Exception) -> Response:
    """503. What is wrong with the store is for the log and `monitor doctor`, not for visitors."""
    log.warning("page not shown: %s", error)
    answer = message(503, "The store cannot be reached just now. Nothing was changed; try again in a moment.")
    answer.headers["Retry-After"] = "5"
    return answer


async def _gone(request: Request, error: Exception) -> Response:
    """The client is gone; without this handler every broken upload would be logged as a crash."""
    return Response(status_code=400)


async def _crashed(request: Request, error: Exception) -> Response:
    """Sent from outside `Hardened`, so it sets the headers itself. The server logs the traceback."""
    answer = message(500, "This is a fault of ours. It was written to the log.")
    harden(MutableHeaders(raw=answer.raw_headers))
    return answer
