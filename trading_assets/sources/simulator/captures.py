"""A recorder beside the simulated exchange: arrival times, one capture a day, files.

Belongs here: what a recorder adds to the venue's messages, and how captures are written.
Does not: what the messages say (`wire`).
"""

import gzip
import os
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np

from trading_assets.identifiers import Instrument
from trading_assets.sources.simulator.exchange import blocks, streams
from trading_assets.sources.simulator.recording import Recording
from trading_assets.sources.simulator.wire import messages

LATENCY_MS: Final = 3.0
LATENCY_SIGMA: Final = 0.5
"""The way from venue to recorder takes log-normal time: the median, and the spread of the logarithm."""
GZIP_LEVEL: Final = 1


def simulate(instrument: Instrument, recording: Recording) -> Iterator[tuple[date, bytes]]:
    """Record a simulated instrument, and yield whole capture lines with the day they belong to, days in order.

    A line is `<receive time, ns> <the venue's JSON>`. Receive times never fall. A line belongs to the UTC day it
    was received in; what arrives after its session has closed is lost, as it is to a recorder that hung up.

    Args:
        instrument: a Binance spot instrument, real or not; its symbol chooses its own random stream.
        recording: days, length, strength of the signal, seed.

    Raises:
        InvalidIdentifier: the instrument is of a venue that is not simulated.
    """
    _, rng = streams(instrument, recording.seed)
    offset_ns = recording.clock_offset_ms * 1_000_000
    closes = {day: closes_ns for day, _, closes_ns in recording.sessions()}
    opens = {opens_ns: day for day, opens_ns, _ in recording.sessions()}
    latest_ns = 0
    for block in blocks(instrument, recording):
        sent = messages(block, instrument)
        latency_ns = (1e6 * LATENCY_MS * rng.lognormal(0.0, LATENCY_SIGMA, len(sent))).astype(np.int64)
        arrival_ns = np.array([message.sent_ns for message in sent]) + offset_ns + latency_ns
        received_ns = np.maximum(np.maximum.accumulate(arrival_ns), latest_ns).tolist()
        latest_ns = received_ns[-1]
        lines = [f"{at} {message.text}\n" for at, message in zip(received_ns, sent, strict=True)]
        n = int(np.searchsorted(received_ns, closes[block.day]))
        yield block.day, "".join(lines[:n]).encode()
        following = opens.get(closes[block.day])
        if following is not None and n < len(lines):
            yield following, "".join(lines[n:]).encode()


def write_captures(out: Path, instruments: Iterable[Instrument], recording: Recording) -> list[Path]:
    """Write `<out>/<symbol>.<venue>/<day>.jsonl.gz` for each instrument and day; a file appears when it is whole.

    Returns:
        The files, by instrument and day. Equal arguments give equal bytes.

    Raises:
        InvalidIdentifier: an instrument is of a venue that is not simulated; nothing was written.
    """
    wanted = list(instruments)
    for instrument in wanted:
        streams(instrument, recording.seed)
    return [path for instrument in wanted for path in _write_days(out / str(instrument), instrument, recording)]


def _write_days(folder: Path, instrument: Instrument, recording: Recording) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for day, of_day in groupby(simulate(instrument, recording), key=itemgetter(0)):
        path = folder / f"{day}.jsonl.gz"
        _write(path, (part for _, part in of_day))
        yield path


def _write(path: Path, parts: Iterable[bytes]) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # No name and no time in the header, so that equal lines are equal files.
        with aside.open("wb") as file, gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as packed:
            for part in parts:
                packed.write(part)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
