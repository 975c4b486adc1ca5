from pathlib import Path

import numpy as np
import pytest
from format_files import NOON, documents, opened, refusal, written

from trading_assets.sources.formats import npz
from trading_assets.sources.formats.hftbacktest import BUY, CLEAR, DEPTH, DTYPE, EXCH, LOCAL, SELL, SNAPSHOT, TRADE

BOTH = LOCAL | EXCH
ALIGNED = np.dtype(DTYPE.descr, align=True)
NAME = "BTCUSDT.BINANCE_USDM"


def saved(path: Path, *events: tuple[int, int, float, float], **arrays: np.ndarray) -> Path:
    """Events as (flags, ns after noon, price, quantity), sent 3 ns before they were received."""
    rows = [(ev, NOON + at - 3, NOON + at, px, qty, 0, 0, 0.0) for ev, at, px, qty in events]
    np.savez_compressed(path, **{"data": np.array(rows, ALIGNED), **arrays})
    return path


def test_depth_events_of_equal_times_are_one_message(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "f.npz",
        (DEPTH | SELL | BOTH, 1, 101.0, 0.0),
        (DEPTH | BUY | BOTH, 1, 100.5, 1e-7),
        (DEPTH | BUY | BOTH, 2, 100.5, 0.1),
    )

    found = documents(opened(path, NAME))

    assert [(1, [["100.5", "0.0000001"]], [["101", "0"]]), (2, [["100.5", "0.1"]], [])] == [
        (at, said["bids"], said["asks"]) for at, said in found
    ]
    assert NOON - 2 == found[0][1]["ts_event"]


def test_clears_and_snapshot_levels_begin_the_book_anew(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "f.npz",
        (CLEAR | BUY | BOTH, 1, 100.0, 0.0),
        (SNAPSHOT | BUY | BOTH, 1, 100.0, 2.0),
        (CLEAR | SELL | BOTH, 1, 101.0, 0.0),
        (SNAPSHOT | SELL | BOTH, 1, 101.0, 3.0),
        (DEPTH | SELL | BOTH, 1, 102.0, 4.0),
        (CLEAR | BOTH, 5, 0.0, 0.0),
    )

    found = documents(opened(path, NAME))

    assert [("snapshot", [["100", "2"]], [["101", "3"]]), ("update", [], [["102", "4"]]), ("snapshot", [], [])] == [
        (said["interchange"], said["bids"], said["asks"]) for _, said in found
    ]


def test_an_event_that_was_split_is_read_once_and_when_it_arrived(tmp_path: Path) -> None:
    path = saved(tmp_path / "f.npz", (DEPTH | BUY | EXCH, 5, 1.0, 1.0), (DEPTH | BUY | LOCAL, 5, 1.0, 1.0))

    assert 1 == len(documents(opened(path, NAME)))


def test_events_that_were_not_yet_brought_in_order_are_read(tmp_path: Path) -> None:
    assert 1 == len(documents(opened(saved(tmp_path / "f.npz", (DEPTH | BUY, 5, 1.0, 1.0)), NAME)))


def test_equal_trades_are_as_many_trades_between_the_books_they_came_with(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "f.npz",
        (DEPTH | BUY | BOTH, 1, 1.0, 1.0),
        (TRADE | SELL | BOTH, 1, 1.0, 0.5),
        (TRADE | SELL | BOTH, 1, 1.0, 0.5),
        (DEPTH | BUY | BOTH, 1, 1.0, 0.0),
        (TRADE | BOTH, 2, 1.0, 0.5),
    )

    found = [(said["interchange"], said.get("side")) for _, said in documents(opened(path, NAME))]

    assert [("update", None), ("trade", "sell"), ("trade", "sell"), ("update", None), ("trade", None)] == found


def test_events_of_other_kinds_are_counted_and_orders_are_refused(tmp_path: Path) -> None:
    reading = opened(saved(tmp_path / "f.npz", (103 | BOTH, 1, 1.0, 1.0), (TRADE | BUY | BOTH, 1, 1.0, 1.0)), NAME)
    documents(reading)

    assert ["1 events are neither depth nor trades: left out"] == reading.notes
    assert ["books", "update ids", "trade ids"] == [*map(str, reading.lacks)]
    assert "level 3" in refusal(saved(tmp_path / "o.npz", (10 | BOTH, 1, 1.0, 1.0)), tmp_path, NAME)


def test_messages_do_not_depend_on_where_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (DEPTH | BUY, SNAPSHOT | SELL, TRADE | BUY, CLEAR | SELL)
    events = [(kinds[n * 7 % 4] | BOTH, n // 5, float(n % 9 + 1), float(n % 3)) for n in range(100)]
    path = saved(tmp_path / "f.npz", *events)
    whole = documents(opened(path, NAME))

    for size in (1, 3, 7):
        monkeypatch.setattr(npz, "BLOCK_ROWS", size)
        assert whole == documents(opened(path, NAME))


@pytest.mark.parametrize("cut", [3, 60, 200])
def test_a_damaged_archive_is_refused(tmp_path: Path, cut: int) -> None:
    path = saved(tmp_path / "f.npz", *[(DEPTH | BUY | BOTH, n, 1.0 + n, 1.0) for n in range(50)])
    content = path.read_bytes()

    written(path, content[:-cut])
    assert "damaged or no numpy archive" in refusal(path, tmp_path, NAME)
    written(path, content[:cut] + b"\0\1\2" + content[cut + 3 :])
    assert str(path) in refusal(path, tmp_path, NAME)


def test_other_archives_and_times_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "f.npz", data=np.zeros(3))
    assert "has not the fields" in refusal(path, tmp_path, NAME)

    path = saved(tmp_path / "n.npz", data=np.zeros(3, [(name, "<f4") for name in DTYPE.names or ()]))
    assert "its field ev is float32, not uint64: write it with that type" in refusal(path, tmp_path, NAME)

    path = saved(tmp_path / "g.npz", (DEPTH | BUY, -NOON // 2, 1.0, 1.0))
    assert "not nanoseconds" in refusal(path, tmp_path, NAME)

    path = saved(tmp_path / "h.npz", (DEPTH | BUY, 5, 1.0, 1.0))
    assert "name the instrument with --instrument" in refusal(path, tmp_path)
