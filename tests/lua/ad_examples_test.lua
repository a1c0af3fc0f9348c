-- ad_examples_test.lua: gradients example by example against a loop over the examples, their norms, and both routes of the clipped sum.
local pg = require "perigee"
local ad = pg.ad
local rng = pg.rng(4)

local function only(i) return function(x) return pg.is_tensor(x) and x:narrow(1, i, 1) or x end end

-- Row i: the gradient of the i-th loss alone.
local function loop(loss, w, ...)
  local data, rows = table.pack(...), {}
  for i = 1, data[1]:dim(1) do
    local one = {}
    for k = 1, data.n do one[k] = only(i)(data[k]) end
    rows[i] = ad.grad(function(v) return loss(v, table.unpack(one, 1, data.n)):sum() end)(w)
  end
  return pg.stack(rows)
end

local function clipped(G, clip, weights)
  local c = {}
  local sum = pg.zeros(G[1]:dims())
  for i = 1, G:dim(1) do
    c[i] = math.min(1, clip / G[i]:norm())
    sum:add_((weights and weights[i] or 1) * c[i] * G[i])
  end
  return sum, c
end

-- Everything that is promised of one loss.
local function holds(t, what, loss, w, ...)
  local G, want = ad.per_example(loss)(w, ...), loop(loss, w, ...)
  local scale = math.max(1, want:abs():max())
  t.equal(G:dims(), want:dims(), what)
  t.near((G - want):abs():max() / scale, 0, 1e-12, what)
  local n = want:dim(1)
  local squares = want:reshape { n, -1 }:square():sum(2)
  t.near((ad.sqnorms(loss, w, ...) - squares):abs():max() / scale ^ 2, 0, 1e-12, "%s: norms", what)
  local clip = math.sqrt(squares:median())
  for _, weights in ipairs { false, rng:stream("weights"):uniform { n } } do
    local sum, factors = clipped(want, clip, weights)
    for _, opt in ipairs { {}, { materialise = true }, { chunk = 2 }, { chunk = 3, materialise = true } } do
      opt.clip, opt.weights = clip, weights or nil
      local s, c = ad.clipped_sum(loss, w, opt, ...)
      t.near((s - sum):abs():max() / scale, 0, 1e-12, "%s: clipped sum", what)
      t.near(c, factors, 1e-12, "%s: factors", what)
    end
  end
end

local X, y = rng:stream("X"):normal { 7, 5 }, rng:stream("y"):normal { 7 }

test("linear least squares", function(t)
  local w = rng:stream("w"):normal { 5 }
  holds(t, "mv", function(v, A, b) return (A:mv(v) - b):square() / 2 end, w, X, y)
  holds(t, "product and sum", function(v, A, b) return ((A * v):sum(2) - b):square() / 2 end, w, X, y)
  holds(t, "a matrix", function(v, A, b) return (A:mm(v):sin():sum(2) - b):square() end, rng:stream("W"):normal { 5, 3 }, X, y)
end)

-- 5 - 4 - 3 with biases, tied or not, on one flat vector.
local function mlp(v, A, labels)
  local W1, b1, W2, b2 = v:narrow(1, 1, 20):reshape { 5, 4 }, v:narrow(1, 21, 4), v:narrow(1, 25, 12):reshape { 4, 3 }, v:narrow(1, 37, 3)
  local z = (A:mm(W1) + b1):tanh():mm(W2) + b2
  return z:logsumexp(2) - z:take_along(labels:unsqueeze(2), 2):squeeze(2)
end
local labels = rng:stream("labels"):integers({ 7 }, 1, 3)

test("a network with biases", function(t)
  holds(t, "mlp", mlp, rng:stream("theta"):normal { 39 }, X, labels)
end)

