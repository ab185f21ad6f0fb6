"""The only way to what operators share: functions that run with the owner's rights (``security.md`` 1.5).

No role of the service has a right on the tables. ``shared_holding_exceeds`` answers with one truth over a
threshold of three lines at least, never with a count, writes down who asked, and gives no answer (null) to
one who asked about more identities that day than the budget allows. Instants are given by the caller: the
database's clock decides nothing.
"""

from service.audit.ddl import APP, READ, SEALER

TABLES = ("shared_holding", "shared_ask")

LEAST = 3
"""No threshold below it is asked: one line at another operator must not be told from none."""

_PINNED = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

_ADD = f"""
CREATE FUNCTION shared_holding_add(kinds text[], idxs bytea[], line bytea)
RETURNS void LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  INSERT INTO public.shared_holding (idx, line_ref, kind, until)
    SELECT w.idx, line, w.kind, 'infinity' FROM unnest(kinds, idxs) AS w (kind, idx)
    ON CONFLICT DO NOTHING;
END $$
"""

# Without ``last`` the line's rows go; with it they count until then.
_REMOVE = f"""
CREATE FUNCTION shared_holding_remove(lines bytea[], last timestamptz)
RETURNS void LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  IF last IS NULL THEN
    DELETE FROM public.shared_holding h WHERE h.line_ref = ANY(lines);
  ELSE
    UPDATE public.shared_holding h SET until = last WHERE h.line_ref = ANY(lines) AND h.until = 'infinity';
  END IF;
END $$
"""

_EXCEEDS = f"""
CREATE FUNCTION shared_holding_exceeds(kinds text[], idxs bytea[], most integer, moment timestamptz,
  askers bytea[], askeds bytea[], budgets integer[])
RETURNS boolean LANGUAGE plpgsql {_PINNED} AS $$
DECLARE
  today date := (moment AT TIME ZONE 'UTC')::date;
BEGIN
  IF most IS NULL OR most < {LEAST} OR NOT kinds <@ ARRAY['document', 'person', 'msisdn', 'licence']
     OR cardinality(askers) = 0 OR array_position(askers, NULL) IS NOT NULL
     OR cardinality(askeds) <> cardinality(askers) OR cardinality(budgets) <> cardinality(askers)
     OR array_position(budgets, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'this is not answered' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- All budgets or none: who gets no answer has spent nothing.
  FOR i IN 1 .. cardinality(askers) LOOP
    CONTINUE WHEN EXISTS (SELECT FROM public.shared_ask a
      WHERE a.asker = askers[i] AND a.day = today AND a.asked = askeds[i]);
    IF (SELECT count(*) FROM (SELECT FROM public.shared_ask a WHERE a.asker = askers[i] AND a.day = today
        LIMIT budgets[i]) AS found) >= budgets[i] THEN
      RETURN NULL;
    END IF;
  END LOOP;
  INSERT INTO public.shared_ask (asker, day, asked)
    SELECT w.asker, today, w.asked FROM unnest(askers, askeds) AS w (asker, asked)
    ON CONFLICT DO NOTHING;
  RETURN EXISTS (SELECT FROM unnest(kinds, idxs) AS w (kind, idx)
    JOIN public.shared_holding h ON h.idx = w.idx AND h.kind = w.kind AND h.until > moment
    GROUP BY w.kind HAVING count(DISTINCT h.line_ref) >= most);
END $$
"""

# A rotation: the same line's row under another key. ``until`` stays what it is.
_MOVE = f"""
CREATE FUNCTION shared_holding_move(old_idxs bytea[], fresh_idx bytea, old_lines bytea[], fresh_line bytea)
RETURNS integer LANGUAGE plpgsql {_PINNED} AS $$
DECLARE
  moved integer;
BEGIN
  UPDATE public.shared_holding h SET idx = fresh_idx, line_ref = fresh_line
    WHERE h.idx = ANY(old_idxs) AND h.line_ref = ANY(old_lines)
      AND (h.idx, h.line_ref) <> (fresh_idx, fresh_line);
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END $$
"""

_KEYS = f"""
CREATE FUNCTION shared_holding_keys()
RETURNS SETOF bytea LANGUAGE sql {_PINNED} AS $$
  SELECT substr(h.idx, 1, 4) FROM public.shared_holding h
  UNION SELECT substr(h.line_ref, 1, 4) FROM public.shared_holding h
$$
"""

_PURGE = f"""
CREATE FUNCTION shared_holding_purge(moment timestamptz)
RETURNS void LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  DELETE FROM public.shared_holding h WHERE h.until <= moment;
  DELETE FROM public.shared_ask a WHERE a.day < (moment AT TIME ZONE 'UTC')::date;
END $$
"""

FUNCTIONS = (
    "shared_holding_add",
    "shared_holding_remove",
    "shared_holding_exceeds",
    "shared_holding_move",
    "shared_holding_keys",
    "shared_holding_purge",
)

STATEMENTS: tuple[str, ...] = (
    *(f"REVOKE ALL ON {table} FROM PUBLIC, {APP}, {SEALER}, {READ}" for table in TABLES),
    *(_ADD, _REMOVE, _EXCEEDS, _MOVE, _KEYS, _PURGE),
    *(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC, {APP}, {SEALER}, {READ}" for name in FUNCTIONS),
    *(f"GRANT EXECUTE ON FUNCTION {name} TO {APP}" for name in FUNCTIONS),
)
