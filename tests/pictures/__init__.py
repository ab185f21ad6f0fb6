"""Pictures of documents that nobody issued: invented states and people, a zone in OCR-B, and no face anywhere.

``draw`` sets a page as ICAO Doc 9303 parts 4 to 6 lay it out; ``spoil`` photographs it: turned, tilted, blurred,
glaring, noisy, small. Where the portrait would stand is a block of noise that carries a canary. The letters are
those of Debian's package fonts-ocr-b; without it :func:`draw.font` says so by :class:`draw.NoFont`.
"""
