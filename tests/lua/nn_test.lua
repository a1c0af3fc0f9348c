local pg = require "perigee"
local nn, ad = pg.nn, pg.ad

local function flat(f, ...) -- f of tensors of these shapes as a function of one vector
  local shapes = { ... }
  return function(v) return f(pg.unpack(v, table.unpack(shapes))) end
end

-- The definition, loop by loop.
local function naive_conv(x, w, how)
  local s, p, d, groups = how.stride or 1, how.padding or 0, how.dilation or 1, how.groups or 1
  local n, c, h, wd = table.unpack(x:dims())
  local o, kh, kw = w:dim(1), w:dim(3), w:dim(4)
  local oh, ow = (h + 2 * p - d * (kh - 1) - 1) // s + 1, (wd + 2 * p - d * (kw - 1) - 1) // s + 1
  local y = pg.zeros { n, o, oh, ow }
  for i = 1, n do for k = 1, o do for a = 1, oh do for b = 1, ow do
    local sum, first = 0, (k - 1) // (o // groups) * (c // groups)
    for ch = 1, c // groups do for u = 1, kh do for v = 1, kw do
      local r, q = (a - 1) * s + 1 + (u - 1) * d - p, (b - 1) * s + 1 + (v - 1) * d - p
      if r >= 1 and r <= h and q >= 1 and q <= wd then sum = sum + x[i][first + ch][r][q] * w[k][ch][u][v] end
    end end end
    y[i][k][a][b] = sum
  end end end end
  return y
end

