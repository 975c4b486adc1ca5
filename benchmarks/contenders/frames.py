"""The features by pandas and by DuckDB, column for column ours.

Belongs here: the formulas of docs/features.md, as a user of each library would write them. Does not: our own.

Both leave out what ours does for gaps, rows that are not valid, and silences: the recording has none, and not asking
is in their favour.
"""

from collections.abc import Callable
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

GRID: Final = 10**9
LEVELS: Final = 10
WINDOWS: Final = (1, 10, 60)
DEPTHS: Final = (1, 5, 10)
BPS: Final = 10_000.0
SIDES: Final = ("bid", "ask")


def _ladder() -> list[str]:
    return [f"{side}_{field}_{n:02d}" for n in range(LEVELS) for side in SIDES for field in ("px", "sz")]


def by_pandas(given: dict[str, Any]) -> pd.DataFrame:
    """Compute all features with pandas."""
    book = pd.read_parquet(given["books"], columns=["ts_recv", *_ladder()])
    trades = pd.read_parquet(given["trades"], columns=["ts_recv", "sz", "aggressor_side"])
    recv = book["ts_recv"].astype("int64")
    tick = -(-recv // GRID) * GRID
    flows = pd.DataFrame({f"flow_{n:02d}": _flow(book, n) for n in range(LEVELS)})
    ticks = pd.DataFrame({"tick": np.arange(tick.iloc[0], recv.iloc[-1] // GRID * GRID + 1, GRID)})
    at = pd.merge_asof(ticks, book.assign(recv=recv), left_on="tick", right_on="recv")
    flows = flows.groupby(tick).sum().reindex(ticks["tick"]).fillna(0.0).reset_index(drop=True)
    tape = _tape(trades, ticks["tick"])
    flows.iloc[0], tape.iloc[0] = np.nan, np.nan
    return _columns(at, flows, tape)


def _flow(book: pd.DataFrame, n: int) -> pd.Series:
    total = 0.0
    for side, sign, worst in (("bid", 1.0, -np.inf), ("ask", -1.0, np.inf)):
        px, sz = book[f"{side}_px_{n:02d}"].fillna(worst), book[f"{side}_sz_{n:02d}"].fillna(0.0)
        before = px.shift(1)
        joined, left = (px >= before, px <= before) if side == "bid" else (px <= before, px >= before)
        total = total + sign * (sz.where(joined, 0.0) - sz.shift(1).where(left, 0.0))
    return total


def _tape(trades: pd.DataFrame, ticks: pd.Series) -> pd.DataFrame:
    tick = -(-trades["ts_recv"].astype("int64") // GRID) * GRID
    sz, side = trades["sz"], trades["aggressor_side"]
    columns = {
        "n": pd.Series(1.0, index=sz.index),
        "buy": sz.where(side == "buy", 0.0),
        "sell": sz.where(side == "sell", 0.0),
        "sz": sz,
    }
    return pd.DataFrame(columns).groupby(tick).sum().reindex(ticks).fillna(0.0).reset_index(drop=True)


def _columns(at: pd.DataFrame, flows: pd.DataFrame, tape: pd.DataFrame) -> pd.DataFrame:
    bid, ask, bid_sz, ask_sz = (at[f"{side}_{field}_00"] for field in ("px", "sz") for side in SIDES)
    mid = (bid + ask) * 0.5
    out = {
        "ts_grid": at["tick"],
        "mid_px": mid,
        "weighted_mid_px": bid + (ask - bid) * (bid_sz / (bid_sz + ask_sz)),
        "spread_px": ask - bid,
        "spread_bps": BPS * ((ask - bid) / mid),
        "book_age_s": (at["tick"] - at["recv"]) * 1e-9,
    }
    for n in DEPTHS:
        sizes = {side: at[[f"{side}_sz_{k:02d}" for k in range(n)]].sum(axis=1) for side in SIDES}
        out[f"bid_depth_{n}"], out[f"ask_depth_{n}"] = sizes["bid"], sizes["ask"]
        out[f"imbalance_{n}"] = (sizes["bid"] - sizes["ask"]) / (sizes["bid"] + sizes["ask"])
    move = BPS * (mid / mid.shift(1) - 1)
    for w in WINDOWS:
        for n in DEPTHS:
            out[f"ofi_{n}_{w}s"] = flows.iloc[:, :n].sum(axis=1, skipna=False).rolling(w).sum()
        for n in range(1, LEVELS):
            out[f"mlofi_{n:02d}_{w}s"] = flows[f"flow_{n:02d}"].rolling(w).sum()
        count, buy, sell, traded = (tape[name].rolling(w).sum() for name in ("n", "buy", "sell", "sz"))
        out[f"n_trades_{w}s"], out[f"trade_volume_{w}s"] = count, traded
        out[f"trade_imbalance_{w}s"] = ((buy - sell) / (buy + sell)).where(count > 0)
        out[f"ret_{w}s_bps"] = (BPS * (mid / mid.shift(w) - 1)).where(np.arange(len(mid)) >= w)
        out[f"vol_rlz_{w}s_bps"] = np.sqrt((move**2).rolling(w).sum())
    return pd.DataFrame(out)


def by_duckdb(given: dict[str, Any]) -> pd.DataFrame:
    """Compute all features with one statement of SQL."""
    return duckdb.sql(_sql(given)).df()


def _flow_sql(n: int) -> str:
    terms = []
    for side, joined, left, sign in (("bid", ">=", "<=", "+"), ("ask", "<=", ">=", "-")):
        px, sz = f"{side}_px_{n:02d}", f"{side}_sz_{n:02d}"
        terms.append(
            f"{sign} ((CASE WHEN {px} {joined} lag({px}) OVER w THEN {sz} ELSE 0 END)"
            f" - (CASE WHEN {px} {left} lag({px}) OVER w THEN lag({sz}) OVER w ELSE 0 END))"
        )
    return f"0 {' '.join(terms)} AS flow_{n:02d}"


def _over(value: str, w: int) -> str:
    """Sum the last `w` ticks; null before there are as many, the first tick being known in part only."""
    frame = f"OVER (ORDER BY tick ROWS {w - 1} PRECEDING)"
    return f"CASE WHEN row_number() OVER (ORDER BY tick) > {w} THEN sum({value}) {frame} END"


def _sql(given: dict[str, Any]) -> str:
    flows = [f"flow_{n:02d}" for n in range(LEVELS)]
    sums = ", ".join(f"sum({name}) AS {name}" for name in flows)
    columns = [
        "tick AS ts_grid",
        "mid AS mid_px",
        "bid_px_00 + (ask_px_00 - bid_px_00) * (bid_sz_00 / (bid_sz_00 + ask_sz_00)) AS weighted_mid_px",
        "ask_px_00 - bid_px_00 AS spread_px",
        f"{BPS} * ((ask_px_00 - bid_px_00) / mid) AS spread_bps",
        "(tick - recv) * 1e-9 AS book_age_s",
    ]
    for n in DEPTHS:
        bid, ask = (" + ".join(f"coalesce({side}_sz_{k:02d}, 0)" for k in range(n)) for side in SIDES)
        columns += [f"{bid} AS bid_depth_{n}", f"{ask} AS ask_depth_{n}"]
        columns.append(f"(({bid}) - ({ask})) / (({bid}) + ({ask})) AS imbalance_{n}")
    for w in WINDOWS:
        columns += [f"{_over(' + '.join(flows[:n]), w)} AS ofi_{n}_{w}s" for n in DEPTHS]
        columns += [f"{_over(flows[n], w)} AS mlofi_{n:02d}_{w}s" for n in range(1, LEVELS)]
        columns.append(f"{_over('n', w)} AS n_trades_{w}s")
        columns.append(f"{_over('sz', w)} AS trade_volume_{w}s")
        signed, both = _over("buy - sell", w), _over("buy + sell", w)
        columns.append(f"CASE WHEN ({both}) > 0 THEN ({signed}) / ({both}) END AS trade_imbalance_{w}s")
        columns.append(f"{BPS} * (mid / lag(mid, {w}) OVER (ORDER BY tick) - 1) AS ret_{w}s_bps")
        columns.append(f"sqrt({_over('move * move', w)}) AS vol_rlz_{w}s_bps")
    up = f"((epoch_ns(ts_recv) + {GRID - 1}) // {GRID}) * {GRID}"
    return f"""
    WITH book AS (
      SELECT *, epoch_ns(ts_recv) AS recv, {up} AS tick, file_row_number AS row_no
      FROM read_parquet('{given["books"]}', file_row_number = true)),
    flow AS (SELECT tick, {", ".join(_flow_sql(n) for n in range(LEVELS))} FROM book WINDOW w AS (ORDER BY row_no)),
    flows AS (SELECT tick, {sums} FROM flow GROUP BY tick),
    tape AS (
      SELECT {up} AS tick, count(*) AS n, sum(sz) AS sz,
        sum(CASE WHEN aggressor_side = 'buy' THEN sz ELSE 0 END) AS buy,
        sum(CASE WHEN aggressor_side = 'sell' THEN sz ELSE 0 END) AS sell
      FROM read_parquet('{given["trades"]}') GROUP BY 1),
    standing AS (
      SELECT * EXCLUDE (tick, row_no) FROM book
      QUALIFY row_number() OVER (PARTITION BY recv ORDER BY row_no DESC) = 1),
    ticks AS (
      SELECT unnest(generate_series(min(tick), max(recv) // {GRID} * {GRID}, {GRID})) AS tick FROM book),
    joined AS (
      SELECT ticks.tick, standing.*, {", ".join(f"coalesce({name}, 0) AS {name}" for name in flows)},
        coalesce(n, 0) AS n, coalesce(tape.sz, 0) AS sz, coalesce(buy, 0) AS buy, coalesce(sell, 0) AS sell,
        (bid_px_00 + ask_px_00) * 0.5 AS mid
      FROM ticks ASOF JOIN standing ON ticks.tick >= standing.recv
      LEFT JOIN flows ON flows.tick = ticks.tick LEFT JOIN tape ON tape.tick = ticks.tick),
    moved AS (SELECT *, {BPS} * (mid / lag(mid) OVER (ORDER BY tick) - 1) AS move FROM joined)
    SELECT {", ".join(columns)} FROM moved ORDER BY tick"""  # noqa: S608 - our own paths and column names


def _contender(work: Callable[[dict[str, Any]], pd.DataFrame]) -> Callable[[dict[str, Any]], Any]:
    def arrays(table: pd.DataFrame) -> dict[str, np.ndarray]:
        return {name: table[name].to_numpy("float64", na_value=np.nan) for name in table.columns}

    return lambda given: (lambda: work(given), arrays)


CONTENDERS: Final = {"pandas": _contender(by_pandas), "duckdb": _contender(by_duckdb)}
