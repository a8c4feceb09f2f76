-- Reserve decisions of a campaign whose means are limited: never more than could all be seen (and clicked on).
-- KEYS[1]  hash: v, c = views and clicks that are certain; d:<time> = decisions that may still be seen, l:<time> = of
--          earlier ones, as many as are usually seen late
-- ARGV     now's time slice, wanted, the limits of views, clicks and spend (-1: none), the price of a view and of a
--          click, and what of an earlier reservation was not used, with its time slice
-- Returns  how many are granted.

local slice, wanted = ARGV[1], tonumber(ARGV[2])
local views_limit, clicks_limit, spend_limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local view_price, click_price = tonumber(ARGV[6]), tonumber(ARGV[7])

local unused, theirs = tonumber(ARGV[8]), 'd:' .. ARGV[9]
if unused > 0 then
  local there = tonumber(redis.call('HGET', KEYS[1], theirs)) or 0
  if there > unused then
    redis.call('HINCRBY', KEYS[1], theirs, -unused)
  else
    redis.call('HDEL', KEYS[1], theirs)
  end
end

local views, clicks, pending = 0, 0, 0
local stored = redis.call('HGETALL', KEYS[1])
for at = 1, #stored, 2 do
  local name, value = stored[at], tonumber(stored[at + 1]) or 0
  if name == 'v' then views = value
  elseif name == 'c' then clicks = value
  elseif string.sub(name, 2, 2) == ':' then pending = pending + value end
end

-- The rate of clicks is at most (four standard deviations; before anything is known, every view is clicked on). Of
-- n decisions, rate * n + 4 * sqrt(rate * (1 - rate) * n) are clicked on at most, and each
-- costs `sure` besides. The most decisions that this allows; at least those that can all be clicked on.
local rate = views > 0 and math.min(1, (clicks + 8 + 4 * math.sqrt(clicks + 4)) / views) or 1
local function most(left, sure, per_click)
  if left <= 0 then return 0 end
  local linear, root = sure + per_click * rate, per_click * 4 * math.sqrt(rate * (1 - rate))
  local x = (math.sqrt(root * root + 4 * linear * left) - root) / (2 * linear)
  return math.max(math.floor(x * x), math.floor(left / (sure + per_click)))
end

local room = math.huge
if views_limit >= 0 then room = math.min(room, views_limit - views - pending) end
if clicks_limit >= 0 then room = math.min(room, most(clicks_limit - clicks, 0, 1) - pending) end
if spend_limit >= 0 then
  local left = spend_limit - views * view_price - clicks * click_price
  room = math.min(room, most(left, view_price, click_price) - pending)
end
if room < 1 then return 0 end

-- A small part at a time, so that no worker sits on what another could show.
local granted = math.max(1, math.min(wanted, math.floor(room / 20)))
redis.call('HINCRBY', KEYS[1], 'd:' .. slice, granted)
redis.call('EXPIRE', KEYS[1], 400 * 86400)
return granted
