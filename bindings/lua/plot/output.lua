-- plot/output.lua: figures of an experiment's report, drawn from its rows.
--
--   out:line      { rows, x = "k", y = { "gd", "nesterov" }, band = "10-90", paths = 20, ylog = true, file = "gap" }
--   out:scatter   { rows, x = "predicted", y = "rate", diagonal = true, file = "rate" }
--   out:histogram { rows, x = "gap", bins = 40 }          out:heatmap { rows, x = "eta", y = "batch", z = "loss" }
--   out:panels    { { rows, ... }, { rows, ... }, title = , file = }         out:figure { plot.figure's table, file = }
--
-- Besides what each kind says below, every option of a panel (plot/figure.lua) is allowed, and elements of the array
-- part after the rows are further series: plot.line{ ... }, plot.slope "k^-2". Files go to one folder in the formats of
-- the run; that gnuplot is missing is said once.

local Figure = require "perigee.plot.figure"
local bins = require "perigee.plot.bins"
local rows = require "perigee.plot.rows"
local save = require "perigee.plot.save"
local blame = require "perigee.plot.blame"
local nearest = require "perigee.nearest"

local Output = {}
Output.__index = Output
Output.__name = "perigee.plot.output"

-- The rows of a description and the further series in its array part.
local function split(spec, inherited)
  local data, extra = spec.rows or inherited, {}
  for i, item in ipairs(spec) do
    local plain = getmetatable(item) == nil and type(item) == "table"
    if i == 1 and not (plain and item.kind) then data = item else extra[#extra + 1] = item end
  end
  return data, extra
end

-- A panel with the options of the description that are not the kind's own.
local function new_panel(spec, own)
  local panel = {}
  for k, v in pairs(spec) do
    if type(k) == "string" and not own[k] and k ~= "rows" and k ~= "kind" then panel[k] = v end
  end
  return panel
end

local function finish(panel, extra)
  for _, s in ipairs(extra) do panel[#panel + 1] = s end
  return panel
end

local function words(name) return type(name) == "string" and (name:gsub("[._]", " ")) or nil end

local function check(who, spec, own)
  local known = {}
  for name in pairs(own) do known[#known + 1] = name end
  for _, name in ipairs { "rows", "kind", "file", "size" } do known[#known + 1] = name end
  for name in pairs(Figure.panel_options) do known[#known + 1] = name end
  local set = {}
  for _, name in ipairs(known) do set[name] = true end
  for name in pairs(spec) do
    if type(name) == "string" and not set[name] then
      local guess = nearest(name, known)
      error(("%s: unknown option '%s'%s"):format(who, name, guess and (" (did you mean '%s'?)"):format(guess) or ""), 0)
    end
  end
end

-- Several y as a list of { name or values, label = , dash = , ... }, each over the options of the whole.
local function each_y(spec, look)
  local y = spec.y
  local plain = type(y) == "table" and getmetatable(y) == nil
  local many = plain and (type(y[1]) == "string" or type(y[1]) == "table" and type(y[1][1]) == "string")
  local list = {}
  for i, item in ipairs(many and y or { y == nil and false or y }) do
    local entry = type(item) == "table" and many and item or { item }
    local one = { y = entry[1] or nil }
    for _, name in ipairs(look) do
      one[name] = entry[name]
      if one[name] == nil and not (many and name == "label") then one[name] = spec[name] end
    end
    one.label = one.label ~= nil and one.label or many and words(one.y) or nil
    list[i] = one
  end
  return list
end

local look = { "x", "label", "color", "dash", "width", "band", "error", "paths", "center", "group", "marker" }
local builders = {}

-- out:line. x: column, default the series' own x, else 1, 2, ...; y: column, series, values or a list of these, each
-- maybe { "name", label =, color =, dash =, width =, band =, paths = }; group: column that splits the rows;
-- center: "mean" (default) or "median"; band: filled, error: bars, both "stderr", "10-90" or { lo, hi };
-- paths: number of sample paths drawn thinly behind the centre.
local line_own = { y = true, x = true, label = true, color = true, dash = true, width = true, band = true, error = true,
                   paths = true, center = true, group = true, marker = true }

local function add_curve(panel, data, curve, one, single)
  local label = one.label
  if curve.label and not (label and single) then label = label and label .. ", " .. curve.label or curve.label end
  local group = label or one.y
  local center, lo, hi, band_label = rows.summary(data, curve, one.center, one.band, "out:line")
  if one.paths and one.paths > 0 then
    local runs = curve.replicas:paths(one.paths)
    if #runs > 1 then
      panel[#panel + 1] = { kind = "paths", x = curve.x, paths = runs, group = group, color = one.color,
                            label = ("%s%d runs"):format(label and label .. ", " or "", #runs) }
      label = label and ("%s, %s"):format(label, one.center or "mean") or one.center or "mean"
    end
  end
  local line = { kind = "line", x = curve.x, y = center, label = label, group = group, color = one.color, dash = one.dash,
                 width = one.width, marker = one.marker }
  if lo then line.band, line.band_label = { lo, hi }, band_label end
  if one.error then
    local _, a, b = rows.summary(data, curve, one.center, one.error, "out:line")
    line.error = { a, b }
  end
  panel[#panel + 1] = line
end

function builders.line(spec, inherited)
  check("out:line", spec, line_own)
  local data, extra = split(spec, inherited)
  local panel = new_panel(spec, line_own)
  local list = each_y(spec, look)
  for _, one in ipairs(list) do
    local curves = rows.curves(data, one, "out:line")
    for _, curve in ipairs(curves) do add_curve(panel, data, curve, one, #curves == 1) end
  end
  panel.xlabel = panel.xlabel or words(spec.x)
  panel.ylabel = panel.ylabel or words(spec.y)
  return finish(panel, extra)
end

-- out:scatter. x, y: columns or values; group: column that colours the points; error: column of half widths.
local scatter_own = { x = true, y = true, group = true, error = true, xerror = true, label = true, color = true, marker = true }

-- Indices of rows by the value of their group, in order of appearance.
local function partition(groups, n)
  local order, found = {}, {}
  for i = 1, n do
    local g = groups and groups[i] or ""
    if not found[g] then
      found[g] = { name = g }
      order[#order + 1] = found[g]
    end
    table.insert(found[g], i)
  end
  return order
end

local function pick(column, part)
  if not column then return nil end
  local r = {}
  for k, i in ipairs(part) do r[k] = column[i] end
  return r
end

local function group_label(spec, part)
  if not spec.group then return spec.label end
  return type(part.name) == "string" and part.name or ("%s = %s"):format(tostring(spec.group), rows.show(part.name))
end

function builders.scatter(spec, inherited)
  check("out:scatter", spec, scatter_own)
  local data, extra = split(spec, inherited)
  local panel = new_panel(spec, scatter_own)
  local function column(name) return spec[name] ~= nil and rows.column(data, spec[name], "out:scatter") or nil end
  local x, y = column "x", column "y"
  if not (x and y) then error("out:scatter: give x and y", 0) end
  local error_, xerror = column "error", column "xerror"
  for _, part in ipairs(partition(column "group", #y)) do
    panel[#panel + 1] = { kind = "scatter", x = pick(x, part), y = pick(y, part), error = pick(error_, part), xerror = pick(xerror, part),
                          label = group_label(spec, part), color = spec.color, marker = spec.marker }
  end
  if panel.diagonal == true then panel.diagonal = "$y = x$" end
  panel.xlabel, panel.ylabel = panel.xlabel or words(spec.x), panel.ylabel or words(spec.y)
  return finish(panel, extra)
end

-- out:histogram. x: column or values (a matrix is flattened); bins: "auto", a number or edges; density; group.
local histogram_own = { x = true, bins = true, density = true, group = true, label = true, color = true }

local function flatten(v)
  if type(v[1]) ~= "table" then return v end
  local r = {}
  for _, row in ipairs(v) do for _, u in ipairs(row) do r[#r + 1] = u end end
  return r
end

function builders.histogram(spec, inherited)
  check("out:histogram", spec, histogram_own)
  local data, extra = split(spec, inherited)
  local panel = new_panel(spec, histogram_own)
  if spec.x == nil and data ~= nil and not rows.is_rows(data) and not rows.is_row_list(data) then
    spec, data = setmetatable({ x = data }, { __index = spec }), nil
  end
  if spec.x == nil then error("out:histogram: give x, the name of a column or its values", 0) end
  local v = flatten(rows.column(data, spec.x, "out:histogram"))
  local groups = spec.group and rows.column(data, spec.group, "out:histogram")
  local log = panel.xlog or panel.log == "x" or panel.log == "xy"
  local edges = type(spec.bins or "auto") ~= "table" and groups and bins.edges(v, spec.bins or "auto", log)    -- shared by the groups
  for _, part in ipairs(partition(groups, #v)) do
    panel[#panel + 1] = { kind = "histogram", values = pick(v, part), bins = edges or spec.bins, density = spec.density,
                          label = group_label(spec, part), color = spec.color }
  end
  panel.xlabel = panel.xlabel or words(spec.x)
  panel.ylabel = panel.ylabel or (spec.density and "density" or "count")
  return finish(panel, extra)
end

-- out:heatmap. z: a matrix (rows along y) with x, y its axes; or the columns x, y, z of rows, means over replicas.
local heatmap_own = { x = true, y = true, z = true, zlabel = true, zlog = true, zrange = true, palette = true }

local function pivot(data, spec)
  local function column(name) return rows.column(data, name, "out:heatmap") end
  local x, y, z = column(spec.x), column(spec.y), column(spec.z)
  local function levels(of)
    local list, seen = {}, {}
    for _, v in ipairs(of) do
      if not seen[v] then list[#list + 1], seen[v] = v, true end
    end
    table.sort(list)
    for i, v in ipairs(list) do seen[v] = i end
    return list, seen
  end
  local xs, xi = levels(x)
  local ys, yi = levels(y)
  local sum, count, m = {}, {}, {}
  for k = 1, #z do
    local cell = (yi[y[k]] - 1) * #xs + xi[x[k]]
    sum[cell], count[cell] = (sum[cell] or 0) + z[k], (count[cell] or 0) + 1
  end
  for j = 1, #ys do
    m[j] = {}
    for i = 1, #xs do
      local cell = (j - 1) * #xs + i
      m[j][i] = count[cell] and sum[cell] / count[cell] or 0 / 0
    end
  end
  return xs, ys, m
end

function builders.heatmap(spec, inherited)
  check("out:heatmap", spec, heatmap_own)
  local data, extra = split(spec, inherited)
  local panel = new_panel(spec, heatmap_own)
  local x, y, z = spec.x, spec.y, spec.z
  if type(z) == "string" then x, y, z = pivot(data, spec) end
  panel[1] = { kind = "heatmap", x = x, y = y, z = z or data, zlabel = spec.zlabel or words(spec.z), zlog = spec.zlog, zrange = spec.zrange,
               palette = spec.palette }
  panel.xlabel, panel.ylabel = panel.xlabel or words(spec.x), panel.ylabel or words(spec.y)
  return finish(panel, extra)
end

-- A panel written out in plot.figure's own terms: its series and options as they are.
function builders.figure(spec)
  local panel = {}
  for k, v in pairs(spec) do if k ~= "kind" and k ~= "rows" then panel[k] = v end end
  return panel
end

local function default_name(spec, kind)
  for _, name in ipairs { "z", "y", "x" } do
    if type(spec[name]) == "string" then return (spec[name]:gsub("[^%w%-_]", "_")) end
  end
  return kind
end

local function write(self, kind, figure, spec)
  local file = spec.file or default_name(spec, kind)
  if type(file) ~= "string" then error(("out:%s: file must be a name, got %s"):format(kind, type(file)), 0) end
  local fig = Figure.new(figure)
  local files, message, absent = save(fig, self.dir .. file, { formats = self.formats, gnuplot = self.gnuplot })
  for _, name in ipairs(files) do self.files[#self.files + 1] = name end
  if message and not (absent and self.told) then
    self.told = absent
    self.messages[#self.messages + 1] = message
    self.warn(message)
  end
  return fig
end

local function draw(self, kind, spec)
  if type(spec) ~= "table" then error(("out:%s: expected a table, got %s"):format(kind, type(spec)), 0) end
  local figure = builders[kind](spec)
  figure.file = nil
  return write(self, kind, figure, spec)
end

for kind in pairs(builders) do
  Output[kind] = function(self, spec) return (blame(draw, self, kind, spec)) end
end

-- The kind of a panel inside out:panels: the one it names; raw series without rows are a figure; else a line plot.
local function panel_kind(spec)
  if spec.kind then return spec.kind end
  local first = spec[1]
  if type(first) == "table" and getmetatable(first) == nil and first.kind and spec.y == nil then return "figure" end
  return "line"
end

local function draw_panels(self, spec)
  if type(spec) ~= "table" or #spec == 0 then error("out:panels: expected a table of panels", 0) end
  local panels = {}
  for i, one in ipairs(spec) do
    if type(one) ~= "table" then error(("out:panels: panel %d is a %s"):format(i, type(one)), 0) end
    local kind = panel_kind(one)
    if not builders[kind] then
      error(("out:panels: unknown kind '%s' (line, scatter, histogram, heatmap, figure)"):format(tostring(kind)), 0)
    end
    panels[i] = builders[kind](one, spec.rows)
    panels[i].file = nil
  end
  local figure = { panels = panels, title = spec.title, columns = spec.columns, size = spec.size, points = spec.points }
  return write(self, "panels", figure, spec)
end

--- Several panels in one figure: { panel, panel, ..., rows =, title =, columns =, size =, file = }. A panel is a
-- description of out:line, or with kind = "scatter", "histogram", "heatmap" of these, or a panel of plot.figure.
function Output:panels(spec) return (blame(draw_panels, self, spec)) end

--- Whether figures in all requested formats were written.
function Output:complete() return #self.messages == 0 end

function Output:__tostring() return ("figures: %d files in %s"):format(#self.files, self.dir) end

--- The figure part of `out`. dir: an existing folder; formats: list or "svg,png"; opt.gnuplot, opt.warn (stderr).
-- Fields: files (written so far), messages (why pictures are missing). Its methods return the figure; what the disk
-- refuses is raised.
return function(dir, formats, opt)
  opt = opt or {}
  dir = dir or "."
  if not dir:find "/$" then dir = dir .. "/" end
  return setmetatable({ dir = dir, formats = formats or "svg", files = {}, messages = {}, gnuplot = opt.gnuplot,
                        warn = opt.warn or function(s) io.stderr:write(s, "\n") end }, Output)
end
