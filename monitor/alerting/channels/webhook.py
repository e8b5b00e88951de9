"""The webhook channel: signed JSON as Standard Webhooks 1.0 specifies. README.md beside this file describes the schema.
What an answer means stands in `alerting.answers`, what follows from it in `alerting.retry`.

The `webhook-id` is the alert's id on every attempt, so that a receiver recognises a repeated one. Time and signature are new
on each attempt, as receivers refuse what is older than five minutes (W1).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator
from standardwebhooks import Webhook

from monitor.alerting.channels.base import Channel, HttpSettings, HttpTarget, Poster, check_digest, digest
from monitor.text import urls
from monitor.text.tokens import clean
from monitor.types.alerting import Alert, AlertArticle, AlertKind, AlertTopic, Outcome, SummaryEntry

SCHEMA: Final = 2
"""Of the payload: 2 since an alert may be on several topics (`topics`); payloads before that do not state it."""
_TYPES: Final = {
    AlertKind.NEW: "alert.new",
    AlertKind.UPDATED: "alert.updated",
    AlertKind.ESCALATED: "alert.escalated",
    AlertKind.SUMMARY: "summary",
    AlertKind.NOTICE: "notice",
    AlertKind.TEST: "test",
}
_HEADER_NAME = re.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile("[\x20-\x7e]{1,4000}")
# Headers that the connection or the signature sets.
_RESERVED = re.compile(
    "host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect|proxy-.*|webhook-.*|user-agent|accept-encoding",
    re.I,
)


class WebhookSettings(HttpSettings):
    """`[channels.<name>]` with `kind = "webhook"`."""

    kind: Literal["webhook"]
    messages_per_hour: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="how many alerts an hour come one by one; the rest as one summary; 0 for no limit",
    )
    secrets: tuple[SecretStr, ...] = Field(
        default=(), max_length=4, description='secrets = ["whsec_…"], newest first: 24 to 64 random bytes in base64'
    )
    headers: dict[str, SecretStr] = Field(
        default={}, max_length=20, description='headers = { "Authorization" = "Bearer …" }'
    )

    @field_validator("secrets", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        """An environment variable is one string: secrets are separated by spaces or commas."""
        return tuple(re.split(r"[\s,]+", value.strip())) if isinstance(value, str) and value.strip() else value or ()

    @field_validator("secrets")
    @classmethod
    def _are_keys(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(_is_key(each.get_secret_value()) for each in secrets):
            raise ValueError("holds one that is no Standard Webhooks secret")
        return secrets

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value.get_secret_value()):
                raise ValueError("holds a header that cannot be sent: names of letters and -, values of visible ASCII")
            if _RESERVED.fullmatch(name):
                raise ValueError(f"sets {name}, which is ours")
        return headers

    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe."""
        keys = tuple(each.get_secret_value() for each in self.secrets)
        headers = {key: value.get_secret_value() for key, value in self.headers.items()}
        hidden = [*keys, *(each.removeprefix("whsec_") for each in keys), *headers.values(), *_tokens(headers)]
        return WebhookChannel(
            name=name,
            messages_per_hour=self.messages_per_hour,
            target=self.target(poster, *hidden),
            keys=keys,
            headers=headers,
        )


def _is_key(secret: str) -> bool:
    """Strict base64, padded or not: the library decodes leniently and would sign with a truncated key without an error."""
    bare = secret.removeprefix("whsec_")
    try:
        return 24 <= len(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)) <= 64
    except (binascii.Error, ValueError):
        return False


def _tokens(headers: Mapping[str, str]) -> list[str]:
    """The words of header values, to be masked: of `Bearer abc` also `abc`."""
    return [word for value in headers.values() for word in value.split() if len(word) >= 8]


