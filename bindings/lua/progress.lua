-- progress.lua: how far a long loop is, on one line of stderr: for k in pg.progress(steps, "train") do.
--
-- Only on a terminal, at most ten times a second, and gone when the loop ends. Inside a worker of an experiment the
-- fraction goes to the one meter of the process that started it.
local pg = require "perigee"

local Meter = {}
Meter.__index = Meter
Meter.__name = "perigee.meter"

local clear = "\r\27[K"

local function meter(label)
  return setmetatable({ label = label, started = pg.system.clock(), drawn = -1, visible = pg.system.isatty(2) }, Meter)
end

local function duration(seconds)
  if seconds < 90 then return ("%.0f s"):format(seconds) end
  if seconds < 5400 then return ("%.0f min"):format(seconds / 60) end
  return ("%.1f h"):format(seconds / 3600)
end

--- Draws the fraction done, in [0, 1], unless the last drawing was less than a tenth of a second ago.
function Meter:update(fraction)
  if not self.visible then return end
  local now = pg.system.clock()
  if now - self.drawn < 0.1 then return end
  self.drawn = now
  local spent = now - self.started
  local left = fraction > 0 and spent > 1 and (", %s left"):format(duration(spent * (1 - fraction) / fraction)) or ""
  io.stderr:write(clear, ("%s %3.0f %%  %s%s"):format(self.label, 100 * fraction, duration(spent), left))
  io.stderr:flush()
end

--- A line above the meter.
function Meter:note(text)
  if self.visible then io.stderr:write(clear) end
  io.stderr:write(text, "\n")
  self.drawn = -1
end

function Meter:close()
  if self.visible and self.drawn >= 0 then io.stderr:write(clear) io.stderr:flush() end
  self.drawn = -1
end
Meter.__close = Meter.close

-- Counts 1..n and reports the fraction before each step.
local function counter(n, report, finish)
  local k = 0
  return function()
    k = k + 1
    pg.system.step(k <= n and k or nil)
    if k > n then finish() return nil end
    report((k - 1) / n)
    return k
  end
end

local progress = { meter = meter }

--- An iterator over 1..n that calls report(fraction in [0, 1)) before each step.
function progress.reporting(n, report) return counter(n, report, function() report(1) end) end

--- for k in pg.progress(n, label) do: counts 1..n and shows how far it is.
function progress.loop(n, label)
  if math.type(n) == nil or n ~= n then error("progress: the number of steps must be a number", 2) end
  local m = meter(label or "progress")
  return counter(n, function(fraction) m:update(fraction) end, function() m:close() end), nil, nil, m
end

return setmetatable(progress, { __call = function(_, ...) return progress.loop(...) end })