test("weights used twice, or also elementwise, or in a penalty", function(t)
  local w = rng:stream("tied"):normal { 25 }
  local function matrix(v) return v:reshape { 5, 5 } end
  holds(t, "twice", function(v, A) return A:mm(matrix(v)):tanh():mm(matrix(v)):square():sum(2) end, w, X)
  holds(t, "the transpose", function(v, A) return A:mm(matrix(v)):tanh():mm(matrix(v):t()):square():sum(2) end, w, X)
  holds(t, "overlapping ranges", function(v, A) return A:mm(v:narrow(1, 1, 20):reshape { 5, 4 }):sum(2) * A:mv(v:narrow(1, 16, 5)) end, w, X)
  holds(t, "strided ranges", function(v, A) return A:mv(v:slice(1, 1, 9, 2)):sin() + A:mv(v:slice(1, 2, 10, 2)):cos() + A:mv(v:flip(1):narrow(1, 1, 5)) end, w, X)
  holds(t, "a penalty", function(v, A) return A:mv(v:narrow(1, 1, 5)):square() + v:square():sum() + v:narrow(1, 3, 4):prod() end, w, X)
  holds(t, "a function of the weights", function(v, A) return A:mm(matrix(v):exp() / 9):sum(2) * A:mv(matrix(v):softplus():mv(v:narrow(1, 1, 5))) end, w, X)
  holds(t, "sorted weights", function(v, A) return A:mv(v:narrow(1, 1, 5):sort()):square() end, w, X)
end)

test("broadcasts of every kind against shared operands", function(t)
  local w = rng:stream("broadcast"):normal { 6 } * 0.3 + 2
  local B = rng:stream("B"):normal { 7, 2, 3 }
  local function each(name, f) holds(t, name, function(v, A) return f(A, v):reshape { A:dim(1), -1 }:sum(2) end, w, B) end
  each("(3)", function(A, v) return A * v:narrow(1, 1, 3) end)
  each("(2, 3)", function(A, v) return A / v:reshape { 2, 3 } end)
  each("(1, 2, 1)", function(A, v) return (A * v:narrow(1, 1, 2):reshape { 1, 2, 1 }):sin() end)
  each("(2, 1)", function(A, v) return pg.hypot(A, v:narrow(1, 5, 2):reshape { 2, 1 }) end)
  each("()", function(A, v) return A:abs() ^ v:select(1, 2) end)
  each("where", function(A, v) return A:gt(0):where(A * 2, v:narrow(1, 2, 3)) end)
  each("clip", function(A, v) return A:clip(-v:select(1, 1) / 3, v:select(1, 4) / 3) end)
  each("fma", function(A, v) return pg.fma(A, v:narrow(1, 1, 3), v:narrow(1, 4, 3)) end)
end)

test("stacks of products, with the Gram form and without", function(t)
  local long, short = rng:stream("long"):normal { 4, 9, 2 }, rng:stream("short"):normal { 4, 2, 8 }
  local function f(k, m) return function(v, A) return A:bmm(v:reshape { k, m }):tanh():sum { axes = { 2, 3 } } end end
  holds(t, "9 positions", f(2, 3), rng:stream("a"):normal { 6 }, long)
  holds(t, "2 positions", f(8, 5), rng:stream("b"):normal { 40 }, short)
  holds(t, "a shared first factor", function(v, A) return v:reshape { 3, 9 }:bmm(A):square():sum { axes = { 2, 3 } } end, rng:stream("c"):normal { 27 }, long)
  holds(t, "four axes", function(v, A) return A:reshape { -1, 3, 3, 2 }:bmm(v:reshape { 3, 2, 2 }):square():sum { axes = { 2, 3, 4 } } end, rng:stream("d"):normal { 12 }, long)
end)

test("embeddings with repeated rows", function(t)
  local at = pg.tensor({ { 1, 2, 1 }, { 3, 3, 3 }, { 4, 5, -1 }, { 6, 1, 2 } }, "i64")
  local w = rng:stream("table"):normal { 6, 4 }
  holds(t, "three a row", function(v, k) return v:gather(k):sum(2):square():sum(2) + v:gather(k):sin():sum { axes = { 2, 3 } } end, w, at)
  holds(t, "used once", function(v, k) return (v:gather(k) * pg.arange(12):reshape { 3, 4 }):sin():sum { axes = { 2, 3 } } end, w, at)
  holds(t, "one a row", function(v, k) return v:gather(k:select(2, 1)):square():sum(2) end, w, at)
  holds(t, "a table within a vector", function(v, k) return v:narrow(1, 1, 24):reshape { 6, 4 }:gather(k):mean(2):mv(v:narrow(1, 25, 4)):exp() end,
    rng:stream("flat"):normal { 28 }, at)
end)

