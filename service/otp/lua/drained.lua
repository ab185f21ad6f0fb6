-- Purpose: entries of the history stand in PostgreSQL: forget them, and the stream when nothing is left of it.
-- KEYS:    1 the stream.
-- ARGV:    ids.
-- Returns: how many are left.
-- TTL:     none.

redis.call("XDEL", KEYS[1], unpack(ARGV))
local left = redis.call("XLEN", KEYS[1])
if left == 0 then
  redis.call("DEL", KEYS[1])
end
return left
