from pathlib import Path

import pytest
from command_line import CommandLine, new_project

from trading_assets.cli.work import _short

TRADES = (
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    "bitmex,{symbol},1723118400000000,1723118400100000,{id},sell,8531.5,2\n"
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


@pytest.mark.parametrize(
    ("path", "named", "expected"),
    [
        ("/far/away/day.csv", ["/far/away/day.csv"], "day.csv"),
        ("/far/away/btc/day.csv", ["/near", "/far/away"], "btc/day.csv"),
        ("btc/day.csv", ["."], "btc/day.csv"),
        ("day.csv", ["day.csv"], "day.csv"),
    ],
)
def test_a_file_is_named_from_where_it_was_named(path: str, named: list[str], expected: str) -> None:
    assert expected == _short(Path(path), [Path(each) for each in named])


def test_an_import_names_each_file_once_and_then_what_it_lacks(command: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "from a vendor"
    for symbol, trade_id in (("ETHUSD", "7"), ("XBTUSD", "a-b")):
        (folder / symbol).mkdir(parents=True)
        (folder / symbol / "trades.csv").write_text(TRADES.format(symbol=symbol, id=trade_id))
    said = command("import", folder)

    assert (0, "") == (said.code, said.err)
    assert [
        "ETHUSD/trades.csv: tardis_trades: 2 lines → 2024-08-08|ETHUSD.BITMEX",
        "  has no books",
        "XBTUSD/trades.csv: tardis_trades: 2 lines → 2024-08-08|XBTUSD.BITMEX",
        "  has no books, no trade ids",
        "captures of 2024-08-08|ETHUSD.BITMEX: published",
        "captures of 2024-08-08|XBTUSD.BITMEX: published",
    ] == said.out.splitlines()
