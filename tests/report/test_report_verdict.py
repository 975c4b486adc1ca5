from model_days import trained, training_days

from trading_assets.identifiers import Partition
from trading_assets.report.records import Section
from trading_assets.report.verdict import trust, worth

DAY = Partition.parse("2024-08-10|SIMBTC.BINANCE")


def section(*, strength: float) -> Section:
    return Section(DAY, [], model=trained(training_days(strength=strength)))


def test_a_planted_signal_is_said_to_be_worth_something_with_its_interval_above_zero() -> None:
    answer = worth([section(strength=1.0)])

    assert "good" == answer.level
    assert answer.short.startswith("Yes")
    assert "1s: R² +0." in answer.reasons[0]
    assert "[+0." in answer.reasons[0]


def test_no_signal_is_said_to_be_worth_nothing() -> None:
    answer = worth([section(strength=0.0)])

    assert "care" == answer.level
    assert answer.short.startswith("No")
    assert "weak at every horizon" in answer.reasons[0]


def test_without_a_model_nothing_is_claimed() -> None:
    assert "none" == worth([Section(DAY, [])]).level


def test_damage_outweighs_everything() -> None:
    assert "bad" == trust([Section(DAY, [], damaged=["raw_trades: gone"])]).level
