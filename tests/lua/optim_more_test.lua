-- Schedules, averages, chains, constraints, L-BFGS.
local pg = require "perigee"
local ad, optim = pg.ad, pg.optim

local function values(schedule, list)
  local v = {}
  for i, k in ipairs(list) do v[i] = schedule(k) end
  return v
end

test("schedules take the values of their formulas", function(t)
  t.equal(values(optim.constant(0.3), { 1, 1000 }), { 0.3, 0.3 })
  t.near(values(optim.step_decay { lr = 1, every = 10 }, { 1, 10, 11, 20, 21 }), { 1, 1, 0.1, 0.1, 0.01 }, 1e-16)
  t.near(values(optim.step_decay { lr = 8, at = { 3, 5 }, factor = 0.5 }, { 1, 3, 4, 5, 6, 100 }), { 8, 8, 4, 4, 2, 2 }, 0)
  t.near(values(optim.polynomial { lr = 1, steps = 10, last = 0.5 }, { 1, 6, 11, 99 }), { 1, 0.75, 0.5, 0.5 }, 1e-15)
  t.near(values(optim.polynomial { lr = 1, steps = 4, power = 2 }, { 1, 3, 5 }), { 1, 0.25, 0 }, 1e-15)
  t.near(values(optim.inverse_power { lr = 2 }, { 1, 4, 100 }), { 2, 1, 0.2 }, 1e-15)
  t.near(values(optim.inverse_power { lr = 2, power = 1, scale = 10 }, { 1, 11, 31 }), { 2, 1, 0.5 }, 1e-15)
  t.near(values(optim.cosine { lr = 1, steps = 14, warmup = 4, last = 0.2 }, { 1, 4, 5, 10, 15, 50 }), { 0.25, 1, 1, 0.6, 0.2, 0.2 }, 1e-15)
  t.near(values(optim.halving { lr = 1, every = 3 }, { 1, 3, 4, 7 }), { 1, 1, 0.5, 0.25 }, 0)
  t.near(values(optim.halving { lr = 1, every = 3, growth = 2 }, { 3, 4, 9, 10, 21, 22 }), { 1, 0.5, 0.5, 0.25, 0.25, 0.125 }, 0)
end)

test("a schedule is the lr of an optimiser, from step 1, also after a resumption", function(t)
  local lr = optim.step_decay { lr = 1, every = 2, factor = 0.5 }
  local opt, x, one = optim.sgd { lr = lr }, pg.zeros { 1 }, pg.ones { 1 }
  for _ = 1, 3 do opt:step(x, one) end
  t.equal(x:tolist(), { -2.5 })
  t.equal(opt:lr(), 0.5)
  local other = optim.sgd { lr = lr }:state(opt:state())
  t.equal(other:step(pg.zeros { 1 }, one):tolist(), { -0.5 })
  t.equal(other:step(pg.zeros { 1 }, one):tolist(), { -0.25 })
  t.equal(tostring(other), "sgd: lr step decay from 1, 0.5 every 2 steps, 5 steps")
end)

test("schedules refuse what they cannot be", function(t)
  t.fails(function() optim.cosine { lr = 1 } end, "optim.cosine: option 'steps' is required")
  t.fails(function() optim.cosine { lr = 1, steps = 5, warmup = 5 } end, "warmup must be less than steps, got 5 of 5")
  t.fails(function() optim.constant(-1) end, "lr must be finite and >= 0, got %-1")
  t.fails(function() optim.step_decay { lr = 1 } end, "give either every or at")
  t.fails(function() optim.step_decay { lr = 1, at = { 5, 4 } } end, "at must increase, got 4 after 5")
  t.fails(function() optim.halving { lr = 1, every = 2, factor = 2 } end, "factor must lie in %(0, 1%], got 2")
  t.fails(function() optim.polynomial { lr = 1, step = 3 } end, "unknown option 'step' %(did you mean 'steps'%?%)")
end)

