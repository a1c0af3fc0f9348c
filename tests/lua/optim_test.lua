-- Optimisers: each against its recursion written out, states, refusals; projections against their optimality conditions.
local pg = require "perigee"
local optim = pg.optim

local function numbers(seed, n) return pg.rng(seed):normal { n or 7 }:tolist() end
local function rounded(x, dtype) return dtype == "f32" and pg.tensor(x):cast "f32":tolist() or x end

-- Runs an optimiser and its recursion side by side on gradients that depend on theta, in f64 to 1e-14, in f32 to 1e-5.
-- recursion(x, g, s, k): the new x of one coordinate; s is its own table of state, k the number of the step.
local function follows(t, make, recursion, gradient)
  gradient = gradient or function(x, k) return math.sin(3 * x) + 0.3 * x + 0.2 * (-1) ^ k end
  for dtype, tolerance in pairs { f64 = 1e-14, f32 = 2e-5 } do
    local start = rounded(numbers(1), dtype)
    local theta, opt, state = pg.tensor(start, dtype), make(), {}
    local x = start
    for i = 1, #x do state[i] = {} end
    for k = 1, 40 do
      local g = {}
      for i, at in ipairs(theta:tolist()) do g[i] = gradient(at, k) end
      g = pg.tensor(g, dtype)
      local given = g:tolist()
      t.ok(rawequal(opt:step(theta, g), theta), "step returns theta")
      for i = 1, #x do x[i] = recursion(x[i], given[i], state[i], k) end
      t.near(theta, x, tolerance, "%s, step %d, %s", tostring(opt), k, dtype)
      if dtype == "f32" then x = theta:tolist() end      -- states drift apart by rounding only
    end
    t.equal(opt:steps(), 40)
  end
end

test("sgd: plain, weight decay, momentum, nesterov", function(t)
  follows(t, function() return optim.sgd { lr = 0.1 } end, function(x, g) return x - 0.1 * g end)
  follows(t, function() return optim.sgd { lr = 0.1, weight_decay = 0.3 } end, function(x, g) return x - 0.1 * (g + 0.3 * x) end)
  follows(t, function() return optim.sgd { lr = 0.1, momentum = 0.9, weight_decay = 0.3 } end, function(x, g, s)
    s.m = 0.9 * (s.m or 0) + (g + 0.3 * x)
    return x - 0.1 * s.m
  end)
  follows(t, function() return optim.sgd { lr = 0.05, momentum = 0.9, nesterov = true } end, function(x, g, s)
    s.m = 0.9 * (s.m or 0) + g
    return x - 0.05 * (g + 0.9 * s.m)
  end)
end)

test("heavy ball: x' = x - lr_k g + beta (x - last x), also while lr changes", function(t)
  follows(t, function() return optim.heavy_ball { lr = function(k) return 0.1 / k end, momentum = 0.8 } end, function(x, g, s, k)
    local new = x - 0.1 / k * g + 0.8 * (s.last and x - s.last or 0)
    s.last = x
    return new
  end)
end)

test("heavy ball with Polyak's pair contracts a quadratic at (sqrt kappa - 1) / (sqrt kappa + 1)", function(t)
  local kappa = 100
  local root = 1 / math.sqrt(kappa)
  local lambda = pg.linspace(1 / kappa, 1, 20)
  local opt = optim.heavy_ball { lr = 4 / (1 + root) ^ 2, momentum = ((1 - root) / (1 + root)) ^ 2 }
  local x, e = pg.ones { 20 }, {}
  for k = 1, 300 do
    opt:step(x, lambda * x)
    e[k] = x:norm()
  end
  t.near((e[300] / e[200]) ^ (1 / 100), (1 - root) / (1 + root), 5e-3)    -- a double root: k rho^k, and (3/2)^(1/100) = 1.004
end)

test("nesterov: the scheme with two iterates of the convex case", function(t)
  follows(t, function() return optim.nesterov { lr = 0.1 } end, function(y, g, s)
    -- A_{k+1} = A_k + (1 + sqrt(4 A_k + 1)) / 2; x' = y - g/L; z' = z - (A_{k+1} - A_k)/L g; y = x + (1 - A_k/A_{k+1}) (z - x)
    local A = s.A or 0
    local more = A + (1 + math.sqrt(4 * A + 1)) / 2
    local x, z = y - 0.1 * g, (s.z or y) - (more - A) * 0.1 * g
    s.A, s.z = more, z
    local further = more + (1 + math.sqrt(4 * more + 1)) / 2
    return x + (1 - more / further) * (z - x)
  end)
end)

