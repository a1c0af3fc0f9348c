-- Training to convergence: when it ends, what is averaged, how it says that it failed.
local pg = require "perigee"
local optim = pg.optim

-- theta counts steps: theta = k after step k; the loss is what `loss` says of it.
local function counting(opt)
  local theta = pg.zeros { 2 }
  local given = { theta = theta, step = function(k) theta:fill_(k) end, watch = function(w) return opt.watch(w[1]) end, every = 10, cap = 200 }
  for name, value in pairs(opt) do if name ~= "watch" then given[name] = value end end
  return optim.converge(given)
end

test("fitted at a look, then `after` steps, the last `average` of them averaged", function(t)
  local run = counting { watch = function(k) return 1 / k, k >= 35 and 1 or 0.5 end, loss = 0.03, after = 25, average = 5 }
  t.equal({ run.verdict, run.fitted, run.steps }, { "converged", 40, 65 })          -- loss below 0.03 from 34 on, accuracy from 35, looks at 40
  t.equal(run.average, { 63, 63 })                                                   -- the mean of 61..65
  t.equal(run.curve.x, { 10, 20, 30, 40, 50, 60 })
  t.equal(run.curve:at(40, "accuracy"), 1.0)
  local at_once = counting { watch = function() return 0, 1 end, after = 0, average = 1 }
  t.equal({ at_once.verdict, at_once.fitted, at_once.steps, at_once.average[1] }, { "converged", 10, 10, 10.0 })
end)

test("runs that fail are results too", function(t)
  local capped = counting { watch = function() return 1, 0.9 end }
  t.equal({ capped.verdict, capped.fitted, capped.steps, capped.average[1] }, { "capped", 0, 200, 200.0 })
  local diverged = counting { watch = function(k) return k < 50 and 1 or 0 / 0, 0.9 end }
  t.equal({ diverged.verdict, diverged.steps }, { "diverged", 50 })
  t.equal(counting({ watch = function(k) return k < 50 and 1 or math.huge, 0.9 end }).verdict, "diverged")
  local stuck = counting { watch = function() return 1, 0.1 end, hopeless = 65 }
  t.equal({ stuck.verdict, stuck.steps }, { "stuck", 70 })
  t.equal(counting({ watch = function() return 1, 0.1 end, hopeless = 65, chance = 0.05 }).verdict, "capped")
  local late = counting { watch = function(k) return 1 / k, 1 end, loss = 0.0065, after = 100, average = 10 }    -- fitted at 160, no time left
  t.equal({ late.verdict, late.fitted, late.average[1] }, { "capped", 160, 200.0 })
end)

test("what is refused says why", function(t)
  local function watch() return 1, 1 end
  t.fails(function() counting { watch = watch, every = 0 } end, "converge_test.lua:%d+: optim.converge: every must be at least 1, got 0")
  t.fails(function() counting { watch = watch, after = 5, average = 6 } end, "the average of the last 6 iterates needs after >= 6, got 5")
  t.fails(function() counting { watch = watch, step = 3 } end, "step must be a function, got number")
  t.fails(function() counting { watch = watch, theta = 3 } end, "theta must be a tensor, got number")
  t.fails(function() counting { watch = watch, loss = 0 } end, "loss must be finite and > 0, got 0")
  t.fails(function() optim.converge { theta = pg.zeros { 1 } } end, "optim.converge")
end)

test("fit: plain SGD on batches without replacement, the same as by hand", function(t)
  local nn, data, rng = pg.nn, pg.data, pg.rng(4)
  local set = data.gaussian_mixture(200, rng:stream "points", { classes = 3, d = 5, spread = 2 })
  local net = nn.mlp { 5, 16, 3 }
  local theta = net:init(rng:stream "init", "f64")
  local by_hand = theta:clone()
  local run = nn.fit(net, theta, set, { rng = rng:stream "fit", lr = 0.2, batch = 20, every = 30, cap = 90 })
  for k = 1, 90 do
    local idx = rng:stream("fit"):stream("batch", k):subset(200, 20)
    by_hand = by_hand - 0.2 * pg.ad.grad(function(w) return nn.cross_entropy(net(w, set.x[idx]), set.y[idx]):mean() end)(by_hand)
  end
  t.near(theta, by_hand, 1e-14)
  t.equal(run.verdict, "capped")
  local loss, accuracy = nn.evaluate(net, theta, set)
  t.near(loss, nn.cross_entropy(net(theta, set.x), set.y):mean(), 1e-14)
  t.equal({ run.curve.loss[-1], run.curve.accuracy[-1] }, { loss, accuracy })
  t.ok(accuracy > 0.8)
  t.fails(function() nn.fit(net, theta, set, { rng = rng, lr = 0.2, batch = 201 }) end, "converge_test.lua:%d+: nn.fit: batch must be an integer in 1..200, got 201")
  t.fails(function() nn.fit(net, theta, set, { rng = rng, lr = -1, batch = 2 }) end, "lr must be positive, got %-1")
  t.fails(function() nn.fit(net, theta, set, { lr = 1, batch = 2 }) end, "rng must be a stream, got nil")
  t.fails(function() nn.fit(net, theta, set, { rng = rng, lr = 1, batch = 2, evry = 3 }) end, "unknown option 'evry'")
end)
