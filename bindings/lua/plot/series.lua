-- plot/series.lua: what can be drawn in a panel, each kind checked and turned into plain arrays.
--
--   line       x, y; error bars; band = { lo, hi }        paths      x, paths: many thin translucent lines
--   scatter    x, y; error, xerror                        band       x, lo, hi: filled between the two
--   histogram  values; bins; density                      heatmap    z (rows along y), x, y: centres or edges
--   slope      "k^-2": reference power on log axes        diagonal   y = x
--   hline, vline   markers across the panel               note       text at (x, y)
--   graph      graph; values, one a node: edges under nodes coloured by value
--
-- A description becomes one or several records { kind = , label = , x = , y = , ... } in plain Lua floats; tensors,
-- arrays and anything with :tolist() are read once, here. Nothing of the description is changed.

local options = require "perigee.options"
local optional, required = require "perigee.optional", require "perigee.required"
local nearest = require "perigee.nearest"
local values = require "perigee.plot.values"
local bins = require "perigee.plot.bins"
local palette = require "perigee.plot.palette"

local series = {}
local kinds = {}

local dashes = { solid = true, dashed = true, dotted = true, dashdot = true }
local look = { label = optional, color = optional, group = optional, width = optional, dash = optional, alpha = optional }

-- The named part of a description over the defaults of its kind and those of the common look.
local function read(kind, spec, defaults)
  local named = {}
  for k, v in pairs(spec) do
    if type(k) == "string" and k ~= "kind" then named[k] = v end
  end
  local all = {}
  for k, v in pairs(look) do all[k] = v end
  for k, v in pairs(defaults) do all[k] = v end
  local opt = options("plot." .. kind, named, all)
  if opt.dash and not dashes[opt.dash] then
    error(("plot.%s: dash must be solid, dashed, dotted or dashdot, got '%s'"):format(kind, tostring(opt.dash)), 0)
  end
  opt.kind = kind
  return opt
end

local function record(opt, fields)
  local r = { kind = opt.kind, label = opt.label, color = opt.color, group = opt.group, width = opt.width,
              dash = opt.dash, alpha = opt.alpha }
  for k, v in pairs(fields) do r[k] = v end
  return r
end

local function counting(n)
  local r = {}
  for i = 1, n do r[i] = i + 0.0 end
  return r
end

local function paired(kind, x, y, name)
  if #x ~= #y then error(("plot.%s: x has %d entries, %s has %d"):format(kind, #x, name, #y), 0) end
end

-- x as an array, or 1, 2, ... when it was not given.
local function abscissae(kind, x, n) return x == nil and counting(n) or values.vector(x, "plot." .. kind .. ": x") end

-- Ends of error bars: from half widths, or from { lo, hi }.
local function bars(kind, name, error_, centre)
  if error_ == nil then return nil, nil end
  local where = ("plot.%s: %s"):format(kind, name)
  local plain = values.plain(error_)
  if type(plain) == "table" and values.is_sequence(plain[1]) then
    local lo, hi = values.vector(plain[1], where), values.vector(plain[2], where)
    paired(kind, lo, centre, name)
    paired(kind, hi, centre, name)
    return lo, hi
  end
  local half, lo, hi = values.vector(plain, where), {}, {}
  if #half == 1 then for i = 2, #centre do half[i] = half[1] end end
  paired(kind, half, centre, name)
  for i = 1, #centre do lo[i], hi[i] = centre[i] - half[i], centre[i] + half[i] end
  return lo, hi
end

