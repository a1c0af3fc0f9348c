-- experiment/jobs.lua: an experiment as a list of pure jobs, and who computes them: this state, or workers with states of their own.
--
-- Job k is point k of the sweep; its replica r draws from root:stream(name, k):stream("replica", r), whoever computes it
-- and whatever else is computed. The unit of work is some replicas of one job: one, or a group of rows if the experiment
-- is batched. Results are put together in the order of jobs and replicas, so their bytes depend on neither executor,
-- nor number of workers, nor grouping.
local pg = require "perigee"
local checkpoint = require "perigee.experiment.checkpoint"
local failure = require "perigee.experiment.failure"
local params = require "perigee.experiment.params"
local progress = require "perigee.progress"
local rows = require "perigee.experiment.rows"
local series = require "perigee.series"

local jobs = {}
local group = 512                                          -- replicas of a batched unit, at most

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function combined(base, axes)                        -- cartesian product; the last name varies fastest
  local points = { base }
  for _, name in ipairs(sorted(axes)) do
    local longer = {}
    for _, point in ipairs(points) do
      for _, value in ipairs(axes[name]) do
        local copy = {}
        for k, v in pairs(point) do copy[k] = v end
        copy[name] = value
        longer[#longer + 1] = copy
      end
    end
    points = longer
  end
  return points
end

local function signature(point)
  local parts = {}
  for _, name in ipairs(sorted(point)) do parts[#parts + 1] = name .. "=" .. params.show(point[name]) end
  return table.concat(parts, "\n")
end

--- The points of a sweep: a list of parameter tables. `base` are the parameters, `sweep` is one table { name = values }
-- or a list of them, whose products are joined; `given` (from the command line) overrides both and sweeps itself.
function jobs.points(base, sweep, given)
  local points, seen = {}, {}
  for _, axes in ipairs(#sweep > 0 and sweep or { sweep }) do
    local all = {}
    for name, values in pairs(axes) do all[name] = values end
    for name, values in pairs(given) do all[name] = values end
    for _, point in ipairs(combined(base, all)) do
      local key = signature(point)
      if not seen[key] then points[#points + 1], seen[key] = point, true end
    end
  end
  return points
end

--- Names of the parameters that differ between points, sorted.
function jobs.swept(points)
  local names = {}
  for _, name in ipairs(sorted(points[1])) do
    for _, point in ipairs(points) do
      if params.show(point[name]) ~= params.show(points[1][name]) then names[#names + 1] = name break end
    end
  end
  return names
end

--- Units of work { job, first, count } for replicas 1..seeds of each point.
function jobs.units(points, seeds, batched)
  local units, size = {}, batched and group or 1
  for job in ipairs(points) do
    for first = 1, seeds, size do
      units[#units + 1] = { job = job, first = first, count = math.min(size, seeds - first + 1) }
    end
  end
  return units
end

-- One unit ---------------------------------------------------------------------------------------------------------------

local Log = {}
Log.__index = Log
Log.__name = "perigee.log"

--- for t in log:progress(n) do: counts 1..n and reports how far this run is.
function Log:progress(n) return progress.reporting(n, self.report) end

--- What must survive a cut run, and the loop that saves it now and then: see experiment/checkpoint.lua.
function Log:state(values) return checkpoint.state(self, values) end
function Log:steps(n, state, opt) return checkpoint.steps(self, n, state, opt) end

--- The number of the first replica that this call computes, 1 or above: what several points of a sweep are to share, such as data, is
-- drawn by it, pg.rng(seed):block("data", p.replicas, log:first()).
function Log:first() return self.unit.first end

--- A remark on this run, shown on stderr.
function Log:note(format, ...) self.notes[#self.notes + 1] = format:format(...) end

local function check_field(name, value, unit, point)
  if type(name) ~= "string" or not name:match "^%a[%w_]*$" then
    error(("run returned a field called %s; names are letters, digits and _"):format(tostring(name)), 0)
  end
  if point[name] ~= nil or rows.reserved(name) or name == "job" or name == "replica" then
    error(("run returned '%s', which is %s"):format(name, point[name] ~= nil and "a parameter" or "a reserved name"), 0)
  end
  local kind = type(value)
  if pg.is_tensor(value) then
    if value:ndim() == 0 then return value:item() end
    if unit.batched and value:dim(1) ~= unit.count then
      error(("run returned '%s' with %d rows for %d replicas; a batched run returns a row for each replica"):format(
        name, value:dim(1), unit.count), 0)
    end
  elseif kind ~= "number" and kind ~= "string" and kind ~= "boolean" and not series.is(value) then
    error(("run returned '%s', a %s; fields are numbers, texts, tensors or series"):format(name, kind), 0)
  end
  return value
end

local function check_replicas(name, value, unit)
  for _, column in ipairs(value:names()) do
    local n = value:replicas(column)
    if n and n ~= 1 and n ~= (unit.batched and unit.count or 1) then
      error(("series '%s', column '%s': %d values a point for %d replicas"):format(name, column, n, unit.count), 0)
    end
  end
end

local function run(experiment, plan, unit, report)
  local point = {}
  for name, value in pairs(plan.points[unit.job]) do point[name] = value end
  point.replicas = unit.count
  local stream = pg.rng(plan.seed):stream(plan.name, unit.job)
  local rng = unit.batched and stream:block("replica", unit.count, unit.first) or stream:stream("replica", unit.first)
  local log = setmetatable({ report = report, notes = {}, unit = unit, keep = plan.state }, Log)
  local result = experiment.run(point, rng, log)
  if type(result) ~= "table" then error("run returned " .. type(result) .. ", not a table of results", 0) end
  local fields = {}
  for name, value in pairs(result) do
    fields[name] = check_field(name, value, unit, plan.points[unit.job])
    if series.is(value) then check_replicas(name, value, unit) end
  end
  return fields, log.notes
end

local function traced(message)
  if type(message) == "table" then return message end
  return { message = tostring(message), trace = failure.calls(2) }
end

--- Computes a unit; returns a list of outcomes { job, first, count, batched, fields, notes, seconds }, or one with an
-- `error` { message, trace, cause } instead of fields. A batched unit that does not fit into memory is cut in two.
function jobs.compute(experiment, plan, unit, report)
  unit.batched = plan.batched
  pg.system.step()
  local started = pg.system.clock()
  local ok, fields, notes = xpcall(run, traced, experiment, plan, unit, report)
  local outcome = { job = unit.job, first = unit.first, count = unit.count, batched = unit.batched,
                    seconds = pg.system.clock() - started }
  if ok then
    outcome.fields, outcome.notes = fields, notes
    return { outcome }
  end
  if type(fields) ~= "table" then fields = { message = tostring(fields) } end      -- out of memory calls no handler
  local cause = pg.system.cause(fields.message)
  if cause == "memory" and unit.batched and unit.count > 1 then
    collectgarbage()
    local half = unit.count // 2
    local list = jobs.compute(experiment, plan, { job = unit.job, first = unit.first, count = half }, report)
    if list[#list].error then return list end
    local rest = { job = unit.job, first = unit.first + half, count = unit.count - half }
    for _, more in ipairs(jobs.compute(experiment, plan, rest, report)) do list[#list + 1] = more end
    return list
  end
  fields.cause = cause
  outcome.error = fields
  return { outcome }
end

-- Executors: each calls done(outcomes) as units finish --------------------------------------------------------------------

local function serial(experiment, plan, units, meter, done)
  for i, unit in ipairs(units) do
    local function report(fraction) meter:update((i - 1 + fraction) / #units) end
    report(0)
    done(jobs.compute(experiment, plan, unit, report))
  end
end

--- Called in a fresh worker state with the packed setup; returns the function that maps a packed unit to packed outcomes.
function jobs.serve(setup)
  local wire = require "perigee.experiment.wire"
  local given = wire.unpack(setup)
  package.path, package.cpath = given.path, given.cpath
  pg.system.stop_nonfinite(given.stop_nonfinite)
  local experiment = require "perigee.experiment".load(given.file, given.text)
  return function(unit)
    return wire.pack(jobs.compute(experiment, given.plan, wire.unpack(unit), pg.workers.report))
  end
end

-- Units are begun in their order, so when one fails, those before it are awaited: of several failures the first in that
-- order is told, as when one state computes them all.
local function parallel(experiment, plan, units, meter, done, n)
  local wire = require "perigee.experiment.wire"
  local setup = { plan = plan, file = experiment.file, text = experiment.text, path = package.path, cpath = package.cpath,
                  stop_nonfinite = pg.system.stop_nonfinite() }
  local pool <close> = pg.workers.open(math.min(n, #units), "perigee.experiment.jobs", wire.pack(setup))
  local index, arrived, finished = {}, {}, 0
  for i, unit in ipairs(units) do
    index[unit.job .. " " .. unit.first] = i
    pool:submit(wire.pack(unit))
  end
  local next_unit, failed, failure_at = 1, nil, #units + 1
  while next_unit < failure_at do
    local ok, bytes = pool:next(0.1)
    if ok ~= nil then
      local outcomes = ok and wire.unpack(bytes) or { { error = { message = bytes, cause = pg.system.cause(bytes) } } }
      local last = outcomes[#outcomes]
      local i = last.job and index[outcomes[1].job .. " " .. outcomes[1].first]
      if not i then done(outcomes) end                     -- a worker failed, not a unit
      finished, arrived[i] = finished + 1, true
      if not last.error then done(outcomes) elseif i < failure_at then failed, failure_at = outcomes, i end
      while arrived[next_unit] do next_unit = next_unit + 1 end
    end
    meter:update((finished + pool:running()) / #units)
  end
  if failed then done(failed) end
end

local function where(plan, outcome)
  if not outcome.job then return "a worker" end
  local parts = {}
  for _, name in ipairs(jobs.swept(plan.points)) do
    parts[#parts + 1] = (", %s = %s"):format(name, params.show(plan.points[outcome.job][name]))
  end
  local last = outcome.first + outcome.count - 1
  return ("job %d%s, replica%s %d%s"):format(outcome.job, table.concat(parts), outcome.count > 1 and "s" or "",
    outcome.first, outcome.count > 1 and "-" .. last or "")
end

local statuses = { memory = failure.RESOURCES, disk = failure.RESOURCES, interrupt = failure.INTERRUPT }

local function fail(plan, outcome)
  local e = outcome.error
  if e.cause == "interrupt" then
    failure.raise(failure.INTERRUPT, "%s: interrupted%s", plan.name, plan.state and checkpoint.left(plan.state) and "; --resume continues with what is saved" or "")
  end
  local calls = not e.cause and e.trace or ""
  failure.raise(statuses[e.cause] or failure.SCRIPT, "%s: %s: %s%s", plan.name, where(plan, outcome), e.message, calls)
end

-- The units that an earlier run has not finished; the outcomes of the others are handed on.
local function resumed(plan, units, done)
  if not plan.state then return units end
  plan.state.units = units
  if not plan.state.resume then checkpoint.clear(plan.state) pg.system.mkdir(plan.state.dir) end
  local rest = {}
  for _, unit in ipairs(units) do
    local outcomes = checkpoint.finished(plan.state, unit)
    if outcomes then done(outcomes) else rest[#rest + 1] = unit end
  end
  return rest
end

--- Computes all units of plan { name, points, seed, seeds, batched } with `workers` workers (1: in this state).
-- Returns the rows and a list of { job, first, count, seconds }. A failure ends the run; of several, the first in the
-- order of jobs and replicas is raised.
function jobs.execute(experiment, plan, workers)
  local units = jobs.units(plan.points, plan.seeds, plan.batched)
  local of_job, timing = {}, {}
  local meter <close> = progress.meter(plan.name)
  local function done(outcomes)
    for _, outcome in ipairs(outcomes) do
      if outcome.error then fail(plan, outcome) end
      for _, text in ipairs(outcome.notes) do meter:note(("%s: %s: %s"):format(plan.name, where(plan, outcome), text)) end
      of_job[outcome.job] = of_job[outcome.job] or {}
      table.insert(of_job[outcome.job], outcome)
      timing[#timing + 1] = { job = outcome.job, first = outcome.first, count = outcome.count, seconds = outcome.seconds }
    end
  end
  units = resumed(plan, units, done)
  local function finish(outcomes)
    done(outcomes)
    if plan.state and outcomes[1].seconds > 1 then checkpoint.keep(plan.state, outcomes[1], outcomes) end
  end
  if workers > 1 and #units > 1 then
    parallel(experiment, plan, units, meter, finish, workers)
  else
    serial(experiment, plan, units, meter, finish)
  end
  local blocks = {}
  for job, outcomes in ipairs(of_job) do
    table.sort(outcomes, function(a, b) return a.first < b.first end)
    local ok, block = pcall(rows.merge, job, plan.points[job], outcomes)
    if not ok then failure.raise(failure.SCRIPT, "%s: run: %s", plan.name, block) end
    blocks[job] = block
  end
  table.sort(timing, function(a, b) return a.job < b.job or (a.job == b.job and a.first < b.first) end)
  return rows.new(blocks, jobs.swept(plan.points)), timing
end

return jobs
