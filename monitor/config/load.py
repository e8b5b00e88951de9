"""Loading and showing settings: the TOML file and the environment become `Settings`, or one ConfigError with all faults.

`raw` collects raw values and where each was written, `settings` validates them. Here validation errors become texts for the
operator: the place, the setting's name and how to mend it, for an unknown name the closest valid one.
A value that may be secret is never quoted: not in a fault, not by `shown`, not by repr.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr, ValidationError

from monitor.config import raw as raw_values
from monitor.config.raw import PATH_VARIABLE, SECRET, Place, RawSettings, SettingOrigin, variable
from monitor.config.settings import FeedSettings, Settings
from monitor.text import urls
from monitor.text.secrets import MASK, Secrets, keys_of, without_keys
from monitor.text.tokens import clean_line
from monitor.types.errors import ConfigError

DEFAULT_PATH = Path("config/monitor.toml")


def load(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings in force: those of the file, overridden by the environment.

    `path` None means MONITOR_CONFIG of `env` or, without that, config/monitor.toml, the only file that may be missing (which
    `Settings.notes` then says). Raises ConfigError with all faults at once, each with its place and mend.
    """
    raw, is_readable = _gather(path, env)
    settings = _checked(raw) if is_readable else None
    if settings is None or raw.faults:
        raise ConfigError(*dict.fromkeys(text for _, text in sorted(raw.faults, key=lambda each: each[0])))
    found = _with_origins(settings, raw)
    found._file = str(_source(path, env).absolute())
    return found


def load_valid_part(path: Path | None, env: Mapping[str, str]) -> Settings | None:
    """The settings without the faulty values, so that faults elsewhere (in seeds) can be reported in the same run.

    None where the file cannot be read or the faults cannot be removed. Not to be run with.
    """
    raw, is_readable = _gather(path, env)
    for _ in range(_SALVAGE_TRIES if is_readable else 0):
        try:
            return _with_origins(Settings.model_validate(raw.tree), raw)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                _remove(raw.tree, [str(part) for part in each["loc"] if part != "[key]"])
    return None


def feed_by_command(name: str, values: Mapping[str, object]) -> FeedSettings:
    """A feed that a command describes, checked like a section of the file. Raises ConfigError with all faults."""
    raw = RawSettings(tree={"feeds": {name: {key: value for key, value in values.items() if value is not None}}})
    for key in values:
        raw.origins["feeds", name, key] = SettingOrigin(0, _ARGUMENTS.get(key, f"--{key.replace('_', '-')}"))
    settings = _checked(raw)
    if settings is None:
        raise ConfigError(*(text for _, text in raw.faults))
    return settings.feeds[name]


_ARGUMENTS = {"url": "URL", "interval_minutes": "--interval"}
"""What a command calls a feed's settings, where it is not the same word."""
_SALVAGE_TRIES = 5


def _remove(tree: dict[str, Any], path: list[str]) -> None:
    """Remove the value at `path`, or, where it is missing, the section that lacks it."""
    for part in path[:-1]:
        if not isinstance(tree.get(part), dict):
            tree.pop(part, None)
            return
        if path[-1] not in tree[part] and part == path[-2]:
            del tree[part]
            return
        tree = tree[part]
    tree.pop(path[-1], None)


def _source(path: Path | None, env: Mapping[str, str]) -> Path:
    return path or (Path(env[PATH_VARIABLE]) if env.get(PATH_VARIABLE) else DEFAULT_PATH)


def _gather(path: Path | None, env: Mapping[str, str]) -> tuple[RawSettings, bool]:
    """All raw values, and whether the file could be parsed."""
    source = _source(path, env)
    raw = RawSettings()
    is_required = bool(path or env.get(PATH_VARIABLE))
    is_readable = raw_values.read_toml(raw, source, is_required=is_required)
    raw_values.read_environment(raw, env, [variable(*path) for path in _fixed_paths()])
    raw_values.read_named_files(raw, source.parent)
    return raw, is_readable


