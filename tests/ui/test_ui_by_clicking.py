"""The UI as a person sees it: `make ui` is started on small data and used with a mouse only."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Person, browsing, chromium
from live_project import LiveProject
from playwright.sync_api import expect

INSTRUMENT = "SIMBTC.BINANCE"
GOOD, BAD, FIRST_OF_MANY, LAST_OF_MANY = "2024-08-08", "2024-08-09", "2024-08-10", "2024-08-12"
A_RUN_S = 240
"""How long a run may take on a busy machine, its queue and the start of its process included."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt-get install chromium`; CI provides it"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProject]:
    """Five recorded days of one instrument, the second of them damaged, and the UI of them."""
    folder = tmp_path_factory.mktemp("ui")
    live = LiveProject(folder / "project", {"TRADING_ASSETS_PARTITIONS__START_DAY": "2024-08-01"})
    recordings = folder / "recordings"
    live.command(
        "trading-assets", "simulate", "--out", str(recordings), "-i", INSTRUMENT, "--days", "5", "--minutes", "1"
    )
    damage(recordings / INSTRUMENT / f"{BAD}.jsonl.gz")
    live.command("trading-assets", "import", str(recordings))
    try:
        live.start()
        yield live
    finally:
        live.kill()


@pytest.fixture(scope="module")
def person(project: LiveProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with browsing(f"http://127.0.0.1:{project.port}", tmp_path_factory.mktemp("profile")) as someone:
        yield someone


@pytest.fixture(scope="module")
def tried(person: Person) -> dict[str, str]:
    """How the runs of a good and of a bad partition ended, each launched from the asset's page."""
    ends = {}
    for day in (GOOD, BAD):
        launch(person, day, button="Launch 1 run")
        ends[day] = person.sees_one_of("Success", "Failure", within_s=A_RUN_S)
        person.keeps(f"run-{day}")
    return ends


def damage(path: Path) -> None:
    """Cut short every tenth line of the second half, as a failing disk may."""
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    cut = [line[:60] + b"\n" if n > len(lines) // 2 and n % 10 == 0 else line for n, line in enumerate(lines)]
    path.write_bytes(gzip.compress(b"".join(cut)))


def open_asset(person: Person, name: str, tab: str = "Overview") -> None:
    person.page.goto("/assets")
    person.click(name)
    person.turns_to(tab)


def launch(person: Person, days: str, *, button: str) -> None:
    """Materialize days of the books (and of all that is published with them), and follow what was launched."""
    open_asset(person, "raw_l2_snapshots")
    person.page.get_by_role("button", name="Materialize").first.click()
    person.click("Confirm")  # that the other tables of the step are made as well
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_placeholder("ex: 2024").fill(days)
    dialog.get_by_role("button", name="All", exact=True).last.click()
    person.sees(button)
    person.keeps(f"launch-{days.strip('[]')[:10]}")
    person.click(button)
    person.click("View")


def test_the_graph_stands_in_the_order_of_the_data(person: Person) -> None:
    person.page.goto("/")
    person.click("Lineage")
    person.sees("raw", "features", "models")
    person.keeps("graph")
    places = {
        name: person.page.get_by_text(name, exact=True).last.bounding_box() for name in ("raw", "features", "models")
    }

    assert ["raw", "features", "models"] == sorted(places, key=lambda name: places[name]["x"])


def test_columns_and_owners_are_shown_before_anything_is_made(person: Person) -> None:
    open_asset(person, "book_features")

    person.sees("Spread, depth, order flow and volatility on a time grid", "market-data", "Polars", "Parquet")
    person.sees("Distance between best ask and best bid, relative to the mid", "[basis points]")


def test_a_good_partition_is_made_and_a_bad_one_refused(tried: dict[str, str]) -> None:
    assert {GOOD: "Success", BAD: "Failure"} == tried


@pytest.mark.usefixtures("tried")
def test_the_failed_check_says_its_numbers_and_of_which_partition(person: Person) -> None:
    open_asset(person, "raw_l2_snapshots", "Checks")
    person.click("book_is_mostly_valid")
    person.sees("0.9 <= valid_share", "Failed", "Latest execution", f"{BAD}|{INSTRUMENT}")
    person.keeps("failed-check")
    person.turns_to("Execution history")

    person.sees("book_is_mostly_valid: valid_share is 0.", "wanted >= 0.9")
    person.keeps("check-history")


@pytest.mark.usefixtures("tried")
def test_the_plot_is_a_picture(person: Person) -> None:
    open_asset(person, "raw_l2_snapshots", "Events")
    person.click(f"{GOOD}|{INSTRUMENT}")
    person.row("plot").get_by_text("Show Markdown").click()
    picture = person.page.get_by_role("dialog").get_by_role("img", name="raw_l2_snapshots")
    expect(picture).to_be_visible()
    person.keeps("plot")

    assert picture.evaluate("image => image.complete && image.naturalWidth > 300")


@pytest.mark.usefixtures("tried")
def test_the_versions_it_was_made_from_are_a_table(person: Person) -> None:
    open_asset(person, "raw_l2_snapshots", "Events")
    person.click(f"{GOOD}|{INSTRUMENT}")
    inputs = person.row("inputs")
    inputs.scroll_into_view_if_needed()
    person.keeps("events")

    expect(inputs).to_contain_text(re.compile(rf"captures\s*{GOOD}\s*[0-9a-f]{{32}}"))


def test_the_lineage_of_an_asset_is_shown(person: Person) -> None:
    open_asset(person, "raw_l2_snapshots", "Lineage")

    person.sees("captures", "book_features")
    person.keeps("lineage")


def test_a_backfill_is_launched_and_finishes(person: Person) -> None:
    launch(person, f"[{FIRST_OF_MANY}...{LAST_OF_MANY}]", button="Launch backfill")
    person.sees("100% completed", within_s=A_RUN_S)
    expect(person.page.get_by_text("Succeeded", exact=True)).to_have_count(
        2, timeout=A_RUN_S * 1000
    )  # column and status
    person.keeps("backfill")

    assert 4 == person.page.get_by_text("100% completed").count()
