"""How far a standby is behind its primary, for whoever reads from one.

A standby that has replayed all that it received, and still receives, is not behind. Otherwise the last commit that it
replayed says how old its picture may be at most: a primary that was idle makes this look worse than it is. A primary
that hangs, or a network that drops packets, goes unnoticed for up to the standby's `wal_receiver_timeout` (60 s).

Belongs here: asking, and saying. Does not: choosing a server (engines).
"""

from typing import Final, NamedTuple

from loguru import logger
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from trading_assets.storage.database.engines import POSTGRES
from trading_assets.storage.database.transactions import query

_AGE: Final = text("""
    SELECT pg_is_in_recovery(), CASE
      WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT pid FROM pg_stat_wal_receiver) THEN 0
      ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END
""")


class Age(NamedTuple):
    """What is known of the age of what an engine reads."""

    is_standby: bool
    behind_s: float | None
    """At most so many seconds; None where the standby cannot know."""


def age_of(engine: Engine) -> Age:
    """Ask the server that an engine reads from how old its picture is; a primary's is of now."""
    if engine.dialect.name != POSTGRES:
        return Age(is_standby=False, behind_s=0.0)

    def look(session: Session) -> Age:
        is_standby, behind_s = session.execute(_AGE).one()
        if not is_standby:
            return Age(is_standby=False, behind_s=0.0)
        return Age(is_standby=True, behind_s=None if behind_s is None else float(behind_s))

    return query(engine, look)


def tell_age(engine: Engine) -> None:
    """Say how old the answers are where a standby gives them."""
    age = age_of(engine)
    if age.is_standby and age.behind_s == 0:
        logger.info("read from a standby, which has all that its primary has sent")
    elif age.is_standby:
        how_much = "nobody knows how much" if age.behind_s is None else f"at most {age.behind_s:,.0f} s"
        logger.warning("read from a standby that is behind its primary, by {}", how_much)
