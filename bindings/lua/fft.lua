-- fft.lua: what goes with the transforms: orders of frequencies, and convolution.
local pg = require "perigee"
local core = pg.fft

local fft = {}

local function check_axes(who, x, axes)
  if not pg.is_tensor(x) then error(("%s: a tensor is needed, got %s"):format(who, type(x)), 3) end
  if type(axes) == "number" then return { axes } end
  if axes then return axes end
  local all = {}
  for i = 1, x:ndim() do all[i] = i end
  return all
end

--- x with frequency 0 moved from the front of each axis (all, or the one or those listed) to its middle, position n//2 + 1.
function fft.fftshift(x, axes)
  for _, axis in ipairs(check_axes("fft.fftshift", x, axes)) do x = x:roll(x:dim(axis) // 2, axis) end
  return x
end

--- The inverse of fftshift.
function fft.ifftshift(x, axes)
  for _, axis in ipairs(check_axes("fft.ifftshift", x, axes)) do x = x:roll(-(x:dim(axis) // 2), axis) end
  return x
end

local function check_count(who, n, d)
  if math.type(n) ~= "integer" or n < 1 then error(("%s: n must be an integer >= 1, got %s"):format(who, tostring(n)), 3) end
  if type(d) ~= "number" or d == 0 then error(("%s: the spacing must be a number other than 0, got %s"):format(who, tostring(d)), 3) end
end

--- Frequencies of the coefficients of fft.fft for n samples `spacing` (1) apart, in cycles per unit: 0, 1, ..., -2, -1 over n spacing.
function fft.fftfreq(n, spacing)
  spacing = spacing or 1
  check_count("fft.fftfreq", n, spacing)
  local k = pg.arange(n):cast "f64"
  return (k - n * k:ge((n + 1) // 2):cast "f64") / (n * spacing)
end

--- Frequencies of the coefficients of fft.rfft: 0, 1, ..., n//2 over n spacing.
function fft.rfftfreq(n, spacing)
  spacing = spacing or 1
  check_count("fft.rfftfreq", n, spacing)
  return pg.arange(n // 2 + 1):cast "f64" / (n * spacing)
end

-- The least even length >= n with factors 2, 3, 5 alone.
local function good_length(n)
  local best = math.huge
  local five = 1
  while five < 2 * n do
    local odd = five
    while odd < 2 * n do
      local m = 2 * odd
      while m < n do m = 2 * m end
      best = math.min(best, m)
      odd = 3 * odd
    end
    five = 5 * five
  end
  return best
end

local function is_complex(x) return x:dtype() == "c128" end

--- Linear convolution along the last axis: c_k = sum_j a_j b_(k-j), na + nb - 1 elements; leading axes broadcast. O(n log n), with an error of
-- some eps |a| |b| in every element, also in those that are small.
function fft.convolve(a, b)
  for i, x in ipairs { a, b } do
    if not pg.is_tensor(x) then error(("fft.convolve: argument %d must be a tensor, got %s"):format(i, type(x)), 2) end
    if x:ndim() == 0 or x:dim(-1) == 0 then error(("fft.convolve: argument %d has no elements along its last axis"):format(i), 2) end
  end
  local n = a:dim(-1) + b:dim(-1) - 1
  local m = good_length(n)
  if is_complex(a) or is_complex(b) then
    return core.ifft(core.fft(a, { n = m }) * core.fft(b, { n = m })):narrow(-1, 1, n):clone()
  end
  return core.irfft(core.rfft(a, { n = m }) * core.rfft(b, { n = m }), { n = m }):narrow(-1, 1, n):clone()
end

return fft
