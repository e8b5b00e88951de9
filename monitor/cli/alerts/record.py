"""`monitor alerts show`: one alert with its deliveries and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.store.alert_lists import StoredAlert
    from monitor.store.db import Session


class DeliveryFilter(StrEnum):
    """State of a delivery."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    SUMMARISED = "summarised"
    HELD = "held"
    DEAD = "dead"
    DROPPED = "dropped"


def alert_fields(session: Session, row: StoredAlert) -> dict[str, Any]:
    """An alert as JSON fields, with its deliveries."""
    from monitor.review.alerts import deliveries_of

    return {
        "id": row.id,
        "created_at": row.created_at,
        "kind": row.kind,
        "topic": row.topic,
        "topics": list(row.topics),
        "decisions": dict(row.decisions),
        "story_id": row.story_id,
        "article_id": row.article_id,
        "title": row.title,
        "deliveries": deliveries_of(session, row.id),
    }


def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id, or how it begins.", show_default=False)],
    as_json: base.AsJson = False,
) -> None:
    """Show one alert, its deliveries and every attempt.

    \b
    Example:
      monitor alerts show alt_3f9c
    """
    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        row = find_alert(session, id)
        found = {**alert_fields(session, row), "alert": row.payload}
    if as_json:
        base.print_json(found)
        return
    payload = row.payload
    base.facts(
        [
            ("alert", row.id),
            ("kind", row.kind),
            ("decided (UTC)", row.created_at),
            ("topics", row.topics),
            ("title", row.title),
            ("says", payload.get("body")),
            ("url", (payload.get("article") or {}).get("url")),
            ("also carried by", payload.get("also_carried_by")),
            ("page", payload.get("review_url")),
        ]
    )
    if told := payload.get("entries"):
        base.heading(f"It tells {len(told)} {'story' if len(told) == 1 else 'stories'}")
        base.table(
            ("topics", "title", "source", "alerts"),
            ((*(each.get(name) for name in ("topics", "title", "source")), each.get("alert_ids")) for each in told),
        )
    show_deliveries(found["deliveries"])
    if row.article_id:
        base.line(f"The whole record: monitor explain {row.article_id}")


def show_deliveries(deliveries: Sequence[dict[str, Any]]) -> None:
    """Print deliveries with their attempts."""
    if not deliveries:
        base.line("on the review page only: no channel was set")
    for each in deliveries:
        due = f", due {base.when(each['next_at'])} UTC" if each["next_at"] else ""
        base.heading(f"{each['channel']}: {each['state']}{due}")
        if each["state"] != DeliveryFilter.SENT and each["detail"]:
            base.line(f"  {each['detail']}")
        for one in each["recipients"]:
            said = f": {one['detail']}" if one["state"] != "taken" and one["detail"] else ""
            base.line(f"  {one['name']}: {one['state']}, {base.when(one['at'])} UTC{said}")
        for number, one in enumerate(each["tries"], 1):
            base.line(f"  attempt {number}: {base.when(one['started_at'])} UTC {one['result']} {one['code']}")


def find_alert(session: Session, id: str) -> StoredAlert:
    from monitor.store import alert_lists

    found = alert_lists.with_id_prefix(session, id, limit=2)
    if len(found) != 1:
        what = "more than one alert begins with" if found else "there is no alert"
        raise base.NotFoundError(f"{what} {id!r}; `monitor alerts list` shows them")
    return found[0]
