"""Both kinds of binaries: the machine's own and the package's."""

import pytest
from postgres_binaries import Binaries, binaries_of
from postgres_server import session_folder


@pytest.fixture(params=["installed", "packaged"])
def binaries(request: pytest.FixtureRequest) -> Binaries:
    return binaries_of(request.param, session_folder())
