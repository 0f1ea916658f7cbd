-- Takes from every bucket of KEYS, or from none and says which one refuses; ARGV has what each takes a minute.
--
-- The generic cell rate algorithm: of a bucket only the time is kept at which it is full again, in
-- microseconds of this server's clock, which is the one clock of all nodes. A bucket that is full is forgotten.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local full_at = {}
for i, key in ipairs(KEYS) do
    local burst = tonumber(ARGV[i])
    local every = math.max(math.floor(60000000 / burst), 1)
    -- No bucket is emptier than empty, also when this clock was put back.
    local at = math.min(tonumber(redis.call('GET', key) or now), now + burst * every)
    local wait = at - (burst - 1) * every - now
    if wait > 0 then
        return { i, wait }
    end
    full_at[i] = math.max(at, now) + every
end

for i, key in ipairs(KEYS) do
    -- Lua would write so large a number in a rounded form.
    redis.call('SET', key, string.format('%.0f', full_at[i]), 'PX', math.ceil((full_at[i] - now) / 1000))
end
return { 0, 0 }
