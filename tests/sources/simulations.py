"""Builders of small simulations for tests."""

import json
from datetime import date
from typing import Any

from trading_assets.identifiers import Instrument
from trading_assets.sources.simulator.captures import simulate
from trading_assets.sources.simulator.recording import Recording

Message = dict[str, Any]
Messages = list[tuple[int, Message]]

SIMBTC = Instrument("SIMBTC", "BINANCE")
DAY = date(2024, 8, 8)
DEFAULTS: dict[str, Any] = {
    "start_day": DAY,
    "days": 1,
    "minutes_per_day": 2,
    "signal_strength": 0.5,
    "seed": 7,
}


def recording(**changes: Any) -> Recording:
    return Recording(**{**DEFAULTS, **changes})


def captured(instrument: Instrument = SIMBTC, **changes: Any) -> dict[date, bytes]:
    days: dict[date, bytes] = {}
    for day, part in simulate(instrument, recording(**changes)):
        days[day] = days.get(day, b"") + part
    return days


def parsed(capture: bytes) -> Messages:
    """Receive time and message of each line; a combined-stream envelope is taken off."""
    lines = [line.split(" ", 1) for line in capture.decode().splitlines()]
    messages = [(int(received), json.loads(text)) for received, text in lines]
    return [(received, message.get("data", message)) for received, message in messages]


def of_kind(messages: Messages, *fields: str) -> list[Message]:
    """Messages that have exactly these fields, in order."""
    return [message for _, message in messages if tuple(message) == fields]


SNAPSHOT = ("lastUpdateId", "bids", "asks")
DEPTH = ("e", "E", "s", "U", "u", "b", "a")
TICKER = ("u", "s", "b", "B", "a", "A")
TRADE = ("e", "E", "s", "t", "p", "q", "T", "m", "M")
