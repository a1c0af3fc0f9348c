-- diag/compress.lua: pruning of layers and networks, and what it leaves.
--
-- Each method centres a layer, splits it into units of energies e_1 <= ... <= e_n, and removes units from the smallest on. Removing k of them
-- costs the relative error  ((e_1 + ... + e_k) / (e_1 + ... + e_n))^(1/p)  of the centred layer, so one sort, or one singular value
-- decomposition, tells all errors, how much an error allows, and every pruned layer.
--
-- Layers are matrices (outputs, inputs) or convolutions (outputs, inputs, kh, kw).
--   magnitude: units are entries, centred by the median of all; any shape.
--   singular:  units are singular values of the matrix (outputs, the rest), columns centred by their medians.
--   node:      units are a matrix's columns (inputs), rows centred by their medians; of a convolution, the rows of (outputs inputs, kh kw),
--              columns centred by theirs.
-- What is removed becomes the median it was centred by; what stays keeps its bits (of singular values: up to rounding).
-- Source: Barsbey et al. (2021), Heavy tails in SGD and compressibility of overparametrized neural networks.
local pg = require "perigee"

local Compression = { __name = "perigee.diag.compression" }
Compression.__index = Compression

local function shape(t) return "(" .. table.concat(t:dims(), ", ") .. ")" end

-- Energies |x|^p of a centred layer, in f64.
local function energies(x, p)
  x = x:cast("f64"):abs()
  return p == 2 and x:square() or x ^ p
end

-- ---- the methods: layer, p -> a table of energies (n), and cut(units) -> the layer without those units ----

local function magnitude(layer, p)
  local flat = layer:flatten()
  local centre = flat:median()
  return energies(flat - centre, p), function(units)
    return layer:flatten():clone():scatter_(units, centre):reshape(layer:dims())
  end
end

local function singular(layer)
  local m = layer:ndim() == 4 and layer:flatten(2, -1) or layer
  local centre = m:median { axes = { 1 }, keep = true }
  local u, s, vt = pg.linalg.svd(m - centre)
  return energies(s, 2), function(units)
    return ((u * s:clone():scatter_(units, 0)):mm(vt) + centre):reshape(layer:dims())
  end
end

local function node(layer, p)
  local conv = layer:ndim() == 4
  local m = conv and layer:flatten(3, -1):flatten(1, 2):transpose(1, 2) or layer      -- its columns are the units
  local centre = m:median { axes = { 2 }, keep = true }
  return energies(m - centre, p):sum(1), function(units)
    local removed = pg.zeros({ m:dim(2) }, "bool"):scatter_(units, true)
    local kept = pg.where(removed, centre, m)
    return (conv and kept:transpose(1, 2) or kept):reshape(layer:dims())
  end
end

local methods = { magnitude = magnitude, singular = singular, node = node }

local function check_options(who, opt, defaults)
  opt = pg.options(who, opt, defaults)
  if not methods[opt.method] then error(("%s: method must be 'magnitude', 'singular' or 'node', got '%s'"):format(who, tostring(opt.method)), 3) end
  if not (opt.p > 0 and opt.p < math.huge) then error(("%s: p must be positive and finite, got %g"):format(who, opt.p), 3) end
  if opt.method == "singular" and opt.p ~= 2 then error(("%s: singular values measure the error for p = 2 only, got %g"):format(who, opt.p), 3) end
  return opt
end

local function check_layer(who, layer, method)
  if not pg.is_tensor(layer) then error(("%s: a layer is a tensor, got %s"):format(who, type(layer)), 3) end
  if layer:dtype() ~= "f32" and layer:dtype() ~= "f64" then error(("%s: a layer is f32 or f64, got %s"):format(who, layer:dtype()), 3) end
  if method ~= "magnitude" and layer:ndim() ~= 2 and layer:ndim() ~= 4 then
    error(("%s: %s needs a matrix (outputs, inputs) or a convolution (outputs, inputs, kh, kw), got %s"):format(who, method, shape(layer)), 3)
  end
  if layer:size() == 0 then error(("%s: the layer is empty, %s"):format(who, shape(layer)), 3) end
  if not layer:isfinite():all() then error(("%s: the layer %s has entries that are not finite"):format(who, shape(layer)), 3) end
end

-- Energies of the units; sums of the 0, 1, ... n smallest, (n + 1).
local function ordered(self, energy)
  self.n, self.energy = energy:size(), energy
  self.sums = pg.concatenate { pg.zeros { 1 }, energy:sort():cumsum() }
  return self
end

-- The k units that go first.
local function first(self, k)
  self.order = self.order or self.energy:argsort()
  return self.order:narrow(1, 1, k)
end

local function compression(layer, opt)
  local who = "diag.compress"
  opt = check_options(who, opt, { method = "magnitude", p = 2 })
  check_layer(who, layer, opt.method)
  local self = setmetatable({ method = opt.method, p = opt.p, layer = layer }, Compression)
  local energy
  energy, self.cut = methods[opt.method](layer, opt.p)
  return ordered(self, energy)
