-- Purpose: no sender took the message: the challenge dies, and the budgets may be given back; or one did, and what was
--          answered under an Idempotency-Key may be told again.
-- KEYS:    1..n the home under each enabled key, primary first; then the record of an Idempotency-Key, if there is
--          one; then the budgets to give back (none: the charge stands).
-- ARGV:    1 n; 2 challenge; 3 the instant that was charged, µs; 4 the buckets, JSON; 5 the record's holder, or "";
--          6 withdraw | accept.
-- Returns: 1 if the challenge was still live, else 0.
-- TTL:     unchanged.

local count = tonumber(ARGV[1])
local record = ARGV[5] ~= "" and KEYS[count + 1] or nil
local mine = record and redis.call("HGET", record, "h") == ARGV[5]
if ARGV[6] == "accept" then
  if mine then
    redis.call("HSET", record, "d", "1")
  end
  return 1
end
if mine then
  redis.call("DEL", record)
end
Law.refund(Law.open(Law.keys(count + (record and 2 or 1)), ARGV[4]), tonumber(ARGV[3]))
local home = home_of(count)
local to = target_of(home, ARGV[2])
if not to or redis.call("HGET", home, to .. ".state") ~= "live" then
  return 0
end
redis.call("HSET", home, to .. ".state", "withdrawn")
redis.call("HDEL", home, to .. ".digest")
return 1
