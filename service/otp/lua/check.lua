-- Purpose: judge the budgets, compare, charge, burn, and leave a proof; one step, so one of many right answers wins.
-- KEYS:    1..n the home under each enabled key, primary first; then the stream of the history; then the record of
--          an Idempotency-Key, if there is one. The budgets are named in ARGV: half of them by what the home alone knows. All carry the tag {otp}, so
--          they are on the home's shard.
-- ARGV:    1 now_us (0: the server's clock); 2 n; 3 the buckets, JSON; 4 for each bucket {name, when}, JSON: "?x" in
--          a name stands for the home's hash x; when: always | wrong | first (the first wrong answer to a challenge) |
--          right (told of success, not judged);
--          5 digests, JSON: {target: ["key id:hex" …]}; 6 challenge, or "" for the newest; 7 the dealer that asks, or
--          ""; 8 claim, µs: how long the winner may take to record its proof before a retry may; "" where nothing is
--          recorded elsewhere; 9 the entry of the history, JSON, or ""; 10 fingerprint, 11 holder, 12 lease (µs),
--          13 life of the record (ms): "" where there is no Idempotency-Key.
-- Returns: {word, a, b, now_us[, tries, challenge]}
--            verified  target, verified_us       rejected  comparisons left, 0
--            expired   1 if compared, 0          exhausted 0, 0
--            absent    0, 0                      limited   bucket, instant_us
--            reused | busy | kept, status, body | again, what it returned: of the Idempotency-Key
-- TTL:     a proof keeps the home until its subject ends.
--
-- A used challenge is compared again only while its proof waits unrecorded and unclaimed: so the right code,
-- given again after a lost answer, is adopted, and no other code ever is.

local now = Law.now(ARGV[1])
local count = tonumber(ARGV[2])
local record = ARGV[10] ~= "" and KEYS[count + 2] or nil
if record then
  local said = begin(record, ARGV[10], ARGV[11], now, tonumber(ARGV[12]), ARGV[13])
  if said then
    return said
  end
end

local home = home_of(count)

local function answered(found)
  tell(KEYS[count + 1], ARGV[9], { found[1], found[2], string.format("%.0f", found[3]), string.format("%.0f", now), found[6] })
  if record then
    -- What is absent is judged by the history, whose answer is kept instead.
    if found[1] == "limited" or found[1] == "absent" then
      redis.call("DEL", record)
    else
      found[3] = string.format("%.0f", found[3])
      found[4] = string.format("%.0f", found[4])
      redis.call("HSET", record, "r", cjson.encode(found), "d", "1")
    end
  end
  return found
end

local newest = redis.call("HGET", home, "newest")
local dealer = redis.call("HGET", home, "dealer")
if not newest or (ARGV[7] ~= "" and dealer ~= ARGV[7]) then
  return answered({ "absent", 0, 0, now })
end
local to = newest
if ARGV[6] ~= "" then
  to = target_of(home, ARGV[6])
end
if not to then
  return answered({ "expired", 0, 0, now })
end

local function field(name)
  return redis.call("HGET", home, to .. "." .. name)
end

local state, challenge = field("state"), field("id")
local used = state == "used"
local left = tonumber(field("left"))
if used then
  local waits = ARGV[8] ~= "" and left > 0 and field("proof.id") == challenge and tonumber(field("proof.claim")) <= now
  if not waits then
    return answered({ "expired", 0, 0, now, 0, challenge })
  end
elseif state ~= "live" then
  return answered({ "expired", 0, 0, now, 0, challenge })
elseif left <= 0 then
  return answered({ "exhausted", 0, 0, now, 0, challenge })
elseif tonumber(field("expires")) <= now then
  return answered({ "expired", 0, 0, now, 0, challenge })
end

local names, whens = {}, {}
for i, pair in ipairs(cjson.decode(ARGV[4])) do
  local known = true
  names[i] = string.gsub(pair[1], "%?(%a)", function(dimension)
    local hash = field(dimension)
    known = known and hash
    return hash or ""
  end)
  names[i] = known and names[i] or false
  whens[i] = pair[2]
end
local judged, groups = {}, { always = {}, wrong = {}, first = {}, right = {} }
for _, b in ipairs(Law.open(names, ARGV[3])) do
  local group = groups[whens[b.at]]
  group[#group + 1] = b
  if whens[b.at] ~= "right" then
    judged[#judged + 1] = b
  end
end
local found = Law.judge(judged, now)
if found[1] == 0 then
  Law.charge(judged, 0, now)
  return answered({ "limited", found[2], found[3], now, 0, challenge })
end

local right, superseded, kept = false, false, field("digest")
for _, given in ipairs(cjson.decode(ARGV[5])[to] or {}) do
  right = same(kept, given) or right
  superseded = same(field("old1"), given) or same(field("old2"), given) or superseded
end
Law.charge(groups.always, 1, now)
if not right then
  redis.call("HINCRBY", home, to .. ".left", -1)
  Law.charge(groups.wrong, 1, now)
  if left == tonumber(field("of")) then
    Law.charge(groups.first, 1, now)
  end
  if used or superseded then
    return answered({ "expired", 1, 0, now, 0, challenge })
  end
  return answered({ "rejected", left - 1, 0, now, 0, challenge })
end

Law.succeed(groups.wrong, now)
if used then
  redis.call("HSET", home, to .. ".proof.claim", string.format("%.0f", now + tonumber(ARGV[8])))
  return answered({ "verified", to, tonumber(field("proof.at")), now, tonumber(field("proof.tries")), challenge })
end
-- Nothing was sent to a test number, so its right answer is no conversion.
if not field("test") then
  Law.succeed(groups.right, now)
end
local tries = tonumber(field("of")) - left + 1
redis.call("HSET", home, to .. ".state", "used", to .. ".verified", string.format("%.0f", now))
if ARGV[8] ~= "" then
  redis.call(
    "HSET", home,
    to .. ".proof.id", challenge,
    to .. ".proof.at", string.format("%.0f", now),
    to .. ".proof.tries", string.format("%.0f", tries),
    to .. ".proof.claim", string.format("%.0f", now + tonumber(ARGV[8]))
  )
  keep(home, tonumber(field("until")) - now)
end
return answered({ "verified", to, now, now, tries, challenge })
