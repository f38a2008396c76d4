-- Compare and swap. ARGV: key, version, value. Returns 1 if the version was that one.
begin_changes()
local id = redis.call('HGET', ids, ARGV[1])
if not id or redis.call('HGET', task_key(id), 'version') ~= ARGV[2] then return 0 end
last.version = last.version + 1
redis.call('HSET', task_key(id), 'value', ARGV[3], 'version', last.version)
end_changes()
return 1
