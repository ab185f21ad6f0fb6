-- Purpose: keep a refusal that was found before any other script, under its Idempotency-Key.
-- KEYS:    1 the record.
-- ARGV:    1 now_us (0: the server's clock); 2 fingerprint; 3 holder; 4 lease (µs); 5 life of the record (ms);
--          6 status; 7 sealed body.
-- Returns: {"new"}, or what `begin` says of an earlier request.
-- TTL:     ARGV[5].

local said = begin(KEYS[1], ARGV[2], ARGV[3], Law.now(ARGV[1]), tonumber(ARGV[4]), ARGV[5])
if said then
  return said
end
redis.call("HSET", KEYS[1], "s", ARGV[6], "a", ARGV[7])
return { "new" }
