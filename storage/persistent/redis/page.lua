-- Tasks in the order in which they were added.
-- ARGV: the number of the task before the first, how many at most, how many to look at at most,
-- states ('todo leased', or '': any).
-- Returns {number of the last task looked at, whether there are more, task...}, each task as
-- find.lua returns it.
begin_reading()
local after, limit, most, states = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), {}
for state in string.gmatch(ARGV[4], '%a+') do states[state] = true end

local number = math.max(after, tonumber(redis.call('HGET', meta, 'first_task')) - 1)
local till = math.min(number + most, last.task)
local found = {0, 0}
while number < till and #found - 2 < limit do
  number = number + 1
  local task = redis.call('HMGET', task_key(id_of(number)), 'state', 'key', 'value', 'version',
    'tries', 'result', 'error')
  if task[1] and (ARGV[4] == '' or states[task[1]]) then
    table.insert(task, number)
    table.insert(found, task)
  end
end
found[1], found[2] = number, number < last.task and 1 or 0
return found
