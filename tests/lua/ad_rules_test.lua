-- ad_rules_test.lua: every differentiable primitive of tensors against finite differences, first and second order, over random shapes
-- (0-d, zero-size, broadcast) and layouts (plain, transposed, strided, backwards), with the Taylor order of its linearisation.
local pg = require "perigee"
local gradients = require "gradients"
local random_shape, scalar = gradients.random_shape, gradients.scalar
local SHAPES = 20

-- ---- inputs: vectors of numbers on which a primitive is smooth, with room for the steps of the differences ----

local domains = {
  any = function(rng, n) return rng:normal { n } end,
  apart = gradients.apart,
  positive = function(rng, n) return (rng:normal { n } * 0.5):exp() + 0.1 end,
  unit = function(rng, n) return rng:uniform { n } * 1.6 - 0.8 end,
  inside = function(rng, n) return rng:uniform { n } * 0.7 + 0.15 end, -- of (0, 1)
  above_one = function(rng, n) return rng:uniform { n } * 2 + 1.3 end,
  nonzero = function(rng, n) return rng:rademacher({ n }) * (rng:uniform { n } + 0.4) end,
  angle = function(rng, n) return rng:uniform { n } * 2.4 - 1.2 end,
}

-- A shape that broadcasts to dims: leading axes gone, others 1.
local function narrower(rng, dims)
  local r = {}
  for i = rng:integers(1, #dims + 1), #dims do r[#r + 1] = rng:uniform() < 0.3 and 1 or dims[i] end
  return r
end

-- A primitive of several operands, all of them variables, in one vector. `shapes(rng, k)` gives the k-th list of operand shapes.
local function check_over(t, name, domain, shapes, call)
  for k = 1, SHAPES do
    local rng = pg.rng(11):stream(name, k)
    local list, extra = shapes(rng:stream "shape", k)
    local operands = {}
    for i, dims in ipairs(list) do operands[i] = { dims = dims, values = domains[type(domain) == "table" and domain[i] or domain] } end
    local f, w, text = gradients.joined(rng, operands, function(x) return call(x, extra) end)
    gradients.held(t, ("%s %d: %s"):format(name, k, text), f, w, rng)
  end
end

local checked = {}
local function primitive(name, domain, shapes, call)
  local short = name:match "^%w[%w_]*"
  checked["tensor." .. short] = true
  call = call or function(x) return pg[short](table.unpack(x)) end
  test(name .. " has its gradients", function(t) check_over(t, name, domain, shapes, call) end)
end

local function one(rng, k) return { random_shape(rng, k > 2 and 1 or 0, k % 7 == 0) } end
local function full(rng, k) return { random_shape(rng, k > 2 and 1 or 0) } end

-- ---- elementwise ----

local unary = {
  any = "neg square exp exp2 expm1 sin cos atan sinh cosh tanh asinh erf erfc sigmoid softplus normal_cdf real conj",
  nonzero = "abs reciprocal cbrt relu", positive = "sqrt rsqrt log log2 log10 log1p", unit = "asin acos atanh",
  angle = "tan", above_one = "acosh lgamma digamma", inside = "normal_quantile",
}
for domain, list in pairs(unary) do
  for name in list:gmatch "[%w_]+" do primitive(name, domain, one) end
end

local function operands(n)
  return function(rng, k)
    local dims, list = random_shape(rng, k > 2 and 1 or 0, k % 7 == 0), {}
    for i = 1, n do list[i] = i == k % n + 1 and dims or narrower(rng, dims) end
    return list
  end
end
local function packed(rng, k) -- operands in one shape, so that values that must differ come from one draw
  local dims = random_shape(rng, k > 2 and 1 or 0, k % 7 == 0)
  table.insert(dims, 1, 3)
  return { dims }
end

for _, name in ipairs { "add", "sub", "mul" } do primitive(name, "any", operands(2)) end
primitive("div", { "any", "nonzero" }, operands(2))
primitive("pow", { "positive", "any" }, operands(2))
primitive("atan2", { "nonzero", "nonzero" }, operands(2))
primitive("hypot", { "nonzero", "any" }, operands(2))
primitive("mod", { "inside", "above_one" }, operands(2), function(x) return (x[1] - 3 * x[2]) % x[2] end)
primitive("minimum", "apart", packed, function(x) return pg.minimum(x[1]:select(1, 1), x[1]:select(1, 2)) end)
primitive("maximum", "apart", packed, function(x) return pg.maximum(x[1]:select(1, 1), x[1]:select(1, 2)) end)
primitive("minimum, broadcast", "apart", full, function(x) return x[1]:reshape { -1, 1 }:minimum(x[1]:reshape { 1, -1 } + 0.07) end)
primitive("fma", "any", operands(3))
primitive("clip", "apart", packed, function(x) return pg.clip(x[1]:select(1, 1), x[1]:select(1, 2), x[1]:select(1, 3)) end)
primitive("clip by numbers", "apart", full, function(x) return x[1]:clip(-0.4, 1.2) end)
primitive("where", "any", operands(2), function(x)
  local like = x[1] + x[2]
  if not pg.is_tensor(like) then return x[1] * x[1] end
  return pg.arange(like:size()):mod(3):eq(0):reshape(like:dims()):where(x[1] * x[1], x[2])
end)
primitive("polygamma", "above_one", one, function(x) return x[1]:polygamma(1) end)
primitive("cast", "any", one, function(x) return x[1]:cast "f64":square() end)

-- ---- reductions ----

-- A random set of axes (none: all), kept or not.
local function with_axes(zero)
  return function(rng, k)
    local dims = random_shape(rng, k > 2 and 1 or 0, zero and k % 7 == 0)
    local axes = {}
    for i = 1, #dims do
      if rng:uniform() < 0.5 then axes[#axes + 1] = i end
    end
    return { dims }, { axes = #axes > 0 and axes or nil, keep = rng:uniform() < 0.5 }
  end
end
local function merged(a, b)
  local r = {}
  for _, x in ipairs { a, b } do for k, v in pairs(x) do r[k] = v end end
  return r
end

for _, name in ipairs { "sum", "logsumexp" } do primitive(name, "any", with_axes(name == "sum"), function(x, o) return x[1][name](x[1], o) end) end
primitive("mean", "any", with_axes(), function(x, o) return x[1]:mean(o) end)
primitive("var", "any", with_axes(), function(x, o) return x[1]:var(merged(o, { ddof = 0 })) end)
primitive("var, unbiased", "any", function(rng, k)
  local list, o = with_axes()(rng, k)
  table.insert(list[1], 2)
  return list, merged(o, { axes = { #list[1] } })
end, function(x, o) return x[1]:var(o) end)
primitive("std", "apart", function(rng, k)
  local list, o = with_axes()(rng, k)
  table.insert(list[1], 3)
  return list, merged(o, { axes = { #list[1] } })
end, function(x, o) return x[1]:std(o) end)
primitive("prod", "nonzero", with_axes(true), function(x, o) return x[1]:prod(o) end)
for _, name in ipairs { "min", "max" } do primitive(name, "apart", with_axes(), function(x, o) return x[1][name](x[1], o) end) end
for _, p in ipairs { 1, 2, 2.5, 3, math.huge } do
  primitive(("norm %g"):format(p), "apart", with_axes(), function(x, o) return (x[1] + 0.03):norm(p, o) end)
end
primitive("dot", "any", function(rng, k)
  local dims = random_shape(rng, 1, k % 7 == 0)
  return { dims, dims }
end)
primitive("median", "apart", with_axes(), function(x, o) return x[1]:median(o) end)
primitive("quantile", "apart", with_axes(), function(x, o) return x[1]:quantile(0.3, o) end)
primitive("quantile, a list", "apart", with_axes(), function(x, o) return x[1]:quantile(pg.tensor { 0, 0.41, 1 }, o) end)

local function with_axis(zero)
  return function(rng, k)
    local dims = random_shape(rng, 1, zero and k % 7 == 0)
    return { dims }, rng:integers(1, #dims)
  end
end
primitive("cumsum", "any", with_axis(true), function(x, axis) return x[1]:cumsum(axis) end)
primitive("cumprod", "nonzero", with_axis(true), function(x, axis) return x[1]:cumprod(axis) end)
primitive("sort", "apart", with_axis(true), function(x, axis) return x[1]:sort(axis):square() end)
primitive("sort, descending", "apart", with_axis(true), function(x, axis) return x[1]:sort(axis, { descending = true }):square() end)
primitive("topk", "apart", with_axis(), function(x, axis) return (x[1]:topk(1 + x[1]:dim(axis) // 2, axis)):square() end)

-- ---- shape ----

local function squares(f) return function(x, axis) return f(x[1]:square(), axis) end end
local function matrices(rng, k)
  local dims = random_shape(rng, 0, k % 7 == 0)
  while #dims > 4 do dims[#dims] = nil end
  dims[#dims + 1], dims[#dims + 2] = rng:integers(1, 4), rng:integers(1, 4)
  return { dims }
end

primitive("slice", "any", with_axis(), squares(function(x, axis) return x:slice(axis, 1, -1, 2) end))
primitive("slice, backwards", "any", with_axis(), squares(function(x, axis) return x:slice(axis, -1, 1, -1) end))
primitive("slice, backwards by two", "any", with_axis(), squares(function(x, axis) return x:slice(axis, -1, 1, -2) end))
primitive("narrow", "any", with_axis(), squares(function(x, axis) return x:narrow(axis, 1, (x:dim(axis) + 1) // 2) end))
primitive("select", "any", with_axis(), squares(function(x, axis) return x:select(axis, -1) end))
primitive("reshape", "any", one, squares(function(x) return x:reshape { x:size(), 1 } end))
primitive("flatten", "any", with_axis(true), squares(function(x, axis) return x:flatten(1, axis) end))
primitive("transpose", "any", with_axis(true), squares(function(x, axis) return x:ndim() > 1 and x:transpose(1, axis) or x end))
primitive("permute", "any", one, squares(function(x)
  local order = {}
  for i = 1, x:ndim() do order[i] = i % x:ndim() + 1 end
  return x:permute(order)
end))
primitive("squeeze", "any", one, squares(function(x) return x:unsqueeze(1):squeeze() end))
primitive("unsqueeze", "any", with_axis(true), squares(function(x, axis) return x:unsqueeze(axis) end))
primitive("broadcast_to", "any", function(rng) return { random_shape(rng, 0) } end, squares(function(x)
  local dims = x:dims()
  for i, d in ipairs(dims) do if d == 1 then dims[i] = 3 end end
  table.insert(dims, 1, 2)
  return x:broadcast_to(dims)
end))
primitive("flip", "any", with_axis(true), squares(function(x, axis) return x:flip(axis) end))
primitive("diagonal", "any", matrices, squares(function(x) return x:diagonal(1 - x:size() % 3) end))
primitive("diag", "any", function(rng) return { { rng:integers(1, 5) } } end, squares(function(x) return x:diag(x:size() % 3 - 1) end))
primitive("tril", "any", matrices, squares(function(x) return x:tril(x:size() % 3 - 1) end))
primitive("triu", "any", matrices, squares(function(x) return x:triu(x:size() % 3 - 1) end))
primitive("split", "any", with_axis(), squares(function(x, axis)
  local parts = x:split(2, axis)
  return scalar(parts[1]) * 2 - scalar(parts[2]:square())
end))
primitive("concatenate", "any", function(rng, k)
  local dims = random_shape(rng, 1, k % 7 == 0)
  local axis, other = rng:integers(1, #dims), { table.unpack(dims) }
  other[axis] = rng:integers(0, 3)
  return { dims, other, dims }, axis
end, function(x, axis) return pg.concatenate({ x[1]:square(), x[2], x[3], x[1] }, axis) end)
primitive("stack", "any", function(rng, k)
  local dims = random_shape(rng, 0, k % 7 == 0)
  return { dims, dims }, rng:integers(1, #dims + 1)
end, function(x, axis) return pg.stack({ x[1]:square(), x[2], x[1] }, axis) end)
primitive("meshgrid", "any", function(rng) return { { rng:integers(1, 4) }, { rng:integers(1, 4) } } end, function(x)
  local a, b = pg.meshgrid(x[1], x[2])
  return a * b
end)
primitive("roll", "any", with_axis(true), squares(function(x, axis) return x:roll(axis - 3, axis) end))
primitive("repeat_each", "any", with_axis(true), squares(function(x, axis) return x:repeat_each(3, axis) end))
primitive("tile", "any", one, squares(function(x)
  local times = { 2 }
  for i = 1, x:ndim() do times[i + 1] = i % 2 + 1 end
  return x:ndim() < 6 and x:tile(times) or x
end))
primitive("pad", "any", one, squares(function(x)
  local around = {}
  for i = 1, x:ndim() do around[i] = { i % 2, 2 } end
  return x:pad(around, 1.5)
end))

-- ---- reading and writing at positions, repeated ones among them ----

local function positions(rng, n, dims) return rng:integers(dims, 1, n) end
-- An axis and positions along it, as many as asked for, with repetitions.
local function at_axis(values)
  return function(rng)
    local dims = random_shape(rng, 1)
    while #dims > 5 do dims[#dims] = nil end
    local axis = rng:integers(1, #dims)
    local at = positions(rng, dims[axis], { rng:integers(0, 5) })
    local shape = { table.unpack(dims) }
    shape[axis] = at:size()
    return { dims, values and shape or nil }, { axis = axis, at = at }
  end
end
local function along_axis(values)
  return function(rng)
    local dims = random_shape(rng, 1)
    local axis = rng:integers(1, #dims)
    local shape = { table.unpack(dims) }
    shape[axis] = rng:integers(1, 5)
    return { dims, values and shape or nil }, { axis = axis, at = positions(rng, dims[axis], shape) }
  end
end
local function with_mask(values)
  return function(rng)
    local dims = random_shape(rng, 1)
    local mask = rng:uniform({ dims[1] }):lt(0.6)
    local shape = { table.unpack(dims) }
    shape[1] = mask:count()
    return { dims, values and shape or nil }, mask
  end
end

primitive("gather", "any", at_axis(false), function(x, o) return x[1]:square():gather(o.at, o.axis) end)
primitive("gather, a table of positions", "any", at_axis(false), function(x, o) return x[1]:square():gather(o.at:reshape { -1, 1 } * pg.ones({ 1, 2 }, "i64"), o.axis) end)
primitive("take_along", "any", along_axis(false), function(x, o) return x[1]:square():take_along(o.at, o.axis) end)
primitive("scatter", "any", at_axis(true), function(x, o) return x[1]:square():scatter(o.at, x[2]:square(), o.axis) end)
primitive("scatter_add", "any", at_axis(true), function(x, o) return x[1]:square():scatter_add(o.at, x[2]:square(), o.axis) end)
primitive("put_along", "any", along_axis(true), function(x, o) return x[1]:square():put_along(o.at, o.axis, x[2]:square()) end)
primitive("masked_select", "any", with_mask(false), function(x, mask) return x[1]:square():masked_select(mask) end)
primitive("masked_fill", "any", with_mask(true), function(x, mask) return x[1]:square():masked_fill(mask, x[2]:square()) end)

test("no differentiable primitive of the lists is left out", function(t)
  local missing = {}
  for _, name in ipairs(pg.testing.differentiable()) do
    if not checked[name] then missing[#missing + 1] = name end
  end
  t.equal(missing, {})
end)
