"""What of codes may be lost: challenges and proofs, and the history until it is drained."""

from service.otp.volatile.answers import Answers
from service.otp.volatile.challenges import Challenges
from service.otp.volatile.shapes import LEASE, Budget, Hashes, Idem, Issued, Kept, NewChallenge, Tariff
from service.otp.volatile.stream import Stream

__all__ = [
    "LEASE",
    "Answers",
    "Budget",
    "Challenges",
    "Hashes",
    "Idem",
    "Issued",
    "Kept",
    "NewChallenge",
    "Stream",
    "Tariff",
]
