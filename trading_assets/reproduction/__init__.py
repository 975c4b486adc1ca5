"""Reproduction: a model made again from the captures, in a place of its own, and compared with the one that stands."""
