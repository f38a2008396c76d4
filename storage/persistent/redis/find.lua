-- One task. ARGV: its key.
-- Returns {state, key, value, version, tries, result, error, number}, or nothing.
begin_reading()
local id = redis.call('HGET', ids, ARGV[1])
if not id then return nil end
local task = redis.call('HMGET', task_key(id), 'state', 'key', 'value', 'version', 'tries',
  'result', 'error')
table.insert(task, tonumber(id))
return task
