"""What a check proves when it passes, in the words of ``docs/documents.md``; a test compares both."""

from typing import Final

PROVES: Final = {
    "mrz.document_code": "the first two characters are those of this size of document, and not of a crew certificate",
    "mrz.issuing_state": "the issuer has a code that documents carry",
    "mrz.nationality": "the nationality has a code",
    "mrz.names": "the name field is built as the standard builds it; no check digit covers it",
    "mrz.document_number": "a number is there and begins with a character",
    "mrz.document_number_digit": (
        "the number agrees with its check digit, a long one with its part in the optional field"
    ),
    "mrz.birth_date": "a day that exists and is not ahead, or one of which a part is said to be unknown",
    "mrz.birth_date_digit": "the birth date agrees with its check digit",
    "mrz.sex": "F, M, X or a filler",
    "mrz.expiry_date": "a day that exists, has not passed, and is not further ahead than documents are issued for",
    "mrz.expiry_date_digit": "the expiry date agrees with its check digit",
    "mrz.personal_number_digit": (
        "a passport's personal number agrees with its check digit; an empty one may have 0 or a filler"
    ),
    "mrz.composite_digit": "the fields agree with the digit over all of them; visas have none",
    "mrz.issue_date": "a French card's number begins with a month in which that card was issued",
    "mrz.fixed_characters": "what is the same on every Swiss licence stands where it belongs",
    "national_id.number": (
        "the number is built as its state builds them, its check digit included; not that it was issued"
    ),
    "national_id.birth_date": (
        "a bare number: its birth date exists and is not ahead; a number in a zone: it is the zone's"
    ),
    "national_id.sex": "a bare number: it tells the sex; a number in a zone: it is the zone's",
    "national_id.region": "the place in the number is in its state's tables",
    "document.type": "this installation takes this type from this issuer",
    "document.specimen": "it is not a published sample",
    "document.validity": "it holds as long as policy asks",
    "document.age": "the holder is not older than people become",
    "document.known_fake": (
        "the number is not on policy's list of known fakes; forgers copy real numbers too, so it is looked at and "
        "not refused"
    ),
    "document.number_format": (
        "the number is built as this issuer builds them (a table in policy); a mismatch weighs, and by itself "
        "refers nobody"
    ),
    "document.validity_length": (
        "the last day is no further ahead than such documents are issued for; weighs likewise"
    ),
    "agreement.names": (
        "the names are one person's: both tables of transliteration, truncation, initials, a name left out"
    ),
    "agreement.birth_date": "the birth dates do not contradict each other, unknown parts left open",
    "agreement.sex": "both show one sex",
    "agreement.nationality": "one nationality, or each state names its own citizen",
    "agreement.document_number": (
        "two documents of one type and issuer (a zone and the chip beside it) have one number"
    ),
    "agreement.expiry_date": "under one number stands one last day",
    "agreement.personal_number": "one state gave one number",
    "attested.description": "nothing: somebody says that they saw a document",
    "typed.names": "the typed names can be written as the document writes them",
    "typed.birth_date": "no part of the date that both know differs",
    "typed.nationality": "the typed nationality is the document's",
    "registry.answer": (
        "the issuer's registry knows the document and the person on it, and both still hold; not who shows it"
    ),
    "registry.possession": (
        "that whoever applies has what only the holder has: the chip, or a number on the registry's record"
    ),
    "lost_stolen.answer": "the issuer does not list the document as lost, stolen or withdrawn",
    "death.answer": "no death of the person is recorded",
    "chip.sod": "the chip's security object was read: DER, one signer, digests by group",
    "chip.content_type": (
        "what is signed is a list of digests of an electronic document, and not something else that its "
        "issuer signs"
    ),
    "chip.algorithm": "digests, signatures and keys are on the list; SHA-1 goes to a person",
    "chip.message_digest": "the list of digests is as it was signed",
    "chip.signature": "the holder of the signer's key signed it",
    "chip.dg1_hash": "the zone is as it was signed",
    "chip.dg15_hash": "the chip's public key is as it was signed",
    "chip.trust": "an authority of that name or key is in the trust store; an unknown one goes to a person",
    "chip.signer_chain": "that authority made the signer one",
    "chip.signer_key_usage": "the signer may sign documents, the authority certificates",
    "chip.signer_not_before": "the signer holds already",
    "chip.signer_not_after": "the signer holds still, as it must as long as its documents do",
    "chip.signing_time": (
        "the document was signed while its signer held, and the signer was made while its authority did"
    ),
    "chip.signer_revoked": "the issuer has not revoked signer or authority, as far as a list of it is here",
    "chip.signer_country": "the signer is of the state that the zone names as issuer",
    "chip.challenge": "the answer is to a challenge of ours that was open for this registration",
    "chip.active_authentication": "the chip that was issued is at hand, and not a copy of its data",
    "image.quality": "the picture was good enough that no better one was asked for",
    "image.lines": "every line was read as long as its layout wants it, and they stood together",
    "image.repaired": "no character had to be changed for another that can stand there",
    "image.states": "both state codes are in the tables",
    "image.score": "the reader was certain of every line",
    "image.agreement": "two readings, from other pixels, gave the same characters",
    "image.number": (
        "the number has no letter that is known to be taken for another of the same value or to be mistaken "
        "twice (G, K, M, O, Q, W), and no filler that a digit cannot see"
    ),
    "image.read": (
        "all of that, in a layout with a digit over all (TD1, TD2, TD3); or confirmed: somebody typed the "
        "number from the document"
    ),
    "image.correction": (
        "how far what was said instead is from what was read: more than two characters of the number is "
        "another one"
    ),
}


def proves(check_id: str) -> str:
    return PROVES.get(check_id, "")
