"""One picture of our own before the first from outside: whatever a library loads late, it loads now."""

import cv2
import numpy as np

from service.vision.look import Readers, look


def warm(readers: Readers) -> None:
    """Two rows of bars, which pass for lines of a zone, as JPEG, PNG and WebP."""
    picture = np.full((700, 1_000), 230, np.uint8)
    for column in range(44):
        for row in (600, 650):
            picture[row : row + 19, 60 + 20 * column : 66 + 20 * column] = 20
    for suffix in (".jpg", ".png", ".webp"):
        look(cv2.imencode(suffix, picture)[1].tobytes(), readers)
