-- plot.lua: figures. pg.plot.figure{ ... } describes one, fig:save(path) writes it, fig:text() draws it right here.
--
--   local plot = pg.plot
--   local fig = plot.figure {
--     title = "Gap", xlabel = "iteration $k$", ylabel = "$f(x_k) - f^*$", ylog = true,
--     plot.line  { x = k, y = gd, label = "gradient descent" },
--     plot.paths { x = k, paths = runs, label = "sample paths", group = "run" },
--     plot.line  { x = k, y = mean, band = { lo, hi }, label = "mean", group = "run" },
--   }
--   fig:save("gap", { formats = "svg,pdf" })       -- gap.csv, gap.gp, gap.svg, gap.pdf
--
-- The parts: plot.series (kinds), plot.figure (decisions), plot.gnuplot (script), plot.save (files and the program),
-- plot.text (terminal), plot.output (`out` of an experiment's report). docs/figures.md shows them all.

local options, optional = require "perigee.options", require "perigee.optional"
local Figure = require "perigee.plot.figure"
local palette = require "perigee.plot.palette"
local series = require "perigee.plot.series"
local save = require "perigee.plot.save"
local text = require "perigee.plot.text"
local blame = require "perigee.plot.blame"

local plot = { palette = palette }

--- A figure from its table. Errors name the field and the offending value.
function plot.figure(spec) return (blame(Figure.new, spec)) end

for _, kind in ipairs(series.names) do plot[kind] = series.constructor(kind) end

--- Draws a figure, or the table of one, as a string for the terminal.
-- Options besides those of a figure: width (columns, default $COLUMNS or 80), height (lines, default 20), color.
function plot.text(spec) return (blame(text.render, spec)) end

--- The object that an experiment's report(rows, out) receives; see plot/output.lua.
function plot.output(dir, formats, opt) return require "perigee.plot.output" (dir, formats, opt) end

local save_options = { formats = optional, gnuplot = optional, warn = optional }

--- Writes path.csv, path.gp and the pictures in opt.formats ("svg", "png", "pdf"; default "svg").
-- Returns the files written and, when gnuplot is missing or fails, a message, which also goes to opt.warn (a
-- function, or false for silence; default: stderr).
function Figure:save(path, opt)
  opt = options("plot.save", opt, save_options)
  local files, message = blame(save, self, path, opt)
  if message and opt.warn ~= false then
    local warn = opt.warn or function(s) io.stderr:write(s, "\n") end
    warn(message)
  end
  return files, message
end

--- The figure as text for a terminal; opt.width, opt.height, opt.color.
function Figure:text(opt) return (blame(text.draw, self, opt or {})) end

return plot
