"""DDS domains that nobody else on this machine is testing on."""

from __future__ import annotations

import fcntl
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genesis_lib.errors import ConfigError

# The ports of higher domains (7400 + 250 * domain, RTPS 2.5, 9.6.2.4) lie where systems hand out ephemeral ports.
_DOMAINS = range(1, 100)


@contextmanager
def free_domain() -> Iterator[int]:
    """A domain id that is this process's own until the block is left, by a file lock in the temporary directory.

    Raises:
        ConfigError: all are taken.
    """
    folder = Path(tempfile.gettempdir()) / f"genesis-domains-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        with (folder / str(domain)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    raise ConfigError(f"all {len(_DOMAINS)} test domains are in use; {folder} holds their locks")
