"""What a receiver's answer means: what it is about (one recipient, this message, the destination), whether a retry can help,
and why. Pure, and the only place where this is decided, for all kinds of channels.

What follows from it (next attempt, pause of the channel, notices) is decided in `alerting.retry`. An answer about a message that
different messages get is the channel's: that is decided there too, as it needs what went before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from monitor.types.alerting import AttemptResult, Concern, Outcome, RecipientOutcome

ASK_AGAIN_AFTER: Final = timedelta(minutes=5)
"""After a mail server put us off or refused us. Greylisting usually ends after five minutes (RFC 6647 section 5 recommends between
one minute and a day), and servers that count failed logins or refusals usually count them over ten (fail2ban's default)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKind:
    """What an answer means, with the reason in a few words."""

    result: AttemptResult
    concern: Concern
    reason: str


def _accepted(concern: Concern = Concern.MESSAGE) -> AnswerKind:
    return AnswerKind(result=AttemptResult.SENT, concern=concern, reason="accepted")


def _later(concern: Concern, reason: str) -> AnswerKind:
    return AnswerKind(result=AttemptResult.TRANSIENT, concern=concern, reason=reason)


def _refused(concern: Concern, reason: str) -> AnswerKind:
    return AnswerKind(result=AttemptResult.REJECTED, concern=concern, reason=reason)


RECIPIENT, MESSAGE, DESTINATION = Concern

# --- HTTP -------------------------------------------------------------------------------------------------------------

# The first row that has the status decides. Sources: RFC 9110 section 15, RFC 6585, RFC 8470; Standard Webhooks for 410.
HTTP: Final[tuple[tuple[Collection[int], AnswerKind], ...]] = (
    (range(200, 300), _accepted()),
    ((301, 308), _refused(DESTINATION, "the address has moved: update the URL")),
    (range(300, 400), _later(DESTINATION, "it redirects, which is not followed")),
    ((408, 425, 429), _later(DESTINATION, "it asks to be left alone for a while")),
    ((410,), AnswerKind(result=AttemptResult.GONE, concern=DESTINATION, reason="the address is gone for good")),
    ((401, 402, 407), _refused(DESTINATION, "it does not know us, or no longer: correct the key or account")),
    ((403, 451), _refused(DESTINATION, "we may not post there: correct the key, or its rights")),
    ((404, 421), _refused(DESTINATION, "there is nothing at this address: correct the URL")),
    ((405, 426), _refused(DESTINATION, "this address does not take posts: correct the URL")),
    (range(400, 500), _refused(MESSAGE, "it calls the message wrong")),
    ((500, 501, 505), _later(MESSAGE, "it failed, perhaps over this message")),
    (range(500, 600), _later(DESTINATION, "it is down or overloaded")),
)
_NO_ANSWER_OF_HTTP: Final = _later(DESTINATION, "it does not answer in proper HTTP")


def of_http(status: int) -> AnswerKind:
    """What an HTTP status means."""
    return next((kind for statuses, kind in HTTP if status in statuses), _NO_ANSWER_OF_HTTP)


NOT_REACHED: Final = _later(DESTINATION, "it cannot be reached")
REFUSED_ADDRESS: Final = _refused(DESTINATION, "we may not call this address: correct it, or allow it")
NO_ANSWER: Final = AnswerKind(
    result=AttemptResult.UNKNOWN, concern=MESSAGE, reason="all was sent and no answer came: it may have arrived"
)

# --- SMTP -------------------------------------------------------------------------------------------------------------


class Step(StrEnum):
    """How far an SMTP session got: what a code means depends on the command that it answers."""

    CONNECT = "connect"
    """Banner, EHLO, STARTTLS, AUTH."""
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    TEXT = "DATA"
    """The command and, after the text, the dot."""


_ACCEPTED, _PUT_OFF, _REFUSED = range(200, 300), range(400, 500), range(500, 600)
_CLOSING = (421,)
_TOO_LARGE = (552,)

# The first row that has the step and the code decides. Source: RFC 5321 section 4.2.
SMTP: Final[tuple[tuple[Collection[Step], Collection[int], AnswerKind], ...]] = (
    (tuple(Step), _CLOSING, _later(DESTINATION, "the mail server ends the session: it is busy or going down")),
    ((Step.RECIPIENT,), _ACCEPTED, _accepted(RECIPIENT)),
    # A full mailbox empties: RFC 5321 section 4.5.3.1.10 has 552 for a recipient treated as 452.
    ((Step.RECIPIENT,), (*_PUT_OFF, *_TOO_LARGE), _later(RECIPIENT, "the mailbox is full, or puts us off")),
    ((Step.RECIPIENT,), _REFUSED, _refused(RECIPIENT, "the mailbox is closed to us, or does not exist")),
    ((Step.TEXT,), _ACCEPTED, _accepted()),
    ((Step.TEXT,), _PUT_OFF, _later(MESSAGE, "the mail server puts this mail off")),
    ((Step.TEXT,), _REFUSED, _refused(MESSAGE, "the mail server refuses this mail")),
    ((Step.TEXT,), range(1000), NO_ANSWER),
    ((Step.SENDER,), _TOO_LARGE, _refused(MESSAGE, "the mail is too large")),
    ((Step.SENDER,), _REFUSED, _refused(DESTINATION, "the mail server does not take mail from our address")),
    ((Step.CONNECT,), _REFUSED, _refused(DESTINATION, "the mail server refuses us: correct account and settings")),
    ((Step.CONNECT, Step.SENDER), _PUT_OFF, _later(DESTINATION, "the mail server puts us off")),
)
_NO_ANSWER_OF_SMTP: Final = _later(DESTINATION, "it does not answer as a mail server does")


def of_smtp(step: Step, code: int, said: str = "") -> AnswerKind:
    """What the answer of a mail server to this step means; `said` is its text.

    A refusal that calls itself temporary is one, and a full mailbox empties, whatever its code: Exchange says `554 5.2.2` of it.
    """
    if step in (Step.RECIPIENT, Step.TEXT) and code in _REFUSED and _TEMPORARY.search(said):
        code = _FULL
    rows = (kind for steps, codes, kind in SMTP if step in steps and code in codes)
    return next(rows, _NO_ANSWER_OF_SMTP)


# Status codes of RFC 3463: class 4 is temporary, X.2.2 is a full mailbox.
_TEMPORARY = re.compile(
    r"^\W*(?:\d{3}[ -])?(?:4\.\d{1,3}\.\d{1,3}|5\.2\.2)(?!\d)|\b(?:over ?quota|quota (?:is )?exceeded|exceeded \w* ?quota"
    r"|mail ?box (?:is |has )?(?:been )?(?:over)?full|grey-?list(?:ed|ing)|gray-?list(?:ed|ing))\b",
    re.I,
)
_FULL: Final = 452


def of_recipients(settled: Mapping[str, AttemptResult], answers: Sequence[RecipientOutcome]) -> Outcome:
    """The one outcome of the answers for single recipients; `settled` are those of earlier attempts.

    Where nobody has the mail, nobody is told of anything: that is the destination's, and then no single answer is final.
    """
    waiting = [each for each in answers if each.result is AttemptResult.TRANSIENT]
    refused = [each for each in answers if each.result is AttemptResult.REJECTED]
    is_read = AttemptResult.SENT in {*settled.values(), *(each.result for each in answers)}
    if is_read and not waiting:
        told = tuple(answers)
        return Outcome(
            result=AttemptResult.SENT, code="250", detail=_joined(refused), reason="accepted", recipients=told
        )
    if is_read:
        kind = _later(RECIPIENT, "the others have it; it waits for these")
    elif waiting:
        kind = _later(DESTINATION, "no recipient takes mail at present")
    else:
        kind = _refused(DESTINATION, "no recipient is accepted: correct the addresses")
    return Outcome(
        result=kind.result,
        code=next((each.code for each in (*waiting, *refused)), ""),
        detail=_joined(waiting if is_read else [*waiting, *refused]),
        retry_after_for=ASK_AGAIN_AFTER,
        concern=kind.concern,
        reason=kind.reason,
        recipients=tuple(answers) if is_read else (),
    )


def _joined(answers: Sequence[RecipientOutcome]) -> str:
    """The answers on one line, cut between two of them."""
    said = [f"{each.name}: {each.code} {each.detail}".strip() for each in answers]
    kept = [each for at, each in enumerate(said) if sum(map(len, said[: at + 1])) <= _DETAIL or at == 0]
    more = len(said) - len(kept)
    return "; ".join(kept)[: 2 * _DETAIL] + (f"; and {more} more" if more else "")


_DETAIL = 1000

# --- Slack ------------------------------------------------------------------------------------------------------------

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
# https://docs.slack.dev/reference/methods/chat.postMessage#errors
_SLACK_DESTINATION = re.compile(
    r"no_service|no_service_id|no_active_hooks|no_team|team_disabled|team_\w+|invalid_token|invalid_auth|not_authed|token_\w+|"
    r"account_inactive|user_not_found|action_prohibited|channel_not_found|channel_is_archived|is_archived|not_in_channel|"
    r"posting_to_general_channel_denied|restricted_action\w*|org_login_required|missing_scope|no_permission|ekm_access_denied|"
    r"enterprise_is_restricted|not_allowed_token_type|method_deprecated|two_factor_setup_required|access_denied"
)
_SLACK_MESSAGE = re.compile(
    r"invalid_\w+|no_text|missing_\w+|msg_too_long|msg_blocks_too_long|too_many_attachments|attachment\w*_limit_exceeded"
)
_SLACK_LATER = re.compile(
    r"rate_?limited|rollup_error|internal_error|fatal_error|service_unavailable|request_timeout|accesslimited"
)
_SLACK_HOSTS = ("slack.com", "slack-gov.com")


def is_slack(host: str) -> bool:
    """Whether a host is Slack's own, and not that of a server that is compatible with it."""
    return host.lower().rstrip(".").endswith(tuple(f".{each}" for each in _SLACK_HOSTS)) or host in _SLACK_HOSTS


def of_slack_webhook(status: int, text: str, *, host: str) -> tuple[AnswerKind, str]:
    """What the answer to an incoming webhook means, and its code.

    Slack says `ok` to what it took, and answers 200 to more than that (S1). Servers that are compatible with it say many things;
    2xx is success there, unless they name an error.
    """
    said, found = text.strip(), _object(text)
    kind = of_http(status)
    if kind.result is AttemptResult.GONE:
        return kind, said if _SLACK_DESTINATION.fullmatch(said) else str(status)
    if kind.result is AttemptResult.SENT and (said == "ok" or found.get("ok") is True):
        return kind, str(status)
    if by_word := _of_slack_word(error := _error_in(found) or said):
        return by_word, error
    if kind.result is not AttemptResult.SENT:
        return kind, str(status)
    if _error_in(found):
        return _refused(MESSAGE, "it names an error"), "not ok"
    return (_NOT_OK, "not ok") if is_slack(host) else (kind, str(status))


def of_slack_api(status: int, text: str) -> tuple[AnswerKind, str]:
    """What the answer to a method of Slack's API means, and its code: `ok` and `error` of the body overrule the status.

    An error that we do not know is the message's, until different messages get it.
    """
    found, kind = _object(text), of_http(status)
    error = _error_in(found)
    if kind.result is AttemptResult.GONE or not (error or kind.result is AttemptResult.SENT):
        return kind, str(status)
    if not error:
        return (kind, str(status)) if found.get("ok") is True else (_NOT_OK, "not ok")
    if kind.result is AttemptResult.TRANSIENT:
        return kind, error
    return _of_slack_word(error) or _refused(MESSAGE, "it names an error"), error


_NOT_OK: Final = _later(DESTINATION, "it does not answer as Slack does")


def _of_slack_word(word: str) -> AnswerKind | None:
    if _SLACK_LATER.fullmatch(word):
        return _later(DESTINATION, "it asks to be left alone for a while")
    if _SLACK_DESTINATION.fullmatch(word):
        return _refused(DESTINATION, "the channel is closed to us: correct the address or the key")
    return _refused(MESSAGE, "it calls the message wrong") if _SLACK_MESSAGE.fullmatch(word) else None


def _object(text: str) -> dict[str, Any]:
    """The JSON object that an answer is; an empty one where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _error_in(found: Mapping[str, Any]) -> str:
    """The error that a JSON answer names, `not ok` where it only says that there is one; '' where there is none."""
    is_failed = any(found.get(each) in _NO for each in ("ok", "success"))
    named = found.get("error") or found.get("errors")
    if isinstance(named, str) and named:
        return named[:100]
    is_bad = str(found.get("status", found.get("result", ""))).lower() in _FAILED
    return "not ok" if is_failed or is_bad or (named and found.get("ok") is not True) else ""


_NO: Final = (False, "false", "False", "no")
_FAILED: Final = ("error", "errors", "fail", "failed", "failure")
"""What answers of servers that are like Slack say as their `status` or `result`, where they took no message."""
