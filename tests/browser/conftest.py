"""Debian's Chromium without a screen; pages that open in it are watched for requests and errors."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Open
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # The first is the same browser without windows, which takes two thirds of the time.
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no chromium here (Debian: apt-get install chromium-headless-shell)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a file; at the end, nothing may have been logged, nor anything else asked for but files
    of the folder that the page says it is made of."""
    contexts, asked, said, opened, folders = [], [], [], [], []

    def open_page(
        path: Path, fragment: str = "", within: Path | None = None, **context: Any
    ) -> Page:
        folders.append(f"{within.resolve().as_uri()}/" if within else "data:")
        own = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        contexts.append(own)
        page = own.new_page()
        page.on("request", lambda request: asked.append(request.url.split("#")[0]))
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        opened.append(path.resolve().as_uri())
        page.goto(opened[-1] + fragment)
        return page

    yield open_page
    for own in contexts:
        own.close()
    asked, alone = (
        [u for u in urls if not u.startswith(tuple(folders))] for urls in (asked, opened)
    )
    assert opened and [url for url in asked if not url.startswith("data:")] == alone
    assert said == []
