"""PostgreSQL: one metadata, one way to read and one way to write.

A transaction is opened with ``BEGIN; SET LOCAL simward.operator`` in one round trip, so that row-level
security (``security.md`` 3) is in force before the first statement. The driver connection runs in
autocommit and the statements ``BEGIN`` and ``COMMIT`` are ours: SQLAlchemy's own would cost a round trip
more for each request.
"""

import asyncio
import contextlib
import itertools
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

import psycopg
import sqlalchemy as sa
from procrastinate.jobs import Job
from psycopg.rows import namedtuple_row
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.base import Executable

from service.infra.jobs import defer_all
from service.infra.statements import Statement
from service.kit.clock import Clock
from service.kit.errors import Unavailable

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


Deliver = Callable[["psycopg.AsyncConnection[Any]", Sequence[Job]], Awaitable[None]]


class Base(DeclarativeBase):
    """The one metadata. ``mapped_column`` without a ``comment`` fails a house test."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: sa.DateTime(timezone=True),
        dict[str, Any]: postgresql.JSONB,
        list[Any]: postgresql.JSONB,
        bytes: sa.LargeBinary,
    }


class Tenant:
    """A table whose every row belongs to an operator. Its primary key starts with ``operator_id``."""

    operator_id: Mapped[UUID] = mapped_column(
        sa.Uuid, primary_key=True, sort_order=-10, comment="pii:none the operator that the row belongs to"
    )


GRACE_S = 5.0
"""How much longer than ``statement_timeout`` an answer is waited for, seconds; and how long for a ``BEGIN``."""


class Leash:
    """Cuts a connection whose server has stopped answering: frozen, or behind a network that swallows packets.

    ``statement_timeout`` is kept by the server itself and does not help against that, and a cancelled statement
    is waited for by the driver. So the socket is shut down; the statement then fails as on any lost connection.
    One timer for a transaction; a statement only moves its deadline.
    """

    __slots__ = ("_by", "_driver", "_loop", "_seconds", "_timer", "committed", "has_cut")

    def __init__(self, driver: "psycopg.AsyncConnection[Any]", seconds: float) -> None:
        self._driver = driver
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._by = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._by, self._look)
        self.has_cut = False
        self.committed = False
        """Whether the commit went with the last statements."""

    def extend(self) -> None:
        """A statement is sent: its answer has the whole time."""
        self._by = self._loop.time() + self._seconds

    def release(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if self._loop.time() < self._by:
            self._timer = self._loop.call_at(self._by, self._look)
            return
        self.has_cut = True
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self._driver.pgconn.socket)) as link,
        ):
            link.shutdown(socket.SHUT_RDWR)


class Reader:
    """One transaction's view. ``now`` is the injected clock's instant at its start."""

    __slots__ = ("_conn", "_count", "_driver", "_leash", "_staged", "now", "operator")

    def __init__(
        self,
        conn: AsyncConnection,
        driver: psycopg.AsyncConnection[Any],
        operator: UUID | None,
        now: datetime,
        leash: Leash,
        count: Callable[[int], None],
    ) -> None:
        self._conn = conn
        self._count = count
        self._driver = driver
        self._leash = leash
        self._staged: list[tuple[Executable | Statement, Params]] = []
        self.operator = operator
        self.now = now

    @property
    def tenant(self) -> UUID:
        """The operator of this transaction; a tenant's store asks for it rather than for a parameter."""
        assert self.operator is not None, "a tenant's row was asked for outside any operator"
        return self.operator

    async def _execute(self, stmt: Executable, params: Params = None) -> sa.CursorResult[Any]:
        if self._staged:
            await self._flush()
        self._leash.extend()
        self._count(1)
        return await self._conn.execute(stmt, params)

    async def _flush(self) -> None:
        staged, self._staged = self._staged, []
        while staged:
            self._leash.extend()
            stmt, params = staged[0]
            if isinstance(stmt, Statement):
                ready = list(itertools.takewhile(lambda each: isinstance(each[0], Statement), staged))
                await self._send(ready)
                del staged[: len(ready)]
            else:
                self._count(1)
                await self._conn.execute(stmt, params)
                del staged[0]

    async def _send(self, staged: Sequence[tuple[Any, Params]], last: str | None = None) -> None:
        """Compiled statements, and perhaps the commit, in one round trip; the first error of them is raised."""
        self._count(len(staged))
        async with self._driver.pipeline():
            for stmt, params in staged:
                assert params is not None
                if isinstance(params, Mapping):
                    await self._driver.execute(stmt.sql, stmt.bind(params), prepare=True)
                else:
                    cursor = self._driver.cursor()
                    await cursor.executemany(stmt.sql, [stmt.bind(each) for each in params])
            if last is not None:
                await self._driver.execute(last.encode())

    async def fetch(self, stmt: Statement, **values: Any) -> list[Any]:
        """Rows of a compiled statement, as named tuples."""
        if self._staged:
            await self._flush()
        self._leash.extend()
        self._count(1)
        cursor = self._driver.cursor(row_factory=namedtuple_row)
        await cursor.execute(stmt.sql, stmt.bind(values), prepare=True)
        return await cursor.fetchall()

    async def fetch_one(self, stmt: Statement, **values: Any) -> Any:
        """The only row of a compiled statement, or None."""
        rows = await self.fetch(stmt, **values)
        assert len(rows) <= 1, "a statement that finds one row at most found more"
        return rows[0] if rows else None

    async def one(self, stmt: Executable, params: Params = None) -> sa.Row[Any] | None:
        """The only row, or None."""
        return (await self._execute(stmt, params)).one_or_none()

    async def all(self, stmt: Executable, params: Params = None) -> Sequence[sa.Row[Any]]:
        return (await self._execute(stmt, params)).all()

    async def scalar(self, stmt: Executable, params: Params = None) -> Any:
        return (await self._execute(stmt, params)).scalar()


