-- Purpose: charge, compare, burn, and leave a proof; one step, so one of many right answers wins.
-- KEYS:    1..n the home under each enabled key, primary first; then the budgets.
-- ARGV:    1 now_us (0: the server's clock); 2 n; 3 challenge; 4 "1" if it must be the newest of all;
--          5 claim, µs: how long the winner may take to record its proof before a retry may;
--          6 the first bucket that only a wrong answer is charged to (they come last);
--          7 d, number of digests; then d times "key id:hex"; then the number of buckets and the buckets.
-- Returns: {word, a, b, now_us[, tries]}
--            verified  target, verified_us       rejected  comparisons left, 0
--            expired   0, 0                      exhausted 0, 0
--            limited   bucket, instant_us
-- TTL:     a proof keeps the home until the registration ends.
--
-- A used challenge is compared again only while its proof waits unrecorded and unclaimed: so the right code,
-- given again after a lost answer, is adopted, and no other code ever is.

local now = Law.now(ARGV[1])
local count = tonumber(ARGV[2])
local home = home_of(count)
local to = target_of(home, ARGV[3])
if not to or (ARGV[4] == "1" and redis.call("HGET", home, "newest") ~= to) then
  return { "expired", 0, 0, now }
end

local function field(name)
  return redis.call("HGET", home, to .. "." .. name)
end

local state = field("state")
local used = state == "used"
local left = tonumber(field("left"))
if used then
  if left <= 0 or field("proof.id") ~= ARGV[3] or tonumber(field("proof.claim")) > now then
    return { "expired", 0, 0, now }
  end
elseif state ~= "live" then
  return { "expired", 0, 0, now }
elseif left <= 0 then
  return { "exhausted", 0, 0, now }
elseif tonumber(field("expires")) <= now then
  return { "expired", 0, 0, now }
end

local digests = tonumber(ARGV[7])
local buckets = Law.read(count + 1, 8 + digests)
local spent = Law.spend(buckets, now)
if spent[1] == 0 then
  return { "limited", spent[2], spent[3], now }
end
redis.call("HINCRBY", home, to .. ".left", -1)

local right, kept = false, field("digest")
for i = 1, digests do
  right = same(kept, ARGV[7 + i]) or right
end
if not right then
  if used then
    return { "expired", 0, 0, now }
  end
  return { "rejected", left - 1, 0, now }
end

redis.call("HINCRBY", home, to .. ".left", 1)
local mistakes = {}
for i = tonumber(ARGV[6]), #buckets do
  mistakes[#mistakes + 1] = buckets[i]
end
Law.refund(mistakes, now)
local claim = string.format("%.0f", now + tonumber(ARGV[5]))
if used then
  redis.call("HSET", home, to .. ".proof.claim", claim)
else
  redis.call(
    "HSET", home, to .. ".state", "used",
    to .. ".proof.id", ARGV[3],
    to .. ".proof.at", string.format("%.0f", now),
    to .. ".proof.tries", string.format("%.0f", tonumber(field("of")) - left + 1),
    to .. ".proof.claim", claim
  )
  keep(home, tonumber(field("until")) - now)
end
return { "verified", to, tonumber(field("proof.at")), now, tonumber(field("proof.tries")) }
