-- bench.lua: `perigee bench [pattern]`: each task against a yardstick measured in the same run.
--
-- A file tests/bench/NAME_bench.lua returns a function(bench) that declares its tasks:
--
--   bench.case { name = "a + b, 3 doubles", ours = function(n) for _ = 1, n do local _ = a + b end end, bar = { ns = 150 } }
--   bench.case { name = "exp, 10^6", ours = function(n) for _ = 1, n do x:exp() end end, per = 1e6,
--                yard = bench.numpy("x = np.random.rand(10**6)", "np.exp(x)"), bar = { ratio = 1.0 } }
--
-- ours(n) and yard(n) do the task n times; yard may also be a number (nanoseconds, measured elsewhere in the same run) or
-- what bench.numpy, bench.scipy and bench.torch return. Ours runs on `threads` (1), yard on one. `per` is the number of
-- elements a task handles: times are printed for one.
-- Bars: { ns = t } ours takes at most t nanoseconds; { ratio = r } ours / yard is at most r; { speed = s } yard / ours is
-- at least s; { value = v } for a case whose `measure()` returns a number (bytes, say, named by `unit`) at most v.
--
-- Time is the best of several rounds, ours and the yardstick taking turns. A program of the build folder named bench_* is
-- run too; tests/bench/bench.h says which lines it prints.
local pg = require "perigee"

local clock = pg.system.clock
local bench = {}

local rounds, round_seconds = 7, 0.05
local python = "/usr/bin/python3"
local state                                   -- { pattern, stem, met, missed, skipped }

local function once(f, n)
  local start = clock()
  f(n)
  return clock() - start
end

-- The number of repetitions that fill a round.
local function repetitions(f)
  local n = 1
  while true do
    local t = once(f, n)
    if t >= round_seconds / 2 then return math.max(1, math.ceil(n * round_seconds / t)) end
    n = t > 0 and math.max(2 * n, math.min(100 * n, math.ceil(n * round_seconds / t))) or 100 * n
  end
end

-- A function that does one round on so many threads: nanoseconds a repetition.
local function timer(f, threads)
  if type(f) ~= "function" then return f end
  local n
  return function()
    if pg.threads() ~= threads then
      pg.threads(threads)
      f(1)                                -- the first call starts the threads
    end
    n = n or repetitions(f)
    return once(f, n) / n * 1e9
  end
end

--- Best nanoseconds of ours and of the yardstick (nil if there is none), measured in turns.
local function measure(ours, yard)
  local best, other = math.huge, type(yard) == "number" and yard or math.huge
  for _ = 1, rounds do
    best = math.min(best, ours())
    if type(yard) == "function" then other = math.min(other, yard()) end
  end
  return best, yard and other or nil
end

local importable = {}
local function has(module)
  if importable[module] == nil then
    importable[module] = os.execute(python .. " -c 'import " .. module .. "' 2>/dev/null") == true
  end
  return importable[module]
end

-- The setup stands inside the function, so that its names are as fast to reach as Lua's locals.
local python_program = [[
import time
%s
def run(n):
  %s
  start = time.perf_counter()
  for _ in range(n): %s
  return time.perf_counter() - start
n = 1
while run(n) < 0.02: n *= 2
print(min(run(n) for _ in range(5)) / n * 1e9)
]]

