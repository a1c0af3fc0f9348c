-- plot/figure.lua: from the table a person writes to a figure with everything decided.
--
-- figure{ title, panels = { panel, ... }, columns, size = { width, height }, points, ... }; without `panels` the
-- table is itself the only panel. A panel holds its series in the array part and names axes, labels, ranges,
-- markers and legend. The result has plain arrays, colours, ranges, floors, anchored slopes and legend places; the
-- writers (gnuplot, terminal) only print it.

local options, optional = require "perigee.options", require "perigee.optional"
local values = require "perigee.plot.values"
local series = require "perigee.plot.series"
local axes = require "perigee.plot.axes"
local legend = require "perigee.plot.legend"
local palette = require "perigee.plot.palette"

local Figure = {}
Figure.__index = Figure
Figure.__name = "perigee.plot.figure"

local panel_options = {
  title = optional, xlabel = optional, ylabel = optional, xlog = false, ylog = false, log = optional,
  xrange = optional, yrange = optional, legend = optional, slope = optional, hline = optional, vline = optional,
  diagonal = false, series = optional,
}
local figure_options = { title = optional, panels = optional, columns = optional, size = optional, points = 1000 }

Figure.panel_options = panel_options

local references = { hline = true, vline = true, slope = true, diagonal = true, note = true }

local function named(spec, known)
  local r = {}
  for k, v in pairs(spec) do if type(k) == "string" and known[k] ~= nil then r[k] = v end end
  return r
end

local function axis_flags(opt)
  if opt.log == nil then return end
  if not (opt.log == "x" or opt.log == "y" or opt.log == "xy") then
    error(("plot.figure: log must be \"x\", \"y\" or \"xy\", got '%s'"):format(tostring(opt.log)), 0)
  end
  opt.xlog = opt.xlog or opt.log:find "x" ~= nil
  opt.ylog = opt.ylog or opt.log:find "y" ~= nil
end

local function has_names(t)
  for k in pairs(t) do if type(k) == "string" then return true end end
  return false
end

-- One marker or several: 0.5, { 0.1, 0.5 }, { 0.5, label = "target" }, { { y = 0.1, label = "a" }, 0.5 }.
local function each_marker(kind, given, add)
  if given == nil then return end
  if type(given) ~= "table" or has_names(given) then given = { given } end
  for _, item in ipairs(given) do add(series.constructor(kind)(item)) end
end

local function collect(panel, spec, opt)
  for _, s in ipairs(spec) do series.add(panel.series, s, panel) end
  for _, s in ipairs(opt.series or {}) do series.add(panel.series, s, panel) end
  local function add(s) series.add(panel.series, s, panel) end
  each_marker("slope", opt.slope, add)
  each_marker("hline", opt.hline, add)
  each_marker("vline", opt.vline, add)
  if opt.diagonal then add { kind = "diagonal", label = type(opt.diagonal) == "string" and opt.diagonal or nil } end
end