function kinds.line(spec)
  local opt = read("line", spec, { x = optional, y = required, error = optional, band = optional,
                                   band_label = optional, marker = false })
  local y = values.vector(opt.y, "plot.line: y")
  local x = abscissae("line", opt.x, #y)
  paired("line", x, y, "y")
  local lo, hi = bars("line", "error", opt.error, y)
  local line = record(opt, { x = x, y = y, lo = lo, hi = hi, marker = opt.marker })
  if opt.band == nil then return line end
  local blo, bhi = bars("line", "band", opt.band, y)
  local key = opt.group or opt.label or line                    -- the band takes the colour of its line
  line.group = key
  return record(opt, { kind = "band", x = x, lo = blo, hi = bhi, group = key, label = opt.band_label or false,
                       dash = false, width = false, alpha = false }), line
end

function kinds.band(spec)
  local opt = read("band", spec, { x = optional, lo = required, hi = required })
  local lo, hi = values.vector(opt.lo, "plot.band: lo"), values.vector(opt.hi, "plot.band: hi")
  local x = abscissae("band", opt.x, #lo)
  paired("band", x, lo, "lo")
  paired("band", x, hi, "hi")
  return record(opt, { x = x, lo = lo, hi = hi })
end

function kinds.paths(spec)
  local opt = read("paths", spec, { x = optional, paths = required })
  local ys = values.matrix(opt.paths, "plot.paths: paths")
  local x = abscissae("paths", opt.x, ys[1] and #ys[1] or 0)
  for i, y in ipairs(ys) do paired("paths", x, y, "path " .. i) end
  return record(opt, { x = x, paths = ys })
end

function kinds.scatter(spec)
  local opt = read("scatter", spec, { x = required, y = required, error = optional, xerror = optional, size = 1.0,
                                      marker = optional })
  local x, y = values.vector(opt.x, "plot.scatter: x"), values.vector(opt.y, "plot.scatter: y")
  paired("scatter", x, y, "y")
  local lo, hi = bars("scatter", "error", opt.error, y)
  local xlo, xhi = bars("scatter", "xerror", opt.xerror, x)
  return record(opt, { x = x, y = y, lo = lo, hi = hi, xlo = xlo, xhi = xhi, size = opt.size, marker = opt.marker })
end

function kinds.histogram(spec, panel)
  local opt = read("histogram", spec, { values = required, bins = optional, density = false })
  local data = values.vector(opt.values, "plot.histogram: values")
  local wanted = opt.bins or "auto"
  if values.is_sequence(wanted) then
    wanted = values.vector(wanted, "plot.histogram: bins")
  elseif wanted ~= "auto" and not (math.type(wanted) == "integer" and wanted >= 1) then
    error(("plot.histogram: bins must be \"auto\", a positive integer or edges, got %s"):format(tostring(wanted)), 0)
  end
  local edges = bins.edges(data, wanted, panel.xlog) or { 0.0, 1.0 }
  local counts, left, right = bins.count(data, edges, opt.density), {}, {}
  for i = 1, #counts do left[i], right[i] = edges[i], edges[i + 1] end
  return record(opt, { left = left, right = right, count = counts, density = opt.density })
end

-- Cell borders from n + 1 edges or n centres; on a log axis half-way means the geometric mean.
local function borders(given, n, log, name)
  if given == nil then given = counting(n) end
  local v = values.vector(given, "plot.heatmap: " .. name)
  if #v == n + 1 then return v end
  if #v ~= n then error(("plot.heatmap: %s has %d entries for %d cells"):format(name, #v, n), 0) end
  local f = log and function(u) return math.log(u) end or function(u) return u end
  local g = log and math.exp or f
  local edges = {}
  for i = 2, n do edges[i] = g((f(v[i - 1]) + f(v[i])) / 2) end
  if n == 1 then return log and { v[1] / 2, v[1] * 2 } or { v[1] - 0.5, v[1] + 0.5 } end
  edges[1], edges[n + 1] = g(2 * f(v[1]) - f(edges[2])), g(2 * f(v[n]) - f(edges[n]))
  return edges
end

function kinds.heatmap(spec, panel)
  local opt = read("heatmap", spec, { z = required, x = optional, y = optional, zlabel = optional, zlog = false,
                                      zrange = optional, palette = optional })
  local z = values.matrix(opt.z, "plot.heatmap: z")
  local columns = z[1] and #z[1] or 0
  if columns == 0 then error("plot.heatmap: z is empty", 0) end
  for i, row in ipairs(z) do
    if #row ~= columns then error(("plot.heatmap: row %d of z has %d entries, row 1 has %d"):format(i, #row, columns), 0) end
  end
  local palettes = { viridis = true, diverging = true, grey = true }
  if opt.palette and not palettes[opt.palette] then
    error(("plot.heatmap: palette must be viridis, diverging or grey, got '%s'"):format(tostring(opt.palette)), 0)
  end
  return record(opt, { z = z, xedges = borders(opt.x, columns, panel.xlog, "x"), yedges = borders(opt.y, #z, panel.ylog, "y"),
                       zlabel = opt.zlabel, zlog = opt.zlog, zrange = opt.zrange, palette = opt.palette })
end

-- "k^-2", "t^(-1/2)", "n^0.5", "k": the power and how to print it.
local function power(text)
  local name, exponent = text:match "^%s*(%a+)%s*%^%s*[({]?%s*([-+%d./]+)%s*[)}]?%s*$"
  if not name then name, exponent = text:match "^%s*(%a+)%s*$", "1" end
  local a, b = (exponent or ""):match "^([-+]?[%d.]+)/([%d.]+)$"
  local p = a and tonumber(a) / tonumber(b) or tonumber(exponent)
  if not name or not p then error(("plot.slope: cannot read '%s'; write a power such as \"k^-2\" or \"t^(1/2)\""):format(text), 0) end
  return p, exponent == "1" and ("$%s$"):format(name) or ("$%s^{%s}$"):format(name, exponent)
end

function kinds.slope(spec)
  local opt = read("slope", spec, { power = optional, through = optional, range = optional, name = optional })
  local text = spec[1] or opt.name
  local p, label = opt.power, nil
  if text then p, label = power(text) end
  if type(p) ~= "number" then error("plot.slope: give a power such as \"k^-2\"", 0) end
  local function pair(v, name)
    if v == nil then return nil end
    local two = values.vector(v, "plot.slope: " .. name)
    if #two ~= 2 or not (two[1] > 0 and two[2] > 0) then
      error(("plot.slope: %s must be two positive numbers"):format(name), 0)
    end
    return two
  end
  local shown = opt.label
  if shown == nil then shown = label or ("$x^{%s}$"):format(values.short(p)) end
  return record(opt, { power = p, label = shown, through = pair(opt.through, "through"), range = pair(opt.range, "range") })
end

local function level(kind, axis)
  return function(spec)
    local opt = read(kind, spec, { [axis] = optional })
    local at = spec[1] or opt[axis]
    if type(at) ~= "number" or not values.finite(at) then
      error(("plot.%s: %s must be a finite number, got %s"):format(kind, axis, tostring(at)), 0)
    end
    return record(opt, { at = at + 0.0 })
  end
end
kinds.hline = level("hline", "y")
kinds.vline = level("vline", "x")

function kinds.diagonal(spec) return record(read("diagonal", spec, {}), {}) end

function kinds.note(spec)
  local opt = read("note", spec, { x = required, y = required, text = optional, align = "left" })
  local text = spec[1] or opt.text
  if type(text) ~= "string" then error("plot.note: give a text", 0) end
  return record(opt, { x = { opt.x + 0.0 }, y = { opt.y + 0.0 }, text = text, align = opt.align })
end

-- One broken line along all edges: the pen is lifted between them by NaN.
local function edge_line(opt, graph, at)
  local u, v = graph:edges()
  local x, y = {}, {}
  for e = 1, graph:m() do
    for i, node in ipairs { u[e], v[e] } do x[3 * e - 3 + i], y[3 * e - 3 + i] = at[node][1], at[node][2] end
    x[3 * e], y[3 * e] = 0 / 0, 0 / 0
  end
  return record(opt, { kind = "line", x = x, y = y, color = "grey", width = 0.5, label = false })
end

-- The shade 1..n of a value: the middle one at 0, others by the root of |value| over the largest, so that small values still differ in colour.
local function shade(value, largest, n)
  local signed = largest > 0 and math.sqrt(math.abs(value) / largest) * (value < 0 and -1 or 1) or 0
  return math.floor((n - 1) / 2 * (1 + signed) + 1.5)
end

function kinds.graph(spec)
  local opt = read("graph", spec, { graph = required, values = optional, size = 2.0 })
  local graph = opt.graph
  local found, layout = pcall(function() return graph:layout() end)
  if not found then error("plot.graph: graph must be one of process.graph, got " .. type(graph), 0) end
  local at, maps = values.matrix(layout, "plot.graph: layout"), palette.maps.diverging
  local of = opt.values and values.vector(opt.values, "plot.graph: values") or {}
  if opt.values and #of ~= #at then error(("plot.graph: %d values for %d nodes"):format(#of, #at), 0) end
  local largest, nodes = 0, {}
  for _, v in ipairs(of) do largest = math.max(largest, math.abs(v)) end
  for i, point in ipairs(at) do
    local step = shade(of[i] or 0, largest, #maps)
    nodes[step] = nodes[step] or { x = {}, y = {} }
    table.insert(nodes[step].x, point[1])
    table.insert(nodes[step].y, point[2])
  end
  local records = { edge_line(opt, graph, at) }
  for step = 1, #maps do
    if nodes[step] then
      records[#records + 1] = record(opt, { kind = "scatter", x = nodes[step].x, y = nodes[step].y, size = opt.size, marker = 7,
        color = ("#%06X"):format(maps[step]), alpha = 1, label = false })
    end
  end
  return table.unpack(records)
end

local names = {}
for name in pairs(kinds) do names[#names + 1] = name end
table.sort(names)
series.names = names

-- The kind of a description that does not say it, from the fields that only one kind has.
local function infer(spec)
  if spec.z then return "heatmap" end
  if spec.graph then return "graph" end
  if spec.paths then return "paths" end
  if spec.values then return "histogram" end
  if spec.lo and spec.hi then return "band" end
  return "line"
end

--- Appends the records of one description to `list`. `panel` supplies xlog and ylog.
function series.add(list, spec, panel)
  if type(spec) ~= "table" then error(("plot.figure: a series must be a table, got %s"):format(type(spec)), 0) end
  local kind = spec.kind or infer(spec)
  if not kinds[kind] then
    local guess = nearest(tostring(kind), names)
    error(("plot.figure: unknown kind of series '%s'%s"):format(tostring(kind),
      guess and (" (did you mean '%s'?)"):format(guess) or ""), 0)
  end
  for _, r in ipairs { kinds[kind](spec, panel) } do
    if r.label == false then r.label = nil end
    list[#list + 1] = r
  end
end

--- A constructor for descriptions: plot.line{ x = , y = } is the same as { kind = "line", x = , y = }.
function series.constructor(kind)
  return function(spec)
    if type(spec) ~= "table" then spec = { spec } end
    local r = {}
    for k, v in pairs(spec) do r[k] = v end
    r.kind = kind
    return r
  end
end

--- The arrays of a record that live on an axis ("x" or "y"); the axis must reach all of them.
function series.arrays(s, axis)
  local k = s.kind
  if k == "hline" then return axis == "y" and { { s.at } } or {} end
  if k == "vline" then return axis == "x" and { { s.at } } or {} end
  if k == "slope" or k == "diagonal" then return {} end
  if k == "heatmap" then return { axis == "x" and s.xedges or s.yedges } end
  if k == "histogram" then return axis == "x" and { s.left, s.right } or { s.count } end
  if axis == "x" then return { s.x, s.xlo, s.xhi } end
  if k == "paths" then return s.paths end
  local r = { s.y }
  if s.lo then r[#r + 1], r[#r + 2] = s.lo, s.hi end
  return r
end

--- True when the record has a finite point to draw.
function series.drawable(s)
  if s.kind == "hline" or s.kind == "vline" or s.kind == "diagonal" or s.kind == "slope" or s.kind == "note" then return true end
  if s.kind == "heatmap" then
    for _, row in ipairs(s.z) do if values.extent(row) then return true end end
    return false
  end
  local x = s.x or s.left
  for _, y in ipairs(series.arrays(s, "y")) do
    for i = 1, #y do if values.finite(y[i]) and values.finite(x[i]) then return true end end
  end
  return false
end

return series
