"""The only way to what operators share of an outlet: its worst band, never whose nor how many (``security.md`` 1.5)."""

from service.audit.ddl import APP, READ, SEALER

TABLE = "outlet_band"

_PINNED = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

# What a shop says of itself replaces what it said before, also under an older key.
_SAY = f"""
CREATE FUNCTION outlet_band_say(fresh bytea, refs bytea[], said text, moment timestamptz)
RETURNS void LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  DELETE FROM public.outlet_band b WHERE b.dealer_ref = ANY(refs) AND (b.idx, b.dealer_ref) <> (fresh, refs[1]);
  INSERT INTO public.outlet_band (idx, dealer_ref, band, at) VALUES (fresh, refs[1], said, moment)
    ON CONFLICT (idx, dealer_ref) DO UPDATE SET band = said, at = moment;
END $$
"""

_WORST = f"""
CREATE FUNCTION outlet_band_worst(idxs bytea[], since timestamptz)
RETURNS text LANGUAGE sql STABLE {_PINNED} AS $$
  SELECT b.band FROM public.outlet_band b WHERE b.idx = ANY(idxs) AND b.at > since
    ORDER BY array_position(ARRAY['high', 'watch', 'low'], b.band::text) LIMIT 1
$$
"""

_PURGE = f"""
CREATE FUNCTION outlet_band_purge(since timestamptz)
RETURNS void LANGUAGE plpgsql {_PINNED} AS $$
BEGIN
  DELETE FROM public.outlet_band b WHERE b.at <= since;
END $$
"""

FUNCTIONS = ("outlet_band_say", "outlet_band_worst", "outlet_band_purge")

STATEMENTS: tuple[str, ...] = (
    f"REVOKE ALL ON {TABLE} FROM PUBLIC, {APP}, {SEALER}, {READ}",
    *(_SAY, _WORST, _PURGE),
    *(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC, {APP}, {SEALER}, {READ}" for name in FUNCTIONS),
    *(f"GRANT EXECUTE ON FUNCTION {name} TO {APP}" for name in FUNCTIONS),
)