test("averages are the means they name", function(t)
  for _, dtype in ipairs { "f64", "f32" } do
    local xs, rng = {}, pg.rng(2)
    local all, tail, ema, biased, window = optim.polyak_average(), optim.tail_average { fraction = 0.3, horizon = 10 },
      optim.exponential_average { decay = 0.8 }, optim.exponential_average { decay = 0.8, debias = false }, optim.window_average { window = 4 }
    local theta = pg.zeros({ 3 }, dtype)
    for k = 1, 10 do
      theta:copy_(rng:normal { 3 })
      xs[k] = theta:clone()
      for _, avg in ipairs { all, tail, ema, biased, window } do t.ok(rawequal(avg:add(theta), avg)) end
    end
    local x = pg.stack(xs):cast "f64"
    local w = 0.2 * 0.8 ^ (10 - pg.arange(1, 11):cast "f64")
    local first = w:clone()
    first[1] = 0.8 ^ 9
    local eps = dtype == "f64" and 1e-15 or 1e-7
    t.near(all:mean(), x:mean(1), eps)
    t.near(tail:mean(), x:narrow(1, 8, 3):mean(1), eps)
    t.near(ema:mean(), x:transpose(1, 2):mv(w / w:sum()), eps)
    t.near(biased:mean(), x:transpose(1, 2):mv(first), eps)
    t.near(window:mean(), x:narrow(1, 7, 4):mean(1), eps)
    t.equal(all:mean():dtype(), dtype)
    t.equal(tostring(tail), "tail_average: 3 of 10 iterates")
  end
end)

test("averages save, continue, refuse", function(t)
  local makers = { optim.polyak_average, function() return optim.tail_average { horizon = 6 } end,
    function() return optim.exponential_average { decay = 0.5 } end, function() return optim.window_average { window = 3 } end }
  for i, make in ipairs(makers) do
    local whole, part = make(), make()
    for k = 1, 6 do
      whole:add(pg.sin(pg.arange(4) * k))
      part:add(pg.sin(pg.arange(4) * k))
      part = make():state(part:state())
    end
    t.equal(part:mean(), whole:mean())
    t.fails(function() make():mean() end, "no iterate has been added")
    t.fails(function() whole:add(pg.ones { 5 }) end, "the iterates so far are f64 %(4%), this one is f64 %(5%)")
    t.fails(function() whole:state(makers[i % 4 + 1]():state()) end, "the saved state is one of")
    t.fails(function() whole:state(make():add(pg.ones { 5 }):state()) end, "the saved iterates are")
    t.equal(make():add(pg.tensor(2.5)):add(pg.tensor(2.5)):reset():add(pg.ones { 2 }):state().steps, 1)
  end
  t.fails(function() optim.tail_average { horizon = 4 }:add(pg.ones { 1 }):mean() end, "optim.tail_average: no iterate in the tail yet")
  t.fails(function() optim.window_average { window = 2 }:state(optim.window_average { window = 3 }:add(pg.ones { 1 }):state()) end, "3 rows, not 2")
end)

test("averaging SGD on a noisy quadratic beats its last iterate", function(t)
  local rng, opt, avg = pg.rng(4):stream "noise", optim.sgd { lr = optim.inverse_power { lr = 0.5 } }, optim.tail_average { horizon = 4000 }
  local x = pg.ones { 50 }
  for _ = 1, 4000 do
    opt:step(x, x + rng:normal { 50 })
    avg:add(x)
  end
  t.ok(avg:mean():norm() < 0.5 * x:norm())
end)

test("chain: clipped momentum is its recursion; links alone are what they say", function(t)
  local chain = optim.chain { optim.clip(1), optim.momentum(0.9), optim.scale(-0.1) }
  local x, m, y = pg.tensor { 1, -2, 3 }, pg.zeros { 3 }, pg.tensor { 1, -2, 3 }
  for k = 1, 10 do
    local g = pg.sin(x * k)
    t.ok(rawequal(chain:step(x, g), x))
    m = 0.9 * m + g * math.min(1, 1 / g:norm())
    y = y - 0.1 * m
    t.near(x, y, 1e-15)
  end
  t.equal(tostring(chain), "chain: clip 1, momentum 0.9, scale -0.1, 10 steps")
  local function once(link, u) return optim.chain { link }:step(pg.zeros { 2 }, pg.tensor(u)):tolist() end
  t.equal(once(optim.clip(1), { 0.3, 0.4 }), { 0.3, 0.4 })
  t.near(once(optim.clip(1), { 3, 4 }), { 0.6, 0.8 }, 1e-15)
  t.equal(once(optim.clip_value(1), { 3, -0.5 }), { 1, -0.5 })
  t.equal(optim.chain { optim.decay(0.5) }:step(pg.ones { 1 }, pg.zeros { 1 }):tolist(), { 1.5 })
  local falling = optim.chain { optim.scale(function(k) return -1 / k end) }
  t.near(falling:step(falling:step(pg.zeros { 1 }, pg.ones { 1 }), pg.ones { 1 }), { -1.5 }, 1e-15)
  t.ok(once(optim.clip(1), { 0 / 0, 1 })[2] ~= 0, "NaN spreads, it is not dropped")
end)

