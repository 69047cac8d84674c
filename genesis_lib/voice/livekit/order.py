"""What a worker is told when it is sent into a LiveKit room."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genesis_lib.errors import VoiceError
from genesis_lib.voice.scenario import Side


class CallOrder(BaseModel):
    """The metadata of a dispatch, as JSON.

    Attributes:
        scenario: name or path.
        side: the one to play.
        persona, other_persona: who plays this side and the other: names or paths, those of the scenario by default.
        partner_id: identity of the other side in the room.
        partner_is_person: a client, and not an agent, plays the other side.
        patience_seconds: how long to wait for the other side and for the beginning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str = Field(min_length=1)
    side: Side
    persona: str = ""
    other_persona: str = ""
    partner_id: str = Field(min_length=1)
    partner_is_person: bool = False
    patience_seconds: float = Field(default=60.0, gt=0)

    @classmethod
    def read(cls, metadata: str) -> Self:
        """Read the metadata of a dispatch.

        Raises:
            VoiceError: it is no such order.
        """
        try:
            return cls.model_validate_json(metadata)
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'all of it'}: {each['msg']}" for each in error.errors()
            )
            raise VoiceError(f"the metadata of the dispatch is no order for a call: {told}") from None
