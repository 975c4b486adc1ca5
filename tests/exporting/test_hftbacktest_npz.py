from pathlib import Path

import numpy as np
import pytest
from exported_tables import DAY, book_table, trade_table

from trading_assets.errors import NotExportable
from trading_assets.exporting.hftbacktest import (
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    Written,
    write_npz,
)

BOTH = EXCH_EVENT | LOCAL_EVENT


def test_a_row_becomes_events_that_the_exchange_and_the_strategy_see(tmp_path: Path) -> None:
    books = book_table([(5, 3, 1, True, [(9.0, 1.0)], [(10.0, 2.0)])], tmp_path)

    written = write_npz(books, None, tmp_path / "x.npz")
    events = np.load(tmp_path / "x.npz")["data"]

    kinds = [
        DEPTH_CLEAR_EVENT | BUY_EVENT,
        DEPTH_CLEAR_EVENT | SELL_EVENT,
        DEPTH_SNAPSHOT_EVENT | BUY_EVENT,
        DEPTH_SNAPSHOT_EVENT | SELL_EVENT,
    ]
    assert [kind | BOTH for kind in kinds] == events["ev"].tolist()
    assert [(9.0, 0.0), (10.0, 0.0), (9.0, 1.0), (10.0, 2.0)] == events[["px", "qty"]].tolist()
    assert {(DAY + 3, DAY + 5)} == set(events[["exch_ts", "local_ts"]].tolist())
    assert Written(4, 0, 0) == written


def test_an_event_that_arrived_late_is_split_and_each_side_sees_its_own_order(tmp_path: Path) -> None:
    books = book_table(
        [(50, 30, 1, True, [(9.0, 1.0)], [(10.0, 2.0)]), (70, 60, 2, True, [(9.0, 5.0)], [(10.0, 2.0)])], tmp_path
    )
    tape = trade_table([(80, 40, 1, 10.0, 1.0, "buy")], tmp_path)

    written = write_npz(books, tape, tmp_path / "x.npz")
    events = np.load(tmp_path / "x.npz")["data"]

    trade, update = TRADE_EVENT | BUY_EVENT, DEPTH_EVENT | BUY_EVENT
    assert [trade | EXCH_EVENT, update | BOTH, trade | LOCAL_EVENT] == events["ev"][4:].tolist()
    assert Written(6, 1, 0) == written
    for flag, clock in ((EXCH_EVENT, "exch_ts"), (LOCAL_EVENT, "local_ts")):
        assert (np.diff(events[clock][events["ev"] & flag > 0]) >= 0).all()


def test_all_receive_times_move_where_one_is_before_its_event(tmp_path: Path) -> None:
    rows = [(50, 80, 1, True, [(9.0, 1.0)], [(10.0, 2.0)]), (90, 90, 2, True, [(9.0, 5.0)], [(10.0, 2.0)])]

    written = write_npz(book_table(rows, tmp_path), None, tmp_path / "x.npz")

    assert 30 == written.shift_ns
    assert [DAY + 80, DAY + 120] == np.unique(np.load(tmp_path / "x.npz")["data"]["local_ts"]).tolist()


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    books = book_table([(5, 3, 1, True, [(9.0, 1.0)], [(10.0, 2.0)])], tmp_path)

    write_npz(books, None, tmp_path / "a.npz")
    write_npz(books, None, tmp_path / "b.npz")

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_partition_of_which_nothing_is_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotExportable, match="nothing to export"):
        write_npz(book_table([(5, 3, 1, False, [], [])], tmp_path), None, tmp_path / "x.npz")


@pytest.mark.parametrize("seed", range(3))
def test_events_in_any_disorder_end_in_order_for_both_and_none_is_lost(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.exporting.hftbacktest.BLOCK_EVENTS", 7)
    random = np.random.default_rng(seed)
    rows = [(0, 0, 1, True, [(1.0, 1.0)], [(2.0, 1.0)])]
    sold = [(10 * n, int(10 * n - random.integers(0, 80)), n, float(n), 1.0, "sell") for n in range(1, 200)]

    write_npz(book_table(rows, tmp_path), trade_table(sold, tmp_path), tmp_path / "x.npz")
    events = np.load(tmp_path / "x.npz")["data"]

    for flag, clock in ((EXCH_EVENT, "exch_ts"), (LOCAL_EVENT, "local_ts")):
        seen = events[events["ev"] & flag > 0]
        assert (np.diff(seen[clock]) >= 0).all()
        assert [float(n) for n in range(1, 200)] == sorted(seen["px"][seen["ev"] & 0xFF == TRADE_EVENT].tolist())