test("nesterov: the scheme with two iterates of the strongly convex case", function(t)
  local mu, L = 0.1, 10
  local q = math.sqrt(mu / L)
  follows(t, function() return optim.nesterov { lr = 1 / L, mu = mu } end, function(y, g, s)
    local z0 = s.z or y
    local x, z = y - g / L, z0 + q * (y - z0) - g / math.sqrt(mu * L)
    s.z = z
    return x + q / (1 + q) * (z - x)
  end)
end)

test("nesterov: f(x_k) of a quadratic lies under 2 L |x_0 - x*|^2 / (k + 1)^2 and reaches what it should", function(t)
  local lambda = pg.logspace(-4, 0, 50)
  local opt, y = optim.nesterov { lr = 1 }, pg.ones { 50 }
  for k = 1, 200 do
    opt:step(y, lambda * y)
    local x = opt:solution()
    t.ok((lambda * x ^ 2):sum() / 2 <= 2 * 50 / (k + 1) ^ 2)
  end
  t.ok((lambda * opt:solution() ^ 2):sum() / 2 < 0.003, "faster than gradient descent")
  t.fails(function() optim.sgd { lr = 1 }:solution() end, "optim.sgd: there is no second iterate")
  t.fails(function() optim.nesterov { lr = 1 }:solution() end, "no step has been made yet")
  t.fails(function() optim.nesterov { lr = 1, mu = 2 }:step(pg.ones { 1 }, pg.ones { 1 }) end, "mu lr must be at most 1.*got 2")
end)

local function adam(o)
  return function(x, g, s, k)
    local decay, shrink = o.decoupled and 0 or o.decay or 0, o.decoupled and 1 - o.lr * o.decay or 1
    g = g + decay * x
    s.m = o.beta1 * (s.m or 0) + (1 - o.beta1) * g
    s.v = o.beta2 * (s.v or 0) + (1 - o.beta2) * g * g
    local m, v = s.m, s.v
    if o.corrected then m, v = m / (1 - o.beta1 ^ k), v / (1 - o.beta2 ^ k) end
    return shrink * x - o.lr * m / (math.sqrt(v) + 1e-8)
  end
end

test("adam: any betas, with and without bias correction, both decays", function(t)
  for _, b in ipairs { { 0.9, 0.999 }, { 0, 0.99 }, { 0.9, 0.5 }, { 0.9, 0.9 }, { 0.5, 0 } } do
    for _, corrected in ipairs { true, false } do
      follows(t, function() return optim.adam { lr = 0.02, beta1 = b[1], beta2 = b[2], bias_correction = corrected, weight_decay = 0.1 } end,
        adam { lr = 0.02, beta1 = b[1], beta2 = b[2], corrected = corrected, decay = 0.1 })
    end
  end
  follows(t, function() return optim.adamw { lr = 0.02, weight_decay = 0.2 } end,
    adam { lr = 0.02, beta1 = 0.9, beta2 = 0.999, corrected = true, decay = 0.2, decoupled = true })
end)

test("rmsprop: plain, centred, momentum, warm start with eps under the root", function(t)
  local function rms(o)
    return function(x, g, s, k)
      s.v = (o.warm and k == 1) and g * g or 0.9 * (s.v or 0) + (1 - 0.9) * g * g
      s.c = 0.9 * (s.c or 0) + (1 - 0.9) * g
      local spread = o.centred and math.max(s.v - s.c * s.c, 0) or s.v
      local u = o.inside and g / math.sqrt(spread + 1e-2) or g / (math.sqrt(spread) + 1e-2)
      s.b = (o.momentum or 0) * (s.b or 0) + u
      return x - 0.01 * s.b
    end
  end
  follows(t, function() return optim.rmsprop { beta = 0.9, eps = 1e-2 } end, rms {})
  follows(t, function() return optim.rmsprop { beta = 0.9, eps = 1e-2, centred = true } end, rms { centred = true })
  follows(t, function() return optim.rmsprop { beta = 0.9, eps = 1e-2, momentum = 0.7 } end, rms { momentum = 0.7 })
  follows(t, function() return optim.rmsprop { beta = 0.9, eps = 1e-2, momentum = 0.7, centred = true } end, rms { momentum = 0.7, centred = true })
  follows(t, function() return optim.rmsprop { beta = 0.9, eps = 1e-2, warm = true, eps_inside = true } end, rms { warm = true, inside = true })
end)

