-- privacy/sampler.lua: how batches are drawn, and what tells an accountant so.
--
-- A sampler of n records, an expected batch of b and k epochs gives steps of (indices, weights). Its streams are substreams of the rng given,
-- named for steps and epochs: batch t does not depend on what else is drawn. With weights 0 padding stands at index 1.
--
--   deterministic       the records in their order, b at a time, the same every epoch
--   shuffle_persistent  a random order, the same every epoch;  shuffle_dynamic: a new one every epoch
--   poisson             every record in every step independently with probability b/n, round(n/b) steps an epoch
--   truncated_poisson   the same; of a step with more than max_batch a uniformly random subset of max_batch, padded to max_batch otherwise
--   balls_and_bins      every record in one uniform step of an epoch, independently
--
-- Source: Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (2024); Balls-and-Bins Sampling for DP-SGD (2025).
local pg = require "perigee"

local Sampler = {}
Sampler.__index = Sampler
Sampler.__name = "perigee.privacy.sampler"

-- Indices with weights 1, padded to `size` (nil: not).
local function weighted(indices, size)
  local m = #indices
  if not size or m == size then return indices, pg.ones { m } end
  local padding = { size - m }
  return pg.concatenate { indices, pg.ones(padding, "i64") }, pg.concatenate { pg.ones { m }, pg.zeros(padding) }
end

-- Batches of an order of the records: consecutive pieces, the last one of an epoch maybe smaller.
local function piece(self, order, t)
  local b = self.batch
  return order:narrow(1, (t - 1) * b + 1, math.min(b, self.n - (t - 1) * b))
end

local function identity(self)
  self.all = self.all or pg.arange(1, self.n + 1)
  return self.all
end

local function persistent(self)
  self.all = self.all or self.rng:stream("order"):permutation(self.n)
  return self.all
end

local function dynamic(self, epoch)
  if self.shuffled ~= epoch then self.shuffled, self.all = epoch, self.rng:stream("epoch", epoch):permutation(self.n) end
  return self.all
end

