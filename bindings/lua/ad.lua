-- ad.lua: what differentiation offers beyond its C core: Hessians, pullbacks, and the check that every rule is held to.
local pg = require "perigee"
local core = pg.ad
local ad = {}

--- The Hessian of a scalar function at w, (d, d) for w of shape (d): one Hessian-vector product for each column.
function ad.hessian(f, w)
  if w:ndim() ~= 1 then error(("ad.hessian: w must be a vector, got shape (%s)"):format(table.concat(w:dims(), ", ")), 2) end
  local d, rows = w:dim(1), {}
  for i = 1, d do
    local e = pg.zeros({ d }, w:dtype())
    e[i] = 1
    rows[i] = core.hvp(f, w, e)
  end
  return d == 0 and pg.zeros({ 0, 0 }, w:dtype()) or pg.stack(rows)
end

--- f(x) and its pullback: u of the shape of f(x) -> the transposed Jacobian times u. Each call of the pullback computes f again.
function ad.vjp(f, x)
  local function pullback(u)
    return core.grad(function(v) return (f(v) * u):sum() end)(x)
  end
  return f(x), pullback
end

-- The rows at these places of every tensor in a list, other values as they are.
local function rows_of(list, take)
  local r = { n = list.n }
  for i = 1, list.n do r[i] = pg.is_tensor(list[i]) and take(list[i]) or list[i] end
  return r
end

local function examples_in(list)
  for i = 1, list.n do
    if pg.is_tensor(list[i]) and list[i]:ndim() > 0 then return list[i]:dim(1) end
  end
  error("ad.clipped_sum: no data among the arguments: give the tensors whose first axis counts the examples", 3)
end

