"""The words of marks on papers, and of things that many share."""

from collections.abc import Mapping

from service.admin.views import Choice, Flash, Tone

MARK: Mapping[str, str] = {
    "document_lost": "Document lost or stolen",
    "frozen": "Identity frozen against new lines",
}
EFFECT: Mapping[str, str] = {
    "document_lost": "This very document goes to a person whenever it is shown, until the mark is lifted. The next one "
    "is sound.",
    "frozen": "For a year a new line on this identity, by whichever papers, goes to a person. Lines in service stay.",
}
SET: Mapping[str, tuple[str, str, str]] = {
    # kind: key, verb, button
    "document_lost": ("l", "Document lost", "Mark the document as lost"),
    "frozen": ("f", "Freeze identity", "Freeze the identity"),
}
LIFT: Mapping[str, str] = {"document_lost": "Lift: lost", "frozen": "Lift: frozen"}
SET_REASONS = (
    Choice("holder-says-so", "The holder says so, and proved who they are"),
    Choice("police-report", "A report to the police was shown"),
    Choice("issuer-says-so", "The issuer of the document says so"),
)
LIFT_REASONS = (
    Choice("holder-asked", "The holder asked for it, and proved who they are"),
    Choice("document-found", "The document was found"),
    Choice("mistake", "It was a mistake"),
)
THING: Mapping[str, tuple[str, str]] = {
    "device": ("d", "device"),
    "address": ("a", "address"),
    "contact": ("c", "contact number"),
    "payment": ("p", "means of payment"),
}
COMMON_REASONS = (
    Choice("shop", "A shop's, which many customers use"),
    Choice("hostel", "A hostel's, a home's or a camp's"),
    Choice("employer", "An employer's"),
    Choice("family", "A family's"),
)
UNCOMMON_REASONS = (
    Choice("not-shared", "Looked into: it is one person's"),
    Choice("mistake", "It was a mistake"),
)
FLASHES: Mapping[str, Flash] = {
    "paper-marked": Flash("Marked. It holds for what is decided from now on."),
    "paper-lifted": Flash("Lifted."),
    "common": Flash("Marked. It links nobody from now on."),
    "uncommon": Flash("Taken back. It links again as its rarity says."),
}
ACTED: Mapping[str, tuple[str, Tone]] = {
    "identity.marked": ("Papers marked", "review"),
    "identity.mark_lifted": ("A mark on papers was lifted", "approve"),
    "link.common": ("Marked as shared by many", "plain"),
    "link.uncommon": ("No longer marked as shared by many", "plain"),
}
