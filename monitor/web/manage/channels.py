"""Channels by page: add, change and remove. Secrets go into a file of this node (`config.channel_files`) and are never shown again.

What became of a channel, its tests, pauses and alerts are on the pages of `alerts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.alerting import channel_additions
from monitor.alerting.channels import registry
from monitor.alerting.channels.registry import ChannelFault
from monitor.config import channel_files
from monitor.store.db import Database
from monitor.types.errors import ConfigError
from monitor.types.plans import ADDED, SettingsRow
from monitor.web.manage import channel_forms
from monitor.web.manage.channel_forms import KINDS
from monitor.web.manage.concurrent_edits import merged
from monitor.web.pages import PageRequest
from monitor.web.show import page
from monitor.web.tools import PageTools

_NO_FOLDER = (
    "This monitor runs without a settings file, so there is no place for a channel's secrets. Nothing was changed."
)


class ChannelPages:
    """The forms of channels."""

    def __init__(self, db: Database, clock: Callable[[], datetime], tools: PageTools) -> None:
        self.db, self.clock = db, clock
        self._folder, self._max_age_for = tools.channel_folder, tools.held_after_for

    def blank(self, asked: PageRequest) -> Response:
        """The empty form of one kind of channel, and the other kinds to choose from."""
        return self._new(asked, _kind(asked.query.get("kind", "slack")), name="", form={})

    def add(self, asked: PageRequest) -> Response:
        """Put a new channel in force."""
        kind, name = _kind(asked.form.get("kind", "")), asked.form.get("name", "").strip()
        table = channel_forms.table_of(kind, asked.form, {})
        if faults := (*registry.faults_of(name, table), *channel_forms.lost_secrets(kind, asked.form)):
            return self._new(asked, kind, name=name, form=asked.form, faults=faults)
        try:
            channel_additions.add(self.db, self._place(), name, table, now=self.clock(), max_age_for=self._max_age_for)
        except ConfigError as error:
            fault = ChannelFault("name", _said(error))
            return self._new(asked, kind, name=name, form=asked.form, faults=(fault,))
        return RedirectResponse("/channels?done=added#said", 303)

    def channel(self, asked: PageRequest) -> Response:
        """The form of a channel that was added by command or page."""
        row, kept = self._found(asked.name), self._kept(asked.name)
        kind = _kind(str(row.values["kind"]))
        return self._edit(asked, kind, form=channel_forms.filled(kind, kept), kept=kept)

    def settings(self, asked: PageRequest) -> Response:
        """Change a channel."""
        row, kept = self._found(asked.name), self._kept(asked.name)
        kind = _kind(str(row.values["kind"]))
        form, conflicts = merged(asked.form, channel_forms.filled(kind, kept))
        asked = replace(asked, form=form)
        table = channel_forms.table_of(kind, form, kept)
        untyped = (
            *(ChannelFault(key, says) for key, says in conflicts.items()),
            *channel_forms.secrets_to_type_again(kind, asked.form, kept),
            *channel_forms.lost_secrets(kind, asked.form),
        )
        if faults := (*registry.faults_of(asked.name, table), *untyped):
            return self._edit(asked, kind, form=asked.form, kept=kept, faults=faults)
        try:
            channel_additions.change(
                self.db, self._place(), asked.name, table, now=self.clock(), max_age_for=self._max_age_for
            )
        except ConfigError as error:
            return self._edit(asked, kind, form=asked.form, kept=kept, problem=_said(error))
        return RedirectResponse("/channels?done=changed#said", 303)

    def remove(self, asked: PageRequest) -> Response:
        """Send nothing more by a channel."""
        self._found(asked.name)
        if asked.form.get("sure") != "yes":
            raise HTTPException(400, "Tick the box first. Nothing was changed.")
        try:
            channel_additions.remove(self.db, self._place(), asked.name)
        except ConfigError as error:
            raise HTTPException(409, f"{_said(error)}. Nothing was changed.") from error
        return RedirectResponse("/channels?done=removed#said", 303)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _new(
        self, asked: PageRequest, kind: str, *, name: str, form: Mapping[str, str], faults: Sequence[ChannelFault] = ()
    ) -> Response:
        named = next((each.says for each in faults if each.field == "name"), "")
        return page(
            "channel_new.html",
            status=400 if faults else 200,
            asked=asked,
            kinds=KINDS,
            kind=kind,
            given_name=name,
            name_fault=named and f"{named[0].upper()}{named[1:]}.",
            fields=channel_forms.shown(kind, form, faults),
            problems=channel_forms.other_faults(kind, faults),
            can_add=self._folder is not None,
        )

    def _edit(
        self,
        asked: PageRequest,
        kind: str,
        *,
        form: Mapping[str, str],
        kept: Mapping[str, Any],
        faults: Sequence[ChannelFault] = (),
        problem: str = "",
    ) -> Response:
        return page(
            "channel.html",
            status=400 if faults or problem else 200,
            asked=asked,
            channel=asked.name,
            kind=KINDS[kind],
            fields=channel_forms.shown(kind, form, faults, kept=kept),
            problems=[*channel_forms.other_faults(kind, faults), *([problem] if problem else ())],
            has_file=bool(kept),
            as_is=channel_forms.filled(kind, kept),
        )

    def _found(self, name: str) -> SettingsRow:
        with self.db.reading() as session:
            row = channel_additions.row_of(session, name)
        if row is None or not row.is_on:
            raise HTTPException(404, "There is no channel of that name in force.")
        if row.origin != ADDED:
            raise HTTPException(409, "This channel stands in a settings file: change it there. Nothing was changed.")
        return row

    def _kept(self, name: str) -> Mapping[str, Any]:
        """What this node's file says of the channel; nothing where it has none."""
        return channel_files.read(self._folder).tables.get(name, {})

    def _place(self) -> Path:
        if self._folder is None:
            raise HTTPException(409, _NO_FOLDER)
        return self._folder


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise HTTPException(404, "There is no such kind of channel.")
    return kind


def _said(error: ConfigError) -> str:
    return "; ".join(error.faults)
