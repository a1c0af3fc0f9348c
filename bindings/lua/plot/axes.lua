-- plot/axes.lua: ranges, the floor of log axes, and ticks.
--
-- The floor. A log axis cannot show values at or below zero. They are neither dropped nor allowed to stretch the
-- axis: every value below the floor is drawn at the floor, which is the lower end of a range given by hand, or else
-- the smallest positive value on the axis, but at least 1e-30 of the largest one.

local values = require "perigee.plot.values"
local series = require "perigee.plot.series"

local axes = {}

local reach = 1e-30                 -- a log axis spans at most this factor below its largest value
local floor, ceil, log10 = math.floor, math.ceil, function(v) return math.log(v, 10) end

local function each_array(panel, axis, visit)
  for _, s in ipairs(panel.series) do
    for _, array in ipairs(series.arrays(s, axis)) do visit(array, s) end
  end
end

local function positive_extent(panel, axis)
  local lo, hi
  each_array(panel, axis, function(array)
    for i = 1, #array do
      local v = array[i]
      if values.finite(v) and v > 0 then
        if not lo or v < lo then lo = v end
        if not hi or v > hi then hi = v end
      end
    end
  end)
  if not lo then return 0.1, 1.0 end
  return math.max(lo, hi * reach), hi
end

-- Curves fill the axis from end to end; points and bars get air around them.
local function tight(panel, axis)
  for _, s in ipairs(panel.series) do
    if s.kind == "heatmap" then return true end
    if axis == "y" or s.kind == "scatter" or s.kind == "histogram" or s.marker or s.kind == "line" and s.lo then return false end
  end
  return true
end

local function has_histogram(panel)
  for _, s in ipairs(panel.series) do if s.kind == "histogram" then return true end end
  return false
end

-- Ends that agree to eight digits count as one value: an axis between them could not be labelled.
local function together(lo, hi) return hi - lo <= 1e-8 * math.max(math.abs(lo), math.abs(hi)) end

local function padded(lo, hi, share)
  if together(lo, hi) then
    local room = lo == 0 and 1 or math.abs(lo) / 10
    return lo - room, hi + room
  end
  return lo - share * (hi - lo), hi + share * (hi - lo)
end

-- Rounds a padded end away from the data, to a hundredth of the span, so that the script has short numbers.
local function outward(v, span, sign)
  local unit = 10.0 ^ (floor(log10(span)) - 2)
  return (sign < 0 and floor(v / unit) or ceil(v / unit)) * unit
end

local function linear_range(panel, axis)
  local lo, hi
  each_array(panel, axis, function(array) lo, hi = values.extent(array, lo, hi) end)
  if not lo then return 0.0, 1.0 end
  if tight(panel, axis) and not together(lo, hi) then return lo, hi end
  local a, b = padded(lo, hi, 0.04)
  a, b = outward(a, b - a, -1), outward(b, b - a, 1)
  if axis == "y" and lo >= 0 and (has_histogram(panel) or lo < 0.3 * hi) then a = 0.0 end
  return a, b
end

local function log_range(panel, axis)
  local lo, hi = positive_extent(panel, axis)
  if together(lo, hi) then return lo / 2, hi * 2 end
  if tight(panel, axis) then return lo, hi end
  local a, b = padded(log10(lo), log10(hi), 0.04)
  return tonumber(values.fixed("%.2g", 10.0 ^ a)) + 0.0, tonumber(values.fixed("%.2g", 10.0 ^ b)) + 0.0
end

local function count_below(panel, axis, limit)
  local n = 0
  each_array(panel, axis, function(array)
    for i = 1, #array do if values.finite(array[i]) and array[i] < limit then n = n + 1 end end
  end)
  return n
end

local function given_range(panel, axis)
  local given = panel[axis .. "range"]
  if given == nil then return nil, nil end
  local lo, hi = given[1], given[2]
  local log = panel[axis .. "log"]
  for _, v in ipairs { lo or 1, hi or 1 } do
    if type(v) ~= "number" or not values.finite(v) or (log and v <= 0) then
      error(("plot.figure: %srange must hold finite%s numbers, got %s"):format(axis, log and " positive" or "", tostring(v)), 0)
    end
  end
  if lo and hi and lo == hi then error(("plot.figure: %srange is empty: %g to %g"):format(axis, lo, hi), 0) end
  return lo, hi
end