class Tx(Reader):
    """A transaction that writes. What is staged is written in order before the next read and before the commit.

    ``outbox`` holds the jobs to defer (``service.infra.jobs``), inserted last on the same connection.
    """

    __slots__ = ("_deliver", "outbox")

    def __init__(
        self,
        conn: AsyncConnection,
        driver: psycopg.AsyncConnection[Any],
        operator: UUID | None,
        now: datetime,
        leash: Leash,
        count: Callable[[int], None],
        deliver: Deliver,
    ) -> None:
        super().__init__(conn, driver, operator, now, leash, count)
        self.outbox: list[Job] = []
        self._deliver = deliver

    async def run(self, stmt: Executable, params: Params = None) -> int:
        """Execute now; the number of rows it touched."""
        return (await self._execute(stmt, params)).rowcount

    async def change(self, stmt: Statement, **values: Any) -> int:
        """Execute a compiled statement now; the number of rows it touched."""
        if self._staged:
            await self._flush()
        self._leash.extend()
        self._count(1)
        return (await self._driver.execute(stmt.sql, stmt.bind(values), prepare=True)).rowcount

    def stage(self, stmt: Executable | Statement, params: Params = None) -> None:
        """Write later, whose row count nobody needs: insertions above all."""
        self._staged.append((stmt, params))

    async def lock(self, *keys: int) -> None:
        """Advisory locks until the end of the transaction, always taken in ascending order."""
        if keys:
            await self.fetch(_LOCK, keys=sorted(set(keys)))

    @property
    def driver(self) -> psycopg.AsyncConnection[Any]:
        """The psycopg connection, for jobs that are deferred inside this transaction."""
        return self._driver

    async def settle(self) -> None:
        """Write what is staged, now: before handing ``driver`` to somebody else."""
        await self._flush()

    async def _finish(self) -> bool:
        """Write what is left; whether the commit went with it."""
        if not self.outbox and self._staged and all(isinstance(stmt, Statement) for stmt, _ in self._staged):
            staged, self._staged = self._staged, []
            self._leash.extend()
            await self._send(staged, "COMMIT")
            return True
        await self._flush()
        self._leash.extend()
        if self.outbox:
            self._count(1)
            await self._deliver(self._driver, self.outbox)
        return False


