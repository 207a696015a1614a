"""`Frontend`: JupyterLab, wired to the database and the pool."""

from collections.abc import Sequence
from typing import ClassVar

import pulumi

from mspass_stack.components.foundation import Foundation
from mspass_stack.components.host import Hosted, HostedProcess
from mspass_stack.roles import jupyter


class Frontend(pulumi.ComponentResource):
    """JupyterLab with a generated token.

    Args:
        after: processes that are stopped later than the frontend.
        before: what must be usable when it starts (a sharded database).

    Attributes:
        url: the address with the token; a secret, known once Jupyter answers. Of another host, it is that which
            `mspass-stack connect` opens on this machine.
    """

    url: pulumi.Output[str]
    kinds: ClassVar[tuple[str, ...]] = (jupyter.Frontend.kind,)

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        after: Sequence[Hosted] = (),
        before: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:Frontend", name, None, opts)
        process = foundation.topology.one(jupyter.Frontend.kind)
        if process is None:
            raise ValueError("the config declares no frontend")
        before = [*before, *foundation.versions]
        self.jupyter = HostedProcess(foundation, process, self, after, before).check_readiness()
        self.hosted = [self.jupyter]
        self.url = pulumi.Output.all(foundation.secrets[jupyter.TOKEN], self.jupyter.ready.id).apply(
            lambda known: f"{process.endpoint}/lab?token={known[0]}"
        )
        self.register_outputs({})
