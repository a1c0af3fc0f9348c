-- private_training_test.lua: private gradients against explicit loops, noise coordinate by coordinate, and what a record can change.
local pg = require "perigee"
local ad, nn, privacy = pg.ad, pg.nn, pg.privacy
local rng = pg.rng(12)

-- An embedding of one category and one of three that may repeat, two numbers, and an output: everything a table has.
local V, W = 11, 7
local sizes = { V * 3, W * 2, 7 * 4, 4, 4, 1 }
local d = 0
for _, size in ipairs(sizes) do d = d + size end
local function loss(theta, x, c, r, y)
  local E, F, A, a, b, b0 = pg.unpack(theta, { V, 3 }, { W, 2 }, { 7, 4 }, { 4 }, { 4 }, { 1 })
  local h = pg.concatenate({ x, E:gather(c), F:gather(r):sum(2) }, 2)
  return nn.logistic(((h:mm(A) + a):tanh() * b):sum(2) + b0, y)
end
local n = 9
local x, c, r = rng:stream("x"):normal { n, 2 }, rng:stream("c"):integers({ n }, 1, V), rng:stream("r"):integers({ n, 3 }, 1, 3)
local y = rng:stream("y"):rademacher { n }
local theta = rng:stream("theta"):normal { d }

local function rows(from, to) return x[{ { from, to } }], c[{ { from, to } }], r[{ { from, to } }], y[{ { from, to } }] end
local function one(i) return ad.grad(function(w) return loss(w, rows(i, i)):sum() end)(theta) end
local function private(opt)
  local given = { loss = loss, rng = pg.rng(3), sigma = 0, batch = 5 }
  for name, value in pairs(opt or {}) do given[name] = value end
  return privacy.gradient(given)
end

