-- Experiments: what can be described, which jobs a sweep is, that a result depends on its parameters and stream alone, and what a
-- failing run is told.
local pg = require "perigee"
local failure = require "perigee.experiment.failure"
local jobs = require "perigee.experiment.jobs"

local function declare(changes)
  local spec = { name = "toys/test", params = { a = 1.0, n = 10, kind = "x", list = { 1, 2 }, on = true }, run = function() return {} end }
  for name, v in pairs(changes) do spec[name] = v end
  local e = pg.experiment(spec)
  return e
end

test("a description is checked where it is made, and only describes", function(t)
  local ran = false
  local e = declare { run = function() ran = true end, claim = "One." }
  t.ok(pg.experiment.is(e) and not ran, "nothing runs")
  t.equal(declare { quick = { on = false } }.quick.on, false)
  t.equal({ e.name, e.claim, e.seeds, e.batched, tostring(e) }, { "toys/test", "One.", 1, false, "experiment: toys/test" })
  for _, case in ipairs { { { parms = {} }, "experiment_test.lua:%d+: pg.experiment: unknown option 'parms' %(did you mean 'params'%?%)" },
    { { run = 3 }, "run must be a function" }, { { name = "a b" }, "name must be letters" }, { { name = "../up" }, "name must be letters" },
    { { params = { seed = 1 } }, "'seed' cannot name a parameter" }, { { params = { where = 1 } }, "'where' cannot name" }, { { params = { replicas = 1 } }, "cannot name" },
    { { params = { f = print } }, "params.f: a function cannot be a default" }, { { help = { b = "x" } }, "help.b is not a parameter" },
    { { quick = { m = 1 } }, "quick.m is not a parameter" }, { { full = { n = "x" } }, "full.n must be of the kind of its default, integer" },
    { { sweep = { b = { 1 } } }, "sweep.b is not a parameter" }, { { sweep = { a = 3 } }, "sweep.a must be a list of values" }, { { sweep = { n = { 1.5 } } }, "sweep.n: value 1" },
    { { range = { n = { above = 10 } } }, "params.n must be above 10, got 10" }, { { choices = { kind = { "y" } } }, "params.kind must be one of y" } } do
    t.fails(function() declare(case[1]) end, case[2])
  end
end)

