"""A TOML file and the environment in, `Settings` out, or one ConfigError with every fault there is. Prints nothing.

`draft` gathers raw values and where each was written, `settings` checks them; here the two meet: what is wrong gets its
place, its name and its mend, what is unknown the nearest name that exists, and what is in force can be shown.
A value that may be a secret is never quoted: not in a fault, not by `shown`, not by repr.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr, ValidationError

from monitor.config import raw as drafts
from monitor.config.raw import PATH_VARIABLE, SECRET, Place, RawSettings, variable
from monitor.config.settings import FeedSettings, Settings
from monitor.text import urls
from monitor.text.tokens import clean_line
from monitor.types.errors import ConfigError

DEFAULT_PATH = Path("config/monitor.toml")
MASK = "********"


def load(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings in force: the file's, with the environment's laid over them.

    `path` None means MONITOR_CONFIG of `env` or, without that, config/monitor.toml, the only file that may be missing (a
    note in `Settings.notes` says so then). Raises ConfigError with every fault at once, each with its place and mend.
    """
    draft, is_readable = _drafted(path, env)
    settings = _checked(draft) if is_readable else None
    if settings:
        _blame_strangers(draft, settings)
    if settings is None or draft.faults:
        raise ConfigError(*dict.fromkeys(text for _, text in sorted(draft.faults, key=lambda each: each[0])))
    return _with_origins(settings, draft)


def salvaged(path: Path | None, env: Mapping[str, str]) -> Settings | None:
    """What `load` would give without the values that are at fault, so that other faults can be told in the same run.

    None where the file cannot be read at all. Not fit to run on.
    """
    draft, is_readable = _drafted(path, env)
    for _ in range(_SALVAGE_TRIES if is_readable else 0):
        try:
            return _with_origins(Settings.model_validate(draft.tree), draft)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                _leave_out(draft.tree, [str(part) for part in each["loc"] if part != "[key]"])
    return None


_SALVAGE_TRIES = 5


def _leave_out(tree: dict[str, Any], path: list[str]) -> None:
    """Remove the value, or where it is missing what misses it."""
    for part in path[:-1]:
        if not isinstance(tree.get(part), dict):
            tree.pop(part, None)
            return
        if path[-1] not in tree[part] and part == path[-2]:
            del tree[part]
            return
        tree = tree[part]
    tree.pop(path[-1], None)


def _drafted(path: Path | None, env: Mapping[str, str]) -> tuple[RawSettings, bool]:
    """All raw values, and whether the file could be read."""
    asked = path or (Path(env[PATH_VARIABLE]) if env.get(PATH_VARIABLE) else None)
    source = asked or DEFAULT_PATH
    draft = RawSettings()
    is_readable = drafts.read_toml(draft, source, is_asked=asked is not None)
    drafts.read_environment(draft, env, [variable(*path) for path in _static()])
    drafts.read_named_files(draft, source.parent)
    return draft, is_readable


def _with_origins(settings: Settings, draft: RawSettings) -> Settings:
    settings._origins = {place: origin.place for place, origin in draft.origins.items()}
    settings._from_files = frozenset(draft.from_files)
    settings._notes = tuple(draft.notes)
    return settings


# --- checking ---------------------------------------------------------------------------------------------------------