-- Images, filters and options, at random but for what `fixed` says; the kernel fits.
local function random_conv(rng, fixed)
  local how = { stride = rng:integers(1, 3), padding = rng:integers(0, 3), dilation = rng:integers(1, 3), groups = rng:integers(1, 3) }
  local kh, kw = rng:integers(1, 4), rng:integers(1, 4)
  for k, v in pairs(fixed or {}) do how[k] = v end
  local function size(k) return math.max(1, how.dilation * (k - 1) + 1 - 2 * how.padding) + rng:integers(0, 5) end
  local x = { rng:integers(1, 3), how.groups * rng:integers(1, 3), size(kh), size(kw) }
  local w = { how.groups * rng:integers(1, 3), x[2] // how.groups, kh, kw }
  return x, w, how
end

local function shown(x, w, how) return ("(%s) * (%s), stride %d, padding %d, dilation %d, groups %d"):format(table.concat(x, ", "), table.concat(w, ", "),
  how.stride, how.padding, how.dilation, how.groups) end

test("a convolution is its definition", function(t)
  for k = 1, 60 do
    local rng = pg.rng(1):stream("case", k)
    local dims, filters, how = random_conv(rng:stream "geometry")
    local x, w = rng:stream("x"):normal(dims), rng:stream("w"):normal(filters)
    local y = nn.conv2d(x, w, how)
    t.near(y, naive_conv(x, w, how), 1e-12, shown(dims, filters, how))
    t.near(nn.conv2d(x:transpose(3, 4):contiguous():transpose(3, 4), w:flip(1):contiguous():flip(1), how), y, 0, "strided")
    t.near(nn.conv2d(x:cast "f32", w:cast "f32", how), y, 1e-4)
  end
  t.equal(nn.conv2d(pg.zeros { 0, 3, 6, 7 }, pg.ones { 4, 3, 3, 3 }):dims(), { 0, 4, 4, 5 })
end)

test("convolutions of many channels, long rows and many places are sums of smaller ones", function(t)
  local rng = pg.rng(3)
  for _, c in ipairs { { { 1, 400, 3, 5 }, { 40, 400, 2, 2 } }, { { 2, 2, 2, 600 }, { 14, 2, 2, 3 } }, { { 30, 3, 9, 11 }, { 13, 3, 3, 3 } } } do
    local x, w = rng:normal(c[1]), rng:normal(c[2])
    local y, sum = nn.conv2d(x, w), 0
    for a = 1, w:dim(3) do for b = 1, w:dim(4) do
      local part = x:narrow(3, a, y:dim(3)):narrow(4, b, y:dim(4)):permute { 1, 3, 4, 2 }:reshape { -1, x:dim(2) }:mm(w:select(4, b):select(3, a):transpose(1, 2))
      sum = sum + part:reshape { x:dim(1), y:dim(3), y:dim(4), w:dim(1) }:permute { 1, 4, 2, 3 }
    end end
    t.near(y, sum, 1e-11)
    local u = rng:normal(y:dims())
    local dx, dw = ad.grad(function(p, q) return (nn.conv2d(p, q) * u):sum() end, { 1, 2 })(x, w)
    t.near((dx * x):sum() / (y * u):sum(), 1, 1e-9, "adjoint in the images")
    t.near((dw * w):sum() / (y * u):sum(), 1, 1e-9, "adjoint in the filters")
    t.near(nn.conv2d_transpose(u, w, x:dim(3), x:dim(4)), dx, 0)
  end
end)

test("every build gives the same convolution", function(t)
  local program = [[local pg = require "perigee"; local nn, rng = pg.nn, pg.rng(5)
    local sum = 0
    for k, s in ipairs { 1, 2 } do
      for _, d in ipairs { "f32", "f64" } do
        local x, w = rng:stream("x", k):normal { 3, 5, 9, 37 }:cast(d), rng:stream("w", k):normal { 14, 5, 3, 3 }:cast(d)
        local function f(a, b) return (nn.conv2d(a, b, { stride = s, padding = 1 }) ^ 2):sum() end
        local dx, dw = pg.ad.grad(f, { 1, 2 })(x, w)
        for _, g in ipairs { dx, dw, nn.conv2d(x, w, { stride = s }) } do print(("%a"):format((g * pg.arange(g:size()):reshape(g:dims())):sum())) end
      end
    end]]
  local function output(isa, threads)
    local pipe <close> = io.popen(("PERIGEE_ISA=%s %s -e 'pg = require \"perigee\" pg.threads(%d) %s' 2>&1"):format(isa, arg[-1], threads, program:gsub("\n", " ")))
    return pipe:read "a"
  end
  local want = output("baseline", 1)
  t.ok(select(2, want:gsub("p", "")) >= 12, "twelve numbers: %s", want)
  for _, isa in ipairs { "avx2", "avx512" } do
    local got = output(isa, 3)
    if not got:find "this processor lacks" then t.equal(got, want, isa) end
  end
end)

test("convolutions are differentiable to second order by images and filters", function(t)
  for k = 1, 24 do
    local rng = pg.rng(2):stream("case", k)
    local dims, filters, how = random_conv(rng:stream "geometry", k % 3 == 0 and { stride = 1 } or nil)
    local f = flat(function(x, w) return nn.conv2d(x, w, how):tanh():sum() end, dims, filters)
    local size = pg.ones(dims):size() + pg.ones(filters):size()
    t.ok(ad.check(f, 0.5 * rng:stream("v"):normal { size }, { seed = k, directions = 2 }), shown(dims, filters, how))
  end
end)

test("many small images at once are each its own convolution", function(t)
  local rng = pg.rng(21)
  local x, w = rng:stream("x"):normal { 23, 3, 5, 6 }, rng:stream("w"):normal { 4, 3, 3, 3 }      -- 30 places: products of 8 images, the last of 7
  local how, y = { padding = 1 }, nn.conv2d(x, w, { padding = 1 })
  local function total(a, b, u) return (nn.conv2d(a, b, how) * u):sum() end
  local u = rng:stream("u"):normal(y:dims())
  local dx, dw = ad.grad(total, { 1, 2 })(x, w, u)
  local sum = pg.zeros(w:dims())
  for i = 1, 23 do
    local one = x:narrow(1, i, 1)
    local ex, ew = ad.grad(total, { 1, 2 })(one, w, u:narrow(1, i, 1))
    t.near(y:narrow(1, i, 1), naive_conv(one, w, { padding = 1 }), 1e-12)
    t.near(dx:narrow(1, i, 1), ex, 1e-12, "image %d", i)
    sum = sum + ew
  end
  t.near(dw, sum, 1e-11)
end)

test("convolutions do not depend on the number of threads", function(t)
  local rng = pg.rng(3)
  local x, w = rng:stream("x"):normal { 37, 3, 9, 9 }, rng:stream("w"):normal { 5, 3, 3, 3 }
  local function gradient() return ad.grad(function(v) return (nn.conv2d(x, v)^2):sum() end)(w):tolist() end
  local one = gradient()
  pg.threads(4)
  local four = gradient()
  pg.threads(1)
  t.equal(four, one)
end)

test("convolutions refuse what does not fit, with the numbers", function(t)
  local x = pg.zeros { 1, 3, 4, 4 }
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 4, 3, 3 }) end, "nn.conv2d: channels of images and filters differ: 3 and 4")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 5, 5 }) end, "a kernel of 5 x 5 does not fit into images of 4 x 4 padded by 0")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 3 }) end, "two tensors of 4 axes are needed, got %(1, 3, 4, 4%) and %(2, 3, 3%)")
  t.fails(function() nn.conv2d(x, pg.zeros({ 2, 3, 3, 3 }, "f32")) end, "both operands must be f32 or both f64, got f64 and f32")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 3, 3 }, { stride = 0 }) end, "the stride must be >= 1, the padding >= 0 and the dilation >= 1, got 0, 0 and 1")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 3, 3 }, { dilation = 0 }) end, "the dilation >= 1")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 3, 3 }, { dilation = 2 }) end, "a kernel of 3 x 3, dilated, does not fit into images of 4 x 4 padded by 0")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 3, 3 }, { groups = 2 }) end, "2 groups do not divide 3 channels into 2")
  t.fails(function() nn.conv2d(x, pg.zeros { 3, 3, 3, 3 }, { groups = 3 }) end, "channels of a group of images and of filters differ: 1 and 3")
  t.fails(function() nn.conv2d(x, pg.zeros { 2, 3, 3, 3 }, { strde = 2 }) end, "did you mean 'stride'")
end)

