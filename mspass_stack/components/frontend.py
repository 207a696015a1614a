"""`Frontend`: JupyterLab, wired to the database and the pool."""

from collections.abc import Sequence

import pulumi

from mspass_stack.components.process import HostedProcess
from mspass_stack.components.site import Site


class Frontend(pulumi.ComponentResource):
    """JupyterLab with a generated token.

    Args:
        after: processes that are stopped later than the frontend.
        before: what must be usable when it starts (a sharded database).

    Attributes:
        url: the address with the token for this machine; a secret, known once Jupyter answers.
    """

    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[HostedProcess] = (),
        before: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:Frontend", name, None, opts)
        process = site.topology.one("frontend")
        if process is None or process.endpoint is None:
            raise ValueError("the config declares no frontend")
        self.jupyter = HostedProcess(site, process, self, after, before).open_gate()
        self.hosted = [self.jupyter]
        place = process.endpoint.for_user()
        self.url = pulumi.Output.all(site.jupyter_token, self.jupyter.ready.id).apply(
            lambda known: f"{place}/lab?token={known[0]}"
        )
        self.register_outputs({})