-- The records of step t (over all epochs) drawn by themselves: data with random access.
local function by_step(self, t)
  local drawn = self.rng:stream("step", t):poisson_subset(self.n, self.rate)
  local B = self.max_batch
  if not B or #drawn <= B then return drawn end
  return drawn[self.rng:stream("kept", t):subset(#drawn, B)]
end

-- An epoch drawn record by record.
local function pairs_of(self, epoch)
  local once = self.kind == "balls_and_bins"
  return pg.privacy.pairs(self.rng:stream("epoch", epoch), { n = self.n, steps = self.steps_per_epoch, once = once, rate = not once and self.rate or nil,
    most = self.max_batch, memory = self.memory, dir = self.dir })
end

local orders = { deterministic = identity, shuffle_persistent = persistent, shuffle_dynamic = dynamic }

--- Steps from `first` (1) to the last: for indices, weights, t in sampler:steps() do. Batches drawn step by step, and those of orders, can begin
-- anywhere; drawn record by record, at the beginning of an epoch.
function Sampler:steps(first)
  local t, T = (first or 1) - 1, self.steps_per_epoch
  local total = T * self.epochs
  if math.type(t) ~= "integer" or t < 0 then error(("privacy.sampler: the first step must be an integer >= 1, got %s"):format(tostring(first)), 2) end
  if self.by == "records" and t % T ~= 0 then
    error(("privacy.sampler: drawn by records, steps begin with an epoch (1, %d, ...), got %d; by = \"steps\" can begin anywhere"):format(T + 1, t + 1), 2)
  end
  local drawn
  return function()
    if t >= total then return nil end
    t = t + 1
    if self.by ~= "records" then
      local indices, weights = self:step(t)
      return indices, weights, t
    end
    if (t - 1) % T == 0 then drawn = pairs_of(self, (t - 1) // T + 1) end
    local indices, weights = weighted(drawn:next(), self.max_batch)
    return indices, weights, t
  end
end

--- Indices and weights of step t alone, not for what is drawn record by record.
function Sampler:step(t)
  local T = self.steps_per_epoch
  if math.type(t) ~= "integer" or t < 1 or t > T * self.epochs then
    error(("privacy.sampler: steps are 1..%d, got %s"):format(T * self.epochs, tostring(t)), 2)
  end
  if self.by == "records" then error("privacy.sampler: drawn by records there is no step alone; iterate over steps()", 2) end
  local order = orders[self.kind]
  if order then return weighted(piece(self, order(self, (t - 1) // T + 1), (t - 1) % T + 1)) end
  return weighted(by_step(self, t), self.max_batch)
end

--- A whole epoch (by default the first): the indices of all its steps one after another, without padding, and where each step starts (T + 1);
-- step t has indices[{ { starts[t], starts[t + 1] - 1 } }].
function Sampler:assignment(epoch)
  epoch = epoch or 1
  if math.type(epoch) ~= "integer" or epoch < 1 or epoch > self.epochs then
    error(("privacy.sampler: epochs are 1..%d, got %s"):format(self.epochs, tostring(epoch)), 2)
  end
  if self.by == "records" then return pairs_of(self, epoch):rest() end
  local T, order = self.steps_per_epoch, orders[self.kind]
  if order then return order(self, epoch):clone(), (pg.arange(0, T + 1) * self.batch + 1):minimum(self.n + 1) end
  local parts, starts = {}, pg.ones({ T + 1 }, "i64")
  for t = 1, T do
    parts[t] = by_step(self, (epoch - 1) * T + t)
    starts[t + 1] = starts[t] + #parts[t]
  end
  return pg.concatenate(parts), starts
end

--- What an accountant asks: { kind, n, rate, batch, max_batch, steps_per_epoch, epochs }; rate is that of Poisson sampling, else nil.
function Sampler:describe()
  return { kind = self.kind, n = self.n, rate = self.rate, batch = self.batch, max_batch = self.max_batch, steps_per_epoch = self.steps_per_epoch, epochs = self.epochs }
end

function Sampler:__tostring()
  return ("%s: %d records, batches of %g%s, %d steps an epoch, %d epochs"):format(self.kind:gsub("_", " "), self.n, self.batch,
    self.max_batch and (" (at most %d)"):format(self.max_batch) or "", self.steps_per_epoch, self.epochs)
end

local function check(who, name, value, least)
  if math.type(value) ~= "integer" or value < least then error(("%s: %s must be an integer >= %d, got %s"):format(who, name, least, tostring(value)), 4) end
end

local function new(kind, rng, opt, more)
  local who = "privacy.sampler." .. kind
  local defaults = { n = pg.required, batch = pg.required, epochs = 1 }
  for name, default in pairs(more) do defaults[name] = default end
  if type(rng) ~= "userdata" then error(("%s: the first argument must be a stream, as pg.rng(seed) gives, got %s"):format(who, type(rng)), 3) end
  local self = pg.options(who, opt, defaults)
  if self.max_batch then check(who, "max_batch", self.max_batch, 1) end
  check(who, "n", self.n, 1)
  check(who, "epochs", self.epochs, 1)
  local shape = orders[kind] and "an integer" or "a number"
  if type(self.batch) ~= "number" or not (self.batch > 0 and self.batch <= self.n) or (orders[kind] and math.type(self.batch) ~= "integer") then
    error(("%s: batch must be %s in 1..n = %d, got %s"):format(who, shape, self.n, tostring(self.batch)), 3)
  end
  if self.by and self.by ~= "steps" and self.by ~= "records" then error(("%s: by must be 'steps' or 'records', got '%s'"):format(who, tostring(self.by)), 3) end
  self.kind, self.rng = kind, rng:stream "sampling"
  self.steps_per_epoch = orders[kind] and -(-self.n // self.batch) or math.max(1, math.floor(self.n / self.batch + 0.5))
  return setmetatable(self, Sampler)
end

local sampler = {}
local on_disk = { memory = pg.optional, dir = pg.optional }                    -- options of privacy.pairs

--- Fixed batches: privacy.sampler.deterministic(rng, { n, batch, epochs = 1 }); nothing is drawn.
function sampler.deterministic(rng, opt) return new("deterministic", rng, opt, {}) end

--- Shuffled once; b consecutive records of the order a step, n/b steps (rounded up, the last one smaller).
function sampler.shuffle_persistent(rng, opt) return new("shuffle_persistent", rng, opt, {}) end

--- Shuffled anew every epoch.
function sampler.shuffle_dynamic(rng, opt) return new("shuffle_dynamic", rng, opt, {}) end

local function poisson(kind, rng, opt, max_batch)
  local self = new(kind, rng, opt, { max_batch = max_batch, by = "steps", memory = on_disk.memory, dir = on_disk.dir })
  self.rate = self.batch / self.n
  return self
end

--- Poisson subsampling of rate batch/n; by = "records" draws epoch by epoch in one pass over the records (options memory, dir of privacy.pairs).
function sampler.poisson(rng, opt) return poisson("poisson", rng, opt, nil) end

--- Poisson subsampling with at most max_batch records a step, and padding of weight 0 up to it.
function sampler.truncated_poisson(rng, opt) return poisson("truncated_poisson", rng, opt, pg.required) end

--- Every record in one uniform step of each epoch.
function sampler.balls_and_bins(rng, opt)
  local self = new("balls_and_bins", rng, opt, on_disk)
  self.by = "records"
  return self
end

return sampler
