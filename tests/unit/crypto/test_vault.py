"""The vault: what opens, what does not, and rotation with old and new keys live."""

import itertools
import json
from pathlib import Path
from uuid import UUID

import pytest
import tink
from hypothesis import given, settings
from hypothesis import strategies as st
from tink import aead, proto_keyset_format, secret_key_access

from service.infra.crypto import (
    FileKms,
    KeysetName,
    KeysetRefused,
    SealBroken,
    Signer,
    Step,
    Vault,
    Verifier,
    create_keysets,
    rotate,
)
from service.infra.crypto.keysets import key_ids, keyset_path, load_keyset, new_data_key
from service.infra.crypto.vault import BLOCK, kek_of
from service.kit.canon import IndexKind, enc

OP = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
SUBJECT = UUID("018f0000-0000-7000-8000-00000000000a")
ROW = UUID("018f0000-0000-7000-8000-00000000000b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keysets(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    folder = tmp_path_factory.mktemp("vault") / "keys"
    create_keysets(folder)
    return Vault.load(folder, production=False)


@pytest.fixture
def master(tmp_path: Path) -> FileKms:
    (tmp_path / "master").write_bytes(bytes(range(32)))
    return FileKms(tmp_path / "master")


def test_files_are_private_and_never_overwritten(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in KeysetName:
        assert keyset_path(folder, name).stat().st_mode & 0o777 == 0o600
    before = keyset_path(folder, KeysetName.KEK).read_bytes()
    create_keysets(folder)
    assert keyset_path(folder, KeysetName.KEK).read_bytes() == before


def test_cleartext_is_refused_in_production(folder: Path) -> None:
    with pytest.raises(KeysetRefused, match="cleartext"):
        Vault.load(folder, production=True)
    with pytest.raises(KeysetRefused, match="cleartext"):
        Signer.load(folder, production=True)


def test_cleartext_that_is_open_to_others_is_refused_everywhere(folder: Path) -> None:
    keyset_path(folder, KeysetName.INDEX).chmod(0o640)
    with pytest.raises(KeysetRefused, match="open to others"):
        Vault.load(folder, production=False)


def test_wrapped_keysets_load_in_production_and_hold_no_key(tmp_path: Path, master: FileKms) -> None:
    folder = tmp_path / "wrapped"
    create_keysets(folder, kms=master)
    vault = Vault.load(folder, production=True, kms=master)
    key = vault.new_subject_key(OP, SUBJECT)
    again = Vault.load(folder, production=True, kms=master).subject_key(OP, SUBJECT, key.kek_id, key.wrapped)
    assert again.open("t", ROW, key.seal("t", ROW, {"a": 1})) == {"a": 1}
    assert "encryptedKeyset" in json.loads(keyset_path(folder, KeysetName.KEK).read_text())
    with pytest.raises(KeysetRefused, match="master key"):
        Vault.load(folder, production=True)
    (tmp_path / "wrong").write_text(bytes(range(1, 33)).hex() + "\n")
    with pytest.raises(KeysetRefused, match="another master key"):
        Vault.load(folder, production=True, kms=FileKms(tmp_path / "wrong"))


def test_a_wrapped_keyset_is_bound_to_its_name(tmp_path: Path, master: FileKms) -> None:
    folder = tmp_path / "wrapped"
    create_keysets(folder, kms=master)
    index, shared = keyset_path(folder, KeysetName.INDEX), keyset_path(folder, KeysetName.SHARED)
    index.write_bytes(shared.read_bytes())
    with pytest.raises(KeysetRefused):
        Vault.load(folder, production=True, kms=master)


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 32, b"zz" * 32])
def test_a_master_key_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ValueError, match="32 random bytes"):
        FileKms(tmp_path / "m")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"primaryKeyId": 1, "key": []}'])
def test_a_broken_keyset_is_refused(folder: Path, content: str) -> None:
    keyset_path(folder, KeysetName.KEK).write_text(content)
    with pytest.raises(KeysetRefused):
        Vault.load(folder, production=False)
    keyset_path(folder, KeysetName.KEK).unlink()
    with pytest.raises(KeysetRefused, match="missing"):
        Vault.load(folder, production=False)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=300) | st.integers() | st.none(), max_size=4))
def test_what_is_sealed_opens_and_its_length_is_in_blocks(data: dict[str, str | int | None]) -> None:
    vault = _VAULT
    key = vault.new_subject_key(OP, SUBJECT)
    blob = key.seal("subscriber", ROW, data)  # type: ignore[arg-type]
    assert key.open("subscriber", ROW, blob) == data
    assert (len(blob) - 28) % BLOCK == 0  # 12 bytes of nonce, 16 of tag


