"""Which assets are served, for whoever must not wait for the tables to be described.

Belongs here: names. Does not: tables (tables).
"""

from typing import Final

BOOK_FEATURES: Final = "book_features"
FORECASTS: Final = "forecasts"
SERVED_ASSETS: Final = (BOOK_FEATURES, FORECASTS)
