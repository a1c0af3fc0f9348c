-- optim/line_search.lua: a step length a along a descent direction that satisfies the strong Wolfe conditions
--     phi(a) <= phi(0) + c1 a phi'(0),   |phi'(a)| <= c2 |phi'(0)|.
--
-- Bracketing and zooming with cubic interpolation: Nocedal & Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6. Where
-- phi changes by less than its rounding, the first condition is replaced by the approximate one of Hager & Zhang (2005):
-- phi(a) <= phi(0) + eps |phi(0)| and phi'(a) <= (2 c1 - 1) phi'(0). A value that is not finite counts as too high.

local eps = 1e-15

-- The minimiser of the cubic through two points with slopes, kept inside the middle 80 % of the bracket.
local function cubic(p, q)
  local lo, hi = math.min(p.a, q.a), math.max(p.a, q.a)
  local middle = (lo + hi) / 2
  local d1 = p.slope + q.slope - 3 * (p.value - q.value) / (p.a - q.a)
  local square = d1 * d1 - p.slope * q.slope
  if not (square >= 0 and square < math.huge) then return middle end
  local d2 = (q.a > p.a and 1 or -1) * math.sqrt(square)
  local a = q.a - (q.a - p.a) * (q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2)
  if a ~= a then return middle end
  return math.max(lo + 0.1 * (hi - lo), math.min(hi - 0.1 * (hi - lo), a))
end

local function finite(v) return v == v and math.abs(v) < math.huge end

--- phi(a) -> { a, value, slope, ... }; start: the same at a = 0, slope < 0; first: the length tried first; opt: c1, c2, evaluations.
-- Returns the accepted point, or nil after so many evaluations.
local function line_search(phi, start, first, opt)
  local left = opt.evaluations
  local function low(p)
    if not finite(p.value) then return false end
    if p.value <= start.value + opt.c1 * p.a * start.slope then return true end
    return p.value <= start.value + eps * math.abs(start.value) and p.slope <= (2 * opt.c1 - 1) * start.slope
  end
  local function flat(p) return math.abs(p.slope) <= opt.c2 * math.abs(start.slope) end
  local function try(a)
    left = left - 1
    return phi(a)
  end

  -- best satisfies the first condition and has the lowest value so far; a good length lies between it and `other`.
  local function zoom(best, other)
    while left > 0 and math.abs(best.a - other.a) > 1e-16 * math.max(best.a, other.a) do
      local p = try(finite(other.value) and finite(other.slope) and cubic(best, other) or (best.a + other.a) / 2)
      if not low(p) or (p.value > best.value + eps * math.abs(best.value)) then
        other = p
      else
        if flat(p) then return p end
        if p.slope * (other.a - best.a) >= 0 then other = best end
        best = p
      end
    end
    return nil
  end

  local last, a = start, first
  while left > 0 do
    local p = try(a)
    if not low(p) or (last ~= start and p.value >= last.value and p.slope >= 0) then return zoom(last, p) end
    if flat(p) then return p end
    if p.slope >= 0 then return zoom(p, last) end
    a = math.min(4 * a, math.max(1.5 * a, finite(p.slope) and p.slope > last.slope and a - p.slope * (a - last.a) / (p.slope - last.slope) or 2 * a))
    last = p
  end
  return nil
end

return line_search
