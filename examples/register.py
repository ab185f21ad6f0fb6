#!/usr/bin/env python3
"""Take one invented person from nothing to an active line, over the REST API. Standard library only.

    simward demo                                   # in another terminal; its first line holds the key
    python examples/register.py --key sk_…         # or SIMWARD_KEY=sk_…

Against a real installation, leave out what reads the code from /dev/outbox: there, the person reads it.
"""

import argparse
import datetime
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

Json = dict[str, Any]


class Simward:
    """A client in thirty lines."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url.rstrip("/"), key

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """The answer's JSON. A refusal ends the program: its ``code`` says why, and often what to do next."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if method == "POST":
            # Repeating a POST with the same key and body gives the first answer again, and no second message.
            headers["Idempotency-Key"] = secrets.token_hex(16)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            problem = json.load(refusal)
            sys.exit(
                f"{method} {path}: {problem['status']} {problem['code']}\n{json.dumps(problem, indent=2)}"
            )
        except urllib.error.URLError as error:
            sys.exit(f"{self.url} does not answer ({error.reason}). Is `simward demo` running?")


def check_digit(text: str) -> str:
    """ICAO Doc 9303-3, 4.9: weights 7, 3, 1; A is 10; the filler is 0."""
    values = (0 if c == "<" else int(c, 36) for c in text)
    return str(sum(value * (7, 3, 1)[n % 3] for n, value in enumerate(values)) % 10)


def passport(surname: str, given: str, birth: datetime.date) -> list[str]:
    """The two lines of an invented passport of Utopia, which passes in a demo only."""
    number = "X" + "".join(secrets.choice("0123456789") for _ in range(8))
    until = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=5 * 365)
    born, ends = birth.strftime("%y%m%d"), until.strftime("%y%m%d")
    first = f"P<UTO{surname.replace(' ', '<')}<<{given.replace(' ', '<')}".ljust(44, "<")
    head = number + check_digit(number)
    dates = born + check_digit(born), ends + check_digit(ends)
    optional = "<" * 14 + "0"
    second = (
        head + "UTO" + dates[0] + "F" + dates[1] + optional + check_digit(head + "".join(dates) + optional)
    )
    return [first, second]


def sim() -> tuple[str, str]:
    """A number and a card that nobody has: an E.164 German mobile number, and an ICCID with its Luhn digit."""
    body = "894902" + "".join(secrets.choice("0123456789") for _ in range(12))
    doubled = (int(c) * (1 if n % 2 else 2) for n, c in enumerate(reversed(body)))
    total = sum(digit - 9 if digit > 9 else digit for digit in doubled)
    return f"+491511{secrets.randbelow(9_000_000) + 1_000_000}", body + str(-total % 10)


def open_registration(simward: Simward, msisdn: str, iccid: str, birth: datetime.date) -> Json:
    print(f"1  Anna buys a SIM card with the number {msisdn}.")
    subscriber = {
        "family_name": "ERIKSSON",
        "given_names": "ANNA MARIA",
        "birth_date": birth.isoformat(),
        "nationality": "UTO",
    }
    facts = {
        "msisdn": msisdn,
        "iccid": iccid,
        "purpose": "new",
        "channel": "shop",
        "service": {"plan": "prepaid", "form": "sim"},
        "subscriber": subscriber,
    }
    registration: Json = simward.call("POST", "/v1/registrations", facts)
    print(
        f"   {registration['id']} is {registration['state']}; missing: {', '.join(registration['missing'])}"
    )
    return registration


def show_document(simward: Simward, path: str, birth: datetime.date) -> None:
    print("2  The till reads the two lines at the foot of her passport. No picture is taken.")
    lines = passport("ERIKSSON", "ANNA MARIA", birth)
    document = simward.call("POST", path + "/documents", {"kind": "mrz", "lines": lines})
    print(
        f"   {document['document_type']} of {document['issuing_state']}: {document['outcome']}, {document['proof']}"
    )


def prove_possession(simward: Simward, path: str, msisdn: str) -> None:
    print("3  A code goes to the new SIM card.")
    sent = simward.call("POST", path + "/otp", {"to": "line", "channel": "sms", "language": "en"})
    outbox = simward.call("GET", "/dev/outbox?" + urllib.parse.urlencode({"to": msisdn}))
    code = next(
        word for word in outbox[0]["text"].replace(".", " ").split() if word.isdigit() and len(word) == 6
    )
    print(f"   sent to {sent['to_masked']}; Anna reads {code}")
    print("4  She tells the code to the till.")
    proof = simward.call("POST", path + "/otp/check", {"code": code})
    print(f"   {proof['status']} at {proof['verified_at']}")


def decide(simward: Simward, path: str) -> None:
    print("5  Simward decides.")
    registration = simward.call("POST", path + "/submit", {})
    decision = registration["decision"]
    print(f"   {decision['verdict']}, assurance {decision['assurance']}, policy {decision['policy_version']}")
    if decision["verdict"] != "approved":
        for reason in decision["reasons"]:
            print(f"   {reason['code']}: {reason['text']}")
        sys.exit(f"   The registration is {registration['state']}.")


def wait_until_active(simward: Simward, path: str, msisdn: str) -> None:
    print("6  The worker has the line brought up.")
    for _ in range(60):
        registration = simward.call("GET", path)
        if registration["state"] == "active":
            break
        time.sleep(0.5)
    else:
        sys.exit(
            f"   It is still {registration['state']}: {registration['activation']}. Is the worker running?"
        )
    line = simward.call("GET", "/v1/lines/" + urllib.parse.quote(msisdn))
    print(f"   {line['id']} is {line['state']} since {line['active_since']}.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Register one invented person.")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key", default=os.environ.get("SIMWARD_KEY"), help="default: SIMWARD_KEY")
    options = parser.parse_args()
    if not options.key:
        parser.error("a key is needed: --key, or SIMWARD_KEY")
    simward = Simward(options.url, options.key)
    msisdn, iccid = sim()
    birth = datetime.date(1974, 8, 12)
    registration = open_registration(simward, msisdn, iccid, birth)
    path = f"/v1/registrations/{registration['id']}"
    show_document(simward, path, birth)
    prove_possession(simward, path, msisdn)
    decide(simward, path)
    wait_until_active(simward, path, msisdn)


if __name__ == "__main__":
    main()
