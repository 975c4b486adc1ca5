import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_days import AS_OF, trained

from trading_assets.errors import NotAModel
from trading_assets.models.baseline import LinearModel
from trading_assets.models.document import ModelDocument

DOCUMENT = trained()
DATA = DOCUMENT.to_bytes()


def refusal(data: bytes) -> str:
    with pytest.raises(NotAModel) as caught:
        ModelDocument.from_bytes(data)
    return str(caught.value)


def with_value(value: Any, *path: str | int) -> bytes:
    """Spell the document as one is written, with one value changed."""
    tree = json.loads(DATA)
    place = tree
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(tree, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def with_trees(change: Callable[[str], str]) -> bytes:
    return with_value(change(DOCUMENT.horizons[0].booster), "horizons", 0, "booster")


def test_what_is_written_is_read_and_written_again() -> None:
    assert DOCUMENT == ModelDocument.from_bytes(DATA)
    assert DATA == ModelDocument.from_bytes(DATA).to_bytes()


def test_the_bytes_are_sorted_ascii_without_spaces_or_clock() -> None:
    assert DATA == with_value(AS_OF.isoformat(), "as_of")
    assert DATA.isascii()


@given(numbers=st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 4))
def test_every_finite_number_survives(numbers: tuple[float, float, float, float]) -> None:
    linear = DOCUMENT.horizons[0].linear
    odd = LinearModel(intercept=numbers[0], weights=numbers[1:], medians=linear.medians, means=linear.means,
                      scales=linear.scales)  # fmt: skip
    horizon = DOCUMENT.horizons[0].model_copy(update={"linear": odd})
    document = DOCUMENT.model_copy(update={"horizons": (horizon, *DOCUMENT.horizons[1:])})

    assert document.to_bytes() == ModelDocument.from_bytes(document.to_bytes()).to_bytes()


def test_a_number_that_is_not_finite_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        DOCUMENT.model_copy(update={"embargo_s": float("nan")}).to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\x80\x04K\x01.",
        b"\xff\xfe",
        b'{"kind":"other"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=["empty", "nothing", "list", "null", "pickle", "not utf-8", "foreign", "deep list", "deep map"],
)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    assert refusal(data).startswith("not a model document: ")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncated_bytes_are_refused(share: float) -> None:
    assert "EOF" in refusal(DATA[: int(len(DATA) * share)])


@pytest.mark.parametrize(
    ("value", "path", "where"),
    [
        ("trading_assets.other", ["kind"], "kind"),
        (2, ["schema_version"], "schema_version"),
        ("yesterday", ["as_of"], "as_of"),
        (1, ["unheard_of"], "unheard_of"),
        (-1.0, ["embargo_s"], "embargo_s"),
        ([], ["horizons"], "horizons"),
        (10**400, ["horizons", 0, "rows", "last_ns"], "horizons.0.rows.last_ns"),
        (2**63, ["horizons", 0, "rows", "label_end_ns"], "horizons.0.rows.label_end_ns"),
        (-1, ["horizons", 0, "rows", "n"], "horizons.0.rows.n"),
        (0.0, ["horizons", 0, "linear", "scales", 0], "horizons.0.linear.scales.0"),
        ([1.0], ["horizons", 0, "linear", "weights"], "differ in length"),
        (100.0, ["horizons", 0, "horizon_s"], "horizons must rise"),
        (10.0, ["horizons", 0, "horizon_s"], "horizons must rise"),
        (["a b", "c", "d"], ["feature_names"], "feature_names.0"),
        (["x", "y"], ["feature_names"], "other features"),
        (["imbalance_1"] * 3, ["feature_names"], "named twice"),
        ({}, ["horizons", 0, "evaluation", "scores"], "scores of booster, linear and naive"),
    ],
)
def test_a_value_out_of_place_is_refused_by_name(value: Any, path: list[str | int], where: str) -> None:
    assert where in refusal(with_value(value, *path))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
@pytest.mark.parametrize(
    "field", [b'"embargo_s":', b'"mse":', b'"intercept":', b'"mean_forecast_bps":', b'"flat_bps":']
)
def test_numbers_that_are_not_finite_are_refused(field: bytes, number: bytes) -> None:
    hostile = re.sub(field + rb"[^,}]+", field + number, DATA, count=1)

    assert refusal(hostile)


@pytest.mark.parametrize(
    "edited",
    [
        DATA.replace(b":", b": ", 1),
        DATA.rstrip(),
        DATA.replace(b'"schema_version":1', b'"schema_version":1.0'),
        DATA.replace(b'"embargo_s":60.0', b'"embargo_s":"60.0"'),
        DATA.replace(b'"embargo_s":60.0', b'"embargo_s":0.0,"embargo_s":60.0'),
    ],
    ids=["space", "no newline", "float for int", "text for number", "a key twice"],
)
def test_another_spelling_of_the_same_model_is_refused(edited: bytes) -> None:
    assert edited != DATA
    assert "not a model document" in refusal(edited)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("left_child=", "left_child=9 ", 1),
        lambda text: text.replace("num_leaves=4", "num_leaves=400000000", 1),
        lambda text: text.replace("Tree=1\n", "Tree=7\n"),
        lambda text: text.replace("leaf_value=", "leaf_value=1e999 ", 1),
        lambda text: text[: len(text) // 2],
        lambda text: text + "parameters:\n[device: gpu]\n",
        lambda _: "",
    ],
)
def test_tampered_trees_are_refused(change: Callable[[str], str]) -> None:
    assert "not a model document: " in refusal(with_trees(change))