test("a sweep is the product of its values, or a list of products joined; given values come first", function(t)
  local base = { a = 1.0, b = 2, c = "x" }
  t.equal(jobs.points(base, {}, {}), { base })
  t.equal(jobs.points(base, { b = { 1, 2 }, a = { 0.1, 0.2 } }, {}),
    { { a = 0.1, b = 1, c = "x" }, { a = 0.1, b = 2, c = "x" }, { a = 0.2, b = 1, c = "x" }, { a = 0.2, b = 2, c = "x" } })
  t.equal(jobs.points(base, { { a = { 0.1 } }, { b = { 5 }, c = { "y" } } }, {}), { { a = 0.1, b = 2, c = "x" }, { a = 1.0, b = 5, c = "y" } })
  t.equal(#jobs.points(base, { a = { 1.0, 2.0 } }, { a = { 3.0 }, b = { 1, 2 } }), 2)
  t.equal(#jobs.points(base, { { a = { 1.0 } }, { a = { 1.0 }, b = { 2 } } }, {}), 1)      -- the same point twice is one
  t.equal(jobs.swept { { a = 1.0, b = 2, l = { 1 } }, { a = 1.0, b = 3, l = { 1, 2 } } }, { "b", "l" })
end)

local function plan_of(points, seeds, batched) return { name = "toys/test", points = points, seed = 7, seeds = seeds, batched = batched } end

-- Sums of uniforms times a, a curve, an array and numbers; the same program for one replica and for a block of them.
local function walk(batched)
  return { name = "toys/test", run = function(p, rng, log)
    local lead = batched and p.replicas or nil
    local sum, curve = lead and pg.zeros { lead } or 0.0, pg.series { "sum", "steps" }
    for k in log:progress(5) do
      sum = sum + p.a * rng:stream "u":stream("k", k):uniform { 1 }:sum(-1)
      curve:add(k, sum, 5)
    end
    return { sum = sum, curve = curve, count = 5, text = "t", array = rng:stream "array":uniform { 3 } }
  end }
end

test("replica r of job k draws from root:stream(name, k):stream('replica', r), batched or not", function(t)
  local points = { { a = 1.0 }, { a = 2.0 } }
  local one, many = jobs.execute(walk(false), plan_of(points, 3, false), 1), jobs.execute(walk(true), plan_of(points, 3, true), 1)
  t.equal({ #one, #many }, { 6, 6 })
  t.equal(one.array, many.array)
  t.near(one.sum, many.sum, 0)
  local stream = pg.rng(7):stream("toys/test", 2):stream("replica", 3)
  t.equal(one.array[-1], stream:stream "array":uniform { 3 })
  for p, part in one:each() do
    t.equal(part.curve.sum:dims(), { 5, 3 })
    t.near(part.curve.sum, many:where { a = p.a }.curve.sum, 0)
    t.near(part.curve.sum[-1], part.sum, 0)
  end
  t.equal(many:where { a = 2.0 }.curve.steps, { 5.0, 5.0, 5.0, 5.0, 5.0 })
end)

test("results do not depend on the grouping of replicas, and the first of many are the few", function(t)
  local few, many = jobs.execute(walk(true), plan_of({ { a = 1.0 } }, 100, true), 1), jobs.execute(walk(true), plan_of({ { a = 1.0 } }, 1100, true), 1)
  t.equal(#jobs.units({ { a = 1.0 } }, 1100, true), 3)
  t.equal(#many, 1100)
  t.equal(many.sum[{ { 1, 100 } }], few.sum)
  t.equal(many.curve.sum[{ {}, { 1, 100 } }], few.curve.sum)
  t.equal(many.array[{ { 1, 100 } }], few.array)
  t.ok(many.sum:std() > 0.3, "they differ among themselves")
end)

test("a group that does not fit into memory is cut until it does", function(t)
  local largest = 0
  local wide = { name = "toys/test", run = function(p, rng)
    local x = rng:uniform { 10000 }
    local mean = (x * x):mean(2)
    largest = math.max(largest, p.replicas)
    return { mean = mean }
  end }
  local free = jobs.execute(wide, plan_of({ { a = 1.0 } }, 300, true), 1)
  t.equal(largest, 300)
  largest = 0
  collectgarbage()
  local used = pg.memory()
  pg.testing.memory_limit(used + 16 * 1024 * 1024)                         -- 300 replicas take 24 MB, three times
  local tight = jobs.execute(wide, plan_of({ { a = 1.0 } }, 300, true), 1)
  pg.testing.memory_limit(0)
  t.ok(largest < 150 and largest > 10, "groups of %d", largest)
  t.equal(tight.mean, free.mean)
end)

local function failing(run, batched)
  local ok, object = pcall(jobs.execute, { name = "toys/test", run = run }, plan_of({ { a = 1.0 }, { a = 2.0 } }, 2, batched), 1)
  return ok, failure.is(object) and object.status, tostring(object)
end

test("a failing run is told with its job, parameters and replica", function(t)
  local ok, status, text = failing(function(p) if p.a == 2 then error "no luck" end return {} end)
  t.equal({ ok, status }, { false, 1 })
  t.ok(text:find "^toys/test: job 2, a = 2, replica 1: .*experiment_test.lua:%d+: no luck", "%s", text)
  for _, case in ipairs { { function() return 3 end, "run returned number, not a table" }, { function() return { a = 1 } end, "run returned 'a', which is a parameter" },
    { function() return { job = 1 } end, "a reserved name" }, { function() return { ["x y"] = 1 } end, "names are letters" }, { function() return { f = print } end, "run returned 'f', a function" } } do
    local _, code, message = failing(case[1])
    t.equal(code, 1)
    t.ok(message:find(case[2]), "%s", message)
  end
  local _, _, message = failing(function() return { x = pg.ones { 5 } } end, true)
  t.ok(message:find "'x' with 5 rows for 2 replicas; a batched run returns a row for each replica", "%s", message)
end)

test("one number for all replicas must not hide a mean over a group of them", function(t)
  local mean = { name = "toys/test", run = function(_, rng) return { m = rng:uniform {}:mean() } end }
  local ok, object = pcall(jobs.execute, mean, plan_of({ { a = 1.0 } }, 600, true), 1)
  t.ok(not ok and tostring(object):find "'m' is one number for all replicas, but differs between groups", "%s", tostring(object))
end)

test("replicas whose results cannot be put together are refused", function(t)
  local function merged(run) return select(2, pcall(jobs.execute, { name = "toys/test", run = run }, plan_of({ { a = 1.0 } }, 2, false), 1)) end
  local n = 0
  local text = tostring(merged(function() n = n + 1 return n == 1 and { x = 1 } or { y = 1 } end))
  t.ok(text:find "is returned by some replicas only", "%s", text)
  n = 0
  text = tostring(merged(function()
    n = n + 1
    local s = pg.series()
    s:add(n, 1)
    return { s = s }
  end))
  t.ok(text:find "series 's': replicas 1 and 2 were recorded at different x", "%s", text)
end)

test("rows: columns, parameters, filters and groups", function(t)
  local points = {}
  for i, H in ipairs { 0.7, 0.3, 0.5 } do points[i] = { H = H, kind = i == 1 and "x" or "y" } end
  local rows = jobs.execute({ name = "toys/test", run = function(p, rng) return { y = p.H + rng:uniform {} , flag = p.H > 0.4 } end }, plan_of(points, 50, false), 1)
  t.equal(#rows, 150)
  t.equal(rows:names(), { "flag", "y" })
  t.equal(rows.H[1], 0.7)
  t.equal(rows.kind[51], "y")
  t.equal(rows.flag:sum(), 100)
  t.equal({ #rows:where { kind = "y" }, #rows:where { H = 0.3 }, #rows:where { H = 9 }, #rows:where { H = function(H) return H > 0.4 end } }, { 100, 50, 0, 100 })
  local x, mean, err = rows:group("H", "y")
  t.equal(x, { 0.3, 0.5, 0.7 })
  t.near(mean[1], rows:where { H = 0.3 }.y:mean(), 1e-13)
  t.near(err[1], rows:where { H = 0.3 }.y:std() / math.sqrt(50), 1e-13)
  t.fails(function() return rows.flga end, "nothing is called 'flga' %(did you mean 'flag'%?%)")
  t.fails(function() rows:where { J = 1 } end, "no parameter 'J'")
end)

test("workers compute the same rows, and their errors come back", function(t)
  local script = [[
    local pg = require "perigee"
    return pg.experiment { name = "toys/test", params = { a = 1.0, fail = false }, sweep = { a = { 1.0, 2.0 } }, seeds = 20,
      run = function(p, rng)
        if p.fail then
          local function inner() error "broken" end
          if p.a == 1 then rng:normal { 3000000 } end    -- the first fails last
          inner()
          return nil
        end
        local s = pg.series()
        for k = 1, 10 do s:add(k, rng:uniform {}) end
        return { u = rng:uniform {}, s = s, v = rng:normal { 2 }, text = "\0\"," }
      end }]]
  local e = pg.experiment.load("toy.lua", script)
  local plan = plan_of({ { a = 1.0, fail = false }, { a = 2.0, fail = false } }, 20, false)
  local here, there = jobs.execute(e, plan, 1), jobs.execute(e, plan, 3)
  for _, name in ipairs { "u", "v", "text" } do t.equal(here[name], there[name]) end
  for p, part in here:each() do t.equal(part.s.value, there:where { a = p.a }.s.value) end
  local ok, object = pcall(jobs.execute, e, plan_of({ { a = 1.0, fail = true } }, 4, false), 2)
  t.ok(not ok, "it fails")
  t.ok(tostring(object):find "replica 1: toy.lua:%d+: broken\n  at toy.lua:%d+", "%s", tostring(object))
  ok, object = pcall(jobs.execute, e, plan_of({ { a = 1.0, fail = true }, { a = 2.0, fail = true } }, 2, false), 4)
  t.ok(not ok and tostring(object):find "job 1, a = 1, replica 1: toy.lua", "of several failures the first is told: %s", tostring(object))
  t.fails(function() pg.workers.open(0, "perigee.experiment.jobs", "") end, "workers must lie in %[1, 1024%], got 0")
  local pool <close> = pg.workers.open(1, "perigee.no_such_module", "")
  local fine, text = pool:next(10)
  t.ok(fine == false and text:find "no_such_module", "%s", tostring(text))
end)

test("replicas know their numbers, whatever the grouping", function(t)
  local e = pg.experiment.load("toy.lua", [[
    local pg = require "perigee"
    return pg.experiment { name = "toys/test", params = {}, batched = true, run = function(p, _, log)
      return { number = pg.arange(log:first(), log:first() + p.replicas) }
    end }]])
  local rows = jobs.execute(e, plan_of({ {} }, 1100, true), 1)        -- three groups
  t.equal(rows.number:cast("i64"):tolist(), pg.arange(1, 1101):tolist())
end)

test("claims: holding, failing, and never by a NaN", function(t)
  local claims = require "perigee.experiment.claims"
  local function verdicts(add)
    local list = claims()
    add(list)
    local result = {}
    for i, line in ipairs(list.lines) do result[i] = line[1] == "holds" end
    return result, list
  end
  t.equal(verdicts(function(c)
    c:near("rel", 1.01, 1, { rel = 0.02 })
    c:near("rel", 1.03, 1, { rel = 0.02 })
    c:near("abs", 0.1, 0, { abs = 0.2 })
    c:near("se", 5, 1, { se = 1 })
    c:near("se", 5.1, 1, { se = 1 })
    c:near("times", 5.1, 1, { se = 1, times = 5 })
    c:near("largest", 5.1, 1, { se = 1, abs = 5 })
    c:near("nan", 0 / 0, 1, { abs = 5 })
    c:near("nan", 1, 0 / 0, { abs = 5 })
    c:near("nan", 1, 1, { se = 0 / 0 })
  end), { true, false, true, true, false, true, true, false, false, false })
  t.equal(verdicts(function(c)
    c:below("", 1, 1)
    c:below("", 1.1, 1)
    c:below("", 1.1, 1, { slack = 0.2 })
    c:below("", 0 / 0, 1)
    c:above("", 1, 1)
    c:above("", 0.9, 1)
    c:equal("", "a", "a")
    c:equal("", 1, 1 + 1e-15)
    c:holds("", true)
    c:holds("", 1)
  end), { true, false, true, false, true, false, true, false, true, false })
  local path = os.tmpname()
  local function printed(list)
    local file = assert(io.open(path, "w"))
    local holds = list:print(file)
    file:close()
    local text = io.open(path):read "a"
    os.remove(path)
    return holds, text
  end
  local _, list = verdicts(function(c) c:near("E f", 1.5, 1, { rel = 0.1, why = "section 2" }) c:below("longer name", 1, 2) end)
  local holds, text = printed(list)
  t.equal(holds, false)
  t.equal(text, "FAILS  E f          1.5  = 1   +- 0.1  (rel 0.1)  section 2\nholds  longer name  1    <= 2\n1 of 2 claims FAIL\n")
  t.equal((printed(claims())), false)
  t.fails(function() claims():near("x", "y", 1) end, "claim:near: 'x' needs a number, got a string")
  t.fails(function() claims():near("x", 1, 1, { tol = 1 }) end, "unknown option 'tol'")
end)

test("progress counts, whether anybody watches or not", function(t)
  local seen = {}
  for k in pg.progress(3, "test") do seen[#seen + 1] = k end
  t.equal(seen, { 1, 2, 3 })
  for _ in pg.progress(0) do t.ok(false, "nothing to count") end
  t.fails(function() pg.progress "x" end, "the number of steps must be a number")
end)
