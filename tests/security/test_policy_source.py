"""F2: a policy file is followed whatever way it changes, and followed no more when nobody uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from genesis_lib import AccessPolicy, ConfigError
from genesis_lib.security.policy_file import PolicyFileError
from genesis_lib.security.policy_source import PolicySource
from tests.contract.recorder import PATIENCE_SECONDS

ALLOW, DENY, BAD = 'default = "allow"\n', 'default = "deny"\n', 'default = "perhaps"\n'


class Followed:
    """A policy source, and what it reported."""

    def __init__(self, path: Path) -> None:
        self.source = PolicySource(None, str(path), self._on_reload)
        self.reports: asyncio.Queue[PolicyFileError | None] = asyncio.Queue()

    def _on_reload(self, policy: AccessPolicy, error: PolicyFileError | None) -> None:
        assert self.source.policy == policy
        self.reports.put_nowait(error)

    async def report(self) -> PolicyFileError | None:
        return await asyncio.wait_for(self.reports.get(), PATIENCE_SECONDS)

    @property
    def default(self) -> str:
        assert self.source.policy is not None
        return self.source.policy.default


@asynccontextmanager
async def following(path: Path) -> AsyncIterator[Followed]:
    followed = Followed(path)
    await followed.source.open()
    try:
        yield followed
    finally:
        await followed.source.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(ALLOW)
    return path


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    """As editors and `mv` do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def with_a_backup(path: Path, text: str) -> None:
    """As vi does: the old file gets another name, a new one is written. In between there is none."""
    path.rename(path.with_suffix(".bak"))
    path.write_text(text)


def by_link(path: Path, text: str) -> None:
    """As a volume of Kubernetes: a link is put in the place of a link."""
    real = path.with_name(f"real-{hash(text)}")
    real.write_text(text)
    link = path.with_suffix(".link")
    link.symlink_to(real.name)
    link.replace(path)


@pytest.mark.parametrize("change", [in_place, by_rename, by_link])
async def test_a_change_is_noticed(path: Path, change: Callable[[Path, str], None]) -> None:
    async with following(path) as followed:
        assert followed.default == "allow"
        for text, default in ((DENY, "deny"), (ALLOW, "allow"), (DENY, "deny")):
            change(path, text)
            assert await followed.report() is None
            assert followed.default == default


async def test_a_file_that_is_away_for_a_moment(path: Path) -> None:
    async with following(path) as followed:
        with_a_backup(path, DENY)
        while await followed.report() is not None:
            assert followed.default == "allow"
        assert followed.default == "deny"


async def test_what_a_link_leads_to_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.toml"
    link.parent.mkdir()
    link.symlink_to(path)
    async with following(link) as followed:
        in_place(path, DENY)
        assert await followed.report() is None
        assert followed.default == "deny"


async def test_what_is_refused_is_reported_once_and_leaves_the_policy(path: Path) -> None:
    async with following(path) as followed:
        for text in (BAD, BAD, 'default = "nobody"\n'):
            in_place(path, text)
        error = await followed.report()
        while error is not None and "nobody" not in str(error):
            assert (error.line, "perhaps" in error.reason) == (1, True)
            error = await followed.report()
        assert error is not None
        assert followed.default == "allow"
        in_place(path, ALLOW)  # what is in force already counts too: the operator learns that it is mended
        assert await followed.report() is None
        assert followed.reports.empty()


async def test_a_file_that_is_gone_leaves_the_policy(path: Path) -> None:
    async with following(path) as followed:
        path.unlink()  # noqa: ASYNC240
        error = await followed.report()
        assert error is not None
        assert error.line is None
        assert followed.default == "allow"
        in_place(path, DENY)
        assert await followed.report() is None
        assert followed.default == "deny"


async def test_files_beside_it_do_not_matter(path: Path) -> None:
    async with following(path) as followed:
        path.with_name("other.toml").write_text(DENY)
        path.touch()  # noqa: ASYNC240
        in_place(path, ALLOW)
        in_place(path, DENY)
        assert await followed.report() is None
        assert followed.default == "deny"
        assert followed.reports.empty()


async def test_a_file_half_written_is_not_read(path: Path) -> None:
    other = path.with_name("other.toml")
    other.write_text(ALLOW)
    async with following(path) as followed, following(other) as beside:
        with path.open("w") as file:
            file.write("def")
            file.flush()
            for text in (DENY, ALLOW, DENY):  # a change of another file, noticed by then
                in_place(other, text)
                assert await beside.report() is None
            assert followed.reports.empty()
            file.write('ault = "deny"\n')
        assert await followed.report() is None
        assert followed.default == "deny"


async def test_all_users_in_a_process_share_one_watch_and_each_is_told(path: Path) -> None:
    before = resources()
    async with following(path) as first, following(path) as second:
        shared = resources()
        async with following(path) as third:
            assert resources() == shared
            by_rename(path, DENY)
            for followed in (first, second, third):
                assert await followed.report() is None
                assert followed.default == "deny"
        by_rename(path, ALLOW)
        assert await first.report() is await second.report() is None
    assert third.default == "deny"
    assert resources() == before


async def test_a_file_that_cannot_be_used_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    before = resources()
    in_place(path, BAD)
    for unusable in (path, tmp_path / "nowhere.toml", tmp_path / "nowhere" / "policy.toml"):
        with pytest.raises(ConfigError, match="policy"):
            await Followed(unusable).source.open()
    assert resources() == before


async def test_a_policy_that_is_given_needs_no_file(tmp_path: Path) -> None:
    given = AccessPolicy("deny")
    source = PolicySource(given, str(tmp_path / "nowhere.toml"), lambda policy, error: None)
    await source.open()
    assert source.policy is given
    await source.close()
    none = PolicySource(None, "", lambda policy, error: None)
    await none.open()
    assert none.policy is None


def resources() -> tuple[int, int]:
    """Open files but those of idle worker threads, and tasks."""
    links = (str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink())
    return sum("inotify" in link for link in links), len(asyncio.all_tasks())
