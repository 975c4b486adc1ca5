import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "trading_assets"
EDGE = {"assets.py", "checks.py"}
STAGES = ["venues", "sources", "raw", "features", "models", "serving"]
PURE_OF_STAGE = {
    stage: [path for path in sorted((PACKAGE / stage).rglob("*.py")) if path.name not in EDGE] for stage in STAGES
}
READERS_OF_CONFIGURATION = {"settings.py"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def test_domain_code_does_not_import_dagster() -> None:
    domain = [path for paths in PURE_OF_STAGE.values() for path in paths]

    assert domain
    assert [] == [str(path) for path in domain if "dagster" in packages(path)]


def test_storage_and_telemetry_do_not_import_dagster() -> None:
    below = [path for folder in ("storage", "telemetry") for path in (PACKAGE / folder).rglob("*.py")]

    assert [] == [str(path) for path in below if "dagster" in packages(path)]


def test_storage_imports_no_stage() -> None:
    stages = tuple(f"trading_assets.{stage}" for stage in STAGES)

    found = {
        str(path): {n for n in imported(path) if n.startswith(stages)} for path in (PACKAGE / "storage").rglob("*.py")
    }
    assert {} == {path: names for path, names in found.items() if names}


def test_orchestration_knows_no_graph() -> None:
    whole = {"trading_assets.definitions", "trading_assets.graph"}

    assert [] == [str(path) for path in (PACKAGE / "orchestration").rglob("*.py") if imported(path) & whole]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_stages_before_it(stage: str) -> None:
    later = {f"trading_assets.{name}" for name in STAGES[STAGES.index(stage) + 1 :]}
    allowed = {"venues": set(), "sources": {"trading_assets.raw.messages", "trading_assets.compiled"}}

    offences = [
        (path.name, name)
        for path in PURE_OF_STAGE[stage]
        for name in imported(path) - allowed.get(stage, set())
        if any(name == module or name.startswith(f"{module}.") for module in later)
    ]

    assert [] == offences


def test_only_settings_read_the_environment_or_dynaconf() -> None:
    def reads(path: Path) -> bool:
        text = path.read_text()
        return "dynaconf" in packages(path) or "os.environ.get" in text or "os.getenv" in text

    assert READERS_OF_CONFIGURATION == {path.name for path in PACKAGE.rglob("*.py") if reads(path)}


def test_features_never_look_ahead_in_their_source() -> None:
    sources = {path: path.read_text() for path in PURE_OF_STAGE["features"]}

    assert [] == [str(path) for path, text in sources.items() if "shift(-" in text]


def test_features_are_added_up_in_one_order() -> None:
    sources = {path: path.read_text() for path in PURE_OF_STAGE["features"] if path.name != "columns.py"}

    assert [] == [str(path) for path, text in sources.items() if "sum_horizontal" in text]


def test_importing_definitions_leaves_heavy_libraries_alone() -> None:
    code = (
        "import sys, trading_assets.definitions\n"
        "heavy = {'great_expectations', 'mlflow', 'lightgbm', 'sklearn', 'matplotlib', 'dagster_mlflow'}\n"
        "heavy |= {'psycopg', 'pgpq', 'sqlalchemy.dialects.postgresql'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}, cwd=PACKAGE.parent
    )

    assert "[]" == found.stdout.strip()


def test_every_module_says_what_belongs_to_it() -> None:
    silent = [
        str(path)
        for path in PACKAGE.rglob("*.py")
        if path.read_text() and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert [] == silent
