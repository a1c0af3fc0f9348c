-- plot/gnuplot.lua: a figure as a gnuplot script that a person can read and edit.
--
-- The script names its columns by their headings, its colours by their names, and keeps one idea per block, so that
-- the picture can be finished by hand for a paper. It draws SVG unless told otherwise:
--   gnuplot -e 'format="pdf"' NAME.gp
-- Strings of the user are single-quoted (plot/label.lua), numbers are written with a decimal point.

local values = require "perigee.plot.values"
local label = require "perigee.plot.label"
local axes = require "perigee.plot.axes"
local legend = require "perigee.plot.legend"
local palette = require "perigee.plot.palette"
local Data = require "perigee.plot.data"

local num, quote = values.short, label.quote
local dashes = { dashed = "dt (7,4)", dotted = "dt (1.5,3.5)", dashdot = "dt (8,3.5,1.5,3.5)" }
local markers = { 7, 5, 9, 13, 11, 15 }                          -- filled circle, square, triangles, diamond, pentagon

-- A writer collects the lines of the script and the columns of its data.
local Writer = {}
Writer.__index = Writer

function Writer:put(fmt, ...) self.lines[#self.lines + 1] = select("#", ...) == 0 and fmt or fmt:format(...) end

local function color(s) return s.color_name or ("0x%06X"):format(s.rgb) end

-- `lc rgb blue`, or with an opacity `lc rgb clear(blue, 0.3)`.
local function ink(s, opacity)
  opacity = s.alpha or opacity
  if opacity and opacity < 1 then return ("lc rgb clear(%s, %s)"):format(color(s), num(opacity)) end
  return "lc rgb " .. color(s)
end

local function stroke(s, width, opacity, dash)
  local kind = s.dash or dash
  local pattern = kind and dashes[kind]
  return ("%s lw %s%s"):format(ink(s, opacity), num(s.width or width), pattern and " " .. pattern or "")
end

-- The legend entry of a series. Entries of a shared legend are kept for the last panel: `sample` is how they look.
local function title(self, s, sample)
  local text = s.label
  if not text or self.titled[text] then return "notitle" end
  if self.sharing then
    if not self.shared_titles[text] then
      self.shared_titles[text] = true
      self.shared[#self.shared + 1] = { text = text, command = ("keyentry with %s title %s"):format(sample, label.gnuplot(text)) }
    end
    return "notitle"
  end
  self.titled[text] = true
  return "title " .. label.gnuplot(text)
end

-- A drawing command: what with which look, and its title.
local function with(self, s, what, look) return ("%s with %s %s"):format(what, look, title(self, s, look)) end

-- A legend entry for what cannot bring its own, appended to a list of commands.
local function entry(self, s, list, look)
  local text = title(self, s, look)
  if text ~= "notitle" then list[#list + 1] = ("keyentry with %s %s"):format(look, text) end
  return list
end

-- A column as `using` wants it; lifted to the floor of a log axis when some of its values lie below.
local function column(range, axis, heading)
  if range.floor then return ("(lift_%s(column(%s)))"):format(axis, quote(heading)) end
  return quote(heading)
end

-- The inside of an expression over a column.
local function inner(range, axis, expression)
  if range.floor then return ("lift_%s(%s)"):format(axis, expression) end
  return expression
end

local function using(...) return "data using " .. table.concat({ ... }, ":") end

function Writer:x(panel, array)
  return column(panel.xaxis, "x", self.data:add(panel.xlabel and label.plain(panel.xlabel) or "x", array, true))
end
function Writer:y(panel, name, array) return column(panel.yaxis, "y", self.data:add(name, array)) end

local function name_of(s) return s.label and label.plain(s.label) or s.group and tostring(s.group) or s.kind end

local draw = {}

function draw.line(self, panel, s)
  local x, y = self:x(panel, s.x), self:y(panel, name_of(s), s.y)
  if s.lo then
    local lo, hi = self:y(panel, name_of(s) .. " low", s.lo), self:y(panel, name_of(s) .. " high", s.hi)
    return { with(self, s, using(x, y, lo, hi), "yerrorlines pt 7 ps 0.5 " .. stroke(s, 1.6)) }
  end
  local style = s.marker and "linespoints pt 7 ps 0.55 " or "lines "
  return { with(self, s, using(x, y), style .. stroke(s, (s.dash or "solid") == "solid" and 1.8 or 1.4)) }
end

function draw.band(self, panel, s)
  local x = self:x(panel, s.x)
  local lo, hi = self:y(panel, name_of(s) .. " low", s.lo), self:y(panel, name_of(s) .. " high", s.hi)
  local fill = ("filledcurves fc rgb %s fs transparent solid %s noborder"):format(color(s), num(s.alpha or 0.2))
  return { with(self, s, using(x, lo, hi), fill) }
end

function draw.paths(self, panel, s)
  local prefix = self.data:add_family(name_of(s), s.paths)
  local x = self:x(panel, s.x)
  local y = inner(panel.yaxis, "y", ("column(%s.i)"):format(quote(prefix .. " ")))
  local opacity = s.alpha or math.max(0.12, math.min(0.6, 6 / #s.paths))
  local list = { ("for [i=1:%d] %s with lines %s notitle"):format(#s.paths, using(x, "(" .. y .. ")"), stroke(s, 0.7, opacity)) }
  return entry(self, s, list, "lines " .. stroke({ color_name = s.color_name, rgb = s.rgb, dash = s.dash }, 1, 0.6))
end

function draw.scatter(self, panel, s)
  self.scatters = self.scatters + 1
  local marker = s.marker or markers[(self.scatters - 1) % #markers + 1]
  local x, y = self:x(panel, s.x), self:y(panel, name_of(s), s.y)
  local columns, style = { x, y }, "points"
  if s.xlo then
    columns[#columns + 1] = column(panel.xaxis, "x", self.data:add(name_of(s) .. " x low", s.xlo))
    columns[#columns + 1] = column(panel.xaxis, "x", self.data:add(name_of(s) .. " x high", s.xhi))
    style = "xerrorbars"
  end
  if s.lo then
    columns[#columns + 1] = self:y(panel, name_of(s) .. " low", s.lo)
    columns[#columns + 1] = self:y(panel, name_of(s) .. " high", s.hi)
    style = s.xlo and "xyerrorbars" or "yerrorbars"
  end
  local many = #s.x > 200
  local size = num(s.size * (many and 0.4 or 0.65))
  local look = ("%s pt %d ps %s %s"):format(style, marker, size, stroke(s, 1, many and 0.5 or nil))
  return { with(self, s, using(table.unpack(columns)), look) }
end

function draw.histogram(self, panel, s)
  local left, right = self.data:add(name_of(s) .. " from", s.left, true), self.data:add(name_of(s) .. " to", s.right, true)
  local count = self:y(panel, name_of(s) .. (s.density and " density" or " count"), s.count)
  local l, r = "column(" .. quote(left) .. ")", "column(" .. quote(right) .. ")"
  return { with(self, s, using(("((%s + %s)/2)"):format(l, r), count, ("(%s - %s)"):format(r, l)),
    ("boxes %s lw 0.5 fs transparent solid %s border"):format("lc rgb " .. color(s), num(s.alpha or 0.55))) }
end

local function even(edges)
  local step = (edges[#edges] - edges[1]) / (#edges - 1)
  for i = 2, #edges do
    if math.abs(edges[i] - edges[i - 1] - step) > 1e-6 * math.abs(step) then return false end
  end
  return true
end

-- Even cells on linear axes are an image: rectangles while there are few, which viewers cannot blur; pixels beyond.
-- Other cells are boxes.
function draw.heatmap(self, panel, s)
  local xs, ys, zs, box = {}, {}, {}, { {}, {}, {}, {} }
  local as_image = not panel.xlog and not panel.ylog and even(s.xedges) and even(s.yedges)
  for j, row in ipairs(s.z) do
    for i, z in ipairs(row) do
      local a, b, c, d = s.xedges[i], s.xedges[i + 1], s.yedges[j], s.yedges[j + 1]
      local k = #zs + 1
      xs[k], ys[k], zs[k] = (a + b) / 2, (c + d) / 2, z
      box[1][k], box[2][k], box[3][k], box[4][k] = a, b, c, d
    end
  end
  local cells = {}
  if as_image then
    cells = { self.data:add("x", xs), self.data:add("y", ys) }
  else
    for k, name in ipairs { "x from", "x to", "y from", "y to" } do cells[k] = self.data:add(name, box[k]) end
    table.insert(cells, 1, self.data:add("x", xs))
    table.insert(cells, 2, self.data:add("y", ys))
  end
  for k, name in ipairs(cells) do cells[k] = quote(name) end
  cells[#cells + 1] = quote(self.data:add(s.zlabel and label.plain(s.zlabel) or "z", zs))
  local style = not as_image and "boxxyerror fs solid 1 noborder lc palette" or #zs <= 10000 and "image pixels" or "image"
  return { ("%s with %s notitle"):format(using(table.unpack(cells)), style) }
end

function draw.slope(self, _, s)
  local p = s.power < 0 and "(" .. num(s.power) .. ")" or num(s.power)
  local curve = ("[%s:%s] %s*x**%s"):format(num(s.range[1]), num(s.range[2]), num(s.constant), p)
  return { with(self, s, curve, "lines " .. stroke(s, 1.2, nil, "dashed")) }
end

local function across(panel) return ("[%s:%s]"):format(num(panel.xaxis.lo), num(panel.xaxis.hi)) end

function draw.hline(self, panel, s)
  return { with(self, s, across(panel) .. " " .. num(s.at), "lines " .. stroke(s, 1, nil, "dashed")) }
end

function draw.vline(self, _, s)
  local look = stroke(s, 1, nil, "dashed")
  self:put("set arrow from %s, graph 0 to %s, graph 1 nohead %s", num(s.at), num(s.at), look)
  return entry(self, s, {}, "lines " .. look)
end

function draw.diagonal(self, panel, s)
  return { with(self, s, across(panel) .. " x", "lines " .. stroke(s, 1, nil, "dashed")) }
end

function draw.note(self, _, s)
  self:put("set label %s at %s,%s %s tc rgb %s", label.gnuplot(s.text), num(s.x[1]), num(s.y[1]),
    s.align == "right" and "right" or s.align == "center" and "center" or "left", color(s))
  return {}
end

local function write_ticks(self, axis, range)
  local ticks = axes.ticks(range)
  if range.log then self:put("set logscale %s", axis) end
  if not ticks then
    self:put("set %stics autofreq; unset m%stics; set format %s '%%g'", axis, axis, axis)
  elseif ticks.every then
    self:put("set %stics 1e%d, 1e%d; set format %s '10^{%%T}'", axis, ticks.first, ticks.every, axis)
    self:put(ticks.every == 1 and ticks.decades < 6 and "set m%stics 10" or "unset m%stics", axis)
  else
    local list = {}
    for i, v in ipairs(ticks.values) do list[i] = label.gnuplot(ticks.labels[i]) .. " " .. num(v) end
    self:put("set %stics (%s); unset m%stics", axis, table.concat(list, ", "), axis)
  end
end

local function write_axis(self, panel, axis)
  local range, name = panel[axis .. "axis"], panel[axis .. "label"]
  self:put("set %srange [%s:%s]", axis, num(range.lo), num(range.hi))
  write_ticks(self, axis, range)
  if name then self:put("set %slabel %s", axis, label.gnuplot(name)) elseif self.many then self:put("unset %slabel", axis) end
  if range.floor then
    self:put("# %d value%s below %s %s drawn at %s, the floor of this log axis", range.floored, range.floored == 1 and "" or "s",
      num(range.floor), range.floored == 1 and "is" or "are", num(range.floor))
    self:put("lift_%s(v) = v < %s ? %s : v", axis, num(range.floor), num(range.floor))
  end
end

-- Range of the colours of a heat map: a diverging map is centred at zero, a log scale begins at the least positive.
local function color_range(s, name)
  local lo, hi, least
  for _, row in ipairs(s.z) do
    lo, hi = values.extent(row, lo, hi)
    for _, v in ipairs(row) do
      if values.finite(v) and v > 0 and (not least or v < least) then least = v end
    end
  end
  if s.zrange then
    lo, hi = s.zrange[1], s.zrange[2]
  elseif s.zlog then
    lo, hi = math.max(lo, least or 0.1), least and hi or 1
  elseif name == "diverging" then
    hi = math.max(math.abs(lo), math.abs(hi))
    lo = -hi
  end
  if lo == hi then lo, hi = lo - (s.zlog and lo / 2 or math.abs(lo) / 10 + 1e-3), hi + math.abs(hi) / 10 + 1e-3 end
  return { lo = lo, hi = hi, log = s.zlog }
end

local function crosses_zero(s)
  local lo, hi
  for _, row in ipairs(s.z) do lo, hi = values.extent(row, lo, hi) end
  return lo < 0 and hi > 0 and not s.zlog
end

local function write_palette(self, s)
  local name, stops = s.palette or (crosses_zero(s) and "diverging" or "viridis"), {}
  for k, c in ipairs(palette.maps[name]) do stops[k] = ("%d '#%06X'"):format(k - 1, c) end
  local range = color_range(s, name)
  self:put("set palette defined (%s)", table.concat(stops, ", "))
  self:put("set colorbox user origin graph 1.03, graph 0 size graph 0.035, graph 1 noborder")
  self:put("set cbrange [%s:%s]", num(range.lo), num(range.hi))
  write_ticks(self, "cb", range)
  if s.zlabel then self:put("set cblabel %s offset 0.5,0", label.gnuplot(s.zlabel)) elseif self.many then self:put("unset cblabel") end
  self:put(self.many and "set border 15; unset grid" or "set border 15; unset grid; set rmargin 12")
end

local function heatmap_of(panel)
  for _, s in ipairs(panel.series) do if s.kind == "heatmap" then return s end end
end

local function write_key(self, panel)
  local key = panel.key
  if not key then
    self:put("unset key")
  elseif key == "outside" then
    self:put("set key outside right top vertical")
  elseif key == "below" then
    self:put("set key outside below center horizontal")
  else
    self:put("set key inside %s vertical", key)
  end
end

local function write_panel(self, panel)
  self.titled, self.scatters = {}, 0
  if self.many then
    self:put("\n# panel %d", self.panel)
    self:put("unset logscale; unset arrow; unset label; unset colorbox; set border 3")
  end
  if panel.title then self:put("set title %s", label.gnuplot(panel.title)) elseif self.many then self:put("unset title") end
  write_axis(self, panel, "x")
  write_axis(self, panel, "y")
  write_key(self, panel)
  local map = heatmap_of(panel)
  if map then write_palette(self, map) elseif self.many then self:put("set grid") end
  self.sharing = panel.shares
  local list = {}
  for _, s in ipairs(panel.series) do
    for _, command in ipairs(draw[s.kind](self, panel, s)) do list[#list + 1] = command end
  end
  if #list == 0 then list[1] = "NaN notitle" end
  self:put("plot %s", table.concat(list, ", \\\n     "))
end

local function write_colors(self, fig)
  local used = {}
  for _, panel in ipairs(fig.panels) do
    for _, s in ipairs(panel.series) do if s.color_name then used[s.color_name] = true end end
  end
  local names = {}
  for name in pairs(used) do names[#names + 1] = name end
  table.sort(names)
  self:put("\n# colours after Okabe and Ito; clear(blue, 0.3) is blue at 30 % opacity")
  for _, name in ipairs(names) do self:put("%s = 0x%06X", name, palette.colors[name]) end
  self:put("clear(color, opacity) = color + (int(255*(1 - opacity)) << 24)")
end

local function write_head(self, fig, name)
  local w, h = fig.width, fig.height
  local comment = name:gsub("%c", " ")
  self:put("# %s.gp draws the numbers in %s.csv. Change what you like, then", comment, comment)
  self:put("#   gnuplot %s.gp                        writes %s.svg", comment, comment)
  self:put("#   gnuplot -e 'format=\"pdf\"' %s.gp      writes %s.pdf; \"png\" likewise", comment, comment)
  for _, note in ipairs(fig.notes) do self:put("# " .. note:gsub("%c", " ")) end
  self:put('if (!exists("format")) format = "svg"')
  self:put('if (!exists("target")) target = %s.".".format', quote(name))
  self:put("data = %s", quote((name:find "^[%w_]" and "" or "./") .. name .. ".csv"))         -- '$x' would be a data block
  self:put("\n# size and font")
  local function terminal(format, text, ...)
    self:put('if (format eq "%s") set terminal %s font "DejaVu Sans,12" enhanced rounded', format, text:format(...))
  end
  terminal("svg", 'svg size %d,%d background "white"', w, h)
  terminal("png", "pngcairo size %d,%d fontscale 1.5 dashlength 2 linewidth 2 pointscale 2", 2 * w, 2 * h)
  terminal("pdf", "pdfcairo size %sin,%sin fontscale 0.75 linewidth 1.5 dashlength 1.8", values.fixed("%.4g", w / 96), values.fixed("%.4g", h / 96))
  self:put("set output target")
  self:put("set encoding utf8; set minussign")
  self:put("set datafile separator comma; set datafile columnheaders")
end

local function write_style(self)
  self:put("\n# axes, grid and legend")
  self:put("set border 3 lc rgb '#404040' lw 0.8")
  self:put("set tics out nomirror scale 0.6,0.3 textcolor rgb '#303030' font ',11'")
  self:put("set grid back lc rgb '#E6E6E6' lw 0.7 lt 1")
  self:put("set key Left reverse samplen 2 spacing 1.15 font ',11' noopaque")
  self:put("set title font ',13' offset 0,-0.4; set errorbars small; set pointintervalbox 0; set boxwidth 1 absolute; set samples 200")
  self:put("set xtics offset 0,0.2; set xlabel offset 0,0.4; set ylabel offset 0.5,0")
end

-- Plot areas of equal size at fixed margins, with room for titles, ticks, colour bars and a shared legend. In pixels.
local function write_layout(self, fig)
  local bar, titled = 0, false
  for _, panel in ipairs(fig.panels) do
    if heatmap_of(panel) then bar = 70 end
    titled = titled or panel.title
  end
  local left, right = 82, 22 + bar
  local bottom, top = 54 + fig.legend_height, (fig.title and 38 or 8) + (titled and 26 or 6)
  local w, h = fig.width, fig.height
  local function part(v, whole) return values.fixed("%.4g", v / whole) end
  self:put("\nset multiplot layout %d,%d margins %s,%s,%s,%s spacing %s,%s%s", fig.rows, fig.columns,
    part(left, w), part(w - right, w), part(bottom, h), part(h - top, h), part(86 + bar, w), part(58 + (titled and 26 or 0), h),
    fig.title and " title " .. label.gnuplot(fig.title) .. " font ',14'" or "")
end

-- The legend that panels share: a last plot without axes, as wide as the figure, below all panels.
local function write_shared_legend(self)
  local texts, list = {}, { "NaN notitle" }
  for i, e in ipairs(self.shared) do texts[i], list[#list + 1] = e.text, e.command end
  local _, columns = legend.grid(texts, self.fig.width)
  self:put("\n# the legend of all panels")
  self:put("unset logscale; unset arrow; unset label; unset title; unset xlabel; unset ylabel; unset border; unset tics; unset grid")
  self:put("set lmargin at screen 0.01; set rmargin at screen 0.99; set bmargin at screen 0; set tmargin at screen 0.1")
  self:put("set xrange [0:1]; set yrange [0:1]")
  self:put("set key at screen 0.5, screen %s center bottom horizontal maxcols %d", values.fixed("%.4g", 8 / self.fig.height), columns)
  self:put("plot %s", table.concat(list, ", \\\n     "))
end

--- The script of a figure called `name` and its data: script text, Data object.
return function(fig, name)
  local self = setmetatable({ fig = fig, lines = {}, data = Data.new(), many = #fig.panels > 1, shared = {}, shared_titles = {} }, Writer)
  write_head(self, fig, name)
  write_colors(self, fig)
  write_style(self)
  if self.many then
    write_layout(self, fig)
  end
  for i, panel in ipairs(fig.panels) do
    self.panel = i
    write_panel(self, panel)
  end
  if #self.shared > 0 then write_shared_legend(self) end
  if self.many then self:put("\nunset multiplot") end
  self:put("unset output")
  return table.concat(self.lines, "\n") .. "\n", self.data
end
