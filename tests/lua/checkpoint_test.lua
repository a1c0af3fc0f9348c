-- F18, F19: what a cut run leaves behind, damaged in every way, and what --resume makes of it.
local pg = require "perigee"

local perigee = arg[-1]
local work = os.tmpname()
os.remove(work)
pg.system.mkdir(work)

local script = [[
local pg = require "perigee"
return pg.experiment { name = "t/walk", params = { steps = 40 }, sweep = { steps = { 40, 41, 42 } },
  run = function(p, rng, log)
    local x, noise, opt = pg.zeros { 3 }, rng:stream "noise", pg.optim.adam { lr = 0.1 }
    local sum, curve = { value = 0 }, pg.series { "a" }
    local state = log:state { x = x, noise = noise, opt = opt, sum = sum, curve = curve }
    for t in log:steps(p.steps, state, { every = 0 }) do
      opt:step(x, x + noise:normal { 3 })
      sum.value = sum.value + x:sum()
      curve:add(t, x[1])
      if p.steps == 41 and t == tonumber(os.getenv "CUT") then error "cut here" end
    end
    return { sum = sum.value, last = x[1], curve = curve }
  end }
]]

local function put(name, bytes)
  local file = assert(io.open(work .. "/" .. name, "wb"))
  file:write(bytes)
  file:close()
end

local function get(name)
  local file = io.open(work .. "/" .. name, "rb")
  local bytes = file and file:read "a"
  if file then file:close() end
  return bytes
end

local function run(words, environment)
  local pipe = io.popen(("%s '%s' '%s/walk.lua' %s 2>&1"):format(environment or "", perigee, work, words))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return status, text
end

local function out(folder) return ("--jobs 1 --out '%s/%s'"):format(work, folder) end
local function same(t, folder)
  for _, file in ipairs { "rows.csv", "curve.csv", "curve.a.npy" } do
    t.ok(get(folder .. "/t/walk/" .. file) == get("whole/t/walk/" .. file), "%s of %s", file, folder)
  end
end

put("walk.lua", script)

test("a run that was cut goes on to the same bytes, wherever it was cut", function(t)
  t.equal(run(out "whole"), 0)
  for _, cut in ipairs { 1, 2, 25, 41 } do
    t.equal(run(out "cut", "CUT=" .. cut), 1)
    t.ok(get "cut/t/walk/state/run-2-1-1" or cut == 1, "a state was saved")
    t.equal(run(out "cut" .. " --resume"), 0)
    same(t, "cut")
    t.ok(not get "cut/t/walk/state/run-2-1-1", "the state is gone when the results are there")
  end
  t.equal(run(out "cut" .. " --resume"), 0, "nothing to resume from is a run from the start")
  same(t, "cut")
end)

test("a state that is cut short or has a flipped bit is refused, and the one before it used", function(t)
  t.equal(run(out "cut", "CUT=25"), 1)
  local state, old = get "cut/t/walk/state/run-2-1-1", get "cut/t/walk/state/run-2-1-1.old"
  local checkpoint = require "perigee.experiment.checkpoint"
  local function step(bytes, before)
    put("probe", bytes)
    put("probe.old", before or "")
    return checkpoint.step_of(work .. "/probe")
  end
  t.equal(step(state), 24)
  t.equal(step("", old), 23)
  for n = 0, #state - 1, 7 do t.equal(step(state:sub(1, n), old), 23, "cut at byte %d", n) end
  for n = 1, #state, 5 do
    local flipped = state:sub(1, n - 1) .. string.char(state:byte(n) ~ 1 << n % 8) .. state:sub(n + 1)
    t.equal(step(flipped, old), 23, "bit flipped in byte %d", n)
  end
  t.equal(step((state:gsub("perigee%-state%-1", "perigee-state-2", 1)), old), 23, "a newer version")
  put("cut/t/walk/state/run-2-1-1", state:sub(1, #state // 2))
  t.equal(run(out "cut" .. " --resume"), 0)
  same(t, "cut")
end)

test("the state of another script, seed or parameter is not continued", function(t)
  for _, change in ipairs { "seed", "script" } do
    put("walk.lua", script)
    t.equal(run(out "cut", "CUT=25"), 1)
    if change == "script" then put("walk.lua", "-- changed\n" .. script) end
    local words = change == "seed" and " --seed 2" or ""
    t.equal(run(out "cut" .. words .. " --resume"), 0)
    t.equal(run(out "fresh" .. words), 0)
    t.ok(get "cut/t/walk/rows.csv" == get "fresh/t/walk/rows.csv", "from the start, after a change of %s", change)
  end
  put("walk.lua", script)
end)

test("what cannot survive is refused when it is named", function(t)
  put("bad.lua", (script:gsub("sum = sum,", "sum = 3,")))
  local pipe = io.popen(("'%s' '%s/bad.lua' --jobs 1 --out '%s/bad' 2>&1"):format(perigee, work, work))
  local text = pipe:read "a"
  t.ok(not pipe:close(), "it fails")
  t.ok(text:find "log:state: 'sum' is a number; what survives is a tensor", "%s", text)
end)

test("the work folder is removed", function(t) t.ok(os.execute(("rm -r '%s'"):format(work))) end)
