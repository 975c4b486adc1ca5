from pathlib import Path
from random import Random

import pytest
from decode_builders import (
    COINM,
    COINM_DEPTH,
    COINM_SNAPSHOT,
    COINM_TICKER,
    COINM_TRADE,
    SPOT,
    SPOT_DEPTH,
    SPOT_SNAPSHOT,
    SPOT_TICKER,
    SPOT_TRADE,
    USDM,
    USDM_DEPTH,
    USDM_SNAPSHOT,
    USDM_TICKER,
    USDM_TRADE,
    binance_captures,
    capture,
    columns_of,
    n_accounted,
    wrapped,
)
from mutate_lines import mutated

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.decode import decode, decode_strict
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scan import FastScan

SAMPLES = {
    SPOT: (SPOT_DEPTH, SPOT_TICKER, SPOT_TRADE, SPOT_SNAPSHOT),
    USDM: (USDM_DEPTH, USDM_TICKER, USDM_TRADE, USDM_SNAPSHOT),
    COINM: (COINM_DEPTH, COINM_TICKER, COINM_TRADE, COINM_SNAPSHOT),
}
CHANNELS = ("depth@100ms", "bookTicker", "trade", None)


def sample_lines(instrument: Instrument) -> list[bytes]:
    bare = SAMPLES[instrument]
    streams = zip(bare, CHANNELS, strict=True)
    sent = [wrapped(text, f"{instrument.symbol.lower()}@{channel}") for text, channel in streams if channel]
    return capture(*bare, *sent).splitlines()


def assert_fast_equals_strict(chunks: list[bytes], instrument: Instrument) -> None:
    fast, strict = decode(chunks, instrument=instrument), decode_strict(chunks, instrument=instrument)

    assert columns_of(strict) == columns_of(fast)
    assert strict.n_lines == n_accounted(strict)


def test_fast_equals_strict_on_every_line_of_the_captures(shared_data: Path) -> None:
    for instrument, recorded in binance_captures(shared_data):
        assert_fast_equals_strict([recorded], instrument)


def test_the_scanner_leaves_no_line_of_the_captures_to_the_strict_decoder(shared_data: Path) -> None:
    for instrument, recorded in binance_captures(shared_data):
        rows = Rows()
        rows.begin(n_bytes=len(recorded), line_no=0)
        FastScan(instrument)(recorded, rows)

        assert len(recorded) == rows.cursor[at.AT]


@pytest.mark.parametrize("instrument", SAMPLES, ids=str)
def test_fast_equals_strict_on_mutated_samples(instrument: Instrument) -> None:
    lines = list(mutated(sample_lines(instrument), 15_000, seed=7))

    assert_fast_equals_strict([b"\n".join(lines)], instrument)


def test_fast_equals_strict_on_mutated_lines_of_the_captures(shared_data: Path) -> None:
    for seed, (instrument, recorded) in enumerate(binance_captures(shared_data)):
        lines = Random(seed).sample(recorded.splitlines(), 4000)
        hurt = list(mutated(lines, 20_000, seed=seed))

        assert_fast_equals_strict([b"\n".join(hurt)], instrument)


@pytest.mark.parametrize("instrument", SAMPLES, ids=str)
def test_a_mutated_capture_decodes_alike_however_it_is_cut(instrument: Instrument) -> None:
    random = Random(11)
    lines = [line + b"\n" for line in mutated(sample_lines(instrument), 2000, seed=3)]
    chunks, rest = [], lines
    while rest:
        n = random.randrange(1, 300)
        chunks, rest = [*chunks, b"".join(rest[:n])], rest[n:]

    assert columns_of(decode([b"".join(lines)], instrument=instrument)) == columns_of(
        decode(chunks, instrument=instrument)
    )
