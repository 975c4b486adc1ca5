"""What Dagster hands to every asset, by role.

Belongs here: how the roles are filled from the settings. Does not: what they do (execute, models/tracking).
"""

from typing import Any

from trading_assets.models.tracking import Tracker
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings


def resources(settings: Settings) -> dict[str, Any]:
    """Open the warehouse and name the tracker; neither connects before it is used."""
    return {"warehouse": Warehouse.open(settings), "tracker": Tracker(settings)}
