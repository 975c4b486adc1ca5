import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets import schema
from trading_assets.exporting.hftbacktest import write_npz
from trading_assets.exporting.nautilus import write_catalog
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.rebuilding.whole import rebuild_day
from trading_assets.sources.reader import read_chunks

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "peers"
DEPTH = 20
MARKETS = {"BTCUSDT.BINANCE_USDM": ("binance_usdm", 0.1), "BTCUSDT.BINANCE": ("binance", 0.01)}


@pytest.fixture(scope="module", params=MARKETS)
def market(request: pytest.FixtureRequest) -> Instrument:
    return Instrument.parse(request.param)


@pytest.fixture(scope="module")
def tables(market: Instrument, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A real day, of which some rows in the middle are made not valid."""
    capture = shared_data / f"captures/{MARKETS[str(market)][0]}/BTCUSDT/2024-08-08.jsonl.gz"
    messages = decode(read_chunks(capture, max_line_bytes=2**22), instrument=market)
    day = rebuild_day(messages, None, day=date(2024, 8, 8), instrument=market, depth=DEPTH)
    folder = tmp_path_factory.mktemp("published")
    is_sound = ~pl.int_range(pl.len()).is_between(1000, 1010)
    day.snapshots.with_columns(pl.col(schema.IS_VALID) & is_sound).write_parquet(folder / "books.parquet")
    day.trades.write_parquet(folder / "trades.parquet")
    return folder / "books.parquet", folder / "trades.parquet"


def published(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Receive times `[n]` and levels `[n, 2, 2, DEPTH]` of the rows that were the last of their instant."""
    table = pl.read_parquet(path)
    sides = [
        np.stack(
            [table.select(schema.level(side, field, n) for n in range(DEPTH)).to_numpy() for field in schema.FIELDS],
            axis=1,
        )
        for side in schema.SIDES
    ]
    tops = np.stack(sides, axis=1)
    tops[~table[schema.IS_VALID].to_numpy()] = np.nan
    times = table[schema.TS_RECV].cast(pl.Int64).to_numpy()
    is_last = np.append(np.diff(times) > 0, True)
    return times[is_last], tops[is_last]


def ensure_same_books(times: np.ndarray, tops: np.ndarray, books: Path) -> None:
    """What was replayed shows each row, from the first valid one on."""
    row_times, rows = published(books)
    at = np.searchsorted(times, row_times, side="right") - 1

    assert len(rows) > 2_000
    assert np.array_equal(np.isnan(rows).all(axis=(1, 2, 3)), np.isnan(tops[at]).all(axis=(1, 2, 3)) | (at < 0))
    assert np.array_equal(rows[at >= 0], tops[at[at >= 0]], equal_nan=True)


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]


def test_hftbacktest_replays_every_level_of_every_row_and_every_trade(
    market: Instrument, tables: tuple[Path, Path], peers_python: Path, tmp_path: Path
) -> None:
    tick_size = MARKETS[str(market)][1]

    written = write_npz(*tables, tmp_path / "events.npz")
    run(
        peers_python, SCRIPTS / "replay_hftbacktest.py", tmp_path / "events.npz", tmp_path / "out.npz", DEPTH, tick_size
    )

    seen = np.load(tmp_path / "out.npz")
    ensure_same_books(seen["times"] - written.shift_ns, seen["tops"], tables[0])
    trades = pl.read_parquet(tables[1])
    assert trades.select("px", "sz").rows() == seen["trades"][["px", "qty"]].tolist()
    is_buy = (seen["trades"]["ev"] & (1 << 29)) > 0
    assert (trades[schema.AGGRESSOR_SIDE].to_numpy() == np.where(is_buy, "buy", "sell")).all()


def test_nautilus_reads_every_level_of_every_row_and_every_trade(
    market: Instrument, tables: tuple[Path, Path], peers_python: Path, tmp_path: Path
) -> None:
    write_catalog(*tables, tmp_path / "catalog", market)
    run(peers_python, SCRIPTS / "replay_nautilus.py", tmp_path / "catalog", tmp_path / "out.npz", DEPTH)

    seen = np.load(tmp_path / "out.npz")
    ensure_same_books(seen["times"], seen["tops"], tables[0])
    trades = pl.read_parquet(tables[1])
    assert trades.select("px", "sz").rows() == list(zip(seen["trade_px"], seen["trade_sz"], strict=True))
    assert trades[schema.TRADE_ID].cast(str).to_list() == seen["trade_id"].tolist()
    assert str(market) == seen["instrument"][1]