test("adagrad, from a start of its sum; over a window", function(t)
  follows(t, function() return optim.adagrad { lr = 0.1, initial = 0.5 } end, function(x, g, s)
    s.v = (s.v or 0.5) + g * g
    return x - 0.1 * g / (math.sqrt(s.v) + 1e-10)
  end)
  follows(t, function() return optim.windowed_adagrad { lr = 0.1, window = 3 } end, function(x, g, s)
    table.insert(s, g * g)
    if #s > 3 then table.remove(s, 1) end
    local sum = 0
    for _, v in ipairs(s) do sum = sum + v end
    return x - 0.1 * g / math.sqrt(sum + 0.1)
  end)
end)

local kinds = {
  function() return optim.sgd { lr = 0.1 } end,
  function() return optim.sgd { lr = 0.1, momentum = 0.9, weight_decay = 0.01 } end,
  function() return optim.heavy_ball { lr = 0.1 } end,
  function() return optim.nesterov { lr = 0.1 } end,
  function() return optim.adam { lr = 0.1 } end,
  function() return optim.adamw { lr = 0.1, beta1 = 0, beta2 = 0.5 } end,
  function() return optim.rmsprop { lr = 0.1, centred = true, momentum = 0.5 } end,
  function() return optim.adagrad { lr = 0.1 } end,
  function() return optim.windowed_adagrad { lr = 0.1, window = 3 } end,
}

local function run(opt, theta, from, to)
  for k = from, to do opt:step(theta, pg.sin(theta * k)) end
  return theta
end

test("a saved state continues to the same bytes; reset starts anew", function(t)
  for _, make in ipairs(kinds) do
    for _, dtype in ipairs { "f64", "f32" } do
      local start = pg.rng(3):normal { 3, 5 }:cast(dtype)
      local whole = run(make(), start:clone(), 1, 20)
      local first = make()
      local theta = run(first, start:clone(), 1, 8)
      local saved, kept = first:state(), theta:clone()
      run(first, theta, 9, 12)                          -- the saved state is a copy
      local second = make()
      t.ok(rawequal(second:state(saved), second))
      t.equal(run(second, kept, 9, 20):tolist(), whole:tolist(), "%s %s", tostring(second), dtype)
      t.equal(run(first:reset(), start:clone(), 1, 20):tolist(), whole:tolist())
      t.equal(tostring(first), tostring(second))
    end
  end
end)

test("a state of another kind, shape or dtype is refused, and nothing is changed", function(t)
  local sgd = optim.sgd { lr = 1, momentum = 0.5 }
  local a = optim.adam { lr = 0.1 }
  a:step(pg.ones { 3 }, pg.ones { 3 })
  local adam_state = a:state()
  t.fails(function() sgd:state(adam_state) end, "optim.sgd: the saved state is one of 'adam'")
  t.fails(function() sgd:state {} end, "not a saved state")
  local b = optim.adam { lr = 0.1 }
  b:step(pg.ones { 4 }, pg.ones { 4 })
  local before = b:state()
  t.fails(function() b:state(adam_state) end, "the saved 'm' is for f64 %(3%), not for f64 %(4%)")
  t.equal(b:state().m, before.m)
  t.equal(b:steps(), 1)
  b:reset():state(adam_state)
  t.fails(function() b:step(pg.ones { 4 }, pg.ones { 4 }) end, "theta is f64 %(4%), but the state belongs to f64 %(3%)")
  adam_state.v = nil
  t.fails(function() b:state(adam_state) end, "lacks 'v'")
  adam_state.v = pg.ones { 4 }
  t.fails(function() b:state(adam_state) end, "the saved 'v' is for f64 %(4%)")
  local w = optim.windowed_adagrad { window = 3 }
  w:step(pg.ones { 2 }, pg.ones { 2 })
  t.fails(function() optim.windowed_adagrad { window = 4 }:state(w:state()) end, "not the 4 rows of this window")
end)

