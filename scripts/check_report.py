"""Open a report in headless Chromium: no console error, no network request, charts are there."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
# Chromium asks for things of its own, from hosts of its maker only.
OWN = r"(?!https?://[^/\"]*\.(?:google|googleapis|gvt1)\.com)"
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND"


def main(
    page: Annotated[Path, typer.Argument(help="HTML file")],
    screenshot: Annotated[Path, typer.Argument(help="PNG file to write")],
    charts: Annotated[int, typer.Option(help="Charts expected at least")] = 1,
    width: Annotated[int, typer.Option(help="Pixels")] = 390,
) -> None:
    """Check a report and keep a screenshot; without a browser, say so and pass."""
    if browser() is None:
        msg.warn(f"No browser ({', '.join(BROWSERS)}): {page} was not opened")
        return
    faults = check(page, screenshot, charts=charts, width=width)
    if faults:
        msg.fail(f"{page} has faults", "\n".join(faults), exits=1)
    msg.good(f"{page} opens without fault", str(screenshot))


def browser() -> str | None:
    """Find a browser.

    RETURNS (str | None): Its path, if one is installed.
    """
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def check(page: Path, screenshot: Path, *, charts: int = 1, width: int = 390) -> list[str]:
    """Open a page and look for faults.

    page (Path): HTML file.
    screenshot (Path): PNG file to write.
    charts (int): Charts expected at least.
    width (int): Of the window, in pixels; a phone's by default.
    RETURNS (list[str]): Faults.
    """
    url = page.resolve().as_uri()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "net.json"
        shown = _run("--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom", url)
        asked = set(re.findall(rf'"url":"({OWN}https?://[^"]*)"', log.read_text("utf8")))
    faults = re.findall(r"CONSOLE[^\n]*", shown.stderr)
    faults += [f"asks the network for {each}" for each in sorted(asked)]
    found = shown.stdout.count('class="chart"')
    if found < charts:
        faults.append(f"{found} charts, expected {charts} or more")
    screenshot.parent.mkdir(parents=True, exist_ok=True)
    _run(f"--window-size={width},12000", f"--screenshot={screenshot.resolve()}", url)
    if not screenshot.exists():
        faults.append("no screenshot was written")
    return faults


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [str(browser()), *OPTIONS, *QUIET, NO_NETWORK, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


if __name__ == "__main__":
    typer.run(main)
