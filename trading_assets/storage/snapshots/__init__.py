"""Snapshots: everything that stands at one moment, under a name, in the form of DVC's metadata."""
