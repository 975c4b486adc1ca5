"""Limits that settings and decoders share, in a module that costs nothing to import.

Belongs here: numbers. Does not: anything that checks them.
"""

from typing import Final

MAX_LINE_BYTES: Final = 16 * 2**20
"""Longest line that is decoded: a whole book of Coinbase, the largest message of a venue, has 5 MB."""
