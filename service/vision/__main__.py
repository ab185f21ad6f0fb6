"""``python -m service.vision``: see :mod:`service.vision.serve`. Run by the pool of readers, by nobody else."""

import os
import sys

from service.vision.confine import confine, seal


def main() -> None:
    confine()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints may not get into the answers
    import cv2

    cv2.setNumThreads(1)
    from service.vision.look import load
    from service.vision.serve import serve
    from service.vision.warm import warm

    readers = load()
    warm(readers)
    seal()
    serve(sys.stdin.buffer, out, readers)


main()
