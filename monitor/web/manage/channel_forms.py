"""The forms of channels: which fields each kind has, from a form to the table of a channel, and from a table to a form without
secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.alerting.channels import registry
from monitor.web.manage.stale_forms import LOST

SECURITIES = {
    "starttls": "STARTTLS, usually port 587",
    "tls": "TLS, usually port 465",
    "none": "none, without a password",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field, as a form shows it."""

    key: str
    label: str
    hint: str = ""
    is_required: bool = False
    is_secret: bool = False
    """Never shown again: left empty, what is kept stays."""
    choices: Mapping[str, str] | None = None
    placeholder: str = ""
    input_mode: str = "text"
    value: str = ""
    fault: str = ""

    @property
    def name(self) -> str:
        """What the form calls it: `token` is the name of the token that every form of ours has (`guard.Tokens.FIELD`)."""
        return "bot_token" if self.key == "token" else self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of channel."""

    title: str
    about: str
    fields: tuple[Field, ...]


_A_DAY = Field(
    key="messages_per_hour",
    label="Alerts an hour that come one by one",
    hint="The rest comes as one summary; 0 for no limit.",
    placeholder="as usual",
    input_mode="numeric",
)
KINDS: Mapping[str, Kind] = {
    "slack": Kind(
        title="Slack",
        about="Posts into one Slack channel, by an incoming webhook: in Slack, make an app, switch “Incoming Webhooks” on, "
        "add one to a channel, and copy its address. Mattermost and others that are like Slack take it, too.",
        fields=(
            Field(
                key="url",
                label="Webhook address",
                hint="It begins with https:// and is a password: whoever has it can post.",
                is_required=True,
                is_secret=True,
            ),
            _A_DAY,
        ),
    ),
    "slackbot": Kind(
        title="Slack bot",
        about="Posts as a bot, keeps the alerts of a story in one thread and corrects them as outlets join. The bot's app "
        "needs the right chat:write, and the bot must be invited into the channel.",
        fields=(
            Field(key="token", label="Bot token", hint="It begins with xoxb-.", is_required=True, is_secret=True),
            Field(
                key="channel",
                label="Id of the channel",
                hint="At the end of the channel's link; names change, ids do not.",
                is_required=True,
                placeholder="C0123456789",
            ),
            _A_DAY,
        ),
    ),
    "email": Kind(
        title="Mail",
        about="Sends mail through your own mail server.",
        fields=(
            Field(
                key="to",
                label="To",
                hint="Addresses, divided by commas.",
                is_required=True,
                placeholder="desk@example.org, ada@example.org",
                input_mode="email",
            ),
            Field(
                key="from",
                label="From",
                hint="An address that the mail server lets you send from.",
                is_required=True,
                placeholder="monitor@example.org",
                input_mode="email",
            ),
            Field(
                key="host",
                label="Mail server",
                hint="Its name alone, without port.",
                is_required=True,
                placeholder="smtp.example.org",
                input_mode="url",
            ),
            Field(key="security", label="Encryption", choices=SECURITIES),
            Field(key="port", label="Port", placeholder="as the encryption says", input_mode="numeric"),
            Field(key="username", label="User name at the mail server"),
            Field(key="password", label="Password there", is_secret=True),
            _A_DAY,
        ),
    ),
    "webhook": Kind(
        title="Webhook",
        about="Posts JSON to an address of yours, signed as Standard Webhooks says.",
        fields=(
            Field(key="url", label="Address", hint="It begins with https://.", is_required=True, is_secret=True),
            Field(
                key="secrets",
                label="Signing secret",
                hint="whsec_ and 24 to 64 random bytes in base64; several, the newest first, divided by spaces, while "
                "one takes the place of another. Without one nothing is signed.",
                is_secret=True,
            ),
            Field(
                key="headers",
                label="Authorization header",
                hint="Sent with every post, as in “Bearer …”.",
                is_secret=True,
            ),
            replace(_A_DAY, placeholder="no limit"),
        ),
    ),
}
_NUMBERS = ("port", "messages_per_hour")
_WHERE_TO = ("url", "host", "port")
"""What says to whom a channel's other secrets are shown."""


