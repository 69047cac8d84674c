"""a2a-sdk: its JSON-RPC server under uvicorn, its own client, one message answered with one message.

With the client's streaming switched off, which is its fastest way; `a2a_streaming` is the client as it comes.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from a2a.client import Client as A2AClient
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_message_text, new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Role, SendMessageRequest
from starlette.applications import Starlette

from benchmarks.stack import REQUEST_SECONDS, Client, Stack, run_stack
from benchmarks.tasks import background

RPC_PATH = "/"


class EchoExecutor(AgentExecutor):  # type: ignore[misc]
    """Answers each message with its own text."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        await event_queue.enqueue_event(new_text_message(get_message_text(context.message)))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError("an echo has nothing to cancel")


def _card(url: str, *, streaming: bool) -> AgentCard:
    return AgentCard(
        name="echo",
        description="Answers with what it got",
        version="1.0",
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=streaming),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="echo", description="Answers with what it got", tags=["echo"])],
    )


@asynccontextmanager
async def serve(*, streaming: bool = False) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        card = _card(address + RPC_PATH, streaming=streaming)
        handler = DefaultRequestHandler(agent_executor=EchoExecutor(), task_store=InMemoryTaskStore(), agent_card=card)
        app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, RPC_PATH)])
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        # uvicorn's own serve() would take the signals; startup and shutdown are its public steps below that.
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[listener])
        async with background(server.main_loop()):
            yield address
        await server.shutdown(sockets=[listener])


class _Client:
    def __init__(self, client: A2AClient) -> None:
        self._client = client

    async def request(self, text: str) -> str:
        request = SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))
        async for response in self._client.send_message(request):
            answer: str = get_message_text(response.message)
            return answer
        raise RuntimeError("the server answered nothing")


@asynccontextmanager
async def connect(address: str, *, streaming: bool = False) -> AsyncIterator[Client]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, limits=limits) as http:
        client = await create_client(address, ClientConfig(streaming=streaming, httpx_client=http))
        yield _Client(client)


STACK = Stack(serve, connect, uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
