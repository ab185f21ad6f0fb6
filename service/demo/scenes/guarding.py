"""Scenes of keeping guard: a scammer who comes back, a search of the whole database, an altered audit."""

import asyncio
import hashlib
import secrets
from contextlib import closing
from typing import Any

import psycopg

from service.audit.heads import read_heads
from service.audit.model import Verification
from service.audit.verify import verify
from service.audit.workflow import Actor
from service.dealers.workflow import Dealers
from service.demo.diary import Diary
from service.demo.scenes.theatre import NotAsTold, Theatre, number, plain, somebody
from service.infra.crypto import Vault, Verifier
from service.infra.postgres import Database
from service.kit.clock import SystemClock
from service.kit.people import InventedPerson
from service.operators.workflow import Operators

SLUG = "demo"
WAIT_S = 60
"""How long a scene waits for the worker or the sealer, which may be busy."""
SEED_S = 300


async def cannot_come_back(here: Theatre) -> str:
    """A line is stopped for scam; then the same papers, the same device and the same shop ask again."""
    scammer, device = somebody(), secrets.token_hex(8)
    shop = await _new_shop(here)
    here.voice.step(f"simward dealers add --operator demo {shop} 'Corner shop of the tour' …")
    first = await _walk(here, scammer, device, shop)
    if first["decision"]["verdict"] != "approved":
        raise NotAsTold(f"the first line was not approved but {first['decision']['verdict']}")
    await _active(here, first["id"])
    here.voice.came(f"{first['msisdn']} goes live: a first line cannot be told from anybody's")
    reason = {"reason": "scam-confirmed", "note": "Three reports, two of them proved."}
    await here.done("POST", f"/v1/lines/{first['msisdn']}/suspend", reason)
    await _struck(here, first["id"])
    tries = {
        "the same papers, new SIM, other phone": (scammer, secrets.token_hex(8), None),
        "other papers, the same phone": (somebody(), device, None),
        "other papers, other phone, the same shop": (somebody(), secrets.token_hex(8), shop),
    }
    verdicts = []
    for told, (who, fingerprint, dealer) in tries.items():
        here.voice.step(f"a registration with {told}")
        found = await _walk(here, who, fingerprint, dealer)
        decision = found["decision"]
        here.voice.came(f"{decision['verdict']}: {decision['reasons'][0]['staff']}")
        here.page(f"/admin/review/{found['id']}")
        verdicts.append(decision["verdict"])
        if decision["verdict"] == "review":
            await here.done("POST", f"/v1/registrations/{found['id']}/cancel", say=False)
    here.voice.why(
        "A confirmed strike denies the very document at once. Phone and shop may be shared by honest people, so"
        " there a person decides; nothing is approved by itself any more."
    )
    if verdicts != ["denied", "review", "review"]:
        raise NotAsTold(f"the three came out as {', '.join(verdicts)}")
    return "A scammer's papers, phone and shop: none gets a line by itself."


async def _walk(here: Theatre, who: InventedPerson, fingerprint: str, dealer: str | None) -> dict[str, Any]:
    extra: dict[str, Any] = {"device": {"fingerprint": fingerprint, "role": "applicant"}, "channel": "app"}
    if dealer is not None:
        extra |= {"dealer": dealer, "agent": "A-1", "channel": "shop"}
    path = await here.evidence(who, number(), extra)
    return await here.done("POST", f"{path}/submit", {}, say=False)


async def _active(here: Theatre, registration: str) -> None:
    for _ in range(WAIT_S * 5):
        found = await here.done("GET", f"/v1/registrations/{registration}", say=False)
        if found["state"] == "active":
            return
        await asyncio.sleep(0.2)
    raise NotAsTold("the first line did not go live")


async def _struck(here: Theatre, registration: str) -> None:
    """The strike reaches the rules by the worker, a moment after the suspension."""
    for _ in range(WAIT_S * 5):
        with here.admin() as db:
            wanted = "SELECT count(*) FROM holding WHERE registration_id = %s AND struck_at IS NOT NULL"
            if db.execute(wanted, (registration.removeprefix("reg_"),)).fetchone()[0]:
                return
        await asyncio.sleep(0.2)
    raise NotAsTold("the strike did not reach the rules")