test("affine is the product, shifted and rectified, at every size, layout, dtype and number of threads", function(t)
  local function integers(rng, ...) return rng:integers({ ... }, -4, 4):cast "f64" end        -- products of which are exact in f32, too
  for k, dims in ipairs { { 1, 1, 1 }, { 3, 5, 2 }, { 7, 40, 16 }, { 8, 257, 16 }, { 33, 65, 31 }, { 64, 400, 48 }, { 130, 784, 129 }, { 0, 4, 3 }, { 5, 0, 3 } } do
    local n, inputs, outputs = table.unpack(dims)
    local rng = pg.rng(31):stream("case", k)
    local x, w, b = integers(rng:stream "x", n, inputs), integers(rng:stream "w", inputs, outputs), integers(rng:stream "b", outputs)
    local want = pg.zeros { n, outputs } + b
    for i = 1, inputs do want:add_(x:narrow(2, i, 1) * w:select(1, i)) end
    local case = table.concat(dims, " ")
    for _, dtype in ipairs { "f64", "f32" } do
      local X, W, B = x:cast(dtype), w:cast(dtype), b:cast(dtype)
      t.equal(nn.affine(X, W, B):cast "f64":tolist(), want:tolist(), case)
      t.equal(nn.affine(X, W, B, { rectify = true }):cast "f64":tolist(), want:relu():tolist(), case)
      t.equal(nn.affine(X, W):cast "f64":tolist(), (want - b):tolist(), case)
      t.equal(nn.affine(X:t():contiguous():t(), W:flip(1):contiguous():flip(1), B):tolist(), nn.affine(X, W, B):tolist(), "strided " .. case)
      t.equal(nn.affine(X, W, B):dtype(), dtype)
    end
  end
  local rng = pg.rng(32)
  local x, w = rng:stream "x":normal { 300, 500 }, rng:stream "w":normal { 500, 130 }
  for _, dtype in ipairs { "f64", "f32" } do
    local X, W = x:cast(dtype), w:cast(dtype)
    local function all() return { nn.affine(X, W):tolist(), ad.grad(function(a) return nn.affine(X, a):square():sum() end)(W):tolist() } end
    local one = all()
    pg.threads(3)
    local three = all()
    pg.threads(1)
    t.equal(three, one)
  end
  t.near(nn.affine(x, w), x:mm(w), 1e-12)
end)

test("unpack cuts theta into views, and pack undoes it", function(t)
  local theta = pg.arange(11):cast "f64"
  local a, b, c = pg.unpack(theta, { 2, 3 }, {}, { 4 })
  t.equal(a:tolist(), { { 0.0, 1.0, 2.0 }, { 3.0, 4.0, 5.0 } })
  t.equal(b:item(), 6.0)
  t.equal(c:tolist(), { 7.0, 8.0, 9.0, 10.0 })
  t.equal(pg.pack(a, b, c):tolist(), theta:tolist())
  c:fill_(0)
  t.equal(theta:sum(), 21.0)
  t.ok(ad.check(function(v)
    local p, q = pg.unpack(v, { 2, 2 }, { 2 })
    return ((p:mm(p) + q)^2):sum() + q:sum()
  end, pg.rng(4):normal { 6 }), "gradient of unpack, one piece used twice")
  t.equal(ad.grad(function(v) return (pg.unpack(v, { 2 }, { 3 })):sum() end)(pg.ones { 5 }):tolist(), { 1.0, 1.0, 0.0, 0.0, 0.0 })
  t.fails(function() pg.unpack(theta, { 2, 3 }, { 4 }) end, "2 shapes take a vector of 10 elements, got shape %(11%)")
end)

local function scores(seed, n, classes) return pg.rng(seed):normal { n, classes } end

test("cross-entropy is minus the log of the softmax at the label", function(t)
  local z, y = scores(5, 6, 4), pg.rng(5):stream("y"):integers({ 6 }, 4)
  local p = z:exp() / z:exp():sum { axes = { 2 }, keep = true }
  local loss = nn.cross_entropy(z, y)
  for i = 1, 6 do t.near(loss[i], -math.log(p[i][y[i]]), 1e-14) end
  local onehot = y:unsqueeze(2):eq(pg.arange(1, 5)):cast "f64"
  t.near(nn.cross_entropy(z, onehot), loss, 1e-14)
  local q = onehot * 0.7 + (1 - onehot) * 0.1
  t.near(nn.cross_entropy(z, y, { smoothing = 0.3 }), nn.cross_entropy(z, q), 1e-14, "smoothing puts p / (classes - 1) off the class")
  t.near(nn.cross_entropy(z + 1000, y), loss, 1e-11)
  t.equal(nn.accuracy(onehot, y), 1.0)
  for k = 1, 20 do                                                -- to third order, against the composition
    local r = pg.rng(28):stream("case", k)
    local n, c, opt = r:integers(1, 4), r:integers(1, 5), { smoothing = k % 2 * 0.2 }
    local labels = r:stream("y"):integers({ n }, c)
    local hot = labels:unsqueeze(2):eq(pg.arange(1, c + 1)):cast "f64"
    local target = c > 1 and hot * (1 - opt.smoothing) + (1 - hot) * opt.smoothing / (c - 1) or hot
    local function ours(v) return (nn.cross_entropy(v:reshape { n, c }, labels, opt)^2):sum() end
    local function naive(v)
      local s = v:reshape { n, c }
      return ((s:logsumexp(2) - (target * s):sum(2))^2):sum()
    end
    local w, v, u = r:stream("w"):normal { n * c }, r:stream("v"):normal { n * c }, r:stream("u"):normal { n * c }
    t.near(ours(w), naive(w), 1e-12)
    t.near(ad.grad(ours)(w), ad.grad(naive)(w), 1e-12)
    t.near(ad.hvp(ours, w, v), ad.hvp(naive, w, v), 1e-12)
    local function third(f) return ad.grad(function(at) return ad.hvp(f, at, v):dot(u) end)(w) end
    t.near(third(ours), third(naive), 1e-11)
    ad.check(ours, w, { seed = k, directions = 1 })
  end
  local wide = pg.rng(29):normal { 3, 2500 }                      -- more than a block of scores, and of rows
  t.near(nn.cross_entropy(wide, pg.tensor({ 1, 1200, 2500 }, "i64")), wide:logsumexp(2) - pg.stack { wide[1][1], wide[2][1200], wide[3][2500] }, 1e-12)
  local tall = pg.rng(30):normal { 5000, 7 }
  local first = pg.ones({ 5000 }, "i64")
  t.near(ad.grad(function(s) return nn.cross_entropy(s, first):sum() end)(tall):sum(2):abs():max(), 0, 1e-13)
  t.near(nn.cross_entropy(tall:cast "f32", first), tall:logsumexp(2) - tall:select(2, 1), 1e-6)
  t.near(nn.cross_entropy(pg.tensor { { -math.huge, 0, 0 } }, pg.tensor({ 2 }, "i64"))[1], math.log(2), 1e-15, "a score that is ruled out")
  t.fails(function() nn.cross_entropy(z, y, { smoothing = 1.5 }) end, "smoothing must lie in 0..1, got 1.5")
  t.fails(function() nn.cross_entropy(z, y + 4) end, "nn.cross_entropy: labels must lie in 1..4, got %d")
  t.fails(function() nn.cross_entropy(z, y[{ { 1, 3 } }]) end, "nn.cross_entropy: scores %(n, classes%) and labels %(n%) are needed, got %(6, 4%) and %(3%)")
  t.equal(nn.cross_entropy(pg.zeros { 0, 4 }, pg.zeros({ 0 }, "i64")):dims(), { 0 })
end)