def table_of(kind: str, form: Mapping[str, str], kept: Mapping[str, Any]) -> dict[str, Any]:
    """The channel's table as a form says it. A secret that was left empty is as it was, and so is what no form has a field
    for; but a new address is never allowed into the private network, which no page opens."""
    table = {**kept, "kind": kind}
    if form.get("url", "").strip():
        table.pop("allow_private", None)
    for each in KINDS[kind].fields:
        said = form.get(each.name, "").strip()
        if said:
            table[each.key] = _value(each.key, said)
        elif not each.is_secret:
            table.pop(each.key, None)
    return table


def secrets_to_type_again(kind: str, form: Mapping[str, str], kept: Mapping[str, Any]) -> list[registry.ChannelFault]:
    """A fault for each secret that a change would show to another server than the one that it was typed for: whoever may change a
    channel may not learn its secrets by that."""
    table = table_of(kind, form, kept)
    if all(table.get(key) == kept.get(key) for key in _WHERE_TO):
        return []
    says = "is not shown to another server unless it is typed for it"
    return [
        registry.ChannelFault(each.key, says)
        for each in KINDS[kind].fields
        if each.is_secret and each.key in kept and not form.get(each.name, "").strip()
    ]


def filled(kind: str, table: Mapping[str, Any]) -> dict[str, str]:
    """What of a table a form shows: no secret."""
    return {
        each.name: _text(table[each.key]) for each in KINDS[kind].fields if each.key in table and not each.is_secret
    }


def shown(
    kind: str,
    form: Mapping[str, str],
    faults: Sequence[registry.ChannelFault] = (),
    *,
    kept: Mapping[str, Any] | None = None,
) -> list[Field]:
    """The fields of a form with what was typed, secrets aside, and what is wrong with each: a secret that was typed has to be typed
    again. `kept`: the table of a channel that is there, whose secrets need not be typed again."""
    return [
        replace(
            each,
            value="" if each.is_secret else form.get(each.name, ""),
            fault=_fault(each, form, faults),
            is_required=each.is_required and not (each.is_secret and each.key in (kept or {})),
            placeholder="as it is" if each.is_secret and each.key in (kept or {}) else each.placeholder,
        )
        for each in KINDS[kind].fields
    ]


def other_faults(kind: str, faults: Sequence[registry.ChannelFault]) -> list[str]:
    """What is wrong with no field of the form but with the name or what a file says beside it."""
    keys = {each.key for each in KINDS[kind].fields} | {"name"}
    return [f"{each.field} {each.says}" for each in faults if each.field.partition(".")[0] not in keys]


def lost_secrets(kind: str, form: Mapping[str, str]) -> list[registry.ChannelFault]:
    """A fault for each secret that was typed and is not in the form any more, because its page was older than our last start
    (`stale_forms`): sent without them, the channel would be another one than was meant."""
    lost = form.get(LOST, "").split()
    return [registry.ChannelFault(each.key, "was not kept") for each in KINDS[kind].fields if each.name in lost]


def _fault(field: Field, form: Mapping[str, str], faults: Sequence[registry.ChannelFault]) -> str:
    found = next((each for each in faults if each.field.partition(".")[0] == field.key), None)
    if found:
        return _sentence(found, field)
    is_typed = field.is_secret and form.get(field.name, "").strip()
    return f"“{field.label}” is not shown again: type it anew." if is_typed else ""


def _sentence(fault: registry.ChannelFault, field: Field) -> str:
    """In the words of the form: what a settings file would have to say is no help here. A secret has to be typed again."""
    what = _ASSIGNMENT.sub("", fault.says.partition("; ")[0]).rstrip(".")
    again = " It is not shown again: type it anew." if field.is_secret and what != "is missing" else ""
    return f"“{field.label}” {what}.{again}"


_ASSIGNMENT = re.compile(r': \w+ = ".*"$')
"""How a settings file would say it."""


def _value(key: str, said: str) -> Any:
    if key in _NUMBERS and said.isascii() and said.isdigit():
        return int(said[:9])
    if key == "to":
        return [each.strip() for each in said.split(",") if each.strip()]
    if key == "secrets":
        return said.replace(",", " ").split()
    return {"Authorization": said} if key == "headers" else said


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