test("chain: an optimiser at the end takes the update for its gradient", function(t)
  local chain, adam = optim.chain { optim.clip(0.5), optim.adam { lr = 0.1 } }, optim.adam { lr = 0.1 }
  local x, y = pg.tensor { 1, 2 }, pg.tensor { 1, 2 }
  for _ = 1, 5 do
    chain:step(x, x)
    adam:step(y, y * math.min(1, 0.5 / y:norm()))
  end
  t.equal(x, y)
  t.fails(function() optim.chain { adam, optim.clip(1) } end, "entry 1 is not a link; an optimiser can only be the last")
  t.fails(function() optim.chain {} end, "give a list of links")
  t.fails(function() optim.chain { pg.ones { 1 } } end, "entry 1 is not a link or an optimiser")
end)

test("chain: state continues to the same bytes, other chains are refused, failed steps change nothing", function(t)
  local function make() return optim.chain { optim.decay(0.1), optim.momentum(0.9), optim.rmsprop { lr = 0.05 } } end
  local function run(opt, x, from, to)
    for k = from, to do opt:step(x, pg.cos(x * k)) end
    return x
  end
  local whole, first = run(make(), pg.ones { 3 }, 1, 12), make()
  local x = run(first, pg.ones { 3 }, 1, 5)
  local second = make():state(first:state())
  local copy = x:clone()
  run(first, x, 6, 12)
  t.equal(run(second, copy, 6, 12), whole)
  t.equal(run(second:reset(), pg.ones { 3 }, 1, 12), whole)
  t.fails(function() optim.chain { optim.clip(1) }:state(first:state()) end, "a chain with other links")
  t.fails(function() optim.chain { optim.decay(1), optim.clip(1), optim.rmsprop {} }:state(first:state()) end, "the saved state is one of 'momentum'")
  t.fails(function() optim.adam {}:state(first:state()) end, "the saved state is one of 'chain'")
  t.fails(function() first:step(pg.ones { 4 }, pg.ones { 4 }) end, "the state belongs to f64 %(3%)")
  t.fails(function() first:step(pg.ones { 3 }, pg.ones { 4 }) end, "optim.chain: theta and its gradient differ: f64 %(3%) and f64 %(4%)")
  local plain = optim.chain { optim.momentum(0.5), optim.scale(-1) }
  plain:step(pg.ones { 2 }, pg.ones { 2 })
  local before = plain:state().links[1].m
  t.fails(function() ad.grad(function(w) plain:step(w, pg.ones { 2 }) return w:sum() end)(pg.ones { 2 }) end, "in place")
  t.equal(plain:state().links[1].m, before)
  t.equal(plain:steps(), 1)
end)

test("projected gradient: least squares over the simplex, the box and the ball satisfies the optimality conditions", function(t)
  local A, b = pg.rng(6):normal { 8, 5 }, pg.rng(7):normal { 8 }
  local grad = ad.grad(function(x) return ((A:mv(x) - b) ^ 2):sum() / 2 end)
  for _, set in ipairs { { simplex = 1 }, { box = { -0.1, pg.full({ 5 }, 0.2) } }, { ball = 0.3 } } do
    local opt, x = optim.projected(optim.sgd { lr = 0.03 }, set), pg.zeros { 5 }
    for _ = 1, 3000 do opt:step(x, grad(x)) end
    local function project(z)
      if set.simplex then return optim.project_simplex(z, 1) end
      return set.ball and optim.project_ball(z, 0.3) or optim.project_box(z, -0.1, pg.full({ 5 }, 0.2))
    end
    t.near(project(x - grad(x)), x, 1e-10, tostring(opt))       -- a fixed point of every step size
    t.ok((project(x) - x):norm() < 1e-15)
  end
end)

