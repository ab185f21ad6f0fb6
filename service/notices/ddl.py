"""The only way to what notices share over operators: functions that run with the owner's rights.

How often somebody was told is asked and taken in one step, under a lock of that identity, and answered with one truth.
"""

from service.audit.ddl import APP, READ, SEALER

TABLES = ("notice_taken", "notice_spent")

_PINNED = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

# ``idxs``: what the identity is known by, under every enabled key; ``fresh``: the same under the primary ones. Asked
# twice about the same line it is true twice: a job that died is done again.
_TAKE = f"""
CREATE FUNCTION notice_take(idxs bytea[], fresh bytea[], subject bytea, moment timestamptz, day integer,
  month integer)
RETURNS boolean LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('notice' || encode(fresh[1], 'hex'), 0));
  IF EXISTS (SELECT FROM public.notice_taken t WHERE t.idx = ANY(idxs) AND t.about = subject) THEN
    RETURN true;
  END IF;
  IF (SELECT count(DISTINCT t.about) FROM public.notice_taken t WHERE t.idx = ANY(idxs)
        AND t.at > moment - interval '1 day') >= day
     OR (SELECT count(DISTINCT t.about) FROM public.notice_taken t WHERE t.idx = ANY(idxs)
        AND t.at > moment - interval '30 days') >= month THEN
    RETURN false;
  END IF;
  INSERT INTO public.notice_taken (idx, about, at) SELECT f, subject, moment FROM unnest(fresh) AS f
    ON CONFLICT DO NOTHING;
  RETURN true;
END $$
"""

# Whether this is the first use.
_SPEND = f"""
CREATE FUNCTION notice_spend(used bytea, last timestamptz)
RETURNS boolean LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  INSERT INTO public.notice_spent (token, until) VALUES (used, last) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$
"""

_IS_SPENT = f"""
CREATE FUNCTION notice_is_spent(used bytea)
RETURNS boolean LANGUAGE sql STABLE {_PINNED} AS $$
  SELECT EXISTS (SELECT FROM public.notice_spent s WHERE s.token = used)
$$
"""

_PURGE = f"""
CREATE FUNCTION notice_purge(moment timestamptz)
RETURNS void LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  DELETE FROM public.notice_taken t WHERE t.at <= moment - interval '30 days';
  DELETE FROM public.notice_spent s WHERE s.until <= moment - interval '1 day';
END $$
"""

FUNCTIONS = ("notice_take", "notice_spend", "notice_is_spent", "notice_purge")

STATEMENTS: tuple[str, ...] = (
    *(f"REVOKE ALL ON {table} FROM PUBLIC, {APP}, {SEALER}, {READ}" for table in TABLES),
    *(_TAKE, _SPEND, _IS_SPENT, _PURGE),
    *(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC, {APP}, {SEALER}, {READ}" for name in FUNCTIONS),
    *(f"GRANT EXECUTE ON FUNCTION {name} TO {APP}" for name in FUNCTIONS),
)
