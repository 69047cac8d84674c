"""Wakes the event loop when a reader has data, straight from Cyclone's receive thread.

A Python listener would have that thread fight for the GIL, a WaitSet thread in between costs a change of threads in each
direction, a third of a short call. A data-available listener is `void (dds_entity_t reader, void *arg)`, and C's own
`fputc(int, FILE *)` takes just that: it writes the low byte of the reader's handle into an unbuffered pipe that the event
loop watches. No Python runs outside of the loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections import defaultdict
from collections.abc import Callable, Iterator

from cyclonedds.core import Listener
from cyclonedds.internal import DDS

_UNBUFFERED = 2  # _IONBF
_READ_MOST = 65536

_libc = ctypes.CDLL(None)
_libc.fdopen.argtypes, _libc.fdopen.restype = [ctypes.c_int, ctypes.c_char_p], ctypes.c_void_p
_libc.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
_libc.fclose.argtypes = [ctypes.c_void_p]
_lset_data_available = DDS._dll_handle.dds_lset_data_available_arg
_lset_data_available.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_bool]
_lset_data_available.restype = ctypes.c_int32


class DataPipe:
    """One pipe for all readers of a participant. Give them `listener` and attach each with what is to run.

    Attributes:
        wakes: how often the event loop was woken for data.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Not blocking: when the pipe is full the loop is about to look at every reader anyway.
        self._readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stream = _libc.fdopen(writable, b"w")
        _libc.setvbuf(self._stream, None, _UNBUFFERED, 0)
        self.listener = Listener()
        _lset_data_available(self.listener._ref, ctypes.cast(_libc.fputc, ctypes.c_void_p), self._stream, False)
        self.wakes = 0
        self._handlers: defaultdict[int, dict[int, Callable[[], None]]] = defaultdict(dict)
        self._loop.add_reader(self._readable, self._on_readable)

    def attach(self, reader: int, handler: Callable[[], None]) -> None:
        """Run the handler on the event loop when this reader, by its entity handle, has data."""
        self._handlers[reader & 0xFF][reader] = handler

    def detach(self, reader: int) -> None:
        """Run it no more."""
        self._handlers[reader & 0xFF].pop(reader, None)

    def stop(self) -> None:
        """Stop watching; on the event loop."""
        self._loop.remove_reader(self._readable)

    def close(self) -> None:
        """Close the pipe, once no reader is left that could write into it."""
        _libc.fclose(self._stream)
        os.close(self._readable)

    def _on_readable(self) -> None:
        try:
            marks = os.read(self._readable, _READ_MOST)
        except BlockingIOError:
            return
        self.wakes += 1
        self._run(iter([handler for mark in set(marks) for handler in self._handlers[mark].values()]))

    def _run(self, handlers: Iterator[Callable[[], None]]) -> None:
        ran_all = False
        try:
            for handler in handlers:
                handler()
            ran_all = True
        finally:
            if not ran_all:  # one raised, which costs the others nothing
                self._loop.call_soon(self._run, handlers)
