"""Catalogues of both kinds."""

from catalog_kinds import catalog_on, server  # noqa: F401 - fixtures
