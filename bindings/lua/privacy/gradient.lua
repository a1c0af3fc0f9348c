-- privacy/gradient.lua: the gradient of private training: clipped example by example, summed, with noise in every coordinate.
--
--   G = (sum_i w_i g_i min(1, C / |g_i|) + sigma C z) / b,   z ~ N(0, I),   b the expected size of a batch
--
-- b is not the size at hand, which is private under Poisson sampling. What an optimiser makes of G costs no privacy. Noise of call k comes from
-- rng:stream("noise", k): it depends on nothing that was sampled. Source: Abadi et al., Deep Learning with Differential Privacy (2016).
local pg = require "perigee"
local who = "privacy.gradient"

local Gradient = {}
Gradient.__index = Gradient
Gradient.__name = "perigee.privacy.gradient"

local function examples_left(weights, data)
  if weights then return weights:ne(0):any() end
  for i = 1, data.n do
    if pg.is_tensor(data[i]) and data[i]:ndim() > 0 then return data[i]:dim(1) > 0 end
  end
  error(who .. ": no data among the arguments: give the tensors whose first axis counts the examples", 4)
end

--- Adds the clipped gradients of a part of a batch; weights (one an example, nil for ones) mark padding by 0. A part may be empty.
function Gradient:add(theta, weights, ...)
  local data = table.pack(...)
  self.sum = self.sum or pg.zeros(theta:dims(), theta:dtype())
  if not examples_left(weights, data) then return end
  local opt = { clip = self.clip, weights = weights, chunk = self.chunk, groups = self.groups, gamma = self.gamma }
  self.sum:add_((pg.ad.clipped_sum(self.loss, theta, opt, ...)))
end

--- The noisy gradient of the batch added since the last release; the next batch begins. Without any part, give theta to `add` first.
function Gradient:release()
  local sum = self.sum or error(who .. ": nothing was added; an empty batch is added with theta and no rows", 2)
  self.calls, self.sum = self.calls + 1, nil
  if self.sigma > 0 then
    self.noise = self.noise and self.noise:dtype() == sum:dtype() and self.noise:size() == sum:size() and self.noise or pg.zeros(sum:dims(), sum:dtype())
    self.rng:stream("noise", self.calls):fill_normal(self.noise)
    sum:add_(self.noise:mul_(self.sigma * self.clip))
  end
  return sum:div_(self.batch)
end

--- Of a batch in one piece: private(theta, weights, data...).
function Gradient:__call(theta, weights, ...)
  if self.sum then error(who .. ": a batch added in parts has not been released", 2) end
  self:add(theta, weights, ...)
  return self:release()
end

function Gradient:__tostring()
  return ("private gradient: %s clipping to %g, noise multiplier %g, batches of %g, %d released"):format(self.clipping:gsub("_", " "), self.clip, self.sigma, self.batch, self.calls)
end

local function groups_of(opt)
  local groups = opt.groups
  if opt.clipping ~= "per_layer" then
    if groups then error(who .. ": groups belong to clipping = 'per_layer'", 4) end
    return nil
  end
  if type(groups) ~= "table" then error(who .. ": per-layer clipping needs groups: a network, or the sizes of consecutive parts of theta", 4) end
  if not groups.shapes then return groups end
  local sizes = {}
  for k, dims in ipairs(groups.shapes) do
    sizes[k] = 1
    for _, d in ipairs(dims) do sizes[k] = sizes[k] * d end
  end
  return sizes
end

local function check(opt)
  local function number(name, from, strict)
    local v = opt[name]
    if type(v) ~= "number" or not (v >= from) or (strict and v == from) then
      error(("%s: %s must be a number %s %g, got %s"):format(who, name, strict and "above" or "from", from, tostring(v)), 4)
    end
  end
  if type(opt.rng) ~= "userdata" then error(("%s: rng must be a stream, as pg.rng(seed) gives, got %s"):format(who, type(opt.rng)), 4) end
  if type(opt.loss) ~= "function" then error(("%s: loss must be a function of theta and data, one value an example, got %s"):format(who, type(opt.loss)), 4) end
  number("sigma", 0)
  number("clip", 0, true)
  number("batch", 0, true)
  number("gamma", 0, true)
  if opt.clip == math.huge and (opt.sigma > 0 or opt.clipping ~= "flat") then error(who .. ": without a finite clip no noise is enough; sigma must then be 0 and clipping flat", 4) end
  if opt.clipping ~= "flat" and opt.clipping ~= "per_layer" and opt.clipping ~= "automatic" then
    error(("%s: clipping must be 'flat', 'per_layer' or 'automatic', got '%s'"):format(who, opt.clipping), 4)
  end
end

--- A private gradient: privacy.gradient{ loss, rng, sigma, clip, batch }. loss(theta, data...) returns one value an example; sigma is the noise
-- multiplier (noise / clip), batch the expected size of a batch. clipping: "flat" (default), by the norm over all parameters; "per_layer", each
-- of L groups by its own norm to clip/sqrt(L) (forms every gradient, `chunk` examples at a time, 256 by default); "automatic", to
-- clip |g| / (|g| + gamma), gamma 0.01, which has no threshold to tune.
local function gradient(opt)
  opt = pg.options(who, opt, { loss = pg.required, rng = pg.required, sigma = pg.required, clip = 1.0, batch = pg.required, clipping = "flat", groups = pg.optional,
    gamma = 0.01, chunk = pg.optional })
  check(opt)
  return setmetatable({ loss = opt.loss, rng = opt.rng:stream "private", sigma = opt.sigma, clip = opt.clip, batch = opt.batch, clipping = opt.clipping, groups = groups_of(opt),
    gamma = opt.clipping == "automatic" and opt.gamma or nil, chunk = opt.chunk or (opt.clipping == "per_layer" and 256 or nil), calls = 0 }, Gradient)
end

return gradient