test("proximal gradient: the lasso's subgradient conditions; Huber", function(t)
  local A, b, w = pg.rng(6):normal { 20, 10 }, pg.rng(7):normal { 20 }, 5
  local grad = ad.grad(function(x) return ((A:mv(x) - b) ^ 2):sum() / 2 end)
  local opt, x = optim.proximal(optim.sgd { lr = 0.015 }, { l1 = w }), pg.zeros { 10 }
  for _ = 1, 4000 do opt:step(x, grad(x)) end
  local g, zeros = grad(x):tolist(), 0
  for i, v in ipairs(x:tolist()) do
    if v == 0 then zeros = zeros + 1 end
    if v == 0 then t.ok(math.abs(g[i]) <= w) else t.near(g[i], v > 0 and -w or w, 1e-9) end
  end
  t.ok(zeros >= 2 and zeros <= 8, "%d zeros", zeros)
  local huber = optim.proximal(optim.sgd { lr = 0.01 }, { huber = 2, delta = 0.1 })
  for _ = 1, 6000 do huber:step(x, grad(x)) end
  t.near(grad(x) + 2 * x:clip(-0.1, 0.1), pg.zeros { 10 }, 1e-9)
  t.equal(tostring(huber), "proximal: huber 2, delta 0.1, [sgd: lr 0.01, 6000 steps]")
  local custom = optim.proximal(optim.sgd { lr = 0.5 }, function(z, lr) return z / (1 + lr) end)
  t.near(custom:step(pg.ones { 1 }, pg.zeros { 1 }), { 1 / 1.5 }, 1e-15)
end)

test("wrappers save their state and refuse nonsense", function(t)
  local function make() return optim.projected(optim.adam { lr = 0.1 }, { ball = 1 }) end
  local a, x = make(), pg.ones { 3 }
  a:step(x, x)
  local b, y = make():state(a:state()), x:clone()
  t.equal(b:step(y, y), a:step(x, x))
  t.equal(b:steps(), 2)
  t.fails(function() optim.proximal(optim.adam {}, { l1 = 1 }):state(a:state()) end, "the saved state is one of 'projected'")
  t.fails(function() optim.projected(optim.adam {}, { circle = 1 }) end, "unknown option 'circle'")
  t.fails(function() optim.projected(optim.adam {}, { ball = 1, box = { 0, 1 } }) end, "give one of box, ball, simplex, not several")
  t.fails(function() optim.projected({}, { ball = 1 }) end, "the first argument must be an optimiser")
  t.fails(function() optim.proximal(optim.chain { optim.scale(-1) }, { l1 = 1 }) end, "has no lr")
  t.fails(function() optim.projected(optim.adam {}, { ball = -1 }) end, "radius must be finite and >= 0, got %-1")
end)

local function rosenbrock(x)
  local n = x:dim(1)
  local a, b = x:narrow(1, 1, n - 1), x:narrow(1, 2, n - 1)
  return (100 * (b - a ^ 2) ^ 2 + (1 - a) ^ 2):sum()
end

test("lbfgs: Rosenbrock in 2 and 20 dimensions", function(t)
  local x, info = optim.lbfgs { tolerance = 1e-9 }:minimise(ad.value_and_grad(rosenbrock), pg.tensor { -1.2, 1 })
  t.ok(info.converged and info.reason == "gradient", info.reason)
  t.near(x, { 1, 1 }, 1e-8)
  t.ok(info.iterations < 60 and info.evaluations < 80, "%d iterations, %d evaluations", info.iterations, info.evaluations)
  t.near(info.value, rosenbrock(x), 0)
  local start = pg.stack({ pg.full({ 10 }, -1.2), pg.ones { 10 } }, 2):reshape { 20 }
  x, info = optim.lbfgs { tolerance = 1e-9, memory = 5 }:minimise(ad.value_and_grad(rosenbrock), start)
  t.ok(info.converged, info.reason)
  t.near(x, pg.ones { 20 }, 1e-8)
  t.equal(start[1], -1.2, "x0 is left alone")
end)

