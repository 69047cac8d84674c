from __future__ import annotations

import pytest

from genesis_lib import VoiceError
from genesis_lib.voice.livekit.order import CallOrder

ORDER = CallOrder(scenario="weather", side="customer", partner_id="support")


def test_what_is_written_is_read() -> None:
    assert CallOrder.read(ORDER.model_dump_json()) == ORDER


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ("", "all of it"),
        ("{}", "scenario: Field required; side: Field required; partner_id"),
        ('{"scenario": "s", "side": "left", "partner_id": "p"}', "side: Input should be 'customer' or 'support'"),
        ('{"scenario": "s", "side": "support", "partner_id": "p", "volume": 3}', "volume: Extra inputs"),
    ],
)
def test_what_is_no_order(metadata: str, told: str) -> None:
    with pytest.raises(VoiceError, match="no order for a call") as caught:
        CallOrder.read(metadata)
    assert told in str(caught.value)
