"""The registry of channel kinds: `build` makes a channel from its `[channels.<name>]` table, `masked` shows the table without
secrets.

A new kind is one module beside this one and one line in `KINDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from monitor.alerting.channels.base import Channel, ChannelSettings, Editor, Poster, outcome_of
from monitor.alerting.channels.email import EmailSettings
from monitor.alerting.channels.slack import SlackSettings
from monitor.alerting.channels.slackbot import SlackBotSettings
from monitor.alerting.channels.webhook import WebhookSettings
from monitor.text import urls
from monitor.text.secrets import MASK
from monitor.types.errors import ConfigError

KINDS: Final[Mapping[str, type[ChannelSettings]]] = {
    "webhook": WebhookSettings,
    "slack": SlackSettings,
    "slackbot": SlackBotSettings,
    "email": EmailSettings,
}

# A name appears in message ids, logs and topic.toml.
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def build(name: str, settings: Mapping[str, object], poster: Poster) -> Channel:
    """The channel that the table `[channels.<name>]` describes; HTTP kinds send with `poster`.

    Raises ConfigError with one line for every fault: the channel, the field, what is wrong and what to write instead. No line
    repeats a value, which may be a secret.
    """
    faults, checked = _checked(name, settings)
    if checked is None or faults:
        raise ConfigError(*(_line(name, each) for each in faults))
    return checked.open(name, poster)


class ChannelFault(NamedTuple):
    """What is wrong with one field of a channel's table, and what to write instead: `field` is `name` for the channel's own
    name."""

    field: str
    says: str


def faults_of(name: str, settings: Mapping[str, object]) -> tuple[ChannelFault, ...]:
    """All faults of the table `[channels.<name>]`, for a form that shows each beside its field. None repeats a value."""
    return tuple(_checked(name, settings)[0])


def masked(settings: Mapping[str, object]) -> dict[str, object]:
    """The table as `monitor check` prints it: `…` for secrets and unknown fields, only the host of secret URLs."""
    kind = KINDS.get(str(settings.get("kind")))
    return {key: value if _is_public(kind, key) else _hidden(value) for key, value in settings.items()}


def is_secret(kind: str, key: str) -> bool:
    """Whether a field of this kind of channel is never shown."""
    return not _is_public(KINDS.get(kind), key)


def secret_keys(kind: str) -> tuple[str, ...]:
    """The fields of this kind of channel that are never shown, as a table calls them."""
    fields = KINDS[kind].model_fields if kind in KINDS else {}
    return tuple(key for name, field in fields.items() if is_secret(kind, key := field.alias or name))


def is_text(kind: str, key: str) -> bool:
    """Whether a field is one text, which may begin with any character: no number, list or table."""
    fields = KINDS[kind].model_fields if kind in KINDS else {}
    return any(field.annotation in (str, SecretStr) for name, field in fields.items() if key == (field.alias or name))


def _line(name: str, fault: ChannelFault) -> str:
    where = f'channel "{name}"'
    return f"{where}: {fault.says}" if fault.field == "name" else f'{where}, field "{fault.field}": {fault.says}'


def _checked(name: str, settings: Mapping[str, object]) -> tuple[list[ChannelFault], ChannelSettings | None]:
    bad_name = ChannelFault("name", "name it with up to 40 letters, digits, - and _")
    faults = [] if _NAME.fullmatch(name) else [bad_name]
    kind = settings.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return [*faults, ChannelFault("kind", f"must be one of {', '.join(KINDS)}")], None
    try:
        return faults, KINDS[kind].model_validate(dict(settings))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
    return [*faults, *(_fault(KINDS[kind], each) for each in found)], None


def _fault(kind: type[ChannelSettings], error: ErrorDetails) -> ChannelFault:
    named, *inside = map(str, error["loc"] or ["kind"])
    fields = {field.alias or key: field for key, field in kind.model_fields.items()}
    if error["type"] == "extra_forbidden":
        near = get_close_matches(named, fields, n=1)
        mend = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(fields)}"
        return ChannelFault(named, f"is unknown; {mend}")
    said = "is missing" if error["type"] == "missing" else _words(error["msg"])
    advice = fields[named].description if named in fields and ";" not in said else None
    return ChannelFault(".".join([named, *inside]), said + (f"; {advice}" if advice else ""))


def _words(message: str) -> str:
    """Pydantic's message without its prefixes."""
    return message.removeprefix("Value error, ").replace("Input should", "should", 1)


def _is_public(kind: type[ChannelSettings] | None, key: str) -> bool:
    if kind is None:
        return key == "kind"
    found = [field for name, field in kind.model_fields.items() if key == (field.alias or name)]
    return bool(found) and "SecretStr" not in str(found[0].annotation)


def _hidden(value: Any) -> object:
    if isinstance(value, Mapping):
        return {key: _hidden(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each) for each in value]
    return urls.masked(value) if isinstance(value, str) and urls.host(value) else MASK


__all__ = [
    "KINDS",
    "Channel",
    "ChannelSettings",
    "Editor",
    "Poster",
    "build",
    "faults_of",
    "is_secret",
    "is_text",
    "masked",
    "outcome_of",
    "secret_keys",
]
