from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from decode_builders import columns_of, n_accounted
from mutate_lines import mutated
from venue_captures import FILES, NaiveBook, lines_by_instrument, records, value

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.decode import decode, decode_strict
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scan import FastScan
from trading_assets.raw.decoding.strict import read_line
from trading_assets.venues.wire import Depth, Record, Ticker, Trade

LAG_NS = 300_000_000
"""Coinbase: how old a ticker's prices may be when it is sent."""


def test_every_checksum_of_the_kraken_recording_matches_for_every_pair(shared_data: Path) -> None:
    matches: Counter[Instrument] = Counter()
    for instrument, said in records(shared_data, "KRAKEN"):
        book = NaiveBook()
        for message in said:
            if isinstance(message, Depth):
                book.apply(message)
                if message.checksum is not None:
                    assert message.checksum == book.kraken_checksum(message.places), (instrument, message)
                    matches[instrument] += 1

    assert (10, 4269) == (len(matches), matches.total())


def test_update_ids_of_the_bybit_recordings_are_unbroken_and_sides_stay_at_their_depth(shared_data: Path) -> None:
    for venue in ("BYBIT_LINEAR", "BYBIT_SPOT"):
        for _, said in records(shared_data, venue):
            books = [message for message in said if isinstance(message, Depth)]
            numbers = [message.seq_last for message in books]
            book = NaiveBook()
            for message in books:
                book.apply(message)

                assert (200, 200) == (len(book.bids), len(book.asks))
            assert list(range(numbers[0], numbers[0] + len(numbers))) == numbers
            assert [True] + [False] * (len(books) - 1) == [message.is_snapshot for message in books]


def test_trade_ids_of_the_coinbase_recording_are_consecutive(shared_data: Path) -> None:
    for _, said in records(shared_data, "COINBASE"):
        ids = [record.trade_id for record in said if isinstance(record, Trade)]

        assert list(range(ids[0], ids[0] + len(ids))) == ids


def test_an_aggressor_on_coinbase_lifts_the_ask_or_hits_the_bid(shared_data: Path) -> None:
    places: Counter[bool] = Counter()
    for _, said in records(shared_data, "COINBASE"):
        states = list(_states(said))
        for trade in said:
            n = bisect_right([state.ts for state in states], trade.ts_event - 1) if isinstance(trade, Trade) else 0
            if n:
                bid, ask = states[n - 1].best
                px = value(trade.px)
                if not bid < px < ask:
                    places[trade.is_sell == (px <= bid)] += 1

    assert {True: 77} == places


def test_the_book_agrees_with_every_comparable_bybit_ticker(shared_data: Path) -> None:
    equal = 0
    for _, said in records(shared_data, "BYBIT_LINEAR"):
        states = list(_states(said))
        keys = [state.seq for state in states]
        for ticker in said:
            if isinstance(ticker, Ticker):
                n = bisect_right(keys, ticker.seq)
                equal += _compared(ticker, states[max(n - 1, 0) : n + 1] if 0 < n < len(keys) else [])

    assert 767 == equal


def test_the_book_agrees_with_every_comparable_coinbase_ticker(shared_data: Path) -> None:
    equal = 0
    for instrument, lines in lines_by_instrument(shared_data, "COINBASE").items():
        timed = [
            (ts, record) for line in lines for ts, own in [read_line(line, instrument=instrument)] for record in own
        ]
        states = list(_states([record for _, record in timed], [ts for ts, one in timed if isinstance(one, Depth)]))
        for ts_recv, ticker in timed:
            if not isinstance(ticker, Ticker):
                continue
            n = bisect_right([state.seq for state in states], ticker.seq)
            first = bisect_right([state.ts for state in states], ts_recv - LAG_NS) - 1
            equal += _compared(ticker, states[first : n + 1] if 0 <= first and 0 < n < len(states) else [])

    assert 194 == equal


class _State:
    def __init__(self, seq: int, ts: int, best: tuple[int, int]) -> None:
        self.seq, self.ts, self.best = seq, ts, best


def _states(said: Sequence[Record], times: Sequence[int] | None = None) -> Iterator[_State]:
    """The best prices after each book message, with its number and its time."""
    book = NaiveBook()
    messages = [message for message in said if isinstance(message, Depth)]
    for n, message in enumerate(messages):
        book.apply(message)
        seq = message.seq_last if message.seq_ticker is None else message.seq_ticker
        yield _State(seq, times[n] if times else message.ts_event, (max(book.bids), min(book.asks)))


def _compared(ticker: Ticker, states: Sequence[_State]) -> int:
    """Count the sides whose best price was the same all along; it must be the ticker's."""
    n = 0
    for which, side in enumerate((ticker.bid, ticker.ask)):
        prices = {state.best[which] for state in states}
        if side is not None and len(prices) == 1:
            assert prices == {value(side[0])}
            n += 1
    return n


@pytest.mark.parametrize("venue", FILES)
def test_fast_equals_strict_on_the_recordings_and_no_line_is_lost(shared_data: Path, venue: str) -> None:
    for instrument, lines in lines_by_instrument(shared_data, venue).items():
        recorded = b"\n".join(lines)
        fast, strict = decode([recorded], instrument=instrument), decode_strict([recorded], instrument=instrument)

        assert columns_of(strict) == columns_of(fast)
        assert (len(lines), ()) == (n_accounted(strict), strict.dead_letters)


@pytest.mark.parametrize("venue", FILES)
def test_fast_equals_strict_on_mutated_lines_of_the_recordings(shared_data: Path, venue: str) -> None:
    for seed, (instrument, lines) in enumerate(sorted(lines_by_instrument(shared_data, venue).items())[:4]):
        hurt = list(mutated([line for line in lines if len(line) < 3000], 4000, seed=seed))
        chunk = b"\n".join(hurt)
        fast, strict = decode([chunk], instrument=instrument), decode_strict([chunk], instrument=instrument)

        assert columns_of(strict) == columns_of(fast)
        assert strict.n_lines == n_accounted(strict)


@pytest.mark.parametrize("venue", FILES)
def test_the_scanner_reads_nearly_every_book_line(shared_data: Path, venue: str) -> None:
    signs = (b'},"book-', b'"orderbook.', b'"l2_data"')
    for instrument, lines in lines_by_instrument(shared_data, venue).items():
        books = [line for line in lines if any(sign in line for sign in signs)]
        rows, scan, n_read = Rows(), FastScan(instrument), 0
        for line in books:
            rows.begin(n_bytes=len(line) + 1, line_no=0)
            scan(line + b"\n", rows)
            n_read += int(rows.cursor[at.AT]) == len(line) + 1

        assert len(books) - 2 <= n_read
