-- nn_rules_test.lua: every layer, window and loss against finite differences, first and second order, over random shapes, layouts
-- and options, parameters and inputs being variables; kinks are kept at a distance, because nothing is to be checked there.
local pg = require "perigee"
local nn = pg.nn
local gradients = require "gradients"
local CASES = 20

local checked = {}

local function normal(rng, n) return rng:normal { n } end
local function operand(dims, values) return { dims = dims, values = values or normal } end

-- case(rng, k) -> operands, call, how as text. Batches of every seventh case are empty, where `case` asks batch() for them.
local function layer(name, case)
  test(name .. " has its gradients", function(t)
    for k = 1, CASES do
      local rng = pg.rng(23):stream(name, k)
      local operands, call, how = case(rng:stream "case", function(most) return k % 7 == 0 and 0 or rng:stream("batch"):integers(1, most or 4) end)
      local f, w, text = gradients.joined(rng, operands, call)
      gradients.held(t, ("%s %d: %s %s"):format(name, k, text, how or ""), f, w, rng)
    end
  end)
  checked[name:match "^%S+"] = true
end

-- Parameters of a layer as one operand more, behind the inputs.
local function network(net, dims, values)
  return { operand(dims, values), operand({ net:size() }, function(rng, n) return rng:normal { n } * 0.7 end) }, function(x) return (net(x[2], x[1])) end
end

-- ---- dense and its primitive ----

layer("dense", function(rng, batch)
  local inputs, outputs = rng:integers(1, 5), rng:integers(1, 5)
  return network(nn.dense(inputs, outputs, { bias = rng:uniform() < 0.7 }), { batch(), inputs })
end)

layer("affine rectified, away from its kinks", function(rng, batch)
  local n, inputs, outputs = batch(), rng:integers(1, 5), rng:integers(1, 5)
  local function whole(w, m) return w:cast "f64":reshape { m } end
  -- small integers have products that are integers: with a shift of one half, none is near 0
  local function integers(r, m) return whole(r:integers({ m }, -3, 3), m) end
  return { operand({ n, inputs }, integers), operand({ inputs, outputs }, integers), operand({ outputs }, function(r, m) return integers(r, m) + 0.5 end) },
    function(x) return nn.affine(x[1], x[2], x[3], { rectify = true }):square() end
end)

-- ---- convolutions and windows ----

