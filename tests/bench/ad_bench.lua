-- Gradients from Lua: what recording and going backwards cost where the arithmetic is next to nothing.
local pg = require "perigee"
local ad = pg.ad

local function small(bench)
  local x, y = pg.arange(10):cast "f64", pg.ones { 10 }
  local grad = ad.grad(function(v) return (v * y):sum() end)
  bench.case { name = "mul + sum + backward, 10 elements", ours = function(n) for _ = 1, n do grad(x) end end, bar = { ns = 2000 },
    yard = bench.torch("x = torch.arange(10, dtype=torch.float64, requires_grad=True); y = torch.ones(10, dtype=torch.float64)",
      "torch.autograd.grad((x * y).sum(), x)") }
end

-- The cost of one recorded addition beyond that of one that is not, and of its way back: a thousand of them in one tape.
local function chain(bench)
  local x, y, length = pg.arange(10):cast "f64", pg.ones { 10 }, 1000
  local function adds(v, constant)
    for _ = 1, length do v = v + y end
    return constant and 0 or v:sum()
  end
  local recorded = ad.grad(function(v) return adds(v, true) end)
  local both = ad.grad(adds)
  local function best(f)
    local least = math.huge
    for _ = 1, 20 do
      local start = pg.system.clock()
      for _ = 1, 20 do f() end
      least = math.min(least, pg.system.clock() - start)
    end
    return least / 20 / length * 1e9
  end
  local plain = best(function() adds(x, true) end)
  local with = best(function() recorded(x) end)
  bench.case { name = "recording an addition, over the addition", unit = "ns", bar = { value = 100 }, measure = function() return with - plain end }
  bench.case { name = "going back through it", unit = "ns", bar = { value = 400 }, measure = function() return best(function() both(x) end) - with end }
end

-- One step of stochastic gradient descent on (<w, x> - t)^2 / 2 in 100 dimensions.
local function least_squares(bench)
  local w, x, t, eta = pg.zeros { 100 }, pg.ones { 100 }, 1.0, 1e-3
  local grad = ad.grad(function(v, a, target)
    local r = v:dot(a) - target
    return r * r / 2
  end)
  local X, target = x:reshape { 1, 100 }, pg.ones { 1 }
  local mean = ad.grad(function(v, A, b) return (A:mv(v) - b):square():mean() / 2 end)
  local numpy = "w = np.zeros(100); x = np.ones(100); t = 1.0; eta = 1e-3"
  local torch = "w = torch.zeros(100, dtype=torch.float64, requires_grad=True); x = torch.ones(100, dtype=torch.float64); t = 1.0; eta = 1e-3"
  local torch_step = "r = w.dot(x) - t; g, = torch.autograd.grad(r * r / 2, w); w.data.sub_(g, alpha=eta)"
  bench.case { name = "least squares, d = 100, a step by hand", bar = { ns = 500 }, yard = bench.numpy(numpy, "w -= eta * (w.dot(x) - t) * x"),
    ours = function(n) for _ = 1, n do w:sub_(eta * (w:dot(x) - t) * x) end end }
  bench.case { name = "least squares, d = 100, a step with ad.grad", bar = { ns = 3000 }, yard = bench.torch(torch, torch_step),
    ours = function(n) for _ = 1, n do w:sub_(eta * grad(w, x, t)) end end }
  bench.case { name = "the same, a batch of one row", bar = { ns = 3000 },
    ours = function(n) for _ = 1, n do w:sub_(eta * mean(w, X, target)) end end }
end

-- Example by example, a batch of 128 on a perceptron 784-128-128-10 in f32.
local function examples(bench)
  local net, rng = pg.nn.mlp { 784, 128, 128, 10 }, pg.rng(1)
  local theta, X, y = net:init(rng), rng:normal({ 128, 784 }):cast "f32", rng:integers({ 128 }, 1, 10)
  local function losses(w, a, b) return pg.nn.cross_entropy(net(w, a), b) end
  local function total(w) return losses(w, X, y):mean() end
  local grad, each = ad.grad(total), ad.per_example(losses)
  local function gradient(n) for _ = 1, n do grad(theta) end end
  local torch = "net = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)); "
    .. "X = torch.randn(128, 784); y = torch.randint(0, 10, (128,)); ps = list(net.parameters()); L = torch.nn.functional.cross_entropy"
  local one_by_one = "[torch.cat([g.flatten() for g in torch.autograd.grad(L(net(X[i:i+1]), y[i:i+1]), ps)]) for i in range(128)]"
  bench.case { name = "per-example gradients, batch 128", bar = { ratio = 0.35 }, yard = bench.torch(torch, one_by_one),
    ours = function(n) for _ = 1, n do each(theta, X, y) end end }
  bench.case { name = "squared norms only, over a gradient", bar = { ratio = 2 }, yard = gradient,
    ours = function(n) for _ = 1, n do ad.sqnorms(losses, theta, X, y) end end }
  bench.case { name = "sum of clipped gradients, over a gradient", bar = { ratio = 2.5 }, yard = gradient,
    ours = function(n) for _ = 1, n do ad.clipped_sum(losses, theta, { clip = 1 }, X, y) end end }
  bench.case { name = "Hessian-vector product, over a gradient", bar = { ratio = 2.4 }, yard = gradient,
    ours = function(n) for _ = 1, n do ad.hvp(total, theta, theta) end end }
end

return function(bench)
  small(bench)
  chain(bench)
  least_squares(bench)
  examples(bench)
end