async def _new_shop(here: Theatre) -> str:
    """What ``simward dealers add`` and ``agent-add`` do."""
    code = f"D-T{secrets.randbelow(10**6):06}"
    db = Database(here.servers.app_url, SystemClock(), pool_size=1)
    try:
        operator = await Operators(db).by_slug(SLUG)
        dealers = Dealers(db, Vault.load(here.data / "keys", production=False))
        licence = f"UTO-T-{secrets.randbelow(10**8):08}"
        await dealers.register(
            operator.id, code=code, name="Corner shop of the tour", licence=licence, actor=Actor.cli()
        )
        await dealers.register_agent(operator.id, code, "A-1", actor=Actor.cli())
    finally:
        await db.close()
    return code


async def search_for_her_name(here: Theatre) -> str:
    """Every table of the database is dumped by the superuser, and searched."""
    if not here.anna:
        raise NotAsTold("Anna has no line to search for")
    who: InventedPerson = here.anna["person"]
    wanted = {
        "family name": who.family_name,
        "given names": who.given_names,
        "number": here.anna["number"].removeprefix("+"),
        "document number": who.document_number,
        "personal number": who.personal_number,
        "birth date": who.birth_date.isoformat(),
    }
    here.voice.step("COPY every table TO STDOUT, as superuser")
    found: list[str] = []
    tables, size, ids = 0, 0, 0
    with here.admin() as db:
        for (table,) in db.execute(_TABLES).fetchall():
            with (
                closing(db.cursor()) as cursor,
                cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy,
            ):
                text = b"".join(bytes(block) for block in copy).lower()
            tables, size = tables + 1, size + len(text)
            ids += here.anna["registration"].removeprefix("reg_").encode() in text.replace(b"-", b"")
            found += [f"{what} in {table}" for what, value in wanted.items() if _is_in(value, text)]
    here.voice.came(f"{tables} tables, {size / 1e6:.1f} MB; her registration's id is in {ids} of them")
    here.voice.came("found: " + (", ".join(found) or "nothing: no name, no number, no document number"))
    here.voice.why(
        "Her data lie sealed under a key of her own, which is deleted when she is erased; look-ups use keyed hashes."
        " Whoever steals the database without the keys learns no name."
    )
    here.page(f"/admin/lines/{here.anna['line']}")
    if found:
        raise NotAsTold(f"found {', '.join(found)}")
    if not ids:
        raise NotAsTold("the dump does not even hold her registration: it searched the wrong place")
    return "The whole database searched for her name: nothing."


_TABLES = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1"
)


def _is_in(value: str, dump: bytes) -> bool:
    """As text, or as the bytes of the text, which a dump writes in hexadecimal."""
    forms = {value, value.upper(), value.upper().replace(" ", "<")}
    return any(form.lower().encode() in dump or form.encode().hex().encode() in dump for form in forms)