test("flipped labels are other classes, as often as asked for", function(t)
  local y = pg.rng(25):integers({ 40000 }, 5)
  local z = nn.flip_labels(pg.rng(26), y, 5, 0.3)
  local other = z:ne(y)
  t.near(other:cast("f64"):mean(), 0.3, 5 * math.sqrt(0.21 / 40000))
  for c = 1, 5 do t.near(z:masked_select(other & y:eq(1)):eq(c):cast("f64"):mean(), c == 1 and 0 or 0.25, c == 1 and 0 or 5 * math.sqrt(0.1875 / 2200)) end
  t.equal(z:min(), 1)
  t.equal(z:max(), 5)
  t.fails(function() nn.flip_labels(pg.rng(1), y, 1, 0.1) end, "classes must be an integer >= 2, got 1")
end)

test("losses give a value per example and are differentiable", function(t)
  local z, y = pg.rng(6):normal { 5 }, pg.tensor { 1, -1, 1, 1, -1 }
  for i = 1, 5 do
    t.near(nn.logistic(z, y)[i], math.log(1 + math.exp(-y[i] * z[i])), 1e-14)
    t.near(nn.hinge(z, y)[i], math.max(0, 1 - y[i] * z[i]), 1e-15)
    t.near(nn.squared(z, y)[i], (z[i] - y[i])^2 / 2, 1e-14)
  end
  local labels = pg.rng(6):stream("y"):integers({ 5 }, 3)
  for _, opt in ipairs { { smoothing = 0.0 }, { smoothing = 0.2 } } do
    ad.check(function(v) return (nn.cross_entropy(v:reshape { 5, 3 }, labels, opt)^2):sum() end, scores(7, 5, 3):reshape { 15 })
  end
  ad.check(function(v) return nn.logistic(v, y):sum() end, z)
end)

test("layers of every kind are differentiable by theta", function(t)
  local rng = pg.rng(8)
  local images, rows = rng:stream("images"):normal { 3, 4, 4, 4 }, rng:stream("rows"):normal { 5, 6 }
  local index = rng:stream("index"):integers({ 7 }, 5)
  local nets = {
    { nn.mlp { 6, 5, 3, act = "tanh" }, rows }, { nn.mlp { 6, 5, 3, act = "silu", bias = false }, rows },
    { nn.sequential { nn.layer_norm(6), nn.dense(6, 2), "gelu" }, rows },
    { nn.sequential { nn.conv2d_layer(4, 6), nn.group_norm(6, 3), "softplus", nn.avg_pool(2), nn.flatten(), nn.dense(24, 2) }, images },
    { nn.sequential { nn.conv2d_layer(4, 4, { stride = 2, kernel = 1 }), "sigmoid", nn.global_pool() }, images },
    { nn.residual({ nn.conv2d_layer(4, 4), "tanh" }, nn.conv2d_layer(4, 4, { kernel = 1 })), images },
    { nn.sequential { nn.embedding(5, 3), nn.dense(3, 2), "tanh" }, index },
  }
  for k, n in ipairs(nets) do
    local net, x = n[1], n[2]
    local theta = net:init(rng:stream("init", k), "f64")
    t.equal(theta:size(), net:size())
    ad.check(function(v) return (net(v, x)^2):sum() end, theta, { seed = k, step = 3e-4 })
  end
end)

