-- Purpose: add a slice of the day's money to a purse.
-- KEYS:    1 the purse.
-- ARGV:    1 micro-units; 2 life, ms.
-- Returns: micro-units in it now.
-- TTL:     past the end of its day, when nobody spends from it any more.

local left = redis.call("INCRBY", KEYS[1], ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return left