@pytest.fixture(autouse=True, scope="module")
def _shared_vault(vault: Vault) -> None:
    global _VAULT
    _VAULT = vault


_VAULT: Vault


def test_a_row_that_is_moved_does_not_decrypt(vault: Vault) -> None:
    key = vault.new_subject_key(OP, SUBJECT)
    blob = key.seal("subscriber", ROW, {"name": "JANSEN"})
    for table, row in (("line", ROW), ("subscriber", SUBJECT)):
        with pytest.raises(SealBroken):
            key.open(table, row, blob)
    with pytest.raises(SealBroken):
        key.open("subscriber", ROW, blob[:-1] + bytes([blob[-1] ^ 1]))
    with pytest.raises(SealBroken):
        vault.new_subject_key(OP, SUBJECT).open("subscriber", ROW, blob)
    assert b"JANSEN" not in blob


def test_a_wrapped_key_that_is_moved_does_not_open(vault: Vault) -> None:
    key = vault.new_subject_key(OP, SUBJECT)
    for operator, subject in ((OTHER, SUBJECT), (OP, ROW)):
        with pytest.raises(SealBroken):
            vault.subject_key(operator, subject, key.kek_id, key.wrapped)
    # The same data key under another operator would still refuse the blob.
    blob = key.seal("subscriber", ROW, {})
    key._operator = OTHER
    with pytest.raises(SealBroken):
        key.open("subscriber", ROW, blob)


def test_the_quick_path_of_a_data_key_is_tinks_own() -> None:
    serialised, quick = new_data_key()
    slow = proto_keyset_format.parse(serialised, secret_key_access.TOKEN).primitive(aead.Aead)
    assert slow.decrypt(quick.encrypt(b"x", b"ad"), b"ad") == b"x"
    assert quick.decrypt(slow.encrypt(b"x", b"ad"), b"ad") == b"x"
    with pytest.raises(tink.TinkError):
        quick.decrypt(slow.encrypt(b"x", b"ad"), b"other")


def test_secrets_are_bound_to_their_row(vault: Vault) -> None:
    blob = vault.seal_secret("staff", ROW, b"totp")
    assert vault.open_secret("staff", ROW, blob) == b"totp"
    assert kek_of(blob) == vault.kek_id
    for table, row in (("webhook", ROW), ("staff", SUBJECT)):
        with pytest.raises(SealBroken):
            vault.open_secret(table, row, blob)


def test_an_operators_notes_are_bound_to_operator_and_row(vault: Vault) -> None:
    blob = vault.operator_key(OP).seal("audit_note", ROW, {"note": "late"})
    assert vault.operator_key(OP).open("audit_note", ROW, blob) == {"note": "late"}
    with pytest.raises(SealBroken):
        vault.operator_key(OTHER).open("audit_note", ROW, blob)


def test_an_index_tells_operators_kinds_and_keysets_apart(vault: Vault) -> None:
    number = "+4915112345678"
    seen = {
        vault.index(OP, IndexKind.MSISDN, number),
        vault.index(OTHER, IndexKind.MSISDN, number),
        vault.index(OP, IndexKind.CONTACT, number),
        vault.shared(IndexKind.MSISDN, number),
        vault.shared_ref(OP),
    }
    assert len(seen) == 5
    assert {len(index) for index in seen} == {20}
    assert vault.index(OP, IndexKind.MSISDN, number) == vault.index_all(OP, IndexKind.MSISDN, number)[0]
    assert int.from_bytes(vault.index(OP, IndexKind.MSISDN, number)[:4], "big") == vault.index_ids[0]
    assert len(vault.volatile("otp/v1", OP, number)) == 16
    assert vault.volatile_all("otp/v1", OP, number)[0][1] == vault.volatile("otp/v1", OP, number)
    assert vault.volatile("otp/v1", OP, number) != vault.volatile("otp/v2", OP, number)


