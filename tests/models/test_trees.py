import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_days import AS_OF, trained, training_day

from trading_assets.models.booster import predict_booster
from trading_assets.models.dataset import Floats, matrix
from trading_assets.models.trees import END, check_trees

DOCUMENT = trained()
NAMES = DOCUMENT.feature_names
TEXT = DOCUMENT.horizons[0].booster
FIRST_TREE = TEXT.index("Tree=0")


def resized(text: str) -> str:
    """Make tree_sizes true again after a change, so that only the change itself can be objected to."""
    body = text[text.index("Tree=0") : -len(END)]
    sizes = " ".join(str(len(tree)) for tree in re.split(r"(?=^Tree=)", body, flags=re.MULTILINE) if tree)
    return re.sub(r"tree_sizes=.*", f"tree_sizes={sizes}", text, count=1)


def changed(field: str, value: str) -> str:
    """Change a field of the first tree."""
    return resized(TEXT[:FIRST_TREE] + re.sub(rf"(?m)^{field}=.*$", f"{field}={value}", TEXT[FIRST_TREE:], count=1))


def test_what_was_fitted_passes() -> None:
    check_trees(TEXT, NAMES)
    check_trees(resized(TEXT), NAMES)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("left_child", "0 -1 -2", "a node has no parent or two"),
        ("left_child", "1 2 3", "a node has no parent or two"),
        ("right_child", "-9 -2 -4", "a node has no parent or two"),
        ("split_feature", "0 0 3", "a split uses a feature that does not exist"),
        ("split_feature", "0 0 -1", "a split uses a feature that does not exist"),
        ("split_feature", "0 0", "split_feature is not 3 numbers"),
        ("split_feature", "0 0 1.5", "malformed"),
        ("threshold", "1 2 nan", "threshold is not 3 numbers"),
        ("threshold", "1 2 1e999", "threshold is not 3 numbers"),
        ("leaf_value", "1 2 3 inf", "leaf_value is not 4 numbers"),
        ("leaf_value", "1 2 3 0x1p3", "leaf_value is not 4 numbers"),
        ("leaf_value", "1 2 3 ٣", "not the text"),
        ("decision_type", "2 2 1", "a split is not numeric"),
        ("decision_type", "2 2 16", "a split is not numeric"),
        ("num_cat", "1", "not a plain numeric tree"),
        ("is_linear", "1", "not a plain numeric tree"),
        ("num_leaves", "0", "not a plain numeric tree"),
        ("num_leaves", "4 4", "values to unpack"),
        ("num_leaves", "999999999", "is not 999999998 numbers"),
        ("shrinkage", "", "shrinkage is not 1 numbers"),
    ],
)
def test_a_tree_that_would_read_foreign_memory_is_refused(field: str, value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        check_trees(changed(field, value), NAMES)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("version=v4", "version=v3"), "not a LightGBM regression"),
        (("objective=regression", "objective=binary sigmoid:1"), "not a LightGBM regression"),
        (("num_class=1", "num_class=2"), "not a LightGBM regression"),
        (("imbalance_1 ofi", "imbalance_9 ofi"), "other features"),
        (("max_feature_idx=2", "max_feature_idx=3"), "other features"),
        (("feature_infos=", "feature_infos=x "), "feature_infos is malformed"),
        (("tree_sizes=", "tree_sizes=1 "), "not where tree_sizes says"),
        (("tree_sizes=", "tree_sizes=0 "), "not where tree_sizes says"),
        (("tree_sizes=", "tree_sizes=-5 "), "not where tree_sizes says"),
        (("tree_sizes=", "monotone=1\ntree_sizes="), "its fields are not"),
        ((END, f"stowaway\n{END}"), "text follows the last tree"),
        (("tree\n", "forest\n"), "not the text"),
    ],
)
def test_a_text_of_another_kind_is_refused(change: tuple[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_trees(TEXT.replace(*change, 1), NAMES)


@settings(max_examples=150)
@given(place=st.integers(0, len(TEXT) - 1), length=st.integers(0, 4), instead=st.text("0123456789-.e+ =\n", max_size=4))
def test_mutated_trees_are_refused_or_still_forecast(place: int, length: int, instead: str) -> None:
    mutated = TEXT[:place] + instead + TEXT[place + length :]
    try:
        check_trees(mutated, NAMES)
    except ValueError:
        return

    assert len(sample()) == len(predict_booster(mutated, sample()))


def sample() -> Floats:
    return matrix(training_day(AS_OF, rows=20).features, NAMES)
