-- plot/text.lua: a figure in the terminal, drawn with Unicode braille and blocks.
--
-- Lines, paths and points are braille dots; bands are shaded; histograms are blocks an eighth of a line high; heat maps
-- are shades of five densities. When several series have labels, a capital letter near the end of each names it.

local values = require "perigee.plot.values"
local axes = require "perigee.plot.axes"
local label = require "perigee.plot.label"
local Canvas = require "perigee.plot.canvas"
local Figure = require "perigee.plot.figure"
local options, optional = require "perigee.options", require "perigee.optional"

local text = {}
local eighths = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local densities = { "·", "░", "▒", "▓", "█" }

-- Ticks of an axis as a list of { position in [0, 1], text }.
local function tick_marks(range, wanted)
  local ticks, list = axes.ticks(range), {}
  local function add(v, s)
    local u = axes.place(range, v)
    if u and u >= -1e-9 and u <= 1 + 1e-9 then list[#list + 1] = { u, s } end
  end
  if ticks and ticks.every then
    for e = ticks.first, ticks.first + 400 * ticks.every, ticks.every do
      if 10.0 ^ e > range.hi * (1 + 1e-9) then break end
      add(10.0 ^ e, label.plain(("$10^{%d}$"):format(e)))
    end
  elseif ticks then
    for i, v in ipairs(ticks.values) do add(v, label.plain(ticks.labels[i])) end
  else
    for _, v in ipairs((axes.round_ticks(range.lo, range.hi, wanted))) do
      add(v, (values.fixed("%.6g", v):gsub("^%-", "−")))
    end
  end
  return list
end

local function width(s) return utf8.len(s) or #s end
local function right(s, n) return (" "):rep(n - width(s)) .. s end

local function curve(canvas, panel, x, y, ink, dash)
  local pu, pv
  for i = 1, #x do
    local u, v = axes.place(panel.xaxis, x[i]), axes.place(panel.yaxis, y[i])
    if u and v then
      if pu then canvas:segment(pu, pv, u, v, ink, dash) else canvas:segment(u, v, u, v, ink) end
    end
    pu, pv = v and u, v
  end
end

local dash_dots = { dashed = 3, dotted = 1, dashdot = 2 }
local draw = {}

function draw.line(canvas, panel, s)
  curve(canvas, panel, s.x, s.y, s.rgb, dash_dots[s.dash])
  if s.lo then for i = 1, #s.x do curve(canvas, panel, { s.x[i], s.x[i] }, { s.lo[i], s.hi[i] }, s.rgb) end end
end

function draw.paths(canvas, panel, s) for _, y in ipairs(s.paths) do curve(canvas, panel, s.x, y, s.rgb) end end

function draw.scatter(canvas, panel, s)
  for i = 1, #s.x do
    curve(canvas, panel, { s.x[i] }, { s.y[i] }, s.rgb)
    if s.lo then curve(canvas, panel, { s.x[i], s.x[i] }, { s.lo[i], s.hi[i] }, s.rgb) end
    if s.xlo then curve(canvas, panel, { s.xlo[i], s.xhi[i] }, { s.y[i], s.y[i] }, s.rgb) end
  end
end

function draw.band(canvas, panel, s)
  local function shade(u, a, b)
    local column, top = canvas:cell(u, math.max(a, b))
    local _, bottom = canvas:cell(u, math.min(a, b))
    for row = math.max(0, top), math.min(canvas.height - 1, bottom) do canvas:shade(column, row, "░", s.rgb) end
  end
  local pu, pa, pb
  for i = 1, #s.x do
    local u, a, b = axes.place(panel.xaxis, s.x[i]), axes.place(panel.yaxis, s.lo[i]), axes.place(panel.yaxis, s.hi[i])
    if u and a and b then
      local n = pu and math.max(1, math.ceil(math.abs(u - pu) * canvas.width)) or 1
      for k = pu and 1 or n, n do
        local t = k / n
        shade(pu and pu + (u - pu) * t or u, pu and pa + (a - pa) * t or a, pu and pb + (b - pb) * t or b)
      end
    end
    pu, pa, pb = a and b and u, a, b
  end
end

function draw.histogram(canvas, panel, s)
  for i, count in ipairs(s.count) do
    local a, b, v = axes.place(panel.xaxis, s.left[i]), axes.place(panel.xaxis, s.right[i]), axes.place(panel.yaxis, count)
    if a and b and v then
      local level = math.floor(math.max(0, math.min(1, v)) * canvas.height * 8 + 0.5)
      if level == 0 and count > 0 then level = 1 end
      local first = math.floor(a * canvas.width + 0.5)
      local last = math.max(first, math.floor(b * canvas.width + 0.5) - 1)
      for column = first, last do
        for row = 0, (level - 1) // 8 do
          canvas:put(column, canvas.height - 1 - row, eighths[math.min(8, level - 8 * row)], s.rgb)
        end
      end
    end
  end
end

-- Index of the cell [e_i, e_(i+1)) that holds v; edges may fall.
local function cell_of(edges, v)
  for i = 1, #edges - 1 do
    if v >= math.min(edges[i], edges[i + 1]) and v <= math.max(edges[i], edges[i + 1]) then return i end
  end
end

function draw.heatmap(canvas, panel, s)
  local lo, hi
  for _, row in ipairs(s.z) do
    for _, z in ipairs(row) do
      local v = s.zlog and (z > 0 and math.log(z) or 0 / 0) or z
      if values.finite(v) then lo, hi = math.min(lo or v, v), math.max(hi or v, v) end
    end
  end
  for row = 0, canvas.height - 1 do
    local j = cell_of(s.yedges, axes.value(panel.yaxis, 1 - (row + 0.5) / canvas.height))
    for column = 0, canvas.width - 1 do
      local i = cell_of(s.xedges, axes.value(panel.xaxis, (column + 0.5) / canvas.width))
      local z = i and j and s.z[j][i]
      if z and s.zlog then z = z > 0 and math.log(z) or nil end
      if z and values.finite(z) then
        local share = hi > lo and (z - lo) / (hi - lo) or 0.5
        canvas:put(column, row, densities[math.min(5, 1 + math.floor(5 * share))])
      end
    end
  end
end

function draw.slope(canvas, panel, s)
  local x, y = {}, {}
  for i = 0, 60 do
    x[i + 1] = s.range[1] * (s.range[2] / s.range[1]) ^ (i / 60)
    y[i + 1] = s.constant * x[i + 1] ^ s.power
  end
  curve(canvas, panel, x, y, s.rgb, 2)
end

function draw.hline(canvas, panel, s) curve(canvas, panel, { panel.xaxis.lo, panel.xaxis.hi }, { s.at, s.at }, s.rgb, 2) end
function draw.vline(canvas, panel, s) curve(canvas, panel, { s.at, s.at }, { panel.yaxis.lo, panel.yaxis.hi }, s.rgb, 2) end

function draw.diagonal(canvas, panel, s)
  local x = {}
  for i = 0, 60 do x[i + 1] = axes.value(panel.xaxis, i / 60) end
  curve(canvas, panel, x, x, s.rgb, 2)
end

function draw.note(canvas, panel, s)
  local u, v = axes.place(panel.xaxis, s.x[1]), axes.place(panel.yaxis, s.y[1])
  if not (u and v) then return end
  local column, row = canvas:cell(u, v)
  for _, code in utf8.codes(label.plain(s.text)) do
    canvas:put(column, row, utf8.char(code), s.rgb)
    column = column + 1
  end
end

-- Points of a series from its end backwards, where its letter may stand.
local function tail_points(panel, s)
  local x, y = s.x, s.y or s.paths and s.paths[1] or s.hi
  if s.kind == "histogram" then x, y = s.left, s.count end
  if s.kind == "slope" then x, y = { s.range[2] }, { s.constant * s.range[2] ^ s.power } end
  if s.kind == "hline" then x, y = { panel.xaxis.lo, axes.value(panel.xaxis, 0.97) }, { s.at, s.at } end
  if s.kind == "vline" then x, y = { s.at, s.at }, { panel.yaxis.lo, axes.value(panel.yaxis, 0.95) } end
  if s.kind == "diagonal" then
    local v = axes.value(panel.xaxis, 0.9)
    x, y = { v }, { v }
  end
  local i = #(x or {}) + 1
  return function()
    while i > 1 do
      i = i - 1
      local u, v = axes.place(panel.xaxis, x[i]), axes.place(panel.yaxis, y[i])
      if u and v and u >= 0 and u <= 1 and v >= 0 and v <= 1 then return u, v end
    end
  end
end

-- Names each labelled series by a letter on the canvas; returns lines of legend no wider than `limit`.
local function name_series(canvas, panel, limit, color)
  local named, entries, seen = {}, {}, {}
  for _, s in ipairs(panel.series) do
    if s.label and s.kind ~= "heatmap" and not seen[s.label] then
      named[#named + 1] = s
      seen[s.label] = true
    end
  end
  for i, s in ipairs(named) do
    local letter = #named > 1 and i <= 26 and string.char(64 + i) or ""
    if letter ~= "" then
      for u, v in tail_points(panel, s) do
        local column, row = canvas:cell(u, v)
        local near = canvas:at(column, row) or canvas:at(column - 1, row) or canvas:at(column + 1, row)
        if not (near and near:find "%u") then
          canvas:put(column, row, letter, s.rgb)
          break
        end
      end
    end
    local name = (letter ~= "" and letter .. " " or "") .. label.plain(s.label)
    entries[i] = { name, color and s.rgb }
  end
  local lines, used = {}, math.huge
  for _, e in ipairs(entries) do
    local w = width(e[1]) + 3
    if used + w > limit then lines[#lines + 1], used = "", 0 end
    lines[#lines] = lines[#lines] .. (used > 0 and "   " or "") .. (e[2] and Canvas.colored(e[1], e[2]) or e[1])
    used = used + w
  end
  return lines
end

local function centred(s, n) return (" "):rep(math.max(0, (n - width(s)) // 2)) .. s end

-- The x axis: a rule with ticks and the labels below, none over another.
local function x_axis(marks, n)
  local rule, free = {}, -1
  for i = 1, n do rule[i] = "─" end
  local line, used = "", 0
  for _, m in ipairs(marks) do
    local column = math.floor(math.max(0, math.min(1, m[1])) * (n - 1) + 0.5)
    local start = math.max(0, math.min(column - width(m[2]) // 2, n - width(m[2])))
    rule[column + 1] = "┴"
    if start > free then
      line = line .. (" "):rep(start - used) .. m[2]
      used = start + width(m[2])
      free = used
    end
  end
  return table.concat(rule), line
end

local order = { heatmap = 1, histogram = 2, band = 3, paths = 4 }

local function draw_panel(panel, columns, rows, color, out)
  local marks = tick_marks(panel.yaxis, math.max(2, rows // 4))
  local margin = 0
  for _, m in ipairs(marks) do margin = math.max(margin, width(m[2])) end
  local n = math.max(8, columns - margin - 2)
  local canvas = Canvas.new(n, rows)
  local series = {}
  for i, s in ipairs(panel.series) do series[i] = { s, (order[s.kind] or 5) * 1000 + i } end
  table.sort(series, function(a, b) return a[2] < b[2] end)
  for _, s in ipairs(series) do draw[s[1].kind](canvas, panel, s[1]) end
  local legend = name_series(canvas, panel, columns - margin - 2, color)
  local indent = (" "):rep(margin + 2)
  if panel.title then out[#out + 1] = indent .. centred(label.plain(panel.title), n) end
  if panel.ylabel then out[#out + 1] = label.plain(panel.ylabel) end
  local at_row = {}
  for _, m in ipairs(marks) do
    local _, row = canvas:cell(0, math.max(0, math.min(1, m[1])))
    at_row[row] = m[2]
  end
  for row = 0, rows - 1 do
    local mark = at_row[row]
    out[#out + 1] = (right(mark or "", margin) .. (mark and " ┤" or " │") .. canvas:line(row, color)):gsub("%s+$", "")
  end
  local rule, labels = x_axis(tick_marks(panel.xaxis, math.max(2, n // 12)), n)
  out[#out + 1] = (" "):rep(margin + 1) .. "└" .. rule
  out[#out + 1] = indent .. labels
  if panel.xlabel then out[#out + 1] = indent .. centred(label.plain(panel.xlabel), n) end
  for _, line in ipairs(legend) do out[#out + 1] = indent .. line end
end

local drawing = { width = optional, height = 20, color = false }

local function size(opt)
  local columns = opt.width or (os and os.getenv and tonumber(os.getenv "COLUMNS")) or 80
  if math.type(columns) ~= "integer" or columns < 24 then
    if opt.width then error(("plot.text: width must be an integer from 24, got %s"):format(tostring(columns)), 0) end
    columns = 80
  end
  if math.type(opt.height) ~= "integer" or opt.height < 3 or opt.height > 400 then
    error(("plot.text: height must be an integer from 3 to 400, got %s"):format(tostring(opt.height)), 0)
  end
  return math.min(columns, 1000), opt.height
end

--- Text of a finished figure; opt.width (columns), opt.height (lines of the plot area), opt.color (ANSI colours).
function text.draw(fig, opt)
  opt = options("plot.text", opt, drawing)
  local columns, rows = size(opt)
  local out = {}
  if fig.title then out[1] = centred(label.plain(fig.title), columns) end
  for i, panel in ipairs(fig.panels) do
    if i > 1 then out[#out + 1] = "" end
    draw_panel(panel, columns, rows, opt.color, out)
  end
  return table.concat(out, "\n")
end

--- Text of a figure, of the table of one, or of a plain sequence of numbers.
function text.render(spec)
  if getmetatable(spec) == Figure then return text.draw(spec, {}) end
  if values.is_sequence(spec) then
    local plain = values.plain(spec)
    if type(plain[1]) == "number" then spec = { { y = plain } } end
  end
  if type(spec) ~= "table" then error(("plot.text: expected a table or a tensor, got %s"):format(type(spec)), 0) end
  local described, opt = {}, {}
  for k, v in pairs(spec) do
    if drawing[k] ~= nil then opt[k] = v else described[k] = v end
  end
  return text.draw(Figure.new(described), opt)
end

return text
