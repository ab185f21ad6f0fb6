"""Write ``service/vision/ocr_b.txt``: what the 37 letters of a zone look like, from Debian's fonts-ocr-b.

The font is free to use, modify and distribute (Norbert Schwarz 1995, 2010; Matthew Skala 2012). Nothing is trained:
each letter is drawn once into a cell of one pitch by one and a half, and its darkness written down in ten steps.
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
COLUMNS, ROWS, FINE = 16, 24, 16
STEPS = " .:-=+*#%@"
FONT = "/usr/share/fonts/opentype/ocr-b/OCRB.otf"
BASE = 1.2 / 2.54
"""From the middle of the cell down to the base line, in pitches."""


def table(font: str = FONT) -> str:
    probe = ImageFont.truetype(font, 1000)
    letters = ImageFont.truetype(font, round(1000 * COLUMNS * FINE / probe.getlength("M")))
    drawn = []
    for letter in ALPHABET:
        cell = Image.new("L", (COLUMNS * FINE, ROWS * FINE))
        foot = (COLUMNS * FINE / 2, (ROWS / 2 + BASE * COLUMNS) * FINE)
        ImageDraw.Draw(cell).text(foot, letter, font=letters, fill=255, anchor="ms")
        grey = cell.resize((COLUMNS, ROWS), Image.Resampling.BOX).tobytes()
        rows = (grey[start : start + COLUMNS] for start in range(0, len(grey), COLUMNS))
        drawn.append(
            "\n".join(
                [f"[{letter}]", *("|" + "".join(STEPS[at * 9 // 255] for at in row) + "|" for row in rows)]
            )
        )
    return "\n".join(drawn) + "\n"


if __name__ == "__main__":
    where = Path(__file__).resolve().parents[1] / "service" / "vision" / "ocr_b.txt"
    where.write_text(table(*sys.argv[1:2]), "ascii")
