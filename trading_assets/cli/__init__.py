"""The command line."""

import gc

gc.set_threshold(100_000)  # most of what a short command makes, modules above all, it needs to its end
