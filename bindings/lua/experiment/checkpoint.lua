-- experiment/checkpoint.lua: what a cut run leaves behind, and how --resume goes on from it.
--
-- In the folder `state` of the results there is a file for each unit of work that is finished, and for each loop of log:steps that is
-- not. A file is a line that names the format, a checksum, and packed values; it is written aside and renamed, the one before it
-- kept as .old. Files carry the identity of the run: script, parameters, seed and replicas. What is damaged, newer or of
-- another run counts as absent, and the older one is tried.
local pg = require "perigee"
local failure = require "perigee.experiment.failure"
local params = require "perigee.experiment.params"
local series = require "perigee.series"
local sha256 = require "perigee.experiment.sha256"
local wire = require "perigee.experiment.wire"

local checkpoint = {}
local format = "perigee-state-1"

--- A text that two runs share exactly if one may continue the other.
function checkpoint.identity(text, plan)
  local parts = { pg.version, plan.name, tostring(plan.seed), tostring(plan.seeds), sha256(text) }
  for _, point in ipairs(plan.points) do
    local names = {}
    for name in pairs(point) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do parts[#parts + 1] = name .. "=" .. params.show(point[name]) end
  end
  return sha256(table.concat(parts, "\n"))
end

local function write(path, value)
  local payload = wire.pack(value)
  local aside = ("%s.%d"):format(path, pg.system.pid())
  local file, reason = io.open(aside, "wb")
  local ok = file and file:write(format, "\n", ("%08x"):format(pg.system.crc32(payload)), "\n", payload)
  local closed = file and file:close()
  if not (ok and closed) then
    os.remove(aside)
    failure.raise(failure.RESOURCES, "state: cannot write '%s'%s", path, reason and ": " .. reason or "")
  end
  os.rename(path, path .. ".old")
  os.rename(aside, path)
end

local function read_one(path, identity)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  local version, sum, payload = (text or ""):match "^([^\n]*)\n(%x+)\n(.*)$"
  if version ~= format or ("%08x"):format(pg.system.crc32(payload)) ~= sum then return nil end
  local ok, value = pcall(wire.unpack, payload)
  return ok and type(value) == "table" and (identity == nil or value.identity == identity) and value or nil
end

local function read(path, identity) return read_one(path, identity) or read_one(path .. ".old", identity) end

--- How far the state in a file is, whatever run it is of: a number of steps, or nil if neither it nor the one before can be read.
function checkpoint.step_of(path)
  local value = read(path)
  return value and value.step
end

-- Finished units ------------------------------------------------------------------------------------------------------------

local function unit_file(state, unit) return ("%s/done-%d-%d"):format(state.dir, unit.job, unit.first) end

--- Stores the outcomes of a finished unit.
function checkpoint.keep(state, unit, outcomes)
  write(unit_file(state, unit), { identity = state.identity, outcomes = outcomes })
end

--- The outcomes of a unit that an earlier run finished, or nil.
function checkpoint.finished(state, unit)
  local value = state.resume and read(unit_file(state, unit), state.identity)
  return value and value.outcomes or nil
end

-- Loops within a unit --------------------------------------------------------------------------------------------------------

local function is_object(v) return (type(v) == "userdata" or type(v) == "table") and not pg.is_tensor(v) and not series.is(v) and type(v.state) == "function" end

local function saved(name, v)
  if pg.is_tensor(v) or series.is(v) then return v end
  if is_object(v) then return { object = v:state() } end
  if type(v) == "table" then
    local fields = {}
    for key, value in pairs(v) do fields[key] = value end
    return { fields = fields }
  end
  error(("log:state: '%s' is a %s; what survives is a tensor, series, optimiser, stream, or a table of numbers, which can be written back")
    :format(name, type(v)), 3)
end

local function restore(name, v, from)
  if pg.is_tensor(v) then
    v:copy_(from)
  elseif series.is(v) then
    for key, value in pairs(from) do rawset(v, key, value) end
  elseif is_object(v) then
    v:state(from.object)
  elseif from.fields then
    for key in pairs(v) do v[key] = nil end
    for key, value in pairs(from.fields) do v[key] = value end
  else
    error(("log:state: '%s' was something else when it was saved"):format(name), 0)
  end
end

local State = { __name = "perigee.state" }
State.__index = State

--- What must survive: log:state{ theta = theta, opt = opt, sum = { value = 0 } }: tensors, series, optimisers and streams, which
-- are written back in place, and tables of plain values. On --resume it has what the cut run saved last.
function checkpoint.state(log, values)
  if type(values) ~= "table" then error("log:state: expected a table of named values", 3) end
  for name, v in pairs(values) do saved(name, v) end
  log.states = (log.states or 0) + 1
  local self = setmetatable({ values = values, step = 0 }, State)
  if not log.keep then return self end
  self.path = ("%s/run-%d-%d-%d"):format(log.keep.dir, log.unit.job, log.unit.first, log.states)
  self.identity = log.keep.identity
  local found = log.keep.resume and read(self.path, self.identity)
  if found then
    for name, v in pairs(values) do
      if found.values[name] == nil then error(("log:state: nothing was saved as '%s'"):format(name), 3) end
      restore(name, v, found.values[name])
    end
    self.step = found.step
  end
  return self
end

--- Writes the state as it is after `step` steps.
function State:save(step)
  self.step = step
  if not self.path then return end
  local values = {}
  for name, v in pairs(self.values) do values[name] = saved(name, v) end
  write(self.path, { identity = self.identity, step = step, values = values })
end

--- for t in log:steps(n, state[, { every = 10 }]) do: t = 1..n, or on --resume from where the saved state stands. The state is saved
-- every so many seconds, before a step, and at the end.
function checkpoint.steps(log, n, state, opt)
  opt = pg.options("log:steps", opt, { every = 10 })
  local last, t = pg.system.clock(), state.step
  return function()
    local now = pg.system.clock()
    if t >= n or (t > state.step and now - last >= opt.every) then
      if t > state.step then state:save(t) end
      last = now
    end
    pg.system.step(t < n and t + 1 or nil)
    if t >= n then return nil end
    log.report(t / n)
    t = t + 1
    return t
  end
end

--- Whether there is something to resume from.
function checkpoint.left(state)
  for path in pairs(checkpoint.all(state)) do
    local file = io.open(path, "rb")
    if file then return file:close() end
  end
  return false
end

--- Removes what is there, once the results are written.
function checkpoint.clear(state)
  for path in pairs(checkpoint.all(state)) do os.remove(path) end
  os.remove(state.dir)
end

--- The files that a run of this plan may have left, as a set.
function checkpoint.all(state)
  local found = {}
  for _, unit in ipairs(state.units) do
    local loops = 0
    repeat
      loops = loops + 1
      local path = ("%s/run-%d-%d-%d"):format(state.dir, unit.job, unit.first, loops)
      local file = io.open(path, "rb") or io.open(path .. ".old", "rb")
      if file then
        file:close()
        found[path], found[path .. ".old"] = true, true
      end
    until not file
    found[unit_file(state, unit)], found[unit_file(state, unit) .. ".old"] = true, true
  end
  return found
end

return checkpoint
