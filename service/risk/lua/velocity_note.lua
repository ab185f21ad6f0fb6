-- Purpose: a registration is counted at the places that it came from, once however often it is told.
-- KEYS:    the places' sets.
-- ARGV:    1 instant of the registration, µs; 2 its name; 3 how far back is asked, µs; 4 most members of a set;
--          5 life, ms.
-- Returns: how many sets did not have it yet.
-- TTL:     past the longest window, from the last registration there.

local added = 0
for _, key in ipairs(KEYS) do
  added = added + redis.call("ZADD", key, ARGV[1], ARGV[2])
  redis.call("ZREMRANGEBYSCORE", key, "-inf", string.format("(%.0f", tonumber(ARGV[1]) - tonumber(ARGV[3])))
  redis.call("ZREMRANGEBYRANK", key, 0, -1 - tonumber(ARGV[4]))
  redis.call("PEXPIRE", key, ARGV[5])
end
return added
