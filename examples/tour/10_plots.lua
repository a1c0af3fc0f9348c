-- Plots: a figure is a table; saving it writes the data as CSV, a gnuplot script to edit, and the picture.
local pg = require "perigee"
local plot = pg.plot

local k = pg.arange(1, 201):cast "f64"
local walks = pg.rng(1):block("walk", 30):normal { 200 }:cumsum(2)     -- 30 random walks of 200 steps
local root = k:sqrt()

local folder = os.getenv "TMPDIR" or "/tmp"
plot.figure {
  title = "Random walks spread like the square root of time", xlabel = "steps", ylabel = "position",
  plot.line { x = k, y = walks:mean(1), band = { walks:quantile(0.1, 1), walks:quantile(0.9, 1) }, label = "mean, 10-90 %" },
  plot.line { x = k, y = 1.2816 * root, label = "expected band", dash = "dashed", color = "black" },
  plot.line { x = k, y = -1.2816 * root, dash = "dashed", color = "black" },
}:save(folder .. "/walks")
print("saved " .. folder .. "/walks.svg")

-- At the prompt and over ssh, in the terminal itself:
print(plot.text { plot.line { x = k, y = root, label = "sqrt k" } })