test("pooling and normalisation do what they say", function(t)
  local x = pg.arange(32):cast("f64"):reshape { 1, 2, 4, 4 }
  local none = pg.zeros { 0 }
  t.equal(nn.max_pool(2)(none, x):tolist(), { { { { 5.0, 7.0 }, { 13.0, 15.0 } }, { { 21.0, 23.0 }, { 29.0, 31.0 } } } })
  t.equal(nn.avg_pool(4)(none, x):tolist(), { { { { 7.5 } }, { { 23.5 } } } })
  t.equal(nn.global_pool()(none, x):tolist(), { { 7.5, 23.5 } })
  t.fails(function() nn.max_pool(3)(none, x) end, "windows of 3 x 3 do not fill images of shape %(1, 2, 4, 4%)")
  local images = pg.rng(9):normal({ 3, 6, 5, 5 }, 2, 3)
  local norm = nn.group_norm(6, 2, { eps = 0 })
  local y = norm(norm:init(pg.rng(1), "f64"), images):reshape { 3, 2, 75 }
  t.near(y:mean(3), pg.zeros { 3, 2 }, 1e-13)
  t.near(y:var { axes = { 3 }, ddof = 0 }, pg.ones { 3, 2 }, 1e-12)
end)

-- The maxima (NaN wins) or means of the definition, window by window.
local function naive_pool(x, k, s, p, mean, inside)
  local n, c, h, w = table.unpack(x:dims())
  local oh, ow = (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1
  local y = pg.zeros({ n, c, oh, ow }, x:dtype())
  for i = 1, n do for ch = 1, c do for a = 1, oh do for b = 1, ow do
    local best, sum, count = -math.huge, 0, 0
    for r = math.max(1, (a - 1) * s + 1 - p), math.min(h, (a - 1) * s + k - p) do
      for q = math.max(1, (b - 1) * s + 1 - p), math.min(w, (b - 1) * s + k - p) do
        local v = x[i][ch][r][q]
        if v > best or v ~= v then best = v end
        sum, count = sum + v, count + 1
      end
    end
    y[i][ch][a][b] = mean and sum / (inside and count or k * k) or best
  end end end end
  return y
end

local windows = { { 2, 2, 0 }, { 3, 2, 1 }, { 2, 1, 0 }, { 3, 3, 0 }, { 1, 1, 0 }, { 2, 3, 1 } } -- size, stride, padding

test("pooling takes the maximum of each window, and its gradient to any order", function(t)
  for k, g in ipairs(windows) do
    local rng, how = pg.rng(20):stream("pool", k), { stride = g[2], padding = g[3] }
    local x = rng:normal { 2, 3, 6, 8 }
    t.equal(nn.max_pool2d(x, g[1], how):tolist(), naive_pool(x, g[1], g[2], g[3]):tolist(), "windows %d", k)
    local across = x:transpose(3, 4):contiguous():transpose(3, 4)
    t.equal(nn.max_pool2d(across, g[1], how):tolist(), nn.max_pool2d(x, g[1], how):tolist(), "strided")
    t.equal(nn.max_pool2d(x:cast "f32", g[1], how):tolist(), nn.max_pool2d(x:cast "f32":cast "f64", g[1], how):tolist(), "f32")
    local f = flat(function(v) return (nn.max_pool2d(v, g[1], how):tanh() ^ 2):sum() end, { 2, 2, 4, 6 })
    local spread = (rng:permutation(96):cast "f64" - 48) / 48          -- no two closer than the step of the check
    t.ok(ad.check(f, spread, { seed = k, step = 1e-4 }), "windows %d", k)
    t.near(ad.grad(f)(spread), ad.grad(f)(spread:clone()), 0)
  end
  t.equal(nn.max_pool2d(pg.zeros { 0, 3, 4, 4 }, 2):dims(), { 0, 3, 2, 2 })
end)

test("mean pooling is the mean of each window, and linear", function(t)
  for k, g in ipairs { { 2, 2, 0 }, { 3, 2, 1 }, { 2, 1, 0 }, { 3, 1, 1 }, { 1, 1, 0 }, { 2, 3, 1 }, { 5, 4, 2 } } do
    for _, counts in ipairs { true, false } do
      local rng, how = pg.rng(22):stream("pool", k), { stride = g[2], padding = g[3], count_padding = counts }
      local x = rng:normal { 2, 3, 6, 8 }
      local y = nn.avg_pool2d(x, g[1], how)
      t.near(y, naive_pool(x, g[1], g[2], g[3], true, not counts), 1e-14, "windows %d", k)
      t.near(nn.avg_pool2d(x:cast "f32", g[1], how), y, 1e-6)
      t.near(nn.avg_pool(g[1], how)(pg.zeros { 0 }, x), y, 0)
      local u = rng:stream("u"):normal(y:dims())
      local function f(v) return (nn.avg_pool2d(v, g[1], how) * u):sum() end
      t.near((ad.grad(f)(x) * x):sum(), (y * u):sum(), 1e-12, "adjoint")
      t.ok(ad.check(flat(function(v) return (nn.avg_pool2d(v, g[1], how):tanh() ^ 2):sum() end, { 1, 2, 4, 5 }), x:reshape { -1 }:narrow(1, 1, 40)), "windows %d", k)
    end
  end
  t.equal(nn.avg_pool2d(pg.zeros { 0, 3, 4, 4 }, 2):dims(), { 0, 3, 2, 2 })
  t.fails(function() nn.avg_pool2d(pg.zeros { 1, 1, 2, 2 }, 3) end, "nn.avg_pool2d: windows of 3 x 3 do not fit into images of shape %(1, 1, 2, 2%)")
  t.fails(function() nn.avg_pool(3, { size = 2 }) end, "nn.avg_pool: unknown option 'size'")
end)

-- The definition of group normalisation, in tensor operations.
local function naive_group_norm(x, gamma, beta, groups, opt)
  local dims, c = x:dims(), x:dim(2)
  local rows = x:reshape { dims[1], groups, -1 }
  local centred = rows - rows:mean { axes = { 3 }, keep = true }
  local h = (centred / (centred:square():mean { axes = { 3 }, keep = true } + opt.eps):sqrt()):reshape { dims[1], c, -1 }
  local y = h * gamma:reshape { c, 1 } + beta:reshape { c, 1 }
  return (opt.rectify and y:relu() or y):reshape(dims)
end

test("group normalisation is its definition, with its derivatives to third order", function(t)
  for k = 1, 24 do
    local rng = pg.rng(27):stream("case", k)
    local groups, per, n = rng:integers(1, 3), rng:integers(1, 3), rng:integers(1, 3)
    local dims, opt = { n, groups * per, rng:integers(2, 4), rng:integers(1, 3) }, { eps = 0.1, rectify = k % 2 == 0 }
    local c, size = dims[2], dims[1] * dims[2] * dims[3] * dims[4]
    local function of(norm) return flat(function(x, gamma, beta) return (norm(x, gamma, beta, groups, opt):tanh() ^ 2):sum() end, dims, { c }, { c, 1, 1 }) end
    local ours, naive = of(nn.group_norm2d), of(naive_group_norm)
    local w, v, u = rng:stream("w"):normal { size + 2 * c }, rng:stream("v"):normal { size + 2 * c }, rng:stream("u"):normal { size + 2 * c }
    local x = pg.unpack(w, dims, { 2 * c })
    local across = x:transpose(3, 4):contiguous():transpose(3, 4)
    t.near(nn.group_norm2d(across, w:narrow(1, 1, c), w:narrow(1, 2, c), groups, opt), naive_group_norm(x, w:narrow(1, 1, c), w:narrow(1, 2, c), groups, opt), 1e-13)
    t.near(nn.group_norm2d(x:cast "f32", pg.ones({ c }, "f32"), pg.zeros({ c }, "f32"), groups, opt), nn.group_norm2d(x, pg.ones { c }, pg.zeros { c }, groups, opt), 1e-5)
    t.near(ad.grad(ours)(w), ad.grad(naive)(w), 1e-12, "gradient %d", k)
    t.near(ad.hvp(ours, w, v), ad.hvp(naive, w, v), 1e-11, "Hessian %d", k)
    local function third(f) return ad.hvp(function(p) return ad.hvp(f, p, v):dot(u) end, w, u) end
    t.near(third(ours), third(naive), 1e-8 * (1 + third(naive):abs():max()), "fourth derivatives %d", k)
    t.ok(ad.check(ours, w, { seed = k, directions = 1, step = 1e-4 }), "case %d", k)
  end
  t.near(nn.group_norm2d(1e6 + pg.tensor { { { 1.0, 2.0, 3.0 } } }, pg.ones { 1 }, pg.zeros { 1 }, 1, { eps = 0 }):reshape { 3 }, pg.tensor { -1, 0, 1 } * math.sqrt(1.5), 1e-9, "far from zero")
  t.equal(nn.group_norm2d(pg.zeros { 0, 4, 2 }, pg.ones { 4 }, pg.ones { 4 }, 2):dims(), { 0, 4, 2 })
  t.fails(function() nn.group_norm2d(pg.zeros { 1, 4, 2 }, pg.ones { 4 }, pg.ones { 4 }, 3) end, "nn.group_norm2d: 3 groups do not divide 4 channels")
  t.fails(function() nn.group_norm2d(pg.zeros { 1, 4, 2 }, pg.ones { 3 }, pg.ones { 4 }, 2) end, "gamma must have 4 elements of f64, got %(3%) of f64")
  t.fails(function() nn.group_norm2d(pg.zeros { 4 }, pg.ones { 4 }, pg.ones { 4 }, 2) end, "examples of channels are needed, got shape %(4%)")
end)

test("batch normalisation takes the moments of the batch, or running ones", function(t)
  local rng = pg.rng(23)
  local x = rng:stream("x"):normal({ 6, 3, 4, 5 }, 2, 3)
  local norm = nn.batch_norm(3, { eps = 1e-4 })
  local theta = norm:init(rng, "f64") + rng:stream("theta"):normal { 6 }
  local y, seen = norm(theta, x)
  for c = 1, 3 do
    local v = x:select(2, c)
    local mean, variance = v:mean(), v:var { ddof = 0 }
    t.near(y:select(2, c), (v - mean) / math.sqrt(variance + 1e-4) * theta[c] + theta[3 + c], 1e-13)
    t.near(seen[c], mean, 1e-14)
    t.near(seen[3 + c], v:var(), 1e-13, "unbiased")
  end
  local state = norm:state "f64"
  t.equal(state:tolist(), { 0.0, 0.0, 0.0, 1.0, 1.0, 1.0 })
  norm:commit(state, seen)
  t.near(state, 0.9 * norm:state "f64" + 0.1 * seen, 1e-15)
  norm:commit(state, seen, 1)
  t.near(state, seen, 1e-15)
  local z, none = norm(theta, x, state)
  t.ok(none == nil, "nothing to commit")
  t.near((z - y):abs():max(), 0, 0.05, "120 values: the unbiased variance is close to the other")
  t.near(norm(theta, x[{ { 2, 3 } }], state), z[{ { 2, 3 } }], 0, "examples apart")
  t.near(nn.batch_norm(3)(theta, x:select(4, 1):select(3, 1)):select(2, 1):mean(), theta[4], 1e-14, "vectors")
  t.fails(function() norm(theta, x:narrow(1, 1, 1):narrow(3, 1, 1):narrow(4, 1, 1)) end, "a batch has at least two values a channel, got 1")
  t.fails(function() norm(theta, x:narrow(2, 1, 2)) end, "images or vectors of 3 channels are needed, got shape %(6, 2, 4, 5%)")
  t.fails(function() norm(theta, x, pg.zeros { 5 }) end, "the state has 5 elements, the network 6 statistics")
  t.fails(function() nn.dense(2, 2):commit(state, nil) end, "no statistics to commit")
end)

test("networks with batch normalisation carry its statistics in the order of use", function(t)
  local rng = pg.rng(24)
  local block = nn.residual({ nn.conv2d_layer(4, 6), nn.batch_norm(6), "softplus" }, nn.sequential { nn.conv2d_layer(4, 6, { kernel = 1 }), nn.batch_norm(6) })
  local net = nn.sequential { nn.conv2d_layer(2, 4), nn.batch_norm(4), "tanh", block, nn.global_pool(), nn.dense(6, 3) }
  local theta, x, y = net:init(rng, "f64"), rng:stream("x"):normal { 5, 2, 6, 6 }, rng:stream("y"):integers({ 5 }, 3)
  local function loss(w, a, b)
    local z, seen = net(w, a)
    return nn.cross_entropy(z, b):mean(), seen
  end
  local _, g, seen = ad.value_and_grad(loss)(theta, x, y)
  local first = nn.conv2d(x, net:unpack(theta)[1], { padding = 1 }):mean { axes = { 1, 3, 4 } }
  t.near(seen[{ { 1, 4 } }], first, 1e-13)
  t.equal(seen:size(), 2 * (4 + 6 + 6))
  t.ok(g:norm() > 0.01, "a gradient")
  t.ok(ad.check(function(v) return (loss(v, x, y)) end, theta, { directions = 2 }))
  t.fails(function() ad.per_example(function(w, a, b) return nn.cross_entropy(net(w, a), b) end)(theta, x, y) end, "ad.per_example: tensor.mean .*axis 1")
  local state = net:state "f64"
  for _ = 1, 200 do net:commit(state, (select(2, net(theta, x)))) end
  local function evaluated(w, a, b) return nn.cross_entropy(net(w, a, state), b) end
  local rows = ad.per_example(evaluated)(theta, x, y)
  t.near(rows[3], ad.grad(function(w) return evaluated(w, x:narrow(1, 3, 1), y:narrow(1, 3, 1)):sum() end)(theta), 1e-12)
  t.near(state, seen, 1e-8, "the running statistics of one batch are the batch's")
end)

test("the first of equal maxima takes the gradient, and not a number shows", function(t)
  local function total(x) return nn.max_pool2d(x, 2):sum() end
  t.equal(ad.grad(total)(pg.ones { 1, 1, 2, 4 }):tolist(), { { { { 1.0, 0.0, 1.0, 0.0 }, { 0.0, 0.0, 0.0, 0.0 } } } })
  t.equal(ad.grad(function(x) return nn.max_pool2d(x, 2, { stride = 1 }):sum() end)(pg.ones { 1, 1, 2, 3 }):tolist(), { { { { 1.0, 1.0, 0.0 }, { 0.0, 0.0, 0.0 } } } })
  local odd = pg.tensor { { { { 1.0, 0 / 0, 3.0, 2.0 }, { 5.0, 4.0, 1.0, 0.0 } } } }
  for _, size in ipairs { 2, 1 } do
    local y = nn.max_pool2d(odd, 2, { stride = size })
    t.ok(y[1][1][1][1] ~= y[1][1][1][1] and y[1][1][1][y:dim(4)] == 3.0, "NaN in its window alone")
  end
  t.equal(ad.grad(total)(odd):tolist(), { { { { 0.0, 1.0, 1.0, 0.0 }, { 0.0, 0.0, 0.0, 0.0 } } } })
  t.fails(function() nn.max_pool2d(odd, 3) end, "windows of 3 x 3 do not fit into images of shape %(1, 1, 2, 4%) padded by 0")
  t.fails(function() nn.max_pool2d(pg.zeros { 1, 1, 0, 4 }, 2, { padding = 1 }) end, "windows of 2 x 2 do not fit into images of shape %(1, 1, 0, 4%)")
  t.fails(function() nn.max_pool2d(odd, 2, { padding = 2 }) end, "the padding lie in 0..size/2, got 2, 2 and 2")
  t.fails(function() nn.max_pool2d(odd:reshape { 2, 4 }, 2) end, "images of 4 axes are needed, got shape %(2, 4%)")
  t.fails(function() nn.max_pool2d(odd:cast "i64", 2) end, "images must be f32 or f64, got i64")
end)

test("initial parameters have the variance of their name, and depend on the seed alone", function(t)
  local net = nn.sequential { nn.dense(400, 300, { init = "he" }) }
  local W = net:unpack(net:init(pg.rng(10), "f64"))[1]
  t.near(W:var(), 2 / 400, 5 * 2 / 400 * math.sqrt(2 / 120000))
  local c = nn.conv2d_layer(8, 50, { init = "lecun" })
  t.near(c:unpack(c:init(pg.rng(11), "f64"))[1]:var(), 1 / 72, 5 / 72 * math.sqrt(2 / 3600))
  t.equal(net:init(pg.rng(10)):tolist(), net:init(pg.rng(10)):tolist())
  local variances = { he = 2 / 400, he_fan_out = 2 / 300, glorot = 2 / 700, lecun = 1 / 400, uniform = 1 / 1200, normal = 1,
    he_uniform = 2 / 400, he_fan_out_uniform = 2 / 300, glorot_uniform = 2 / 700, lecun_uniform = 1 / 400, zeros = 0, ones = 0, orthogonal = 1 / 400 }
  for name, init in pairs(nn.initialisers) do
    local w = init(pg.rng(12), { 400, 300 })
    t.near(w:var(), variances[name], 5 * variances[name] * math.sqrt(2 / 120000) + 1e-15, name)
    t.equal(w:mean() == 1, name == "ones", name)
    if name:find "uniform" then t.near(w:abs():max(), math.sqrt(3 * variances[name]), 1e-3 * math.sqrt(variances[name]), name) end
  end
  for _, dims in ipairs { { 5, 3 }, { 3, 5 }, { 4, 2, 3, 3 }, { 7, 1 }, { 3 } } do
    local w = nn.initialisers.orthogonal(pg.rng(13), dims)
    t.equal(w:dims(), dims)
    local m = w:reshape { dims[1], -1 }
    local gram = m:dim(1) > m:dim(2) and m:transpose(1, 2):mm(m) or m:mm(m:transpose(1, 2))
    t.near(gram, pg.eye(gram:dim(1)), 1e-13)
  end
  t.ok(net:init(pg.rng(10)):dtype() == "f32", "f32 by default")
  t.fails(function() nn.dense(2, 2, { init = "hee" }) end, "no initialiser 'hee' %(known: glorot, glorot_uniform, he, ")
  t.fails(function() net(pg.zeros { 5 }, pg.zeros { 1, 400 }) end, "theta has 5 elements, the network 120300 parameters")
  t.fails(function() nn.activation "rellu" end, "no activation 'rellu'")
end)

test("dropout keeps the mean, draws anew each call, and can be turned off", function(t)
  local drop = nn.dropout(0.25, pg.rng(12))
  local x, none = pg.ones { 100, 400 }, pg.zeros { 0 }
  local y, z = drop(none, x), drop(none, x)
  t.near(y:mean(), 1, 5 * math.sqrt(0.25 / 0.75 / 40000))
  t.near(y:eq(0):cast("f64"):mean(), 0.25, 5 * math.sqrt(0.25 * 0.75 / 40000))
  t.ok((y - z):abs():max() > 0, "another mask")
  drop.rate = 0
  t.equal(drop(none, x):mean(), 1.0)
end)

test("the standard models have their published sizes", function(t)
  t.equal(nn.mlp { 784, 128, 128, 10 }:size(), 784 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10)
  local small = nn.vgg11 { size = 28, channels = 1, bias = false, init = "he_fan_out", init_last = "uniform" }     -- 28 14 7 3 1
  t.equal(small:size(), 9 * (64 + 64 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 3 * 512 * 512) + 5120)
  t.equal(small(small:init(pg.rng(1)), pg.zeros({ 2, 1, 28, 28 }, "f32")):dims(), { 2, 10 })
  t.near(small:unpack(small:init(pg.rng(1), "f64"))[5]:std(), math.sqrt(2 / (9 * 512)), 1e-4)
  t.fails(function() nn.vgg11 { size = 24 } end, "the size of the images must be 32 or 28, got 24")
  t.equal(nn.vgg11():size(), 9225610)                       -- 8 convolutions with biases and one dense layer of 512-10
  t.equal(nn.resnet18():size(), 11173962)                   -- the CIFAR variant
  local net = nn.resnet18 { width = 8 }
  local y = net(net:init(pg.rng(13)), pg.ones({ 2, 3, 32, 32 }, "f32"))
  t.equal(y:dims(), { 2, 10 })
  t.ok(y:isfinite():all(), "finite scores")
end)

test("an error inside a layer or a loss names the line of the script", function(t)
  local here = "nn_test.lua:" .. debug.getinfo(1, "l").currentline + 1
  local ok, message = pcall(function() nn.cross_entropy(pg.ones { 2, 3 }, pg.tensor({ 1, 4 }, "i64")) return 1 end)
  t.ok(not ok and message:find(here .. ": nn.cross_entropy: labels must lie in 1..3, got 4", 1, true), "%s", message)
end)
