-- optim/chain.lua: optimisers composed of links, each of which turns an update u into another.
--
--   optim.chain{ optim.clip(1), optim.momentum(0.9), optim.scale(-0.1) }       u = g;  u = link(u) ...;  theta += u
--   optim.chain{ optim.clip(1), optim.adam{} }                               an optimiser at the end takes u for its gradient
--
-- Links compute new tensors and hand their new state to the chain, which adopts it after theta has been written: a failed step
-- changes nothing. A NaN in g goes through every link; clipping by the norm spreads it over the whole vector.
local pg = require "perigee"
local check = require "perigee.optim.check"

local Link = { __name = "perigee.optim.link" }
Link.__index = Link
function Link:__tostring() return self.text end

-- update(u, theta, k, m) -> u and, for a link with memory, its new state m (nil before the first step).
local function link(kind, text, update) return setmetatable({ kind = kind, text = text, update = update }, Link) end

local links = {}

--- u min(1, C / |u|): the Euclidean norm of the whole vector is at most C.
function links.clip(C)
  check.number("optim.clip", "C", C, 0, math.huge, true)
  return link("clip", ("clip %.6g"):format(C), function(u)
    local norm = u:norm()
    if norm <= C then return u end
    return u * (C / norm)
  end)
end

--- Each element into [-c, c].
function links.clip_value(c)
  check.number("optim.clip_value", "c", c, 0, math.huge, true)
  return link("clip_value", ("clip value %.6g"):format(c), function(u) return u:clip(-c, c) end)
end

--- m = beta m + u, u = m.
function links.momentum(beta)
  check.number("optim.momentum", "beta", beta, 0, 1)
  if beta == 1 then error("optim.momentum: beta must be below 1", 2) end
  return link("momentum", ("momentum %.6g"):format(beta), function(u, _, _, m)
    m = m and beta * m + u or u:clone()
    return m, m
  end)
end

--- a u, where a is a number or a schedule.
function links.scale(a)
  if check.callable(a) then
    local text = type(a) == "function" and "a function" or tostring(a)
    return link("scale", "scale by " .. text, function(u, _, k) return u * a(k) end)
  end
  check.number("optim.scale", "the factor", a, -math.huge, math.huge)
  return link("scale", ("scale %.6g"):format(a), function(u) return u * a end)
end

--- u + lambda theta: weight decay, as part of the gradient.
function links.decay(lambda)
  check.number("optim.decay", "lambda", lambda, 0, math.huge)
  return link("decay", ("decay %.6g"):format(lambda), function(u, theta) return u + lambda * theta end)
end

local Chain = { __name = "perigee.optim.chain" }
Chain.__index = Chain

local function check_step(theta, g)
  if not pg.is_tensor(theta) or not pg.is_tensor(g) then
    error(("optim.chain: step takes theta and its gradient, tensors; got %s and %s"):format(type(theta), type(g)), 3)
  end
  if not check.same_shape(theta, g) then
    error(("optim.chain: theta and its gradient differ: %s and %s"):format(check.shape(theta), check.shape(g)), 3)
  end
  if theta:dtype() ~= "f32" and theta:dtype() ~= "f64" then error("optim.chain: theta must be f32 or f64, got " .. theta:dtype(), 3) end
end

function Chain:step(theta, g)
  check_step(theta, g)
  for i = 1, #self.links do
    local m = self.memory[i]
    if m and not check.same_shape(m, theta) then
      error(("optim.chain: theta is %s, but the state belongs to %s; reset it"):format(check.shape(theta), check.shape(m)), 2)
    end
  end
  local u, memory = g, {}
  for i, l in ipairs(self.links) do u, memory[i] = l.update(u, theta, self.count + 1, self.memory[i]) end
  if self.last then self.last:step(theta, u) else theta:add_(u) end
  self.memory, self.count = memory, self.count + 1
  return theta
end

function Chain:reset()
  self.memory, self.count = {}, 0
  if self.last then self.last:reset() end
  return self
end

function Chain:steps() return self.count end

local function save(self)
  local saved = { kind = "chain", steps = self.count, links = {}, last = self.last and self.last:state() }
  for i, l in ipairs(self.links) do saved.links[i] = { kind = l.kind, m = self.memory[i] and self.memory[i]:clone() } end
  return saved
end

function Chain:state(saved)
  if saved == nil then return save(self) end
  local who = "optim.chain"
  check.state(who, "chain", saved)
  local count, memory = check.integer(who, "the saved number of steps", saved.steps, 0), {}
  if type(saved.links) ~= "table" or #saved.links ~= #self.links or (saved.last ~= nil) ~= (self.last ~= nil) then
    error(who .. ": the saved state is of a chain with other links", 2)
  end
  for i, l in ipairs(self.links) do
    check.state(who, l.kind, saved.links[i])
    memory[i] = check.slot(who, saved.links[i], "m", self.memory[i])
  end
  if self.last then self.last:state(saved.last) end
  self.count, self.memory = count, memory
  return self
end

function Chain:__tostring()
  local parts = {}
  for i, l in ipairs(self.links) do parts[i] = l.text end
  if self.last then parts[#parts + 1] = "[" .. tostring(self.last) .. "]" end
  return ("chain: %s, %d steps"):format(table.concat(parts, ", "), self.count)
end

--- The optimiser made of these links, in order; the last one may be an optimiser, anything with step, reset and state.
function links.chain(list)
  if type(list) ~= "table" or #list == 0 then error("optim.chain: give a list of links, { optim.clip(1), optim.scale(-0.1) }", 2) end
  local chain = { links = {}, memory = {}, count = 0 }
  for i, l in ipairs(list) do
    if getmetatable(l) == Link then
      chain.links[i] = l
    elseif i == #list and (type(l) == "userdata" or type(l) == "table") and not pg.is_tensor(l) and l.step and l.reset and l.state then
      chain.last = l
    else
      error(("optim.chain: entry %d is not a link%s"):format(i, i < #list and "; an optimiser can only be the last" or " or an optimiser"), 2)
    end
  end
  return setmetatable(chain, Chain)
end

return links
