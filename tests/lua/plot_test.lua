-- Figures: the data and the script as laws, the picture as bytes, the program gnuplot present, absent and failing.
local pg = require "perigee"
local plot = pg.plot
local label = require "perigee.plot.label"
local bins = require "perigee.plot.bins"
local script = require "perigee.plot.gnuplot"
local values = require "perigee.plot.values"

local function shell(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo $?"))
  local output = pipe:read "a"
  pipe:close()
  local text, code = output:match "^(.-)(%d+)\n$"
  return tonumber(code), text
end

local dir = os.tmpname()
os.remove(dir)
assert(shell("mkdir " .. dir) == 0)
dir = dir .. "/"
local remover = setmetatable({}, { __gc = function() os.execute("rm -rf " .. dir) end })
local have_gnuplot = shell "command -v gnuplot" == 0

local function need_gnuplot(t)
  assert(remover)
  if not have_gnuplot then t.skip "gnuplot is not installed" end
end

local function read(name)
  local f = io.open(dir .. name, "rb")
  if not f then return nil end
  local text = f:read "a"
  f:close()
  return text
end

local function texts(fig, name)
  local text, data = script(fig, name or "fig")
  local lines = {}
  for line in data:lines() do lines[#lines + 1] = line end
  return text, lines
end

local function cells(line)
  local list = {}
  for cell in (line .. ","):gmatch "([^,]*)," do list[#list + 1] = cell end
  return list
end

-- A column of the figure's data by its heading, as texts.
local function column(lines, name)
  for k, heading in ipairs(cells(lines[1])) do
    if heading == name then
      local r = {}
      for i = 2, #lines do r[i - 1] = cells(lines[i])[k] end
      return r
    end
  end
  error("no column " .. name)
end

test("plot: cells of the data read back to the same doubles; what is not finite becomes NaN", function(t)
  local y = { 0.1, 1 / 3, 1e-300, -2 ^ 53, math.pi * 1e200, 0 / 0, 1 / 0, -1 / 0, 5e-324 }
  local _, lines = texts(plot.figure { plot.line { y = y, label = "y" } })
  local got = column(lines, "y")
  for i, v in ipairs(y) do
    if values.finite(v) then t.equal(tonumber(got[i]), v, "cell %d", i) else t.equal(got[i], "NaN", "cell %d", i) end
  end
end)

test("plot: a shared x is one column, shorter columns end in empty cells, equal headings stay apart", function(t)
  local _, lines = texts(plot.figure { xlabel = "k",
    plot.line { x = { 0, 1, 2 }, y = { 1, 2, 3 }, label = "a" }, plot.line { x = { 0, 1, 2 }, y = { 4, 5, 6 }, label = "b" },
    plot.line { x = { 7, 8 }, y = { 9, 10 }, label = "a" } })
  t.equal(lines[1], "k,a,b,k (2),a (2)")
  t.equal(lines[2], "0,1,4,7,9")
  t.equal(lines[4], "2,3,6,,")
  t.equal(#lines, 4)
end)

test("plot: tensors, arrays and numbers of a tensor give the same data", function(t)
  local x = pg.linspace(0, 1, 5)
  local _, a = texts(plot.figure { plot.line { x = x, y = x * x, error = x }, plot.paths { x = x, paths = pg.stack { x, x + 1 } } })
  local _, b = texts(plot.figure { plot.line { x = { 0, .25, .5, .75, 1 }, y = { 0, .0625, .25, .5625, 1 }, error = { 0, .25, .5, .75, 1 } },
    plot.paths { x = x:tolist(), paths = { { 0, .25, .5, .75, 1 }, { 1, 1.25, 1.5, 1.75, 2 } } } })
  t.equal(a, b)
end)

test("plot: numbers have a decimal point under a comma locale", function(t)
  local old = os.setlocale(nil, "numeric")
  for _, name in ipairs { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR" } do
    if os.setlocale(name, "numeric") then break end
  end
  local changed = ("%.1f"):format(0.5) == "0,5"
  local ok, text, lines = pcall(texts, plot.figure { ylog = true, plot.line { x = { 0.5, 1.5 }, y = { 0.25, 0.75 } } })
  os.setlocale(old, "numeric")
  if not changed then t.skip "no locale with a decimal comma is installed" end
  t.ok(ok, "%s", text)
  t.equal(lines[2], "0.5,0.25")
  t.ok(text:find("set xrange [0.5:1.5]", 1, true), "x range")
end)

test("plot: the script names its data, chooses the format, and holds no path", function(t)
  plot.figure { plot.line { y = { 1, 2 } } }:save(dir .. "named", { warn = false })
  local text = read "named.gp"
  t.ok(text:find("data = 'named.csv'", 1, true), "data")
  t.ok(text:find('if (!exists("format")) format = "svg"', 1, true), "format")
  t.ok(not text:find(dir, 1, true), "no path")
  t.ok(read "named.csv", "csv")
end)

-- The floor of log axes ------------------------------------------------------------------------------------------------

test("plot: values below zero on a log axis are drawn at the smallest positive one", function(t)
  local fig = plot.figure { ylog = true, plot.line { y = { 1, 1e-3, 0, -5, 1e-6 }, label = "y" } }
  local axis = fig.panels[1].yaxis
  t.equal(axis.floor, 1e-6)
  t.equal(axis.floored, 2)
  local text, lines = texts(fig)
  t.ok(text:find("lift_y(v) = v < 1e-06 ? 1e-06 : v", 1, true), "the script lifts")
  t.ok(text:find("2 values below 1e-06 are drawn at 1e-06", 1, true), "and says so")
  t.equal(column(lines, "y")[3], "0", "the data stay as they were")
end)

test("plot: the floor is at least 1e-30 of the largest value, or the end of a given range", function(t)
  local fig = plot.figure { ylog = true, plot.line { y = { 1, 1e-200 } } }
  t.near(fig.panels[1].yaxis.floor, 1e-30, 1e-40)
  fig = plot.figure { ylog = true, yrange = { 1e-3 }, plot.line { y = { 1, 1e-5, 0 } } }
  t.equal(fig.panels[1].yaxis.floor, 1e-3)
  t.equal(fig.panels[1].yaxis.floored, 2)
  t.equal(plot.figure { ylog = true, plot.line { y = { 1, 1e-5 } } }.panels[1].yaxis.floor, nil, "nothing to lift")
  t.equal(plot.figure { plot.line { y = { 1, 0, -1 } } }.panels[1].yaxis.floor, nil, "linear axis")
end)

test("plot: a band and paths reach the floor too; a log axis without positive values still has a range", function(t)
  local text = texts(plot.figure { ylog = true, plot.band { lo = { -1, 0.5 }, hi = { 1, 2 }, label = "b" },
    plot.paths { paths = { { 0, 1 }, { 1, 2 } } } })
  t.ok(text:find("(lift_y(column('b low')))", 1, true), "band")
  t.ok(text:find("(lift_y(column('paths '.i)))", 1, true), "paths")
  local axis = plot.figure { ylog = true, plot.line { y = { 0, -1 } } }.panels[1].yaxis
  t.ok(axis.lo > 0 and axis.hi > axis.lo)
end)

-- Labels -----------------------------------------------------------------------------------------------------------------

test("plot: labels are literal outside dollars and mathematics inside", function(t)
  t.equal(label.gnuplot "it's {a_b} ^ @x & y ~ z \\n", [['it''s \{a\_b\} \^ \@x \& y \~ z \\n']])
  t.equal(label.gnuplot "gap $f(x_k) - f^*$", "'gap f(x_k) − f^∗'")
  t.equal(label.gnuplot "$\\mu \\le 10^{-3}$", "'μ ≤ 10^{−3}'")
  t.equal(label.gnuplot "costs 5$", "'costs 5$'", "a single dollar")
  t.equal(label.gnuplot "\\$a_b\\$", [['$a\_b$']])
  t.equal(label.gnuplot "$a_{b$", [['$a\_\{b$']], "an unbalanced brace")
  t.equal(label.gnuplot "two\nlines", [['two'."\n".'lines']])
  t.equal(label.gnuplot "broken \xff\0", "'broken ? '")
  t.equal(label.plain "$k^{-2}$ and $x_{ij}$", "k⁻² and x_ij")
end)

-- The picture's texts, in order of appearance, with entities resolved.
local function svg_texts(svg)
  local list = {}
  for body in svg:gmatch "<text>(.-)</text>" do
    body = body:gsub("<[^>]*>", ""):gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&quot;", '"'):gsub("&apos;", "'"):gsub("&amp;", "&")
    list[#list + 1] = body:gsub("^%s+", "")
  end
  return "\n" .. table.concat(list, "\n") .. "\n"
end

test("plot: special characters come out of gnuplot as they went in; backquotes run nothing", function(t)
  need_gnuplot(t)
  local title = [["q" it's {a} x_b^c @m & ~ \t <é∇> `touch ]] .. dir .. [[ran` $(touch ]] .. dir .. "ran) %s"
  local fig = plot.figure { title = title, xlabel = "x_1", ylabel = "100 %", plot.line { y = { 1, 2 }, label = "a_b {c}" } }
  local _, message = fig:save(dir .. "special", { warn = false })
  t.equal(message, nil)
  local seen = svg_texts(read "special.svg")
  for _, text in ipairs { title, "x_1", "100 %", "a_b {c}" } do t.ok(seen:find("\n" .. text .. "\n", 1, true), "%s in %s", text, seen) end
  t.equal(read "ran", nil, "no command ran")
end)

test("plot: file names with quotes, spaces and dollars work; pipes are refused", function(t)
  need_gnuplot(t)
  local fig = plot.figure { plot.line { y = { 1, 2 } } }
  for _, name in ipairs { "it's", "a b", "$HOME", "-v", "`id`", "ünï", "x;y", "a\"b" } do
    local files, message = fig:save(dir .. name, { warn = false })
    t.equal(message, nil, "%s", name)
    t.equal(#files, 3)
    t.ok((read(name .. ".svg") or ""):find "</svg>", "%s", name)
  end
  t.fails(function() fig:save(dir .. "|id") end, "plot.save: file name '|id' must not begin with '|'")
  t.fails(function() fig:save(dir .. "a\nb") end, "control character")
  t.fails(function() fig:save(dir) end, "names no file")
end)

-- Pictures ---------------------------------------------------------------------------------------------------------------

local function busy_figure()
  local x = pg.linspace(1, 100, 60)
  local z = {}
  for j = 1, 4 do
    z[j] = {}
    for i = 1, 5 do z[j][i] = (i - 3) * j end
  end
  local runs = {}
  for k = 1, 6 do runs[k] = (x ^ -1 * (1 + k / 10)):tolist() end
  return plot.figure { title = "All kinds", columns = 2, panels = {
    { title = "lines", log = "xy", slope = "k^-2", plot.line { x = x, y = x ^ -2, label = "square", band = { x ^ -2 / 2, x ^ -2 * 2 } },
      plot.paths { x = x, paths = runs, label = "runs" }, plot.line { x = x, y = x ^ -1, dash = "dashed", label = "exact" } },
    { title = "points", diagonal = "y = x", hline = { 0.5, label = "half" }, vline = 0.3, legend = "outside",
      plot.scatter { x = { 0, 0.5, 1 }, y = { 0.1, 0.4, 1 }, error = 0.1, xerror = 0.05, label = "runs" }, plot.note { x = 0.2, y = 0.8, "here" } },
    { title = "counts", plot.histogram { values = { 1, 2, 2, 3, 3, 3, 7 }, bins = 4, label = "counts" } },
    { title = "map", plot.heatmap { z = z, zlabel = "value" } },
    { title = "log map", log = "xy", plot.heatmap { x = { 1, 10, 100 }, y = { 1, 2 }, z = { { 1, 2, 3 }, { 4, 0, 6 } }, zlog = true } },
  } }
end

test("plot: every kind of series is drawn without a word from gnuplot, twice with the same bytes", function(t)
  need_gnuplot(t)
  local fig = busy_figure()
  local files, message = fig:save(dir .. "busy", { formats = "svg,png,pdf", warn = false })
  t.equal(message, nil)
  t.equal(#files, 5)
  local first = read "busy.svg"
  t.ok(first:find "</svg>%s*$", "complete")
  t.equal(read("busy.png"):sub(1, 8), "\137PNG\r\n\26\n")
  t.equal(read("busy.pdf"):sub(1, 5), "%PDF-")
  local code, output = shell("cd " .. dir .. " && LC_ALL=C.UTF-8 gnuplot busy.gp")  -- in another encoding gnuplot says what it misses
  t.equal(code, 0)
  t.equal(output, "", "the script alone draws the same picture in silence")
  t.equal(read "busy.svg", first)
  busy_figure():save(dir .. "busy", { warn = false })
  t.equal(read "busy.svg", first)
end)

test("plot: series without a finite point are noted, and an empty panel is still drawn", function(t)
  need_gnuplot(t)
  local fig = plot.figure { plot.line { y = { 0 / 0, 1 / 0 }, label = "lost" } }
  t.equal(fig.notes[1], "lost has no finite point and is not drawn")
  local _, message = fig:save(dir .. "empty", { warn = false })
  t.equal(message, nil)
  _, message = plot.figure { ylog = true, plot.line { y = { 0, -1 } }, plot.line { y = {} } }:save(dir .. "empty", { warn = false })
  t.equal(message, nil)
  _, message = plot.figure { plot.line { y = { 3 } }, plot.heatmap { z = { { 1 } } } }:save(dir .. "empty", { warn = false })
  t.equal(message, nil)
end)

test("plot: extreme magnitudes and constant curves get ranges and ticks that gnuplot accepts", function(t)
  need_gnuplot(t)
  for _, y in ipairs { { 1e300, 2e300 }, { 1e-300, 2e-300 }, { 5, 5 }, { 0, 0 }, { -1e9, 1e9 }, { 1, 1 + 1e-12 }, { 1e-3, 2e-3 } } do
    for _, log in ipairs { false, true } do
      local _, message = plot.figure { ylog = log, plot.line { y = y } }:save(dir .. "range", { warn = false })
      t.equal(message, nil, "%g to %g, log %s", y[1], y[2], tostring(log))
    end
  end
end)

test("plot: the extension of the path stands for its format; unknown formats are refused", function(t)
  need_gnuplot(t)
  local fig = plot.figure { plot.line { y = { 1, 2 } } }
  t.equal(fig:save(dir .. "ext.png"), { dir .. "ext.csv", dir .. "ext.gp", dir .. "ext.png" })
  t.fails(function() fig:save(dir .. "x", { formats = "svg,gif" }) end, "plot.save: unknown format 'gif' %(svg, png, pdf%)")
  t.fails(function() fig:save(dir .. "x", { format = "svg" }) end, "unknown option 'format' %(did you mean 'formats'%?%)")
end)

-- When something is missing ----------------------------------------------------------------------------------------------

test("plot: without gnuplot the data and the script are written and the message says what to install", function(t)
  local _, exe = shell "readlink /proc/$PPID/exe"
  local code = ([[require 'perigee'.plot.figure { { y = { 1, 2 } } }:save '%salone']]):format(dir)
  local status, output = shell(("PATH=/nonexistent PERIGEE_GNUPLOT= %s -e %q"):format(exe:gsub("\n", ""), code))
  if status == 127 then t.skip "the interpreter cannot be found" end
  t.equal(status, 0, "%s", output)
  t.ok(output:find("plot.save: gnuplot was not found", 1, true), "%s", output)
  t.ok(output:find("apt install gnuplot-nox", 1, true), "%s", output)
  t.ok(read "alone.csv" and read "alone.gp", "data and script")
  t.equal(read "alone.svg", nil)
end)

local function program(name, body)
  local f = assert(io.open(dir .. name, "w"))
  f:write("#!/bin/sh\n", body, "\n")
  f:close()
  shell("chmod +x " .. dir .. name)
  return dir .. name
end

test("plot: what a failing gnuplot says is passed on, and no half picture stays", function(t)
  local fig = plot.figure { plot.line { y = { 1, 2 } } }
  local heard = {}
  local function try(body)
    return select(2, fig:save(dir .. "fails", { gnuplot = program("fake", body), warn = function(s) heard[#heard + 1] = s end }))
  end
  t.equal(try "echo; echo 'plot x'; echo '\"fails.gp\" line 7: undefined variable: y' >&2; exit 1",
    "plot.save: gnuplot could not draw 'fails.svg': \"fails.gp\" line 7: undefined variable: y")
  t.ok(try("kill -9 $$"):find("stopped by signal 9", 1, true), "signal")
  t.ok(try("echo '<svg>' > .x; mv .x fails.svg.part"):find("the picture is incomplete", 1, true), "cut")
  t.ok(try("echo 'line 9: unknown or ambiguous terminal name'; exit 1"):find("has no terminal svg", 1, true), "terminal")
  t.equal(#heard, 4)
  t.equal(read "fails.svg", nil)
  t.equal(read "fails.svg.part", nil)
  t.ok(read "fails.csv", "the data are there")
end)

test("plot: an unwritable folder and a full disk give one message; the file from before stays", function(t)
  local fig = plot.figure { plot.line { y = { 1, 2 } } }
  t.fails(function() fig:save(dir .. "nowhere/x") end, "plot.save: cannot write '.*nowhere/x.csv': No such file or directory")
  fig:save(dir .. "full", { warn = false })
  local before = read "full.csv"
  if shell("ln -s /dev/full " .. dir .. "full.csv.part") ~= 0 or shell "test -e /dev/full" ~= 0 then t.skip "no /dev/full" end
  t.fails(function() plot.figure { plot.line { y = { 3, 4 } } }:save(dir .. "full") end,
    "plot.save: cannot write '.*full.csv': No space left on device")
  t.equal(read "full.csv", before)
end)

test("plot: misspelt options, kinds and values are refused with the name", function(t)
  t.fails(function() plot.figure { xlable = "x" } end, "plot.figure: unknown option 'xlable' %(did you mean 'xlabel'%?%)")
  t.fails(function() plot.figure { panels = { { ylgo = true } } } end, "unknown option 'ylgo' %(did you mean 'ylog'%?%)")
  t.fails(function() plot.figure { plot.line { y = { 1 }, lable = "x" } } end, "plot.line: unknown option 'lable' %(did you mean 'label'%?%)")
  t.fails(function() plot.figure { { kind = "scater", y = { 1 } } } end, "unknown kind of series 'scater' %(did you mean 'scatter'%?%)")
  t.fails(function() plot.figure { plot.line { x = { 1, 2 }, y = { 1 } } } end, "plot.line: x has 2 entries, y has 1")
  t.fails(function() plot.figure { plot.line { y = { 1, "two" } } } end, "plot.line: y: expected numbers, got string")
  t.fails(function() plot.figure { log = "z" } end, "log must be \"x\", \"y\" or \"xy\", got 'z'")
  t.fails(function() plot.figure { ylog = true, yrange = { 0, 1 } } end, "yrange must hold finite positive numbers, got 0")
  t.fails(function() plot.figure { plot.slope "k**2" } end, "plot.slope: cannot read 'k%*%*2'")
  t.fails(function() plot.figure { plot.line { y = { 1 }, color = "mauve" } } end, "unknown color 'mauve'")
  t.fails(function() plot.figure { legend = "top" } end, "legend must be")
  local ok, message = pcall(function() plot.figure { xlable = "x" } end)
  t.ok(not ok and message:find "plot_test.lua:%d+: plot.figure", "the position is the caller's: %s", message)
end)

-- Histograms ---------------------------------------------------------------------------------------------------------------

-- Slow and plain: [e_i, e_(i+1)), the last bin closed.
local function naive_counts(data, edges)
  local counts = {}
  for i = 1, #edges - 1 do
    counts[i] = 0
    for _, v in ipairs(data) do
      if v >= edges[i] and (v < edges[i + 1] or (i == #edges - 1 and v == edges[i + 1])) then counts[i] = counts[i] + 1 end
    end
  end
  return counts
end

test("plot.histogram: counts agree with a direct count, none is lost, values on edges belong to the right", function(t)
  local data = {}
  for i = 1, 997 do data[i] = (i * i % 211) / 10 end
  for _, wanted in ipairs { "auto", 1, 7, 50 } do
    local edges = bins.edges(data, wanted, false)
    local counts, total = bins.count(data, edges, false), 0
    t.equal(counts, naive_counts(data, edges), "%s", tostring(wanted))
    for _, c in ipairs(counts) do total = total + c end
    t.equal(total, 997)
    if wanted ~= "auto" then t.equal(#edges, wanted + 1) end
  end
  t.equal(bins.count({ 0, 1, 1, 2, 3 }, { 0, 1, 2, 3 }, false), { 1, 2, 2 })
  t.equal(bins.count({ -1, 0.5, 9, 0 / 0 }, { 0, 1 }, false), { 1 })
end)

test("plot.histogram: the automatic number is Freedman and Diaconis', densities have area one", function(t)
  local data = {}
  for i = 1, 1000 do data[i] = (i - 0.5) / 1000 end                       -- IQR 0.4995, width 0.0999: 10 bins of the span
  t.equal(#bins.edges(data, "auto", false) - 1, 10)
  local edges = { 0, 0.1, 0.5, 1 }
  local area = 0
  for i, d in ipairs(bins.count(data, edges, true)) do area = area + d * (edges[i + 1] - edges[i]) end
  t.near(area, 1, 1e-12)
end)

test("plot.histogram: bins on a log axis have equal ratios and keep the extreme values", function(t)
  local data = { 1e-3, 0.02, 0.5, 7, 1000, -1, 0 }
  local edges = bins.edges(data, 6, true)
  for i = 1, 6 do t.near(edges[i + 1] / edges[i], 10, 1e-9) end
  local total = 0
  for _, c in ipairs(bins.count(data, edges, false)) do total = total + c end
  t.equal(total, 5)
  local fig = plot.figure { plot.histogram { values = pg.tensor { 1, 2, 2, 3 }, bins = { 0.5, 1.5, 2.5, 3.5 } } }
  t.equal(fig.panels[1].series[1].count, { 1, 2, 1 })
end)

-- Decisions ----------------------------------------------------------------------------------------------------------------

test("plot: the legend takes an empty corner, or leaves the panel", function(t)
  local rising, falling, noise = {}, {}, {}
  for i = 1, 50 do rising[i], falling[i] = i, 51 - i end
  for i = 1, 4000 do noise[i] = (i * 7919 % 4001) / 4001 end
  t.equal(plot.figure { plot.line { y = rising, label = "up" } }.panels[1].key, "top left")
  t.equal(plot.figure { plot.line { y = falling, label = "down" } }.panels[1].key, "top right")
  t.equal(plot.figure { plot.scatter { x = pg.linspace(0, 1, 4000), y = noise, label = "all over" } }.panels[1].key, "outside")
  t.equal(plot.figure { plot.line { y = rising } }.panels[1].key, nil, "nothing to say")
  t.equal(plot.figure { legend = "bottom right", plot.line { y = rising, label = "up" } }.panels[1].key, "bottom right")
end)

test("plot: panels with the same labels share colours and one legend", function(t)
  local function panel(order)
    local p = {}
    for i, name in ipairs(order) do p[i] = plot.line { y = { 1, 2, i }, label = name } end
    return p
  end
  local fig = plot.figure { panels = { panel { "a", "b" }, panel { "b", "a", "c" } } }
  local one, two = fig.panels[1].series, fig.panels[2].series
  t.equal(one[1].color_name, two[2].color_name)
  t.equal(one[2].color_name, two[1].color_name)
  t.ok(one[1].color_name ~= one[2].color_name and two[3].color_name ~= one[1].color_name)
  t.equal(fig.panels[1].key, nil)
  local text = texts(fig)
  for _, name in ipairs { "a", "b", "c" } do
    t.equal(select(2, text:gsub("title '" .. name .. "'", "")), 1, "%s is named once", name)
  end
end)

test("plot: a solitary dashed curve is black, one that belongs to a group has its colour", function(t)
  local s = plot.figure { plot.line { y = { 1, 2 }, label = "a" }, plot.line { y = { 1, 3 }, label = "bound", dash = "dashed" },
    plot.line { y = { 1, 4 }, group = "a", dash = "dotted" }, plot.line { y = { 1, 5 }, label = "other", dash = "dashed" } }.panels[1].series
  t.equal(s[2].color_name, "black")
  t.equal(s[3].color_name, s[1].color_name)
  t.ok(s[4].color_name ~= "black")
end)

test("plot.slope: a reference has its power, stays in the panel and clear of the curves", function(t)
  local x = pg.linspace(1, 100, 100)
  local fig = plot.figure { log = "xy", slope = "k^-2", plot.line { x = x, y = 3 * x ^ -2, label = "a" }, plot.line { x = x, y = x ^ -0.5, label = "b" } }
  local s, y = fig.panels[1].series[3], fig.panels[1].yaxis
  t.equal(s.power, -2.0)
  t.equal(s.label, "$k^{-2}$")
  t.ok(s.constant > 3 * 1.3 or s.constant < 3 / 1.3, "clear of a")
  for _, at in ipairs(s.range) do t.ok(s.constant * at ^ -2 > y.lo and s.constant * at ^ -2 < y.hi, "inside") end
  s = plot.figure { log = "xy", plot.line { y = { 1, 2 } }, plot.slope { "t^(1/2)", through = { 4, 6 } } }.panels[1].series[2]
  t.equal(s.power, 0.5)
  t.near(s.constant * 4 ^ 0.5, 6, 1e-12)
end)

test("plot: long curves are drawn through evenly chosen points with both ends, and the figure says so", function(t)
  local x = pg.arange(1, 20001)
  local fig = plot.figure { plot.line { x = x, y = x } }
  local s = fig.panels[1].series[1]
  t.ok(#s.x <= 1000 and #s.x >= 900, "%d points", #s.x)
  t.equal(s.x[1], 1.0)
  t.equal(s.x[#s.x], 20000.0)
  t.ok(fig.notes[1]:find "at most 1000")
  s = plot.figure { xlog = true, plot.line { x = x, y = x } }.panels[1].series[1]
  t.equal({ table.unpack(s.x, 1, 5) }, { 1.0, 2.0, 3.0, 4.0, 5.0 }, "a log axis keeps its first decades")
  t.ok(#s.x <= 1000 and s.x[#s.x] == 20000, "%d points", #s.x)
  t.equal(#plot.figure { points = 50000, plot.line { x = x, y = x } }.panels[1].series[1].x, 20000)
end)

-- The terminal -------------------------------------------------------------------------------------------------------------

local function lines_of(text)
  local list = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do list[#list + 1] = line end
  return list
end

test("plot.text: a rising line goes from the lower left to the upper right within its width", function(t)
  local list = lines_of(plot.text { width = 60, height = 10, plot.line { y = pg.linspace(0, 1, 100) } })
  t.equal(#list, 12)                                                      -- the area, the rule, the labels
  for _, line in ipairs(list) do t.ok(utf8.len(line) <= 60, "%s", line) end
  local first, last = list[1]:find "[\xe2][\xa0-\xa3]", list[10]:find "[\xe2][\xa0-\xa3]"
  t.ok(first and last and first > last + 40, "the top row is drawn to the right of the bottom row")
  t.ok(list[1]:find "1 ┤" and list[10]:find "0 ┤", "ticks at both ends")
end)

test("plot.text: exact pictures of a map, a histogram and a marked pair of curves", function(t)
  local map = lines_of(plot.text { width = 24, height = 4, plot.heatmap { z = { { 0, 1 }, { 2, 4 } } } })
  t.equal(map[1], "  │" .. ("▒"):rep(11) .. ("█"):rep(10))                 -- 2 and 4 of at most 4 lie above 0 and 1
  t.equal(map[4], "  │" .. ("·"):rep(11) .. ("░"):rep(10))
  local bars = plot.text { width = 40, height = 4, plot.histogram { values = { 1, 1, 1, 1, 2 }, bins = { 0.5, 1.5, 2.5 } } }
  t.ok(bars:find "█" and select(2, bars:gsub("█", "")) > 30, "%s", bars)
  local pair = plot.text { width = 50, height = 8, plot.line { y = { 1, 2 }, label = "up" }, plot.line { y = { 2, 1 }, label = "down" } }
  t.ok(pair:find "A up   B down" and select(2, pair:gsub("A", "")) == 2 and select(2, pair:gsub("B", "")) == 2, "%s", pair)
end)

test("plot.text: draws every kind and any sequence; sizes are checked", function(t)
  t.ok(#busy_figure():text { width = 70 } > 2000)
  t.equal(plot.text(pg.tensor { 1, 2, 4 }), plot.text { { y = { 1, 2, 4 } } })
  t.equal(plot.text { 1, 2, 4 }, plot.text { plot.line { y = { 1, 2, 4 } } })
  t.ok(plot.text { color = true, plot.line { y = { 1, 2 } } }:find "\27%[38;2;0;114;178m")
  t.fails(function() plot.text { width = 3, plot.line { y = { 1 } } } end, "plot.text: width must be an integer from 24, got 3")
  t.fails(function() plot.text { height = 0, plot.line { y = { 1 } } } end, "height must be an integer from 3 to 400, got 0")
end)

-- Figures from rows ----------------------------------------------------------------------------------------------------------

local function output() return plot.output(dir, "svg", { warn = function() end }) end
local function series_of(fig, k) return fig.panels[1].series[k] end

test("out:line: rows with equal x are one point: mean and standard error, by group, x increasing", function(t)
  local rows = {}
  for _, r in ipairs { { 2, "a", 3 }, { 1, "a", 1 }, { 1, "a", 2 }, { 1, "a", 6 }, { 2, "b", 7 } } do
    rows[#rows + 1] = { H = r[1], method = r[2], escaped = r[3] }
  end
  local fig = output():line { rows, x = "H", y = "escaped", group = "method", band = "stderr", file = "groups" }
  local band, a, b = series_of(fig, 1), series_of(fig, 2), series_of(fig, 4)
  t.equal(a.x, { 1.0, 2.0 })
  t.near(a.y, { 3, 3 }, 1e-14)
  t.near(band.hi[1] - 3, math.sqrt(7 / 3), 1e-14)                          -- deviations -2, -1, 3: variance 7, n = 3
  t.equal(band.hi[2], 3.0, "one replica has no error")
  t.equal({ a.label, b.label }, { "a", "b" })
  t.equal(b.x, { 2.0 })
  t.ok(read "groups.csv" and read "groups.gp")
end)

test("out:line: curves with replicas: mean, type-7 quantiles, sample paths; tensors and arrays alike", function(t)
  local rows, all = {}, {}
  for s = 1, 5 do
    rows[s] = { k = { 1, 2, 3 }, gap = { s, s * s, 10 - s } }
    all[s] = rows[s].gap
  end
  local spec = { x = "k", y = "gap", band = "10-90", paths = 2, label = "m" }
  spec[1] = rows
  local fig = output():line(spec)
  local paths, band, line = series_of(fig, 1), series_of(fig, 2), series_of(fig, 3)
  t.equal(paths.paths, { { 1.0, 1.0, 9.0 }, { 2.0, 4.0, 8.0 } })
  t.near(line.y, { 3, 11, 7 }, 1e-14)
  t.near(band.lo, { 1.4, 2.2, 5.4 }, 1e-14)
  t.near(band.hi, { 4.6, 21.4, 8.6 }, 1e-14)
  t.equal({ paths.label, band.label, line.label }, { "m, 2 runs", "10–90 %", "m, mean" })
  t.equal({ paths.color_name, band.color_name }, { line.color_name, line.color_name })
  local gap = pg.series { "gap" }
  for k = 1, 3 do gap:add(k, pg.tensor(all):transpose()[k]) end
  for _, other in ipairs { { gap, y = "gap" }, { x = { 1, 2, 3 }, y = pg.tensor(all) }, { x = { 1, 2, 3 }, y = pg.tensor(all):transpose() } } do
    other.band, other.paths, other.label, other.file = "10-90", 2, "m", "gap"
    local again = output():line(other)
    t.near(series_of(again, 2).lo, band.lo, 1e-13)
    t.near(series_of(again, 3).y, line.y, 1e-13)
    t.equal(series_of(again, 1).paths, paths.paths)
  end
  t.near(series_of(output():line { rows, x = "k", y = "gap", center = "median" }, 1).y, { 3, 9, 7 }, 0)
end)

test("out:line: several y, each with its own look, and further series after the rows", function(t)
  local rows = { { k = { 1, 2 }, gd = { 1, 2 }, bound = { 3, 4 } } }
  local fig = output():line { rows, plot.hline { y = 2.5, label = "target" }, x = "k", ylog = true,
    y = { { "gd", label = "gradient descent" }, { "bound", dash = "dotted" } } }
  t.equal(series_of(fig, 1).label, "gradient descent")
  t.equal({ series_of(fig, 2).label, series_of(fig, 2).dash }, { "bound", "dotted" })
  t.equal(series_of(fig, 3).kind, "hline")
  t.equal(fig.panels[1].xlabel, "k")
end)

test("out: scatter, histogram, heat map and panels from rows", function(t)
  local rows = {}
  for i = 1, 12 do rows[i] = { eta = i % 3, batch = i % 2, loss = i, method = i <= 6 and "a" or "b" } end
  local out = output()
  local fig = out:scatter { rows, x = "eta", y = "loss", group = "method", diagonal = true }
  t.equal(series_of(fig, 2).y, { 7.0, 8.0, 9.0, 10.0, 11.0, 12.0 })
  t.equal(series_of(fig, 3).kind, "diagonal")
  fig = out:histogram { rows, x = "loss", group = "method", bins = 4 }
  t.equal(series_of(fig, 1).left, series_of(fig, 2).left, "groups share their bins")
  t.equal(series_of(fig, 1).count, { 3, 3, 0, 0 })
  fig = out:heatmap { rows, x = "eta", y = "batch", z = "loss" }
  t.equal(series_of(fig, 1).z, { { 9.0, 7.0, 5.0 }, { 6.0, 4.0, 8.0 } })     -- each cell is the mean of i and i + 6
  fig = out:panels { rows = rows, file = "all", { x = "eta", y = "loss" }, { kind = "histogram", x = "loss" }, { plot.line { y = { 1, 2 } } } }
  t.equal(#fig.panels, 3)
  t.ok(read "all.csv")
  t.equal(out.files[#out.files - (have_gnuplot and 1 or 0)], dir .. "all.gp")
end)

test("out: errors name the column, the option and the call", function(t)
  local out, rows = output(), { { H = 1, rate = 2 } }
  t.fails(function() out:line { rows, x = "H", y = "raet" } end, "out:line: rows have no 'raet'")
  t.fails(function() out:line { rows, x = "H", y = "rate", bnad = "stderr" } end, "out:line: unknown option 'bnad' %(did you mean 'band'%?%)")
  t.fails(function() out:line { rows, x = "H", y = "rate", band = "90-10" } end, "band must be \"stderr\"")
  t.fails(function() out:line { rows, y = "rate" } end, "give x, the name of a column")
  t.fails(function() out:histogram { rows } end, "out:histogram: give x")
end)

test("out: that gnuplot is missing is said once for all figures", function(t)
  local heard = 0
  local out = plot.output(dir, { "svg" }, { gnuplot = "gnuplot-of-nowhere", warn = function() heard = heard + 1 end })
  for _ = 1, 3 do out:line { y = { 1, 2 }, file = "quiet" } end
  t.equal(heard, 1)
  t.equal(#out.messages, 1)
  t.equal(out:complete(), false)
end)

test("a graph is a broken line along its edges under nodes shaded by value", function(t)
  local g = pg.process.graph.grid { 2, 3 }
  local fig = pg.plot.figure { pg.plot.graph { graph = g, values = { -4, 0, 1, 4, 4, -1 } } }
  local series = fig.panels[1].series
  t.equal(#series[1].x, 3 * g:m())
  local at, u, v = g:layout(), g:edges()
  for e = 1, g:m() do
    t.equal({ series[1].x[3 * e - 2], series[1].y[3 * e - 2], series[1].x[3 * e - 1], series[1].y[3 * e - 1] }, { at[u[e]][1], at[u[e]][2], at[v[e]][1], at[v[e]][2] })
    t.ok(series[1].x[3 * e] ~= series[1].x[3 * e])
  end
  local count, shades = 0, {}
  for i = 2, #series do
    count = count + #series[i].x
    shades[#shades + 1] = #series[i].x
  end
  t.equal(count, 6)
  t.equal(shades, { 1, 1, 1, 1, 2 })                       -- -4; -1, half way; 0; 1, half way; 4 twice
  t.fails(function() pg.plot.figure { pg.plot.graph { graph = g, values = { 1, 2 } } } end, "plot.graph: 2 values for 6 nodes")
  t.fails(function() pg.plot.figure { pg.plot.graph { graph = 3 } } end, "plot.graph: graph must be one of process.graph, got number")
end)
