-- gradients.lua: what the tests of gradients share: local gradients = require "gradients". Random shapes, layouts of operands in one vector of
-- variables, and the check of a function against finite differences, first and second order, with the Taylor order of its linearisation.
local pg = require "perigee"
local ad = pg.ad
local gradients = {}

-- Distinct, none 0: the multiples 0.2 (k + 1/2) in random order.
function gradients.apart(rng, n) return ((rng:uniform { n }):argsort():cast "f64" - n // 2 - 0.5) * 0.2 end

local function count(dims)
  local n = 1
  for _, d in ipairs(dims) do n = n * d end
  return n
end

-- lowest..4 axes of 1..4 elements; with `zero`, one of them has none.
function gradients.random_shape(rng, lowest, zero)
  local dims = {}
  for i = 1, rng:integers(lowest, 4) do dims[i] = rng:integers(1, 4) end
  if zero and #dims > 0 then dims[rng:integers(1, #dims)] = 0 end
  return dims
end

local layouts = {
  plain = function(dims) return count(dims), function(v) return v:reshape(dims) end end,
  transposed = function(dims)
    if #dims == 1 then return dims[1], function(v) return v:unsqueeze(2):transpose(1, 2):squeeze(1) end end
    local turned = { table.unpack(dims) }
    turned[1], turned[#dims] = dims[#dims], dims[1]
    return count(dims), function(v) return v:reshape(turned):transpose(1, #dims) end
  end,
  strided = function(dims)
    local wide = { table.unpack(dims) }
    wide[#wide] = 2 * wide[#wide]
    return count(wide), function(v)
      local x = v:reshape(wide)
      return dims[#dims] == 0 and x or x:slice(#dims, 2, wide[#wide], 2)
    end
  end,
  backwards = function(dims) return count(dims), function(v) return v:reshape(dims):flip(1) end end,
}
local names = { "plain", "transposed", "strided", "backwards" }

--- How an operand of shape dims lies in a vector, at random: plain, transposed, strided or backwards. Returns how many elements it takes, and
-- the function that gives the view of them.
function gradients.layout(rng, dims) return layouts[#dims == 0 and "plain" or names[rng:integers(1, 4)]](dims) end

-- ---- the check ----

--- One random scalar of y, so that every element counts differently.
function gradients.scalar(y)
  if not pg.is_tensor(y) then return y * math.sin(0.3) end
  local weights = (pg.arange(y:size()) * 1.7 + 0.3):sin():reshape(y:dims())
  return (y * weights):sum()
end

-- Slope of log |f(w + h v) - f(w) - h <g, v>| in log h; infinite if f is linear to rounding.
local function taylor_order(f, w, rng)
  local value, g = ad.value_and_grad(f)(w)
  local rest = { 0, 0 }
  local largest = math.abs(value)
  for k = 1, 3 do
    local v = rng:stream("taylor", k):normal(w:dims())
    for i, h in ipairs { 2e-4, 1e-4 } do
      local there = f(w + h * v)
      there = pg.is_tensor(there) and there:item() or there
      largest = math.max(largest, math.abs(there))
      rest[i] = rest[i] + math.abs(there - value - h * (g * v):sum())
    end
  end
  if rest[1] <= 1e-10 * largest or rest[1] == 0 then return math.huge end
  return math.log(rest[1] / rest[2], 2)
end

-- u . H v = v . H u
local function symmetric(t, what, f, w, rng)
  if w:size() == 0 then return end
  local u, v = rng:stream "u":normal(w:dims()), rng:stream "v":normal(w:dims())
  local hu, hv = ad.hvp(f, w, u), ad.hvp(f, w, v)
  local rounding = 1e-14 * u:norm() * v:norm() * (1 + ad.grad(f)(w):norm()) -- of a Hessian that is 0
  t.near(u:dot(hv) - v:dot(hu), 0, 1e-10 * (u:norm() * hv:norm() + v:norm() * hu:norm()) + rounding, "%s: symmetry of the Hessian", what)
end

--- f of a vector w is smooth at w, and its gradient, its Hessian and the symmetry of that hold.
function gradients.held(t, what, f, w, rng)
  local ok, r = pcall(ad.check, f, w, { directions = 1, seed = 5 })
  t.ok(ok, "%s: %s", what, tostring(r))
  local order = taylor_order(f, w, rng)
  t.ok(order >= 1.95, "%s: Taylor order %g", what, order)
  symmetric(t, what, f, w, rng)
end

function gradients.shown(dims) return "(" .. table.concat(dims, ", ") .. ")" end


--- A function of several operands as one of a vector: `operands` are { dims =, values = } with values(rng, n) -> vector, laid out at random;
-- call(list of views) -> tensor. Returns the function, the vector, and the shapes as text.
function gradients.joined(rng, operands, call)
  local parts, views, text, at = {}, {}, {}, 1
  for i, operand in ipairs(operands) do
    local n, view = gradients.layout(rng:stream("layout", i), operand.dims)
    parts[i] = operand.values(rng:stream("values", i), n)
    local from = at
    views[i] = function(w) return view(w:narrow(1, from, n)) end
    text[i] = gradients.shown(operand.dims)
    at = at + n
  end
  local function f(x)
    local list = {}
    for i, view in ipairs(views) do list[i] = view(x) end
    return gradients.scalar(call(list))
  end
  return f, pg.concatenate(parts), table.concat(text, " ")
end

return gradients
