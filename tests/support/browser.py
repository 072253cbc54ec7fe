"""Pages looked at in a real browser, where there is one: headless Chromium."""

import html
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason="NO BROWSER: pages were not looked at; `make pages` installs Chromium where it can",
)

_AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")

WIDTHS = (360, 1200)


def audits(page: str, folder: Path, *, dark: bool) -> list[dict[str, Any]]:
    """What was found in a page at each of WIDTHS, by `audit.js`."""
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>' for width in WIDTHS
    )
    harness = folder / "harness.html"
    harness.write_text(f"<pre id=found></pre>{frames}<script>{_AUDIT}</script>", encoding="utf-8")
    dumped = _chromium("--dump-dom", dark=dark, url=harness.as_uri())
    text = dumped.partition('<pre id="found">')[2].partition("</pre>")[0]
    found: list[dict[str, Any]] = json.loads(html.unescape(text))
    return found


def screenshot(page: Path, picture: Path, *, dark: bool, size: str) -> None:
    """A picture of a page, to be looked at by a person."""
    options = (f"--window-size={size}", "--hide-scrollbars", f"--screenshot={picture}")
    _chromium(*options, dark=dark, url=page.as_uri())


def _chromium(*options: str, dark: bool, url: str) -> str:
    assert CHROMIUM is not None, "asked for only where there is one"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", scheme, *options, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
