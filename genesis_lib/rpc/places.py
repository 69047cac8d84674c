"""How many requests an agent runs at the same time, the items of its batches included."""

from __future__ import annotations

from collections.abc import Callable


class Places:
    """So many, and who waits for one. A request in the queue comes before the next item of a batch.

    Attributes:
        most: how many there are.
        taken: how many are taken now.
        on_free: called when one was given back.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self.on_free: Callable[[], None] = lambda: None

    def take(self) -> bool:
        """Take one; False when none is left."""
        if self.taken >= self.most:
            return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """One is free again, for whoever waits."""
        self.taken -= 1
        self.on_free()
