-- diag/hurst.lua: estimators of the Hurst exponent.
local pg = require "perigee"

-- (1/2) log2 of the ratio of mean square increments over two steps and one, of first or second order; B (n, ...).
local function variations(order)
  return function(B)
    local n = B:dim(1)
    local function mean_square(m)
      local d = B:narrow(1, 1 + m, n - m) - B:narrow(1, 1, n - m)
      if order == 2 then d = d:narrow(1, 1 + m, n - 2 * m) - d:narrow(1, 1, n - 2 * m) end
      return (d * d):mean { axes = { 1 } }
    end
    return (mean_square(2) / mean_square(1)):log() / (2 * math.log(2))
  end
end

-- Robinson (1995): the h that minimises R(h) = ln mean_j(l_j^(2h-1) I_j) - (2h-1) mean_j ln l_j over the m = n^0.65 lowest frequencies of the noise.
-- R is convex; all paths at once by golden section.
local function whittle(noise)
  local n = noise:dim(1)
  local m = math.floor(n^0.65)
  local power = pg.fft.rfft(noise, 1):abs():square():narrow(1, 2, m)
  local logs = (2 * math.pi * pg.arange(1, m + 1):cast "f64" / n):log()
  local shape = { m }
  for i = 2, noise:ndim() do shape[i] = 1 end
  local column, centre = logs:reshape(shape), logs:mean()
  local function R(h) return (((2 * h - 1) * column):exp() * power):mean({ axes = { 1 } }):log() - (2 * h - 1) * centre end
  local golden, like = (math.sqrt(5) - 1) / 2, power:select(1, 1) * 0
  local low, high = like + 1e-6, like + (1 - 1e-6)
  local a, b = high - golden * (high - low), low + golden * (high - low)
  local fa, fb = R(a), R(b)
  for _ = 1, 60 do
    local left = fa:lt(fb)                                  -- the minimum lies in (low, b), else in (a, high)
    low, high = pg.where(left, low, a), pg.where(left, b, high)
    local new = pg.where(left, high - golden * (high - low), low + golden * (high - low))
    local f = R(new)
    a, b, fa, fb = pg.where(left, new, b), pg.where(left, a, new), pg.where(left, f, fb), pg.where(left, fa, f)
  end
  return (low + high) / 2
end

local methods = { order1 = { variations(1), "motion", 4 }, order2 = { variations(2), "motion", 6 }, whittle = { whittle, "noise", 16 } }

--- Estimates of the Hurst exponent of each path of x (n, ...), of the shape that is left without the first axis; a number for a vector.
-- `of`: "motion" (x is fractional Brownian motion) or "noise" (its increments); methods that need the other take sums or differences.
-- order2, the default: quadratic variations of second order, asymptotically normal for all H; order1: of first order, for H < 3/4;
-- whittle: local Whittle over the n^0.65 lowest frequencies, deaf to what happens at short times.
-- Source: Istas & Lang (1997), Ann. Inst. H. Poincare 33; Robinson (1995), Ann. Statist. 23.
local function hurst(x, opt)
  opt = pg.options("diag.hurst", opt, { method = "order2", of = "motion" })
  local method = methods[opt.method]
  if not pg.is_tensor(x) or x:ndim() == 0 then error("diag.hurst: paths (n, ...) are needed, got " .. (pg.is_tensor(x) and "a scalar" or type(x)), 2) end
  if not method then error(("diag.hurst: method must be 'order1', 'order2' or 'whittle', got '%s'"):format(opt.method), 2) end
  if opt.of ~= "motion" and opt.of ~= "noise" then error(("diag.hurst: of must be 'motion' or 'noise', got '%s'"):format(opt.of), 2) end
  local estimate, needs, least = table.unpack(method)
  local n = x:dim(1)
  if n < least then error(("diag.hurst: %s needs at least %d steps, got %d"):format(opt.method, least, n), 2) end
  x = x:cast "f64"
  if needs == "motion" and opt.of == "noise" then x = x:cumsum(1) end
  if needs == "noise" and opt.of == "motion" then x = x:narrow(1, 2, n - 1) - x:narrow(1, 1, n - 1) end
  if x:ndim() == 1 then return estimate(x:unsqueeze(2))[1] end
  return estimate(x)
end

return hurst
