"""The words of codes: limits, blocks, and what became of a message. Beside ``words.py``, which is long enough."""

from collections.abc import Mapping

from service.admin.views import Badge, Tone
from service.limits.model import SHARED, Limit
from service.otp.model import Handed, NoticeKind

NOTICE: Mapping[NoticeKind, str] = {
    NoticeKind.CARD_ASKED: "Somebody asks for a card in the place of a lost one",
    NoticeKind.NEW_LINE: "A line was registered with the holder's papers",
    NoticeKind.STEP: "A step was taken on the holder's line, or is announced",
}
"""What a message without a code is about."""

NOT_SENT: Mapping[Handed, str] = {
    Handed.MONEY: "The day's money is spent.",
    Handed.SENDER: "No sender took it.",
    Handed.BUSY: "It is being handed over.",
    Handed.WITHHELD: "The network says that nobody has the number.",
    Handed.UNCERTAIN: "A sender gave no answer, so it may have arrived.",
    Handed.ERASED: "The holder was erased.",
    Handed.OVER: "What it said was no longer so.",
}
"""Why one was not sent."""

LIMIT: Mapping[Limit, str] = {
    Limit.OTP_SENDS_PER_MSISDN: "One client asked for codes to one number too fast or too often.",
    Limit.OTP_SENDS_PER_MSISDN_EVERYWHERE: "One number had as many messages as a person should get in a day.",
    Limit.OTP_SENDS_PER_CLIENT: "One client sent more messages than it may.",
    Limit.OTP_SENDS_PER_DEALER: "One dealer sent more messages than it may.",
    Limit.OTP_SENDS_PER_IP: "One address of applicants asked for too many codes.",
    Limit.OTP_SENDS_PER_NETWORK: "One network of applicants asked for too many codes.",
    Limit.OTP_SENDS_PER_DEVICE: "One device of applicants asked for too many codes.",
    Limit.OTP_SENDS_PER_BLOCK: "One client sent too many messages to one number block.",
    Limit.OTP_SENDS_PER_COUNTRY: "One client sent too many messages to one country.",
    Limit.OTP_CHALLENGE_PER_CLIENT: "So many of a client's messages stood unanswered that new numbers had to solve"
    " a challenge first.",
    Limit.OTP_NEIGHBOURS_PER_HUNDRED: "Many first messages went to neighbouring numbers.",
    Limit.OTP_UNVERIFIED_PER_COUNTRY: "Too many messages to one country stood unanswered.",
    Limit.OTP_UNVERIFIED_PER_BLOCK: "Too many messages to one number block stood unanswered.",
    Limit.OTP_UNVERIFIED_PER_IP: "Too many messages for one address of applicants stood unanswered.",
    Limit.OTP_UNVERIFIED_EVERYWHERE: "Too many of all messages stood unanswered.",
    Limit.OTP_BLOCKED_MSISDN: "No codes of this client go to this number.",
    Limit.OTP_BLOCKED_MSISDN_EVERYWHERE: "No codes go to this number.",
    Limit.OTP_BLOCKED_BLOCK: "No codes go to this number block.",
    Limit.OTP_BLOCKED_COUNTRY: "No codes go to this country.",
    Limit.OTP_BLOCKED_CLIENT: "No codes of this client are sent.",
    Limit.OTP_BLOCKED_EVERYWHERE: "No codes are sent at all.",
    Limit.OTP_MONEY_PER_DAY: "The day's money was spent, or its next slice not ready.",
    Limit.OTP_SEND_ATTEMPTS_PER_CLIENT: "One client asked for codes more often than it ever should, sent or not.",
    Limit.OTP_CHECKS_PER_CLIENT: "One client had too many codes compared.",
    Limit.OTP_CHECKS_PER_IP: "Too many codes were compared for one address of applicants.",
    Limit.OTP_WRONG_CODES_PER_MSISDN: "Too many wrong codes were given for one number.",
    Limit.OTP_SPRAYED_PER_CLIENT: "One client guessed at the codes of many numbers.",
    Limit.OTP_SPRAYED_PER_IP: "One address of applicants guessed at the codes of many numbers.",
    Limit.REPORTS_PER_CLIENT: "One client filed more scam reports than it may.",
}
"""One sentence for each: what happened where it had no room."""

BLOCKED: Mapping[Limit, str] = {
    Limit.OTP_BLOCKED_MSISDN: "Number, for one client",
    Limit.OTP_BLOCKED_MSISDN_EVERYWHERE: "Number",
    Limit.OTP_BLOCKED_BLOCK: "Number block",
    Limit.OTP_BLOCKED_COUNTRY: "Country",
    Limit.OTP_BLOCKED_CLIENT: "Client",
    Limit.OTP_BLOCKED_EVERYWHERE: "Everything",
}
"""What a block stops."""

BLOCK_REASON: Mapping[str, str] = {
    "unanswered-messages": "Too many messages unanswered",
    "not-me": "The holder did not ask for these codes",
}
"""Reasons that nobody chooses from a list: the guard's, and the holder's."""

MADE_BY: Mapping[str, str] = {"guard": "the guard", "holder": "the holder of the number"}
LIFTING: Mapping[str, str] = {
    "guard": "The budget behind it begins anew. If messages stay unanswered there, it is set again, for longer.",
    "holder": "The holder of the number asked for it: lift it if they ask for that too.",
}
"""What else to know before lifting, by who set the block."""

CHANNEL: Mapping[str, str] = {"sms": "by SMS", "voice": "by a call"}

SENT: Mapping[str, tuple[str, Tone]] = {
    "sent": ("A code was sent", "plain"),
    "suppressed": ("A code was held back; the caller was not told", "review"),
    "denied": ("A code was asked for too soon or too often; the caller was told to wait", "review"),
    "unfunded": ("No code was sent: no money was ready", "review"),
    "test": ("A test number: nothing was sent", "plain"),
    "challenged": ("A challenge was to be solved before a code", "plain"),
}
CHECKED: Mapping[str, tuple[str, Tone]] = {
    "verified": ("The right code was given", "approve"),
    "rejected": ("A wrong code was given", "review"),
    "expired": ("A code was given that no longer held", "plain"),
    "exhausted": ("A code was given after too many wrong ones", "review"),
    "limited": ("A code was given and not compared", "review"),
    "absent": ("A code was given where none had been sent", "plain"),
}
UNSENT: Mapping[str, str] = {
    "unavailable": "No sender could take the message",
    "refused": "The sender refused the message",
    "late": "The sender did not answer in time; the message may have left",
}


def limit(name: str) -> str:
    """A limit's sentence; one that is in the history and no longer in the house is named as it is."""
    return LIMIT[Limit(name)] if name in set(Limit) else f"{name}, a limit of an earlier version."


def is_silent(name: str) -> bool:
    """Whether the answer to a denial is the ordinary 202: the caller is not told."""
    return name in SHARED


STANDS = Badge("Holds", "deny")
ENDED = Badge("Ended")
LIFTED = Badge("Lifted", "approve")
