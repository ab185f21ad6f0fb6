-- What the otp scripts share; law.lua stands above it, one script below it.
--
-- The codes of one subject (a registration, or a verification) live in one HASH, its *home*:
--   newest             the target of the newest challenge: l(ine) | c(ontact) | n(umber)
--   dealer             whose key alone may see it; absent: any of the operator's
--   <to>.id            challenge id          <to>.state    live | used | withdrawn
--   <to>.digest        "key id:hex"          <to>.left     comparisons left (0: exhausted)
--   <to>.old1, .old2   digests of the codes before it: told as expired, never as right
--   <to>.expires       µs                    <to>.again    µs, from when another may be sent
--   <to>.until         µs, end of the subject          <to>.of   comparisons in all
--   <to>.sms           1 once a message was sent: a call is offered only after one
--   <to>.channel       sms | voice           <to>.verified µs
--   <to>.n, .i, .K, .B, .J    keyed hashes of what its budgets are keyed by (service.limits.model.Dimension)
--   <to>.test          1 where it is a test number: nothing was sent
--   <to>.s1 … .s4      the number, sealed, for a resend
--   <to>.proof.id, .at, .tries, .claim                a right answer that is not yet recorded elsewhere
-- A new challenge takes its target's place, so what was superseded is simply not found. No value is longer than 64
-- bytes: a longer one would make Redis keep the whole hash in a form that takes three times the memory.

-- The home among the names under each enabled key, newest key first. Processes one step of a key rotation
-- apart name it differently; whichever exists is meant.
local function home_of(count)
  for i = 1, count do
    if redis.call("EXISTS", KEYS[i]) == 1 then
      return KEYS[i]
    end
  end
  return KEYS[1]
end

-- A home lives at least so long, in µs; never shorter than another need has already set.
local function keep(home, micros)
  local wanted = math.ceil(micros / 1000)
  if redis.call("PTTL", home) < wanted then
    redis.call("PEXPIRE", home, string.format("%.0f", wanted))
  end
end

-- Equal, in a time that depends on lengths alone.
local function same(one, other)
  if not one or #one ~= #other then
    return false
  end
  local differs = 0
  for i = 1, #one do
    differs = bit.bor(differs, bit.bxor(string.byte(one, i), string.byte(other, i)))
  end
  return differs == 0
end

-- The target whose newest challenge this is, or nil.
local function target_of(home, challenge)
  for _, to in ipairs({ "l", "c", "n" }) do
    if redis.call("HGET", home, to .. ".id") == challenge then
      return to
    end
  end
  return nil
end

-- One entry of the history: what was known before the script, and what came of it. The stream is drained within a
-- second; its cap only binds where nobody drains it.
local function tell(stream, text, result)
  if text ~= "" then
    redis.call("XADD", stream, "MAXLEN", "~", "200000", "*", "s", text, "r", cjson.encode(result))
  end
end

-- An answer under an Idempotency-Key lives in a HASH: f fingerprint, h holder, l lease (µs), then either r (what the
-- script found) and d (1 when it may be told), or s and a (status and sealed body).
-- Nil: go on, the key is this request's now. Else what to answer. A lease that is over and has found something is told
-- too: its holder died, and doing it again might send twice.
local function begin(record, fingerprint, holder, now, lease, keep_ms)
  local kept = redis.call("HMGET", record, "f", "l", "r", "d", "s", "a")
  if kept[1] then
    if not same(kept[1], fingerprint) then
      return { "reused" }
    elseif kept[5] then
      return { "kept", tonumber(kept[5]), kept[6] }
    elseif kept[3] and (kept[4] or tonumber(kept[2]) <= now) then
      return { "again", kept[3] }
    elseif tonumber(kept[2]) > now then
      return { "busy" }
    end
  end
  -- First what takes memory: where there is none left, Redis refuses a script at its first write or not at all.
  redis.call("HSET", record, "f", fingerprint, "h", holder, "l", string.format("%.0f", now + lease))
  redis.call("HDEL", record, "r", "d", "s", "a")
  redis.call("PEXPIRE", record, keep_ms)
  return nil
end
