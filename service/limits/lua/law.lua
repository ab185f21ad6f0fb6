-- The law of limits, as service/limits/rules.py has it. Not a script by itself: spend.lua, and the otp
-- scripts that charge budgets in the same step as they issue or check a code, are appended to this text.
--
-- A bucket in ARGV: kind ("window" | "schedule"), share ("own" | "shared"), number of parameters, parameters.
--   window    count, period_us          state: LIST of instants, newest first, at most `count`
--   schedule  quiet_us, wait_us …       state: STRING "count|last_us|before_us"
-- Instants are whole microseconds: they fit a double, and are written with %.0f because tostring() would
-- round them. A key lives until its state can deny nothing any more; the law judges by instants, never by
-- whether a key is still there, so a late expiry changes nothing.

local Law = {}

local function whole(number)
  return string.format("%.0f", number)
end

-- The instant to judge by: the one that a turned clock passes, or the server's own where it is 0.
function Law.now(given)
  local now = tonumber(given)
  if now > 0 then
    return now
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Buckets from ARGV[at] (their number first), their keys from KEYS[first] on.
function Law.read(first, at)
  local buckets = {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for i = 1, count do
    local bucket = { key = KEYS[first + i - 1], kind = ARGV[at], share = ARGV[at + 1], p = {} }
    local size = tonumber(ARGV[at + 2])
    for j = 1, size do
      bucket.p[j] = tonumber(ARGV[at + 2 + j])
    end
    at = at + 3 + size
    buckets[i] = bucket
  end
  return buckets
end

local kinds = { window = {}, schedule = {} }

function kinds.window.load(b)
  local count = b.p[1]
  b.length = redis.call("LLEN", b.key)
  b.newest = 0
  b.nth = 0
  if b.length > 0 then
    b.newest = tonumber(redis.call("LINDEX", b.key, 0))
  end
  if b.length >= count then
    -- From the tail, where it is near: a list is walked from the end that is named.
    b.nth = tonumber(redis.call("LINDEX", b.key, count - 1 - b.length))
  end
end

function kinds.window.judge(b, now)
  if b.length < b.p[1] then
    return 0
  end
  local free = b.nth + b.p[2]
  if math.max(now, b.newest) < free then
    return free
  end
  return 0
end

function kinds.window.charge(b, now)
  local at = math.max(now, b.newest)
  redis.call("LPUSH", b.key, whole(at))
  redis.call("LTRIM", b.key, 0, b.p[1] - 1)
  redis.call("PEXPIRE", b.key, whole(math.ceil((at + b.p[2] - now) / 1000)))
end

function kinds.window.refund(b, at)
  redis.call("LREM", b.key, 1, whole(at))
end

function kinds.schedule.load(b)
  b.count, b.last, b.before = 0, 0, 0
  local kept = redis.call("GET", b.key)
  if kept then
    local count, last, before = string.match(kept, "^(%d+)|(%d+)|(%d+)$")
    b.count, b.last, b.before = tonumber(count), tonumber(last), tonumber(before)
  end
end

function kinds.schedule.judge(b, now)
  local at = math.max(now, b.last)
  if b.count == 0 or at >= b.last + b.p[1] then
    return 0
  end
  local free = b.last + b.p[1 + math.min(b.count, #b.p - 1)]
  if at < free then
    return free
  end
  return 0
end

function kinds.schedule.charge(b, now)
  local at = math.max(now, b.last)
  local count, before = b.count + 1, b.last
  if b.count == 0 or at >= b.last + b.p[1] then
    count, before = 1, 0
  end
  local state = whole(count) .. "|" .. whole(at) .. "|" .. whole(before)
  redis.call("SET", b.key, state, "PX", whole(math.ceil((at + b.p[1] - now) / 1000)))
end

function kinds.schedule.refund(b, at)
  kinds.schedule.load(b)
  if b.last ~= at or b.count == 0 then
    return
  end
  if b.count == 1 then
    redis.call("DEL", b.key)
    return
  end
  local state = whole(b.count - 1) .. "|" .. whole(b.before) .. "|" .. whole(b.before)
  redis.call("SET", b.key, state, "KEEPTTL")
end

-- Judge all, charge nothing. Returns the strictest own bucket (0: none) and its instant, and the first full
-- shared one (0: none).
function Law.judge(buckets, now)
  local strictest, retry, muted = 0, 0, 0
  for i, b in ipairs(buckets) do
    local kind = kinds[b.kind]
    kind.load(b)
    local free = kind.judge(b, now)
    if free > 0 and b.share == "shared" then
      if muted == 0 then
        muted = i
      end
    elseif free > retry then
      strictest, retry = i, free
    end
  end
  return strictest, retry, muted
end

-- Charge all of the caller's own, and the shared ones unless one of them is full; or nothing at all.
-- Returns {outcome, bucket, instant}: 0 denied by own bucket until instant; 1 allowed, again from instant;
-- 2 suppressed by shared bucket, again from instant.
function Law.spend(buckets, now)
  local strictest, retry, muted = Law.judge(buckets, now)
  if strictest > 0 then
    return { 0, strictest, retry }
  end
  local again = now
  for _, b in ipairs(buckets) do
    local kind = kinds[b.kind]
    if b.share == "own" or muted == 0 then
      kind.charge(b, now)
      if b.share == "own" then
        kind.load(b)
        again = math.max(again, kind.judge(b, now))
      end
    end
  end
  if muted > 0 then
    return { 2, muted, again }
  end
  return { 1, 0, again }
end

function Law.refund(buckets, at)
  for _, b in ipairs(buckets) do
    kinds[b.kind].refund(b, at)
  end
end
