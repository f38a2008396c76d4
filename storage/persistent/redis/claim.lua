-- Gives due tasks to an owner.
-- ARGV: owner, how long it is taken for alive (ms), length of the lease (ms), how many at most,
-- allow_aborted (1/0), how many to look at at most, which ('due', 'key' or 'after'), that key or
-- number, last token that the owner has heard of ('': all; see below).
-- Returns {number of the last task looked at (which = 'after'), whether there are more to look at,
-- number, key, value, tries, token, ...}.
local owner, alive, lease_us, wanted = ARGV[1], ARGV[2], ARGV[3] * 1000, tonumber(ARGV[4])
local allow_aborted, most, which, what = ARGV[5] == '1', tonumber(ARGV[6]), ARGV[7], ARGV[8]
local heard = tonumber(ARGV[9])
begin_changes()
local now = now_us()
local claimed = {0, 0}

local function give(task)
  last.token = last.token + 1
  task.token, task.settled = last.token, nil
  set_tries(task, task.tries + 1)
  lease(task, owner, now + lease_us)
  for _, part in ipairs({tonumber(task.id), task.key, task.value, task.tries, task.token}) do
    table.insert(claimed, part)
  end
  wanted = wanted - 1
end

local function may_be_given(task)
  return task.ready <= now and has_tries_left(task) and
    (task.state == 'todo' or (allow_aborted and task.state == 'aborted'))
end

-- Ids of those that are due, the next in front; aborted ones among them if they are allowed.
local function due_ids()
  local found = redis.call('ZRANGEBYSCORE', queues.todo, '-inf', now, 'LIMIT', 0, wanted)
  if not allow_aborted then return found end
  local ready, both = {}, {}
  for _, queue in ipairs({queues.todo, queues.aborted}) do
    local scored = redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'WITHSCORES', 'LIMIT', 0, wanted)
    for i = 1, #scored, 2 do
      ready[scored[i]] = tonumber(scored[i + 1])
      table.insert(both, scored[i])
    end
  end
  table.sort(both, function(a, b)
    if ready[a] ~= ready[b] then return ready[a] < ready[b] end
    return a < b
  end)
  return {unpack(both, 1, wanted)}
end

-- Until enough have been given or no more are due. Those without tries left, whom a change of
-- max_tries has not reached yet, are moved on the way.
local function give_due()
  repeat
    local found = due_ids()
    for _, id in ipairs(found) do
      local task = load_task(id)
      if may_be_given(task) then
        give(task)
      else
        leave(task)
        enter_open(task)
      end
    end
  until wanted == 0 or #found == 0
end

redis.call('SET', owner_key(owner), 1, 'PX', alive)
redis.call('SADD', owners, owner)

-- The owner asks again because a reply was lost: what it has not heard of goes back.
if heard then
  for _, id in ipairs(redis.call('ZRANGE', leases_key(owner), 0, -1)) do
    local task = load_task(id)
    if tonumber(task.token) > heard then give_try_back(task) end
  end
end

if which == 'due' then
  give_due()
  if wanted > 0 then
    take_back(now)
    give_due()
  end
elseif which == 'key' then
  take_back(now)
  local task = find_task(what)
  if task and may_be_given(task) then give(task) end
else
  take_back(now)
  local number = math.max(tonumber(what), tonumber(redis.call('HGET', meta, 'first_task')) - 1)
  local till = math.min(number + most, last.task)
  while number < till and wanted > 0 do
    number = number + 1
    local task = load_task(id_of(number))
    if task and may_be_given(task) then give(task) end
  end
  claimed[1], claimed[2] = number, number < last.task and 1 or 0
end
end_changes()
return claimed