test("flat, automatic and per-layer clipping against the loop over examples", function(t)
  local flat, automatic, layers = pg.zeros { d }, pg.zeros { d }, pg.zeros { d }
  local C, gamma = 0.6, 0.05
  local clipped = 0
  for i = 1, n do
    local g = one(i)
    clipped = clipped + (g:norm() > C and 1 or 0)
    flat:add_(g * math.min(1, C / g:norm()))
    automatic:add_(g * (C / (g:norm() + gamma)))
    local at = 1
    for _, size in ipairs(sizes) do
      local part = g:narrow(1, at, size)
      layers:narrow(1, at, size):add_(part * math.min(1, C / math.sqrt(#sizes) / part:norm()))
      at = at + size
    end
  end
  t.ok(clipped > 1 and clipped < n, "some are clipped, some not: %d", clipped)
  t.near((private { clip = C }(theta, nil, x, c, r, y) - flat / 5):abs():max(), 0, 1e-12)
  t.near((private { clip = C, clipping = "automatic", gamma = gamma }(theta, nil, x, c, r, y) - automatic / 5):abs():max(), 0, 1e-12)
  for _, chunk in ipairs { 2, 100 } do
    t.near((private { clip = C, clipping = "per_layer", groups = sizes, chunk = chunk }(theta, nil, x, c, r, y) - layers / 5):abs():max(), 0, 1e-12)
  end
  local s, factors = ad.clipped_sum(loss, theta, { clip = C, gamma = gamma, materialise = true }, x, c, r, y)
  t.near((s - automatic):abs():max(), 0, 1e-12)
  t.near(factors[2], C / (one(2):norm() + gamma), 1e-12)
end)

test("groups of one element, of a network, in parts", function(t)
  local net = nn.mlp { 2, 3, 1 }
  local w = net:init(pg.rng(1), "f64")
  local function criterion(v, a, b) return nn.logistic(net(v, a):squeeze(2), b) end
  local function sum(opt) return (private(opt)(w, nil, x, y)) end
  local by_sizes = sum { loss = criterion, clipping = "per_layer", groups = { 6, 3, 3, 1 }, clip = 0.1 }
  t.equal(sum { loss = criterion, clipping = "per_layer", groups = net, clip = 0.1 }, by_sizes)
  t.near((sum { loss = criterion, clipping = "per_layer", groups = { 13 }, clip = 0.1 } - sum { loss = criterion, clip = 0.1 }):abs():max(), 0, 1e-14)
end)

test("padding, parts and order change nothing beyond rounding", function(t)
  local whole = private { clip = 0.5 }(theta, nil, x, c, r, y)
  local pad = { 1, 5, 2, 3, 1, 4, 6, 7, 8, 9, 1 }
  local at, weights = pg.tensor(pad, "i64"), pg.tensor { 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0 }
  local px = x[at]
  px[5] = 0 / 0                                                                              -- what pads may hold anything
  t.near((private { clip = 0.5 }(theta, weights, px, c[at], r[at], y[at]) - whole):abs():max(), 0, 1e-12)
  local parts = private { clip = 0.5 }
  parts:add(theta, nil, rows(1, 4))
  parts:add(theta, pg.zeros { 0 }, x[{ { 1, 0 } }], c[{ { 1, 0 } }], r[{ { 1, 0 } }], y[{ { 1, 0 } }])
  parts:add(theta, nil, rows(5, 9))
  t.near((parts:release() - whole):abs():max(), 0, 1e-12)
  for _, chunk in ipairs { 1, 4 } do t.near((private { clip = 0.5, chunk = chunk }(theta, nil, x, c, r, y) - whole):abs():max(), 0, 1e-12) end
end)

test("without clipping and noise: the sum over the expected batch, and plain SGD", function(t)
  local G = private { clip = math.huge }(theta, pg.ones { n }, x, c, r, y)
  local plain = ad.grad(function(w) return loss(w, x, c, r, y):sum() / 5 end)
  t.near((G - plain(theta)):abs():max(), 0, 1e-12)
  local a, b = theta:clone(), theta:clone()
  local sampler = privacy.sampler.deterministic(pg.rng(1), { n = n, batch = 3, epochs = 4 })
  privacy.train(a, { loss = loss, data = { x, c, r, y }, sampler = sampler, optimiser = pg.optim.sgd { lr = 0.3 }, rng = pg.rng(1), sigma = 0, clip = math.huge, part = 2 })
  for e = 0, 11 do
    local from = e % 3 * 3 + 1
    b:sub_(0.1 * ad.grad(function(w) return loss(w, rows(from, from + 2)):sum() end)(b))
  end
  t.near((a - b):abs():max(), 0, 1e-12)
  t.ok((a - theta):norm() > 0.1, "it moved")
end)

test("one record changes the gradient by at most C/b, and some by nearly that", function(t)
  local largest = 0
  for _, how in ipairs { { clip = 0.5 }, { clip = 0.5, clipping = "automatic" }, { clip = 0.5, clipping = "per_layer", groups = sizes } } do
    local whole = private(how)(theta, nil, x, c, r, y)
    for i = 1, n do
      local weights = pg.ones { n }
      weights[i] = 0
      local change = (whole - private(how)(theta, weights, x, c, r, y)):norm()
      t.ok(change <= 0.5 / 5 * (1 + 1e-12), "record %d: %g", i, change)
      largest = math.max(largest, change)
    end
  end
  t.ok(largest > 0.0999)
end)

test("noise: lr sigma C / b in every coordinate, also of rows nobody looked up", function(t)
  local sigma, C, b, lr, steps = 1.3, 0.5, 20, 0.7, 4000
  local function flat(w, A) return (A * 0):mv(w) end                                         -- no gradient at all
  local G = privacy.gradient { loss = flat, rng = pg.rng(5), sigma = sigma, clip = C, batch = b }
  local data, w, opt = pg.ones { 4, 30 }, pg.zeros { 30 }, pg.optim.sgd { lr = lr }
  local moves = pg.zeros { steps, 30 }
  for k = 1, steps do
    local before = w:clone()
    opt:step(w, G(w, nil, data))
    moves[k] = w - before
  end
  local sd = lr * sigma * C / b
  t.near(moves:std(1) / sd, 1, 5 / math.sqrt(2 * steps))
  t.near(moves:mean(1) / sd, 0, 5 / math.sqrt(steps))
  local together = moves:t():mm(moves) / steps / sd ^ 2 - pg.eye(30)
  t.near((together - together:diag():diag()):abs():max(), 0, 6 / math.sqrt(steps), "coordinates are independent")
  t.near((moves:narrow(1, 1, steps - 1) * moves:narrow(1, 2, steps - 1)):mean() / sd ^ 2, 0, 5 / math.sqrt(30 * steps), "and steps")
  -- untouched rows of an embedding
  local noisy, quiet = private { sigma = 1, clip = 1 }, private { sigma = 0, clip = 1 }
  local difference = noisy(theta, nil, x, c, r, y) - quiet(theta, nil, x, c, r, y)
  t.ok(difference:ne(0):all() and math.abs(difference:std() * 5 - 1) < 5 / math.sqrt(2 * d))
end)

test("empty batches take a noisy step", function(t)
  local sampler = privacy.sampler.poisson(pg.rng(1), { n = n, batch = 0.5, epochs = 2 })
  local a, counted, empty = theta:clone(), 0, 0
  for indices in sampler:steps() do empty = empty + (#indices == 0 and 1 or 0) end
  privacy.train(a, { loss = loss, data = { x, c, r, y }, sampler = sampler, optimiser = pg.optim.adam { lr = 0.1 }, rng = pg.rng(1), sigma = 1,
    each = function(_, G) counted = counted + (G:norm() > 0 and 1 or 0) end })
  t.ok(empty > 10, "%d of 36 are empty", empty)
  t.equal(counted, sampler.steps_per_epoch * 2)
  t.equal(pg.ad.clipped_sum(loss, theta, { clip = 1, weights = pg.zeros { n } }, x, c, r, y):norm(), 0.0)
end)

test("noise does not depend on the batches, nor batches on the noise", function(t)
  local function run(seed, kind, sigma, first)
    local drawn, noise = {}, {}
    local zero = function(w, A) return (A * 0):mv(w) end
    local sampler = privacy.sampler[kind](pg.rng(seed), { n = 40, batch = 10 })
    for indices in sampler:steps(first) do drawn[#drawn + 1] = table.concat(indices:tolist(), ",") end
    privacy.train(pg.zeros { 3 }, { loss = zero, data = { pg.ones { 40, 3 } }, sampler = sampler, optimiser = pg.optim.sgd { lr = 0.1 }, rng = pg.rng(7), sigma = sigma, first = first,
      each = function(_, G) noise[#noise + 1] = G end })
    return table.concat(drawn, ";"), pg.stack(noise)
  end
  local d1, n1 = run(1, "poisson", 1, 1)
  local d2, n2 = run(2, "shuffle_dynamic", 2, 1)
  t.ok(d1 ~= d2)
  t.near((2 * n1 - n2):abs():max(), 0, 1e-15)
  t.equal((run(1, "poisson", 3, 1)), d1)
  local _, n3 = run(1, "poisson", 1, 3)
  t.equal(n3, n1[{ { 3, 4 } }], "resumed at step 3")
end)

test("training by Adam in f32, twice the same bytes", function(t)
  local net = nn.mlp { 2, 8, 1 }
  local function trained()
    local w = net:init(pg.rng(1))
    return privacy.train(w, { loss = function(v, a, b) return nn.logistic(net(v, a):squeeze(2), b) end, data = { x:cast "f32", y:cast "f32" },
      sampler = privacy.sampler.truncated_poisson(pg.rng(2), { n = n, batch = 4, max_batch = 6, epochs = 5, by = "records" }), optimiser = pg.optim.adam { lr = 0.01 },
      rng = pg.rng(2), sigma = 0.5 })
  end
  local w = trained()
  t.equal(w:dtype(), "f32")
  t.equal(w, trained())
  t.ok((w - net:init(pg.rng(1))):norm() > 0.01)
end)

test("what cannot be private is refused", function(t)
  t.fails(function() private { sigma = -1 } end, "privacy.gradient: sigma must be a number from 0, got %-1")
  t.fails(function() private { sigma = 1, clip = math.huge } end, "without a finite clip no noise is enough")
  t.fails(function() private { rng = 7 } end, "rng must be a stream, as pg.rng%(seed%) gives, got number")
  t.fails(function() private { loss = 7 } end, "loss must be a function")
  t.fails(function() private { clip = 0 } end, "clip must be a number above 0, got 0")
  t.fails(function() private { batch = 0 } end, "batch must be a number above 0")
  t.fails(function() private { clipping = "layer" } end, "'flat', 'per_layer' or 'automatic', got 'layer'")
  t.fails(function() private { clipping = "per_layer" } end, "needs groups")
  t.fails(function() private { groups = { 1 } } end, "groups belong to clipping = 'per_layer'")
  t.fails(function() private { clipping = "per_layer", groups = { 3 } }(theta, nil, x, c, r, y) end, "groups of 3 elements in all, of parameters of shape %(" .. d .. "%)")
  t.fails(function() private():release() end, "nothing was added")
  t.fails(function() private()(theta, nil) end, "no data among the arguments")
  t.fails(function()
    local p = private()
    p:add(theta, nil, x, c, r, y)
    p(theta, nil, x, c, r, y)
  end, "has not been released")
  t.fails(function() ad.clipped_sum(loss, theta, { gamma = 0.1 }, x, c, r, y) end, "the clip finite, got 0.1 and inf")
  local sampler = privacy.sampler.deterministic(pg.rng(1), { n = 5, batch = 1 })
  t.fails(function() privacy.train(theta, { loss = loss, data = { x }, sampler = sampler, optimiser = pg.optim.sgd { lr = 0.1 }, rng = rng, sigma = 1 }) end,
    "data%[1%] has 9 rows, the sampler draws from 5 records")
end)