test("lbfgs: a quadratic is minimised to rounding; convex, one-dimensional and f32 functions", function(t)
  local lambda = pg.logspace(-2, 1, 30)
  local x, info = optim.lbfgs { tolerance = 1e-10 }:minimise(function(u) return (lambda * u ^ 2):sum() / 2, lambda * u end, pg.ones { 30 })
  t.ok(info.converged, info.reason)
  t.near(x, pg.zeros { 30 }, 1e-8)
  x = optim.lbfgs {}:minimise(ad.value_and_grad(function(u) return (pg.exp(u) - 2 * u):sum() end), pg.tensor { 30, -30 })
  t.near(x, pg.full({ 2 }, math.log(2)), 1e-8)
  x, info = optim.lbfgs { tolerance = 1e-4 }:minimise(ad.value_and_grad(rosenbrock), pg.tensor({ -1.2, 1 }, "f32"))
  t.near(x, { 1, 1 }, 2e-3, info.reason)
  t.equal(x:dtype(), "f32")
end)

test("lbfgs: every accepted step satisfies the strong Wolfe conditions", function(t)
  local f = ad.value_and_grad(rosenbrock)
  local opt, x = optim.lbfgs { c1 = 1e-3, c2 = 0.5 }, pg.tensor { -1.2, 1, 0.5 }
  for k = 1, 25 do
    local before = x:clone()
    local v0, g0 = f(before)
    local _, v1, g1 = opt:step(x, f)
    local s = x - before
    v0 = pg.is_tensor(v0) and v0:item() or v0
    t.ok(v1 <= v0 + 1e-3 * g0:dot(s) + 1e-15, "decrease, step %d", k)
    t.ok(math.abs(g1:dot(s)) <= 0.5 * math.abs(g0:dot(s)), "curvature, step %d", k)
  end
end)

test("lbfgs: a wall of infinities and a poor start are survived; failures say why", function(t)
  local function barrier(u) return (u - pg.log(u)):sum() end -- NaN below 0
  local x, info = optim.lbfgs {}:minimise(ad.value_and_grad(barrier), pg.tensor { 1e-3, 50, 2 })
  t.ok(info.converged, info.reason)
  t.near(x, pg.ones { 3 }, 1e-7)
  local _, bad = optim.lbfgs {}:minimise(function(u) return 0 / 0, u end, pg.ones { 2 })
  t.ok(not bad.converged and bad.reason:find "the value is %-?nan", bad.reason)
  _, bad = optim.lbfgs {}:minimise(function(u) return (u ^ 2):sum(), -2 * u end, pg.ones { 2 }) -- a gradient that points the wrong way
  t.equal(bad.reason, "no step length satisfies the Wolfe conditions")
  _, bad = optim.lbfgs { iterations = 2 }:minimise(ad.value_and_grad(rosenbrock), pg.tensor { -1.2, 1 })
  t.equal({ bad.reason, bad.iterations }, { "iterations", 2 })
  t.fails(function() optim.lbfgs {}:minimise(function() return 1 end, pg.ones { 2 }) end, "must return a value and a gradient, got number and nil")
  t.fails(function() optim.lbfgs {}:minimise(function() return 1, pg.ones { 3 } end, pg.ones { 2 }) end, "x is f64 %(2%), its gradient f64 %(3%)")
  t.fails(function() optim.lbfgs { c1 = 0.9, c2 = 0.1 } end, "need 0 < c1 < c2 < 1")
end)

test("lbfgs: stepwise is minimise; a saved state continues to the same bytes", function(t)
  local f, start = ad.value_and_grad(rosenbrock), pg.tensor { -1.2, 1, 0.3, 2 }
  local function run(opt, x, n)
    for _ = 1, n do opt:step(x, f) end
    return x
  end
  local x = optim.lbfgs { iterations = 15, memory = 4 }:minimise(f, start)
  local whole = run(optim.lbfgs { memory = 4 }, start:clone(), 15)
  t.equal(x, whole)
  local first = optim.lbfgs { memory = 4 }
  local y = run(first, start:clone(), 7)
  local second = optim.lbfgs { memory = 4 }:state(first:state())
  t.equal(run(second, y:clone(), 8), whole)
  t.equal(run(first:reset(), start:clone(), 15), whole)
  t.fails(function() optim.lbfgs { memory = 2 }:state(first:state()) end, "4 pairs, more than this memory")
  t.fails(function() first:step(pg.ones { 3 }, f) end, "x is f64 %(3%), but the state belongs to f64 %(4%)")
  t.fails(function() first:state(optim.adam {}:state()) end, "the saved state is one of 'adam'")
end)

