-- sampler_test.lua: samplers of batches against their laws. n = 1000, rate 0.05, 10^5 steps unless a test says otherwise.
local pg = require "perigee"
local sampler = pg.privacy.sampler

local kinds = { "deterministic", "shuffle_persistent", "shuffle_dynamic", "poisson", "truncated_poisson", "balls_and_bins" }
local function make(kind, seed, opt)
  local given = { max_batch = kind == "truncated_poisson" and opt.batch + 2 or nil }
  for name, value in pairs(opt) do given[name] = value end
  return sampler[kind](pg.rng(seed), given)
end

-- Sizes and indices of all steps, an epoch being all there is: 10^5 steps of rate 0.05 by one epoch a batch of 50 at a time.
local function long_run(opt)
  local s = opt.max_batch and sampler.truncated_poisson(pg.rng(11), opt) or sampler.poisson(pg.rng(11), opt)
  local sizes, all = {}, {}
  for e = 1, s.epochs do
    local indices, starts = s:assignment(e)
    sizes[e], all[e] = starts:narrow(1, 2, #starts - 1) - starts:narrow(1, 1, #starts - 1), indices
  end
  return pg.concatenate(sizes):cast "f64", pg.concatenate(all)
end

for _, by in ipairs { "steps", "records" } do
  test("Poisson by " .. by .. ": sizes, inclusions", function(t)
    local sizes, all = long_run { n = 1000, batch = 50, epochs = 5000, by = by }
    t.equal(#sizes, 100000)
    t.near(sizes:mean(), 50, 0.07)                                                            -- three standard errors
    t.near(sizes:var(), 47.5, 0.7)
    local counts = pg.zeros { 1000 }:scatter_add(all, pg.ones { #all })
    t.near(counts / 1e5, 0.05, 5 * math.sqrt(0.05 * 0.95 / 1e5))
    local lag = sizes:narrow(1, 1, 99999) - 50
    t.near((lag * (sizes:narrow(1, 2, 99999) - 50)):mean() / 47.5, 0, 5 / math.sqrt(1e5), "sizes of neighbours are uncorrelated")
  end)

  test("Poisson by " .. by .. ": pairs of records, pairs of steps", function(t)
    local steps = 10000
    local s = sampler.poisson(pg.rng(5), { n = 1000, batch = 50, epochs = steps // 20, by = by })
    local present = pg.zeros { steps, 1000 }
    for indices, weights, k in s:steps() do
      present[k]:scatter_(indices, 1)
      t.equal(#weights, #indices)
    end
    local together = present:t():mm(present) / steps                                           -- 0.0025 off the diagonal
    local off = together - together:diag():diag()
    t.near(off:sum() / (1000 * 999), 0.0025, 5 * 0.05 * math.sqrt(2 * 0.05 * 0.95 / steps / 1000) + 5 * 0.0025 / math.sqrt(steps * 1000))
    t.near((off - 0.0025 * (1 - pg.eye(1000))):abs():max(), 0, 6.5 * math.sqrt(0.0025 / steps))  -- the largest of 500 000
    local next_step = (present:narrow(1, 1, steps - 1) * present:narrow(1, 2, steps - 1)):sum(2)
    t.near(next_step:mean(), 2.5, 5 * math.sqrt(2.5 / steps) * 1.1)
  end)

  test("truncated Poisson by " .. by .. ": sizes, and a uniform subset is kept", function(t)
    local sizes, all = long_run { n = 1000, batch = 50, epochs = 5000, max_batch = 60, by = by }
    t.near(sizes:mean(), 49.74615, 0.06)
    t.near(sizes:var(), 40.833, 0.6)
    t.equal(sizes:max(), 60.0)
    local whole = long_run { n = 1000, batch = 50, epochs = 5000, by = by }                    -- the same draws before truncation
    t.near(whole:gt(60):cast("f64"):mean(), 0.06706, 0.0025)
    t.equal(whole:minimum(60):eq(sizes):all(), true)
    local function share(from, to) return (all:ge(from) & all:le(to)):count() / (to - from + 1) / 1e5 end
    local sd = math.sqrt(0.0497462 * 0.95 / 333 / 1e5)
    t.near(share(1, 333), 0.0497462, 3 * sd)
    t.near(share(668, 1000), 0.0497462, 3 * sd)
    t.near(share(1, 333) - share(668, 1000), 0, 3 * sd * math.sqrt(2))
  end)
end

test("padding has weight 0 and fills to the largest batch", function(t)
  for _, by in ipairs { "steps", "records" } do
    for indices, weights in sampler.truncated_poisson(pg.rng(2), { n = 100, batch = 5, max_batch = 9, epochs = 3, by = by }):steps() do
      t.equal({ #indices, #weights }, { 9, 9 })
      local kept = weights:sum() // 1 | 0
      t.ok(weights:narrow(1, 1, kept):eq(1):all() and indices:min() >= 1 and indices:max() <= 100)
      local sorted = indices:narrow(1, 1, kept):sort()
      t.ok(kept < 2 or (sorted:narrow(1, 2, kept - 1) - sorted:narrow(1, 1, kept - 1)):min() > 0, "no record twice")
    end
  end
end)

test("orders: every record once an epoch, persistent and dynamic", function(t)
  for _, kind in ipairs { "deterministic", "shuffle_persistent", "shuffle_dynamic", "balls_and_bins" } do
    local s = make(kind, 4, { n = 103, batch = 10, epochs = 3 })
    local epochs = {}
    for e = 1, 3 do
      local indices, starts = s:assignment(e)
      t.equal(indices:sort(), pg.arange(1, 104), kind)
      t.equal({ #starts, starts[1], starts[-1] }, { s.steps_per_epoch + 1, 1, 104 }, kind)
      epochs[e] = table.concat(indices:tolist(), " ")
    end
    t.equal(epochs[1] == epochs[2], kind == "deterministic" or kind == "shuffle_persistent", kind)
    t.ok(epochs[1] ~= epochs[3] or epochs[1] == epochs[2], kind)
  end
  t.equal((make("deterministic", 1, { n = 7, batch = 3 }):step(3)), pg.tensor({ 7 }, "i64"))
end)

test("balls and bins: sizes of bins are binomial", function(t)
  local sizes = {}
  local s = make("balls_and_bins", 9, { n = 1000, batch = 50, epochs = 2000 })
  for e = 1, 2000 do
    local _, starts = s:assignment(e)
    sizes[e] = (starts[2] - starts[1])                                                         -- one bin an epoch: independent
  end
  sizes = pg.tensor(sizes):cast "f64"
  t.near(sizes:mean(), 50, 5 * math.sqrt(47.5 / 2000))
  t.near(sizes:var(), 47.5, 5 * 47.5 * math.sqrt(2 / 2000))
end)

test("a step is the same alone, in turn, and in the epoch", function(t)
  for _, kind in ipairs(kinds) do
    for _, by in ipairs { "steps", "records" } do
      local opt = { n = 200, batch = 20, epochs = 2 }
      if kind:find "poisson" then opt.by = by end
      local s, last = make(kind, 6, opt), nil
      for indices, weights, k in s:steps() do
        local real = indices:masked_select(weights:gt(0))
        local epoch, within = (k - 1) // s.steps_per_epoch + 1, (k - 1) % s.steps_per_epoch + 1
        local all, starts = s:assignment(epoch)
        t.equal(real, all[{ { starts[within], starts[within + 1] - 1 } }], kind)
        if s.by ~= "records" then t.equal((s:step(k)), indices, kind) end
        last = k
      end
      t.equal(last, 2 * s.steps_per_epoch)
      for _, _, k in s:steps(s.steps_per_epoch + 1) do last = math.min(last, k) end
      t.equal(last, s.steps_per_epoch + 1)
    end
  end
end)

test("results do not depend on threads or on memory", function(t)
  local function drawn(opt) return sampler.poisson(pg.rng(1), opt):assignment(1) end
  local opt = { n = 50000, batch = 500, by = "records" }
  local one = drawn(opt)
  pg.threads(2)
  local two = drawn(opt)
  pg.threads(1)
  opt.memory = 1 << 17
  t.ok(one:eq(two):all() and one:eq(drawn(opt)):all())
  t.ok(pg.privacy.pairs(pg.rng(1), { n = 50000, steps = 100, rate = 0.01, memory = 1 << 17 }):runs() > 2, "some of it was on disk")
end)

test("runs on disk leave nothing behind, finished or not", function(t)
  local dir = os.tmpname()
  os.remove(dir)
  pg.system.mkdir(dir)
  local function files() return select(2, io.popen("ls -A '" .. dir .. "'"):read("a"):gsub("\n", "")) end
  local plan = { n = 50000, steps = 100, rate = 0.01, memory = 1 << 17, dir = dir }
  local pairs_ <close> = pg.privacy.pairs(pg.rng(1), plan)
  t.ok(pairs_:runs() > 2)
  t.equal(files(), 0)                                                                          -- not even now
  pairs_:next()
  t.ok(os.remove(dir), "the folder is empty")
  t.equal(select(2, pairs_:next()) > 0, true)                                                  -- and yet there
  t.fails(function() pg.privacy.pairs(pg.rng(1), plan) end, "privacy.pairs: cannot make a scratch file in '" .. dir:gsub("%p", "%%%0") .. "': No such file")
end)

test("linear queries: the variance of a sum of ones and noise", function(t)
  local sigma, n = 3, 1000
  local noise = sigma * pg.rng(8):stream("noise"):normal { 20000 }
  local function variance(s)
    local sums = {}
    for indices, weights, k in s:steps() do sums[k] = weights:sum() + 0 * #indices end
    return (pg.tensor(sums) + noise:narrow(1, 1, #sums)):var()
  end
  local opt = { n = n, batch = 50, epochs = 1000 }
  t.near(variance(make("poisson", 1, opt)), 47.5 + 9, 5 * 56.5 * math.sqrt(2 / 20000))
  for _, kind in ipairs { "deterministic", "shuffle_dynamic" } do t.near(variance(make(kind, 1, opt)), 9, 5 * 9 * math.sqrt(2 / 20000), kind) end
end)

test("a description tells an accountant what applies", function(t)
  local d = make("truncated_poisson", 1, { n = 1000, batch = 50, epochs = 3 }):describe()
  t.equal(d, { kind = "truncated_poisson", n = 1000, rate = 0.05, batch = 50, max_batch = 52, steps_per_epoch = 20, epochs = 3 })
  t.equal(make("shuffle_dynamic", 1, { n = 1000, batch = 30 }):describe(), { kind = "shuffle_dynamic", n = 1000, batch = 30, steps_per_epoch = 34, epochs = 1 })
  t.equal(tostring(make("truncated_poisson", 1, { n = 1000, batch = 50 })), "truncated poisson: 1000 records, batches of 50 (at most 52), 20 steps an epoch, 1 epochs")
end)

test("what cannot be drawn is refused", function(t)
  t.fails(function() sampler.poisson { n = 10, batch = 1 } end, "privacy.sampler.poisson: the first argument must be a stream")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10 }) end, "option 'batch' is required")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 11 }) end, "privacy.sampler.poisson: batch must be a number in 1..n = 10, got 11")
  t.fails(function() sampler.shuffle_dynamic(pg.rng(1), { n = 10, batch = 2.5 }) end, "batch must be an integer")
  t.fails(function() sampler.shuffle_dynamic(pg.rng(1), { n = 10, batch = 2, max_batch = 3 }) end, "unknown option 'max_batch'")
  t.fails(function() sampler.truncated_poisson(pg.rng(1), { n = 10, batch = 2 }) end, "option 'max_batch' is required")
  t.fails(function() sampler.truncated_poisson(pg.rng(1), { n = 10, batch = 2, max_batch = 0 }) end, "max_batch must be an integer >= 1, got 0")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 2, by = "row" }) end, "by must be 'steps' or 'records', got 'row'")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 2, epochs = 0 }) end, "epochs must be an integer >= 1, got 0")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 2 }):step(6) end, "steps are 1..5, got 6")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 2, by = "records" }):step(1) end, "iterate over steps")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 2, by = "records", epochs = 2 }):steps(2) end, "begin with an epoch %(1, 6, ...%), got 2")
  t.fails(function() sampler.poisson(pg.rng(1), { n = 10, batch = 2 }):assignment(2) end, "epochs are 1..1, got 2")
  t.fails(function() pg.privacy.pairs(pg.rng(1), { n = 10, steps = 2 }) end, "rate must lie in %[0, 1%], got %-1")
end)
