"""Serve features and forecasts to consumers: a row a tick, in parts by instrument on Postgres.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from trading_assets.storage.database.roles import grant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_CHILDREN = 8
_FEATURES = """
    mid_px weighted_mid_px spread_px spread_bps book_age_s bid_depth_1 bid_depth_5 bid_depth_10 ask_depth_1
    ask_depth_5 ask_depth_10 imbalance_1 imbalance_5 imbalance_10 ofi_1_1s ofi_1_10s ofi_1_60s ofi_5_1s ofi_5_10s
    ofi_5_60s ofi_10_1s ofi_10_10s ofi_10_60s mlofi_01_1s mlofi_01_10s mlofi_01_60s mlofi_02_1s mlofi_02_10s
    mlofi_02_60s mlofi_03_1s mlofi_03_10s mlofi_03_60s mlofi_04_1s mlofi_04_10s mlofi_04_60s mlofi_05_1s
    mlofi_05_10s mlofi_05_60s mlofi_06_1s mlofi_06_10s mlofi_06_60s mlofi_07_1s mlofi_07_10s mlofi_07_60s
    mlofi_08_1s mlofi_08_10s mlofi_08_60s mlofi_09_1s mlofi_09_10s mlofi_09_60s n_trades_1s n_trades_10s
    n_trades_60s trade_volume_1s trade_volume_10s trade_volume_60s trade_imbalance_1s trade_imbalance_10s
    trade_imbalance_60s ret_1s_bps ret_10s_bps ret_60s_bps vol_rlz_1s_bps vol_rlz_10s_bps vol_rlz_60s_bps
"""
_COUNTS = ("n_trades_1s", "n_trades_10s", "n_trades_60s")
_WRITES = {
    "served_features": "INSERT, DELETE",
    "served_forecasts": "INSERT, DELETE",
    "served_partitions": "INSERT, UPDATE (md5, layout, n_rows, loaded_at)",
}
"""What the writer may do beside reading. The parts are granted to nobody: whoever may use a table may use its parts."""
_FORECASTS = ("forecast_1s_bps", "forecast_10s_bps", "forecast_30s_bps")


def upgrade() -> None:
    features = (sa.Column(name, sa.BigInteger() if name in _COUNTS else sa.Double()) for name in _FEATURES.split())
    _make("served_features", *features)
    _make(
        "served_forecasts",
        sa.Column("model_version", sa.String(length=64)),
        *(sa.Column(name, sa.Double()) for name in _FORECASTS),
    )
    op.create_table(
        "served_partitions",
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("layout", sa.String(length=32), nullable=False),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("instrument_id", "asset", "day", name=op.f("pk_served_partitions")),
    )
    grant(op, _WRITES)


def downgrade() -> None:
    for name in ("served_partitions", "served_forecasts", "served_features"):
        op.drop_table(name)


def _make(name: str, *columns: sa.Column[object]) -> None:
    """Make a table; its parts are made here and never later: whoever loads may not make tables."""
    op.create_table(
        name,
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("ts_grid", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *columns,
        sa.Column("others", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        sa.PrimaryKeyConstraint("instrument_id", "ts_grid", name=op.f(f"pk_{name}")),
        postgresql_partition_by="HASH (instrument_id)",
    )
    if op.get_bind().dialect.name == "postgresql":
        for n in range(_CHILDREN):
            op.execute(
                f"CREATE TABLE {name}_{n} PARTITION OF {name} FOR VALUES WITH (MODULUS {_CHILDREN}, REMAINDER {n})"
            )