end

-- Units that the pruning ratio removes: floor(ratio n).
local function removed(who, self, ratio, level)
  if type(ratio) ~= "number" or not (ratio >= 0 and ratio <= 1) then
    error(("%s: the pruning ratio must lie in [0, 1], got %s"):format(who, tostring(ratio)), level + 1)
  end
  return math.floor(ratio * self.n)
end

--- Relative error of the centred layer, in the norm of l_p, without the floor(ratio n) smallest units; of a list or tensor of ratios a tensor.
-- A constant layer loses nothing.
function Compression:error(ratio)
  local list = type(ratio) == "number" and { ratio } or pg.is_tensor(ratio) and ratio:tolist() or ratio
  local at = {}
  for i, r in ipairs(list) do at[i] = removed("diag.compress", self, r, 2) + 1 end
  local total = self.sums[-1]
  local errors = (self.sums[pg.tensor(at, "i64")] / (total > 0 and total or 1)) ^ (1 / self.p)
  return type(ratio) == "number" and errors[1] or errors
end

--- The largest fraction of the units that can go at a relative error of at most eps.
function Compression:prunable(eps)
  if type(eps) ~= "number" or not (eps >= 0) then error("diag.compress: the error must be a number >= 0, got " .. tostring(eps), 2) end
  return (self.sums:searchsorted(pg.tensor { math.min(eps, 1) ^ self.p * self.sums[-1] }, { right = true })[1] - 2) / self.n
end

--- The layer without the floor(ratio n) smallest units; a new tensor.
function Compression:prune(ratio)
  local k = removed("diag.compress", self, ratio, 2)
  if k == 0 then return self.layer:clone() end
  return self.cut(first(self, k))
end

