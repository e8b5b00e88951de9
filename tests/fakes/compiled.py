"""Compiled SQL that all engines of a test process share.

SQLAlchemy compiles a statement once for each engine. A process of ours has one engine; a test process opens a thousand stores, and
a quarter of its processor time went by compiling the same statements for each.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

_ROOM = 5000
"""Statements kept for each kind of database; an engine alone keeps 500, and the tests of all rooms together run more than that."""


def share() -> None:
    """From now on every new engine of one kind of database uses the same compiled statements."""
    kept: dict[type, LRUCache[Any, Any]] = {}
    made = Engine.__init__

    def shares(engine: Engine, *args: Any, **kwargs: Any) -> None:
        made(engine, *args, **kwargs)
        engine._compiled_cache = kept.setdefault(type(engine.dialect), LRUCache(_ROOM))

    # Part of the key of what is kept is the dialect. All of one class are alike here: one server, one library, one way to connect.
    DefaultDialect.__eq__ = lambda one, other: type(one) is type(other)  # type: ignore[assignment]
    DefaultDialect.__hash__ = lambda one: hash(type(one))  # type: ignore[assignment]
    Engine.__init__ = shares  # type: ignore[method-assign]
