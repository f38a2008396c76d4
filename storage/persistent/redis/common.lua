-- The beginning of every script: the keys of a tracker, its tasks, and where they stand.
-- docs/redis-tracker.md says what is kept under which key.
--
-- A script does all or nothing. One that writes calls begin_changes() before anything else, whose
-- write is refused by a server that is out of memory or may not write; later ones of the same
-- script are then not refused any more.

local meta = KEYS[1] -- 'h5flume:{NAME}:meta'
local base = string.sub(meta, 1, -5)
local ids, owners = base .. 'ids', base .. 'owners'
local queues = {todo = base .. 'todo', aborted = base .. 'aborted', exhausted = base .. 'exhausted'}

local function task_key(id) return base .. 'task:' .. id end
local function owner_key(owner) return base .. 'owner:' .. owner end
local function leases_key(owner) return base .. 'leases:' .. owner end

-- Tasks are numbered as they are added; ids sort like the numbers.
local function id_of(number) return string.format('%012d', number) end

-- Microseconds since 1970: fine enough to tell the order in which tasks failed, and a double holds
-- them exactly.
local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- --- the tracker as a whole

local rules = {} -- as they are kept: max_tries, first (ms), factor, longest (ms)
local last = {} -- the numbers given last: task, version, token

local function begin_reading()
  local kept = redis.call('HMGET', meta, 'format', 'max_tries', 'backoff_first', 'backoff_factor',
    'backoff_longest', 'last_task', 'last_version', 'last_token')
  if not kept[1] then error('H5FLUME_GONE') end
  rules = {max_tries = tonumber(kept[2]), first = tonumber(kept[3]), factor = tonumber(kept[4]),
    longest = tonumber(kept[5])}
  last = {task = tonumber(kept[6]), version = tonumber(kept[7]), token = tonumber(kept[8])}
end

local function begin_changes()
  begin_reading()
  redis.call('HINCRBY', meta, 'changes', 0)
end

local counts = {} -- by how much the counts of the tracker change
local due = false -- whether a task may have become due

local function count(name, by) counts[name] = (counts[name] or 0) + by end

-- Writes the counts and tells those who wait: that a task may be due, or that none is left.
local function end_changes()
  redis.call('HSET', meta, 'last_task', last.task, 'last_version', last.version,
    'last_token', last.token)
  if next(counts) == nil then return end
  for name, by in pairs(counts) do
    if by ~= 0 then redis.call('HINCRBY', meta, name, by) end
  end
  local left = redis.call('HMGET', meta, 'todo', 'leased')
  if due or left[1] + left[2] == 0 then
    redis.call('PUBLISH', base .. 'changes', redis.call('HINCRBY', meta, 'changes', 1))
  end
end

-- --- one task

local function load_task(id)
  local kept = redis.call('HMGET', task_key(id), 'state', 'tries', 'ready', 'aborted', 'owner',
    'token', 'settled', 'key', 'value')
  if not kept[1] then return nil end
  return {id = id, state = kept[1], tries = tonumber(kept[2]), ready = tonumber(kept[3] or 0),
    aborted = kept[4] == '1', owner = kept[5], token = kept[6], settled = kept[7], key = kept[8],
    value = kept[9]}
end

local function find_task(key)
  local id = redis.call('HGET', ids, key)
  return id and load_task(id)
end

local function save_task(task)
  redis.call('HSET', task_key(task.id), 'state', task.state, 'tries', task.tries,
    'ready', task.ready, 'aborted', task.aborted and '1' or '0', 'owner', task.owner or '',
    'token', task.token or '', 'settled', task.settled or '')
end

-- A task that stands nowhere yet.
local function new_task(key, value)
  last.task = last.task + 1
  last.version = last.version + 1
  local task = {id = id_of(last.task), tries = 0, ready = 0, aborted = false}
  redis.call('HSET', ids, key, task.id)
  redis.call('HSET', task_key(task.id), 'key', key, 'value', value, 'version', last.version)
  count('total', 1)
  return task
end

local function has_tries_left(task)
  return rules.max_tries == 0 or task.tries < rules.max_tries
end

local function set_tries(task, tries)
  count('tries', tries - task.tries)
  if task.tries == 0 and tries > 0 then count('tried', 1) end
  if task.tries > 0 and tries == 0 then count('tried', -1) end
  task.tries = tries
end

-- --- where a task stands: enter() what leave() left, and save it

local function leave(task)
  count(task.state, -1)
  if task.state == 'leased' then
    redis.call('ZREM', leases_key(task.owner), task.id)
  elseif queues[task.state] then
    redis.call('ZREM', queues[task.state], task.id)
  end
end

-- Tasks wait in the order in which they are ready: at 0 those that have not failed, at 1 those that
-- need not wait any more, then by time; those that are ready at once in the order of their ids. An
-- aborted task without tries left waits for nothing.
local function enter(task, state)
  task.state = state
  if task.tries == 0 then task.ready = 0 end
  if state == 'done' or state == 'exhausted' then task.ready = math.min(task.ready, 1) end
  if state == 'done' then task.aborted = false end
  count(state, 1)
  if queues[state] and (state ~= 'aborted' or has_tries_left(task)) then
    redis.call('ZADD', queues[state], task.ready, task.id)
    due = due or state ~= 'exhausted'
  end
  save_task(task)
end

-- To be tried (again), unless it has been aborted or has no tries left.
local function enter_open(task)
  if task.aborted then
    enter(task, 'aborted')
  else
    enter(task, has_tries_left(task) and 'todo' or 'exhausted')
  end
end

local function lease(task, owner, till)
  leave(task)
  task.owner = owner
  redis.call('ZADD', leases_key(owner), till, task.id)
  enter(task, 'leased')
end

local function waiting_time_us(tries)
  if rules.first == 0 then return 0 end
  local ms = math.min(rules.longest, rules.first * rules.factor ^ math.max(0, tries - 1))
  return math.floor(ms * 1000)
end

local function fail_try(task, now)
  leave(task)
  task.ready = now + waiting_time_us(task.tries)
  enter_open(task)
end

local function give_try_back(task)
  leave(task)
  set_tries(task, math.max(0, task.tries - 1))
  enter_open(task)
end

-- Fails the tries whose lease has ended or whose owner is dead, some thousand of them. Until
-- somebody else claims the task its token stays good: settle.lua.
local function take_back(now)
  local most = 2000
  for _, owner in ipairs(redis.call('SMEMBERS', owners)) do
    local dead = redis.call('EXISTS', owner_key(owner)) == 0
    local ended = redis.call('ZRANGEBYSCORE', leases_key(owner), '-inf', dead and '+inf' or now,
      'LIMIT', 0, math.max(0, most))
    for _, id in ipairs(ended) do fail_try(load_task(id), now) end
    most = most - #ended
    if dead and redis.call('EXISTS', leases_key(owner)) == 0 then
      redis.call('SREM', owners, owner)
    end
  end
end
