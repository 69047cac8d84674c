"""A queue that many share and none can fill for the others: each owner has its turn, the one with the most gives way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)


class FairQueue(Generic[Owner, Item]):
    """Items in the order of arrival for each owner, taken from one owner after the other. No operation looks through the
    items.

    `OrderedDict` throughout: a dict finds its first item by searching from where its first one ever was.

    Attributes:
        size: of all items together.
    """

    def __init__(self) -> None:
        self.size = 0
        self._entries: dict[Item, tuple[Owner, int]] = {}  # with the item's size
        self._items: OrderedDict[Owner, OrderedDict[Item, None]] = OrderedDict()  # the next one's turn first
        self._owners_with: dict[int, OrderedDict[Owner, None]] = {}  # by number of items
        self._size_of: dict[Owner, int] = {}
        self._most = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, owner: Owner, item: Item, size: int = 0) -> None:
        """Add an item, the owner's last. An owner that had none has its turn after all others."""
        self._entries[item] = owner, size
        items = self._items.setdefault(owner, OrderedDict())
        items[item] = None
        self._recount(owner, len(items) - 1, len(items))
        self._resize(owner, size)

    def take(self) -> Item:
        """Remove the oldest item of the owner whose turn it is.

        Raises:
            KeyError: the queue is empty.
        """
        if not self._items:
            raise KeyError("the queue is empty")
        owner, items = next(iter(self._items.items()))
        self._items.move_to_end(owner)
        item = next(iter(items))
        self.remove(item)
        return item

    def remove(self, item: Item) -> None:
        """Take an item out, wherever it stands. Its owner's turn stays.

        Raises:
            KeyError: it is not in the queue.
        """
        owner, size = self._entries.pop(item)
        items = self._items[owner]
        del items[item]
        self._recount(owner, len(items) + 1, len(items))
        self._resize(owner, -size)
        if not items:
            del self._items[owner], self._size_of[owner]

    def who_gives_way_to(self, owner: Owner) -> Item | None:
        """The newest item of an owner with the most, when that leaves the queue more even with one more of this owner's;
        None when it would not."""
        mine = len(self._items.get(owner, ()))
        if mine + 1 >= self._most:
            return None
        largest = next(iter(self._owners_with[self._most]))
        return next(reversed(self._items[largest]))

    def who_makes_room_for(self, owner: Owner, size: int) -> Item | None:
        """The newest item of the owner whose items are largest together, when this owner's are smaller with one more of this
        size; None when they are not. Looks through the owners."""
        largest = max(self._size_of, key=self._size_of.__getitem__, default=None)
        if largest is None or self._size_of[largest] <= self._size_of.get(owner, 0) + size:
            return None
        return next(reversed(self._items[largest]))

    def _recount(self, owner: Owner, before: int, now: int) -> None:
        if before:
            same = self._owners_with[before]
            del same[owner]
            if not same:
                del self._owners_with[before]
        if now:
            self._owners_with.setdefault(now, OrderedDict())[owner] = None
        if now > self._most or self._most not in self._owners_with:
            self._most = now

    def _resize(self, owner: Owner, change: int) -> None:
        self.size += change
        self._size_of[owner] = self._size_of.get(owner, 0) + change