async def altered_audit(here: Theatre) -> str:
    """The owner of the database rewrites what was decided about Anna, triggers off, hashes made to fit."""
    if not here.anna:
        raise NotAsTold("Anna's decision is not there to be altered")
    await _until_sown(here)
    here.voice.step("simward audit verify --heads audit-heads.jsonl")
    before = await _until_whole(here)
    here.voice.came(f"whole: {sum(chain.sealed for chain in before.chains)} entries sealed")
    with psycopg.connect(plain(here.servers.owner_url), connect_timeout=5) as owner:
        operator = next(chain.operator for chain in before.chains if chain.operator.int)
        entry_id, body, digest = _entry(owner, str(operator), here.anna["registration"])
        forged = body.replace('"verdict":"approved"', '"verdict":"denied"')
        if forged == body:
            raise NotAsTold("the entry does not say that Anna was approved")
        here.voice.step(
            "as the database's owner: DISABLE TRIGGER; UPDATE audit_entry SET body = … 'denied' …"
        )
        _rewrite(owner, str(operator), entry_id, forged, _hash(forged))
        try:
            here.voice.step("simward audit verify --heads audit-heads.jsonl")
            after = await _verify(here)
        finally:
            _rewrite(owner, str(operator), entry_id, body, digest)
    faults = [fault for chain in after.chains for fault in chain.faults]
    for fault in faults:
        here.voice.came(f"{fault.kind}: entry {fault.n or ''} ({fault.entry_id}): {fault.detail}")
    here.voice.step("the entry is put back as it was; simward audit verify")
    healed = await _until_whole(here)
    here.voice.came(f"whole: {sum(chain.sealed for chain in healed.chains)} entries sealed")
    here.voice.why(
        "Entries are chained and the chain's head is signed by a key that the database never sees. It names the row;"
        " it cannot say what stood there, and a host that holds the keys too could make a new chain: keep the heads"
        " elsewhere."
    )
    here.page(f"/admin/audit?object={here.anna['registration']}")
    if [str(fault.entry_id) for fault in faults] != [entry_id]:
        raise NotAsTold(f"verify found {len(faults)} faults, and not just the altered entry")
    return "An altered audit row: verify names it."


async def _until_sown(here: Theatre) -> None:
    """While the seed is sown, entries of two months ago wait for the sealer, which verify would find too old."""
    for second in range(SEED_S):
        begun = Diary(here.data / "seed.json").read()
        if begun is None or begun[1]:
            return
        if second == 0:
            here.voice.step("the demo is still sowing its sixty days; this scene waits for the end")
        await asyncio.sleep(1)


async def _verify(here: Theatre) -> Verification:
    db = Database(here.servers.app_url, SystemClock(), pool_size=1)
    try:
        ids = [operator.id for operator in await Operators(db).all()]
        heads = here.data / "audit-heads.jsonl"
        given = read_heads(heads) if heads.exists() else []
        return await verify(db, ids, Verifier.load(here.data / "keys"), given=given)
    finally:
        await db.close()


async def _until_whole(here: Theatre) -> Verification:
    """The sealer numbers new entries within a second or two."""
    for _ in range(WAIT_S):
        found = await _verify(here)
        if found.is_whole and not any(chain.waiting for chain in found.chains):
            return found
        await asyncio.sleep(1)
    faults = [fault.detail for chain in found.chains for fault in chain.faults]
    raise NotAsTold(f"the audit is not whole: {faults or 'entries wait for the sealer'}")


def _entry(owner: "psycopg.Connection[Any]", operator: str, registration: str) -> tuple[str, str, bytes]:
    """(id, body, hash) of the entry that records the decision."""
    with owner.transaction():
        owner.execute("SELECT set_config('simward.operator', %s, true)", (operator,))
        row = owner.execute(
            "SELECT id, body, entry FROM audit_entry WHERE object = %s AND action = 'registration.decided'",
            (registration,),
        ).fetchone()
    if row is None:
        raise NotAsTold("the decision is not in the audit")
    return str(row[0]), str(row[1]), bytes(row[2])


def _rewrite(
    owner: "psycopg.Connection[Any]", operator: str, entry_id: str, body: str, digest: bytes
) -> None:
    """What nobody should do, by somebody whom nothing stops."""
    with owner.transaction():
        owner.execute("SET LOCAL lock_timeout = '10s'")
        owner.execute("SELECT set_config('simward.operator', %s, true)", (operator,))
        owner.execute("ALTER TABLE audit_entry DISABLE TRIGGER insert_only")
        changed = owner.execute(
            "UPDATE audit_entry SET body = %s, entry = %s WHERE id = %s", (body, digest, entry_id)
        )
        owner.execute("ALTER TABLE audit_entry ENABLE TRIGGER insert_only")
    if changed.rowcount != 1:
        raise NotAsTold("the owner could not change the entry")


def _hash(body: str) -> bytes:
    return hashlib.sha256(b"simward/audit/entry/v1\n" + body.encode()).digest()
