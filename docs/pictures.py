"""Renew the pictures of README.md from the screenshots that the UI's own test keeps: `python docs/pictures.py`.

Belongs here: which screenshots are shown, and their size. Does not: taking them (tests/ui).
"""

# ruff: noqa: INP001 - a script beside the documents, not a package
from pathlib import Path
from typing import Final

from PIL import Image

PROJECT: Final = Path(__file__).resolve().parents[1]
SCREENSHOTS: Final = PROJECT / "var" / "screenshots"
SHOWN: Final = {"asset.png": "plot.png", "check.png": "failed-check.png"}
COLOURS: Final = 256


def main() -> None:
    """Write each picture with a palette, so that it is small enough for git."""
    (PROJECT / "docs" / "images").mkdir(exist_ok=True)
    for name, source in SHOWN.items():
        with Image.open(SCREENSHOTS / source) as screenshot:
            picture = screenshot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        picture.save(PROJECT / "docs" / "images" / name, optimize=True)


if __name__ == "__main__":
    main()