-- One chunk with a norm of its own for each of the consecutive groups of w, each clipped to C / sqrt(#groups): every gradient is formed.
-- The factors are (n, #groups).
local function clipped_groups(loss, opt, weights, w, ...)
  local G, clip, at = core.per_example(loss)(w, ...), opt.clip / math.sqrt(#opt.groups), 1
  local sums, factors = {}, {}
  for k, size in ipairs(opt.groups) do
    local part = G:narrow(2, at, size)
    local norm = part:cast("f64"):square():sum(2):sqrt()
    local c = opt.gamma and clip / (norm + opt.gamma) or pg.where(norm:le(clip), 1, clip / norm)
    sums[k] = part:t():mv((weights and c * weights or c):cast(G:dtype()))
    factors[k], at = c, at + size
  end
  return pg.concatenate(sums), pg.stack(factors, 2)
end

local function check_groups(groups, w)
  local total = 0
  for _, size in ipairs(groups) do total = total + size end
  if w:ndim() ~= 1 or total ~= w:size() then
    error(("ad.clipped_sum: groups of %d elements in all, of parameters of shape (%s); give the sizes of consecutive parts of a vector"):format(total, table.concat(w:dims(), ", ")), 3)
  end
end

--- sum_i m_i g_i min(1, C / |g_i|) over the examples, g_i being the gradient of loss i by w, and the factors min(1, C / |g_i|).
-- loss(w, data...) returns one value an example. opt: clip (C; infinite), weights (m, one an example; ones), chunk (examples at a
-- time; all), materialise (false), gamma (nil; otherwise the factors are C / (|g_i| + gamma), automatic clipping: Bu et al. 2023), groups
-- (sizes of consecutive parts of w, each clipped by its own norm to C / sqrt(#groups), so that the whole is at most C; forms every g_i).
-- Two passes over one recording: the norms without the gradients, then one ordinary backward pass; with materialise every g_i is formed.
-- Examples of weight 0 are left out before the loss sees them, so that what pads a batch may hold NaN; their factor is given as 0.
function ad.clipped_sum(loss, w, opt, ...)
  opt = pg.options("ad.clipped_sum", opt,
    { clip = math.huge, weights = pg.optional, chunk = pg.optional, materialise = false, gamma = pg.optional, groups = pg.optional })
  if opt.gamma and not (type(opt.gamma) == "number" and opt.gamma > 0 and opt.clip < math.huge) then
    error(("ad.clipped_sum: gamma must be above 0 and the clip finite, got %s and %s"):format(tostring(opt.gamma), opt.clip), 2)
  end
  if opt.groups then check_groups(opt.groups, w) end
  local data, weights = table.pack(...), opt.weights
  local n, kept = examples_in(data)
  if weights then
    if weights:ndim() ~= 1 or weights:dim(1) ~= n then
      error(("ad.clipped_sum: weights of shape (%s) for %d examples"):format(table.concat(weights:dims(), ", "), n), 2)
    end
    kept = weights:ne(0)
    if kept:count() == n then kept = nil end
  end
  if kept then
    data, weights = rows_of(data, function(x) return x:masked_select(kept) end), weights:masked_select(kept)
  end
  local left, chunk = weights and weights:dim(1) or n, opt.chunk or math.maxinteger
  if math.type(chunk) ~= "integer" or chunk < 1 then error(("ad.clipped_sum: chunk must be an integer above 0, got %s"):format(chunk), 2) end
  local sum, factors, from = nil, {}, 1
  repeat
    local length = math.min(chunk, left - from + 1)
    local function cut(x) return length == left and x or x:narrow(1, from, length) end
    local part, some = rows_of(data, cut), weights and cut(weights)
    local s, c
    if opt.groups then
      s, c = clipped_groups(loss, opt, some, w, table.unpack(part, 1, part.n))
    else
      s, c = core.clipped_chunk(loss, opt.clip, opt.gamma, some, opt.materialise, w, table.unpack(part, 1, part.n))
    end
    if sum then sum:add_(s) else sum = s end
    factors[#factors + 1] = c
    from = from + length
  until from > left
  local all = #factors == 1 and factors[1] or pg.concatenate(factors)
  if not kept then return sum, all end
  return sum, pg.zeros(opt.groups and { n, #opt.groups } or { n }):scatter(kept:nonzero(), all)
end

-- Largest |a - b| relative to the largest |b|, floored at `scale`.
local function distance(a, b, scale)
  if a:size() == 0 then return 0 end
  return (a - b):abs():max() / math.max(b:abs():max(), scale)
end

-- d f(w + t v) / dt at 0 by central differences with one step of Richardson extrapolation: error O(h^4).
local function directional(f, w, v, h)
  local function slope(s) return (f(w + s * v) - f(w - s * v)) / (2 * s) end
  return (4 * slope(h) - slope(2 * h)) / 3
end

local function value(f)
  return function(w)
    local y = f(w)
    return pg.is_tensor(y) and y:item() or y
  end
end

--- Holds the gradient of a scalar function at w against finite differences along random directions, then the gradient of that
-- gradient, and the symmetry of the Hessian. Returns { first =, second =, symmetry = }, relative errors; raises if one exceeds
-- its tolerance. opt: tolerance (1e-7), order (2), directions (3), step (1e-3), seed (1).
function ad.check(f, w, opt)
  opt = pg.options("ad.check", opt, { tolerance = 1e-7, order = 2, directions = 3, step = 1e-3, seed = 1 })
  local rng, result = pg.rng(opt.seed), { first = 0, second = 0, symmetry = 0 }
  local g = core.grad(f)(w)
  local scale = 1e-3
  for k = 1, opt.directions do
    local v, u = rng:stream("v", k):normal(w:dims()), rng:stream("u", k):normal(w:dims())
    local expected = directional(value(f), w, v, opt.step)
    result.first = math.max(result.first, math.abs((g * v):sum() - expected) / math.max(math.abs(expected), (g * v):abs():sum(), scale))
    if opt.order > 1 then
      local hv, hu = core.hvp(f, w, v), core.hvp(f, w, u)
      result.second = math.max(result.second, distance(hv, directional(core.grad(f), w, v, opt.step), scale))
      local a, b = (u * hv):sum(), (v * hu):sum()
      result.symmetry = math.max(result.symmetry, math.abs(a - b) / math.max((u * hv):abs():sum(), scale))
    end
  end
  for name, tolerance in pairs { first = opt.tolerance, second = opt.tolerance, symmetry = 1e-10 } do
    if not (result[name] <= tolerance) then
      error(("ad.check: relative error of the %s derivative is %.3g, above %.1g"):format(name, result[name], tolerance), 2)
    end
  end
  return result
end

return ad
