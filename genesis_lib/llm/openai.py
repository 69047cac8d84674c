"""Chat models behind an OpenAI-compatible endpoint. The client takes a second to import: only at the first question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from genesis_lib.errors import ConfigError, ModelError
from genesis_lib.llm.openai_retries import refuse_long_pause, retry_after_seconds
from genesis_lib.llm.openai_wire import Completion, StreamPart, problem_in, question_to
from genesis_lib.llm.port import ChatCompletion, ChatMessage, Tool
from genesis_lib.settings import Settings

if TYPE_CHECKING:
    import openai

OPENAI_BASE_URL = "https://api.openai.com/v1"

_ADVICE = {
    400: "refused the question as malformed; does it offer chat completions with structured output (json_schema)?",
    401: "refused the key; set OPENAI_API_KEY (or openai_api_key) to one that this endpoint accepts",
    403: "does not let this key use the model; take another model or another key",
    404: "does not know the model or the path; check both; the base URL (OPENAI_BASE_URL) often ends in /v1",
    429: "is over its rate limit or quota; ask less often or raise the quota",
}
_REFUSED = "refused the question"
_BROKEN = "failed on its side; try again later or take another endpoint"
_DETAIL_CHARACTERS = 300


class OpenAIChatModel:
    """A `ChatModel` on the OpenAI client's chat completions. Cheap to make; opens nothing before the first question.

    Timeouts, refused connections, 429 and 5xx are tried again by the client, `max_retries` times, with its own pauses. A
    Retry-After is waited for when it is no longer than `timeout_seconds`; a longer one is an error at once, which names it.
    A whole `complete` takes at most `timeout_seconds * (max_retries + 1)`, pauses included.

    Args:
        model_name: as the endpoint calls it.
        api_key: may be empty for an endpoint that asks for none.
        base_url: up to and without "/chat/completions"; OpenAI's own when empty.
        max_retries: further attempts after the first.

    Raises:
        ConfigError: the base URL or the key cannot work.
    """

    def __init__(self, model_name: str, *, api_key: str = "", base_url: str = "", max_retries: int = 2) -> None:
        if max_retries < 0:
            raise ConfigError(f"max_retries is {max_retries}: give 0 or more")
        self.model_name = model_name
        self.base_url = base_url or OPENAI_BASE_URL
        self.max_retries = max_retries
        self._endpoint = _endpoint(self.base_url)
        self._key = api_key.strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise ConfigError("openai_api_key (OPENAI_API_KEY) holds characters that HTTP cannot carry: copy it again")
        self._opening = asyncio.Lock()
        self._client: openai.AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIChatModel({self.model_name!r}, base_url={self._endpoint!r})"

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        tools: Sequence[Tool] = (),
        timeout_seconds: float,
    ) -> ChatCompletion:
        """See `ChatModel.complete`.

        Raises:
            ModelError: the endpoint refused, failed, stayed silent, or sent something else than a chat completion.
            InvalidRequest: a message is not valid Unicode text.
        """
        question = question_to(self.model_name, messages, schema, tools)
        client = await self._opened()
        import openai

        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_seconds * (self.max_retries + 1)):
                response = await client.chat.completions.with_raw_response.create(**question, timeout=timeout_seconds)
            completion = Completion.model_validate_json(response.content)
        except openai.OpenAIError as error:
            raise self._failure(error, timeout_seconds, started) from None
        except TimeoutError:
            raise self._silent(timeout_seconds, started) from None
        except ValidationError as error:
            raise self._malformed(error, started) from None
        return completion.as_port_type()

    async def stream(self, messages: Sequence[ChatMessage], *, timeout_seconds: float) -> AsyncGenerator[str, None]:
        """See `ChatModel.stream`.

        Raises:
            ModelError, InvalidRequest: as in `complete`; ModelError also when the stream breaks off.
        """
        question = question_to(self.model_name, messages)
        client = await self._opened()
        import openai

        started = time.monotonic()
        finished = False
        try:
            async with await client.chat.completions.create(**question, stream=True, timeout=timeout_seconds) as parts:
                async for raw in parts:
                    part = StreamPart.model_validate(raw, from_attributes=True)
                    for choice in part.choices[:1]:
                        finished = finished or choice.finish_reason is not None
                        if choice.delta.content:
                            yield choice.delta.content
        except openai.OpenAIError as error:
            raise self._failure(error, timeout_seconds, started) from None
        except ValueError as error:  # a part that is no JSON; pydantic's ValidationError is one too
            raise self._malformed(error, started) from None
        if not finished:
            raise self._error("broke the stream off before the answer was complete; ask again", started)

    async def close(self) -> None:
        """Close the connections. The next question opens new ones."""
        async with self._opening:
            client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> openai.AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open)
            return self._client

    def _open(self) -> openai.AsyncOpenAI:
        """Import and construct, in a thread: together they would hold the event loop for about a second."""
        import openai

        client = openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.base_url,
            max_retries=self.max_retries,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [refuse_long_pause]}),
        )
        _ = client.chat.completions.with_raw_response  # the client imports its resources at first touch
        return client

    def _failure(self, error: openai.OpenAIError, timeout_seconds: float, started: float) -> ModelError:
        import openai

        if isinstance(error, openai.APITimeoutError):
            return self._silent(timeout_seconds, started)
        if isinstance(error, openai.APIConnectionError):
            cause = self._detail(str(error.__cause__ or error))
            return self._error(
                f"cannot be reached or hung up{cause}; check the base URL (OPENAI_BASE_URL) and network", started
            )
        if isinstance(error, openai.APIStatusError):
            code = error.status_code
            advice = _ADVICE.get(code) or (_BROKEN if code >= 500 else _REFUSED)
            # A 401's text may quote the key, in part or masked.
            detail = "" if code == 401 else self._detail(_explanation(error.body))
            pause = retry_after_seconds(error.response.headers)
            asked_for = "" if pause is None else f" with Retry-After {pause:g} s"
            what = f"answered {code}{asked_for}: it {advice}{detail}"
            return self._error(what, started, retry_after_seconds=pause)
        return self._error(f"could not be asked{self._detail(str(error))}", started)

    def _silent(self, timeout_seconds: float, started: float) -> ModelError:
        what = (
            f"gave no answer in up to {self.max_retries + 1} attempt(s) of {timeout_seconds:g} s, pauses included; "
            "allow more time (GENESIS_MODEL_TIMEOUT_SECONDS) or take a faster model"
        )
        return self._error(what, started)

    def _malformed(self, error: ValueError, started: float) -> ModelError:
        problem = problem_in(error) if isinstance(error, ValidationError) else "a part is no JSON"
        what = (
            f"sent something that is no chat completion ({problem}); "
            "check that the base URL (OPENAI_BASE_URL) is that of an OpenAI-compatible endpoint, often ending in /v1"
        )
        return self._error(what, started)

    def _error(self, what: str, started: float, *, retry_after_seconds: float | None = None) -> ModelError:
        return ModelError(
            f"the endpoint {self._endpoint} of model {self.model_name!r} {what}",
            elapsed_seconds=time.monotonic() - started,
            retry_after_seconds=retry_after_seconds,
        )

    def _detail(self, text: str) -> str:
        hidden = text.replace(self._key, "***") if self._key else text
        line = " ".join(hidden.split())[:_DETAIL_CHARACTERS]
        return f" ({line})" if line else ""


def model_from_settings(settings: Settings, *, max_retries: int = 2) -> OpenAIChatModel | None:
    """The model that the settings name, or None when they hold neither a key nor a base URL."""
    if not (settings.openai_api_key or settings.openai_base_url):
        return None
    return OpenAIChatModel(
        settings.model_name,
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        max_retries=max_retries,
    )


def _endpoint(base_url: str) -> str:
    """The base URL as errors may show it: no query, and no user or password, which are refused."""
    advice = "give one like http://127.0.0.1:8000/v1 (openai_base_url, OPENAI_BASE_URL)"
    try:
        url = urlsplit(base_url)
        _ = url.port
    except ValueError:
        raise ConfigError(f"the model endpoint's base URL cannot be read: {advice}") from None
    if url.username is not None or url.password is not None:
        raise ConfigError("the model endpoint's base URL holds a user or password: use openai_api_key instead")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigError(f"the model endpoint's base URL is no HTTP address: {advice}")
    return f"{url.scheme}://{url.netloc}{url.path}"


def _explanation(body: object) -> str:
    message = body.get("message") if isinstance(body, Mapping) else body
    return message if isinstance(message, str) else ""
