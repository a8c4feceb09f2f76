-- What several scripts share: it is put in front of them. A shard is its stream and the hash `counts`:
--   id             the stream's identity: another one where the stream was deleted and made anew
--   trimmed        records that we have trimmed, ever
--   group:NAME     records that the group has committed, ever, or that were trimmed before it came

-- The stream's identity; a stream that is missing is about to be made, and counts from the start.
local function identity(stream, counts)
  if redis.call('EXISTS', stream) == 0 then
    redis.call('DEL', counts)
  end
  local id = redis.call('HGET', counts, 'id')
  if not id then  -- new, or made by a release that knew no identities
    local now = redis.call('TIME')
    id = string.format('%d%06d', now[1], now[2])
    redis.call('HSET', counts, 'id', id)
  end
  return id
end

local function fields(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

-- What XINFO says of the stream, and how many records somebody else than us has removed (Redis 7 tells).
local function examined(stream, counts)
  local info = fields(redis.call('XINFO', 'STREAM', stream))
  local added, gone = info['entries-added'], 0
  if added then
    gone = added - info.length - (tonumber(redis.call('HGET', counts, 'trimmed')) or 0)
  end
  return info, gone
end
