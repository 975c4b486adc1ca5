"""The text format of LightGBM's trees, read as strictly as hostile bytes deserve.

Belongs here: what may reach LightGBM's loader.
Does not: fitting or forecasting (booster.py).

LightGBM trusts the text it reads: a list that is too short aborts the process, a feature or child out of range
reads foreign memory, a cycle never ends. So every tree is walked first, and what we do not write is refused.
Format: version 4, LightGBM `src/boosting/gbdt_model_text.cpp` and `src/io/tree.cpp`.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

END: Final = "end of trees\n"
_PLAIN: Final = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "regression",
}
_HEAD: Final = {*_PLAIN, "max_feature_idx", "feature_names", "feature_infos", "tree_sizes"}
_A_SPLIT: Final = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
_A_LEAF: Final = ("leaf_value", "leaf_weight", "leaf_count")
_A_TREE: Final = {"Tree", "num_leaves", "num_cat", "is_linear", "shrinkage", *_A_SPLIT, *_A_LEAF}
_NUMBER: Final = re.compile(r"-?\d{1,40}(\.\d{1,40})?(e[+-]\d{1,3})?", re.ASCII)
_INTEGER: Final = re.compile(r"-?\d{1,9}", re.ASCII)
_INFO: Final = re.compile(r"none|\[[-+.:e\d]{1,99}]", re.ASCII)
_CATEGORICAL: Final = 1


def check_trees(text: str, names: Sequence[str]) -> None:
    """Walk every tree of a one-output regression on the features `names`.

    Raises:
        ValueError: not such a text; the message says where.
    """
    if not text.startswith("tree\n") or not text.endswith(f"\n{END}") or not text.isascii():
        raise ValueError("not the text of LightGBM trees")
    head, _, body = text.removeprefix("tree\n").partition("\n\n")
    fields = _fields(head, _HEAD)
    if any(fields[key] != value for key, value in _PLAIN.items()):
        raise ValueError("not a LightGBM regression of version 4")
    if fields["feature_names"].split(" ") != list(names) or fields["max_feature_idx"] != str(len(names) - 1):
        raise ValueError("the trees were grown on other features than the document's")
    infos = fields["feature_infos"].split(" ")
    if len(infos) != len(names) or not all(_INFO.fullmatch(info) for info in infos):
        raise ValueError("feature_infos is malformed")
    _check_blocks(body.removesuffix(END), _integers(fields["tree_sizes"]), len(names))


def _check_blocks(body: str, sizes: list[int], n_features: int) -> None:
    start = 0
    for number, size in enumerate(sizes):
        block = body[start : start + size]
        if size <= 0 or not block.startswith(f"Tree={number}\n") or not block.endswith("\n\n\n"):
            raise ValueError(f"tree {number} is not where tree_sizes says")
        try:
            _check_tree(_fields(block.removesuffix("\n\n\n"), _A_TREE), n_features)
        except ValueError as error:
            raise ValueError(f"tree {number}: {error}") from None
        start += size
    if start != len(body):
        raise ValueError("text follows the last tree")


def _check_tree(fields: dict[str, str], n_features: int) -> None:
    (n_leaves,) = _integers(fields["num_leaves"])
    if n_leaves < 1 or (fields["num_cat"], fields["is_linear"]) != ("0", "0"):
        raise ValueError("not a plain numeric tree")
    lone = n_leaves == 1
    for name in (*_A_SPLIT, *_A_LEAF, "shrinkage"):
        expected = n_leaves - (name in _A_SPLIT) if name != "shrinkage" else 1
        # A tree of one leaf leaves every list empty but those that describe the leaf.
        if not (lone and name in {"leaf_weight", "leaf_count"} and not fields[name]):
            _check_numbers(name, fields[name], expected)
    if not lone:
        _check_shape(fields, n_leaves, n_features)


def _check_shape(fields: dict[str, str], n_leaves: int, n_features: int) -> None:
    left, right = _integers(fields["left_child"]), _integers(fields["right_child"])
    everyone = sorted([*range(-n_leaves, 0), *range(1, n_leaves - 1)])
    if sorted(left + right) != everyone:
        raise ValueError("a node has no parent or two")
    if any(0 <= child <= node for children in (left, right) for node, child in enumerate(children)):
        raise ValueError("a child comes before its parent")
    if any(not 0 <= feature < n_features for feature in _integers(fields["split_feature"])):
        raise ValueError("a split uses a feature that does not exist")
    if any(kind & _CATEGORICAL or not 0 <= kind <= 10 for kind in _integers(fields["decision_type"])):  # noqa: PLR2004 - 10 is "NaN goes left", the largest kind
        raise ValueError("a split is not numeric")


def _fields(block: str, expected: set[str]) -> dict[str, str]:
    pairs = [line.partition("=") for line in block.split("\n")]
    if sorted(name for name, _, _ in pairs) != sorted(expected):
        raise ValueError("its fields are not those of LightGBM version 4")
    return {name: value for name, _, value in pairs}


def _check_numbers(name: str, text: str, expected: int) -> None:
    words = text.split(" ") if text else []
    if len(words) != expected or not all(_NUMBER.fullmatch(word) and math.isfinite(float(word)) for word in words):
        raise ValueError(f"{name} is not {expected} numbers")


def _integers(text: str) -> list[int]:
    words = text.split(" ")
    if not all(_INTEGER.fullmatch(word) for word in words):
        raise ValueError("a list of integers is malformed")
    return [int(word) for word in words]
