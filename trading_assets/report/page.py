"""One HTML page that needs nothing but itself: images inside, styles inside, no scripts, no network.

Belongs here: turning sections into a page. Does not: what they say (gather, pictures, verdict).
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trading_assets.identifiers import Partition
from trading_assets.models.plots import worth_plot
from trading_assets.orchestration.plan import Standing
from trading_assets.report.gather import MAX_GAPS, open_refused, open_standing, section_of, show_ledger
from trading_assets.report.pictures import pictures_of, realised_worth
from trading_assets.report.records import Section
from trading_assets.report.verdict import answers
from trading_assets.schema import horizon

if TYPE_CHECKING:
    from trading_assets.orchestration.warehouse import Warehouse

MAX_PICTURED: Final = 20
"""Partitions that get pictures, some 300 kB each: those that want a person first, then the latest."""
_HERE: Final = Path(__file__).parent


def build_page(standings: dict[Partition, list[Standing]], warehouse: "Warehouse") -> Iterator[Partition | str]:
    """Yield each partition before its section is made, so that progress can be told, and the whole page at the end."""
    pictured = _pictured(standings)
    sections, shown = [], []
    for partition, cells in standings.items():
        yield partition
        section = _section(partition, cells, warehouse, is_pictured=partition in pictured)
        sections.append(section)
        shown.append(_rendered("section.html", section=section, max_gaps=MAX_GAPS))
        section.pictures = []  # they are in the page now
    models = {str(section.partition): section.model for section in sections if section.model}
    yield _rendered(
        "page.html",
        sections=sections,
        shown=shown,
        answers=answers(sections),
        assets=[standing.asset for standing in sections[0].standings],
        forest=worth_plot(models, title="Every model against the naive forecast") if models else None,
        n_pictured=len(pictured),
        made_at=datetime.now(UTC),
        style=Markup((_HERE / "style.css").read_text()),  # noqa: S704 - ours, and nothing of anybody else is in it
    )


def _section(partition: Partition, cells: Sequence[Standing], warehouse: "Warehouse", *, is_pictured: bool) -> Section:
    published = open_standing(cells, warehouse.lake)
    section = section_of(partition, cells, published, warehouse.lake)
    section.realised = realised_worth(published.tables, warehouse.settings)
    title = str(partition)
    if "feed_gaps" not in published.tables and (refused := open_refused(section.refusals)).tables:
        published, title, section.is_of_refused = refused, f"{partition}, refused", True
        show_ledger(section, refused)
    if is_pictured:
        section.pictures = list(pictures_of(published, title=title))
    else:
        day, instrument = partition.day, partition.instrument
        section.left_out = f"trading-assets report -i {instrument} --start {day} --end {day}"
    return section


def _pictured(standings: dict[Partition, list[Standing]]) -> set[Partition]:
    def order(partition: Partition) -> tuple[bool, int]:
        is_well = all(cell.state.value in {"published", "not expected"} for cell in standings[partition])
        return is_well, -partition.day.toordinal()

    return set(sorted(standings, key=order)[:MAX_PICTURED])


def _rendered(template: str, **values: object) -> Markup:
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 - the environment escapes


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {"data_uri": _data_uri, "number": _number, "horizon": horizon, "limits": _limits}
    return found


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _number(value: float | None, spelling: str = ",.6g") -> str:
    return "—" if value is None else format(value, spelling)


def _limits(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and minimum == maximum:
        return f"= {minimum:g}"
    parts = ((f"≥ {minimum:g}") if minimum is not None else "", f"≤ {maximum:g}" if maximum is not None else "")
    return " and ".join(part for part in parts if part)
