-- plot/legend.lua: a place for the legend where it hides nothing.
--
-- Every drawn thing is sampled to points in the unit square of its panel; each candidate box is charged for the
-- points inside. An empty box wins in the order of `places`; if the cheapest still covers something, the legend
-- stands to the right of a single panel. Panels that repeat each other's entries, or have no free place, share one
-- legend below the figure: equal labels have equal colours throughout.

local axes = require "perigee.plot.axes"
local label = require "perigee.plot.label"

local legend = {}

local places = { "top right", "top left", "bottom left", "bottom right", "center right", "center left", "top center",
                 "bottom center" }
local named = { best = true, outside = true, below = true }
for _, name in ipairs(places) do named[name] = true end

local char_width, line_height, sample_width, margin = 6.9, 17, 44, 14     -- pixels of the 11-point legend text

--- The entries of a panel's legend, in drawing order, equal labels once.
function legend.entries(panel)
  local entries, seen = {}, {}
  for _, s in ipairs(panel.series) do
    if s.label and not seen[s.label] then
      seen[s.label] = true
      entries[#entries + 1] = s.label
    end
  end
  return entries
end

-- Size of the box as fractions of the plot area.
local function box(entries, width, height)
  local longest = 0
  for _, text in ipairs(entries) do longest = math.max(longest, label.width(text)) end
  return (longest * char_width + sample_width + margin) / width, (#entries * line_height + margin) / height
end

local function corner(place, w, h)
  local x = place:find "left" and 0 or place:find "right" and 1 - w or (1 - w) / 2
  local y = place:find "top" and 1 - h or place:find "bottom" and 0 or (1 - h) / 2
  return x, y, x + w, y + h
end

local function segment(points, x1, y1, x2, y2, weight)
  local n = math.min(200, math.max(1, math.ceil(math.max(math.abs(x2 - x1), math.abs(y2 - y1)) * 60)))
  for i = 0, n do
    points[#points + 1] = { x1 + (x2 - x1) * i / n, y1 + (y2 - y1) * i / n, weight }
  end
end

local function curve(points, panel, x, y, weight)
  local px, py
  for i = 1, #x do
    local u, v = axes.place(panel.xaxis, x[i]), axes.place(panel.yaxis, y[i])
    if u and v and px then segment(points, px, py, u, v, weight) end
    px, py = v and u, v
  end
end

local function column(points, panel, x, lo, hi)
  local u, a, b = axes.place(panel.xaxis, x), axes.place(panel.yaxis, lo), axes.place(panel.yaxis, hi)
  if u and a and b then segment(points, u, a, u, b, 0.5) end
end

local sample = {}
function sample.line(points, panel, s) curve(points, panel, s.x, s.y, 1) end
function sample.scatter(points, panel, s)
  for i = 1, #s.x do
    local u, v = axes.place(panel.xaxis, s.x[i]), axes.place(panel.yaxis, s.y[i])
    if u and v then points[#points + 1] = { u, v, 2 } end
    if s.lo then column(points, panel, s.x[i], s.lo[i], s.hi[i]) end
  end
end
function sample.band(points, panel, s) for i = 1, #s.x do column(points, panel, s.x[i], s.lo[i], s.hi[i]) end end
function sample.paths(points, panel, s) for _, y in ipairs(s.paths) do curve(points, panel, s.x, y, 0.5) end end
function sample.histogram(points, panel, s)
  for i = 1, #s.count do
    for k = 0, 4 do column(points, panel, s.left[i] + (s.right[i] - s.left[i]) * k / 4, panel.yaxis.lo, s.count[i]) end
  end
end
function sample.heatmap(points)
  for i = 0, 10 do segment(points, 0, i / 10, 1, i / 10, 1) end
end
function sample.slope(points, panel, s)
  if s.constant then
    local a, b = s.range[1], s.range[2]
    curve(points, panel, { a, b }, { s.constant * a ^ s.power, s.constant * b ^ s.power }, 1)
  end
end
function sample.hline(points, panel, s) curve(points, panel, { panel.xaxis.lo, panel.xaxis.hi }, { s.at, s.at }, 0.3) end
function sample.vline(points, panel, s) curve(points, panel, { s.at, s.at }, { panel.yaxis.lo, panel.yaxis.hi }, 0.3) end
function sample.diagonal(points) segment(points, 0, 0, 1, 1, 0.5) end
function sample.note(points, panel, s)
  local u, v = axes.place(panel.xaxis, s.x[1]), axes.place(panel.yaxis, s.y[1])
  if u and v then segment(points, u, v, u + label.width(s.text) * 0.012, v, 2) end
end

local function cost(points, x1, y1, x2, y2)
  local sum = 0
  for _, p in ipairs(points) do
    if p[1] >= x1 and p[1] <= x2 and p[2] >= y1 and p[2] <= y2 then sum = sum + p[3] end
  end
  return sum
end

--- Checks a legend option: nil or a name of a place, or false for none.
function legend.check(wanted)
  if wanted == nil or wanted == false or named[wanted] then return end
  error(("plot.figure: legend must be false, \"best\", \"outside\", \"below\" or a place such as \"top left\", got '%s'")
    :format(tostring(wanted)), 0)
end

--- Chooses the place of a panel's legend, given the size of its plot area in pixels.
-- Returns the place, or nil when nothing has a label.
function legend.place(panel, width, height)
  local entries = legend.entries(panel)
  local wanted = panel.legend
  if wanted == false or #entries == 0 then return nil end
  if wanted and wanted ~= "best" then return wanted end
  local w, h = box(entries, width, height)
  if w > 0.75 or h > 0.75 then return "outside" end
  local points, best, least = {}, nil, math.huge
  for _, s in ipairs(panel.series) do sample[s.kind](points, panel, s) end
  for _, place in ipairs(places) do
    local c = cost(points, corner(place, w, h))
    if c < least then best, least = place, c end
  end
  return least <= 1 and best or "outside"
end

local function repeats(panels)
  local owner = {}
  for i, panel in ipairs(panels) do
    for _, text in ipairs(panel.key and panel.legend ~= false and legend.entries(panel) or {}) do
      if owner[text] and owner[text] ~= i then return true end
      owner[text] = i
    end
  end
  return false
end

--- One legend for several panels. When they repeat labels or one has no free place, the panels that leave the place
-- to us lose their own and get `shares`. Returns the labels of the shared legend, empty when there is none.
function legend.share(panels)
  local wanted = repeats(panels)
  for _, panel in ipairs(panels) do wanted = wanted or panel.key == "outside" or panel.key == "below" end
  local texts, seen = {}, {}
  for _, panel in ipairs(wanted and panels or {}) do
    local own = panel.legend
    if panel.key and (own == nil or own == "best" or own == "below" or own == "outside") then
      panel.key, panel.shares = nil, true
      for _, text in ipairs(legend.entries(panel)) do
        if not seen[text] then texts[#texts + 1], seen[text] = text, true end
      end
    end
  end
  return texts
end

--- Rows, columns and height in pixels of a shared legend of the labels `entries` in a figure of that width.
function legend.grid(entries, width)
  local longest = 0
  for _, text in ipairs(entries) do longest = math.max(longest, label.width(text)) end
  local columns = math.max(1, math.min(#entries, math.floor((width - 40) / (longest * char_width + sample_width + 2 * margin)))) -- gnuplot keeps columns apart
  local rows = math.ceil(#entries / columns)
  return rows, math.ceil(#entries / rows), rows * (line_height + 1) + 14
end

return legend
