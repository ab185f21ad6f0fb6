-- The law of limits, as service/limits/rules has it. Not a script by itself: spend.lua, and the otp scripts that
-- charge budgets in the same step as they issue or check a code, are appended to this text.
--
-- A bucket is an array in JSON: {kind, share, stage, part, parameter …}.
--   kind      gcra      interval_us, burst          state: instant at which it would be empty
--             window    count, period_us            state: instants of the last charges, newest first, 8 bytes each
--             schedule  quiet_us, wait_us …         state: "count|last_us|before_us"
--             streak    count                       state: count; only a success resets it
--             unverified floor, per_cent, period_us state: "slot|sent|sent_before|ok|ok_before"
--             purse     price                       state: micro-units left of the slice; absent: there is none
--             block     -                           state: instant until which it holds
--   share     own: the caller's | shared: others charge it too, and it is never named to a caller | gate: asks for a
--             challenge | purse
--   stage     enforced | shadow (judged, charged as if it were enforced, binds nobody) | pressure (always charged)
--             | counted (charged as if it were enforced, full or not, binds nobody)
--
--   part      "" where the bucket has its key for itself; else its name among those of one limit, which share a key:
--             each key costs more than most states. The value is then "part=length:state", one behind another.
--
-- Every state is one string, so that all are read by one MGET. Instants are whole microseconds: they fit a double,
-- and are written with %.0f because tostring() would round them. A key lives until its state can deny nothing any
-- more; the law judges by instants, never by whether a key is still there, so a late expiry changes nothing.

local Law = {}

local FAR = 9007199254740991

local function whole(number)
  return string.format("%.0f", number)
end

