"""What all tables have in common: their metadata and the kinds of their columns.

The tables are SQLModel classes. They do not validate (`table=True` classes never do, sqlmodel issue 52): values are checked and
truncated before they are stored.

Keys made of foreign text (guid, URL, title) are 64-bit hashes, so that no index has to hold a 5 MB guid; the text is stored
beside them and compared when hashes agree. When you change a table, add a migration: see migrations/.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData
from sqlmodel import Field, SQLModel

# Constraints are named from the first revision on: Alembic cannot alter unnamed ones.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(SQLModel, defer_build=True):
    """Base of all tables, with our metadata. Pydantic's validators, which tables do not use, are not built at each start."""

    metadata = metadata


def big_column(**options: Any) -> Any:
    return Field(sa_column=Column(BigInteger, **options))


def empty_column() -> Any:
    return Field(default="", sa_column_kwargs={"server_default": ""})


def zero_column() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": "0"})


def factor_column() -> Any:
    return Field(default=1.0, sa_column_kwargs={"server_default": "1"})


def id_of(table: type[Base]) -> str:
    """The id of another module's table, as a foreign key names it; by its class, so that a table loads those it refers to."""
    return f"{table.__tablename__}.id"
