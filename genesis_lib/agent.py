"""GenesisAgent: RPC server and RPC client on the bus, to be subclassed."""

from __future__ import annotations

import inspect
import logging
import time
from contextlib import AsyncExitStack
from typing import Any, Self

from genesis_lib.agent_classifier import AgentClassifier
from genesis_lib.caller import Caller
from genesis_lib.capabilities import describe_agent
from genesis_lib.context import current_call
from genesis_lib.discovery.advertiser import Advertiser
from genesis_lib.errors import AgentNotFound, ConfigError, GenesisError, InvalidRequest, NotAuthorised
from genesis_lib.identity import service_name
from genesis_lib.member import BusMember
from genesis_lib.messages import AgentInfo, AgentRequest, FunctionInfo
from genesis_lib.request_handler import Hook, ask_own_hook, make_handler
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.functions import offered_functions
from genesis_lib.rpc.guards import Guard, hop_guard, loop_guard
from genesis_lib.rpc.places import Places
from genesis_lib.rpc.rate_limit import RateLimit, rate_guard
from genesis_lib.rpc.refusals import RefusalLimiter
from genesis_lib.rpc.replier import Replier
from genesis_lib.running import run_until_signal
from genesis_lib.security.policy import AccessPolicy
from genesis_lib.security.policy_file import PolicyFileError
from genesis_lib.security.policy_guard import policy_guard
from genesis_lib.security.policy_source import PolicySource
from genesis_lib.settings import Settings
from genesis_lib.unwinding import on_failure

logger = logging.getLogger(__name__)

_ROUTING_SHARE = 0.75  # of the time that is left; the agent's own answer has the rest
_served_here: set[tuple[bytes, str]] = set()  # participant and agent id, of every agent that is open in this process