-- Of a value that several buckets share: {part = state}, and the parts in their order.
local function split(raw)
  local parts, order, at = {}, {}, 1
  while raw and at <= #raw do
    local part, size, from = string.match(raw, "^([^=]*)=(%d+):()", at)
    at = from + tonumber(size)
    parts[part] = string.sub(raw, from, at - 1)
    order[#order + 1] = part
  end
  return parts, order
end

local function joined(cell)
  local text = {}
  for _, part in ipairs(cell.order) do
    local state = cell.parts[part]
    if state then
      text[#text + 1] = part .. "=" .. #state .. ":" .. state
    end
  end
  return table.concat(text)
end

-- Write a bucket's state: for `micros` (a key that is shared lives as long as any of its buckets needs), or as long as
-- it has left. Without a text it is forgotten.
local function write(b, text, micros)
  b.raw = text
  local value = text or ""
  if b.cell then
    if b.cell.parts[b[4]] == nil then
      b.cell.order[#b.cell.order + 1] = b[4]
    end
    b.cell.parts[b[4]] = text or false
    value = joined(b.cell)
  end
  if value == "" then
    redis.call("DEL", b.key)
  elseif micros then
    local life = math.max(1, math.ceil(micros / 1000))
    if b.cell then
      life = math.max(life, redis.call("PTTL", b.key))
    end
    redis.call("SET", b.key, value, "PX", whole(life))
  else
    redis.call("SET", b.key, value, "KEEPTTL")
  end
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

-- Each kind: judge(b, now) -> 0 or the instant from which there is room; charge; refund(b, at); succeed.
local kinds = {}

kinds.gcra = {
  judge = function(b, now)
    local free = tonumber(b.raw or 0) - b[5] * (b[6] - 1)
    return now < free and free or 0
  end,
  charge = function(b, now)
    local empty = math.max(now, tonumber(b.raw or 0)) + b[5]
    write(b, whole(empty), empty - now)
  end,
  refund = function(b)
    if b.raw then
      write(b, whole(tonumber(b.raw) - b[5]))
    end
  end,
}

local function mark(raw, n)
  return (struct.unpack(">d", raw, n * 8 - 7))
end

kinds.window = {
  judge = function(b, now)
    local raw = b.raw
    if not raw or #raw < b[5] * 8 then
      return 0
    end
    local free = mark(raw, b[5]) + b[6]
    return math.max(now, mark(raw, 1)) < free and free or 0
  end,
  charge = function(b, now)
    local raw = b.raw or ""
    local at = raw == "" and now or math.max(now, mark(raw, 1))
    write(b, struct.pack(">d", at) .. string.sub(raw, 1, (b[5] - 1) * 8), at + b[6] - now)
  end,
  refund = function(b, at)
    local raw = b.raw or ""
    for n = 1, #raw / 8 do
      if mark(raw, n) == at then
        raw = string.sub(raw, 1, n * 8 - 8) .. string.sub(raw, n * 8 + 1)
        if raw == "" then
          write(b, false)
        else
          write(b, raw)
        end
        return
      end
    end
  end,
}

local function run(b)
  local count, last, before = string.match(b.raw or "0|0|0", "^(%d+)|(%d+)|(%d+)$")
  return tonumber(count), tonumber(last), tonumber(before)
end

kinds.schedule = {
  judge = function(b, now)
    local count, last = run(b)
    local at = math.max(now, last)
    if count == 0 or at >= last + b[5] then
      return 0
    end
    local free = last + b[5 + math.min(count, #b - 5)]
    return at < free and free or 0
  end,
  charge = function(b, now)
    local count, last = run(b)
    local at, before = math.max(now, last), last
    if count == 0 or at >= last + b[5] then
      count, before = 0, 0
    end
    write(b, whole(count + 1) .. "|" .. whole(at) .. "|" .. whole(before), at + b[5] - now)
  end,
  refund = function(b, at)
    local count, last, before = run(b)
    if count == 0 or last ~= at then
      return
    end
    if count == 1 then
      write(b, false)
      return
    end
    write(b, whole(count - 1) .. "|" .. whole(before) .. "|" .. whole(before))
  end,
}

-- A streak of a number that is never asked again would stay for ever; a year of silence ends it.
local YEAR = 31536000000000

kinds.streak = {
  judge = function(b)
    return tonumber(b.raw or 0) >= b[5] and FAR or 0
  end,
  charge = function(b)
    write(b, whole(tonumber(b.raw or 0) + 1), YEAR)
  end,
  refund = function(b)
    local count = tonumber(b.raw or 0)
    if count > 1 then
      write(b, whole(count - 1))
    elseif count == 1 then
      write(b, false)
    end
  end,
  succeed = function(b)
    if b.raw then
      write(b, false)
    end
  end,
}

-- Two halves of a rolling period: what fell into this one, and the share of the last one that is still inside.
local function halves(b, now)
  local period = b[7]
  local slot, sent, sent_before, ok, ok_before = 0, 0, 0, 0, 0
  if b.raw then
    slot, sent, sent_before, ok, ok_before = string.match(b.raw, "^(%d+)|(%d+)|(%d+)|(%d+)|(%d+)$")
    slot, sent, sent_before = tonumber(slot), tonumber(sent), tonumber(sent_before)
    ok, ok_before = tonumber(ok), tonumber(ok_before)
  end
  local current = math.max(math.floor(now / period), slot)
  if current == slot + 1 then
    sent, sent_before, ok, ok_before = 0, sent, 0, ok
  elseif current > slot then
    sent, sent_before, ok, ok_before = 0, 0, 0, 0
  end
  return current, sent, sent_before, ok, ok_before
end

local function keep_halves(b, now, slot, sent, sent_before, ok, ok_before)
  local text = whole(slot) .. "|" .. whole(sent) .. "|" .. whole(sent_before) .. "|" .. whole(ok) .. "|" .. whole(ok_before)
  write(b, text, (slot + 2) * b[7] - now)
end

kinds.unverified = {
  judge = function(b, now)
    if not b.raw then
      return 0
    end
    local slot, sent, sent_before, ok, ok_before = halves(b, now)
    local period = math.floor(b[7] / 1000)
    local rest = period - math.max(0, math.floor(now / 1000) - slot * period)
    local good = ok * period + ok_before * rest
    local open = sent * period + sent_before * rest - good
    if 100 * open < math.max(100 * b[5] * period, b[6] * good) then
      return 0
    end
    return (slot + 1) * b[7]
  end,
  charge = function(b, now)
    local slot, sent, sent_before, ok, ok_before = halves(b, now)
    keep_halves(b, now, slot, sent + 1, sent_before, ok, ok_before)
  end,
  refund = function(b, at)
    if not b.raw then
      return
    end
    local slot, sent, sent_before, ok, ok_before = halves(b, at)
    if sent > 0 then
      sent = sent - 1
    else
      sent_before = math.max(0, sent_before - 1)
    end
    keep_halves(b, at, slot, sent, sent_before, ok, ok_before)
  end,
  succeed = function(b, now)
    local slot, sent, sent_before, ok, ok_before = halves(b, now)
    keep_halves(b, now, slot, sent, sent_before, ok + 1, ok_before)
  end,
}

kinds.purse = {
  judge = function(b)
    return tonumber(b.raw or -1) < b[5] and FAR or 0
  end,
  charge = function(b)
    redis.call("DECRBY", b.key, whole(b[5]))
  end,
  -- A slice that is gone is not made anew: that would be money which nobody leased.
  refund = function(b)
    if b.raw then
      redis.call("INCRBY", b.key, whole(b[5]))
    end
  end,
}

kinds.block = {
  judge = function(b, now)
    local free = tonumber(b.raw or 0)
    return now < free and free or 0
  end,
  charge = function() end,
  refund = function() end,
}

-- Buckets with their states: `keys` in their order, `text` the JSON array. A bucket whose key is false has none here
-- and is left out; `at` is its place in what was asked.
function Law.open(keys, text)
  local buckets, names = {}, {}
  for i, b in ipairs(cjson.decode(text)) do
    if keys[i] then
      b.at, b.key = i, keys[i]
      buckets[#buckets + 1] = b
      names[#names + 1] = keys[i]
    end
  end
  if #names > 0 then
    local states = redis.call("MGET", unpack(names))
    local cells = {}
    for i, b in ipairs(buckets) do
      b.raw = states[i]
      if b[4] ~= "" then
        local cell = cells[b.key]
        if not cell then
          cell = {}
          cell.parts, cell.order = split(states[i])
          cells[b.key] = cell
        end
        b.cell, b.raw = cell, cell.parts[b[4]]
      end
    end
  end
  return buckets
end

-- Names among KEYS, from `first` to the end.
function Law.keys(first)
  local keys = {}
  for i = first, #KEYS do
    keys[#keys + 1] = KEYS[i]
  end
  return keys
end

-- Judge all, charge nothing: {outcome, bucket, instant, {shadow buckets that are full}, {pressure buckets that are}}.
--   0 denied by an own bucket until the instant      1 allowed
--   2 suppressed by a shared bucket                  3 the purse is short
--   4 a gate asks for a challenge
function Law.judge(buckets, now)
  local full = { own = 0, gate = 0, purse = 0, shared = 0 }
  local retry, gate_until = 0, 0
  local shadows, pressures = {}, {}
  for _, b in ipairs(buckets) do
    local i, free = b.at, kinds[b[1]].judge(b, now)
    b.full = free > 0
    if b.full and b[3] ~= "counted" then
      if b[3] == "shadow" then
        shadows[#shadows + 1] = i
      elseif b[3] == "pressure" then
        pressures[#pressures + 1] = i
      elseif b[2] == "own" then
        if free > retry then
          full.own, retry = i, free
        end
      elseif full[b[2]] == 0 then
        full[b[2]] = i
        if b[2] == "gate" then
          gate_until = free
        end
      end
    end
  end
  if full.own > 0 then
    return { 0, full.own, retry, shadows, pressures }
  elseif full.gate > 0 then
    return { 4, full.gate, gate_until, shadows, pressures }
  elseif full.purse > 0 then
    return { 3, full.purse, 0, shadows, pressures }
  elseif full.shared > 0 then
    return { 2, full.shared, now, shadows, pressures }
  end
  return { 1, 0, now, shadows, pressures }
end

-- Charge what a judgement allows. Allowed: everything but shadows that are full. Suppressed: of these, not what is
-- shared and not the purse. Otherwise: what measures pressure alone. Returns the instant from which the caller's own
-- would allow the same again.
function Law.charge(buckets, outcome, now)
  local again = now
  for _, b in ipairs(buckets) do
    local kind = kinds[b[1]]
    if b[3] == "pressure" then
      kind.charge(b, now)
    elseif outcome == 1 or outcome == 2 then
      local mine = b[2] == "own" or b[2] == "gate"
      if (mine or outcome == 1) and not (b[3] == "shadow" and b.full) then
        kind.charge(b, now)
        if b[2] == "own" and b[3] == "enforced" then
          again = math.max(again, kind.judge(b, now))
        end
      end
    end
  end
  return again
end

-- Judge and charge; the instant of 1 and 2 is the one that `Law.charge` returns.
function Law.spend(buckets, now)
  local answer = Law.judge(buckets, now)
  local again = Law.charge(buckets, answer[1], now)
  if answer[1] == 1 or answer[1] == 2 then
    answer[3] = again
  end
  return answer
end

-- Give back a charge that was made at `at`.
function Law.refund(buckets, at)
  for _, b in ipairs(buckets) do
    kinds[b[1]].refund(b, at)
  end
end

-- Something came out well: streaks end, what was unverified is verified.
function Law.succeed(buckets, now)
  for _, b in ipairs(buckets) do
    local kind = kinds[b[1]]
    if kind.succeed then
      kind.succeed(b, now)
    end
  end
end
