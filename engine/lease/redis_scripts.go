package lease

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts so
	"encoding/hex"
)

// script is a text that Redis runs and, once it has seen it, knows by its digest.
type script struct{ text, digest string }

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
	return &script{text, hex.EncodeToString(sum[:])}
}

// The scripts each touch one key, so that they work in a Cluster, and go by the
// server's clock for what is left of a time. They need Redis 6.2.

// standScript writes a standing unless a newer one is there.
// ARGV: version, value, until when it is kept in ms since 1970, "1" to leave a
// missing one missing when that is past, and how long it is kept at the least.
// It answers "=" when all was well, if of an older version, "m" when it was
// missing, "w" when it was wrong, and the value that is there when that is newer. A value that
// can not be read is wrong. No time to live is ever made shorter.
var standScript = newScript(`
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then held = '' end
local t = redis.call('TIME')
local left = tonumber(ARGV[3]) - (t[1] * 1000 + math.floor(t[2] / 1000))
local answer = 'm'
if held then
  local version = string.match(held, '^(%d+) %d+ [%w_-]+$')
  if version and tonumber(version) > tonumber(ARGV[1]) then return held end
  local ttl = redis.call('PTTL', KEYS[1])
  local fits = ttl >= 0 and ttl >= left - 2 -- times are rounded on their way
  if fits and held == ARGV[2] then return '=' end
  left = math.max(left, ttl)
  answer = 'w'
  if fits and version and string.match(held, ' .*$') == string.match(ARGV[2], ' .*$') then answer = '=' end
elseif left <= 0 and ARGV[4] == '1' then
  return '='
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%.0f', math.max(left, tonumber(ARGV[5]))))
return answer
`)

// forceScript replaces a value that is as it was seen.
// ARGV: what was seen, the value, until when it is kept, and for how long at least.
var forceScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local t = redis.call('TIME')
local left = tonumber(ARGV[3]) - (t[1] * 1000 + math.floor(t[2] / 1000))
left = math.max(left, redis.call('PTTL', KEYS[1]), tonumber(ARGV[4]))
redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%.0f', left))
return 1
`)

// holdScript sees to it that a grant's key is there and ends at its time.
// ARGV: when, in ms since 1970. It answers as standScript does.
var holdScript = newScript(`
local t = redis.call('TIME')
local left = tonumber(ARGV[1]) - (t[1] * 1000 + math.floor(t[2] / 1000))
if left <= 0 then return '=' end
local ttl = redis.call('PTTL', KEYS[1])
if math.abs(ttl - left) <= 1 then return '=' end
redis.call('SET', KEYS[1], '1', 'PXAT', ARGV[1])
if ttl == -2 then return 'm' end
return 'w'
`)
