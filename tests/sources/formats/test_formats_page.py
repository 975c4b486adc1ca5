import re
import sys
from pathlib import Path
from types import MappingProxyType, ModuleType

import format_files
import pytest
from format_files import NOON, brought, written

from trading_assets.sources import formats

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
NAME = "trading_assets.sources.formats.quotes"


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The page's steps, taken: its module among the formats, and its test file."""
    module, tests = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    quotes = ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, quotes)
    exec(compile(module, "quotes.py", "exec"), quotes.__dict__)  # noqa: S102 - it is our own page
    known = MappingProxyType({**formats.FORMATS, quotes.QUOTES.name: quotes.QUOTES})
    monkeypatch.setattr(formats, "FORMATS", known)
    monkeypatch.setattr(format_files, "FORMATS", known)
    found: dict[str, object] = {}
    exec(compile(tests, "test_format_quotes.py", "exec"), found)  # noqa: S102 - see above
    return found


def test_a_format_added_as_the_page_says_is_read_as_its_test_says(followed: dict[str, object], tmp_path: Path) -> None:
    (test,) = (each for name, each in followed.items() if name.startswith("test_") and callable(each))

    test(tmp_path)


@pytest.mark.usefixtures("followed")
def test_a_format_added_as_the_page_says_is_imported(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", f"ns,bid,bid_size,ask,ask_size\n{NOON},10,1,11,2\n")

    one = brought(path, tmp_path, "BTCUSDT.QUOTES")

    assert ("quotes", 2) == (one.source, one.landing.n_lines)


def test_the_page_names_every_format_in_its_table() -> None:
    assert [*formats.FORMATS] == re.findall(r"^\| [^|]+ \| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
