"""What the pages can ask of an App: see `web.tools`."""

from __future__ import annotations

from monitor.config import channel_files
from monitor.polling.single import fetch_article
from monitor.service.app import App
from monitor.service.trial_process import TrialProcess
from monitor.store.db import Database
from monitor.types.matching import Article, Evidence
from monitor.web.tools import PageTools


def page_tools(app: App, db: Database) -> PageTools:
    """The tools of the pages over this store. To be closed with the App, on the event loop that serves the pages."""

    async def article_at(url: str) -> Article:
        return await fetch_article(app.fetcher, app.workers, url, policy=app.feed_policy, now=app.clock())

    def evidence_of(topic: str, title: str, text: str, language: str) -> Evidence | None:
        try:
            return app.tracker.matcher.evidence(topic, title, text, language) if app.tracker else None
        except KeyError:
            return None

    return PageTools(
        evidence_of=evidence_of,
        visitor=app.visitor(db),
        policy=app.feed_policy,
        usual_seconds=app.settings.schedule.interval_for.total_seconds(),
        held_after_for=app.settings.delivery.max_age_for,
        reassess_for=app.settings.schedule.max_age_for,
        channel_folder=channel_files.folder_of(app.settings.file),
        speed=app.clock.speed,
        article_at=article_at,
        try_topic=TrialProcess(db, app.settings.file).run,
    )
