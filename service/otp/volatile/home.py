"""What a home holds (``lua/home.lua``), in nouns."""

import base64
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from service.limits.volatile import instant, not_before
from service.otp.model import Challenge, ChallengeState, Channel, Proof, To

LETTER: Mapping[To, str] = {To.LINE: "l", To.CONTACT: "c", To.NUMBER: "n"}
"""A target in the names of fields. There are twenty fields in every home: a word would cost a hundred bytes."""

TARGET: Mapping[str, To] = {letter: to for to, letter in LETTER.items()}


def challenges(fields: Mapping[str, bytes], now: datetime) -> list[Challenge]:
    dealer = fields.get("by")
    newest = fields.get("to", b"").decode()
    return [
        Challenge(
            id=UUID(hex=fields[f"{LETTER[to]}.id"].decode()),
            to=to,
            state=_state(fields, to, now),
            channel=Channel(fields[f"{LETTER[to]}.ch"].decode()),
            expires_at=instant(int(fields[f"{LETTER[to]}.ex"])),
            resend_at=not_before(int(fields[f"{LETTER[to]}.ag"])),
            attempts_left=int(fields[f"{LETTER[to]}.le"]),
            is_newest=newest == LETTER[to],
            verified_at=instant(int(fields[f"{LETTER[to]}.verified"]))
            if fields[f"{LETTER[to]}.st"] == b"used" and f"{LETTER[to]}.verified" in fields
            else None,
            sealed=base64.b64decode(b"".join(fields.get(f"{LETTER[to]}.s{n}", b"") for n in range(1, 10))),
            dealer=UUID(hex=dealer.decode()) if dealer else None,
        )
        for to in To
        if f"{LETTER[to]}.id" in fields
    ]


def _state(fields: Mapping[str, bytes], to: To, now: datetime) -> ChallengeState:
    """What time and tries make of it; the script that compares judges by itself."""
    state = ChallengeState(fields[f"{LETTER[to]}.st"].decode())
    if state is not ChallengeState.LIVE:
        return state
    if int(fields[f"{LETTER[to]}.le"]) <= 0:
        return ChallengeState.EXHAUSTED
    return ChallengeState.EXPIRED if instant(int(fields[f"{LETTER[to]}.ex"])) <= now else state


def proofs(fields: Mapping[str, bytes], subject: UUID) -> list[Proof]:
    return [
        Proof(
            subject,
            to,
            UUID(hex=fields[f"{LETTER[to]}.proof.id"].decode()),
            instant(int(fields[f"{LETTER[to]}.proof.at"])),
            int(fields[f"{LETTER[to]}.proof.tries"]),
        )
        for to in To
        if f"{LETTER[to]}.proof.id" in fields
    ]
