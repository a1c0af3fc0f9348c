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
  local net = nn.sequential { nn.conv2d_layer(2, 4), nn.group_norm(4, 2), "silu", nn.max_pool(2), nn.flatten(), nn.layer_norm(64), nn.dense(64, 3) }
  local theta = net:init(rng:stream "empty", "f64")
  local function loss(w, x, y) return nn.cross_entropy(net(w, x), y) end
  local none, classes = pg.zeros { 0, 2, 8, 8 }, pg.zeros({ 0 }, "i64")
  t.equal(ad.per_example(loss)(theta, none, classes):dims(), { 0, net:size() })
  local s, c = ad.clipped_sum(loss, theta, { clip = 1 }, none, classes)
  t.equal({ s:abs():max(), c:dims() }, { 0.0, { 0 } })
end)
