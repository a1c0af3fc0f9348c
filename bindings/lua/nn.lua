-- nn.lua: networks as functions of one flat vector of parameters: net(theta, x).
--
-- A layer is a table { shapes = { {dims}, ... }, init = { name or function, ... }, apply = function(x, params, at) }: the shapes of its
-- parameters, how each is initialised, and what it does with x, its own parameters being params[at], params[at + 1], ... A
-- network is a layer too, so networks are put together from networks. Examples lie along the first axis of x.
--
-- Batch normalisation has a state besides theta: running statistics, one flat vector for the whole network. A function that is differentiated
-- may run twice, so no layer writes them. net(theta, x) normalises by the batch and returns its statistics as a second value, which the caller
-- takes over when the step is made; net(theta, x, state) normalises by the running ones:
--     local grad = ad.value_and_grad(function(w, x, y)
--       local z, seen = net(w, x)
--       return nn.cross_entropy(z, y):mean(), seen
--     end)
--     local state = net:state()
--     local loss, g, seen = grad(theta, x, y)
--     net:commit(state, seen)
--     nn.accuracy(net(theta, xtest, state), ytest)
local pg = require "perigee"
local core = pg.nn
local nn = {}

-- Initialisers --------------------------------------------------------------------------------------------------------------

-- Numbers of inputs and outputs that an element of a parameter of this shape connects: (in, out) or (out, in, kh, kw).
local function fans(dims)
  if #dims == 2 then return dims[1], dims[2] end
  local field = 1
  for i = 3, #dims do field = field * dims[i] end
  return (dims[2] or dims[1]) * field, dims[1] * field
end

-- Draws of this deviation, from the normal distribution or uniform around 0.
local function normal(deviation)
  return function(rng, dims) return deviation(fans(dims)) * rng:normal(dims) end
end
local function uniform(deviation)
  return function(rng, dims)
    local r = math.sqrt(3) * deviation(fans(dims))
    return rng:uniform(dims, -r, r)
  end
end

local function he(fan_in) return math.sqrt(2 / math.max(fan_in, 1)) end
local function he_fan_out(_, fan_out) return math.sqrt(2 / math.max(fan_out, 1)) end
local function glorot(fan_in, fan_out) return math.sqrt(2 / math.max(fan_in + fan_out, 1)) end
local function lecun(fan_in) return math.sqrt(1 / math.max(fan_in, 1)) end

-- Rows or columns, whichever are fewer, of the matrix (first axis, the others) orthonormal, uniformly over such matrices: the signs of R's
-- diagonal make the Q of Gaussians Haar distributed.
local function orthogonal(rng, dims)
  local rows, all = dims[1], 1
  for _, d in ipairs(dims) do all = all * d end
  local columns = rows > 0 and all // rows or 0
  if all == 0 then return pg.zeros(dims) end
  local q, r = pg.linalg.qr(rng:normal { math.max(rows, columns), math.min(rows, columns) })
  q = q * r:diagonal():sign()
  return (rows < columns and q:transpose(1, 2) or q):reshape(dims)
end

--- Initialisers by name, functions (stream, dims) -> tensor. he (He et al. 2015) and he_fan_out keep the variance through ReLU layers,
-- forwards and backwards; glorot (Glorot and Bengio 2010) a compromise for odd activations; lecun through linear layers. Each of them is
-- normal, with _uniform behind the name uniform of the same variance. orthogonal: Saxe, McClelland and Ganguli (2014). normal: deviation 1;
-- uniform: U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
nn.initialisers = {
  he = normal(he), he_fan_out = normal(he_fan_out), glorot = normal(glorot), lecun = normal(lecun),
  he_uniform = uniform(he), he_fan_out_uniform = uniform(he_fan_out), glorot_uniform = uniform(glorot), lecun_uniform = uniform(lecun),
  orthogonal = orthogonal,
  normal = normal(function() return 1 end),
  uniform = uniform(function(fan_in) return 1 / math.sqrt(3 * math.max(fan_in, 1)) end),
  zeros = function(_, dims) return pg.zeros(dims) end,
  ones = function(_, dims) return pg.ones(dims) end,
}

