import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_house import (
    NEW,
    OF_SNAPSHOTS,
    OLD,
    PROJECT,
    REFUSED,
    assert_next_run_needs_no_hands,
    assert_old_or_new,
    copied,
    open_house,
    refused_md5s,
)
from crash_process import CrashServer, crash_server, make_templates

from trading_assets.storage.durability.effects import Effect

CASES = [
    ("publish", "lived_in"),
    ("publish", "empty"),
    ("refuse", "lived_in"),
    ("fail", "lived_in"),
    ("accept", "refused"),
]
BEFORE = {"lived_in": OLD, "empty": None, "refused": OLD}
AFTER = {"publish": NEW, "accept": REFUSED}


@pytest.fixture(scope="module")
def server() -> Iterator[CrashServer]:
    with crash_server() as started:
        yield started


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_templates(tmp_path_factory.mktemp("templates"))


def passings(server: CrashServer, scenario: str, template: Path, folder: Path) -> list[Effect]:
    copied(template, folder)
    ended = server.run(scenario, folder)
    assert ended.passed
    return ended.passed


def test_every_effect_is_passed_in_one_scenario_or_another(
    server: CrashServer, templates: dict[str, Path], tmp_path: Path
) -> None:
    seen = {
        effect
        for scenario, template in CASES
        for effect in passings(server, scenario, templates[template], tmp_path / f"{scenario} {template}")
    }

    assert set(Effect) - OF_SNAPSHOTS == seen


@pytest.mark.parametrize(("scenario", "template"), CASES)
def test_a_kill_before_any_effect_leaves_old_or_new_and_the_next_run_needs_no_hands(
    server: CrashServer, templates: dict[str, Path], tmp_path: Path, scenario: str, template: str
) -> None:
    effects = passings(server, scenario, templates[template], tmp_path / "whole")
    for n, effect in enumerate(effects, 1):
        root = tmp_path / f"{n}-{effect.name}"
        copied(templates[template], root)
        assert -signal.SIGKILL == server.run(scenario, root, kill_at=n).status

        house = open_house(root)
        assert_old_or_new(
            house, {AFTER[scenario] if Effect.PUBLICATION_COMMITTED in effects[: n - 1] else BEFORE[template]}
        )
        spare = refused_md5s(house) if scenario == "accept" else frozenset()
        assert_next_run_needs_no_hands(house, spare=spare)
        house.lake.engine.dispose()


def test_the_document_lists_every_effect() -> None:
    told = re.findall(
        r"^\| (\d+) \| `(\w+)` \| (.+) \|$", (PROJECT / "docs" / "publishing.md").read_text(), re.MULTILINE
    )

    assert [(str(int(effect)), effect.name, effect.meaning) for effect in Effect] == told
