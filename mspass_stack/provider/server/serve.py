"""The gRPC face of the plugin: a servicer of our own in place of the SDK's, because its answers are richer.

Create, Update and Read may answer "made, but not in order" (ErrorResourceInitFailed), so what was started is in the
state before anybody waits for it; errors are one message without a traceback; ints survive; any number of calls runs
at once, each in a thread.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS  # pyright: ignore[reportPrivateUsage]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from mspass_stack import polling
from mspass_stack._version import __version__
from mspass_stack.agent import waiting
from mspass_stack.errors import InitFailed, StackError, Unreachable
from mspass_stack.machines.forward import own_directory
from mspass_stack.provider import stub_engine
from mspass_stack.provider.resources.base import Call, Resource, Severity
from mspass_stack.provider.server.codec import Props, decode, encode

THREADS = 256
"""Waits hold a thread each; asyncio's own pool has cores + 4."""

ADVICE = (
    "If it is reached in another way now: --refresh=false, once. "
    "To go on without it: --refresh=false --exclude '**@HOST' --exclude '**::preflight'; to give it up for good: "
    "pulumi config set --path 'mspass:abandon[0]' HOST, give its roles to others, and --refresh=false, once."
)

SEVERITY = {"status": engine_pb2.INFO, "info": engine_pb2.INFO, "warning": engine_pb2.WARNING}


T = TypeVar("T")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves resources by the last part of their type token."""

    def __init__(
        self, resources: Mapping[str, Resource[Any]], engine_address: str = "", version: str = __version__
    ) -> None:
        self._resources, self._version = resources, version
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resource")
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine_address)) if engine_address else None

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=False)

    async def Check(self, request: Any, context: Any) -> Any:
        call = self._asked(request, decode(request.news))
        failures = await self._run(context, lambda kind: kind.check(call), call, request)
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=key, reason=why) for key, why in failures.items()],
        )

    async def Diff(self, request: Any, context: Any) -> Any:
        call = self._asked(
            request, decode(request.news), outputs=decode(request.olds), old_inputs=decode(request.old_inputs)
        )
        names = await self._run(context, lambda kind: kind.diff(call), call, request)
        kinds = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if names else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=names,
            deleteBeforeReplace=True,
            detailedDiff={name: kinds(kind=kinds.UPDATE, inputDiff=name in call.inputs) for name in names},
            hasDetailedDiff=True,
        )

    async def Create(self, request: Any, context: Any) -> Any:
        call = self._asked(request, decode(request.properties), preview=request.preview)
        id, outputs = await self._run(context, lambda kind: kind.create(call), call, request)
        return provider_pb2.CreateResponse(id=id, properties=encode(call.inputs | outputs))

    async def Update(self, request: Any, context: Any) -> Any:
        call = self._asked(
            request,
            decode(request.news),
            outputs=decode(request.olds),
            old_inputs=decode(request.old_inputs),
            preview=request.preview,
        )
        outputs = await self._run(context, lambda kind: kind.update(call), call, request)
        return provider_pb2.UpdateResponse(properties=encode(call.inputs | outputs))

    async def Read(self, request: Any, context: Any) -> Any:
        inputs, outputs = decode(request.inputs), decode(request.properties)
        call = self._asked(request, inputs, outputs=outputs)
        found = await self._run(context, lambda kind: kind.read(call), call, request)
        if found is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(id=request.id, properties=encode(inputs | found), inputs=request.inputs)

    async def Delete(self, request: Any, context: Any) -> Any:
        outputs = decode(request.properties)
        call = self._asked(request, decode(request.old_inputs) or outputs, outputs=outputs)
        if call.inputs.get("connection", {}).get("host") in stub_engine.abandoned:
            return empty_pb2.Empty()
        await self._run(context, lambda kind: kind.delete(call), call, request)
        return empty_pb2.Empty()

    async def Invoke(self, request: Any, context: Any) -> Any:
        arguments = decode(request.args)
        address = stub_engine.start(arguments["stack"], arguments["hosts"])
        answer: Any = {"return": encode({"engine": address})}  # a word of Python's own
        return provider_pb2.InvokeResponse(**answer)

    async def Cancel(self, request: Any, context: Any) -> Any:
        polling.interrupted.set()
        waiting.interrupted.set()
        return empty_pb2.Empty()

    def _asked(self, request: Any, inputs: Props, **more: Any) -> Call:
        urn: str = request.urn
        last = ""

        def say(severity: Severity, text: str) -> None:
            nonlocal last
            # A log that is no terminal has a line of each; a wait looks every second and mostly sees the same.
            is_new, last = severity != "status" or text != last, text
            if self._engine and is_new:
                self._engine.Log(
                    engine_pb2.LogRequest(
                        severity=SEVERITY[severity], message=text, urn=urn, ephemeral=severity == "status"
                    )
                )

        return Call(urn.rsplit("::", 1)[1], inputs, id=getattr(request, "id", ""), say=say, **more)

    async def _run(self, context: Any, step: Callable[[Resource[Any]], T], call: Call, request: Any) -> T:
        token = request.urn.split("::")[2].rsplit("$", 1)[-1]
        kind = self._resources.get(token.rsplit(":", 1)[-1])
        if kind is None:
            await _abort(context, f"the plugin has no resource '{token}'")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, step, kind)
        except InitFailed as failed:
            await _abort_init_failed(context, failed, call)
        except Unreachable as unreachable:
            await _abort(context, f"{unreachable}\n{ADVICE}")
        except StackError as error:
            await _abort(context, str(error))
        except Exception as error:
            last = error.__traceback__
            while last and last.tb_next:
                last = last.tb_next
            where = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else "?"
            await _abort(context, f"internal error: {type(error).__name__}: {error} ({where})")


async def _abort(context: Any, message: str) -> NoReturn:
    await context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort raises")


async def _abort_init_failed(context: Any, failed: InitFailed, call: Call) -> NoReturn:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failed.id,
        properties=encode(call.inputs | failed.outputs),
        reasons=[failed.reason],
        inputs=encode(call.inputs),
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=failed.reason)
    status.details.add().Pack(detail)
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.UNKNOWN, failed.reason, trailing_metadata=metadata)
    raise AssertionError("abort raises")


async def listen(servicer: Servicer) -> tuple[grpc.aio.Server, int]:
    """Serve on a free port of the loopback interface."""
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


async def serve(servicer: Servicer) -> None:
    server, port = await listen(servicer)
    print(port, flush=True)
    await _first(server.wait_for_termination(), _parent_gone())


async def _first(*tasks: Awaitable[object]) -> None:
    await asyncio.wait([asyncio.ensure_future(task) for task in tasks], return_when=asyncio.FIRST_COMPLETED)


async def _parent_gone() -> None:
    """Return when the engine has ended: a killed engine cannot tell its plugins."""
    gone = asyncio.Event()
    parent = os.pidfd_open(os.getppid())
    asyncio.get_running_loop().add_reader(parent, gone.set)
    await gone.wait()


def main() -> NoReturn:
    """Run the plugin for the engine whose address is the last argument.

    Ends without joining its threads: a thread may wait for a process for minutes, and the engine grants 5 seconds.
    """
    from mspass_stack.provider.server.registry import RESOURCES

    own_directory()  # where Pulumi's Docker plugin shares its connections
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Servicer(RESOURCES, next((a for a in sys.argv[1:] if not a.startswith("-")), ""))))
    os._exit(0)