def _with_origins(settings: Settings, raw: RawSettings) -> Settings:
    settings._origins = {place: origin.place for place, origin in raw.origins.items()}
    settings._from_files = frozenset(raw.from_files)
    settings._notes = tuple(raw.notes)
    return settings


# --- checking ---------------------------------------------------------------------------------------------------------

_MESSAGES = {
    "bool": ("must be true or false", "write true or false, without quotes"),
    "string": ("must be text", "put it in quotes"),
    "too_short": ("must not be empty", "write a value or remove the line"),
    "too_long": ("is too long", "write at most 1024 characters"),
    "model": ("must be a section", "write [section] on a line of its own, and its keys below"),
    "dict": ("must be a section of named sections", "write for example [feeds.bbc-world], and the keys below"),
    "timezone": ("must name its time zone", "write for example 2021-10-15T08:00:00Z"),
    "datetime": ("must be a date and time", "write for example 2021-10-15T08:00:00Z"),
    "path": ("must be a path", 'write for example "seeds"'),
}


def _checked(raw: RawSettings) -> Settings | None:
    _fault_duplicate_feeds(raw)
    try:
        return Settings.model_validate(raw.tree)
    except ValidationError as error:
        found = error.errors(include_url=False)
    for each in found:
        path = tuple(str(part) for part in each["loc"] if part != "[key]")
        if path not in raw.faulty and each["type"] != "default_factory_not_called":
            is_unknown = each["type"] == "extra_forbidden"
            what, mend = _describe_unknown(path, raw) if is_unknown else _describe_invalid(path, each, raw)
            raw.add_fault(raw.origin(path), what, mend)
    return None


def _describe_invalid(path: Place, error: Any, raw: RawSettings) -> tuple[str, str]:
    name = ".".join(path)
    if error["type"] == "missing":
        return f"{name} is missing", f'add {path[-1]} = "..." to [{".".join(path[:-1])}]'
    if error["type"] == "literal_error":
        must, mend = f"must be one of {error['ctx']['expected']}", "write one of these"
    elif error["type"] == "fault":
        must, mend = error["ctx"]["must"], error["ctx"]["mend"]
    else:
        words = next((each for kind, each in _MESSAGES.items() if error["type"].startswith(kind)), None)
        must, mend = words or ("cannot be used", "see docs/configuration.md")
    return f"{name} {must}{_quote_value(path, error['input'], raw)}", mend


def _quote_value(path: Place, value: Any, raw: RawSettings) -> str:
    """', got <value>' for short plain values that cannot be secret, else ''."""
    if not isinstance(value, str | int | float) or path in raw.from_files or any(map(SECRET.search, path)):
        return ""
    plain = without_keys(value) if isinstance(value, str) else value
    return f", got {clean_line(json.dumps(plain, ensure_ascii=False), limit=60)}"


def _describe_unknown(path: Place, raw: RawSettings) -> tuple[str, str]:
    """Fault and mend of an unknown setting: the closest valid name, spelled as it has to be written in that place."""
    section, key = path[:-1], path[-1]
    names = list(_section_model(section).model_fields)
    nearest = difflib.get_close_matches(key, names, 1, 0.55)
    elsewhere = [each for each in _fixed_paths() if each[-1] == key]
    suggested = (*section, nearest[0]) if nearest else elsewhere[0] if elsewhere else None
    if suggested is None:
        return f"there is no setting {'.'.join(path)}", f"valid here: {', '.join(names)}"
    spelling = variable(*suggested) + "__KEY" * (not section) if raw.origin(path).is_variable else ".".join(suggested)
    return f"there is no setting {'.'.join(path)}", f"did you mean {spelling}?"


