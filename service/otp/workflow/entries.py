"""What is written into the history together with a decision: its inputs, so that it can be replayed.

Ids, codes and keyed hashes alone; :mod:`service.otp.rules.history` reads them. Written by hand: of ids, hex digits and
words of ours nothing needs escaping, and this is done for every message.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from service.kit.ids import new_id
from service.limits.model import Charge, Dimension
from service.limits.rules import Bill
from service.otp.model import CodePolicy, Destination
from service.otp.volatile import NewChallenge, Tariff
from service.otp.workflow.budgets import Asker


def flags_of(*, is_first: bool, in_shop: bool, has_solved: bool) -> str:
    """What decided which budgets were charged and is in no other column."""
    return "".join(
        flag for flag, holds in ((',"f":1', is_first), (',"s":1', in_shop), (',"q":1', has_solved)) if holds
    )


def send_entry(
    policy: CodePolicy,
    asker: Asker,
    new: NewChallenge,
    to: Destination,
    hashes: Mapping[Dimension, str],
    charges: Sequence[Charge],
    price: int,
    language: str,
    flags: str,
) -> str:
    names = ",".join([f'"{dimension}":"{hashed}"' for dimension, hashed in hashes.items()])
    tags = charges.plan.tags if isinstance(charges, Bill) else ""
    dealer = f',"d":"{asker.dealer.hex}"' if asker.dealer is not None else ""
    return (
        f'{{"e":"{new_id().hex}","k":"send","o":"{new.operator.hex}","c":"{asker.client.hex}","v":"{new.subject.hex}",'
        f'"h":"{new.id.hex}","p":"{new.purpose}","w":"{new.channel}","g":"{language}","cc":"{to.country or ""}",'
        f'"b":"{to.block}","x":{price},"y":{_quoted(policy.limits.version)},"n":{{{names}}},"l":[{tags}]{dealer}{flags}}}'
    )


def check_entry(asker: Asker, subject: UUID, tariff: Tariff) -> str:
    return (
        f'{{"e":"{new_id().hex}","k":"check","o":"{asker.operator.hex}","c":"{asker.client.hex}",'
        f'"v":"{subject.hex}","l":{tariff.tags}}}'
    )


def with_refill(entry: str) -> str:
    """The purse was too small and was filled: what measures pressure was charged once more than the history tells."""
    return f'{entry[:-1]},"r":1}}'


@lru_cache(maxsize=100)
def _quoted(version: str) -> str:
    return json.dumps(version)