_LOCK = Statement(sa.text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k"))


def _gone(error: BaseException) -> bool:
    """Whether PostgreSQL is not there, as against a statement that it refused."""
    if isinstance(error, PoolTimeout | OperationalError):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(
            error.orig, psycopg.OperationalError | psycopg.InterfaceError
        )
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


class Database:
    """A pool to one PostgreSQL as one role. ``url`` is a ``postgresql+psycopg://`` URL."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        pool_size: int = 10,
        wait_s: float = 5,
        statement_timeout_ms: int = 15_000,
        deliver: Deliver = defer_all,
    ) -> None:
        """``deliver`` takes the jobs of a transaction on its own connection; only the seed passes another."""
        self.clock = clock
        self.statements = 0
        """How many statements were sent, without BEGIN and COMMIT; tests and the bench read it."""
        self._deliver = deliver
        self._answer_s = statement_timeout_ms / 1000 + GRACE_S
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=wait_s,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={statement_timeout_ms}"
                " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC",
            },
        )

    def _counted(self, statements: int) -> None:
        self.statements += statements

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self, operator: UUID | None) -> AsyncIterator[Reader]:
        """A read-only transaction. PostgreSQL gone: :class:`Unavailable`."""
        async with self._open(operator, "BEGIN READ ONLY") as (conn, driver, leash):
            yield Reader(conn, driver, operator, self.clock.now(), leash, self._counted)

    @asynccontextmanager
    async def write(self, operator: UUID | None) -> AsyncIterator[Tx]:
        """A transaction that is committed at the end of the block and rolled back by any exception."""
        async with self._open(operator, "BEGIN") as (conn, driver, leash):
            tx = Tx(conn, driver, operator, self.clock.now(), leash, self._counted, self._deliver)
            yield tx
            leash.committed = await tx._finish()

    @asynccontextmanager
    async def _open(
        self, operator: UUID | None, begin: str
    ) -> AsyncIterator[tuple[AsyncConnection, "psycopg.AsyncConnection[Any]", Leash]]:
        conn, driver = await self._begun(operator, begin)
        leash = Leash(driver, self._answer_s)
        try:
            yield conn, driver, leash
            if not leash.committed:
                leash.extend()
                await driver.execute("COMMIT")
            leash.release()
        except BaseException as error:
            leash.release()
            await asyncio.shield(self._abandon(conn))
            if _gone(error):
                raise Unavailable("postgresql") from error
            raise
        else:
            await asyncio.shield(conn.close())

    async def _begun(
        self, operator: UUID | None, begin: str
    ) -> tuple[AsyncConnection, "psycopg.AsyncConnection[Any]"]:
        """A connection with its transaction open. One that turns out dead condemns the others of the pool, which
        are as old, and one new one is tried: nothing has been done yet."""
        # An operator is a UUID of ours, never text from outside: it needs no quoting beyond its own form.
        scope = "" if operator is None else f"; SET LOCAL simward.operator = '{operator}'"
        for last in (False, True):
            conn = leash = None
            try:
                conn = await self.engine.connect()
                raw = await conn.get_raw_connection()
                driver = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
                leash = Leash(driver, GRACE_S)
                await driver.execute(cast(Any, begin + scope))
                leash.release()
            except BaseException as error:
                if leash is not None:
                    leash.release()
                if conn is not None:
                    await asyncio.shield(self._abandon(conn))
                if not _gone(error):
                    raise
                if last or isinstance(error, PoolTimeout) or (leash is not None and leash.has_cut):
                    raise Unavailable("postgresql") from error
                await self.engine.dispose()
            else:
                return conn, driver
        raise AssertionError("unreachable")

    @staticmethod
    async def _abandon(conn: AsyncConnection) -> None:
        """Roll back and give the connection back; one that cannot be rolled back is thrown away."""
        try:
            raw = await conn.get_raw_connection()
            driver = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
            await asyncio.wait_for(driver.execute("ROLLBACK"), 5)
        except Exception:  # noqa: BLE001  the connection is unusable for whatever reason: drop it
            await conn.invalidate()
        await conn.close()
