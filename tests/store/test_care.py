"""The store's file looked after: damage is found, and times written under a wrong clock are moved."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.store import files, migrate, nodes
from monitor.store.db import Database, store_error
from monitor.store.feeds import feed_reports
from monitor.store.files import DamagedStoreError
from monitor.store.tables.feeds import FeedRow, HostRow
from monitor.types.errors import AlreadyRunningError, StoreBusyError, StoreError, StoreFullError
from tests.conftest import NOON

HOUR = timedelta(hours=1)


def filled(path: Path) -> Path:
    db = Database(f"sqlite:///{path}")
    migrate.upgrade(db)
    with db.writing() as session:
        for number in range(300):
            session.add(feed(f"feed{number}"))
    db.close()
    return path


def feed(name: str) -> FeedRow:
    return FeedRow(
        name=name, url=f"https://{name}.example/{'x' * 200}", host=name, interval_seconds=900, next_poll_at=NOON
    )


def test_d4_a_store_with_torn_pages_is_found_and_left_as_it_is(tmp_path: Path) -> None:
    path = filled(tmp_path / "monitor.db")
    files.check_integrity(path, seconds=10)
    pages = bytearray(path.read_bytes())
    for start in range(4096 * 3, len(pages), 4096):
        pages[start : start + 100] = b"\xa5" * 100
    path.write_bytes(pages)
    with pytest.raises(DamagedStoreError, match="restore a backup"):
        files.check_integrity(path, seconds=10)
    assert path.read_bytes() == pages


@pytest.mark.parametrize(
    "content", [b"not a database at all, but a letter to the editor" * 100, b"SQLite format 3\0" * 300]
)
def test_d4_what_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "monitor.db"
    path.write_bytes(content)
    with pytest.raises(DamagedStoreError):
        files.check_integrity(path, seconds=10)
    db = Database(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="is damaged"):
        migrate.upgrade(db)
    db.close()


def test_d4_a_truncated_store_is_found(tmp_path: Path) -> None:
    path = filled(tmp_path / "monitor.db")
    path.write_bytes(path.read_bytes()[: 4096 * 9])
    with pytest.raises(DamagedStoreError):
        files.check_integrity(path, seconds=10)


def test_a_store_that_is_not_there_or_empty_or_takes_too_long_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none, empty, large = tmp_path / "none.db", tmp_path / "empty.db", filled(tmp_path / "monitor.db")
    empty.touch()
    pages = large.read_bytes()
    large.write_bytes(pages[:-4096] + bytes(4096))  # found only by who reads up to there
    assert not any(is_damaged(each, seconds=1) for each in (None, none, empty))
    assert is_damaged(large, seconds=10)
    monkeypatch.setattr(files, "_STEPS", 1)
    assert not is_damaged(large, seconds=0)


def is_damaged(path: Path | None, *, seconds: float) -> bool:
    try:
        files.check_integrity(path, seconds=seconds)
    except DamagedStoreError:
        return True
    return False


def test_d8_a_clock_set_back_moves_what_is_to_come(db: Database) -> None:
    with db.writing() as session:
        early, late = feed("early"), feed("late")
        early.next_poll_at, late.next_poll_at = NOON - HOUR, NOON + timedelta(minutes=70)
        late.lease_until_at = NOON + HOUR
        session.add_all([early, late, HostRow(host="shy", paused_until_at=NOON + 2 * HOUR)])
    with db.writing() as session:
        assert nodes.move_earlier(session, HOUR, now=NOON) == 3
    with db.reading() as session:
        found = {row.name: row.next_poll_at - NOON for row in feed_reports.of_all(session)}
        host = session.get(HostRow, "shy")
    assert found == {"early": -HOUR, "late": timedelta(minutes=10)}
    assert host
    assert host.paused_until_at == NOON + HOUR


def test_d8_what_was_put_off_for_years_by_a_wrong_clock_is_due_at_the_next_start(db: Database) -> None:
    with db.writing() as session:
        lost, well = feed("lost"), feed("well")
        lost.next_poll_at, well.next_poll_at = NOON + timedelta(days=3650), NOON + timedelta(days=1)
        session.add_all([lost, well])
    with db.writing() as session:
        assert nodes.make_distant_due(session, now=NOON, at_most_for=timedelta(days=2)) == 1
    with db.reading() as session:
        found = {row.name: row.next_poll_at - NOON for row in feed_reports.of_all(session)}
    assert found == {"lost": timedelta(), "well": timedelta(days=1)}


# --- what SQLite says where there is no room, or somebody else works --------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database or disk is full", StoreFullError),
        ("disk I/O error", StoreFullError),
        ("unable to open database file", StoreFullError),
        ("database is locked", StoreBusyError),
        ("attempt to write a readonly database", StoreError),
    ],
)
def test_fault_s10_a_disk_without_room_is_full_however_sqlite_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, kind: type[StoreError]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4_096))
    found = store_error(sqlite3.OperationalError(said), "store", tmp_path / "monitor.db")
    assert type(found) is kind


@pytest.mark.parametrize("said", ["disk I/O error", "unable to open database file"])
def test_fault_s10_with_room_it_is_another_fault(tmp_path: Path, said: str) -> None:
    assert type(store_error(sqlite3.OperationalError(said), "store", tmp_path / "monitor.db")) is StoreError


def test_fault_s11_a_store_that_is_locked_when_it_is_opened_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy hands on SQLite's own error where a connection cannot be set up."""
    monkeypatch.setattr("monitor.store.db.BUSY_MS", 10)
    path = tmp_path / "monitor.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE a (b)")
        other.execute("BEGIN EXCLUSIVE")
        db = Database(f"sqlite:///{path}")
        with pytest.raises(StoreBusyError), db.reading() as session:
            session.connection()
        db.close()


