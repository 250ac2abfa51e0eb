"""A headless Chromium, as Debian has it."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

TILE = 1600
"""CSS pixels of a picture: a very high one is not drawn whole."""

_IN_SIGHT = """
const element = arguments[0];
element.scrollIntoView({block: "center", behavior: "instant"});
const box = element.getBoundingClientRect();
return element.contains(
    document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
"""


class Page:
    """A page that is open.

    Parameters
    ----------
    driver
        Of selenium.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, *, width: int, height: int, dark: bool = False) -> None:
        """Show a file in a window of so many CSS pixels, and wait until all is drawn."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(path.as_uri())
        self.wait("return document.documentElement.dataset.ready === 'true'")
        # A smooth scroll would still be under way when the next click comes.
        self.run("document.documentElement.style.scrollBehavior = 'auto'")

    def wait(self, script: str, seconds: float = 120) -> Any:
        """What `script` gives, once it is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds).until(lambda d: d.execute_script(script))

    def run(self, script: str, *arguments: object) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """All elements of a CSS selector."""
        return list(self.driver.find_elements("css selector", selector))

    def click(self, element: Any) -> None:
        """Click an element once it can be seen; what is still being drawn may move or hide it."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 60).until(lambda d: d.execute_script(_IN_SIGHT, element))
        element.click()

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked, debugging aside."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses that were asked for since this was last asked, the page's own parts aside."""
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        addresses = [each["request"]["url"] for each in sent]
        return [url for url in addresses if not url.startswith(("file:", "data:", "blob:"))]

    def overflow(self) -> int:
        """CSS pixels by which the page is wider than the window."""
        return int(
            self.run("const e = document.scrollingElement; return e.scrollWidth - e.clientWidth")
        )

    def screenshot(self, path: Path) -> None:
        """Pictures of the whole page, `path` with -0, -1 … from its top to its end."""
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        for number, top in enumerate(range(0, int(size["height"]), TILE)):
            box = {"x": 0, "y": top, "width": size["width"]}
            box["height"] = min(TILE, size["height"] - top)
            self._shoot(path.with_name(f"{path.stem}-{number}{path.suffix}"), box)

    def portrait(self, selector: str, path: Path) -> None:
        """A picture of one element."""
        script = "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
        script += "return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height}"
        self._shoot(path, self.run(script, selector))

    def _shoot(self, path: Path, box: dict[str, float]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"format": "png", "captureBeyondViewport": True, "clip": {**box, "scale": 1}}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """The page as it is printed."""
        told = {"printBackground": True, "preferCSSPageSize": True}
        made = self.driver.execute_cdp_cmd("Page.printToPDF", told)
        path.write_bytes(base64.b64decode(made["data"]))


@contextmanager
def chromium() -> Iterator[Page]:
    """A browser with a console that is listened to; skips where there is none."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    # Software drawing: maps of many points are WebGL, and test machines have no GPU.
    for argument in ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(120)
    try:
        yield Page(driver)
    finally:
        driver.quit()
