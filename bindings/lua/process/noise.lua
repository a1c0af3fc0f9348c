-- process/noise.lua: increments of the noise that drives an equation, over steps of dt, all at once: (steps, shape of x).
local pg = require "perigee"
local check = require "perigee.process.check"

--- kind: "white" (deviation dt^(1/2)), { H = } (fractional, dt^H), { alpha =, beta = } (stable, S1, scale dt^(1/alpha)), or a tensor of increments
-- (steps, shape of x) as they are.
return function(who, rng, x, steps, dt, kind)
  local shape = x:dims()
  if pg.is_tensor(kind) then
    local wanted = { steps, table.unpack(shape) }
    if table.concat(kind:dims(), ", ") ~= table.concat(wanted, ", ") then
      error(("%s: increments of shape %s for %d steps of x %s; they must be (%s)"):format(who, check.shape(kind), steps, check.shape(x), table.concat(wanted, ", ")), 3)
    end
    return kind
  end
  local rows = check.rows(who, rng)
  local own = table.move(shape, #rows + 1, #shape, 1, {})                   -- the shape of x for one stream
  if #rows > 0 and shape[1] ~= rows[1] then
    error(("%s: x of shape %s for a block of %d streams; its first axis must be the streams"):format(who, check.shape(x), rows[1]), 3)
  end
  if kind == "white" then return check.steps_first(steps, own, function(dims) return rng:normal(dims) end) * math.sqrt(dt) end
  if type(kind) == "table" and kind.H then return pg.process.fgn(rng, { steps, table.unpack(own) }, { H = kind.H, dt = dt }) end
  if type(kind) == "table" and kind.alpha then
    if type(kind.alpha) ~= "number" or not (kind.alpha > 0 and kind.alpha <= 2) then error(("%s: alpha must lie in (0, 2], got %s"):format(who, tostring(kind.alpha)), 3) end
    return check.steps_first(steps, own, function(dims) return rng:stable(dims, kind.alpha, kind.beta or 0, dt ^ (1 / kind.alpha)) end)
  end
  error(("%s: noise must be \"white\", { H = }, { alpha =, beta = } or a tensor of increments, got %s"):format(who, type(kind) == "string" and '"' .. kind .. '"' or type(kind)), 3)
end
