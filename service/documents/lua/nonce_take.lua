-- Purpose: take the open challenge of a registration: whoever takes it is the only one who does.
-- KEYS:    1 the registration's challenge.
-- ARGV:    none.
-- Returns: the challenge, or false where none is open.
-- TTL:     it is gone.

local found = redis.call("GET", KEYS[1])
redis.call("DEL", KEYS[1])
return found