test("batched values move through shapes as long as examples stay apart", function(t)
  local B = rng:stream("moves"):normal { 5, 2, 3 }
  local w = rng:stream("m"):normal { 6 }
  holds(t, "many moves", function(v, A)
    local a = A:permute { 1, 3, 2 }:reshape { -1, 6 } * v
    a = pg.concatenate({ a:flip(2), a:roll(2, 2), a:narrow(2, 2, 3) }, 2):unsqueeze(2):repeat_each(2, 2)
    return a:sort(3):cumsum(3):max(3):sum(2)
  end, w, B)
  holds(t, "triangles", function(v, A)
    local a = (A * v:reshape { 2, 3 }):pad { { 0, 0 }, { 0, 1 }, { 1, 0 } }
    return a:tril():sum { axes = { 2, 3 } } + a:diagonal():prod(2) + a:quantile(0.4, { axes = { 2, 3 } }) + a:norm(2, { axes = { 2, 3 } })
      + pg.stack({ a, a * a }, 2):std { axes = { 2, 3, 4 } } + (a:topk(2, 3)):min { axes = { 2, 3 } }
  end, w, B)
end)

test("ranges that are used and lead nowhere have gradient zero", function(t)
  local w = rng:stream("unused"):normal { 35 }
  holds(t, "unused", function(v, A)
    local U, V, b = pg.unpack(v, { 5, 4 }, { 5, 2 }, { 5 })
    local _ = A:mm(V)
    return A:mm(U):sin():sum(2) + A:mv(b) * 0
  end, w, X)
  local G = ad.per_example(function(v, A)
    local U, V = pg.unpack(v, { 5, 4 }, { 5, 3 })
    return A:mm(U):sum(2), A:mm(V)
  end)(w, X)
  t.equal(G:narrow(2, 21, 15):abs():max(), 0.0)
  holds(t, "each used twice", function(v, A)
    local U, V, b = pg.unpack(v, { 5, 4 }, { 5, 2 }, { 5 })
    return (A:mm(U):sin():sum(2) + A:mm(V):sum(2)) * (A:mm(U):cos():sum(2) + A:mv(b)) + (A + b):sum(2)
  end, w, X)
end)

test("all examples in their order are no cut", function(t)
  local w = rng:stream("w"):normal { 5 }
  holds(t, "columns", function(v, A) return A[{ {}, 2 }] * v:sum() + A[{ { 1, -1 }, 3 }] * v[4] + A[{ { 1, -1 }, { 1, 5 } }]:mv(v) end, w, X)
  t.fails(function() ad.per_example(function(v, A) return A[{ { 1, -1, 2 } }]:mv(v) end)(w, X) end, "tensor%.slice works along axis 1")
  t.fails(function() ad.per_example(function(v, A) return A[{ { -1, 1, -1 } }]:mv(v) end)(w, X) end, "tensor%.slice works along axis 1")
end)

test("several variables, and matrices as variables", function(t)
  local W, b = rng:stream("W2"):normal { 5, 2 }, rng:stream("b2"):normal { 2 }
  local function loss(V, c, A, target) return (A:mm(V) + c):square():sum(2) * target end
  local GW, Gb = ad.per_example(loss, { 1, 2 })(W, b, X, y)
  t.near(GW, loop(function(v, A, target) return loss(v, b, A, target) end, W, X, y), 1e-12)
  t.near(Gb, loop(function(v, A, target) return loss(W, v, A, target) end, b, X, y), 1e-12)
  local flipped = ad.per_example(function(A, V) return loss(V, b, A, A:select(2, 1)) end, 2)(X, W)
  t.equal(flipped:dims(), { 7, 5, 2 })
end)