local function quoted(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

-- A yardstick in Python: run in a process of its own, once a round, its BLAS on so many threads (nil: as it likes); nil, and why, where the module is
-- not to be had.
local function in_python(module, import, setup, statement, threads)
  if not has(module) then return { missing = module } end
  local program = python_program:format(import, setup, statement)
  return { name = module, time = function()
    local pipe <close> = assert(io.popen((threads and "OPENBLAS_NUM_THREADS=" .. threads .. " " or "") .. python .. " -c " .. quoted(program), "r"))
    return tonumber(pipe:read "a") or error("bench: the " .. module .. " yardstick failed: " .. statement)
  end }
end

function bench.numpy(setup, statement, threads) return in_python("numpy", "import numpy as np", setup, statement, threads) end
function bench.scipy(setup, statement) return in_python("scipy", "import numpy as np, scipy", setup, statement) end
function bench.torch(setup, statement)
  return in_python("torch", "import torch; torch.set_num_threads(1)", setup, statement)
end

local function time_text(ns)
  if not ns then return "-" end
  if ns < 1e3 then return ("%.3g ns"):format(ns) end
  if ns < 1e6 then return ("%.3g us"):format(ns / 1e3) end
  if ns < 1e9 then return ("%.3g ms"):format(ns / 1e6) end
  return ("%.3g s"):format(ns / 1e9)
end

local function row(task, ours, yard, ratio, bar, verdict)
  print(("%-44s %10s  %-20s %8s  %-10s %s"):format(task, ours, yard, ratio, bar, verdict))
  io.stdout:flush()
end

local function judge(holds)
  local key = holds and "met" or "missed"
  state[key] = state[key] + 1
  return holds and "ok" or "MISSED"
end

local function skip(task, why)
  state.skipped = state.skipped + 1
  row(task, "-", why, "-", "-", "skipped")
end

local function verdict(bar, ours, yard)
  if not bar then return "-", "" end
  if bar.ns then return "<= " .. time_text(bar.ns), judge(ours <= bar.ns) end
  if bar.ratio then return ("<= %gx"):format(bar.ratio), judge(ours / yard <= bar.ratio) end
  return (">= %gx"):format(bar.speed), judge(yard / ours >= bar.speed)
end

-- One finished measurement, in nanoseconds a task of `per` elements.
local function report(task, ours, yard, yard_name, per, bar)
  local ratio = "-"
  if yard then ratio = ("%.2fx"):format(bar and bar.speed and yard / ours or ours / yard) end
  ours, yard = ours / per, yard and yard / per
  local limit, word = verdict(bar, ours, yard)
  row(task, time_text(ours), yard and time_text(yard) .. " " .. yard_name or "-", ratio, limit, word)
end

-- A task is wanted if its name contains the pattern, or if the pattern is its file ("mm" for mm_bench).
local function wanted(name)
  local pattern = state.pattern and state.pattern:lower()
  return not pattern or state.stem == pattern or name:lower():find(pattern, 1, true) ~= nil
end

local fields = { name = true, ours = true, yard = true, yardstick = true, bar = true, per = true, threads = true, measure = true, unit = true }

--- Measures and prints one task; see the top of the file for the fields.
function bench.case(c)
  for key in pairs(c) do
    if not fields[key] then error(("bench.case: unknown field '%s'"):format(key), 2) end
  end
  if not wanted(c.name) then return end
  collectgarbage()
  if c.measure then
    local v = c.measure()
    row(c.name, ("%.4g %s"):format(v, c.unit or ""), "-", "-", ("<= %.4g"):format(c.bar.value), judge(v <= c.bar.value))
    return
  end
  local yard, yard_name = c.yard, c.yardstick or "yardstick"
  if type(yard) == "table" then
    if yard.missing then
      if c.bar and not c.bar.ns then return skip(c.name, "needs " .. yard.missing) end
      yard = nil
    else
      yard, yard_name = yard.time, yard.name
    end
  else
    yard = timer(yard, 1)
  end
  local ours, other = measure(timer(c.ours, c.threads or 1), yard)
  report(c.name, ours, other, yard_name, c.per or 1, c.bar)
end

local function run_lua(path)
  local chunk = assert(loadfile(path))
  local declare = chunk()
  if type(declare) ~= "function" then error(path .. ": a benchmark file returns a function(bench)", 0) end
  declare(bench)
end

-- Rows of a program: task, ours, yardstick, its name, kind of bar, bar; separated by tabs; "-" where there is none.
local function run_program(path)
  local pipe = assert(io.popen(quoted(path), "r"))
  for line in pipe:lines() do
    local task, ours, yard, yard_name, kind, bar = line:match("^bench\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$")
    if not task then
      io.stderr:write(line, "\n")
    elseif wanted(task) then
      report(task, tonumber(ours), tonumber(yard), yard_name, 1, kind ~= "-" and { [kind] = tonumber(bar) } or nil)
    end
  end
  local ok, how, code = pipe:close()
  if not ok then error(("%s ended with %s %s"):format(path, how, code), 0) end
end

local function run_file(path, run)
  state.stem = path:match("([^/]*)$"):gsub("^bench_", ""):gsub("_bench%.lua$", "")
  local ok, message = pcall(run, path)
  if not ok then
    state.missed = state.missed + 1
    io.stderr:write("perigee: bench: ", tostring(message), "\n")
  end
end

--- The command. env: files = benchmark files, programs and executable, the command itself. Returns the exit status.
function bench.main(pattern, env)
  bench.executable = env.executable
  state = { pattern = pattern, met = 0, missed = 0, skipped = 0 }
  row("task", "ours", "yardstick", "ratio", "bar", "")
  for _, path in ipairs(env.files) do run_file(path, run_lua) end
  for _, path in ipairs(env.programs) do run_file(path, run_program) end
  print(("bars: %d met, %d missed, %d skipped"):format(state.met, state.missed, state.skipped))
  return state.missed == 0 and 0 or 1
end

return bench
