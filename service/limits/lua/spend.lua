-- Purpose: one decision over N budgets by themselves (law.lua stands above this text).
-- KEYS:    the budgets, in the order of the buckets.
-- ARGV:    1 now_us (0: the server's clock); 2 mode: spend | peek | refund | succeed; 3 the instant of the charge to
--          give back (refund alone); 4 the buckets, JSON.
-- Returns: {outcome, bucket, instant_us, {full shadows}, {full pressures}, now_us}; a refund and a success
--          return {1, 0, 0, {}, {}, now_us}.
-- TTL:     set by the law: as long as a state can deny anything.

local now = Law.now(ARGV[1])
local buckets = Law.open(KEYS, ARGV[4])
local answer = { 1, 0, 0, {}, {} }
if ARGV[2] == "refund" then
  Law.refund(buckets, tonumber(ARGV[3]))
elseif ARGV[2] == "succeed" then
  Law.succeed(buckets, now)
elseif ARGV[2] == "peek" then
  answer = Law.judge(buckets, now)
else
  answer = Law.spend(buckets, now)
end
answer[6] = now
return answer
