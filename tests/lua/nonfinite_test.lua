-- nonfinite_test.lua: system.stop_nonfinite: the first primitive that makes NaN or infinity of finite operands is an error that says where.
local pg = require "perigee"
local ad, system = pg.ad, pg.system

-- f runs watched; what it returns, or nil and its message.
local function watched(f, ...)
  system.stop_nonfinite(true)
  local ok, r = pcall(f, ...)
  system.stop_nonfinite(false)
  system.step()
  if ok then return r end
  return nil, r
end

local function stops(t, f, pattern)
  local _, message = watched(f)
  t.ok(message and message:find(pattern), "%s does not match %s", tostring(message), pattern)
end

local x = pg.tensor { { 1, 2, 3 }, { 4, 0, 6 } }

test("off, nothing is said; on, it is said who asked what it was", function(t)
  t.equal(system.stop_nonfinite(), false)
  t.equal(x:log()[{ 2, 2 }], -math.huge)
  t.equal(system.stop_nonfinite(true), false)
  t.equal(system.stop_nonfinite(false), true)
end)

test("the primitive, the element, the shape, the line and the step are named", function(t)
  stops(t, function() return x:log() end, "nonfinite_test.lua:%d+: stop%-nonfinite: tensor.log gives %-inf at %(2, 2%) of a result of shape %(2, 3%), from operands that are finite$")
  stops(t, function() return x:t():log() end, "at %(2, 2%) of a result of shape %(3, 2%)")
  stops(t, function() return (x - 7):sqrt() end, "tensor.sqrt gives %-?nan at %(1, 1%)")
  stops(t, function() return (x:cast "f32" * 1e38 * 10):sum() end, "tensor.mul gives inf at %(2, 1%)")
  stops(t, function() return x:mm(pg.full({ 3, 2 }, 1e308)) end, "gives inf at %(1, 1%) of a result of shape %(2, 2%)")
  stops(t, function() return pg.full({ 4 }, 1e308):sum() end, "tensor.sum gives inf at %(%) of a result of shape %(%)")
  stops(t, function() x:clone():div_(pg.tensor { 1, 0, 1 }) end, "tensor.div gives inf at %(1, 2%)")
  stops(t, function() return pg.complex(x, x):mul(1e308):mul(1e308) end, "gives inf at %(1, 2%)")
  stops(t, function()
    for k in pg.progress(9) do x:sub(k):abs():log() end
  end, "tensor.log gives %-inf at %(1, 1%).*; step 1$")
  stops(t, function()
    for k in pg.progress(9) do (pg.tensor { 7.0, 20 } - k):log() end
  end, "%-inf at %(1%).*; step 7$")
end)

test("what spreads, and what is infinite on purpose, is let through", function(t)
  local masked = watched(function() return x:masked_fill(x:eq(0), -math.huge):exp():sum(2) end)
  t.near(masked, x:masked_fill(x:eq(0), -math.huge):exp():sum(2), 0)
  local bad = pg.tensor { 0 / 0, 1 }
  t.ok(watched(function() return bad * 2 end):isnan():any())
  stops(t, function() local inf = pg.full({ 3 }, math.huge); return inf - inf end, "tensor.sub gives %-?nan at %(1%) of a result of shape %(3%), from operands that are infinite, but not nan")
  t.near(watched(function() return pg.numeric.polylog(0.5, pg.tensor { 0.3 }):sum() end), pg.numeric.polylog(0.5, 0.3), 0)
end)

test("gradient rules are watched as a whole", function(t)
  local function root(w) return w:sqrt():sum() end
  stops(t, function() return ad.grad(root)(pg.tensor { 4, 0 }) end, "the gradient rule of tensor.sqrt gives inf at %(2%) of a result of shape %(2%)")
  local power = pg.tensor { 0, 2 } -- 0^0: the rule makes 0 times infinity and selects it away
  local g = watched(function() return ad.grad(function(w) return (w ^ power):sum() end)(pg.tensor { 0, 3 }) end)
  t.equal(g, { 0, 6 })
  stops(t, function() return ad.per_example(function(w, z) return (w * z):sqrt():sum(2) end)(pg.tensor { 1 }, pg.zeros { 2, 1 }) end, "the gradient rule of")
end)

test("optimisers' steps are watched", function(t)
  local w = pg.tensor { 1e308, 1 }
  local opt = pg.optim.sgd { lr = 1e10 }
  stops(t, function() opt:step(w, pg.tensor { -1e300, 0 }) end, "stop%-nonfinite: optim.sgd gives inf at %(1%) of a result of shape %(2%)")
end)

test("results are the same bits while nothing is wrong", function(t)
  local function f()
    local w = pg.rng(1):normal { 20 }
    for _ = 1, 5 do w = w - 0.1 * ad.grad(function(v) return (v ^ 4 / 4 - v:cos()):sum() end)(w) end
    return w
  end
  t.equal(watched(f), f())
end)
