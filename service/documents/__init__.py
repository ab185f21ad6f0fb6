"""Step 1 of a registration: is there a document, is it sound, and does it say what the applicant typed?

A check is made once, of a submission that is parsed and dropped: what stays is an outcome (``pass``, ``refer``,
``fail``), a proof, findings in codes, and one sealed blob with number, names and dates. Typed lines and unsigned
data are ``consistent`` at most, whatever they say; only a registry's yes with possession (a code from a number on its
record, or a chip that answered) makes them ``confirmed``. Correcting the typed data judges again what was read, never
by asking for the document a second time.

Promise: no picture, face, finger or iris is ever read here; a field that could hold one is refused unread.
"""
