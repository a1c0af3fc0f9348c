-- experiment.lua: pg.experiment{ ... }: a claim of a paper as parameters, a run, a report and a check.
--
-- A script is a file that returns pg.experiment{ ... }. Making one only describes; nothing runs until main(path, argv), which the
-- command calls. So a script can be listed, loaded again by workers and inspected by a host, without side effects.
--
--   name     "continuized/deterministic", also the folder of its results
--   paper    where the claim is made;   claim: it, in one sentence
--   params   { mu = 1e-3, iters = 400, ... }: defaults, which decide the kinds (see experiment/params.lua)
--   help     { mu = "strong convexity [1/s]" }: meaning, and in brackets the unit
--   range    { mu = { above = 0, to = "L" } };   choices  { problem = { "strong", "convex" } }
--   quick    overrides of params and seeds for tests;   full: for the scale of the paper
--   sweep    { H = { 0.3, 0.5 } }: the product of the values; or a list of such tables, joined
--   seeds    replicas of each point (1);   batched: run computes several at once, with a leading axis
--   run      function(p, rng, log) -> { rate = number, tensor or series, ... }
--            p: parameters, and p.replicas, the number of replicas that this call computes (1 unless batched)
--            rng: the replica's own stream; if batched, a block of one stream for each
--            log: log:progress(n) iterates 1..n, log:note(format, ...) remarks, log:first() is the number of the first replica
--   report   function(rows, out): tables and figures;   check: function(rows, claim): see experiment/claims.lua
local pg = require "perigee"
local args = require "perigee.experiment.args"
local checkpoint = require "perigee.experiment.checkpoint"
local claims = require "perigee.experiment.claims"
local failure = require "perigee.experiment.failure"
local jobs = require "perigee.experiment.jobs"
local params = require "perigee.experiment.params"
local results = require "perigee.results"
local rows = require "perigee.experiment.rows"
local sha256 = require "perigee.experiment.sha256"

local Experiment = { __name = "perigee.experiment" }
Experiment.__index = Experiment
Experiment.__tostring = function(self) return ("experiment: %s"):format(self.name) end

local experiment = {}

-- Describing ---------------------------------------------------------------------------------------------------------------

local fields = { name = pg.required, params = {}, run = pg.required, paper = pg.optional, claim = pg.optional, help = {},
                 range = {}, choices = {}, quick = {}, full = {}, sweep = {}, seeds = 1, batched = false,
                 report = pg.optional, check = pg.optional }

local reserved = { replicas = true }
for _, option in ipairs(args.common) do reserved[option[1]] = true end

local function blame(format, ...) error("pg.experiment: " .. format:format(...), 0) end

local function check_names(spec, field)
  for name in pairs(spec[field]) do
    if spec.params[name] == nil and not (name == "seeds" and (field == "quick" or field == "full")) then
      blame("%s.%s is not a parameter", field, tostring(name))
    end
  end
end

