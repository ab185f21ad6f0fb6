"""How a check is scored, as data: every score that is given anywhere is a row here, with its clause.

Where texts of GPG 45 differ (0.4, the pre-release of 1.0, lists that were published beside them) the lower score is
taken, and what no text names is counted as little as it can be. ``docs/assurance.md`` has the same rows.
"""

from dataclasses import dataclass
from typing import Final

_STRENGTH = "GPG 45, part 1, strength of evidence"
_VALIDITY = "GPG 45, part 2, validity of evidence"
_ACTIVITY = "GPG 45, part 3, activity of the identity"
_FRAUD = "GPG 45, part 4, identity fraud"
_VERIFICATION = "GPG 45, part 5, verification"


@dataclass(frozen=True, slots=True)
class Row:
    """``gives``: a score of GPG 45, or a word of SP 800-63A-4. ``why`` is said to staff."""

    part: str
    gives: str
    why: str
    clause: str

    @property
    def score(self) -> int:
        return int(self.gives)


ROWS: Final = {
    "strength.passport_chip": Row("strength", "4", "a passport whose chip its issuer signed", _STRENGTH),
    "strength.passport": Row("strength", "3", "a passport as ICAO Doc 9303 has it", _STRENGTH),
    "strength.european_card_chip": Row(
        "strength", "4", "an identity card of the EU or EEA whose chip its issuer signed", _STRENGTH
    ),
    "strength.european_card": Row("strength", "3", "an identity card of the EU or EEA", _STRENGTH),
    "strength.card_chip": Row(
        "strength", "3", "a card or permit that no list names, whose chip its issuer signed", _STRENGTH
    ),
    "strength.card": Row("strength", "2", "a card or permit that no list names", _STRENGTH),
    "strength.european_licence": Row("strength", "3", "a driving licence of the EU or EEA", _STRENGTH),
    "strength.licence": Row("strength", "2", "a driving licence that no list names", _STRENGTH),
    "strength.visa": Row("strength", "1", "a visa, which stands for the passport it is in", _STRENGTH),
    "strength.phone_account": Row("strength", "1", "a phone account, as a bill is", _STRENGTH),
    "strength.nothing": Row(
        "strength", "0", "no piece of evidence: a number or a description alone shows nothing", _STRENGTH
    ),
    "validity.agrees": Row(
        "validity",
        "0",
        "typed, or read from a picture, without contradiction: anyone can write that",
        _VALIDITY,
    ),
    "validity.not_asked": Row("validity", "0", "nobody was asked whose phone account it is", _VALIDITY),
    "validity.registry": Row(
        "validity", "2", "the issuer's registry knows the document and the person on it", _VALIDITY
    ),
    "validity.signature": Row("validity", "2", "the issuer's signature on the chip verifies", _VALIDITY),
    "validity.signature_and_issuer": Row(
        "validity",
        "3",
        "the signature verifies, and the issuer says that the document is not lost or stolen",
        _VALIDITY,
    ),
    "activity.nothing": Row(
        "activity", "0", "no source is connected that shows an identity in use over time", _ACTIVITY
    ),
    "fraud.nothing": Row("fraud", "0", "no list of lost and stolen documents answered", _FRAUD),
    "fraud.not_listed": Row("fraud", "1", "the document is not listed as lost or stolen", _FRAUD),
    "fraud.not_deceased": Row(
        "fraud", "2", "the document is not listed as lost or stolen, and no death is recorded", _FRAUD
    ),
    "verification.nothing": Row(
        "verification", "0", "nothing shows that the evidence is the applicant's", _VERIFICATION
    ),
    "verification.code": Row(
        "verification",
        "1",
        "a code came back from a number that the registry has on record; the guide does not list it, and it is never "
        "counted as 2 until an assessor agrees",
        _VERIFICATION,
    ),
    "verification.chip": Row(
        "verification",
        "1",
        "the chip answered our challenge, so the document is in a hand; the guide does not list it, and it is never "
        "counted as 2 until an assessor agrees",
        _VERIFICATION,
    ),
    "nist.superior": Row(
        "evidence", "superior", "a passport whose chip its issuer signed", "SP 800-63A-4, appendix A"
    ),
    "nist.strong": Row(
        "evidence",
        "strong",
        "a passport, card, permit or licence otherwise, a passport without a verified signature among them",
        "SP 800-63A-4, 4.2.4 and appendix A",
    ),
    "nist.fair": Row("evidence", "fair", "a phone account", "SP 800-63A-4, appendix A"),
    "nist.none": Row(
        "evidence",
        "none",
        "a number, a visa or a description: an attribute, not evidence",
        "SP 800-63A-4, 2.4",
    ),
    "nist.genuine": Row(
        "validation",
        "validated",
        "the signature verifies up to an authority that is trusted here; a picture shows no physical feature",
        "SP 800-63A-4, 4.1.4 and 4.2.4",
    ),
    "nist.accurate": Row(
        "attributes",
        "validated",
        "the registry said yes, or the issuer signed them on the chip",
        "SP 800-63A-4, 4.1.5 and 4.2.5",
    ),
    "nist.owned": Row(
        "ownership",
        "IAL1",
        "a code came back from a number that the registry has on record; at IAL2 it counts for a phone account only, "
        "never for a passport or a card",
        "SP 800-63A-4, 4.1.6, 4.2.6.1 and 4.2.6.2",
    ),
    "nist.deaths": Row(
        "fraud", "required", "a register of deaths answered that none is recorded", "SP 800-63A-4, 3.1"
    ),
}

SIGNATURE: Final = "validity 2 together with the rest of the signature, and the strength of a signed document"
NO_SCORE: Final = "no score: what fails or is doubtful here keeps the document from counting at all"

BY_SOURCE: Final = {
    "mrz": NO_SCORE,
    "image": NO_SCORE,
    "national_id": NO_SCORE,
    "document": NO_SCORE,
    "typed": NO_SCORE,
    "agreement": NO_SCORE,
    "attested": "nothing",
    "chip": SIGNATURE,
}
BY_CHECK: Final = {
    "registry.answer": "validity 2, and validated attributes, with a yes",
    "registry.possession": "verification 1, and ownership at IAL1 by a code",
    "lost_stolen.answer": "fraud 1 where it is not listed, and validity 3 with a signature",
    "death.answer": "fraud 2 where none is recorded and the document is not listed; wanted by SP 800-63A-4",
    "chip.active_authentication": "verification 1: the document is here, and no copy of its data",
    "chip.challenge": "nothing alone: without it the chip's answer proves nothing",
    "chip.dg15_hash": "nothing alone: without it the chip's answer proves nothing",
    "chip.signing_time": NO_SCORE,
    "chip.signer_revoked": NO_SCORE,
}


def contribution(check_id: str) -> str:
    """What a check contributes to the level, in words."""
    by_source = BY_SOURCE.get(check_id.partition(".")[0], NO_SCORE)
    return BY_CHECK.get(check_id, by_source)
