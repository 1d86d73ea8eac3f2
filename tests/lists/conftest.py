"""Fixtures that the lists share with the tests beside them: a lab, small file systems, the crash shim."""

from tests.crash.conftest import arena, shim
from tests.data.purge.conftest import lab
from tests.data.sources.conftest import mounted

__all__ = ["arena", "lab", "mounted", "shim"]
