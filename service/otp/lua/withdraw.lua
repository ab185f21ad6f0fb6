-- Purpose: no sender took the message: the challenge dies, and the budgets may be given back.
-- KEYS:    1..n the home under each enabled key, primary first; then the budgets to give back (none: the
--          charge stands).
-- ARGV:    1 n; 2 challenge; 3 the instant that was charged, µs; 4 number of buckets; then the buckets.
-- Returns: 1 if the challenge was still live, else 0.
-- TTL:     unchanged.

local count = tonumber(ARGV[1])
Law.refund(Law.read(count + 1, 4), tonumber(ARGV[3]))
local home = home_of(count)
local to = target_of(home, ARGV[2])
if not to or redis.call("HGET", home, to .. ".state") ~= "live" then
  return 0
end
redis.call("HSET", home, to .. ".state", "withdrawn")
redis.call("HDEL", home, to .. ".digest")
return 1
