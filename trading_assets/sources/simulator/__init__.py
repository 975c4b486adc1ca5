"""A simulated exchange that a recorder could have recorded: order flow, then a book, then the venue's wire.

Belongs here: everything between a seed and a capture file.
Does not: reading captures, simulated or not (`trading_assets.raw`).

In the direction the data moves: `recording` says what is wanted; `rates` and `pressure` (the planted signal)
drive `order_flow` (a random book); `exchange` keeps the clock and the ids; `wire` spells its messages; `captures`
cuts them into days and writes files; `truth` measures what the signal is worth.
"""