def test_an_index_is_hmac_over_the_written_encoding(folder: Path) -> None:
    """An independent computation, so that the form in the database can be told from the documents alone."""
    import hashlib
    import hmac

    from tink.proto import hmac_prf_pb2, tink_pb2

    handle = load_keyset(folder, KeysetName.INDEX, production=False)
    keyset = tink_pb2.Keyset.FromString(proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    raw = hmac_prf_pb2.HmacPrfKey.FromString(keyset.key[0].key_data.value).key_value
    want = hmac.new(raw, enc("idx/v1", OP, "email", "a@b.c"), hashlib.sha256).digest()[:16]
    got = Vault.load(folder, production=False).index(OP, IndexKind.EMAIL, "a@b.c")
    assert got == keyset.key[0].key_id.to_bytes(4, "big") + want


@pytest.mark.parametrize("kind", sorted(set(IndexKind) - {"document", "person", "msisdn", "licence"}))
def test_only_four_kinds_are_shared(vault: Vault, kind: IndexKind) -> None:
    with pytest.raises(ValueError, match="never compared"):
        vault.shared(kind, "x")


def test_rotation_in_three_steps_with_both_keys_live(folder: Path) -> None:
    first = Vault.load(folder, production=False)
    old_key = first.new_subject_key(OP, SUBJECT)
    blob = old_key.seal("t", ROW, {"a": 1})
    old_index = first.index(OP, IndexKind.MSISDN, "+4915112345678")
    for name in (KeysetName.KEK, KeysetName.INDEX):
        added = rotate(folder, name, Step.ADD, production=False)
        assert added.primary == min(added.enabled)
    both = Vault.load(folder, production=False)
    assert both.kek_id == first.kek_id
    assert both.index(OP, IndexKind.MSISDN, "+4915112345678") == old_index
    assert len(both.index_all(OP, IndexKind.MSISDN, "+4915112345678")) == 2
    for name in (KeysetName.KEK, KeysetName.INDEX):
        promoted = rotate(folder, name, Step.PROMOTE, production=False)
        assert promoted.primary == max(promoted.enabled)
    promoted_vault = Vault.load(folder, production=False)
    new_index = promoted_vault.index(OP, IndexKind.MSISDN, "+4915112345678")
    assert new_index != old_index
    assert set(promoted_vault.index_all(OP, IndexKind.MSISDN, "+4915112345678")) == {new_index, old_index}
    # A process that has the new key but has not seen the promotion opens what the promoted one wrote.
    fresh = promoted_vault.new_subject_key(OP, SUBJECT)
    assert fresh.kek_id == promoted_vault.kek_id != first.kek_id
    both.subject_key(OP, SUBJECT, fresh.kek_id, fresh.wrapped)
    kek_id, wrapped = promoted_vault.rewrap(OP, SUBJECT, old_key.wrapped)
    with pytest.raises(KeysetRefused, match="rows still have"):
        rotate(folder, KeysetName.KEK, Step.RETIRE, production=False, in_use=[old_key.kek_id])
    retired = rotate(folder, KeysetName.KEK, Step.RETIRE, production=False, in_use=[kek_id])
    assert retired.retired == (old_key.kek_id,)
    last = Vault.load(folder, production=False)
    assert last.subject_key(OP, SUBJECT, kek_id, wrapped).open("t", ROW, blob) == {"a": 1}
    with pytest.raises(SealBroken):
        last.subject_key(OP, SUBJECT, old_key.kek_id, old_key.wrapped)


def test_processes_one_step_apart_share_a_lock(folder: Path) -> None:
    vaults = [Vault.load(folder, production=False)]
    for step in Step:
        rotate(folder, KeysetName.INDEX, step, production=False)
        vaults.append(Vault.load(folder, production=False))
    locks = [set(vault.locks(OP, IndexKind.DOCUMENT, "NLD|P|1")) for vault in vaults]
    assert all(one & other for one, other in itertools.pairwise(locks))


def test_steps_out_of_order_are_refused(folder: Path) -> None:
    for step in (Step.PROMOTE, Step.RETIRE):
        with pytest.raises(KeysetRefused):
            rotate(folder, KeysetName.KEK, step, production=False)
    rotate(folder, KeysetName.KEK, Step.ADD, production=False)
    for step in (Step.ADD, Step.RETIRE):
        with pytest.raises(KeysetRefused):
            rotate(folder, KeysetName.KEK, step, production=False)


def test_heads_signed_by_a_retired_key_still_verify(folder: Path) -> None:
    old = Signer.load(folder, production=False).sign(b"head")
    for step in Step:
        rotate(folder, KeysetName.AUDIT, step, production=False)
    new = Signer.load(folder, production=False).sign(b"head")
    verifier = Verifier.load(folder)
    assert verifier.verifies(old, b"head")
    assert verifier.verifies(new, b"head")
    assert not verifier.verifies(new, b"tail")
    assert not verifier.verifies(b"", b"head")
    assert len(key_ids(load_keyset(folder, KeysetName.AUDIT, production=False))) == 1
    assert b"private" not in (folder / "audit.public.json").read_bytes().lower()


def test_the_vault_needs_no_audit_key_and_shows_none(folder: Path) -> None:
    keyset_path(folder, KeysetName.AUDIT).unlink()
    vault = Vault.load(folder, production=False)
    assert "kek=" in repr(vault)
    assert repr(vault.new_subject_key(OP, SUBJECT)) == f"SubjectKey(kek_id={vault.kek_id})"