def _fault_duplicate_feeds(raw: RawSettings) -> None:
    """Two feeds of one URL would compete for the same articles and count each other's as copies."""
    feeds = raw.tree.get("feeds")
    first: dict[str, str] = {}
    for name, feed in feeds.items() if isinstance(feeds, dict) else ():
        try:
            page = urls.feed_key(urls.check(feed["url"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # reported by validation
        if (other := first.setdefault(page, name)) != name:
            what = f"feeds.{name}.url is the same as feeds.{other}.url"
            raw.add_fault(raw.origin(("feeds", name, "url")), what, "remove one of the two feeds")


def _section_model(section: Place) -> type[BaseModel]:
    if not section:
        return Settings
    return FeedSettings if section[0] == "feeds" else type(getattr(Settings(), section[0]))


def _fixed_paths() -> Iterator[Place]:
    """Paths of all settings with fixed names, that is, except those of feeds and channels."""
    for section, held in Settings():
        if isinstance(held, BaseModel):
            yield from ((section, key) for key in type(held).model_fields)


# --- showing ----------------------------------------------------------------------------------------------------------


class ShownSetting(NamedTuple):
    """One setting in force, for display: secrets are masked."""

    name: str
    value: str
    origin: str


def settings_in_force(settings: Settings) -> list[ShownSetting]:
    """All settings in force with their origins, in the order of docs/configuration.md; of feeds and channels what was set."""
    paths = [path for path in _fixed_paths() if path[0] != "clock" or settings.origin(*path) != "default"]
    return [
        *(_line(settings, path, getattr(getattr(settings, path[0]), path[1])) for path in paths),
        *(
            _line(settings, ("feeds", name, key), getattr(feed, key))
            for name, feed in settings.feeds.items()
            for key in type(feed).model_fields
            if key in feed.model_fields_set
        ),
        *(
            _line(settings, ("channels", name, key), value)
            for name, channel in settings.channels.items()
            for key, value in channel.items()
        ),
    ]


def secrets_of(settings: Settings) -> Secrets:
    """Everything in these settings that no log may hold: what came from files of its own, passwords, and what channels keep
    secret.
    """
    given = [
        settings.web.password,
        settings.embedding.api_key,
        settings.store.url if "@" in settings.store.url else None,
    ]
    given += [feed.url for name, feed in settings.feeds.items() if settings.is_from_file("feeds", name, "url")]
    given += [
        text
        for name, channel in settings.channels.items()
        for key, value in channel.items()
        if SECRET.search(key) or settings.is_from_file("channels", name, key)
        for text in _texts_in(value)
    ]
    return _hidden(each.get_secret_value() if isinstance(each, SecretStr) else str(each or "") for each in given)


def secrets_of_tables(tables: Iterable[Mapping[str, Any]]) -> Secrets:
    """What channels that were added by command or page keep secret, as `secrets_of` for those of the settings."""
    return _hidden(
        str(text) for table in tables for key, value in table.items() if SECRET.search(key) for text in _texts_in(value)
    )


def _texts_in(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return value
    return value.values() if isinstance(value, dict) else [value]


def _hidden(texts: Iterable[str]) -> Secrets:
    return Secrets(*(key for text in texts if len(text) >= 6 for key in (keys_of(text) if "://" in text else [text])))


def _line(settings: Settings, path: Place, value: Any) -> ShownSetting:
    in_channel = path[0] == "channels"
    is_secret = settings.is_from_file(*path) or (in_channel and bool(SECRET.search(path[-1])))
    text = _masked(value, is_secret=is_secret, hosts_only=is_secret or in_channel)
    return ShownSetting(clean_line(".".join(path)), clean_line(text), clean_line(settings.origin(*path)))


def _masked(value: Any, *, is_secret: bool, hosts_only: bool) -> str:
    """The value as text. `hosts_only`: shows of a URL only the host, since a channel's path is its password."""
    if value is None or value in ("", ()):
        return "(none)"
    if isinstance(value, str) and "://" in value:
        return urls.masked(value) if hosts_only else without_keys(value)
    if is_secret or isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dict):
        inner = {key: bool(SECRET.search(key)) for key in value}
        return ", ".join(f"{key}: {_masked(value[key], is_secret=inner[key], hosts_only=hosts_only)}" for key in value)
    if isinstance(value, list | tuple):
        return ", ".join(_masked(each, is_secret=False, hosts_only=hosts_only) for each in value)
    return json.dumps(value) if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