local function geometry(rng, batch)
  local how = { stride = rng:integers(1, 3), padding = rng:integers(0, 2), dilation = rng:integers(1, 2), groups = rng:integers(1, 2) }
  local kh, kw = rng:integers(1, 3), rng:integers(1, 3)
  local function size(k) return math.max(1, how.dilation * (k - 1) + 1 - 2 * how.padding) + rng:integers(0, 3) end
  local x = { batch(3), how.groups * rng:integers(1, 2), size(kh), size(kw) }
  return x, { how.groups * rng:integers(1, 2), x[2] // how.groups, kh, kw }, how
end

layer("conv2d", function(rng, batch)
  local x, w, how = geometry(rng, batch)
  return { operand(x), operand(w) }, function(v) return nn.conv2d(v[1], v[2], how):square() end,
    ("stride %d, padding %d, dilation %d, groups %d"):format(how.stride, how.padding, how.dilation, how.groups)
end)

layer("conv2d of 3 x 3, the fast path", function(rng, batch)
  local c, size = rng:integers(1, 4), rng:integers(3, 7)
  return { operand { batch(), c, size, rng:integers(3, 6) }, operand { rng:integers(1, 15), c, 3, 3 } },
    function(v) return nn.conv2d(v[1], v[2], { padding = 1 }):square() end
end)

layer("conv2d_transpose", function(rng, batch)
  local x, w, how = geometry(rng, batch)
  local y = nn.conv2d(pg.zeros(x), pg.zeros(w), how):dims()
  return { operand(y), operand(w) }, function(v) return nn.conv2d_transpose(v[1], v[2], x[3], x[4], how):square() end
end)

layer("conv2d_layer", function(rng, batch)
  local groups, kernel = rng:integers(1, 2), rng:integers(1, 3)
  local inputs = groups * rng:integers(1, 2)
  local net = nn.conv2d_layer(inputs, groups * rng:integers(1, 2), { kernel = kernel, groups = groups, stride = rng:integers(1, 2), bias = rng:uniform() < 0.7 })
  return network(net, { batch(3), inputs, 3 + rng:integers(0, 2), 3 + rng:integers(0, 2) })
end)

local function windows(rng, batch)
  local size = rng:integers(1, 3)
  local how = { stride = rng:integers(1, 3), padding = rng:integers(0, size // 2) }
  return { batch(3), rng:integers(1, 3), size + rng:integers(0, 4), size + rng:integers(0, 4) }, size, how
end

layer("max_pool2d", function(rng, batch)
  local dims, size, how = windows(rng, batch)
  return { operand(dims, gradients.apart) }, function(x) return nn.max_pool2d(x[1], size, how):square() end, "windows of " .. size
end)

layer("avg_pool2d", function(rng, batch)
  local dims, size, how = windows(rng, batch)
  how.count_padding = rng:uniform() < 0.5
  return { operand(dims) }, function(x) return nn.avg_pool2d(x[1], size, how):square() end, "windows of " .. size
end)

layer("max_pool", function(rng, batch)
  local size = rng:integers(1, 3)
  return network(nn.max_pool(size), { batch(), rng:integers(1, 3), size * rng:integers(1, 3), size * rng:integers(1, 3) }, gradients.apart)
end)
layer("avg_pool", function(rng, batch)
  local size = rng:integers(1, 3)
  local net = nn.sequential { nn.avg_pool(size), "tanh" }
  return network(net, { batch(), rng:integers(1, 3), size * rng:integers(1, 3), size * rng:integers(1, 3) })
end)
layer("global_pool", function(rng, batch) return network(nn.sequential { nn.global_pool(), "tanh" }, { batch(), rng:integers(1, 4), rng:integers(1, 4), rng:integers(1, 4) }) end)

-- ---- normalisations: groups of at least four values, so that curvatures stay moderate ----

layer("group_norm", function(rng, batch)
  local groups, each = rng:integers(1, 3), rng:integers(1, 2)
  return network(nn.group_norm(groups * each, groups), { batch(), groups * each, rng:integers(2, 4), rng:integers(2, 4) })
end)

layer("group_norm rectified, away from its kinks", function(rng, batch)
  local groups, n = rng:integers(1, 3), batch()
  local net = nn.sequential { nn.group_norm(groups, groups), "relu" }
  -- eight values v + 0.01 r, v = -1 or 1: normalised they are near -1 and 1, far from -beta / gamma = -0.3
  local function signs(r, m) return r:rademacher({ m }) + 0.01 * r:stream "small":normal { m } end
  local function parameters(_, m) return pg.concatenate { pg.ones { m // 2 }, pg.full({ m // 2 }, 0.3) } end
  return { operand({ n, groups, 4, 4 }, signs), operand({ 2 * groups }, parameters) }, function(x) return net(x[2], x[1]):square() end
end)

layer("batch_norm", function(rng)
  local channels = rng:integers(1, 3)
  local vectors, images = { rng:integers(4, 8), channels }, { rng:integers(2, 3), channels, rng:integers(2, 3), rng:integers(1, 3) }
  return network(nn.batch_norm(channels), rng:uniform() < 0.5 and vectors or images)
end)

layer("batch_norm by running statistics", function(rng, batch)
  local channels = rng:integers(1, 3)
  local net = nn.batch_norm(channels)
  local state = pg.concatenate { rng:stream "mean":normal { channels }, rng:stream "variance":uniform { channels } + 0.5 }
  local operands = network(net, { batch(), channels, rng:integers(1, 3), rng:integers(1, 3) })
  return operands, function(x) return net(x[2], x[1], state):square() end
end)

layer("layer_norm", function(rng, batch)
  local size = rng:integers(4, 7)
  return network(nn.layer_norm(size), rng:uniform() < 0.5 and { batch(), size } or { batch(), rng:integers(1, 3), size })
end)

-- ---- the rest of the layers ----

layer("embedding", function(rng, batch)
  local n, d = rng:integers(1, 5), rng:integers(1, 4)
  local rows = rng:integers({ batch(6), rng:integers(1, 2) }, 1, n) -- repeated ones among them
  local net = nn.sequential { nn.embedding(n, d), "tanh" }
  return { operand { net:size() } }, function(x) return net(x[1], rows) end
end)

layer("dropout", function(rng, batch)
  local masks = rng:stream "masks"
  return { operand { batch(), rng:integers(1, 6) } }, function(x) return nn.dropout(0.4, masks:clone())(pg.zeros { 0 }, x[1]):square() end
end)

layer("residual", function(rng, batch)
  local inputs, outputs = rng:integers(1, 4), rng:integers(1, 4)
  local body = { nn.dense(inputs, outputs), "tanh" }
  return network(inputs == outputs and nn.residual(body) or nn.residual(body, nn.dense(inputs, outputs, { bias = false })), { batch(), inputs })
end)

layer("flatten", function(rng, batch) return network(nn.sequential { nn.flatten(), "tanh" }, { batch(), rng:integers(1, 3), rng:integers(1, 3), 2 }) end)

layer("mlp", function(rng, batch)
  local inputs = rng:integers(1, 4)
  return network(nn.mlp { inputs, rng:integers(1, 4), rng:integers(1, 3), act = "silu" }, { batch(), inputs })
end)

for _, name in ipairs { "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity" } do
  layer("activation " .. name, function(rng, batch)
    local dims = gradients.random_shape(rng, 1)
    dims[1] = batch()
    return { operand(dims, gradients.apart) }, function(x) return nn.activation(name)(pg.zeros { 0 }, x[1]):square() end
  end)
end

-- ---- losses ----

layer("squared", function(rng, batch)
  local dims = { batch(), rng:uniform() < 0.5 and rng:integers(1, 4) or nil }
  return { operand(dims), operand(dims) }, function(x) return nn.squared(x[1], x[2]) end
end)
layer("logistic", function(rng, batch)
  local y = rng:rademacher { batch(6) }
  return { operand(y:dims()) }, function(x) return nn.logistic(x[1], y) end
end)
layer("hinge", function(rng, batch)
  local y = rng:rademacher { batch(6) }
  return { operand(y:dims(), gradients.apart) }, function(x) return nn.hinge(x[1] + 0.04, y):square() end
end)
layer("softmax_loss", function(rng, batch)
  local n, classes = batch(5), rng:integers(1, 5)
  local y, smoothing = rng:stream "y":integers({ n }, 1, classes), rng:uniform() < 0.5 and 0.2 or 0
  return { operand { n, classes } }, function(x) return nn.cross_entropy(x[1], y, { smoothing = smoothing }) end, "smoothing " .. smoothing
end)
layer("cross_entropy of soft targets", function(rng, batch)
  local n, classes = batch(5), rng:integers(1, 5)
  return { operand { n, classes }, operand({ n, classes }, function(r, m) return r:uniform { m } + 0.1 end) }, function(x) return nn.cross_entropy(x[1], x[2]) end
end)

test("no layer, window or loss is left out", function(t)
  local elsewhere = { activation = true, sequential = true, initialiser = true, initialisers = true, accuracy = true, flip_labels = true,
                      vgg11 = true, resnet18 = true, tabular = true, evaluate = true, fit = true } -- made of the layers above
  checked.cross_entropy, checked.group_norm2d = checked.softmax_loss, checked.group_norm
  local missing = {}
  for name in pairs(nn) do
    if not checked[name] and not elsewhere[name] then missing[#missing + 1] = name end
  end
  table.sort(missing)
  t.equal(missing, {})
end)