local function check_sweep(spec)
  for _, axes in ipairs(#spec.sweep > 0 and spec.sweep or { spec.sweep }) do
    for name, values in pairs(axes) do
      local kind, element = params.kind(spec.params[name])
      if not kind then blame("sweep.%s is not a parameter", tostring(name)) end
      if type(values) ~= "table" or #values == 0 then blame("sweep.%s must be a list of values", name) end
      for i, v in ipairs(values) do
        values[i] = params.convert(kind, v, element)
        if values[i] == nil then blame("sweep.%s: value %d must be of the kind of its default, %s", name, i, kind) end
      end
    end
  end
end

local function check_values(spec, field)
  for name, v in pairs(spec[field]) do
    if name ~= "seeds" then
      local kind, element = params.kind(spec.params[name])
      spec[field][name] = params.convert(kind, v, element)
      if spec[field][name] == nil then blame("%s.%s must be of the kind of its default, %s", field, name, kind) end
    end
  end
end

local function check(spec)
  if type(spec.name) ~= "string" or not spec.name:match "^%w[%w_/-]*$" or spec.name:find "//" then
    blame("name must be letters, digits, _, - and /, got '%s'", tostring(spec.name))
  end
  if type(spec.run) ~= "function" then blame("run must be a function") end
  for name, default in pairs(spec.params) do
    if type(name) ~= "string" or not name:match "^%a[%w_]*$" or reserved[name:lower()] or rows.reserved(name) then
      blame("'%s' cannot name a parameter", tostring(name))
    end
    if not params.kind(default) then blame("params.%s: a %s cannot be a default", name, type(default)) end
  end
  for _, field in ipairs { "help", "range", "choices", "quick", "full" } do check_names(spec, field) end
  for _, field in ipairs { "quick", "full" } do check_values(spec, field) end
  check_sweep(spec)
  params.check(spec.params, spec.range, spec.choices, function(name, format, ...) blame("params.%s " .. format, name, ...) end)
end

local function copy(v)
  if type(v) ~= "table" then return v end
  local t = {}
  for key, value in pairs(v) do t[key] = copy(value) end
  return t
end

--- An experiment from its description. Raises at the script's line what cannot be meant.
function experiment.new(spec)
  spec = copy(pg.options("pg.experiment", spec, fields))
  local ok, message = pcall(check, spec)
  if not ok then error(message, 2) end
  return setmetatable(spec, Experiment)
end

function experiment.is(v) return getmetatable(v) == Experiment end

--- The experiment that the text of a script returns; `file` names it in messages.
function experiment.load(file, text)
  local chunk, message = load(text, "@" .. file, "t")
  if not chunk then error(message, 0) end
  local result = chunk()
  if not experiment.is(result) then
    failure.raise(failure.USAGE, "run: '%s' does not return an experiment (return pg.experiment{ ... })", file)
  end
  result.file, result.text = file, text
  return result
end

local function read(file)
  local f, message = io.open(file, "rb")
  local text = f and f:read "a"
  if f then f:close() end
  if not text then failure.raise(failure.USAGE, "run: cannot read '%s': %s", file, message or "not a file") end
  return text
end

--- What a script is about without running it: { name, paper, claim }, or nil if it returns no experiment.
function experiment.describe(file)
  local ok, result = pcall(experiment.load, file, read(file))
  if ok then return result end
  if failure.is(result) then return nil end
  error(result, 0)
end

-- Running ------------------------------------------------------------------------------------------------------------------

local function overridden(base, changes)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(changes) do
    if name ~= "seeds" then all[name] = value end
  end
  return all
end

-- A sweep without the parameters that --quick or --full sets: a small scale is one value.
local function without(sweep, names)
  if #sweep > 0 then
    local list = {}
    for i, axes in ipairs(sweep) do list[i] = without(axes, names) end
    return list
  end
  local axes = {}
  for name, values in pairs(sweep) do
    if names[name] == nil then axes[name] = values end
  end
  return axes
end

local function make_plan(self, settings)
  local scale = settings.scale ~= "default" and self[settings.scale] or {}
  local points = jobs.points(overridden(self.params, scale), without(self.sweep, scale), settings.given)
  for _, point in ipairs(points) do
    params.check(point, self.range, self.choices, function(name, format, ...)
      failure.raise(failure.USAGE, "%s: --%s " .. format, self.name, (name:gsub("_", "-")), ...)
    end)
  end
  return { name = self.name, points = points, seed = settings.seed or 1, batched = self.batched,
           seeds = settings.seeds or scale.seeds or self.seeds }
end

local function describe_run(self, settings, plan)
  return { name = self.name, paper = self.paper, claim = self.claim, version = pg.version, scale = settings.scale,
           seed = plan.seed, seeds = plan.seeds, batched = plan.batched, script = self.file:match "[^/]*$",
           script_sha256 = sha256(self.text), blas = pg.system.blas(), isa = pg.isa() }
end

local function compute(self, settings, plan, dir)
  local workers = settings.jobs or 0
  if workers == 0 then workers = pg.system.cores() end
  local started = pg.system.clock()
  local all, timing = jobs.execute(self, plan, workers)
  local seconds = pg.system.clock() - started
  results.write(dir, all, describe_run(self, settings, plan), { jobs = workers, seconds = seconds, units = timing })
  checkpoint.clear(plan.state)
  print(("%s: %d job%s, %d replica%s each, %.1f s"):format(self.name, #plan.points, #plan.points > 1 and "s" or "",
    plan.seeds, plan.seeds > 1 and "s" or "", seconds))
  return all
end

local function restore(self, dir)
  local all, record = results.read(dir)
  if record.script_sha256 ~= sha256(self.text) then
    io.stderr:write(("%s: the script has changed since these results were computed\n"):format(self.name))
  end
  return all
end

local function show_files(dir, out)
  print(("rows     %s/rows.csv"):format(dir))
  for _, file in ipairs(out and out.files or {}) do print(("figure   %s"):format(file)) end
end

local function execute(self, settings)
  local dir = (settings.out or "results"):gsub("(.)/+$", "%1") .. "/" .. self.name
  local plan = make_plan(self, settings)
  if not settings.report then
    results.prepare(dir)
    results.prepare(dir .. "/state")
    plan.state = { dir = dir .. "/state", identity = checkpoint.identity(self.text, plan), resume = settings.resume }
  end
  local all = settings.report and restore(self, dir) or compute(self, settings, plan, dir)
  local out
  if self.report then
    out = require "perigee.experiment.report" (dir, settings.format)
    self.report(all, out)
  end
  local holds = true
  if settings.check then
    if not self.check then failure.raise(failure.USAGE, "%s: --check: the experiment has no claims", self.name) end
    local list = claims()
    self.check(all, list)
    holds = list:print(io.stdout)
  end
  show_files(dir, out)
  return holds and 0 or failure.CLAIM
end

local statuses = { memory = failure.RESOURCES, disk = failure.RESOURCES, interrupt = failure.INTERRUPT }

local function traced(object)
  if failure.is(object) then return object end
  local message = type(object) == "string" and object or tostring(object)
  local cause = pg.system.cause(message)
  if not cause then message = message .. failure.calls(2) end
  return { message = cause == "interrupt" and "interrupted" or message, status = statuses[cause] or failure.SCRIPT }
end

-- Calls f; returns what it returns, or nil and the failure. Out of memory calls no message handler.
local function attempt(f)
  local ok, result = xpcall(f, traced)
  if ok then return result end
  return nil, type(result) == "table" and result or traced(result)
end

--- Runs an experiment with command-line words; returns the exit status: 0 done and every checked claim holds, 1 a claim or
-- the script fails, 2 usage, 3 interrupted, 4 out of resources. What went wrong is on stderr.
function Experiment:main(words)
  local before = pg.system.memory_limit()
  pg.system.memory_limit(before > 0 and before or nil)
  local watched = pg.system.stop_nonfinite()
  local status, failed = attempt(function()
    local settings = args.parse(self, words)
    if settings.help then
      io.stdout:write(args.help(self))
      return 0
    end
    pg.system.stop_nonfinite(watched or settings.stop_nonfinite)
    return execute(self, settings)
  end)
  pg.system.stop_nonfinite(watched)
  pg.system.memory_limit(before)
  if status then return status end
  io.stdout:flush()
  io.stderr:write(failure.is(failed) and "" or self.name .. ": ", failed.message, "\n")
  return failed.status
end

--- Loads the script at `path` and runs the experiment that it returns; as Experiment:main.
function experiment.main(path, words)
  local loaded, failed = attempt(function() return experiment.load(path, read(path)) end)
  if loaded then return loaded:main(words) end
  io.stderr:write(failed.message, "\n")
  return failed.status
end

return setmetatable(experiment, { __call = function(_, spec) return experiment.new(spec) end })
