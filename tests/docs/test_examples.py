"""Every example in the documents runs, over real DDS, and prints what the page says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks, page_id
from tests.docs.running import expect, run_page

_WITH_EXAMPLES = [page for page in PAGES if any(block.language in ("python", "console") for block in blocks(page))]
_TYPED_BY_HAND = ("make ", "git clone ", "cd ", "export ", "pip install ", "python3 -m venv ", "source ")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENWEATHERMAP_API_KEY", "GENESIS_CONFIG", "CYCLONEDDS_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _modules_of_the_page(tmp_path: Path) -> Iterator[None]:
    """Forget the modules a page brought, so that the next one can have a file of the same name."""
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", _WITH_EXAMPLES, ids=page_id)
async def test_examples(page: Path, genesis_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_page(page, tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_what_is_not_run(page: Path) -> None:
    """Commands in `sh` blocks are those that set up a machine; everything else is in blocks that are run."""
    for block in blocks(page):
        assert block.language in ("python", "py", "console", "sh", "text", "toml", "ini"), block
        if block.language == "sh":
            for line in block.text.splitlines():
                assert line.startswith(("#", *_TYPED_BY_HAND)), f"{block}: {line}"


def test_what_differs_from_the_promise_is_found() -> None:
    block = Block(ROOT / "README.md", 1, "text", {"output": ""}, "")
    expect("answer ... in 3.2 s", "answer 42 found  in 900 ms\n", block)
    with pytest.raises(AssertionError, match="promises"):
        expect("forty-two", "42\n", block)
    any_order = Block(ROOT / "README.md", 1, "text", {"output": "", "any-order": ""}, "")
    expect("two\none", "one\ntwo\nthree\n", any_order)
    with pytest.raises(AssertionError, match="promises"):
        expect("two\nfour", "one\ntwo\nthree\n", any_order)
