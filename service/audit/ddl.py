"""Rights and triggers that make the audit insert-only, in the order in which a migration runs them as owner.

Three walls: the service's roles have no right to change or empty these tables nor any right on a partition;
row triggers refuse UPDATE and DELETE and statement triggers TRUNCATE, for the owner too; and ``verify`` finds
what a superuser did in spite of both. Run after the tables and their first partitions are there.
"""

OWNER, APP, SEALER, READ = "simward_owner", "simward_app", "simward_sealer", "simward_read"

INSERT_ONLY = ("audit_entry", "audit_note", "audit_seal", "audit_head", "installation", "erasure")

_FUNCTION = """
CREATE FUNCTION simward_insert_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'this table is insert-only' USING ERRCODE = 'insufficient_privilege';
END $$
"""

# A partition has rights and TRUNCATE triggers of its own; row triggers come to it from its parent.
_PARTITIONS = f"""
DO $$
DECLARE part regclass;
BEGIN
  FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass LOOP
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, {APP}, {SEALER}, {READ}', part);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION simward_insert_only()', part);
  END LOOP;
END $$
"""

_ENTRY_COLUMNS = "operator_id, id, at, actor_kind, actor_id, action, object, reason, body, entry"

STATEMENTS: tuple[str, ...] = (
    _FUNCTION,
    *(
        f"CREATE TRIGGER insert_only BEFORE {'DELETE' if table == 'audit_note' else 'UPDATE OR DELETE'}"
        f" ON {table} FOR EACH ROW EXECUTE FUNCTION simward_insert_only()"
        for table in INSERT_ONLY
    ),
    *(
        f"CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        " EXECUTE FUNCTION simward_insert_only()"
        for table in INSERT_ONLY
    ),
    *(f"REVOKE ALL ON {table} FROM PUBLIC, {APP}, {SEALER}, {READ}" for table in INSERT_ONLY),
    _PARTITIONS,
    *(f"GRANT SELECT ON {table} TO {APP}, {SEALER}, {READ}" for table in INSERT_ONLY),
    # By column: nobody but PostgreSQL itself says in which transaction an entry was written.
    f"GRANT INSERT ({_ENTRY_COLUMNS}) ON audit_entry TO {APP}, {SEALER}",
    f"GRANT INSERT ON audit_note, erasure TO {APP}",
    # A rotation of the key-encryption key seals notes again; note_commit in the entry says what they were.
    f"GRANT UPDATE (sealed, kek_id) ON audit_note TO {APP}",
    f"GRANT INSERT ON audit_seal, audit_head, installation TO {SEALER}",
)