class GenesisAgent(BusMember):
    """An agent. Override `process_agent_request`, or `process_request`, and `get_agent_capabilities`.

    Constructing it opens nothing. `async with agent:` joins the bus: when it is entered the agent listens and is announced.
    `await agent.run()` does the same until SIGINT or SIGTERM.

    Args:
        agent_name: free text, what people and other agents call it.
        base_service_name: the kind of service, shared by its instances; part of topic names.
        service_instance_tag: tells instances of a service apart for callers: `{base_service_name}_{tag}` reaches those
            with this tag.
        agent_id: unique on the domain; a new uuid4 in hex by default.
        enable_agent_communication: be called by agents and call them. Without it interfaces only can call.
        description: one or two sentences for people and for the language model that routes.
        settings: what is in force; read from environment and file by default.
        openai_api_key, model_name: for routing by language model; from the settings by default.
        classifier: routes requests, in place of one made from the settings.
        reentrant: be called again inside a chain of calls that has been here already. Without it such a call is refused
            with LoopDetected; the limit of hops (`max_hops`) holds for both.
        access_policy: who may call this agent, and what. Goes before the setting `policy_file`; without both everybody may
            call everything.

    Raises:
        ConfigError: a name or the description cannot be used, neither hook is overridden or one is not async, or a function
            cannot be offered.
    """

    def __init__(
        self,
        agent_name: str,
        base_service_name: str | None = None,
        service_instance_tag: str | None = None,
        agent_id: str | None = None,
        enable_agent_communication: bool = False,
        *,
        description: str = "",
        settings: Settings | None = None,
        openai_api_key: str | None = None,
        model_name: str | None = None,
        classifier: AgentClassifier | None = None,
        reentrant: bool = False,
        access_policy: AccessPolicy | None = None,
    ) -> None:
        self.agent_name = agent_name
        self.base_service_name = base_service_name or ""
        self.service_instance_tag = service_instance_tag or ""
        self.description = description
        self.enable_agent_communication = enable_agent_communication
        self.reentrant = reentrant
        super().__init__(agent_name, agent_id, settings, openai_api_key, model_name, classifier)
        self.service_name = service_name(base_service_name, self.app.agent_id)
        self._hook = self._pick_hook()
        self._functions = offered_functions(self)
        self._advertise({})  # what cannot be announced is refused now, as far as it is known
        self._replier: Replier | None = None
        self._served_as: tuple[bytes, str] | None = None
        self._advertiser: Advertiser | None = None
        self._refusals = RefusalLimiter()
        self._policy = PolicySource(access_policy, self.app.settings.policy_file, self._on_policy_reload)

    # Hooks

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request. Every request enters here; the default awaits `process_request`.

        Args:
            request: dict with message (str), conversation_id (str), metadata (dict), attachments (list of Attachment),
                source_agent_id (str), request_id (str), timeout_seconds (float, what is left, or None).

        Returns:
            dict with message (str) and, optionally, status (int, 0 by default), metadata (dict), attachments (list of
            Attachment), conversation_id (str). Written as an async generator it yields such dicts and is a stream.
        """
        return await self.process_request(request)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request; as `process_agent_request`."""
        raise NotImplementedError

    def get_agent_capabilities(self) -> dict[str, Any]:
        """What the agent announces: dict with agent_type ("general" or "specialized"), specializations, capabilities,
        classification_tags (lists of str), model_info, performance_metrics (dicts), default_capable (bool); all optional."""
        return {}

    # Routing

    async def process_request_with_routing(self, request: dict[str, Any] | str) -> dict[str, Any]:
        """Hand the request to the agent that fits best; when nobody does or routing fails, answer it with
        `process_request`. A routed reply has routed_to and reason in its metadata.

        Within a call, routing may take three quarters of the time that is left, so that there is time for an own answer.

        Raises:
            InvalidRequest: the request is no text, and no dict with a text as message.
        """
        asked: dict[str, Any] = {"message": request} if isinstance(request, str) else request
        if not isinstance(asked, dict) or not isinstance(asked.get("message"), str):
            raise InvalidRequest("a request to route has to be a text, or a dict with a text as 'message'")
        call = current_call.get()
        left = call.seconds_left() if call is not None else None
        try:
            return await self.route_request_to_best_agent(
                asked["message"],
                asked.get("conversation_id"),
                None if left is None else left * _ROUTING_SHARE,
                metadata=asked.get("metadata"),
                attachments=asked.get("attachments", ()),
            )
        except GenesisError as error:
            log = logger.info if isinstance(error, AgentNotFound) else logger.warning
            log("%s answers itself, routing failed: %s: %s", self.agent_name, type(error).__name__, error)
        if type(self).process_request is GenesisAgent.process_request:
            raise ConfigError(
                f"{self.agent_name} overrides no process_request, so it cannot answer what nobody else takes",
                target=self.app.agent_id,
            )
        complete = {"conversation_id": "", "metadata": {}, "attachments": [], "source_agent_id": "", **asked}
        complete["timeout_seconds"] = call.seconds_left() if call is not None else None
        return await ask_own_hook(self.agent_name, self.process_request, complete)

    # Lifecycle

    async def open(self) -> Self:
        """Join the bus. When this returns, the agent listens and is announced.

        Raises:
            ConfigError: the capabilities are not what they should be or over their bounds, an agent of this id is open in
                this process, the policy file cannot be used, or the DDS product is not there.
            BusError: the DDS product refuses.
        """
        async with self._lifecycle:
            if self._replier is not None:
                raise ConfigError(f"{self.agent_name} is open already", target=self.app.agent_id)
            async with on_failure(self._close):
                await self._open()
        self._monitor.ready()
        return self

    async def close(self) -> None:
        """Leave the bus: stop announcing, refuse new requests, let those that run finish within the grace time."""
        async with self._lifecycle:
            await self._close()

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM, then drain and return. A second signal ends the process at once."""
        await run_until_signal(self)

    async def update_capabilities(self) -> None:
        """Announce anew what `get_agent_capabilities` returns now; raises as `open`."""
        if self._advertiser is None:
            raise ConfigError(f"{self.agent_name} is not on the bus", target=self.app.agent_id)
        await self._advertiser.update(self._describe(self.get_agent_capabilities()))

    async def _open(self) -> None:
        advertiser = self._advertise(self.get_agent_capabilities())
        settings = self.app.settings
        places = Places(settings.max_concurrency)
        await self._policy.open()
        await self._join(agents_only=True)
        self._claim_id()
        self._replier = await Replier(
            self.service_name,
            self.app.agent_id,
            make_handler(
                self.agent_name,
                self._hook,
                self._functions,
                self._monitor.server_middleware,
                places,
                max_batch=settings.max_concurrency + settings.max_queue,
            ),
            self.app.directory,
            guards=self._guards(advertiser),
            on_refused=self._on_refused,
            places=places,
            max_queue=settings.max_queue,
            max_message_bytes=settings.max_message_bytes,
        ).open(self.app.participant)
        self._advertiser = await advertiser.open(self.app.participant)
        agents = self.app.directory.agents  # those of this process look there, too
        await self.app.directory.wait_for(lambda: self.app.agent_id in agents, settings.connect_timeout_seconds)

    async def _close(self) -> None:
        """The last step comes first. Each is taken, whatever becomes of those before it."""
        async with AsyncExitStack() as steps:
            steps.push_async_callback(self._leave)
            steps.callback(self._give_up_id)
            steps.push_async_callback(self._policy.close)
            steps.push_async_callback(self._stop_announcing)
            steps.push_async_callback(self._stop_serving)
            if self._advertiser is not None:
                self._advertiser.withdraw()

    async def _stop_serving(self) -> None:
        if self._replier is not None:
            replier, self._replier = self._replier, None
            await replier.close(self.app.settings.grace_seconds)

    async def _stop_announcing(self) -> None:
        if self._advertiser is not None:
            advertiser, self._advertiser = self._advertiser, None
            await advertiser.close()

    def _claim_id(self) -> None:
        """Two agents of one id in one process would answer every request twice."""
        served_as = (self.app.participant.guid, self.app.agent_id)
        if served_as in _served_here:
            raise ConfigError(
                f"an agent with the id {self.app.agent_id} is open in this process already; give {self.agent_name} another",
                target=self.app.agent_id,
            )
        _served_here.add(served_as)
        self._served_as = served_as

    def _give_up_id(self) -> None:
        if self._served_as is not None:
            _served_here.discard(self._served_as)
            self._served_as = None

    def _calling(self) -> Caller:
        if not self.enable_agent_communication:
            raise ConfigError(
                f"{self.agent_name} was built without enable_agent_communication=True", target=self.app.agent_id
            )
        return super()._calling()

    def _pick_hook(self) -> Hook:
        own, base = type(self), GenesisAgent
        for name, hook in (
            ("process_agent_request", own.process_agent_request),
            ("process_request", own.process_request),
        ):
            if not inspect.isasyncgenfunction(hook) and not inspect.iscoroutinefunction(inspect.unwrap(hook)):
                raise ConfigError(f"{own.__name__}.{name} has to be an 'async def' method", target=self.app.agent_id)
        if own.process_agent_request is not base.process_agent_request:
            return self.process_agent_request
        if own.process_request is base.process_request:
            raise ConfigError(
                f"{own.__name__} overrides neither process_agent_request nor process_request, so it cannot answer anything",
                target=self.app.agent_id,
            )
        # An async generator cannot be awaited by the default process_agent_request.
        return self.process_request if inspect.isasyncgenfunction(own.process_request) else self.process_agent_request

    def _advertise(self, capabilities: dict[str, Any]) -> Advertiser:
        return Advertiser(self._describe(capabilities), self._describe_functions())

    def _describe(self, capabilities: dict[str, Any]) -> AgentInfo:
        return describe_agent(
            self.app.agent_id,
            self.agent_name,
            self.description,
            self.service_name,
            self.service_instance_tag,
            capabilities,
            agent_communication=self.enable_agent_communication,
        )

    def _describe_functions(self) -> list[FunctionInfo]:
        return [
            FunctionInfo(
                self.app.agent_id, function.name, function.description, function.parameter_schema, self.service_name
            )
            for function in self._functions.values()
        ]

    def _guards(self, advertiser: Advertiser) -> list[Guard]:
        settings = self.app.settings
        guards = [hop_guard(self.app.agent_id, settings.max_hops)]
        if not self.reentrant:
            guards.append(loop_guard(self.app.agent_id))
        if not self.enable_agent_communication:
            guards.append(self._refuse_agents)
        if self._policy.policy is not None:
            guards.append(policy_guard(self._policy, lambda: advertiser.info))
        per_caller = RateLimit.of(settings.rate_limit_per_caller, settings.rate_burst_per_caller)
        overall = RateLimit.of(settings.rate_limit, settings.rate_burst)
        if per_caller is not None or overall is not None:
            guards.append(rate_guard(self.app.agent_id, per_caller, overall))
        return guards

    def _on_refused(self, request: AgentRequest, caller: CallerIdentity, error: GenesisError) -> None:
        kind = type(error).__name__
        suppressed = self._refusals.report(caller.name, kind, time.monotonic())
        if suppressed is None:
            return
        logger.warning("%s refused a request of %s: %s: %s", self.agent_name, caller.name, kind, error)
        self._monitor.request_refused(request, caller, error, suppressed)

    def _on_policy_reload(self, policy: AccessPolicy, error: PolicyFileError | None) -> None:
        if error is None:
            self._monitor.policy_changed(policy)
        else:
            self._monitor.policy_refused(policy, error)

    def _refuse_agents(self, request: AgentRequest, caller: CallerIdentity) -> GenesisError | None:
        if not caller.agent_id and request.source_agent_id not in self.app.directory.agents:
            return None
        return NotAuthorised(
            f"{self.agent_name} serves interfaces only (enable_agent_communication is off)", target=self.app.agent_id
        )