test("the same bits on one and two threads, on views and on copies", function(t)
  local threads, n = pg.threads(), 200001
  for _, make in ipairs(kinds) do
    local x0, results = pg.rng(5):normal { n }, {}
    for i = 1, 2 do
      pg.threads(i)
      local x = run(make(), x0:clone(), 1, 3)
      results[i] = x:tolist()
    end
    pg.threads(threads)
    t.equal(results[1], results[2], tostring(make()))
    local wide = pg.zeros { 4, 6 }
    local view = wide:transpose(1, 2)
    view:copy_(pg.rng(6):normal { 6, 4 })
    local copy = view:clone()
    t.equal(run(make(), view, 1, 3):tolist(), run(make(), copy, 1, 3):tolist())
    t.equal(wide:transpose(1, 2):tolist(), copy:tolist(), "the view's memory was written")
    local buffer = pg.rng(7):normal { 21 }
    local theta, g = buffer:narrow(1, 2, 20), buffer:narrow(1, 1, 20)
    local expected = make():step(theta:clone(), g:clone())
    t.equal(make():step(theta, g):tolist(), expected:tolist(), "g overlaps theta")
  end
end)

test("what cannot be stepped is refused", function(t)
  local opt = optim.sgd { lr = 0.1 }
  local x = pg.ones { 3 }
  t.fails(function() opt:step(x, pg.ones { 4 }) end, "optim.sgd: theta and its gradient differ in shape: %(3%) and %(4%)")
  t.fails(function() opt:step(x, pg.ones({ 3 }, "f32")) end, "optim.sgd: theta is f64, the gradient f32")
  t.fails(function() opt:step(pg.arange(3), pg.arange(3)) end, "theta must be f32 or f64, got i64 %(3%)")
  t.fails(function() opt:step(x, 3) end, "tensor expected")
  t.fails(function() pg.ad.grad(function(w) opt:step(w, x) return w:sum() end)(x) end, "optim.sgd")
  t.fails(function() pg.ad.grad(function(w) opt:step(x, w) return w:sum() end)(pg.ones { 3 }) end, "being differentiated")
  t.equal(x, pg.ones { 3 })
  t.equal(opt:steps(), 0)
end)

test("options are checked and copied", function(t)
  t.fails(function() optim.sgd { learning_rate = 0.1 } end, "optim.sgd: unknown option 'learning_rate' %(did you mean 'lr'%?%)")
  t.fails(function() optim.adam { beta = 0.1 } end, "unknown option 'beta' %(did you mean 'beta1'%?%)")
  t.fails(function() optim.sgd {} end, "optim.sgd: lr is required")
  t.fails(function() optim.sgd { lr = -1 } end, "lr must be finite and >= 0, got %-1")
  t.fails(function() optim.sgd { lr = 0 / 0 } end, "lr must be finite and >= 0, got %-?nan")
  t.fails(function() optim.sgd { lr = "0.1" } end, "lr must be a number or a schedule, got string")
  t.fails(function() optim.sgd { lr = 1, momentum = 1 } end, "momentum must lie in %[0, 1%), got 1")
  t.fails(function() optim.sgd { lr = 1, nesterov = true } end, "nesterov = true needs a momentum")
  t.fails(function() optim.adam { beta2 = 1 } end, "beta2 must lie in %[0, 1%), got 1")
  t.fails(function() optim.rmsprop { beta = -0.1 } end, "optim.rmsprop: beta must lie in %[0, 1%), got %-0.1")
  t.fails(function() optim.windowed_adagrad { window = 0 } end, "window must be at least 1, got 0")
  t.fails(function() optim.windowed_adagrad { window = 1.5 } end, "window must be an integer")
  t.fails(function() optim.adam { eps = 1 / 0 } end, "eps must be finite")
  local options = { lr = 0.1 }
  local opt = optim.sgd(options)
  options.lr = 100
  t.equal(opt:step(pg.ones { 1 }, pg.ones { 1 }):tolist(), { 0.9 })
  t.fails(function() optim.sgd { lr = function() return "x" end }:step(pg.ones { 1 }, pg.ones { 1 }) end, "schedule gave string for step 1")
  t.fails(function() optim.sgd { lr = function() return -1 end }:step(pg.ones { 1 }, pg.ones { 1 }) end, "lr must be finite and >= 0, got %-1")
end)

test("an optimiser prints what it is", function(t)
  local opt = optim.sgd { lr = 0.1, momentum = 0.9 }
  local x = pg.ones { 2 }
  for _ = 1, 12 do opt:step(x, x) end
  t.equal(tostring(opt), "sgd: lr 0.1, momentum 0.9, 12 steps")
  t.equal(tostring(optim.adamw { beta1 = 0.5 }), "adamw: lr 0.001, beta1 0.5, beta2 0.999, weight decay 0.01, 0 steps")
end)

