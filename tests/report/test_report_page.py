import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from sim_days import FIRST, SECOND, SIMBTC, sound_house, spoiled
from sqlalchemy.orm import Session

from trading_assets.definitions import STEPS
from trading_assets.errors import CorruptObject
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.plan import Standing, standings
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.report import page as page_module
from trading_assets.report.page import build_page
from trading_assets.schema import level
from trading_assets.storage.catalog import QuarantineRow
from trading_assets.storage.upkeep.quarantine import Quarantine

HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>"
VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})


class Page(HTMLParser):
    """What a browser would find: tags in balance, what would be loaded, the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.words: list[str] = []
        self.is_balanced = True
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in {"src", "srcset", "data", "action"}]
        self.links |= {named["href"] or ""} if "href" in named else set()
        self.ids |= {named["id"] or ""} if "id" in named else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_balanced &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@dataclass
class Report:
    raw: str
    page: Page


def cells(house: Warehouse) -> dict[Partition, list[Standing]]:
    found: dict[Partition, list[Standing]] = {}
    for standing in standings(STEPS, SIMBTC, None, house):
        found.setdefault(standing.partition, []).append(standing)
    return found


def written(house: Warehouse) -> Report:
    *_, raw = build_page(cells(house), house)
    assert isinstance(raw, str)
    return Report(raw, Page(raw))


def with_thirty_crossed_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Set the best bid of thirty rows to the best ask."""
    is_early = pl.int_range(pl.len()).is_between(100, 129)
    return table.with_columns(
        pl.when(is_early).then(level("ask", "px", 0)).otherwise(level("bid", "px", 0)).alias(level("bid", "px", 0))
    )


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """Two simulated days; the first one's book was made anew and refused, the version before it stands."""
    house = sound_house(tmp_path_factory.mktemp("report"))
    outcome = execute(spoiled("raw_l2_snapshots", with_thirty_crossed_rows), FIRST, house, run_id="spoilt")
    assert outcome.refusal
    yield written(house)
    house.lake.engine.dispose()


def test_the_page_is_whole_and_balanced(refused: Report) -> None:
    assert refused.page.is_balanced
    assert [] == refused.page.open


def test_the_page_loads_nothing_and_runs_nothing(refused: Report) -> None:
    assert refused.page.loaded
    assert [] == [source for source in refused.page.loaded if not source.startswith("data:image/png;base64,")]
    assert set() == {link for link in refused.page.links if not link.startswith("#")}
    assert set() == refused.page.tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"url\(|@import", refused.raw)


def test_every_entry_of_the_contents_leads_to_its_section(refused: Report) -> None:
    assert {f"#{SIMBTC}-{FIRST.day}", f"#{SIMBTC}-{SECOND.day}"} <= refused.page.links
    assert {link[1:] for link in refused.page.links} <= refused.page.ids


def test_the_quarantined_partition_is_named_with_the_rule_it_broke_and_its_number(refused: Report) -> None:
    first_screen = refused.page.text.partition("Contents")[0]

    assert f"{FIRST} raw_l2_snapshots was refused" in first_screen
    assert "book_is_not_crossed (n_crossed = 30)" in first_screen
    assert "Not everything is as it should be" in first_screen
    assert re.search(r"book_is_not_crossed n_crossed 30 = 0 failed", refused.page.text)


def test_a_refusal_is_shown_beside_the_version_that_stands(refused: Report) -> None:
    quarantine = refused.page.text.partition("In quarantine")[2]

    assert re.search(r"refused [\d,]+ [\d,]+ [0-9a-f]{32} stands [\d,]+ [\d,]+ [0-9a-f]{32}", quarantine)


def test_the_ledger_and_its_gap_are_shown(refused: Report) -> None:
    assert "no_snapshot" in refused.page.text.partition("Gap ledger")[2]
    assert re.search(r"Gaps of the feeds in the ledger: \d+, of them .*no_snapshot", refused.page.text)


def test_what_the_model_is_worth_is_said_first_and_shown_with_its_interval(refused: Report) -> None:
    assert "Is the model worth anything?" in refused.page.text.partition("Contents")[0]
    assert re.search(r"1s booster [+-][\d.e-]+ [+-][\d.e-]+ … [+-][\d.e-]+", refused.page.text)


def test_versions_are_shown_with_what_they_were_made_from(refused: Report) -> None:
    versions = refused.page.text.partition("Versions")[2]

    assert re.search(
        r"code version \w+ settings digest [0-9a-f]{16} made from captures 2024-08-08 [0-9a-f]{32}", versions
    )


def test_what_is_not_expected_says_why(refused: Report) -> None:
    assert "model not expected no recorded day" in refused.page.text


def test_hostile_text_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    execute(spoiled("raw_trades", lambda table: table.with_columns(pl.col("px") * -1)), FIRST, house, run_id="spoilt")
    with Session(house.lake.engine) as session, session.begin():
        for row in session.query(QuarantineRow):
            row.reason = HOSTILE

    report = written(house)

    assert HOSTILE in report.page.text
    assert "script" not in report.page.tags
    assert report.page.is_balanced


def test_a_damaged_file_is_told_first_and_not_shown(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    damaged = house.lake.resolve("raw_trades", FIRST)
    path = house.lake.store.object_path(damaged.md5)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptObject):
        house.lake.open(damaged)

    page = written(house).page

    assert "Not all of it: published bytes were damaged." in page.text
    assert f"damaged since it was published: raw_trades: object {damaged.md5}" in page.text


def test_only_so_many_days_get_pictures_and_the_others_name_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = sound_house(tmp_path)
    monkeypatch.setattr(page_module, "MAX_PICTURED", 1)

    page = written(house).page

    assert "Pictures are shown for 1 of 2 days" in page.text
    assert f"trading-assets report -i {SIMBTC} --start {FIRST.day} --end {FIRST.day}" in page.text


def test_nothing_is_written_by_looking(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in house.lake.store.root.rglob("*")}

    written(house)

    assert before == {path: path.stat().st_mtime_ns for path in house.lake.store.root.rglob("*")}
    assert [] == Quarantine(house.lake).find()
