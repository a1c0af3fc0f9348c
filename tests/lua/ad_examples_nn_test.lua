-- ad_examples_nn_test.lua: networks example by example: convolutions, normalisation, embeddings, every loss.
local pg = require "perigee"
local ad, nn = pg.ad, pg.nn
local rng = pg.rng(8)

local function loop(loss, w, x, y)
  local rows = {}
  for i = 1, x:dim(1) do rows[i] = ad.grad(function(v) return loss(v, x:narrow(1, i, 1), y:narrow(1, i, 1)):sum() end)(w) end
  return pg.stack(rows)
end

local function holds(t, what, net, x, y, criterion)
  local function loss(theta, a, b) return criterion(net(theta, a), b) end
  local theta = net:init(rng:stream(what), "f64")
  theta = theta + 0.1 * rng:stream(what .. " shift"):normal(theta:dims())
  local want = loop(loss, theta, x, y)
  local scale = math.max(1, want:abs():max())
  t.near((ad.per_example(loss)(theta, x, y) - want):abs():max() / scale, 0, 1e-12, what)
  local squares = want:square():sum(2)
  t.near((ad.sqnorms(loss, theta, x, y) - squares):abs():max() / scale ^ 2, 0, 1e-12, "%s: norms", what)
  local clip = math.sqrt(squares:median())
  local factors = (clip / squares:sqrt()):minimum(1)
  local sum = (want * factors:unsqueeze(2)):sum(1)
  for _, materialise in ipairs { false, true } do
    local s, c = ad.clipped_sum(loss, theta, { clip = clip, materialise = materialise, chunk = 3 }, x, y)
    t.near((s - sum):abs():max() / scale, 0, 1e-12, "%s: clipped sum", what)
    t.near(c, factors, 1e-12, "%s: factors", what)
  end
end

local labels = rng:stream("labels"):integers({ 5 }, 1, 3)
local images = rng:stream("images"):normal { 5, 2, 8, 8 }
local vectors = rng:stream("vectors"):normal { 5, 6 }

test("a perceptron, with each loss", function(t)
  local net = nn.sequential { nn.dense(6, 4), "gelu", nn.dense(4, 3) }
  holds(t, "cross entropy", net, vectors, labels, nn.cross_entropy)
  holds(t, "smoothed", net, vectors, labels, function(z, y) return nn.cross_entropy(z, y, { smoothing = 0.1 }) end)
  local one = nn.sequential { nn.dense(6, 4), "tanh", nn.dense(4, 1), function(x) return x:squeeze(2) end }
  local signs = rng:stream("signs"):rademacher { 5 }
  holds(t, "squared", one, vectors, signs, nn.squared)
  holds(t, "logistic", one, vectors, signs, nn.logistic)
  holds(t, "hinge", one, vectors, signs, nn.hinge)
end)

test("a convolutional network", function(t)
  local net = nn.sequential { nn.conv2d_layer(2, 4), "softplus", nn.max_pool(2), nn.conv2d_layer(4, 3, { stride = 2 }), "silu", nn.flatten(), nn.dense(12, 3) }
  holds(t, "convolutions", net, images, labels, nn.cross_entropy)
end)

test("groups, dilation, overlapping windows, batch norm by running statistics", function(t)
  local conv = nn.conv2d_layer(4, 6, { dilation = 2, groups = 2, stride = 2, padding = 1 })
  local net = nn.sequential { nn.conv2d_layer(2, 4, { groups = 2, kernel = 2, padding = 1 }), "tanh", nn.avg_pool(3, { stride = 2, padding = 1, count_padding = false }), conv, "silu",
    nn.batch_norm(6), nn.max_pool(2, { stride = 1 }), nn.flatten(), nn.dense(6, 3) }
  local state = net:state "f64" + 0.5
  local evaluated = setmetatable({ init = function(_, ...) return net:init(...) end }, { __call = function(_, theta, x) return net(theta, x, state) end })
  holds(t, "groups", evaluated, images, labels, nn.cross_entropy)
end)

test("filters and matrices used twice", function(t)
  local shapes = { { 2, 2, 3, 3 }, { 2, 1, 1 }, { 128, 128 }, { 128, 3 } }
  local twice = setmetatable({ init = function(_, stream) return stream:normal { 36 + 2 + 128 * 128 + 128 * 3 } * 0.1 end }, { __call = function(_, theta, x)
    local w, b, m, last = pg.unpack(theta, table.unpack(shapes))
    x = (nn.conv2d(x, w, { padding = 1 }) + b):tanh()
    x = (nn.conv2d(x, w, { padding = 1 }) + b):tanh():flatten(2, -1)
    return x:mm(m):tanh():mm(m):mm(last)
  end })
  holds(t, "twice", twice, images, labels, nn.cross_entropy)
end)

test("padded rows that hold NaN change nothing", function(t)
  local net = nn.sequential { nn.conv2d_layer(2, 4, { groups = 2 }), nn.group_norm(4, 2), "silu", nn.avg_pool(3, { stride = 2 }), nn.flatten(), nn.dense(36, 3) }
  local theta = net:init(rng:stream "padded", "f64")
  local function loss(w, x, y) return nn.cross_entropy(net(w, x), y) end
  local padded, classes = pg.concatenate { images, pg.full({ 2, 2, 8, 8 }, 0 / 0) }, pg.concatenate { labels, pg.ones({ 2 }, "i64") }
  local weights = pg.tensor { 1, 2, 1, 1, 0.5, 0, 0 }
  local want = ad.clipped_sum(loss, theta, { clip = 0.5, weights = weights[{ { 1, 5 } }] }, images, labels)
  for _, materialise in ipairs { false, true } do
    local s, c = ad.clipped_sum(loss, theta, { clip = 0.5, weights = weights, materialise = materialise }, padded, classes)
    t.near(s, want, 1e-12)
    t.equal(c[{ { 6, 7 } }]:tolist(), { 0.0, 0.0 })
  end
end)

test("group and layer norms, residual blocks, pooling", function(t)
  local block = nn.residual { nn.conv2d_layer(4, 4, { bias = false }), nn.group_norm(4, 2), "silu" }
  local net = nn.sequential { nn.conv2d_layer(2, 4), nn.group_norm(4, 2), "silu", block, nn.avg_pool(2), nn.global_pool(), nn.layer_norm(4), nn.dense(4, 3) }
  holds(t, "norms", net, images, labels, nn.cross_entropy)
end)

test("embeddings, rows repeated within an example", function(t)
  local tokens = rng:stream("tokens"):integers({ 5, 4 }, 1, 6)
  local net = nn.sequential { nn.embedding(6, 3), "tanh", nn.flatten(), nn.dense(12, 3) }
  holds(t, "embedding", net, tokens, labels, nn.cross_entropy)
end)

test("empty batches", function(t)
  local net = nn.sequential { nn.conv2d_layer(2, 4, { groups = 2, dilation = 2 }), nn.group_norm(4, 2), "silu", nn.avg_pool(3, { stride = 1, padding = 1 }), nn.max_pool(2),
    nn.flatten(), nn.layer_norm(64), nn.dense(64, 3) }
  local theta = net:init(rng:stream "empty", "f64")
  local function loss(w, x, y) return nn.cross_entropy(net(w, x), y) end
  local none, classes = pg.zeros { 0, 2, 8, 8 }, pg.zeros({ 0 }, "i64")
  t.equal(ad.per_example(loss)(theta, none, classes):dims(), { 0, net:size() })
  local s, c = ad.clipped_sum(loss, theta, { clip = 1 }, none, classes)
  t.equal({ s:abs():max(), c:dims() }, { 0.0, { 0 } })
end)
