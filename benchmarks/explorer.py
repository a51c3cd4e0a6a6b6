"""Frames a second of the race explorer in Chromium, at full speed and with the CPU throttled.

    python benchmarks/explorer.py results/race.html

Prints, for one run and for two side by side, the frames a second of five seconds of play; and the
CPU time of the page's main thread in a frame, which other work on the machine hardly changes.
"""

import argparse
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
SECONDS = 5
SHOWN = {"one run": "#t=grow", "two runs": "#run=pair/gaussian&second=pair/balanced&t=grow"}


def measure(page: Page, throttle: int) -> tuple[float, float]:
    """Frames a second, and CPU milliseconds of the main thread in a frame, while it plays."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))

    before = busy()
    page.locator("#play").click()
    page.wait_for_timeout(1000 * SECONDS)
    spent, frames = busy() - before, page.evaluate("race.frames()")
    return 1000 / statistics.mean(frames), 1000 * spent / len(frames)


def main() -> None:
    """Measure the page named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    path = parser.parse_args().page.resolve()
    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for name, fragment in SHOWN.items():
            for throttle in (1, 4):
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                page.goto(path.as_uri() + fragment)
                page.evaluate("race.ready")
                rate, spent = measure(page, throttle)
                print(f"{name}, CPU / {throttle}: {rate:.0f} frames a second, {spent:.1f} ms each")
                page.close()


if __name__ == "__main__":
    main()
