"""Great Expectations, asked one question: which of some values lie outside their limits?

Belongs here: how it is asked, and how quickly. Does not: which values and limits (gate).
"""

import logging
import math
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

_LARGER: Final = "larger"
_SMALLER: Final = "smaller"


def outside(values: Sequence[float | None], minima: Sequence[float | None], maxima: Sequence[float | None]) -> set[int]:
    """Return which values do not lie within their limits; one that is None does not, whatever these are.

    They are judged as a table of two rows a value: the value over its minimum, its maximum over the value. One stock
    expectation judges them all, since its time goes by the number of expectations and hardly by that of rows. A
    comparison with null does not hold.
    """
    pandas, judge = _great_expectations()
    lows = [-math.inf if limit is None else limit for limit in minima]
    highs = [math.inf if limit is None else limit for limit in maxima]
    table = pandas.DataFrame({_LARGER: [*values, *highs], _SMALLER: [*lows, *values]}, dtype="float64")
    if judge(table, "BOOLEAN_ONLY").success:
        return set()
    judged = judge(table, "COMPLETE")
    rows = [] if judged.success else judged.result.get("unexpected_index_list") or []
    return {row % len(values) for row in rows} or set(range(len(values)))  # all of them where it does not say


@cache
def _great_expectations() -> tuple[Any, Callable[[Any, str], Any]]:
    """Import Great Expectations when it is first needed: it costs 9 s.

    Return pandas, and what holds the expectation against a table, saying as much as a result format asks for.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # noqa: PLC0415 - see the docstring
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; comes with Great Expectations, which judges pandas frames
    from great_expectations.validator.v1_validator import Validator  # noqa: PLC0415 - see the docstring

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    tables = context.data_sources.add_pandas("measures").add_dataframe_asset("pairs")
    pairs = tables.add_batch_definition_whole_dataframe("pairs")

    class InPairs(gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB):  # type: ignore[misc]  # untyped
        """The stock expectation. It spells itself out once: the stock one does so a hundred times for each table."""

        @property
        def configuration(self) -> Any:  # noqa: ANN401 - untyped
            if not spelled:
                spelled.append(super().configuration)
            return spelled[0]

    spelled: list[Any] = []
    expected = InPairs(column_A=_LARGER, column_B=_SMALLER, or_equal=True, ignore_row_if="neither")

    def judge(table: Any, result_format: str) -> Any:  # noqa: ANN401 - untyped
        # As `Batch.validate` does, but for looking at the table twice.
        parameters = {"dataframe": table}
        return Validator(pairs, gx.ResultFormat(result_format), parameters).validate_expectation(expected)

    return pd, judge