local function initialiser(who, init)
  if type(init) == "function" then return init end
  local found = nn.initialisers[init]
  if found then return found end
  local names = {}
  for name in pairs(nn.initialisers) do names[#names + 1] = name end
  table.sort(names)
  error(("%s: no initialiser '%s' (known: %s)"):format(who, tostring(init), table.concat(names, ", ")), 3)
end

-- Networks ------------------------------------------------------------------------------------------------------------------

local Network = { __name = "perigee.nn.network" }
Network.__index = Network

local function product(dims)
  local n = 1
  for _, d in ipairs(dims) do n = n * d end
  return n
end

local function finished(network)
  network.parameters = 0
  network.normalised = network.normalised or {}                   -- channels of each batch normalisation, in order of their use
  for _, dims in ipairs(network.shapes) do network.parameters = network.parameters + product(dims) end
  return setmetatable(network, Network)
end

--- Number of parameters: the length of theta.
function Network:size() return self.parameters end

--- A fresh theta. dtype: "f32" (default) or "f64". Parameter k is drawn from rng:stream("parameter", k).
function Network:init(rng, dtype)
  local parts = {}
  for k, dims in ipairs(self.shapes) do parts[k] = self.init_of[k](rng:stream("parameter", k), dims) end
  if #parts == 0 then return pg.zeros({ 0 }, dtype or "f32") end
  return pg.pack(table.unpack(parts)):cast(dtype or "f32")
end

--- The parameters in theta as a list of tensors, views of it.
function Network:unpack(theta)
  if #self.shapes == 0 then return {} end
  if theta:size() ~= self.parameters then
    error(("nn: theta has %d elements, the network %d parameters"):format(theta:size(), self.parameters), 3)
  end
  return { pg.unpack(theta, table.unpack(self.shapes)) }
end

--- Running statistics before the first batch: means 0, variances 1, (statistics). An empty tensor without batch normalisation.
function Network:state(dtype)
  local parts = { pg.zeros({ 0 }, dtype or "f32") }
  for i, channels in ipairs(self.normalised) do
    parts[2 * i], parts[2 * i + 1] = pg.zeros({ channels }, dtype or "f32"), pg.ones({ channels }, dtype or "f32")
  end
  return pg.concatenate(parts)
end

--- state moves by `momentum` towards the statistics `seen` that net(theta, x) returned.
function Network:commit(state, seen, momentum)
  if not seen then error("nn: the network returned no statistics to commit", 2) end
  state:add_((momentum or 0.1) * (seen - state))
end

--- net(theta, x): the network's outputs for the examples x, and the batch's statistics if it has batch normalisation;
-- net(theta, x, state): the outputs by running statistics.
function Network:__call(theta, x, state)
  local params = self:unpack(theta)
  if #self.normalised == 0 then return self.apply(x, params, 1) end
  params.state, params.seen = state, not state and {} or nil
  if state then
    local expected = self:state("f64"):size()
    if state:size() ~= expected then error(("nn: the state has %d elements, the network %d statistics"):format(state:size(), expected), 2) end
    params.read = 0
    return self.apply(x, params, 1)
  end
  local y = self.apply(x, params, 1)
  return y, pg.ad.stop(pg.concatenate(params.seen))
end

function Network:__tostring() return ("network: %s, %d parameters"):format(self.name or "layers", self.parameters) end

local function layer(name, shapes, init, apply, normalised)
  return finished { name = name, shapes = shapes, init_of = init, apply = apply, normalised = normalised }
end

-- Layers with the parameters and statistics of these parts, one behind the other.
local function joined(name, parts, apply)
  local shapes, init, normalised = {}, {}, {}
  for _, part in ipairs(parts) do
    table.move(part.shapes, 1, #part.shapes, #shapes + 1, shapes)
    table.move(part.init_of, 1, #part.init_of, #init + 1, init)
    table.move(part.normalised, 1, #part.normalised, #normalised + 1, normalised)
  end
  return layer(name, shapes, init, apply, normalised)
end

-- A layer whose primitive may take ReLU along: make(rectify) -> apply. nn.sequential joins "relu" to it, which saves writing and keeping what
-- lies between.
local function with_relu(name, shapes, init, make)
  local self = layer(name, shapes, init, make(false))
  self.rectified = function() return layer(name .. " relu", shapes, init, make(true)) end
  return self
end

local function plain(name, f) return layer(name, {}, {}, f) end

local activations = {
  relu = function(x) return x:relu() end, tanh = function(x) return x:tanh() end, sigmoid = function(x) return x:sigmoid() end,
  softplus = function(x) return x:softplus() end, identity = function(x) return x end,
  silu = function(x) return x * x:sigmoid() end, gelu = function(x) return x * x:normal_cdf() end,
  leaky_relu = function(x) return pg.where(x:gt(0), x, 0.01 * x) end,
  elu = function(x) return pg.where(x:gt(0), x, pg.minimum(x, 0):expm1()) end,
}

--- An activation by name: relu, leaky_relu, elu, gelu, silu, tanh, sigmoid, softplus, identity.
function nn.activation(name)
  local f = activations[name]
  if f then return plain(name, f) end
  local names = {}
  for known in pairs(activations) do names[#names + 1] = known end
  table.sort(names)
  error(("nn.activation: no activation '%s' (known: %s)"):format(tostring(name), table.concat(names, ", ")), 2)
end

--- Layers one after the other. An entry may be a layer, a network, a function of x, or the name of an activation.
function nn.sequential(layers)
  local parts, names = {}, {}
  for i, entry in ipairs(layers) do
    local part = type(entry) == "string" and nn.activation(entry) or type(entry) == "function" and plain("function", entry) or entry
    if getmetatable(part) ~= Network then error(("nn.sequential: entry %d is no layer but a %s"):format(i, type(entry)), 2) end
    local last = parts[#parts]
    if entry == "relu" and last and last.rectified then
      parts[#parts] = last.rectified()
    else
      parts[#parts + 1] = part
    end
    names[#parts] = parts[#parts].name
  end
  return joined(layers.name or table.concat(names, " "), parts, function(x, params, at)
    for _, part in ipairs(parts) do
      x = part.apply(x, params, at)
      at = at + #part.shapes
    end
    return x
  end)
end

--- x + f(x), or shortcut(x) + f(x): a residual block.
function nn.residual(body, shortcut)
  body = getmetatable(body) == Network and body or nn.sequential(body)
  return joined("residual", { body, shortcut }, function(x, params, at)
    local y = body.apply(x, params, at)
    return y + (shortcut and shortcut.apply(x, params, at + #body.shapes) or x)
  end)
end

-- Layers --------------------------------------------------------------------------------------------------------------------

local function check_sizes(who, ...)
  for i, n in ipairs { ... } do
    if math.type(n) ~= "integer" or n < 1 then error(("%s: size %d must be an integer >= 1, got %s"):format(who, i, tostring(n)), 3) end
  end
end

--- x W + b, W of shape (inputs, outputs).
function nn.dense(inputs, outputs, opt)
  opt = pg.options("nn.dense", opt, { bias = true, init = pg.optional })
  check_sizes("nn.dense", inputs, outputs)
  local init = initialiser("nn.dense", opt.init or "he")
  local shapes, inits = { { inputs, outputs } }, { init }
  if opt.bias then shapes[2], inits[2] = { outputs }, nn.initialisers.zeros end
  return with_relu(("dense %d-%d"):format(inputs, outputs), shapes, inits, function(rectify)
    local how = { rectify = rectify }
    return function(x, params, at) return core.affine(x, params[at], opt.bias and params[at + 1] or nil, how) end
  end)
end

--- Convolution with square kernels; padding defaults to what keeps the size at stride 1 (odd kernels). groups cut the channels into so many
-- parts that are convolved on their own; dilation is the distance of neighbouring kernel elements in pixels.
function nn.conv2d_layer(inputs, outputs, opt)
  opt = pg.options("nn.conv2d_layer", opt, { kernel = 3, stride = 1, padding = pg.optional, dilation = 1, groups = 1, bias = true, init = pg.optional })
  check_sizes("nn.conv2d_layer", inputs, outputs, opt.kernel, opt.groups)
  if inputs % opt.groups ~= 0 or outputs % opt.groups ~= 0 then
    error(("nn.conv2d_layer: %d groups do not divide %d channels into %d"):format(opt.groups, inputs, outputs), 2)
  end
  local how = { stride = opt.stride, padding = opt.padding or opt.dilation * (opt.kernel - 1) // 2, dilation = opt.dilation, groups = opt.groups }
  local shapes, inits = { { outputs, inputs // opt.groups, opt.kernel, opt.kernel } }, { initialiser("nn.conv2d_layer", opt.init or "he") }
  if opt.bias then shapes[2], inits[2] = { outputs, 1, 1 }, nn.initialisers.zeros end
  return layer(("conv %d-%d"):format(inputs, outputs), shapes, inits, function(x, params, at)
    local y = core.conv2d(x, params[at], how)
    return opt.bias and y + params[at + 1] or y
  end)
end

--- Everything but the first axis becomes one.
function nn.flatten() return plain("flatten", function(x) return x:flatten(2, -1) end) end

local function pool(name, size, opt, defaults, pooled)
  local who = "nn." .. name
  check_sizes(who, size)
  local how = opt and pg.options(who, opt, defaults)
  return plain((name:gsub("_", " ")), function(x)
    local _, _, h, w = table.unpack(x:dims())
    if not how and (x:ndim() ~= 4 or h % size ~= 0 or w % size ~= 0) then
      error(("%s: windows of %d x %d do not fill images of shape (%s)"):format(who, size, size, table.concat(x:dims(), ", ")), 3)
    end
    return pooled(x, size, how)
  end)
end

--- Maximum, and mean, over windows of size x size that touch each other; the size divides height and width. With options, windows every
-- `stride` pixels of images padded on all sides, what is left over at the far edges being dropped. The first of equal maxima takes the gradient;
-- padded zeros count in a mean unless count_padding is false.
function nn.max_pool(size, opt) return pool("max_pool", size, opt, { stride = size, padding = 0 }, core.max_pool2d) end
function nn.avg_pool(size, opt) return pool("avg_pool", size, opt, { stride = size, padding = 0, count_padding = true }, core.avg_pool2d) end

--- The mean of each channel over the whole image: (n, c).
function nn.global_pool() return plain("global pool", function(x) return x:mean { axes = { 3, 4 } } end) end

-- (x - mean) / sqrt(variance + eps) over the given axes; mean and variance, with these axes kept.
local function normalised(x, axes, eps)
  local mean = x:mean { axes = axes, keep = true }
  local centred = x - mean
  local variance = (centred * centred):mean { axes = axes, keep = true }
  return centred * (variance + eps):rsqrt(), mean, variance
end

--- Group normalisation (Wu and He 2018) of images: mean and variance over each example's groups of channels.
function nn.group_norm(channels, groups, opt)
  opt = pg.options("nn.group_norm", opt, { eps = 1e-5 })
  check_sizes("nn.group_norm", channels, groups)
  if channels % groups ~= 0 then error(("nn.group_norm: %d groups do not divide %d channels"):format(groups, channels), 2) end
  return with_relu("group norm", { { channels, 1, 1 }, { channels, 1, 1 } }, { nn.initialisers.ones, nn.initialisers.zeros }, function(rectify)
    local how = { eps = opt.eps, rectify = rectify }
    return function(x, params, at) return core.group_norm2d(x, params[at], params[at + 1], groups, how) end
  end)
end

-- Of images (n, channels, h, w), or of vectors (n, channels): the axes of the examples, and the shape of one number a channel.
local function per_channel(who, x, channels)
  local nd = x:ndim()
  if (nd ~= 2 and nd ~= 4) or x:dim(2) ~= channels then
    error(("%s: images or vectors of %d channels are needed, got shape (%s)"):format(who, channels, table.concat(x:dims(), ", ")), 3)
  end
  return nd == 4 and { 1, 3, 4 } or { 1 }, nd == 4 and { channels, 1, 1 } or { channels }
end

--- Batch normalisation (Ioffe and Szegedy 2015) of images or vectors: mean and variance of each channel over the batch, or running ones (see
-- the top of this file; the running variance is the unbiased one). It mixes examples, so ad.per_example takes it with running statistics only.
function nn.batch_norm(channels, opt)
  opt = pg.options("nn.batch_norm", opt, { eps = 1e-5 })
  check_sizes("nn.batch_norm", channels)
  return layer("batch norm", { { channels }, { channels } }, { nn.initialisers.ones, nn.initialisers.zeros }, function(x, params, at)
    local axes, shape = per_channel("nn.batch_norm", x, channels)
    local y
    if params.state then
      local mean, variance = params.state:narrow(1, params.read + 1, channels), params.state:narrow(1, params.read + channels + 1, channels)
      params.read = params.read + 2 * channels
      y = (x - mean:reshape(shape)) * (variance + opt.eps):rsqrt():reshape(shape)
    else
      local count, mean, variance = x:size() // channels
      if count < 2 then error("nn.batch_norm: a batch has at least two values a channel, got " .. count, 3) end
      y, mean, variance = normalised(x, axes, opt.eps)
      local seen = params.seen
      seen[#seen + 1], seen[#seen + 2] = mean:reshape { channels }, variance:reshape { channels } * (count / (count - 1))
    end
    return y * params[at]:reshape(shape) + params[at + 1]:reshape(shape)
  end, { channels })
end

--- Layer normalisation (Ba, Kiros, Hinton 2016) over the last axis, of this size.
function nn.layer_norm(size, opt)
  opt = pg.options("nn.layer_norm", opt, { eps = 1e-5 })
  check_sizes("nn.layer_norm", size)
  return layer("layer norm", { { size }, { size } }, { nn.initialisers.ones, nn.initialisers.zeros }, function(x, params, at)
    return normalised(x, { x:ndim() }, opt.eps) * params[at] + params[at + 1]
  end)
end

--- Rows of a table of n vectors of length d, picked by integers 1..n.
function nn.embedding(n, d, opt)
  opt = pg.options("nn.embedding", opt, { init = pg.optional })
  check_sizes("nn.embedding", n, d)
  return layer("embedding", { { n, d } }, { initialiser("nn.embedding", opt.init or "normal") }, function(x, params, at) return params[at]:gather(x) end)
end

--- Zeroes each element with probability `rate` and scales the rest by 1 / (1 - rate); the masks come from rng:stream("mask", k), k
-- counting the calls. rate = 0, or layer.rate set to 0 for evaluation, passes x on.
function nn.dropout(rate, rng)
  if type(rate) ~= "number" or not (rate >= 0 and rate < 1) then error(("nn.dropout: the rate must lie in [0, 1), got %s"):format(tostring(rate)), 2) end
  local self
  local calls = 0
  self = plain("dropout", function(x)
    if self.rate == 0 then return x end
    calls = calls + 1
    return pg.where(rng:stream("mask", calls):bernoulli(x:dims(), self.rate), 0, x / (1 - self.rate))
  end)
  self.rate = rate
  return self
end

-- Models --------------------------------------------------------------------------------------------------------------------

--- A multilayer perceptron: nn.mlp{ 784, 128, 10, act = "relu", bias = true, init = "he", init_last = "he" }.
function nn.mlp(spec)
  local sizes = table.move(spec, 1, #spec, 1, {})
  if #sizes < 2 then error("nn.mlp: give at least the numbers of inputs and outputs", 2) end
  local named = {}
  for k, v in pairs(spec) do if type(k) == "string" then named[k] = v end end
  local opt = pg.options("nn.mlp", named, { act = "relu", bias = true, init = "he", init_last = pg.optional })
  local layers = { name = "mlp " .. table.concat(sizes, "-"), nn.flatten() }
  for k = 1, #sizes - 1 do
    local last = k == #sizes - 1
    layers[#layers + 1] = nn.dense(sizes[k], sizes[k + 1], { bias = opt.bias, init = last and opt.init_last or opt.init })
    if not last then layers[#layers + 1] = opt.act end
  end
  return nn.sequential(layers)
end

--- For rows of numbers and categories: net(theta, { numbers (n, m), categories (n, K) }) -> (n). nn.tabular{ numbers = m, vocabularies = { K sizes },
-- width = 64, depth = 4 }: each category has an embedding of width min(64, 2 V^(1/4)), drawn with variance 1/width; numbers and embeddings
-- go through `depth` ReLU layers to one output.
function nn.tabular(opt)
  opt = pg.options("nn.tabular", opt, { numbers = pg.required, vocabularies = pg.required, width = 64, depth = 4 })
  local parts, sizes = {}, { opt.numbers }
  for j, V in ipairs(opt.vocabularies) do
    local width = math.min(64, math.floor(2 * V^0.25 + 0.5))
    parts[j] = nn.embedding(V, width, { init = function(rng, dims) return rng:normal(dims) / math.sqrt(width) end })
    sizes[1] = sizes[1] + width
  end
  local K = #parts
  for k = 1, opt.depth do sizes[k + 1] = opt.width end
  sizes[#sizes + 1] = 1
  parts[K + 1] = nn.mlp(sizes)
  return joined("tabular", parts, function(x, params, at)
    local inputs, categories = { x[1] }, x[2]
    for j = 1, K do inputs[j + 1] = parts[j].apply(categories:select(2, j), params, at + j - 1) end
    return parts[K + 1].apply(pg.concatenate(inputs, 2), params, at + K):squeeze(2)
  end)
end

--- VGG-11 (Simonyan and Zisserman 2015) with one dense layer, for images of size 32 or, without the pooling after the first layer and with a dropped
-- edge, 28; width 64 is the published one.
function nn.vgg11(opt)
  opt = pg.options("nn.vgg11", opt, { classes = 10, width = 64, channels = 3, size = 32, bias = true, init = "he", init_last = pg.optional })
  if opt.size ~= 32 and opt.size ~= 28 then error(("nn.vgg11: the size of the images must be 32 or 28, got %s"):format(tostring(opt.size)), 2) end
  local layers, c = { name = "vgg11" }, opt.channels
  local plan = { 1, "pool", 2, "pool", 4, 4, "pool", 8, 8, "pool", 8, 8, "pool" }
  if opt.size == 28 then table.remove(plan, 2) end
  for _, step in ipairs(plan) do
    if step == "pool" then
      layers[#layers + 1] = nn.max_pool(2, opt.size == 28 and {} or nil)
    else
      layers[#layers + 1] = nn.conv2d_layer(c, step * opt.width, { bias = opt.bias, init = opt.init })
      layers[#layers + 1] = "relu"
      c = step * opt.width
    end
  end
  layers[#layers + 1] = nn.flatten()
  layers[#layers + 1] = nn.dense(c, opt.classes, { bias = opt.bias, init = opt.init_last or opt.init })
  return nn.sequential(layers)
end

local function basic_block(from, to, stride, per_group)
  local function conv(a, b, kernel, s) return nn.conv2d_layer(a, b, { kernel = kernel, stride = s, padding = kernel // 2, bias = false, init = "he_fan_out" }) end
  local function norm(c) return nn.group_norm(c, math.max(1, c // per_group)) end
  local shortcut = (stride > 1 or from ~= to) and nn.sequential { conv(from, to, 1, stride), norm(to) } or nil
  return nn.sequential { nn.residual({ conv(from, to, 3, stride), norm(to), "relu", conv(to, to, 3, 1), norm(to) }, shortcut), "relu" }
end

--- ResNet-18 for images of 32 x 32 (He et al. 2016): 3x3 stem of stride 1, no max-pool, group norm with 32 channels a group.
-- Width 64 is the published one.
function nn.resnet18(opt)
  opt = pg.options("nn.resnet18", opt, { classes = 10, width = 64, channels = 3, per_group = 32 })
  local w = opt.width
  local layers = { name = "resnet18", nn.conv2d_layer(opt.channels, w, { bias = false, init = "he_fan_out" }), nn.group_norm(w, math.max(1, w // opt.per_group)), "relu" }
  local from = w
  for stage = 0, 3 do
    for block = 1, 2 do
      layers[#layers + 1] = basic_block(from, w * 2^stage // 1 | 0, stage > 0 and block == 1 and 2 or 1, opt.per_group)
      from = w * 2^stage // 1 | 0
    end
  end
  layers[#layers + 1] = nn.global_pool()
  layers[#layers + 1] = nn.dense(from, opt.classes)
  return nn.sequential(layers)
end

-- Losses: one value per example ----------------------------------------------------------------------------------------------

local function check_labels(who, z, y)
  if y:ndim() ~= 1 or y:dim(1) ~= z:dim(1) then
    error(("%s: %d rows of scores and labels of shape (%s)"):format(who, z:dim(1), table.concat(y:dims(), ", ")), 3)
  end
  y = pg.ad.stop(y)                                               -- the check is not part of the function
  if y:size() > 0 and (y:min() < 1 or y:max() > z:dim(2)) then
    error(("%s: labels must lie in 1..%d, got %d"):format(who, z:dim(2), y:min() < 1 and y:min() or y:max()), 3)
  end
end

--- Softmax cross-entropy of scores z (n, classes): y are classes 1.. (i64, (n)) or target probabilities (n, classes). smoothing = p puts
-- 1 - p on the class and p / (classes - 1) on each other one.
function nn.cross_entropy(z, y, opt)
  if y:dtype() == "i64" then return core.softmax_loss(z, y, opt) end
  pg.options("nn.cross_entropy", opt, {})                          -- soft targets have nothing to smooth
  return z:logsumexp(2) * y:sum(2) - (y * z):sum(2)
end

--- |z - y|^2 / 2, of scores (n) or (n, d).
function nn.squared(z, y)
  local d = (z - y)^2 / 2
  return d:ndim() > 1 and d:sum(2) or d
end

--- Margin losses for y in {-1, 1} and scores (n): log(1 + e^(-y z)), and max(0, 1 - y z).
function nn.logistic(z, y) return (-(y * z)):softplus() end
function nn.hinge(z, y) return (1 - y * z):relu() end

--- Labels (n) of 1..classes, each replaced with probability p by another class, uniformly: label noise, drawn anew at each call from `rng`.
function nn.flip_labels(rng, y, classes, p)
  if math.type(classes) ~= "integer" or classes < 2 then error("nn.flip_labels: classes must be an integer >= 2, got " .. tostring(classes), 2) end
  local shift = rng:stream("shift"):integers(y:dims(), 1, classes - 1) * rng:stream("flip"):bernoulli(y:dims(), p)
  return (y - 1 + shift) % classes + 1
end

--- The fraction of rows whose largest score is at the class y (1..).
function nn.accuracy(z, y)
  check_labels("nn.accuracy", z, y)
  return z:argmax(2):eq(y):cast("f64"):mean()
end

require "perigee.nn.fit" (nn)

return nn
