"""Judgement of documents: pure functions of what was read, what was typed, the policy and the day."""

from service.documents.rules.authorities import answers_in, proved, ties, without_contact
from service.documents.rules.compare import complete, subscriber_from
from service.documents.rules.correcting import corrected, findings_of_correction, may_correct, merged
from service.documents.rules.details import describe
from service.documents.rules.identity import facts_of, facts_of_number, identity_keys, identity_of
from service.documents.rules.judge import (
    Judgement,
    beside_others,
    conclude,
    findings_of_attestation,
    findings_of_mrz,
    findings_of_number,
    is_sound,
    judged_again,
)
from service.documents.rules.loading import PolicyInvalid, load_policy
from service.documents.rules.pictures import awaits_confirmation, findings_of_picture
from service.documents.rules.proving import proves

__all__ = [
    "Judgement",
    "PolicyInvalid",
    "answers_in",
    "awaits_confirmation",
    "beside_others",
    "complete",
    "conclude",
    "corrected",
    "describe",
    "facts_of",
    "facts_of_number",
    "findings_of_attestation",
    "findings_of_correction",
    "findings_of_mrz",
    "findings_of_number",
    "findings_of_picture",
    "identity_keys",
    "identity_of",
    "is_sound",
    "judged_again",
    "load_policy",
    "may_correct",
    "merged",
    "proved",
    "proves",
    "subscriber_from",
    "ties",
    "without_contact",
]