test("NaN and infinity in a gradient go where the formulas take them", function(t)
  for _, make in ipairs(kinds) do
    local opt, x = make(), pg.ones { 3 }
    opt:step(x, pg.tensor { 1, 0 / 0, 1 })
    local v = x:tolist()
    t.ok(v[1] == v[1] and v[1] ~= 1 and v[2] ~= v[2] and v[3] == v[1], tostring(opt))
    opt:step(x, pg.ones { 3 })
    t.ok(x:tolist()[2] ~= x:tolist()[2], "NaN stays: no step is skipped")
  end
end)

-- theta and gradients through PyTorch's own class; two numbers a line.
local function torch_run(class, options, steps)
  local program = ([[
import torch, math
x = torch.tensor([math.sin(i + 1.0) for i in range(6)], dtype=torch.float64)
o = torch.optim.%s([x], %s)
for k in range(1, %d):
  x.grad = torch.sin(3 * x) + 0.3 * x + 0.2 * (-1) ** k
  o.step()
print(*[repr(float(v)) for v in x])
]]):format(class, options, steps + 1)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(program)
  file:close()
  local pipe = assert(io.popen("/usr/bin/python3 " .. name .. " 2>/dev/null"))
  local line = pipe:read "l"
  pipe:close()
  os.remove(name)
  local values = {}
  for v in (line or ""):gmatch "%S+" do values[#values + 1] = tonumber(v) end
  return #values == 6 and values or nil
end

test("PyTorch takes the same steps", function(t)
  if not os.execute "/usr/bin/python3 -c 'import torch' 2>/dev/null" then t.skip "PyTorch cannot be imported" end
  for _, case in ipairs {
    { "SGD", "lr=0.1, momentum=0.9, weight_decay=0.1", optim.sgd { lr = 0.1, momentum = 0.9, weight_decay = 0.1 } },
    { "SGD", "lr=0.1, momentum=0.9, nesterov=True", optim.sgd { lr = 0.1, momentum = 0.9, nesterov = true } },
    { "Adam", "lr=0.02, weight_decay=0.1", optim.adam { lr = 0.02, weight_decay = 0.1 } },
    { "AdamW", "lr=0.02, betas=(0.5, 0.3), weight_decay=0.1", optim.adamw { lr = 0.02, beta1 = 0.5, beta2 = 0.3, weight_decay = 0.1 } },
    { "RMSprop", "lr=0.02, alpha=0.9, momentum=0.5, centered=True", optim.rmsprop { lr = 0.02, beta = 0.9, momentum = 0.5, centred = true } },
    { "Adagrad", "lr=0.1, initial_accumulator_value=0.5", optim.adagrad { lr = 0.1, initial = 0.5 } },
  } do
    local opt, x = case[3], pg.sin(pg.arange(1, 7):cast "f64")
    for k = 1, 30 do opt:step(x, pg.sin(3 * x) + 0.3 * x + 0.2 * (-1) ^ k) end
    t.near(x, torch_run(case[1], case[2], 30), 1e-12, case[1])
  end
end)

-- p is the projection of x onto a convex set if <x - p, y - p> <= 0 for every y of the set.
local function nearest(t, x, p, points)
  for _, y in ipairs(points) do t.ok(((x - p) * (y - p)):sum() <= 1e-12 * (1 + x:norm() ^ 2)) end
end

test("projections satisfy their variational inequality and leave the set alone", function(t)
  local rng = pg.rng(11)
  for k = 1, 50 do
    local x, points = 3 * rng:normal { 6 }, {}
    local lo, hi = -rng:uniform { 6 }, rng:uniform { 6 }
    for i = 1, 20 do points[i] = lo + (hi - lo) * rng:uniform { 6 } end
    local p = optim.project_box(x, lo, hi)
    nearest(t, x, p, points)
    t.ok(p:ge(lo):all() and p:le(hi):all())
    t.equal(optim.project_box(p, lo, hi), p)

    local centre = rng:normal { 6 }
    for i = 1, 20 do
      local u = rng:normal { 6 }
      points[i] = centre + u / u:norm() * 1.5 * rng:uniform() ^ 0.3
    end
    p = optim.project_ball(x, 1.5, centre)
    nearest(t, x, p, points)
    t.ok((p - centre):norm() <= 1.5 + 1e-14)
    t.equal(optim.project_ball(points[1], 1.5, centre), points[1], "inside")

    for i = 1, 20 do
      local e = rng:exponential { 6 }
      points[i] = 2 * e / e:sum()
    end
    for i = 1, 6 do
      points[20 + i] = pg.zeros { 6 }
      points[20 + i][i] = 2
    end
    p = optim.project_simplex(x, 2)
    nearest(t, x, p, points)
    t.near(p:sum(), 2, 1e-14)
    t.ok(p:ge(0):all(), "draw %d", k)
    t.near(optim.project_simplex(points[1], 2), points[1], 1e-15)
  end
end)

test("the simplex: rows of a matrix, ties, far points, zeros exactly, f32", function(t)
  t.near(optim.project_simplex(pg.tensor { { 0.5, 2, 1.8 }, { 1, 1, 1 } }), { { 0, 0.6, 0.4 }, { 1 / 3, 1 / 3, 1 / 3 } }, 1e-15)
  t.near(optim.project_simplex(pg.tensor { 1e9, 1e9 - 0.5 }), { 0.75, 0.25 }, 1e-15)
  t.equal(optim.project_simplex(pg.tensor { 5, -1 / 0, 1 }):tolist(), { 1, 0, 0 })
  t.equal(optim.project_simplex(pg.tensor({ 5, 1 }, "f32")):dtype(), "f32")
  t.equal(optim.project_simplex(pg.tensor { -7 }, 3):tolist(), { 3 })
  t.ok(optim.project_simplex(pg.tensor { 1, 0 / 0 }):isnan():all())
  local big = optim.project_simplex(pg.rng(2):normal { 100000 }, 10)
  t.near(big:sum(), 10, 1e-11)
  t.fails(function() optim.project_simplex(pg.zeros { 0 }) end, "at least one element; got shape %(0%)")
  t.fails(function() optim.project_simplex(pg.ones { 2 }, 0) end, "total must be finite and > 0, got 0")
end)

test("proximal maps minimise what they say", function(t)
  local function huber(x, d)
    local a = x:abs()
    return pg.where(a:le(d), x ^ 2 / 2, d * (a - d / 2)):sum()
  end
  local rng = pg.rng(12)
  for _ = 1, 30 do
    local x, lambda, delta = 3 * rng:normal { 5 }, rng:uniform() * 2, rng:uniform() + 0.1
    local p, q = optim.soft_threshold(x, lambda), optim.huber_prox(x, lambda, delta)
    local function soft(u) return lambda * u:abs():sum() + ((u - x) ^ 2):sum() / 2 end
    local function smooth(u) return lambda * huber(u, delta) + ((u - x) ^ 2):sum() / 2 end
    for _ = 1, 20 do
      local step = 0.3 * rng:uniform() * rng:normal { 5 }
      t.ok(soft(p + step) >= soft(p) + 0.499 * (step ^ 2):sum() - 1e-12, "1-strongly convex around its minimum")
      t.ok(smooth(q + step) >= smooth(q) + 0.499 * (step ^ 2):sum() - 1e-12)
    end
  end
  t.equal(optim.soft_threshold(pg.tensor { 3, -3, 0.5 }, pg.tensor { 1, 2, 3 }):tolist(), { 2, -1, 0 })
  t.fails(function() optim.soft_threshold(pg.ones { 2 }, -1) end, "the threshold must be >= 0")
  t.fails(function() optim.soft_threshold(pg.ones { 2 }, pg.ones { 3, 2 }) end, "does not broadcast to x %(2%)")
  t.fails(function() optim.project_box(pg.ones { 2 }, 1, 0) end, "lo must not exceed hi")
  t.fails(function() optim.project_ball(pg.ones { 2 }, -1) end, "radius must be finite and >= 0, got %-1")
  t.fails(function() optim.project_ball(pg.arange(2), 1) end, "x must be f32 or f64, got i64")
  t.equal(optim.project_ball(pg.zeros { 2 }, 0):tolist(), { 0, 0 })
end)

test("projections and proximal maps are differentiable", function(t)
  local x = pg.tensor { 0.9, -0.7, 0.4, 2.1 }
  local w = pg.tensor { 1, -2, 3, 0.5 }
  for name, f in pairs {
    box = function(u) return optim.project_box(u, -0.5, 1) end,
    ball = function(u) return optim.project_ball(u, 1.1, pg.ones { 4 }) end,
    simplex = function(u) return optim.project_simplex(u, 2) end,
    soft = function(u) return optim.soft_threshold(u, 0.5) end,
    huber = function(u) return optim.huber_prox(u, 0.3, 0.6) end,
  } do
    t.ok(pg.ad.check(function(u) return (f(u) ^ 3 * w):sum() end, x, { order = 1 }).first < 1e-7, name)
  end
end)
