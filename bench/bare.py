"""`Bare`: a program of resources of the plugin that need no look, side by side: what Pulumi takes by itself."""

from pathlib import Path

import yaml
from program import PROJECT, Program

SOURCE = """\
import pulumi

for number in range({count}):
    opts = pulumi.ResourceOptions(additional_secret_outputs=["value"])
    pulumi.CustomResource("mspassnode:index:Secret", f"secret-{{number}}", {{"form": "token", "value": None}}, opts)
"""
"""It imports nothing of ours; the plugin is found by its console script on PATH, as by any program of a user's."""


class Bare(Program):
    """As many secrets as one likes, in a project of its own that refreshes as ours does.

    Args:
        directory: of the project; it is made.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        options = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["options"]
        project = {"name": "bare", "runtime": "python", "options": options}
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        super().__init__(directory)

    def hold(self, count: int) -> None:
        """Have so many resources, from now on."""
        (self.directory / "__main__.py").write_text(SOURCE.format(count=count))
        self.up()
