"""Every link between the documents leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, page_id


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page_id(page)} links to {link}, which does not exist"
        assert target.is_relative_to(ROOT), f"{page_id(page)} links to {link}, which is outside of the repository"
        if fragment:
            assert fragment in anchors(target), f"{page_id(page)} links to {link}, but there is no such heading"


def test_every_page_can_be_reached() -> None:
    """From the README, following links."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link}
        waiting += [target for target in targets if target.suffix == ".md" and target not in reached | set(waiting)]
    assert set(PAGES) <= reached
