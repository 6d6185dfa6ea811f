"""The page in a real Chromium: filters, keyboard, colours, print, accessibility, and no request to anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from harness.page.build import build_page
from tests.harness.page.largest_page import largest_page
from tests.harness.page.test_page import HOSTILE, run_with_texts
from tests.harness.report.synthetic_results import TEXT, run_of, view_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install Debian's package `chromium`"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of texts that would run as scripts, opened from disk; errors and requests are counted."""
    tree, folder = run_with_texts(tmp_path, HOSTILE)
    file = tmp_path / "page.html"
    file.write_text(build_page(run_of(tree), folder), encoding="utf-8")
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("request", lambda request: told.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    yield page
    assert [one for one in told if one != "data:,"] == []
    page.close()


def test_filters_show_what_they_say(opened: Page) -> None:
    explorer = opened.locator(".explorer")
    explorer.locator("summary").click()
    shown = explorer.locator(".example:visible")
    assert shown.count() == 3
    assert explorer.get_by_role("status").text_content() == "3 of 3 examples shown"
    explorer.locator("[name=kind]").select_option("newly wrong")
    assert [one.locator("h4").text_content() for one in shown.all()] == ["a"]
    explorer.locator("[name=kind]").select_option("only")
    assert shown.count() == 0  # all of them have it wrong
    explorer.locator("[name=kind]").select_option("attacked successfully only here")
    assert [one.locator("h4").text_content() for one in shown.all()] == ["imdb-18"]
    explorer.locator("[name=kind]").select_option("")
    explorer.locator("[name=deployment]").select_option(label="bert-tiny/fp32")
    explorer.locator("[name=search]").fill("no such text")
    assert shown.count() == 0
    explorer.locator("[name=search]").fill("ALERT(1)")
    assert shown.count() == 2


def test_everything_is_reached_by_the_keyboard(opened: Page) -> None:
    reached = set()
    for _ in range(60):
        opened.keyboard.press("Tab")
        reached.add(opened.evaluate("document.activeElement.tagName + '.' + (document.activeElement.name || '')"))
    assert {"A.", "SELECT.deployment", "SELECT.kind", "INPUT.search", "SUMMARY."} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_violation_of_accessibility(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    tree, folder = run_with_texts(tmp_path, "a plain text")
    file = tmp_path / "page.html"
    file.write_text(build_page(run_of(tree), folder), encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # tables scroll, the page does not
    context.close()


def test_tables_without_scripts_and_on_paper(browser: Browser, tmp_path: Path) -> None:
    tree, folder = run_with_texts(tmp_path, "a plain text")
    file = tmp_path / "page.html"
    file.write_text(build_page(run_of(tree), folder), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("table").first.is_visible() and page.locator("svg").first.is_visible()
    assert page.locator(".filters:visible").count() == 0
    assert page.pdf().startswith(b"%PDF")
    context.close()


def test_newly_wrong_in_one_and_wrong_in_all(browser: Browser, tmp_path: Path) -> None:
    """Of a to d, a is newly wrong in all, c in one of them, and b and d are wrong in the reference too; one keeps d."""
    tree, folder = run_with_texts(tmp_path, "a plain text", examples=4)
    changed = tree["tasks"][TEXT]["characteristics"]["affected"]["changed"]
    one, *others = changed
    for name in others:
        changed[name] = {**changed[name], "newly_wrong": ["a"]}
    changed[one] = {**changed[one], "wrong_otherwise": ["b"]}
    file = tmp_path / "page.html"
    file.write_text(build_page(run_of(tree), folder), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    page.locator(".explorer summary").click()

    def shown(kind: str, deployment: str = "") -> list[str | None]:
        page.locator("[name=kind]").select_option(kind)
        page.locator("[name=deployment]").select_option(label=deployment or "any")
        return [title.text_content() for title in page.locator(".example:visible h4").all()]

    view = view_of(TEXT, tree["tasks"][TEXT]).by_name
    assert shown("only") == ["c"]
    assert shown("only", view[one].short) == ["c"] and shown("only", view[others[0]].short) == []
    assert shown("newly wrong", view[others[0]].short) == ["a"]
    assert shown("everywhere") == ["b", "d"]
    page.close()


@pytest.mark.nightly
def test_the_largest_page(browser: Browser, tmp_path: Path) -> None:
    """30 deployments and 12,000 examples: under 5 MB, and its filters work."""
    file = tmp_path / "page.html"
    file.write_text(largest_page(tmp_path / "run"), encoding="utf-8")
    assert file.stat().st_size < 5e6
    page = browser.new_page()
    page.goto(file.as_uri())
    assert page.locator(".explorer [role=status]").text_content() == "2001 of 2001 examples shown"  # one of an attack
    page.locator(".explorer summary").click()
    page.locator("[name=kind]").select_option("newly right")
    newly_right = page.locator(".example:visible").count()
    page.locator("[name=kind]").select_option("newly wrong")
    assert newly_right + page.locator(".example:visible").count() == 2_000
    page.close()
