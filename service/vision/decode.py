"""Pixels from a bare file: grey, one frame, no larger than the reader needs."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from service.vision.container import Bare, Refused

Grey = NDArray[np.uint8]
"""Rows by columns, 0 black to 255 white."""

LONG_SIDE: Final = 2_400
"""Enough for 19 pixels a millimetre of a passport that fills the picture."""

_FULL: Final = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
_REDUCED: Final = (
    (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
)
_TURNS: Final = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def decode(bare: Bare) -> Grey:
    """Raise :class:`Refused` where the decoder gives up. Large JPEGs are reduced while they are decoded."""
    long_side = max(bare.width, bare.height)
    flags = _FULL
    if bare.is_jpeg:
        for factor, reduced in _REDUCED:
            if long_side / factor >= LONG_SIDE * 0.75:
                flags = reduced | cv2.IMREAD_IGNORE_ORIENTATION
                break
    try:
        picture = cv2.imdecode(np.frombuffer(bare.data, np.uint8), flags)
    except (cv2.error, MemoryError):
        raise Refused("broken") from None
    if picture is None or picture.ndim != 2 or picture.dtype != np.uint8:
        raise Refused("broken")
    scale = LONG_SIDE / max(picture.shape)
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    turn = _TURNS.get(bare.orientation)
    return np.asarray(picture if turn is None else cv2.rotate(picture, turn), np.uint8)
