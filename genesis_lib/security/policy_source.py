"""The access policy in force: given as an object, or in a file that is read again whenever it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from genesis_lib.errors import ConfigError
from genesis_lib.security.policy import AccessPolicy
from genesis_lib.security.policy_file import PolicyFileError, parse_policy, read_content
from genesis_lib.shared import SharedResources

if TYPE_CHECKING:
    from asyncinotify import Inotify

logger = logging.getLogger(__name__)

OnReload = Callable[[AccessPolicy, PolicyFileError | None], None]
"""Told of the policy in force after each change of the file, and why the file was refused when it was."""


class WatchedPolicyFile:
    """A policy file, shared by the agents of a process that use it. What it says now is in `policy`."""

    policy: AccessPolicy

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: bytes | None = None
        self._listeners: list[OnReload] = []

    async def open(self) -> Self:
        """Read it, and begin to watch it.

        Raises:
            PolicyFileError: it cannot be read, or is no policy.
        """
        inotify = await asyncio.to_thread(self._watch)  # before reading, so that no change falls in between
        with ExitStack() as stack:
            stack.callback(inotify.close)
            self._content = await asyncio.to_thread(read_content, self._path)
            self.policy = await asyncio.to_thread(parse_policy, self._content, self._path)
            stack.pop_all()
        self._watching = asyncio.create_task(self._follow(inotify))
        return self

    async def close(self) -> None:
        """Stop watching."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    def add_listener(self, listener: OnReload) -> None:
        """Call the listener after each change from now on."""
        self._listeners.append(listener)

    def remove_listener(self, listener: OnReload) -> None:
        """Stop calling it."""
        self._listeners.remove(listener)

    def _watch(self) -> Inotify:
        """Watch the folder: an editor puts a new file in the place of the old one, which ends a watch of the file itself."""
        from asyncinotify import Inotify, Mask

        inotify = Inotify()
        try:
            for folder in {self._path.parent, self._path.resolve().parent}:
                inotify.add_watch(folder, Mask.CLOSE_WRITE | Mask.MOVE | Mask.DELETE | Mask.ONLYDIR)
        except OSError as error:
            inotify.close()
            raise PolicyFileError(self._path, None, f"it cannot be watched: {error.strerror}") from error
        return inotify

    async def _follow(self, inotify: Inotify) -> None:
        with inotify:
            async for event in inotify:
                # A link may lead elsewhere because of any change. Else: only its own, since it may be half written.
                if event.name is None or event.name.name == self._path.name or self._path.is_symlink():
                    await self._look()

    async def _look(self) -> None:
        try:
            content = await asyncio.to_thread(read_content, self._path)
        except PolicyFileError as error:
            if self._content is not None:
                self._content = None
                self._report(error)
            return
        if content == self._content:
            return
        self._content = content
        try:
            self.policy = await asyncio.to_thread(parse_policy, content, self._path)
        except PolicyFileError as error:
            self._report(error)
        else:
            self._report(None)

    def _report(self, error: PolicyFileError | None) -> None:
        if error is None:
            logger.info("access policy %s was read again: %s", self._path, self.policy)
        else:
            logger.warning("%s; the policy read before stays in force (%s)", error, self.policy)
        for listener in list(self._listeners):
            listener(self.policy, error)


_files: SharedResources[WatchedPolicyFile] = SharedResources(lambda file: file.close())


class PolicySource:
    """One agent's access policy.

    Args:
        given: the policy; goes before the file.
        file: the policy file, "" for none.
        on_reload: see OnReload.

    Attributes:
        policy: what is in force, None without object and file.

    Raises:
        ConfigError: what is given is no AccessPolicy.
    """

    def __init__(self, given: AccessPolicy | None, file: str, on_reload: OnReload) -> None:
        if not isinstance(given, AccessPolicy | None):
            raise ConfigError(f"access_policy has to be an AccessPolicy, this is {given!r}; a file goes in policy_file")
        self.policy = given
        self._path = Path(file).absolute() if file and given is None else None
        self._on_reload = on_reload
        self._file: WatchedPolicyFile | None = None

    async def open(self) -> None:
        """Read the file, if there is one; raises as `WatchedPolicyFile.open`."""
        if self._path is not None:
            path = self._path
            self._file = await _files.acquire(self._key, lambda: WatchedPolicyFile(path).open())
            self.policy = self._file.policy
            self._file.add_listener(self._on_change)

    async def close(self) -> None:
        """Follow the file no more."""
        if self._file is not None:
            file, self._file = self._file, None
            file.remove_listener(self._on_change)
            await _files.release(self._key)

    def _on_change(self, policy: AccessPolicy, error: PolicyFileError | None) -> None:
        self.policy = policy
        self._on_reload(policy, error)

    @property
    def _key(self) -> tuple[object, ...]:
        return asyncio.get_running_loop(), self._path
