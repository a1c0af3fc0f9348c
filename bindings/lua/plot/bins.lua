-- plot/bins.lua: bins and counts of a histogram.
--
-- Bins are [e1, e2), [e2, e3), ..., the last one closed, as in NumPy. The automatic number follows Freedman and
-- Diaconis (1981): width 2 IQR n^(-1/3), at most 100 bins; Sturges' log2(n) + 1 when the quartiles coincide.

local values = require "perigee.plot.values"

local bins = {}

local function automatic(sorted)
  local n = #sorted
  local span = sorted[n] - sorted[1]
  local width = 2 * (values.quantile(sorted, 0.75) - values.quantile(sorted, 0.25)) * n ^ (-1 / 3)
  local count = width > 0 and span / width or math.log(n, 2) + 1
  return math.max(1, math.min(100, math.ceil(count)))
end

local function uniform(lo, hi, n)
  local edges = {}
  for i = 0, n do edges[i + 1] = lo + (hi - lo) * (i / n) end
  edges[n + 1] = hi
  return edges
end

-- Equal values need room: half a unit (or half the value's own size) on both sides.
local function widened(lo, hi)
  if lo < hi then return lo, hi end
  local room = lo == 0 and 0.5 or math.abs(lo) / 2
  return lo - room, hi + room
end

--- Bin edges for an array: `wanted` is "auto", a number of bins, or an increasing array of edges, returned as it is.
-- With `log`, bins have equal width in log10; non-positive values are then ignored. nil when nothing is left.
function bins.edges(array, wanted, log)
  if type(wanted) == "table" then
    for i = 2, #wanted do
      if not (wanted[i] > wanted[i - 1]) then error("plot.histogram: bin edges must increase", 0) end
    end
    if #wanted < 2 then error("plot.histogram: bins needs at least two edges", 0) end
    return wanted
  end
  local kept = {}
  for _, v in ipairs(array) do
    if values.finite(v) and (not log or v > 0) then kept[#kept + 1] = log and math.log(v, 10) or v end
  end
  if #kept == 0 then return nil end
  table.sort(kept)
  local n = wanted == "auto" and automatic(kept) or wanted
  local lo, hi = widened(kept[1], kept[#kept])
  local edges = uniform(lo, hi, n)
  if log then
    for i = 1, #edges do edges[i] = 10.0 ^ edges[i] end
    local a, b = math.huge, -math.huge                   -- 10^log10(v) may round past the extreme values
    for _, v in ipairs(array) do if values.finite(v) and v > 0 then a, b = math.min(a, v), math.max(b, v) end end
    if kept[1] < kept[#kept] then edges[1], edges[#edges] = a, b end
  end
  return edges
end

-- Index of the bin that holds v, or nil: binary search keeps the comparison with the edges exact.
local function place(edges, v)
  local lo, hi = 1, #edges
  if not (v >= edges[1] and v <= edges[hi]) then return nil end
  if v == edges[hi] then return hi - 1 end
  while hi - lo > 1 do
    local mid = (lo + hi) // 2
    if v >= edges[mid] then lo = mid else hi = mid end
  end
  return lo
end

--- Counts of the array in the bins; with `density` divided by (total count x bin width), so that the area is 1.
function bins.count(array, edges, density)
  local counts, total = {}, 0
  for i = 1, #edges - 1 do counts[i] = 0 end
  for _, v in ipairs(array) do
    local k = place(edges, v)
    if k then counts[k], total = counts[k] + 1, total + 1 end
  end
  if density and total > 0 then
    for i = 1, #counts do counts[i] = counts[i] / (total * (edges[i + 1] - edges[i])) end
  end
  return counts
end

return bins
