-- experiment_failure.lua: errors that carry the exit status of an experiment.
--
-- 0 holds, 1 a claim or the script fails, 2 usage, 3 interrupted, 4 out of resources (memory, disk).
local Failure = { __name = "perigee.failure" }
Failure.__tostring = function(self) return self.message end

local failure = { CLAIM = 1, SCRIPT = 1, USAGE = 2, INTERRUPT = 3, RESOURCES = 4 }

--- Raises an error with this status and a formatted message.
function failure.raise(status, format, ...)
  error(setmetatable({ status = status, message = format:format(...) }, Failure), 0)
end

function failure.is(object) return getmetatable(object) == Failure end

return failure