--- Range and floor of one axis of a panel: { lo = , hi = , log = , floor = , floored = }. floor is nil when no
-- value needs it; floored counts the values drawn there.
function axes.resolve(panel, axis)
  local log = panel[axis .. "log"]
  local lo, hi = given_range(panel, axis)
  local auto_lo, auto_hi
  if log then auto_lo, auto_hi = log_range(panel, axis) else auto_lo, auto_hi = linear_range(panel, axis) end
  local r = { lo = lo or auto_lo, hi = hi or auto_hi, log = log }
  if r.lo == r.hi then r.lo, r.hi = padded(r.lo, r.hi, 0) end
  if log then
    local limit = lo or (positive_extent(panel, axis))
    r.floored = count_below(panel, axis, limit)
    if r.floored > 0 then r.floor = limit end
  end
  return r
end

--- The same range for both axes, as a diagonal wants it.
function axes.unite(a, b)
  local lo, hi = math.min(a.lo, b.lo), math.max(a.hi, b.hi)
  if a.log == b.log then a.lo, b.lo, a.hi, b.hi = lo, lo, hi, hi end
end

--- Position of a value on a resolved axis: 0 at its lower end, 1 at the upper; nil for what cannot be drawn.
function axes.place(range, v)
  if not values.finite(v) then return nil end
  if not range.log then return (v - range.lo) / (range.hi - range.lo) end
  v = math.max(v, range.floor or 0)
  if v <= 0 then return nil end
  return log10(v / range.lo) / log10(range.hi / range.lo)
end

--- The value at a position between 0 and 1.
function axes.value(range, u)
  if range.log then return range.lo * (range.hi / range.lo) ^ u end
  return range.lo + (range.hi - range.lo) * u
end

-- Round step (1, 2 or 5 times a power of ten) that cuts the span into at most n pieces.
local function round_step(span, n)
  local raw = span / n
  local unit = 10.0 ^ floor(log10(raw))
  for _, m in ipairs { 1, 2, 5 } do if m * unit >= raw * (1 - 1e-9) then return m * unit end end
  return 10 * unit
end

--- Round values inside a linear range, about n of them.
function axes.round_ticks(lo, hi, n)
  if lo > hi then lo, hi = hi, lo end
  local step = round_step(hi - lo, n)
  local first, last = ceil(lo / step - 1e-9), floor(hi / step + 1e-9)
  local ticks = {}
  for k = first, last do ticks[#ticks + 1] = k * step end
  return ticks, step
end

local function scientific(v, digits)
  local mantissa, exponent = values.fixed("%." .. digits .. "e", v):match "^(.-)e([-+]%d+)$"
  exponent = math.tointeger(tonumber(exponent))
  if tonumber(mantissa) == 1 then return ("$10^{%d}$"):format(exponent) end
  return ("$%s×10^{%d}$"):format(mantissa:gsub("%.?0+$", "", mantissa:find "%." and 1 or 0), exponent)
end

local function tick_label(v, step)
  if v == 0 then return "0" end
  if math.abs(v) >= 1e5 or math.abs(v) < 1e-3 then
    return scientific(v, math.max(0, floor(log10(math.abs(v)) + 1e-9) - floor(log10(step) + 1e-9)))
  end
  return (values.fixed("%.6g", v):gsub("^%-", "−"))
end

-- Less than one and a half decades: 1, 2, 5 or 1..9 times powers of ten, as many as are readable.
local function short_log_ticks(lo, hi)
  for _, set in ipairs { { 1, 2, 5 }, { 1, 2, 3, 4, 5, 6, 8 } } do
    local ticks = {}
    for e = floor(log10(lo)) - 1, ceil(log10(hi)) do
      for _, m in ipairs(set) do
        local v = m * 10.0 ^ e
        if v >= lo * (1 - 1e-9) and v <= hi * (1 + 1e-9) then ticks[#ticks + 1] = v end
      end
    end
    if #ticks >= 3 then return ticks end
  end
  return (axes.round_ticks(lo, hi, 6))
end

--- Ticks of a resolved axis, in the way the script writer needs them:
-- { decades = first power, every = n }: powers of ten, every n-th of them;
-- { values = , labels = }: an explicit list;   nil: leave it to gnuplot (a plain linear axis).
function axes.ticks(range)
  local lo, hi = math.min(range.lo, range.hi), math.max(range.lo, range.hi)
  if range.log then
    local decades = log10(hi / lo)
    if decades >= 1.5 then
      local every = ceil(decades / 7)
      return { every = every, first = every * ceil(log10(lo) / every - 1e-9), decades = decades }
    end
    local ticks, labels = short_log_ticks(lo, hi), {}
    for i, v in ipairs(ticks) do labels[i] = tick_label(v, v) end
    return { values = ticks, labels = labels }
  end
  local size = math.max(math.abs(lo), math.abs(hi))
  if size < 1e5 and size >= 1e-2 then return nil end
  local ticks, step = axes.round_ticks(lo, hi, 6)
  local labels = {}
  for i, v in ipairs(ticks) do labels[i] = tick_label(v, step) end
  return { values = ticks, labels = labels }
end

return axes
