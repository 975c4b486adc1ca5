"""Book features: one row a grid tick, from the past only."""
