"""`monitor doctor`: checks of environment, settings and store, one result a line with advice. Changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from monitor.cli import base
from monitor.text.tokens import some_of
from monitor.topics import seeds
from monitor.types.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from monitor.config.settings import Settings
    from monitor.store.db import Database

_LARGE_WAL = 64 * 1024 * 1024
_some = partial(some_of, separator="; ")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check, with advice where it is not ok."""

    what: str
    level: str
    """ok, warn or fail."""
    says: str
    mend: str = ""


def doctor(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """Find what is wrong, and how to fix it.

    Checks environment, settings, store, daemons, feeds, channels and seeds. Exits with 1 where a check fails, as where
    no daemon is running; warnings exit with 0. `monitor status` says in brief what goes on.

    \b
    Examples:
      monitor doctor
      monitor doctor --json | jq '.[] | select(.level != "ok")'
    """
    cli = base.cli_of(ctx)
    cli.log()
    findings = list(_run_checks(cli))
    if as_json:
        base.print_json([asdict(each) for each in findings])
    else:
        for each in findings:
            mend = f" -> {each.mend}" if each.mend else ""
            base.line(f"{each.level:<5} {each.what}: {each.says}{mend}")
    if any(each.level == "fail" for each in findings):
        raise typer.Exit(base.Code.FAILED)


def _run_checks(cli: base.Cli) -> Iterator[CheckResult]:
    yield _python()
    try:
        settings = cli.settings
    except ConfigError as error:
        yield from (
            CheckResult("settings", "fail", fault, "correct it; `monitor check` shows all") for fault in error.faults
        )
        return
    yield _settings(settings)
    yield from _channels(settings)
    yield _seeds_check(settings)
    yield from _embedder(settings)
    yield from _feed_languages(settings)
    yield from _store(settings, cli.now())


def _python() -> CheckResult:
    return CheckResult("python", "ok", f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}")


def _settings(settings: Settings) -> CheckResult:
    if settings.notes:
        return CheckResult("settings", "warn", "; ".join(settings.notes), "`monitor check` shows what is in force")
    return CheckResult("settings", "ok", f"{len(settings.feeds)} feeds, {len(settings.channels)} channels")


def _channels(settings: Settings) -> Iterator[CheckResult]:
    from monitor.service.app import App

    app = App(settings)
    try:
        assert app.settings_channels is not None
    except ConfigError as error:
        yield from (CheckResult("channels", "fail", fault, "correct it in the settings") for fault in error.faults)
    for fault in app.added_channels.faults:
        yield CheckResult("channels", "fail", fault, "save the channel again on the page")
    for file in app.added_channels.open_to_others:
        yield CheckResult("channels", "warn", f"{file} can be read by other users of this machine", f"chmod 600 {file}")
    says, mend = settings.link_warning
    if says:
        yield CheckResult("links", "warn", says, mend)


def _seeds_check(settings: Settings) -> CheckResult:
    shelf = seeds.load(settings.seeds.dir)
    if shelf.faults:
        return CheckResult("seeds", "fail", _some(shelf.faults), "`monitor topics check` names every fault")
    if shelf.warnings:
        return CheckResult("seeds", "warn", _some(shelf.warnings), "`monitor topics check` names them all")
    if not shelf.topics:
        return CheckResult("seeds", "warn", "no topic", f"put an article into {settings.seeds.dir}/TOPIC/")
    return CheckResult("seeds", "ok", f"{len(shelf.topics)} topics")


def _embedder(settings: Settings) -> Iterator[CheckResult]:
    """Whether the package of a local embedder is installed; an address is not called."""
    from monitor.matching import embedders
    from monitor.types import embedding

    spec = embedding.parse(settings.embedding.embedder)
    if spec.kind in ("none", "http"):
        return
    is_default = spec.kind == "auto"
    try:
        spec = embedders.default_spec() if is_default else spec
        yield CheckResult("embedder", "ok", embedders.identity(spec))
    except embedders.EmbedderError as error:
        what, _, mend = str(error).partition("; ")
        is_lost = "articles are matched by words alone, each topic only in the languages of its examples and sentence"
        yield CheckResult("embedder", "warn" if is_default else "fail", f"{what}: {is_lost}", mend)


def _feed_languages(settings: Settings) -> Iterator[CheckResult]:
    """Where no topic can match what a feed publishes."""
    from monitor.cli.models import unmatched_feeds

    for each in unmatched_feeds(settings, seeds.load(settings.seeds.dir).topics):
        yield CheckResult("languages", "warn", each.says, each.mend)


# --- the store --------------------------------------------------------------------------------------------------------


def _store(settings: Settings, now: datetime) -> Iterator[CheckResult]:
    path = settings.store.path
    if path is not None:
        yield _sqlite()
        yield _folder(path)
        if not path.exists():
            yield CheckResult(
                "store", "warn", f"there is none at {path} yet", "`monitor run` or `monitor poll` makes it"
            )
            return
        yield from _lock(path)
    from monitor.store.db import Database

    db = Database(settings.store.url)
    try:
        yield from _store_contents(db, now, settings)
    except StoreError as error:
        yield CheckResult("store", "fail", str(error), "nothing else in it could be checked")
    finally:
        db.close()


def _store_contents(db: Database, now: datetime, settings: Settings) -> Iterator[CheckResult]:
    schema = _schema(db)
    yield schema
    if db.is_sqlite:
        yield _quick_check(db)
    if schema.level != "ok":
        return
    yield from _in_force(db, settings)
    checks: tuple[Callable[[Database], CheckResult], ...] = (_feeds, _outbox, _clock, _sizes)
    yield from (check(db) for check in checks)
    yield from _service(db, now, settings.clock.speed)
    yield from _topics(db, settings)


def _topics(db: Database, settings: Settings) -> Iterator[CheckResult]:
    """Whether the topics in force are those of the folder, whether articles came while there were none, and whether each tells
    through channels that there are. That there is none is said by `_service`."""
    from monitor.cli.topics import checking
    from monitor.service import topic_keeper
    from monitor.store import archive, topics

    with db.reading() as session:
        stored, read, now = topics.stored(session), seeds.load(settings.seeds.dir), datetime.now(UTC)
        found = topic_keeper.decide(session, read, stored, is_shared=not db.is_sqlite, now=now)
        missed = archive.without_topics(session, since_at=now - timedelta(days=7))
    paused = [name for name in (*found.from_folder, *found.from_store) if name in stored and stored[name].is_paused]
    if found.remarks:
        yield CheckResult("topics", "warn", _some([each.text for each in found.remarks]))
    elif missed:
        says = f"{len(missed)} articles of the last week came while no topic was in force, the latest is {missed[-1]}"
        mend = "they are assessed again as soon as there is a topic; `monitor reassess ID` does it for one"
        yield CheckResult("topics", "warn", says, mend)
    elif total := len(found.from_folder) + len(found.from_store):
        yield CheckResult("topics", "ok", f"{total} in force{f', paused: {_some(paused)}' if paused else ''}")
    for each in checking.unknown_channels(settings, read):
        says, _, mend = each.partition(": add ")
        yield CheckResult("topics", "warn", says, f"add {mend}")


def _sqlite() -> CheckResult:
    from monitor.store.files import SQLITE_VERSION

    version = ".".join(map(str, SQLITE_VERSION))
    if (3, 7, 0) <= SQLITE_VERSION < (3, 51, 3):
        return CheckResult(
            "sqlite",
            "warn",
            f"{version} has the WAL-reset bug of 3.7.0 to 3.51.2 (rare; needs two writers at one moment)",
            "use a Python whose SQLite is 3.51.3 or newer; keep backups",
        )
    return CheckResult("sqlite", "ok", version)


def _folder(path: Path) -> CheckResult:
    from monitor.alerting import condition
    from monitor.store import files

    folder = files.nearest_folder(path)
    if not os.access(folder, os.W_OK | os.X_OK):
        return CheckResult(
            "disk", "fail", f"{folder} cannot be written", "give the folder to the user that runs the monitor"
        )
    free = files.free_bytes(path)
    for each in condition.disk_problems(free):
        return CheckResult("disk", each.severity.value, f"{each.says} in {folder}", each.mend)
    return CheckResult("disk", "ok", f"{_size(free or 0)} free in {folder}")


def _lock(path: Path) -> Iterator[CheckResult]:
    """Only that it could be taken: whether somebody holds it says less than the daemon's own signs of life."""
    lock = path.with_name(f"{path.name}.lock")
    if lock.exists() and not os.access(lock, os.R_OK | os.W_OK):
        mend = "check who owns the data folder"
        yield CheckResult("daemon", "fail", f"the lock {lock} cannot be opened by this user", mend)


def _schema(db: Database) -> CheckResult:
    from monitor.store import migrate

    try:
        migrate.check(db)
    except StoreError as error:
        return CheckResult("schema", "fail", str(error), "`monitor migrate`, unless a newer version wrote it")
    return CheckResult("schema", "ok", f"{migrate.head()} on {db.shown}")


def _quick_check(db: Database) -> CheckResult:
    from monitor.store import files

    with db.reading() as session:
        found = files.integrity_faults(session, at_most=5)
    if not found:
        return CheckResult("integrity", "ok", "quick_check found nothing")
    return CheckResult("integrity", "fail", _some(found), "stop the daemon, keep the file, restore a backup")


def _in_force(db: Database, settings: Settings) -> Iterator[CheckResult]:
    """In what the settings differ from those in force, and the held alerts of channels."""
    from monitor.config import plan as plans
    from monitor.service import in_force
    from monitor.service.app import App

    try:
        plan = in_force.difference(db, App(settings).entries)
    except ConfigError:
        return  # reported as faults of channels
    if not plan.agrees:
        mend = "`monitor apply --dry-run` shows what applying them would change"
        yield CheckResult("in force", "warn", plans.difference(plan), mend)
    else:
        yield CheckResult("in force", "ok", plans.difference(plan) or "these settings")
    yield from _idle_files(db, settings)
    for unknown in in_force.unknown_sources(db, settings):
        says, mend = unknown.split("; ", 1)
        yield CheckResult("preferred sources", "warn", says, mend)
    for row in plan.held:
        says, mend = plans.offer(row.name, row.held).split(": ", 1)
        yield CheckResult("held", "warn", says, mend)


def _idle_files(db: Database, settings: Settings) -> Iterator[CheckResult]:
    """Files with the secrets of channels that were removed on another node, or that a settings file names by now."""
    from monitor.config import channel_files
    from monitor.store import channels
    from monitor.types.plans import ADDED

    folder = channel_files.folder_of(settings.file)
    with db.reading() as session:
        used = {each.name for each in channels.reports(session) if each.is_configured and each.origin == ADDED}
    for name in sorted(set(channel_files.read(folder).tables) - used):
        says = f"{folder}/{name}.json holds secrets that no channel uses which was added by command or page"
        yield CheckResult("channels", "warn", says, "remove the file")


def _feeds(db: Database) -> CheckResult:
    from monitor.store.feeds import feed_reports

    with db.reading() as session:
        rows = [row for row in feed_reports.of_all(session) if row.is_enabled]
    ill = [f"{row.name} ({row.paused_reason or row.error})" for row in rows if row.failures or row.paused_reason]
    if ill:
        return CheckResult(
            "feeds", "warn", f"{len(ill)} of {len(rows)} fail: {_some(ill)}", "`monitor feeds` shows them"
        )
    noted = [f"{row.name} ({row.notes})" for row in rows if row.notes]
    if noted:
        says = f"{len(rows)} polled, none failing; not all of {len(noted)} could be read: {_some(noted)}"
        return CheckResult("feeds", "warn", says, "`monitor feeds show NAME` shows each; its publisher can mend it")
    return CheckResult("feeds", "ok", f"{len(rows)} polled, none failing")


def _service(db: Database, now: datetime, speed: float) -> Iterator[CheckResult]:
    """What /healthz, the status page and `monitor status` say, in the words of `alerting.condition`."""
    from monitor.alerting import condition
    from monitor.service import observer

    with db.reading() as session:
        state = observer.read(session, path=db.path)
    found = [each for each in condition.problems(state, now=now, speed=speed) if each.about != "disk"]
    yield from (CheckResult(each.about, each.severity.value, each.says, each.mend) for each in found)
    living = ", ".join(each.name for each in condition.alive(state, now=now, speed=speed))
    in_use = sum(each.is_configured for each in state.channels)
    well = {"daemon": f"running: {living}", "channels": f"{in_use} in use"}
    ill = {each.about for each in found}
    yield from (CheckResult(about, "ok", says) for about, says in well.items() if about not in ill)


def _outbox(db: Database) -> CheckResult:
    from monitor.store.outbox import delivery_states

    with db.reading() as session:
        found = delivery_states.states(session)
    says = ", ".join(f"{count} {state}" for state, count in sorted(found.items()) if count) or "empty"
    if found["held"] or found["dead"]:
        return CheckResult(
            "outbox", "warn", says, "`monitor alerts list --state held` (or dead), then `monitor alerts retry`"
        )
    return CheckResult("outbox", "ok", says)


def _clock(db: Database) -> CheckResult:
    """Whether the store has times in the future, as after the clock was set back."""
    from monitor.store.figures import whole_store

    now = datetime.now(UTC)
    with db.reading() as session:
        latest = whole_store.last_written_at(session) or now
    if latest > now + timedelta(minutes=5):
        mend = "set the clock right, or wait: until then polls and deliveries come late"
        return CheckResult(
            "clock", "warn", f"it is {base.when(now)} UTC here, but the store knows {base.when(latest)}", mend
        )
    return CheckResult("clock", "ok", f"{base.when(now)} UTC")


def _sizes(db: Database) -> CheckResult:
    from monitor.store import files
    from monitor.store.figures import whole_store

    with db.reading() as session:
        articles = whole_store.count_articles(session)
    if db.path is None:
        return CheckResult("size", "ok", f"{articles} articles")
    waiting = files.wal_bytes(db.path)
    says = f"{articles} articles, {_size(db.path.stat().st_size)}, write-ahead log {_size(waiting)}"
    if waiting > _LARGE_WAL:
        return CheckResult("size", "warn", says, "some program keeps a read transaction open: end it")
    return CheckResult("size", "ok", says)


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
