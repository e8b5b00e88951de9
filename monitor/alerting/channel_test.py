"""A test of a channel: an alert of its own kind that takes the same queue and signature as any other, by command or page."""

from __future__ import annotations

from datetime import datetime

from monitor.store import alerts
from monitor.store.db import Session
from monitor.types.alerting import Alert, AlertKind

_BODY = "This is a test of the article monitor. If you can read it, alerts reach you."


def enqueue(session: Session, channel: str, destination: str, *, now: datetime) -> str:
    """Queue a test for a channel in force, due now. Returns the alert's id."""
    title = f"Test of {channel}"
    alert = Alert(id=alerts.new_id(), kind=AlertKind.TEST, created_at=now, title=title, body=_BODY)
    alerts.enqueue(session, alert, key=f"test/{alert.id}", channels={channel: destination}, deliver_at=now)
    return alert.id
