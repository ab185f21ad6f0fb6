"""Letters of a located line, by the text recogniser of PP-OCRv4 that comes with rapidocr-onnxruntime.

The model gives, for every 8 columns of a strip 48 high, a probability for each of 6,625 signs. Only the 37 of a zone
count (9303-3, 4.3); a sign that is another's twin in print (a small letter, a full-width form) counts for it. Nothing
is repaired: what was likeliest is what is answered.
"""

import importlib.util
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.vision.blackout import Seen, straight
from service.vision.decode import Grey
from service.vision.locate import Line

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
_MODEL: Final = "ch_PP-OCRv4_rec_infer.onnx"
_HEIGHT: Final = 48
_MOST_COLUMNS: Final = 2_000
_ROOM: Final = 1.3
"""Height of the strip over that of its letters."""
_SIDE: Final = 0.6
"""What is added at either end, in heights of letters."""
_SOFT: Final = 1.8
"""Standard deviation of the blur that goes before: sharp OCR-B loses thin strokes to the model (measured)."""
_TWINS: Final = {"<": "＜〈《«‹ㄑく"}


@dataclass(frozen=True, slots=True, repr=False)
class Letters:
    """A line as read. ``scores``: per letter 0 to 1, among the 37. ``places``: their middles, 0 to 1 of the strip."""

    text: str
    scores: tuple[float, ...]
    places: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.scores) / len(self.scores) if self.scores else 0.0


class Recogniser:
    """The loaded model, on one thread."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        found = importlib.util.find_spec("rapidocr_onnxruntime")
        if found is None or found.origin is None:
            raise RuntimeError("rapidocr-onnxruntime is not installed")
        model = Path(found.origin).parent / "models" / _MODEL
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        signs = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._columns = _columns(signs)

    def read(self, strip: Grey) -> Letters:
        """``strip``: one line, upright, :data:`_HEIGHT` rows."""
        planes = np.repeat(strip[None, None].astype(np.float32) / 127.5 - 1, 3, axis=1)
        signs = self._session.run(None, {self._input: planes})[0][0]
        chances = np.column_stack([signs[:, columns].sum(axis=1) for columns in self._columns])
        return _decoded(chances / np.maximum(chances.sum(axis=1, keepdims=True), 1e-6))


def _columns(signs: list[str]) -> list[list[int]]:
    """For the blank and then each letter of :data:`ALPHABET`, the model's columns that mean it."""
    at = {sign: number + 1 for number, sign in enumerate(signs)}
    return [[0]] + [
        [at[twin] for twin in {letter, letter.lower(), *_TWINS.get(letter, "")} if twin in at]
        for letter in ALPHABET
    ]


def _decoded(chances: NDArray[np.float32]) -> Letters:
    """The best path of connectionist temporal classification: repeats fall together, blanks fall out."""
    best = chances.argmax(axis=1)
    text: list[str] = []
    scores: list[float] = []
    places: list[float] = []
    for step, sign in enumerate(best):
        if sign == 0:
            continue
        if step and best[step - 1] == sign:
            scores[-1] = max(scores[-1], float(chances[step, sign]))
            continue
        text.append(ALPHABET[sign - 1])
        scores.append(float(chances[step, sign]))
        places.append((step + 0.5) / len(best))
    return Letters("".join(text), tuple(scores), tuple(places))


def strip(seen: Seen, line: Line) -> Grey:
    """The line cut out and laid straight, :data:`_HEIGHT` high."""
    room = line.height * _ROOM
    side = line.height * _SIDE
    columns = round((line.length + 2 * side) * _HEIGHT / room / 8) * 8
    soft = straight(seen.picture, line, room, min(columns, _MOST_COLUMNS), _HEIGHT, side)
    return np.asarray(cv2.GaussianBlur(soft, (0, 0), _SOFT), np.uint8)


def places_on(line: Line, letters: Letters) -> tuple[float, ...]:
    """Where the letters stand, 0 to 1 of the line without what was added at either end."""
    side = line.height * _SIDE
    return tuple((place * (line.length + 2 * side) - side) / line.length for place in letters.places)


def turned(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The same lines as they are read from the other side."""
    return tuple(replace(line, angle=line.angle + math.pi) for line in reversed(lines))
