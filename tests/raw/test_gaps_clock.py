"""Clock skew: signed, and an episode only where it leaves its usual level for a while."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from wire_books import Print, capture, ns, seconds

from trading_assets import schema
from trading_assets.raw.messages import nothing
from trading_assets.raw.rebuilding.clock import Clocks
from trading_assets.raw.rebuilding.stream import WINDOW

N = 1200


def skew_episodes(skew_s: np.ndarray, *, window: int = WINDOW, piece: int = N * 9) -> pl.DataFrame:
    """The ledger of trades that arrive every tenth of a second, handed over in pieces."""
    recv = ns(0) + np.arange(len(skew_s)) * 10**8
    event = recv - (skew_s * 1e9).astype(np.int64)
    clocks = Clocks(window)
    for start in range(0, len(recv), piece):
        part = slice(start, start + piece)
        trades = replace(nothing().trades, ts_recv=recv[part], ts_event=event[part])
        clocks.push(replace(nothing(), trades=trades))
    return clocks.episodes()


def constant() -> np.ndarray:
    return np.full(N, -1.27)


def test_a_constant_offset_of_a_clock_is_no_episode() -> None:
    jitter = np.random.default_rng(3).normal(0, 0.05, N)

    assert skew_episodes(constant() + jitter).rows() == []


def test_a_run_of_slow_messages_is_an_episode_known_once_it_has_lasted() -> None:
    skew = constant()
    skew[600:700] += 1.5
    episodes = skew_episodes(skew)

    assert dict(episodes.schema) == schema.FEED_GAPS
    assert seconds(episodes, schema.TS_START) == [60.0]
    assert seconds(episodes, schema.TS_KNOWN) == [60.9]
    assert seconds(episodes, schema.TS_END) == [70.0]


def test_a_few_slow_messages_are_no_episode() -> None:
    skew = constant()
    skew[600:609] -= 30

    assert skew_episodes(skew).rows() == []


def test_an_episode_at_the_end_stays_open() -> None:
    skew = constant()
    skew[1100:] += 2

    assert seconds(skew_episodes(skew), schema.TS_END) == [None]


def test_a_clock_that_was_set_anew_becomes_usual() -> None:
    skew = np.concatenate([constant(), np.zeros(6 * N)])
    ends = seconds(skew_episodes(skew), schema.TS_END)

    assert len(ends) == 1
    assert 120.0 < ends[0] < 400.0


def test_episodes_are_judged_by_the_past_only() -> None:
    skew = constant()
    skew[600:700] += 1.5
    head = skew_episodes(skew[:650]).rows()
    whole = skew_episodes(skew).rows()

    assert [(start, known) for start, known, *_ in whole] == [(start, known) for start, known, *_ in head]


def test_skew_is_signed_and_leaves_messages_without_both_clocks_out() -> None:
    trades = capture([Print(1, 1), Print(2, 2), Print(3, 3)]).trades
    messages = replace(capture([]), trades=replace(trades, ts_event=trades.ts_event + 5))

    clocks = Clocks()
    clocks.push(messages)
    spread = clocks.spread()

    assert {"n_skew": 3, **dict.fromkeys(spread.keys() - {"n_skew"}, -5)} == spread


@pytest.mark.parametrize(("window", "piece"), [(64, 7), (128, 300), (1000, 50)])
def test_episodes_do_not_depend_on_how_the_messages_are_handed_over(window: int, piece: int) -> None:
    skew = np.random.default_rng(5).normal(0, 0.4, N).cumsum() / 8

    assert skew_episodes(skew, window=window, piece=piece).rows() == skew_episodes(skew).rows() != []