test("a state in a file continues to the same bytes", function(t)
  local path = os.tmpname()
  local function add(avg, x) avg:add(x) end
  local function step(opt, x) opt:step(x, pg.sin(x)) end
  local f = ad.value_and_grad(rosenbrock)
  local cases = {
    { function() return optim.adam { lr = 0.1 } end, step },
    { function() return optim.nesterov { lr = 0.01 } end, step },
    { function() return optim.chain { optim.clip(1), optim.momentum(0.9), optim.rmsprop {} } end, step },
    { function() return optim.projected(optim.sgd { lr = 0.1, momentum = 0.5 }, { ball = 1 }) end, step },
    { function() return optim.lbfgs { memory = 3 } end, function(opt, x) opt:step(x, f) end },
    { function() return optim.window_average { window = 3 } end, add },
  }
  for _, dtype in ipairs { "f64", "f32" } do
    for _, case in ipairs(cases) do
      local make, advance = case[1], case[2]
      local whole, x = make(), pg.tensor({ -1.2, 1, 0.7 }, dtype)
      for k = 1, 6 do
        if k == 4 then optim.save(path, whole) end
        if k == 4 then case.copy = x:clone() end
        advance(whole, x)
      end
      local other = make()
      t.ok(rawequal(optim.load(path, other), other))
      for _ = 4, 6 do advance(other, case.copy) end
      t.equal(case.copy, x, tostring(other))
      local a, b = whole:state(), other:state()
      t.equal(a.steps, b.steps)
      t.fails(function() optim.load(path, optim.exponential_average()) end, "optim.exponential_average: the saved state is one of")
    end
  end
  pg.io.save_npz(path, { x = pg.ones { 3 } })
  t.fails(function() optim.load(path, optim.adam {}) end, "is not a saved state: it holds 'x'")
  t.fails(function() optim.save(3, optim.adam {}) end, "optim.save: the path must be a string, got number")
  os.remove(path)
end)

-- call() with all allocations from the n-th on failing, n = 0, 1, ...: after each failure, unchanged(); until none fails.
local function starve(t, call, unchanged)
  for n = 0, 2000 do
    pg.testing.fail_allocation(n, true)
    local ok = pcall(call)
    local failed = pg.testing.allocation_failed()
    pg.testing.fail_allocation(-1)
    if not failed then
      t.ok(ok)
      return t.ok(n > 0, "something was allocated")
    end
    if not ok then unchanged(n) else return end -- the failure was made up for
  end
end

test("a step or an addition that runs out of memory changes nothing", function(t)
  local g, f = pg.full({ 200 }, 3.0), ad.value_and_grad(rosenbrock)
  local chain = optim.chain { optim.clip(1), optim.momentum(0.9), optim.scale(-0.1) }
  local lbfgs, x = optim.lbfgs { memory = 3 }, pg.sin(pg.arange(200))
  chain:step(x, g)
  for _ = 1, 4 do lbfgs:step(x, f) end
  for _, opt in ipairs { chain, lbfgs } do
    local argument = opt == chain and g or f
    local before, count = x:clone(), opt:steps()
    starve(t, function() opt:step(x, argument) end, function(n)
      t.equal(x, before, "theta, allocation %d", n)
      t.equal(opt:steps(), count)
    end)
    t.equal(opt:steps(), count + 1)
  end
  for _, avg in ipairs { optim.polyak_average(), optim.tail_average { horizon = 3, fraction = 1 }, optim.exponential_average {},
    optim.window_average { window = 2 } } do
    for _ = 1, 2 do
      local before = avg:state()
      starve(t, function() avg:add(g) end, function(n)
        local now = avg:state()
        t.equal(now.steps, before.steps)
        t.ok((now.data == nil) == (before.data == nil), "allocation %d", n)
        if now.data then t.equal(now.data, before.data, "allocation %d of %s", n, tostring(avg)) end
      end)
      t.equal(avg:state().steps, before.steps + 1)
    end
    t.near(avg:mean(), g, 1e-12) -- 1 - 0.999^2 has lost three digits
  end
end)
