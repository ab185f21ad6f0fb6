"""Words for documents on the page of a case: sources, outcomes, levels."""

from collections.abc import Mapping
from typing import Final

from service.admin.views.pieces import Choice, FormField, Tone
from service.kit.checks import CheckOutcome

SOURCES: Final = (
    ("mrz", "Zone", "characters that agree with each other; whoever knows the standard can write them"),
    ("image", "Picture", "how surely a machine read it; of the document it proves nothing"),
    ("chip", "Chip", "what the issuer signed, and whether the chip itself is here"),
    ("national_id", "National number", "built as its state builds them; not that it was issued"),
    ("registry", "Registry", "what the issuer knows, and whether its holder is the one who applies"),
    ("lost_stolen", "Lost and stolen", "what the issuer no longer stands behind"),
    ("death", "Deaths", "whether the person on it is recorded as dead"),
    ("typed", "What was typed", "whether it is what the document says"),
    ("agreement", "Agreement", "whether two sources say the same"),
    ("document", "Policy", "whether this operator takes it"),
    ("attested", "Description", "nothing: somebody says that they saw a document"),
)
"""(first part of the id, word, what this source proves), in the order of the page."""

CHECK: Mapping[CheckOutcome, tuple[str, Tone]] = {
    CheckOutcome.PASS: ("agrees", "approve"),
    CheckOutcome.WARN: ("needs a look", "review"),
    CheckOutcome.FAIL: ("does not agree", "deny"),
    CheckOutcome.SKIPPED: ("not checked", "plain"),
}
KIND: Mapping[str, str] = {
    "mrz": "typed from its zone",
    "image": "read from a picture",
    "emrtd": "read from its chip",
    "national_id": "typed",
    "attested": "described by the shop",
}
OUTCOME: Mapping[str, tuple[str, Tone]] = {
    "pass": ("Agrees", "approve"),
    "refer": ("Needs a look", "review"),
    "fail": ("Does not pass", "deny"),
}
PROOF: Final = (
    ("signed", "Signed", "an issuer's signature was checked"),
    ("confirmed", "Confirmed", "a registry answered yes, and the holder showed what its record names"),
    ("consistent", "Consistent", "read without contradiction; anyone can compute check digits"),
    ("none", "Nothing proved", "not read for certain, or not accepted"),
)
NO_LEVEL: Final = (
    "No level is reached. That is usual at a shop: without an issuer's registry or signature, and something that only "
    "the holder has, no standard calls a person identified. It says nothing against the applicant."
)
SPEAKS_AGAINST: Final = (
    "No level is reached while something speaks against it. Registers err: a person looks."
)
A_LEVEL: Final = (
    "These are the rules for evidence. They compare no face, and no assessor has certified this service."
)
PARTS: Final = (
    ("activity", "Activity of the identity"),
    ("fraud", "Fraud"),
    ("verification", "Verification: whose it is"),
)
CONFIDENCE: Mapping[str, str] = {"none": "no profile", "low": "low", "medium": "medium"}

CONFIRM_REASONS: Final = (
    Choice("applicant-read-it", "The applicant read it out to me"),
    Choice("shop-read-it", "The shop read it out to me, with the document in hand"),
    Choice("document-seen", "I had the document before me"),
)
CONFIRM_FIELDS: Final = (
    FormField("document_number", "Document number", hint="As it is printed.", required=False, maxlength=20),
    FormField("family_name", "Family name", required=False, maxlength=100),
    FormField("given_names", "Given names", required=False, maxlength=100),
    FormField("birth_date", "Birth date", hint="1974-08-12", required=False, maxlength=10),
    FormField("expiry_date", "Last day", hint="2032-04-15", required=False, maxlength=10),
    FormField("nationality", "Nationality", hint="NLD", required=False, maxlength=3),
    FormField("issuing_state", "Issuing state", hint="NLD", required=False, maxlength=3),
    FormField("sex", "Sex", hint="F, M or X", required=False, maxlength=1),
    FormField(
        "lines",
        "Or the lines of the zone, one a row",
        hint="In place of all fields.",
        required=False,
        kind="textarea",
        maxlength=200,
    ),
)
DOES_NOT_FIT: Final = (
    "It does not fit. States have three letters, dates are written 2032-04-15, sex is F, M or X."
)
SAY_SOMETHING: Final = "Write at least one field, or the lines alone."
NAMES: Mapping[str, str] = {field.name: field.label for field in CONFIRM_FIELDS} | {
    "lines": "Lines of the zone"
}
