-- Purpose: one decision over N budgets by themselves (law.lua stands above this text).
-- KEYS:    the budgets, in the order of the buckets.
-- ARGV:    1 now_us (0: the server's clock); 2 mode: spend | peek | refund; 3 the instant of the charge to
--          give back (refund alone); 4 number of buckets; then the buckets.
-- Returns: {outcome, bucket, instant_us, now_us}; a refund returns {1, 0, 0, now_us}.
-- TTL:     set by the law: as long as a state can deny anything.

local now = Law.now(ARGV[1])
local buckets = Law.read(1, 4)

if ARGV[2] == "refund" then
  Law.refund(buckets, tonumber(ARGV[3]))
  return { 1, 0, 0, now }
end

if ARGV[2] == "peek" then
  local strictest, retry, muted = Law.judge(buckets, now)
  if strictest > 0 then
    return { 0, strictest, retry, now }
  end
  return { muted > 0 and 2 or 1, muted, now, now }
end

local answer = Law.spend(buckets, now)
answer[4] = now
return answer
