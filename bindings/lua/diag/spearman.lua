-- diag/spearman.lua: rank correlation.
local pg = require "perigee"

-- Ranks 1..n, equal values sharing the mean of theirs.
local function ranks(x)
  local sorted = x:sort()
  local first, last = sorted:searchsorted(x), sorted:searchsorted(x, { right = true })       -- places before it, and at most
  return (first + last - 1):cast "f64" / 2
end

--- Spearman's rank correlation of two vectors of n >= 3 values, equal ones sharing their mean rank, and the two-sided p-value of
-- independence, from t = r sqrt((n - 2) / (1 - r^2)) as Student's with n - 2 degrees of freedom. NaN if either is constant or has a NaN.
local function spearman(x, y)
  for _, v in ipairs { x, y } do
    if not pg.is_tensor(v) or v:ndim() ~= 1 then error("diag.spearman: two vectors are needed, got " .. (pg.is_tensor(v) and v:ndim() .. " axes" or type(v)), 2) end
  end
  local n = x:dim(1)
  if y:dim(1) ~= n then error(("diag.spearman: vectors of %d and %d values"):format(n, y:dim(1)), 2) end
  if n < 3 then error(("diag.spearman: at least 3 pairs are needed, got %d"):format(n), 2) end
  x, y = x:cast "f64", y:cast "f64"
  if x:isnan():any() or y:isnan():any() then return 0 / 0, 0 / 0 end
  local a, b = ranks(x) - (n + 1) / 2, ranks(y) - (n + 1) / 2
  local r = a:dot(b) / (a:norm() * b:norm())
  if r ~= r then return r, r end
  if math.abs(r) >= 1 then return math.max(-1, math.min(1, r)), 0.0 end
  return r, 2 * pg.numeric.law("student_t", n - 2):upper(math.abs(r) * math.sqrt((n - 2) / (1 - r * r)))
end

return spearman
