"""A double: the plugin process."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2

from mspass_stack.errors import Refused
from mspass_stack.provider.server.codec import decode, encode, has_unknown
from mspass_stack.provider.server.serve import Servicer, serve
from tests.harness.docker_plugin.connection import Connection
from tests.harness.docker_plugin.container import Container
from tests.harness.docker_plugin.schema import REPLACING, differences

VERSION = "5.2.0"
"""Of the plugin that it stands in for."""

KINDS = provider_pb2.PropertyDiff


class Double(Servicer):
    """Our servicer, with the bridge's way of checking, comparing and reading."""

    def __init__(self, engine_address: str) -> None:
        super().__init__({}, engine_address, VERSION)

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        changed = decode(request.old_inputs) != decode(request.news)
        kinds = provider_pb2.DiffResponse
        return kinds(changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE)

    async def Configure(self, request: Any, context: Any) -> Any:
        arguments = decode(request.args)
        connection = Connection(str(arguments["host"]), arguments.get("sshOpts"))
        if not connection.address.startswith("ssh://"):
            try:
                connection.client.ping()
            except Refused:
                await context.abort(grpc.StatusCode.UNKNOWN, "failed to connect to any docker daemon")
        self._resources = {"Container": Container(connection)}
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=False)

    async def Check(self, request: Any, context: Any) -> Any:
        kind, inputs = self._kind(request), decode(request.news)
        reason = "the test double of the Docker plugin does not know this input"
        failures = [
            provider_pb2.CheckFailure(property=key, reason=reason)
            for key in sorted(set(inputs) - kind.known - {"__defaults"})
        ]
        return provider_pb2.CheckResponse(inputs=encode(kind.defaults(inputs)), failures=failures)

    async def Diff(self, request: Any, context: Any) -> Any:
        kind, old, new = self._kind(request), decode(request.olds), decode(request.news)
        names = differences(old, new, kind.known)
        names += [key for key in new if key not in names and has_unknown(new[key])]
        replaces = [name for name in names if name in REPLACING]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if names else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=names,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces),
            detailedDiff={
                name: KINDS(kind=KINDS.UPDATE_REPLACE if name in replaces else KINDS.UPDATE, inputDiff=name in new)
                for name in names
            },
            hasDetailedDiff=True,
        )

    async def Read(self, request: Any, context: Any) -> Any:
        found = await super().Read(request, context)
        if found.id:
            read, inputs = decode(found.properties), decode(request.inputs)
            found.inputs.CopyFrom(encode({key: read.get(key, value) for key, value in inputs.items()}))
        return found

    def _kind(self, request: Any) -> Container:
        token = request.urn.split("::")[2].rsplit("$", 1)[-1].rsplit(":", 1)[-1]
        return self._resources[token]  # pyright: ignore[reportReturnType]


def main(arguments: list[str]) -> NoReturn:
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Double(next((a for a in arguments if not a.startswith("-")), ""))))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