--- Numbers that have to be stored for the pruned layer: entries, kept columns, or rank (rows + columns).
function Compression:stored(ratio)
  local k, size = removed("diag.compress", self, ratio, 2), self.layer:size()
  if self.method == "singular" then return (self.n - k) * (self.layer:dim(1) + size // self.layer:dim(1)) end
  return (self.n - k) * (size // self.n)
end

function Compression:__tostring()
  return ("compression: %s of %s, %d units; error 0.1 allows to prune %.3g"):format(self.method, shape(self.layer), self.n, self:prunable(0.1))
end

-- ---- networks ----

local Pruned = { __name = "perigee.diag.compressed_network" }
Pruned.__index = Pruned

-- The weights of a network as layers (outputs, inputs, ...), each with its place among the parameters.
local function weights(net, theta)
  local found = {}
  for at, w in ipairs(net:unpack(theta)) do
    if w:ndim() == 2 then found[#found + 1] = { at = at, layer = w:transpose(1, 2) } end
    if w:ndim() == 4 then found[#found + 1] = { at = at, layer = w } end
  end
  return found
end

-- theta with other layers in the places of these.
local function rebuilt(self, layers)
  local parts = {}
  for i, w in ipairs(self.net:unpack(self.theta)) do parts[i] = w end
  for i, entry in ipairs(self.weights) do
    parts[entry.at] = layers[i]:ndim() == 2 and layers[i]:transpose(1, 2) or layers[i]
  end
  return pg.pack(table.unpack(parts))
end

-- All layers' entries in one order, each layer centred by its own median.
local function pooled(self)
  local parts = {}
  for i, c in ipairs(self.layers) do
    local flat = self.weights[i].layer:flatten()
    parts[i] = energies(flat - flat:median(), c.p)
  end
  return ordered(setmetatable({ method = "magnitude", p = self.p }, Compression), pg.concatenate(parts))
end

--- Compression of every weight matrix and convolution of a network at theta; biases and scales stay.
local function network(net, theta, opt)
  local who = "diag.compress.network"
  opt = check_options(who, opt, { method = "magnitude", p = 2, global = false })
  if opt.global and opt.method ~= "magnitude" then error(who .. ": only magnitudes compare across layers; global = true needs method = 'magnitude'", 2) end
  local self = setmetatable({ net = net, theta = theta, p = opt.p, weights = weights(net, theta), layers = {} }, Pruned)
  if #self.weights == 0 then error(who .. ": the network has no weight matrix", 2) end
  for i, entry in ipairs(self.weights) do self.layers[i] = compression(entry.layer, { method = opt.method, p = opt.p }) end
  if opt.global then self.pool = pooled(self) end
  return self
end

--- theta with the ratio pruned in every layer, or of all entries together if global.
function Pruned:prune(ratio)
  local layers = {}
  if not self.pool then
    for i, c in ipairs(self.layers) do layers[i] = c:prune(ratio) end
    return rebuilt(self, layers)
  end
  local k = removed("diag.compress.network", self.pool, ratio, 2)
  local gone, from = pg.zeros({ self.pool.n }, "bool"), 1
  if k > 0 then gone:scatter_(first(self.pool, k), true) end
  for i, entry in ipairs(self.weights) do
    local size = entry.layer:size()
    layers[i] = pg.where(gone:narrow(1, from, size):reshape(entry.layer:dims()), entry.layer:flatten():median(), entry.layer)
    from = from + size
  end
  return rebuilt(self, layers)
end

--- The largest fraction of each layer that can go at this relative error of the layer, a list; theta pruned so far behind it.
function Pruned:prunable(eps)
  local fractions, layers = {}, {}
  for i, c in ipairs(self.layers) do
    fractions[i] = c:prunable(eps)
    layers[i] = c:prune(fractions[i])
  end
  return fractions, rebuilt(self, layers)
end

function Pruned:__tostring()
  return ("compression of %d layers: %s%s"):format(#self.layers, self.layers[1].method, self.pool and ", global" or "")
end

-- ---- the limit of wide layers ----

-- Index of a law's tail, from how far apart its quantiles of 1e-100 and 1e-200 lie; huge for light tails.
local function tail_index(law)
  local near, far = law:upper_quantile(1e-100), law:upper_quantile(1e-200)
  return far > near and near > 0 and 100 * math.log(10) / math.log(far / near) or math.huge
end

-- The t with P(|X| > t) = kappa. It lies between the points that each tail alone exceeds with probability kappa/2, one and the same if the law
-- is symmetric.
local function threshold(law, kappa)
  local above, below = law:upper_quantile(kappa / 2), -law:quantile(kappa / 2)
  local low, high = math.max(math.min(above, below), 0), math.max(above, below)
  local function excess(t) return law:upper(t) + law:cdf(-t) - kappa end
  if high - low <= 1e-12 * high or excess(low) <= 0 then return low end
  return pg.numeric.root(excess, { low, high })
end

--- Relative l_p error of keeping the largest fraction kappa of many independent entries of a law, by magnitude:
-- G = (E[|X|^p; |X| <= t] / E|X|^p)^(1/p) with P(|X| > t) = kappa; 0 if E|X|^p is infinite (then pruning costs nothing in the limit).
local function limit(law, kappa, opt)
  opt = pg.options("diag.compress.limit", opt, { p = 2 })
  if type(kappa) ~= "number" or not (kappa > 0 and kappa <= 1) then
    error("diag.compress.limit: the fraction kept must lie in (0, 1], got " .. tostring(kappa), 2)
  end
  if not (opt.p > 0 and opt.p < math.huge) then error(("diag.compress.limit: p must be positive and finite, got %g"):format(opt.p), 2) end
  if kappa == 1 or tail_index(law) <= opt.p * (1 + 1e-9) then return 0.0 end
  local t = threshold(law, kappa)
  local function moment(x) return x == 0 and 0 or x ^ opt.p * (math.exp(law:log_density(x)) + math.exp(law:log_density(-x))) end
  local below = pg.numeric.integrate(moment, { 0, t })
  return (below / (below + pg.numeric.integrate(moment, { t, math.huge }))) ^ (1 / opt.p)
end

-- C with P(|X| > x) ~ C x^-alpha for the symmetric stable law of unit scale, and P(X > x) for the totally skewed one.
local function tail_constant(alpha) return 2 / math.pi * math.exp(pg.tensor(alpha + 0.0):lgamma():item()) * math.sin(math.pi * alpha / 2) end

--- K such that the median relative l_2 error of keeping the largest fraction kappa of n independent symmetric stable entries approaches K n^(1/2 - 1/alpha):
-- K^2 = E[X^2; |X| <= t] / median S, P(|X| > t) = kappa, S the limit of n^(-2/alpha) sum X^2, positive alpha/2-stable with the tail constant of |X|.
local function rate(alpha, kappa)
  if type(alpha) ~= "number" or not (alpha > 0 and alpha < 2) then error("diag.compress.rate: alpha must lie in (0, 2), got " .. tostring(alpha), 2) end
  if type(kappa) ~= "number" or not (kappa > 0 and kappa < 1) then error("diag.compress.rate: the fraction kept must lie in (0, 1), got " .. tostring(kappa), 2) end
  local law, half = pg.numeric.law("stable", alpha), alpha / 2
  local t = threshold(law, kappa)
  local below = 2 * pg.numeric.integrate(function(x) return x * x * math.exp(law:log_density(x)) end, { 0, t })
  local S = pg.numeric.law("stable", half, 1, (tail_constant(alpha) / tail_constant(half)) ^ (1 / half))
  return math.sqrt(below / S:quantile(0.5))
end

return setmetatable({ network = network, limit = limit, rate = rate }, {
  --- Compression of one layer: c:error(ratio), c:prunable(eps), c:prune(ratio), c:stored(ratio).
  __call = function(_, layer, opt) return compression(layer, opt) end,
})