-- Drops what has no finite point; the figure says so in its notes.
local function keep_drawable(fig, panel)
  local kept = {}
  for _, s in ipairs(panel.series) do
    if series.drawable(s) then
      kept[#kept + 1] = s
    else
      fig.notes[#fig.notes + 1] = ("%s has no finite point and is not drawn"):format(s.label or "a " .. s.kind)
    end
  end
  panel.series = kept
end

-- Indices of at most `limit` points, evenly spaced along the axis as drawn; both ends are kept.
local function selection(x, limit, log)
  local function at(i) return log and math.log(math.max(x[i], 1e-300), 10) or x[i] end
  local step = (at(#x) - at(1)) / (limit - 1)
  for i = 2, #x do
    if not (x[i] >= x[i - 1]) or step <= 0 then return nil end
  end
  if log and x[1] <= 0 then
    local first = 1
    while first < #x and x[first] <= 0 do first = first + 1 end
    step = (at(#x) - at(first)) / (limit - 1)
  end
  local chosen, last = { 1 }, at(1)
  for i = 2, #x - 1 do
    if at(i) >= last + step then chosen[#chosen + 1], last = i, at(i) end
  end
  chosen[#chosen + 1] = #x
  return chosen
end

local function pick(array, chosen)
  if not array then return nil end
  local r = {}
  for k, i in ipairs(chosen) do r[k] = array[i] end
  return r
end

-- Long curves are drawn through evenly chosen points: a picture 600 pixels wide cannot show more.
local function thin(fig, panel)
  for _, s in ipairs(panel.series) do
    if (s.kind == "line" or s.kind == "band" or s.kind == "paths") and #s.x > fig.points then
      local chosen = selection(s.x, fig.points, panel.xlog)
      if chosen then
        if not fig.thinned then fig.notes[#fig.notes + 1] = ("curves are drawn through at most %d of their points"):format(fig.points) end
        fig.thinned = true
        s.x, s.y, s.lo, s.hi = pick(s.x, chosen), pick(s.y, chosen), pick(s.lo, chosen), pick(s.hi, chosen)
        for i, y in ipairs(s.paths or {}) do s.paths[i] = pick(y, chosen) end
      end
    end
  end
end

local function key(s) return s.group or s.label or s end

-- Dashed and dotted curves that stand alone (a bound, an exact value) are black, one of each pattern.
local function paint_references(fig, chosen)
  local solid, owner = {}, {}
  for _, panel in ipairs(fig.panels) do
    for _, s in ipairs(panel.series) do
      if s.kind ~= "line" or not s.dash or s.dash == "solid" then solid[key(s)] = true end
    end
  end
  for _, panel in ipairs(fig.panels) do
    for _, s in ipairs(panel.series) do
      if not solid[key(s)] and chosen[key(s)] == nil and not owner[s.dash] then
        chosen[key(s)], owner[s.dash] = "black", true
      end
    end
  end
end

-- Equal groups (or, without one, equal labels) share a colour throughout the figure; the first of them that names
-- a colour names it for all, the others take the next free colour of the palette.
local function paint(fig)
  local chosen, used = {}, 0
  for _, panel in ipairs(fig.panels) do
    for _, s in ipairs(panel.series) do if s.color ~= nil and chosen[key(s)] == nil then chosen[key(s)] = s.color end end
  end
  paint_references(fig, chosen)
  local taken = {}
  for _, color in pairs(chosen) do
    local name = palette.resolve(color)
    if name then taken[name] = true end
  end
  local function next_color()
    for _ = 1, #palette.order do
      used = used + 1
      local name = palette.order[(used - 1) % #palette.order + 1]
      if not taken[name] or used > #palette.order then return name end
    end
    return palette.order[1]
  end
  for _, panel in ipairs(fig.panels) do
    for _, s in ipairs(panel.series) do
      if s.kind ~= "heatmap" then
        local k = key(s)
        if s.color == nil and references[s.kind] then
          s.color_name, s.rgb = palette.resolve "grey"
        else
          if s.color == nil and chosen[k] == nil then chosen[k] = next_color() end
          s.color_name, s.rgb = palette.resolve(s.color == nil and chosen[k] or s.color)
        end
      end
    end
  end
end

local function each_point(s, a, b, visit)
  for i = 1, #s.x do
    local x, y = s.x[i], s.y[i]
    if x >= a and x <= b and values.finite(y) and y > 0 then visit(x, y) end
  end
end

-- Slope of a curve on log axes over the stretch from a to b, and the least and largest y / x^p there.
local function log_slope(s, a, b, p)
  local x1, y1, x2, y2, low, high
  each_point(s, a, b, function(x, y)
    if not x1 then x1, y1, low, high = x, y, y / x ^ p, y / x ^ p end
    x2, y2, low, high = x, y, math.min(low, y / x ^ p), math.max(high, y / x ^ p)
  end)
  if not x1 or x1 == x2 then return nil end
  return math.log(y2 / y1) / math.log(x2 / x1), low, high
end

local function curves(panel)
  local list = {}
  for _, s in ipairs(panel.series) do if s.kind == "line" or s.kind == "scatter" then list[#list + 1] = s end end
  return list
end

-- Least distance, as a share of the log axis, between c x^p and the curves of the panel; 0 if it leaves the panel.
local function clearance(panel, constant, s)
  for _, x in ipairs(s.range) do
    local v = constant * x ^ s.power
    if v < panel.yaxis.lo or v > panel.yaxis.hi then return 0 end
  end
  local least, span = math.huge, math.log(panel.yaxis.hi / panel.yaxis.lo)
  for _, curve in ipairs(curves(panel)) do
    each_point(curve, s.range[1], s.range[2], function(x, y)
      least = math.min(least, math.abs(math.log(y / (constant * x ^ s.power))) / span)
    end)
  end
  return least
end

-- A constant for which c x^p runs just above or below a curve with low <= y / x^p <= high and clear of the others.
local function beside(panel, s, low, high)
  if not panel.yaxis.log then return high end
  local best, most
  for _, step in ipairs { 0.06, 0.1, 0.15, -0.06, -0.1, -0.15 } do
    local constant = (step > 0 and high or low) * (panel.yaxis.hi / panel.yaxis.lo) ^ step
    local room = clearance(panel, constant, s)
    if room >= 0.04 then return constant end
    if not most or room > most then best, most = constant, room end
  end
  return best
end

-- A reference c x^p runs beside the curve whose own slope is nearest to p (solid curves before dashed ones), over the
-- last 60 % of the axis; `through` and `range` set a point and the stretch by hand.
local function anchor(panel, s)
  local xa, ya = panel.xaxis, panel.yaxis
  local lo = xa.log and xa.lo or math.max(xa.lo, xa.hi / 100)
  if lo <= 0 or xa.hi <= 0 then lo = 1e-3 end
  s.range = s.range or { lo * (xa.hi / lo) ^ 0.4, xa.hi * (lo / xa.hi) ^ 0.02 }
  if s.through then
    s.constant = s.through[2] / s.through[1] ^ s.power
    return
  end
  local nearest, low, high
  for _, curve in ipairs(curves(panel)) do
    local slope, a, b = log_slope(curve, s.range[1], s.range[2], s.power)
    local off = slope and math.abs(slope - s.power) + (curve.dash and curve.dash ~= "solid" and 100 or 0)
    if off and (not nearest or off < nearest) then nearest, low, high = off, a, b end
  end
  s.constant = nearest and beside(panel, s, low, high)
    or math.max(axes.value(ya, 0.5), 1e-300) / math.sqrt(s.range[1] * s.range[2]) ^ s.power
end

local function resolve_panel(fig, spec, opt)
  local panel = { series = {}, title = opt.title, xlabel = opt.xlabel, ylabel = opt.ylabel, xlog = opt.xlog, ylog = opt.ylog,
                  xrange = opt.xrange, yrange = opt.yrange, legend = opt.legend }
  legend.check(opt.legend)
  collect(panel, spec, opt)
  keep_drawable(fig, panel)
  panel.xaxis, panel.yaxis = axes.resolve(panel, "x"), axes.resolve(panel, "y")
  for _, s in ipairs(panel.series) do
    if s.kind == "diagonal" and not panel.xrange and not panel.yrange then axes.unite(panel.xaxis, panel.yaxis) end
  end
  for _, s in ipairs(panel.series) do if s.kind == "slope" then anchor(panel, s) end end
  thin(fig, panel)
  return panel
end

-- Names of options of both levels, so that a misspelt one gets a suggestion from all of them.
local function check_names(spec)
  local all, given = {}, {}
  for k, v in pairs(panel_options) do all[k] = v end
  for k, v in pairs(figure_options) do all[k] = v end
  for k, v in pairs(spec) do if type(k) == "string" then given[k] = v end end
  all.diagonal = optional
  options("plot.figure", given, all)
end

local function read_panel(spec)
  if type(spec) ~= "table" then error(("plot.figure: a panel must be a table, got %s"):format(type(spec)), 0) end
  check_names(spec)
  local opt = {}
  for k, default in pairs(panel_options) do
    opt[k] = spec[k]
    if opt[k] == nil and default ~= optional then opt[k] = default end
  end
  axis_flags(opt)
  return opt
end

local function grid(count, columns)
  columns = columns or (count <= 3 and count or count == 4 and 2 or 3)
  columns = math.max(1, math.min(columns, count))
  return columns, (count + columns - 1) // columns
end

local default_width, default_height = 620, 420           -- pixels of SVG, 96 to an inch

local function layout(fig, opt)
  fig.columns, fig.rows = grid(#fig.panels, opt.columns)
  local size = opt.size and values.vector(opt.size, "plot.figure: size")
  if size and (#size ~= 2 or not (size[1] >= 100 and size[2] >= 80)) then
    error("plot.figure: size must be { width, height } in pixels, at least 100 x 80", 0)
  end
  local many = #fig.panels > 1
  fig.width = size and math.floor(size[1] + 0.5) or (many and 480 * fig.columns or default_width)
  fig.height = size and math.floor(size[2] + 0.5) or (many and 380 * fig.rows or default_height)
  local width, height = fig.width / fig.columns - 85, fig.height / fig.rows - 75
  for _, panel in ipairs(fig.panels) do panel.key = legend.place(panel, width, height) end
  local shared = many and legend.share(fig.panels) or {}
  fig.legend_height = #shared > 0 and select(3, legend.grid(shared, fig.width)) or 0
  if not size then fig.height = fig.height + fig.legend_height end
end

--- Builds a figure. Errors name the field and carry no position; plot.lua adds the caller's.
function Figure.new(spec)
  if type(spec) ~= "table" then error(("plot.figure: expected a table, got %s"):format(type(spec)), 0) end
  check_names(spec)
  local opt = options("plot.figure", named(spec, figure_options), figure_options)
  if opt.points < 2 then error(("plot.figure: points must be at least 2, got %g"):format(opt.points), 0) end
  local fig = setmetatable({ panels = {}, notes = {}, title = opt.panels and opt.title or nil, points = opt.points }, Figure)
  local specs = opt.panels or { spec }
  if #specs == 0 then error("plot.figure: panels is empty", 0) end
  for i, panel in ipairs(specs) do fig.panels[i] = resolve_panel(fig, panel, read_panel(panel)) end
  paint(fig)
  layout(fig, opt)
  return fig
end

function Figure:__tostring()
  local n = 0
  for _, panel in ipairs(self.panels) do n = n + #panel.series end
  return ("figure: %d panel%s, %d series; :save(path) writes it, :text() draws it here"):format(
    #self.panels, #self.panels == 1 and "" or "s", n)
end

return Figure
