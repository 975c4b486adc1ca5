import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trading_assets.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
SECTIONS = [name for name, field in Settings.model_fields.items() if hasattr(field.annotation, "model_fields")]
SETTING = re.compile(rf"`({'|'.join(SECTIONS)})\.([a-z_]+)`")
SOURCE = re.compile(r"`((?:trading_assets|tests|migrations|docs|lock)/[\w./-]+)`")

OF_DOCUMENTS = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_documents", PROJECT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_current(generate: Any) -> None:
    written = generate.documents(generate.default_settings())

    assert [] == [path.name for path, text in written.items() if path.read_text() != text], "renew them: make docs"


def test_the_picture_has_every_asset_and_an_edge_for_every_input(generate: Any) -> None:
    settings = generate.default_settings()
    picture = generate.graph(generate.STAGES, settings)
    steps = [step for steps in generate.STAGES.values() for step in steps]
    edges = {(up, name) for step in steps for up in step.inputs(settings) for name in step.outputs}

    assert {name for step in steps for name in step.outputs} == set(re.findall(r"(\w+)\[\1\]", picture))
    assert edges == set(re.findall(r"(\w+) -->(?:\|[^|]*\|)? (\w+)", picture))


def test_a_text_without_the_markers_is_not_written_to(generate: Any) -> None:
    with pytest.raises(ValueError, match="once each"):
        generate.with_part("no markers", "graph", "picture")


@OF_DOCUMENTS
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    assert [] == [target for target in links(path) if not resolves(path, target)]


def test_every_document_is_reached_from_the_readme() -> None:
    reached = {PROJECT / "README.md"}
    waiting = list(reached)
    while waiting:
        found = {file for file in linked_documents(waiting.pop()) if file not in reached}
        reached |= found
        waiting += sorted(found)

    assert [] == [str(path) for path in DOCUMENTS if path not in reached]


@OF_DOCUMENTS
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    assert set() == set(re.findall(r"(?:^|&& )make ([a-z-]+)", code(path), re.MULTILINE)) - targets


@OF_DOCUMENTS
def test_every_command_that_is_named_exists(path: Path) -> None:
    from trading_assets.cli.main import app  # noqa: PLC0415 - only this test needs the command line

    commands = {each.name for each in [*app.registered_commands, *app.registered_groups]}

    assert set() == set(re.findall(r"(?:^|&& )trading-assets ([a-z-]+)", code(path), re.MULTILINE)) - commands


@OF_DOCUMENTS
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = SETTING.findall(path.read_text())

    assert [] == [
        f"{section}.{key}"
        for section, key in named
        if key not in Settings.model_fields[section].annotation.model_fields
        and key not in {"md", "py", "sqlite", "yaml", "run_id"}  # type: ignore[union-attr]  # sections are models
    ]


@OF_DOCUMENTS
def test_every_source_file_that_is_named_exists(path: Path) -> None:
    assert [] == [name for name in SOURCE.findall(path.read_text()) if not (PROJECT / name).exists()]


def test_the_thresholds_in_the_gate_document_are_the_defaults() -> None:
    told = dict(
        re.findall(r"^\| `gate\.(\w+)` \| ([\d.]+) \|", (PROJECT / "docs" / "gate.md").read_text(), re.MULTILINE)
    )
    defaults = Settings(root=PROJECT, environment="development").gate.model_dump()

    assert {name: float(value) for name, value in defaults.items()} == {
        name: float(text) for name, text in told.items()
    }


def code(path: Path) -> str:
    return "\n".join(part.strip("`") for part in CODE.findall(path.read_text()))


def links(path: Path) -> Iterator[str]:
    prose = CODE.sub("", path.read_text())
    return (target for target in LINK.findall(prose) if "://" not in target)


def resolves(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = (path.parent / name) if name else path
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def linked_documents(path: Path) -> set[Path]:
    files = {(path.parent / target.partition("#")[0]).resolve() for target in links(path)}
    folders = {file / "README.md" for file in files if file.is_dir()}
    return {file for file in files | folders if file.suffix == ".md" and file.exists()}
