import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.errors import NumbaError

from trading_assets import compiled as module
from trading_assets.compiled import compiled

PACKAGE = Path(module.__file__).parent
DECORATORS = frozenset({"compiled", "allocating", "inlined"})
NUMBERS = re.compile(r"None|(tuple\[)?((Int|int|bool|float)(, )?)+\]?")


def kept_by() -> set[Path]:
    """The modules a change of which throws away what is kept on disk."""
    return {path for pattern in module._SOURCES for path in PACKAGE.glob(pattern)}


def compiled_functions(tree: ast.Module, decorators: frozenset[str] = DECORATORS) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {each.id for each in node.decorator_list if isinstance(each, ast.Name)}
            if names & decorators:
                yield node


def imported_from(tree: ast.Module) -> dict[str, Path]:
    """The names that a module imports from this package, and the file that each comes from."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("trading_assets"):
            folder = PACKAGE.joinpath(*node.module.split(".")[1:])
            for alias in node.names:
                inner = folder / f"{alias.name}.py"
                found[alias.asname or alias.name] = inner if inner.exists() else folder.with_suffix(".py")
    return found


def used_in_compiled_code(path: Path) -> set[Path]:
    """The module itself, if it has compiled functions, and those whose names such functions speak of."""
    tree = ast.parse(path.read_text())
    functions = list(compiled_functions(tree))
    names = {node.id for function in functions for node in ast.walk(function) if isinstance(node, ast.Name)}
    imported = imported_from(tree)
    return {path, *(imported[name] for name in names & imported.keys())} if functions else set()


def test_what_is_kept_on_disk_goes_with_a_change_of_any_module_that_it_was_made_of() -> None:
    used = {each for path in PACKAGE.rglob("*.py") for each in used_in_compiled_code(path)}

    assert used
    assert set() == used - kept_by()


@pytest.mark.parametrize(
    "made",
    [
        lambda a: np.zeros(len(a))[0],
        lambda a: (a + a)[0],
        lambda a: a[a > 1].sum(),
        lambda a: a.copy()[0],
        lambda a: [1, 2][int(a[0])],
        lambda a: a[1:],
    ],
    ids=["array", "sum of arrays", "rows by mask", "copy", "list", "returned part"],
)
def test_compiled_code_that_would_make_an_array_or_a_list_is_refused(made: Callable[[Any], Any]) -> None:
    with pytest.raises(NumbaError, match=r"NRT required|Only accept returning of array passed"):
        compiled(made)(np.arange(3.0))


def test_compiled_code_returns_numbers_alone() -> None:  # of a part of an array in a tuple, numba hands back the whole
    found = {
        (path.name, function.name): ast.unparse(function.returns or ast.Constant(None))
        for path in PACKAGE.rglob("*.py")
        for function in compiled_functions(ast.parse(path.read_text()), {"compiled"})
    }

    assert found
    assert {} == {where: said for where, said in found.items() if not NUMBERS.fullmatch(said)}
