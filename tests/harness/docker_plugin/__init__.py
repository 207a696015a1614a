"""A double: stands in for Pulumi's own Docker plugin where that cannot be downloaded, on the real engine.

Speaks the types of `pulumi_docker` 5.2 for what our components emit and refuses everything else. Behaves as the
official one does, in what is awkward too: what it reads back and what not, which changes replace, which change its
state only, that a container which ends at once was created well. Used only under MSPASS_TEST_DOUBLES=1; where the real
plugin is installed, that one is started instead.
"""

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """What a `pulumi` that is to find the double needs in its environment; the double steps aside by itself."""
    return {"MSPASS_TEST_DOUBLES": "1", "PATH": f"{Path(__file__).parent}{os.pathsep}{os.environ['PATH']}"}
