"""Transactions of the catalogue: work that is done whole or not at all, and begun again where its server was lost.

A connection can break at any statement, the commit included, and then nobody knows whether the work was done. So work
is a function that may run again: the second time it finds what the first did, or that it did nothing. Who writes holds
the catalogue's one write lock on every database, so that what was read and decided upon still holds at the commit, and
versions are numbered in the order in which they came to stand.

Belongs here: beginning, ending and repeating transactions. Does not: connections (engines), what is read or written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from loguru import logger
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from trading_assets.storage.database.deadline import within
from trading_assets.storage.database.faults import OldPrimary, in_words, is_lost
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect

if TYPE_CHECKING:
    from tenacity import RetryCallState

WRITE: Final = {"begin": "write"}
"""Execution options of a transaction that takes the write lock when it begins."""
RETRY_S: Final = "retry_s"
TRANSACTION_S: Final = "transaction_s"
_VIEW: Final = {"postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}}
"""Execution options of one consistent view; SQLite's transactions are that already."""
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0
_Found = TypeVar("_Found")


def query(engine: Engine, work: Callable[[Session], _Found]) -> _Found:
    """Do work in one consistent view of the catalogue.

    Raises:
        CatalogFailed: the database cannot be reached or used, and did not become so in time.
    """
    return _persistently(engine, _View(engine.execution_options(**_VIEW.get(engine.dialect.name, {})), work))


def transact(engine: Engine, work: Callable[[Session], _Found], *, effect: Effect | None = None) -> _Found:
    """Do work in one transaction that is committed whole or not at all; `effect` names its commit.

    The work runs again where the connection broke, even at the commit: it must then find what it did before.

    Raises:
        CatalogFailed: the database cannot be reached or used, and did not become so in time. Where the connection broke
            at the commit, only the database knows whether the work was done; the message says so.
        DiskFull: the disk of a database server is full; nothing was done.
    """
    return _persistently(engine, _Transaction(engine.execution_options(**WRITE), work, effect))


@dataclass(slots=True)
class _View(Generic[_Found]):
    engine: Engine
    work: Callable[[Session], _Found]
    is_in_doubt = False

    def __call__(self) -> _Found:
        with Session(self.engine) as session:
            return self.work(session)


@dataclass(slots=True)
class _Transaction(Generic[_Found]):
    engine: Engine
    work: Callable[[Session], _Found]
    effect: Effect | None
    is_in_doubt: bool = False
    """Whether a commit got no answer, and nobody has looked since whether it was done."""

    def __call__(self) -> _Found:
        if self.effect is not None:
            effects.passing(Effect.TRANSACTION_BEGUN)
        with Session(self.engine, expire_on_commit=False) as session:
            found = self.work(session)
            session.flush()
            if self.effect is not None:
                effects.passing(self.effect)
            self.is_in_doubt = True
            session.commit()
        return found


def _persistently(engine: Engine, attempt: _View[_Found] | _Transaction[_Found]) -> _Found:
    """Attempt until it succeeds, fails for another reason than a lost server, or the time is over."""
    options = engine.get_execution_options()
    if RETRY_S not in options:  # a file has no server that could be lost
        return attempt()
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential  # noqa: PLC0415

    persistent = Retrying(
        retry=retry_if_exception(is_lost),
        stop=stop_after_delay(options[RETRY_S]),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        before_sleep=partial(_start_over, engine),
        reraise=True,
    )
    try:
        found: _Found = persistent(within, options[TRANSACTION_S], attempt)
    except (DBAPIError, OldPrimary) as error:
        if (told := in_words(error, is_in_doubt=attempt.is_in_doubt)) is None:
            raise
        raise told from error
    return found


def _start_over(engine: Engine, state: "RetryCallState") -> None:
    """Let go of all pooled connections, which lead to the server that was lost; say so once."""
    engine.dispose()
    if state.attempt_number == 1 and state.outcome is not None:
        why, patience_s = str(state.outcome.exception()).partition("\n")[0], engine.get_execution_options()[RETRY_S]
        logger.warning("the catalogue's server is lost, trying again for {:g} s: {}", patience_s, why)
