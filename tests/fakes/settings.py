"""Feeds and channels put in force as a settings file would, in a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from monitor.config import plan as plans
from monitor.config.settings import FeedSettings
from monitor.store import settings
from monitor.types.plans import Kind, Plan, SettingsEntry


def feed(name: str, url: str = "", **values: object) -> SettingsEntry:
    """A feed of the settings."""
    wanted = FeedSettings.model_validate({"url": url or f"https://{name}.example/feed", **values})
    return plans.feed_entry(name, wanted, usual_seconds=900)


def channel(name: str, to: str = "here", kind: str = "webhook") -> SettingsEntry:
    """A channel of the settings, with this digest as its destination."""
    return plans.channel_entry(name, kind=kind, destination=to, shown="…")


def put_in_force(session: Session, kind: Kind, entries: Sequence[SettingsEntry], *, now: datetime) -> Plan:
    """Apply these as `monitor apply` does: what is not among them is switched off; the other kind is left alone."""
    plan = plans.plan_apply([each for each in settings.rows(session) if each.kind == kind], entries)
    settings.apply(session, plan, says=plans.words(plan), by="here", now=now)
    return plan
