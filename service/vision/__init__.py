"""Pictures of documents, read in a process of their own: ``python -m service.vision``, started by nobody but the pool.

What happens to a picture, in this order and in no other (``look``):

1. ``container``  the file, undecoded: JPEG, PNG or WebP by its first bytes, size from its header, one picture only.
                  All metadata is cut off; of EXIF one number is read, which side is up.
2. ``decode``     grey pixels, at most 2,400 on the longer side.
3. ``locate``     the lines of the zone by the shape of print: morphology, no model. The only step that sees the
                  whole picture, and all that it says is where two or three thin long rectangles are. Where there are
                  none, that is the end: nothing is read, nothing is hashed.
4. ``blackout``   the zone is the ruler, and everything a portrait can stand in is set to black (ICAO Doc 9303). The
                  whole picture is let go of here.
5. ``read``       letters of the located lines, by the text recogniser of PP-OCRv4. Lines of what is left, one by one.
6. ``measure``    blur, glare, darkness and size of what is left, and its fingerprint.

The process builds its own walls (``confine``) before it loads a library, and cannot open anything once it has
(``serve``). No library of this package may be imported anywhere else, and nothing else may import this package: both
are contracts of ``.importlinter`` and of ``tests/no_face``.
"""

import os

# Before any library is loaded. onnxruntime from 1.29 on sends reports about its use to its maker and keeps an id and a
# database in the home folder; with this it opens nothing (its pull requests 27379 and 29843). Seal checks that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # noqa: TID251 - for the library, not a setting
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # noqa: TID251 - for the library, not a setting