test("what does not reach a variable has gradient zero; numbers and strings pass through", function(t)
  local w = pg.ones { 5 }
  t.equal(ad.per_example(function(_, A) return A:sum(2) end)(w, X):tolist(), pg.zeros { 7, 5 }:tolist())
  t.equal(ad.sqnorms(function(v, A) return A:mv(ad.stop(v)) end, w, X):tolist(), pg.zeros { 7 }:tolist())
  t.near(ad.per_example(function(v, A, c, s) return A:mv(v) * c + #s end)(w, X, 3, "four"), X * 3, 1e-14)
end)

test("a closed-over constant of one value an example is a weight", function(t)
  local w = rng:stream("w"):normal { 5 }
  t.near(ad.per_example(function(v, A) return A:mv(v) * y end)(w, X), X * y:unsqueeze(2), 1e-14)
end)

test("f32 keeps its dtype", function(t)
  local w, A = pg.ones({ 5 }, "f32"), X:cast "f32"
  local function loss(v, a) return a:mv(v):square() end
  local G = ad.per_example(loss)(w, A)
  t.equal(G:dtype(), "f32")
  local s, c = ad.clipped_sum(loss, w, { clip = 1 }, A)
  t.equal({ s:dtype(), c:dtype() }, { "f32", "f64" })
  t.near(s, clipped(G:cast "f64", 1), 1e-5)
end)

test("empty batches give empty or zero results", function(t)
  local none, w = pg.zeros { 0, 5 }, rng:stream("theta"):normal { 39 }
  local at = pg.zeros({ 0 }, "i64")
  t.equal(ad.per_example(mlp)(w, none, at):dims(), { 0, 39 })
  t.equal(ad.sqnorms(mlp, w, none, at):dims(), { 0 })
  for _, materialise in ipairs { false, true } do
    local s, c = ad.clipped_sum(mlp, w, { clip = 1, materialise = materialise, weights = pg.zeros { 0 } }, none, at)
    t.equal(s:tolist(), pg.zeros { 39 }:tolist())
    t.equal(c:dims(), { 0 })
  end
  local s, c = ad.clipped_sum(mlp, w, { clip = 1, weights = pg.zeros { 7 } }, X, labels)
  t.equal({ s:abs():max(), c:tolist() }, { 0.0, { 0, 0, 0, 0, 0, 0, 0 } })
end)

test("padded rows may hold NaN", function(t)
  local A = X:clone()
  A[2] = 0 / 0
  A[7] = 0 / 0
  local m = pg.tensor { 1, 0, 2, 1, 1, 0.5, 0 }
  local w = rng:stream("theta"):normal { 39 }
  local good = pg.tensor({ 1, 3, 4, 5, 6 }, "i64")
  local want, factors = clipped(loop(mlp, w, X:gather(good), labels:gather(good)), 0.7, m:gather(good))
  for _, opt in ipairs { {}, { materialise = true }, { chunk = 2 } } do
    opt.clip, opt.weights = 0.7, m
    local s, c = ad.clipped_sum(mlp, w, opt, A, labels)
    t.near(s, want, 1e-12)
    t.near(c:gather(good), factors, 1e-12)
    t.equal({ c[2], c[7] }, { 0.0, 0.0 })
  end
  t.ok((ad.clipped_sum(mlp, w, { clip = 1 }, A, labels)):isnan():all(), "a NaN that counts is not hidden")
end)

test("a gradient of zero is not divided by", function(t)
  local s, c = ad.clipped_sum(function(v, A) return (A * 0):mv(v) end, pg.ones { 5 }, { clip = 1 }, X)
  t.equal({ s:tolist(), c:tolist() }, { { 0, 0, 0, 0, 0 }, { 1, 1, 1, 1, 1, 1, 1 } })
end)

test("what would mix examples is refused, with the primitive and the shape", function(t)
  local w = pg.ones { 5 }
  local function fails(f, pattern)
    t.fails(function() ad.per_example(f)(w, X, y) end, pattern)
  end
  fails(function(v, A) return A:mv(v):mean() end, "tensor%.mean reduces axis 1, got shape %(7%); axis 1 counts the examples")
  fails(function(v, A) return A:mv(v) - A:sum { axes = { 1 } } end, "tensor%.sum reduces axis 1")
  fails(function(v, A) return A:t():sum(1) * v end, "tensor%.transpose moves axis 1, got shape %(7, 5%)")
  fails(function(v, A) return A:permute { 2, 1 }:mv(v) end, "tensor%.permute moves axis 1")
  fails(function(v, A) return A:reshape { -1 } * v:select(1, 1) end, "tensor%.reshape moves or merges axis 1, got shape %(7, 5%)")
  fails(function(v, A) return A:mv(v):cumsum() end, "tensor%.cumsum works along axis 1")
  fails(function(v, A) return A:mv(v):flip() end, "tensor%.flip turns axis 1 round")
  fails(function(v, A) return A:mv(v):roll(1) end, "tensor%.roll works along axis 1")
  fails(function(v, A) return A[1] * v end, "tensor%.select works along axis 1")
  fails(function(v, A) return A:narrow(1, 1, 3):mv(v) end, "tensor%.slice works along axis 1")
  fails(function(v, A) return A:mv(v):sort() end, "tensor%.sort works along axis 1")
  fails(function(v, A) return pg.concatenate { A:mv(v), A:mv(v) } end, "tensor%.concatenate joins along axis 1")
  fails(function(v, A) return v:unsqueeze(1):mm(pg.ones { 5, 7 }):mm(A):sum(2) end, "tensor%.mm multiplies by what the examples make up")
  fails(function(v, A, b) return A:mv(v):dot(b) end, "tensor%.dot does not say how it keeps examples apart")
  fails(function(v, A, b) return A:mv(v):unsqueeze(2) * b end, "tensor%.mul would broadcast the examples of shape %(7%)")
  fails(function(v, A) return A:mv(v):gather(pg.arange(1, 8)) end, "tensor%.gather picks examples")
  fails(function(v, A) return A:mv(v):masked_select(A:mv(v):gt(0)) end, "tensor%.masked_select does not say how it keeps examples apart")
  fails(function(v) return v end, "the losses, of shape %(5%), do not depend on the data")
  fails(function(v, A) return A * v end, "the function returned a tensor of shape %(7, 5%); return one loss an example, %(7%)")
  fails(function() return 3 end, "ad%.per_example: the function returned number")
  fails(function(v, A) return A:mv(v):gt(0) end, "the function returned bool, which carries no gradient")
end)

test("arguments that cannot be are refused", function(t)
  local w = pg.ones { 5 }
  local f = function(v, A) return A:mv(v) end
  t.fails(function() ad.per_example(f)(w) end, "no data among the arguments")
  t.fails(function() ad.per_example(f)(w, X, y:narrow(1, 1, 3)) end, "data of shape %(3%) do not have 7 examples along axis 1")
  t.fails(function() ad.per_example(f)(w, pg.tensor(2)) end, "data need an axis of examples, got a tensor of shape %(%)")
  t.fails(function() ad.per_example(f, 3)(w, X) end, "argument 3 is to be differentiated, but there are only 2")
  t.fails(function() ad.per_example(f)(pg.ones({ 5 }, "i64"), X) end, "dtype i64 carries no gradient")
  t.fails(function() ad.clipped_sum(f, w, { clip = 1, weights = pg.ones { 3 } }, X) end, "weights of shape %(3%) for 7 examples")
  t.fails(function() ad.clipped_sum(f, w, { clip = 1, chunk = 0 }, X) end, "chunk must be an integer above 0")
  t.fails(function() ad.clipped_sum(f, w, { klip = 1 }, X) end, "did you mean 'clip'")
  t.fails(function() ad.grad(function(v) return ad.per_example(f)(v, X):sum() end)(w) end, "cannot be differentiated, or nested")
  t.fails(function() ad.per_example(function() error "mine" end)(w, X) end, "mine")
  t.near(ad.per_example(f)(w, X), X, 0)
end)

test("a failing allocation in a pass over examples is an ordinary error", function(t)
  local w = rng:stream("theta"):normal { 39 }
  local want = ad.clipped_sum(mlp, w, { clip = 1 }, X, labels)
  for _, all in ipairs { false, true } do
    local n = 0
    while true do
      local opt = { clip = 1, materialise = n % 2 == 0 }
      pg.testing.fail_allocation(n, all)
      local ok, r = pcall(ad.clipped_sum, mlp, w, opt, X, labels)
      pg.testing.fail_allocation(-1)
      if ok and not pg.testing.allocation_failed() then
        t.near(r, want, 1e-12)
        break
      end
      n = n + 1
    end
    t.ok(n > 50, "the walk fails %d allocations", n)
  end
end)
