-- Purpose: charge the budgets of a send and put a new challenge in the place of the old one, or do nothing.
-- KEYS:    1..n the home under each enabled key, primary first; then the budgets.
-- ARGV:    1 now_us (0: the server's clock); 2 n; 3 target; 4 challenge; 5 digest "key id:hex"; 6 purpose;
--          7 keyed hash of the number; 8 life of the code, µs; 9 comparisons; 10 life of its tombstone, µs;
--          11 end of the registration, µs; 12 number of buckets; then the buckets.
-- Returns: {outcome, bucket, instant_us, now_us, expires_us}; 0 denied (nothing written), 1 issued,
--          2 issued, and the message is to be held back.
-- TTL:     the code's life and its tombstone's, so that a dead code is still told from none.

local now = Law.now(ARGV[1])
local count = tonumber(ARGV[2])
local answer = Law.spend(Law.read(count + 1, 12), now)
answer[4], answer[5] = now, 0
if answer[1] == 0 then
  return answer
end

local home, to = home_of(count), ARGV[3]
local life = tonumber(ARGV[8])
answer[5] = now + life
redis.call(
  "HSET", home, "newest", to,
  to .. ".id", ARGV[4],
  to .. ".state", "live",
  to .. ".digest", ARGV[5],
  to .. ".purpose", ARGV[6],
  to .. ".number", ARGV[7],
  to .. ".left", ARGV[9],
  to .. ".of", ARGV[9],
  to .. ".expires", string.format("%.0f", now + life),
  to .. ".again", string.format("%.0f", answer[3]),
  to .. ".until", ARGV[11]
)
keep(home, life + tonumber(ARGV[10]))
return answer