def test_fault_s10_the_lock_holds_on_a_disk_without_room_for_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    lock = files.StoreLock(tmp_path / "monitor.db")
    lock.acquire()
    lock.acquire()  # a start that is tried again
    with pytest.raises(AlreadyRunningError):
        files.StoreLock(tmp_path / "monitor.db").acquire()
    lock.release()


def test_a_lock_whose_file_is_deleted_is_held_again_unless_another_daemon_was_quicker(tmp_path: Path) -> None:
    lock, other = files.StoreLock(tmp_path / "monitor.db"), files.StoreLock(tmp_path / "monitor.db")
    assert lock.path is not None
    assert not lock.keep(), "it is not held yet"
    lock.acquire()
    assert not lock.keep()
    lock.path.unlink()
    assert lock.keep()
    with pytest.raises(AlreadyRunningError):
        other.acquire()
    lock.path.unlink()
    other.acquire()
    with pytest.raises(AlreadyRunningError):
        lock.keep()
    lock.release()
    assert not other.keep()
    (tmp_path / "monitor.db.lock").unlink()
    tmp_path.rename(tmp_path.with_name("away"))
    with pytest.raises(StoreError):
        other.keep()
    tmp_path.with_name("away").rename(tmp_path)
    assert other.keep(), "the folder is back"
    other.release()


def test_whether_a_store_is_in_use_is_known_without_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "monitor.db"
    assert files.is_in_use(path) is None, "no daemon ever was here"
    lock = files.StoreLock(path)
    lock.acquire()
    assert files.is_in_use(path) is True
    lock.release()
    assert files.is_in_use(path) is False
    assert files.is_in_use(None) is None
    with path.with_name("monitor.db.lock").open() as looks:
        fcntl.flock(looks, fcntl.LOCK_SH)
        monkeypatch.setattr("monitor.store.files.time.sleep", lambda _: looks.close())
        lock.acquire()  # who looks holds it for a moment
        assert files.is_in_use(path) is True
    lock.release()


def test_fault_s10_a_lock_that_cannot_be_made_for_want_of_room_is_a_full_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StoreFullError):
        files.StoreLock(tmp_path / "monitor.db").acquire()