@dataclass(frozen=True, kw_only=True)
class WebhookChannel:
    """Posts alerts as signed JSON."""

    name: str
    target: HttpTarget
    keys: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    kind: str = "webhook"
    messages_per_hour: int = 0

    @property
    def destination(self) -> str:
        """A digest of the URL."""
        return digest(self.kind, self.target.url)

    @property
    def credentials(self) -> str:
        """A check digest of signing keys, headers and whether private addresses are allowed."""
        return check_digest(
            str(self.target.policy.allowed),
            *self.keys,
            *(f"{name} {self.headers[name]}" for name in sorted(self.headers)),
        )

    @property
    def shown(self) -> str:
        """`https://example.org/…`."""
        return urls.masked(self.target.url)

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Post once. The body is the same on every attempt; time and signature are not."""
        body = body_of(alert)
        return await self.target.post(body, {**self.headers, **headers_of(alert.id, body, self.keys, now=now)}, now=now)


# --- the message (pure) -----------------------------------------------------------------------------------------------


def headers_of(id: str, body: str, keys: tuple[str, ...], *, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0, with a signature for each key, so that keys can be rotated (W16)."""
    now = now.astimezone(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(math.floor(now.timestamp())),
    }
    if keys:
        headers["webhook-signature"] = " ".join(Webhook(key).sign(id, now, body) for key in keys)
    return headers


def body_of(alert: Alert) -> str:
    """The JSON document as text; its UTF-8 bytes are what is both signed and sent (W2)."""
    return json.dumps(_storable(payload(alert)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def payload(alert: Alert) -> dict[str, object]:
    """The alert in the schema of README.md, whose fields are never renamed or removed."""
    return {
        "schema": SCHEMA,
        "type": _TYPES[alert.kind],
        "timestamp": _iso(alert.created_at),
        "data": {
            "id": alert.id,
            "title": alert.title,
            "body": alert.body,
            "topic": {"name": alert.topic, "title": alert.topic_title} if alert.topic else None,
            "topics": [_topic(each) for each in alert.all_topics],
            "story_id": alert.story_id,
            "article": _article(alert.article) if alert.article else None,
            "match": _match(alert) if alert.article else None,
            "also_carried_by": list(alert.also_carried_by),
            "independent_sources": alert.independent_sources or None,
            "reason": alert.reason,
            "review_url": alert.review_url or None,
            **({"entries": [_entry(each) for each in alert.entries]} if alert.kind is AlertKind.SUMMARY else {}),
        },
    }


def _entry(entry: SummaryEntry) -> dict[str, object]:
    return {
        "ids": list(entry.alert_ids),
        "type": _TYPES[entry.kind],
        "title": entry.title,
        "url": entry.url,
        "source": entry.source,
        "published_at": _iso(entry.published_at),
        "topics": list(entry.topics),
        "score": entry.score,
        "threshold": entry.threshold,
        "probability": entry.probability,
        "outlets": entry.outlets,
        "independent_sources": entry.independent_sources or None,
        "news": entry.news or None,
        "review_url": entry.review_url or None,
    }


def _article(article: AlertArticle) -> dict[str, object]:
    return {
        "id": article.id,
        "title": article.title,
        "url": article.url,
        "source": article.source,
        "feed": article.feed or None,
        "wire": article.wire or None,
        "language": article.language,
        "published_at": _iso(article.published_at),
        "seen_at": _iso(article.seen_at),
        "summary": article.summary,
    }


def _topic(topic: AlertTopic) -> dict[str, object]:
    return {"name": topic.name, "title": topic.title, "match": _match(topic)}


def _match(found: Alert | AlertTopic) -> dict[str, object]:
    evidence = found.evidence
    return {
        "score": found.score,
        "threshold": found.threshold,
        "probability": found.probability,
        "precision": asdict(found.measured) if found.measured else None,
        "terms": [{"term": each.term, "weight": each.weight} for each in evidence.terms],
        "parts": [{"part": each.term, "weight": each.weight} for each in evidence.parts],
        "sentence": evidence.sentence,
        "seed": evidence.seed or None,
        "seed_similarity": evidence.seed_similarity if evidence.seed else None,
        "across": evidence.across or None,
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _storable(value: object) -> object:
    """The value as any JSON parser accepts it: no lone surrogates, NUL, NaN or Infinity."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value
