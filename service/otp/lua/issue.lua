-- Purpose: charge the budgets of a send and put a new challenge in the place of the old one, or do nothing.
-- KEYS:    1..n the home under each enabled key, primary first; then the stream of the history; then the record of
--          an Idempotency-Key, if there is one; then the budgets.
-- ARGV:    1 now_us (0: the server's clock); 2 n; 3 the buckets, JSON; 4 the challenge, JSON:
--            to, id, digest, left, channel, dealer, sealed {…}, dims {…}, life, tombstone, until (µs; where a right
--            answer is recorded elsewhere)
--          5 the entry of the history, JSON, or ""; 6 fingerprint, 7 holder, 8 lease (µs), 9 life of the record (ms):
--          "" where there is no Idempotency-Key; 10 "1" where a purse that is short is filled and asked once more: the
--          history hears of what came of that.
-- Returns: {word, outcome, bucket, instant_us, shadows, pressures, now_us, expires_us, left}
--            issued    the outcome is 1, or 2: the message is to be held back
--            denied    by the outcome; nothing is written but what measures pressure
--            sms-first a call before any message
--            reused | busy | kept, status, body | again, what "issued" returned: of the Idempotency-Key
-- TTL:     the code's life and its tombstone's, so that a dead code is still told from none.

local now = Law.now(ARGV[1])
local count = tonumber(ARGV[2])
local record = ARGV[6] ~= "" and KEYS[count + 2] or nil
if record then
  local said = begin(record, ARGV[6], ARGV[7], now, tonumber(ARGV[8]), ARGV[9])
  if said then
    return said
  end
end

local new = cjson.decode(ARGV[4])
local home, to = home_of(count), new.to
if new.channel == "voice" and redis.call("HGET", home, to .. ".sms") ~= "1" then
  if record then
    redis.call("DEL", record)
  end
  return { "sms-first" }
end

local answer = Law.spend(Law.open(Law.keys(count + (record and 3 or 2)), ARGV[3]), now)
if answer[1] ~= 3 or ARGV[10] == "" then
  tell(KEYS[count + 1], ARGV[5], { answer[1], answer[2], answer[4], answer[5], string.format("%.0f", now) })
end
if answer[1] ~= 1 and answer[1] ~= 2 then
  if record then
    redis.call("DEL", record)
  end
  return { "denied", answer[1], answer[2], answer[3], answer[4], answer[5], now }
end

local before = redis.call("HMGET", home, to .. ".digest", to .. ".old1")
local fields = {
  "newest", to,
  to .. ".id", new.id,
  to .. ".state", "live",
  to .. ".digest", new.digest,
  to .. ".left", new.left,
  to .. ".of", new.left,
  to .. ".expires", string.format("%.0f", now + new.life),
  to .. ".again", string.format("%.0f", answer[3]),
  to .. ".channel", new.channel,
}
local function add(name, value)
  if value then
    fields[#fields + 1], fields[#fields + 2] = name, value
  end
end
add("dealer", new.dealer)
add(to .. ".until", new["until"] and string.format("%.0f", new["until"]))
add(to .. ".old1", before[1])
add(to .. ".old2", before[1] and before[2])
add(to .. ".sms", new.channel == "sms" and "1")
for name, hash in pairs(new.dims) do
  add(to .. "." .. name, hash)
end
for name, part in pairs(new.sealed) do
  add(to .. "." .. name, part)
end
redis.call("HSET", home, unpack(fields))
keep(home, new.life + new.tombstone)

local found = {
  answer[1], answer[2], string.format("%.0f", answer[3]), answer[4], answer[5], string.format("%.0f", now),
  string.format("%.0f", now + new.life), new.left,
}
if record then
  redis.call("HSET", record, "r", cjson.encode({ new.subject, found[1], found[3], found[7], new.left }))
end
return { "issued", unpack(found) }
