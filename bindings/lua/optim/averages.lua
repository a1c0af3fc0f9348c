-- optim/averages.lua: averages of iterates. avg:add(theta) takes one in, avg:mean() gives the average in theta's dtype.
--
-- Sums are kept in f64 whatever theta is, so a million iterates in f32 lose nothing. add copies: theta may be stepped on.
local pg = require "perigee"
local check = require "perigee.optim.check"

local averages = {}

local function fits(self, theta)
  if not pg.is_tensor(theta) then error(("optim.%s: add takes a tensor, got %s"):format(self.kind, type(theta)), 3) end
  if self.seen == 0 then
    if theta:dtype() ~= "f32" and theta:dtype() ~= "f64" then
      error(("optim.%s: iterates must be f32 or f64, got %s"):format(self.kind, theta:dtype()), 3)
    end
  elseif self.shape ~= check.shape(theta) then
    error(("optim.%s: the iterates so far are %s, this one is %s"):format(self.kind, self.shape, check.shape(theta)), 3)
  end
end

-- A class of averages: take(self, theta) and value(self) -> tensor or nil do the work; state lies in self.seen and self.data.
local function class(kind, take, value, describe)
  local Average = { __name = "perigee.optim." .. kind }
  Average.__index = Average

  function Average:add(theta)
    fits(self, theta)
    self.shape, self.dtype = check.shape(theta), theta:dtype()
    take(self, theta) -- all or nothing
    self.seen = self.seen + 1
    return self
  end

  function Average:mean()
    local v = self.data and value(self)
    if not v then error(("optim.%s: %s"):format(kind, self.seen == 0 and "no iterate has been added" or "no iterate in the tail yet"), 2) end
    return v:dtype() == self.dtype and v or v:cast(self.dtype)
  end

  function Average:reset()
    self.seen, self.data, self.shape, self.dtype = 0, nil, nil, nil
    return self
  end

  function Average:state(saved)
    if saved == nil then
      return { kind = kind, steps = self.seen, dtype = self.dtype, shape = self.shape, data = self.data and self.data:clone() }
    end
    local who = "optim." .. kind
    check.state(who, kind, saved)
    local seen = check.integer(who, "the saved number of steps", saved.steps, 0)
    if self.seen > 0 and saved.shape and saved.shape ~= self.shape then
      error(("%s: the saved iterates are %s, not %s"):format(who, saved.shape, self.shape), 2)
    end
    local data = check.slot(who, saved, "data", self.data)
    if kind == "window_average" and data and data:dim(1) ~= self.window then
      error(("%s: the saved window has %d rows, not %d"):format(who, data:dim(1), self.window), 2)
    end
    self.seen, self.data, self.shape, self.dtype = seen, data, saved.shape, saved.dtype
    return self
  end

  function Average:__tostring() return ("%s: %s%d iterates"):format(kind, describe and describe(self) or "", self.seen) end

  return function(fields)
    fields.kind, fields.seen = kind, 0
    return setmetatable(fields, Average)
  end
end

local function into_sum(self, theta)
  if self.data then self.data:add_(theta) else self.data = theta:cast "f64" end
end

local polyak = class("polyak_average", into_sum, function(self) return self.data / self.seen end)

--- The mean of all iterates: Polyak & Juditsky (1992), Ruppert (1988).
function averages.polyak_average() return polyak {} end

local tail = class("tail_average",
  function(self, theta) if self.seen >= self.start then into_sum(self, theta) end end,
  function(self) return self.data / (self.seen - self.start) end,
  function(self) return ("%d of "):format(math.max(0, self.seen - self.start)) end)

--- The mean of the last `fraction` of `horizon` iterates, in O(d) memory.
function averages.tail_average(opt)
  opt = pg.options("optim.tail_average", opt, { fraction = 0.5, horizon = pg.required })
  check.number("optim.tail_average", "fraction", opt.fraction, 0, 1, true)
  local horizon = check.integer("optim.tail_average", "horizon", opt.horizon, 1)
  return tail { start = math.min(horizon - 1, math.floor((1 - opt.fraction) * horizon)) }
end

local exponential = class("exponential_average",
  function(self, theta)
    local part = (1 - self.decay) * theta:cast "f64"
    if self.data then self.data = self.decay * self.data + part else self.data = self.debias and part or theta:cast "f64" end
  end,
  function(self) return self.debias and self.data / (1 - self.decay ^ self.seen) or self.data:clone() end,
  function(self) return ("decay %.6g, "):format(self.decay) end)

--- a = decay a + (1 - decay) theta. debias: from 0 and divided by 1 - decay^k, weights (1 - decay) decay^(k - j) made to sum to 1; otherwise
-- from the first iterate.
function averages.exponential_average(opt)
  opt = pg.options("optim.exponential_average", opt, { decay = 0.999, debias = true })
  check.number("optim.exponential_average", "decay", opt.decay, 0, 1)
  if opt.decay == 1 then error("optim.exponential_average: decay must be below 1", 2) end
  return exponential { decay = opt.decay, debias = opt.debias }
end

local window = class("window_average",
  function(self, theta)
    local data = self.data or pg.zeros({ self.window, table.unpack(theta:dims()) }, theta:dtype())
    data:narrow(1, self.seen % self.window + 1, 1):copy_(theta)
    self.data = data
  end,
  function(self)
    local n = math.min(self.seen, self.window)
    return self.data:narrow(1, 1, n):cast "f64":sum(1) / n
  end,
  function(self) return ("window %d, "):format(self.window) end)

--- The mean of the last `window` iterates, all kept.
function averages.window_average(opt)
  opt = pg.options("optim.window_average", opt, { window = pg.required })
  return window { window = check.integer("optim.window_average", "window", opt.window, 1) }
end

return averages
