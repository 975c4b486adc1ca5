from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn as dbn
import numpy as np
import pytest
import zstandard
from format_files import NOON, brought, documents, opened, refusal, written

from trading_assets.sources.formats.base import Ask
from trading_assets.sources.formats.dbn import Dbn

NONE = dbn.UNDEF_PRICE
LAST, BAD_RECV, BAD_BOOK = dbn.F_LAST, dbn.F_BAD_TS_RECV, dbn.F_MAYBE_BAD_BOOK


def metadata(schema: dbn.Schema = dbn.Schema.MBP_10, **names: str) -> bytes:
    mappings: Any = [
        SimpleNamespace(
            raw_symbol=symbol,
            intervals=[SimpleNamespace(start_date=date(2024, 8, 8), end_date=date(2024, 8, 9), symbol=number)],
        )
        for symbol, number in names.items()
    ]
    return bytes(
        dbn.Metadata("GLBX.MDP3", NOON, dbn.SType.RAW_SYMBOL, dbn.SType.INSTRUMENT_ID, schema, mappings=mappings)
    )


def record(at: int, n_levels: int, *, action: str = "A", side: str = "B", flags: int = LAST, number: int = 7) -> bytes:
    """A record received `at` ns after noon and sent 3 ns before: bids from 100.5 down, asks from 101 up."""
    levels = [
        dbn.BidAskPair(bid_px=100_500_000_000 - k * 10**9, ask_px=(101 + k) * 10**9, bid_sz=5 + k, ask_sz=6 + k)
        if k < n_levels
        else dbn.BidAskPair(bid_px=NONE, ask_px=NONE)
        for k in range(10)
    ]
    return bytes(
        dbn.MBP10Msg(
            1,
            number,
            NOON + at - 3,
            100_250_000_000,
            2,
            dbn.Action.from_str(action),
            dbn.Side.from_str(side),
            0,
            NOON + at,
            flags=flags,
            levels=levels,
        )
    )


def saved(path: Path, *records: bytes, header: bytes | None = None) -> Path:
    content = (header or metadata(ESU4="7")) + b"".join(records)
    return written(path, zstandard.compress(content) if path.suffix == ".zst" else content)


@pytest.mark.parametrize("name", ["f.dbn", "f.dbn.zst"])
def test_the_book_is_taken_at_the_end_of_an_event_without_its_undefined_levels(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, record(1, 10), record(2, 10, flags=0), record(2, 2), record(3, 1, flags=0))

    found = documents(opened(path))

    assert [(1, 10), (2, 2), (3, 1)] == [(at, len(said["bids"])) for at, said in found]
    assert [["100.5", "5"], ["99.5", "6"]] == found[1][1]["bids"]
    assert [["101", "6"], ["102", "7"]] == found[1][1]["asks"]
    assert NOON - 1 == found[1][1]["ts_event"]


def test_a_trade_says_the_side_of_its_aggressor(tmp_path: Path) -> None:
    sides = ("A", "B", "N")
    path = saved(tmp_path / "f.dbn", *(record(1, 1, action="T", side=side, flags=0) for side in sides), record(1, 1))

    found = [said for _, said in documents(opened(path))]

    assert ["sell", "buy", None] == [said["side"] for said in found[:3]]
    assert ("100.25", "2", None) == tuple(found[0][key] for key in ("px", "sz", "id"))
    assert ["trade"] * 3 + ["snapshot"] == [said["interchange"] for said in found]


def test_flags_are_told_and_a_book_after_a_gap_is_left_out(tmp_path: Path) -> None:
    reading = opened(
        saved(tmp_path / "f.dbn", record(1, 1, flags=LAST | BAD_BOOK), record(2, 1, flags=LAST | BAD_RECV))
    )

    assert [2] == [at for at, _ in documents(reading)]
    assert [
        "1 records have an inexact receive time",
        "1 records follow a gap in the channel: their books are left out",
    ] == reading.notes


def test_instruments_are_split_and_named_as_the_file_says(tmp_path: Path) -> None:
    header = metadata(ESU4="7", **{"NQ.c.0": "8"})
    path = saved(tmp_path / "f.dbn", record(1, 1), record(1, 1, number=8), record(2, 1), header=header)

    found = {str(c.partition): c.n_lines for c in brought(path, tmp_path).landing.captures}

    assert {"2024-08-08|ESU4.GLBX": 3, "2024-08-08|NQ-c-0.GLBX": 2} == found
    assert "names one for all" in refusal(path, tmp_path / "other", "A.B")
    assert "does not say what number 9 was on 2024-08-08" in refusal(
        saved(tmp_path / "g.dbn", record(1, 1, number=9)), tmp_path / "other"
    )


def test_records_are_those_that_the_library_decodes(tmp_path: Path) -> None:
    path = saved(tmp_path / "f.dbn", *(record(n, n % 11, flags=n % 256) for n in range(300)))
    decoder = dbn.DBNDecoder()
    decoder.write(path.read_bytes())
    expected = [each for each in decoder.decode() if isinstance(each, dbn.MBP10Msg)]

    found = np.concatenate(list(Dbn(path, Ask(None, 2**22)).records()))

    assert len(expected) == len(found)
    for theirs, ours in zip(expected, found, strict=True):
        assert (theirs.ts_recv, theirs.ts_event, theirs.price) == (ours["ts_recv"], ours["ts_event"], ours["price"])
        pairs = [(pair.bid_px, pair.ask_px, pair.bid_sz, pair.ask_sz) for pair in theirs.levels]
        assert pairs == [
            tuple(int(ours[f"{side}_{what}_{k:02}"]) for what in ("px", "sz") for side in ("bid", "ask"))
            for k in range(10)
        ]


def test_records_of_other_kinds_are_passed_over_and_counted(tmp_path: Path) -> None:
    other = bytes(dbn.TradeMsg(1, 7, NOON, 5, 1, dbn.Action.TRADE, dbn.Side.BID, 0, NOON))
    reading = opened(saved(tmp_path / "f.dbn", other, record(1, 1), other, record(2, 1)))

    assert [1, 2] == [at for at, _ in documents(reading)]
    assert ["2 records are not of MBP-10: left out"] == reading.notes


def test_damage_is_told_and_other_schemas_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "f.dbn", record(1, 1), record(2, 1))
    written(path, path.read_bytes()[:-10])

    assert "it ends in the middle of a record" == brought(path, tmp_path).landing.damage
    assert "ends before its first record" in refusal(
        written(tmp_path / "g.dbn", path.read_bytes()[:50]), tmp_path / "g"
    )
    trades = saved(tmp_path / "h.dbn", header=metadata(dbn.Schema.TRADES))
    assert "only mbp-10" in refusal(trades, tmp_path / "h")
