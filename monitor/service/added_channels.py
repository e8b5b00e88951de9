"""The channels that were added by command or page, as far as this node has their files. Read again when a file changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.alerting.channels import registry
from monitor.alerting.channels.base import Channel, Poster
from monitor.config import channel_files, load
from monitor.service import logs
from monitor.types.errors import ConfigError

log = logging.getLogger("monitor.channels")


class AddedChannels:
    """The channels of a folder, by name. `poster` is called when the first is built."""

    def __init__(self, folder: Path | None, poster: Callable[[], Poster]) -> None:
        self._folder, self._poster = folder, poster
        self._signature: object = None
        self._ever: tuple[Mapping[str, object], ...] = ()
        """Every table since the start: a request under way may still quote an address that was changed or removed."""
        self.channels: Mapping[str, Channel] = {}
        self.faults: tuple[str, ...] = ()
        """A line for each file that cannot be used."""
        self.open_to_others: tuple[str, ...] = ()
        """Files that other users of the machine may read."""

    def refresh(self) -> bool:
        """Read the files where one has changed; whether one had. What they keep secret is from then on kept out of the log, also
        when they have changed or are gone."""
        signature = channel_files.signature(self._folder)
        if signature == self._signature:
            return False
        found = channel_files.read(self._folder)
        self._ever += tuple(each for each in found.tables.values() if each not in self._ever)
        logs.hide(load.secrets_of_tables(self._ever).out_of, of="added channels")
        built, faults = self._built(found.tables)
        self.channels, self.faults, self.open_to_others = built, (*found.faults, *faults), found.open_to_others
        self._signature = signature
        for fault in self.faults:
            log.error("%s", fault)
        return True

    def _built(self, tables: Mapping[str, Mapping[str, object]]) -> tuple[dict[str, Channel], list[str]]:
        built: dict[str, Channel] = {}
        faults: list[str] = []
        for name, table in tables.items():
            try:
                built[name] = registry.build(name, table, self._poster())
            except ConfigError as error:
                faults += [f"{self._folder}/{name}.json: {fault}" for fault in error.faults]
        return built, faults