_WORDS = {
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


def _checked(draft: RawSettings) -> Settings | None:
    _blame_doubles(draft)
    try:
        return Settings.model_validate(draft.tree)
    except ValidationError as error:
        found = error.errors(include_url=False)
    for each in found:
        path = tuple(str(part) for part in each["loc"] if part != "[key]")
        if path not in draft.blamed and each["type"] != "default_factory_not_called":
            what, mend = _unknown(path, draft) if each["type"] == "extra_forbidden" else _wrong(path, each, draft)
            draft.blame(draft.origin(path), what, mend)
    return None


def _wrong(path: Place, error: Any, draft: RawSettings) -> tuple[str, str]:
    name = ".".join(path)
    if error["type"] == "missing":
        return f"{name} is missing", f'add {path[-1]} = "..." to [{".".join(path[:-1])}]'
    if error["type"] == "literal_error":
        must, mend = f"must be one of {error['ctx']['expected']}", "write one of these"
    elif error["type"] == "fault":
        must, mend = error["ctx"]["must"], error["ctx"]["mend"]
    else:
        words = next((each for kind, each in _WORDS.items() if error["type"].startswith(kind)), None)
        must, mend = words or ("cannot be used", "see docs/configuration.md")
    return f"{name} {must}{_got(path, error['input'], draft)}", mend


def _got(path: Place, value: Any, draft: RawSettings) -> str:
    """What was written, for short plain values that cannot be secret."""
    if not isinstance(value, str | int | float) or path in draft.from_files or any(map(SECRET.search, path)):
        return ""
    plain = _without_password(value) if isinstance(value, str) else value
    return f", got {clean_line(json.dumps(plain, ensure_ascii=False), limit=60)}"


def _unknown(path: Place, draft: RawSettings) -> tuple[str, str]:
    """The nearest name that exists, spelt the way it has to be written there."""
    section, key = path[:-1], path[-1]
    names = list(_model(section).model_fields)
    nearest = difflib.get_close_matches(key, names, 1, 0.55)
    elsewhere = [each for each in _static() if each[-1] == key]
    meant = (*section, nearest[0]) if nearest else elsewhere[0] if elsewhere else None
    if meant is None:
        return f"there is no setting {'.'.join(path)}", f"valid here: {', '.join(names)}"
    spelt = variable(*meant) + "__KEY" * (not section) if draft.origin(path).is_variable else ".".join(meant)
    return f"there is no setting {'.'.join(path)}", f"did you mean {spelt}?"


def _blame_doubles(draft: RawSettings) -> None:
    """Two feeds of one URL would race for the same articles and count each other's as copies."""
    feeds = draft.tree.get("feeds")
    first: dict[str, str] = {}
    for name, feed in feeds.items() if isinstance(feeds, dict) else ():
        try:
            page = urls.check(feed["url"]).partition("://")[2].rstrip("/")
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # has its own fault
        if (other := first.setdefault(page, name)) != name:
            what = f"feeds.{name}.url is the same as feeds.{other}.url"
            draft.blame(draft.origin(("feeds", name, "url")), what, "remove one of the two feeds")


def _blame_strangers(draft: RawSettings, settings: Settings) -> None:
    """A preferred source that is no feed would be preferred in vain."""
    path = ("stories", "preferred_sources")
    for name in settings.stories.preferred_sources:
        if name not in settings.feeds:
            near = difflib.get_close_matches(name, list(settings.feeds), 1, 0.55)
            mend = f'did you mean "{near[0]}"?' if near else "name sections of [feeds.<name>]"
            draft.blame(draft.origin(path), f'stories.preferred_sources names "{name}", which is no feed', mend)


def _model(section: Place) -> type[BaseModel]:
    if not section:
        return Settings
    return FeedSettings if section[0] == "feeds" else type(getattr(Settings(), section[0]))


def _static() -> Iterator[Place]:
    """Every setting with a fixed name: all but those of feeds and channels."""
    for section, held in Settings():
        if isinstance(held, BaseModel):
            yield from ((section, key) for key in type(held).model_fields)


# --- showing ----------------------------------------------------------------------------------------------------------


class ShownSetting(NamedTuple):
    """One setting in force, fit for a terminal: secrets masked."""

    name: str
    value: str
    origin: str


def shown(settings: Settings) -> list[ShownSetting]:
    """Everything in force with its origin, in the order of docs/configuration.md; feeds and channels as far as written."""
    paths = [path for path in _static() if path[0] != "clock" or settings.origin(*path) != "default"]
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


def _line(settings: Settings, path: Place, value: Any) -> ShownSetting:
    in_channel = path[0] == "channels"
    is_secret = settings.is_from_file(*path) or (in_channel and bool(SECRET.search(path[-1])))
    text = _masked(value, is_secret=is_secret, hosts_only=is_secret or in_channel)
    return ShownSetting(clean_line(".".join(path)), clean_line(text), clean_line(settings.origin(*path)))


def _masked(value: Any, *, is_secret: bool, hosts_only: bool) -> str:
    """`hosts_only`: of any web address no more than the host, for a channel's path is its password."""
    if value is None or value in ("", ()):
        return "(none)"
    if isinstance(value, str) and "://" in value:
        return urls.masked(value) if hosts_only else _without_password(value)
    if is_secret or isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dict):
        inner = {key: bool(SECRET.search(key)) for key in value}
        return ", ".join(f"{key}: {_masked(value[key], is_secret=inner[key], hosts_only=hosts_only)}" for key in value)
    if isinstance(value, list | tuple):
        return ", ".join(_masked(each, is_secret=False, hosts_only=hosts_only) for each in value)
    return json.dumps(value) if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _without_password(url: str) -> str:
    """A database's or a feed's address: name and path are worth seeing, a password or token in it is not."""
    url = re.sub(r"//[^/]*@", f"//{MASK}@", url)
    return re.sub(
        r"(?<=[?&])([^=&]*)=[^&]*", lambda found: f"{found[1]}={MASK}" if SECRET.search(found[1]) else found[0], url
    )
