"""Faults on request: a recording damaged on purpose, and the truth about it.

The way of a capture: files (bytes in and out) → wire (what a line says) → damage (which lines suffer what) →
expected (the gap ledger that must follow) → truth (the document beside the output). Nothing here uses the decoder, the
rebuild or the features: what is expected must not come from what it is compared with.
"""
