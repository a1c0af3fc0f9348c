-- data.lua: data sets: loaders of public forms from a folder, stand-ins made on the spot, splits and batches.
--
-- A set is { x = tensor (n, ...), y = tensor (n) }: classes count from 1. Everything random takes a stream.
local pg = require "perigee"

local data = {}

local function check_count(who, name, n)
  if math.type(n) ~= "integer" or n < 0 then error(("%s: %s must be an integer >= 0, got %s"):format(who, name, tostring(n)), 3) end
end

-- Batches ------------------------------------------------------------------------------------------------------------------

--- Iterates over batches of indices 1..n: for idx, k in data.batches(n, size, rng) do. Without replacement (the default) one
-- pass in a random order, or `epochs` of them, the last batch of each maybe smaller (drop = true leaves it out); with
-- replace = true `steps` batches of independent draws. Batch k of epoch e does not depend on what else is drawn from rng.
function data.batches(n, size, rng, opt)
  opt = pg.options("data.batches", opt, { replace = false, epochs = 1, steps = pg.optional, drop = false })
  check_count("data.batches", "n", n)
  if math.type(size) ~= "integer" or size < 1 then error(("data.batches: the size must be an integer >= 1, got %s"):format(tostring(size)), 2) end
  if opt.replace then
    local k, steps = 0, opt.steps or error("data.batches: give the number of steps with replace = true", 2)
    return function()
      k = k + 1
      if k <= steps then return rng:stream("batch", k):integers({ size }, 1, n), k end
    end
  end
  local epoch, at, order, k = 0, n, nil, 0
  return function()
    if at >= n or (opt.drop and at + size > n) then
      epoch, at = epoch + 1, 0
      if epoch > opt.epochs or n == 0 or (opt.drop and size > n) then return nil end
      order = rng:stream("epoch", epoch):permutation(n)
    end
    local from, to = at + 1, math.min(at + size, n)
    at, k = to, k + 1
    return order[{ { from, to } }], k
  end
end

--- Two sets: a random `fraction` of a set, and the rest.
function data.split(set, fraction, rng)
  if type(fraction) ~= "number" or not (fraction >= 0 and fraction <= 1) then
    error(("data.split: the fraction must lie in [0, 1], got %s"):format(tostring(fraction)), 2)
  end
  local n = set.x:dim(1)
  local order, cut = rng:permutation(n), math.floor(fraction * n + 0.5)
  local first, rest = order[{ { 1, cut } }], order[{ { cut + 1, n } }]
  return { x = set.x[first], y = set.y[first] }, { x = set.x[rest], y = set.y[rest] }
end

--- The set with every coordinate (axis 2 of x) shifted and scaled to mean 0 and deviation 1 over `like` (default: itself); constant
-- coordinates are only shifted.
function data.standardise(set, like)
  local x = (like or set).x
  local mean, std = x:mean(1), x:std { axes = { 1 }, ddof = 0 }
  return { x = (set.x - mean) / pg.where(std:gt(0), std, 1), y = set.y }
end

-- Stand-ins -------------------------------------------------------------------------------------------------------------------

--- n points in d dimensions around `classes` means drawn from N(0, spread^2), with unit variance around them.
function data.gaussian_mixture(n, rng, opt)
  opt = pg.options("data.gaussian_mixture", opt, { classes = 3, d = 2, spread = 3 })
  local means = opt.spread * rng:stream("means"):normal { opt.classes, opt.d }
  local y = rng:stream("classes"):integers({ n }, 1, opt.classes)
  return { x = means[y] + rng:stream("points"):normal { n, opt.d }, y = y }
end

--- Two interleaved half circles with noise.
function data.two_moons(n, rng, opt)
  opt = pg.options("data.two_moons", opt, { noise = 0.1 })
  local y = rng:stream("classes"):integers({ n }, 1, 2)
  local angle, lower = math.pi * rng:stream("angles"):uniform { n }, y:eq(2)
  local x1 = pg.where(lower, 1 - angle:cos(), angle:cos())
  local x2 = pg.where(lower, 0.5 - angle:sin(), angle:sin())
  return { x = pg.stack({ x1, x2 }, 2) + opt.noise * rng:stream("noise"):normal { n, 2 }, y = y }
end

-- Each pixel the mean of the 3x3 square around it, wrapping at the edges; x is (n, 3, 32, 32).
local function smooth(x, times)
  for _ = 1, times do
    x = (x + x:roll(1, 3) + x:roll(-1, 3)) / 3
    x = (x + x:roll(1, 4) + x:roll(-1, 4)) / 3
  end
  return x
end

--- Images (n, 3, 32, 32), f32 in 0..255, of 10 classes: a smooth pattern for each class on smooth noise. In the place of CIFAR-10.
function data.images(n, rng, opt)
  opt = pg.options("data.images", opt, { contrast = 1, pattern = 1 })
  local function noise(stream, k) return smooth(stream:normal { k, 3, 32, 32 }, 4):cast "f32" end
  local means = noise(pg.rng(opt.pattern):stream "classes", 10)
  local y = rng:stream("classes"):integers({ n }, 1, 10)
  local x = noise(rng:stream "images", n) + opt.contrast * means[y]
  return { x = (127.5 + 300 * x):clip(0, 255), y = y }
end

-- Digits as strokes: corners of polylines in a unit square, x to the right, y downwards. Curves are given by enough corners.
local function arc(cx, cy, rx, ry, from, to, n)
  local points = {}
  for k = 0, n do
    local a = math.rad(from + (to - from) * k / n)
    points[#points + 1] = { cx + rx * math.cos(a), cy + ry * math.sin(a) }
  end
  return points
end

local function joined(...)
  local all = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #all + 1, all) end
  return all
end

local strokes = {
  { arc(0.5, 0.5, 0.22, 0.34, 0, 360, 14) },
  { { { 0.38, 0.28 }, { 0.54, 0.16 }, { 0.54, 0.84 } } },
  { joined(arc(0.5, 0.34, 0.22, 0.18, 190, 380, 8), { { 0.3, 0.84 }, { 0.74, 0.84 } }) },
  { joined(arc(0.48, 0.33, 0.2, 0.17, 200, 430, 8), arc(0.48, 0.66, 0.23, 0.18, -80, 150, 8)) },
  { { { 0.6, 0.84 }, { 0.6, 0.16 }, { 0.28, 0.62 }, { 0.76, 0.62 } } },
  { joined({ { 0.7, 0.17 }, { 0.36, 0.17 }, { 0.33, 0.48 } }, arc(0.48, 0.64, 0.23, 0.2, -120, 140, 9)) },
  { joined({ { 0.62, 0.16 } }, arc(0.5, 0.64, 0.21, 0.2, 200, 560, 13)) },
  { { { 0.28, 0.17 }, { 0.72, 0.17 }, { 0.44, 0.84 } } },
  { arc(0.5, 0.33, 0.18, 0.16, 0, 360, 11), arc(0.5, 0.66, 0.22, 0.18, 0, 360, 12) },
  { joined(arc(0.5, 0.36, 0.2, 0.2, 0, 360, 12), { { 0.7, 0.36 }, { 0.62, 0.84 } }) },
}

-- Squared distance of the points (n, 784) to the nearest segment of the class's strokes.
local function distance2(px, py, lines)
  local nearest
  for _, line in ipairs(lines) do
    for k = 1, #line - 1 do
      local ax, ay, bx, by = line[k][1], line[k][2], line[k + 1][1], line[k + 1][2]
      local ux, uy = bx - ax, by - ay
      local t = (((px - ax) * ux + (py - ay) * uy) / (ux^2 + uy^2)):clip(0, 1)
      local d = (px - ax - t * ux):square():add_((py - ay - t * uy):square())
      nearest = nearest and pg.minimum(nearest, d) or d
    end
  end
  return nearest
end

-- The places of a 28x28 grid in the unit square, bent by a random affine map and a smooth elastic field: two (n, 784) tensors.
local function bent_grid(n, rng, opt)
  local axis = (pg.arange(28):cast "f64" + 0.5) / 28
  local gx, gy = axis:broadcast_to { 28, 28 }:reshape { 1, 784 }, axis:unsqueeze(2):broadcast_to { 28, 28 }:reshape { 1, 784 }
  local function normal(name, scale) return scale * rng:stream(name):normal { n, 1 } end
  local angle, shear = normal("angle", opt.rotation), normal("shear", opt.shear)
  local sx, sy = pg.exp(normal("scale x", opt.scaling)), pg.exp(normal("scale y", opt.scaling))
  local x, y = gx - 0.5 + normal("shift x", opt.shift), gy - 0.5 + normal("shift y", opt.shift)
  local c, s = angle:cos(), angle:sin()
  local u, v = sx * (c * x + s * y) + shear * y, sy * (c * y - s * x)
  for k = 1, 3 do                                               -- elastic: a few random waves of about the size of a digit
    local function wave(name)
      local r = rng:stream(name, k)
      local fx, fy, phase = 5 * r:normal { n, 1 }, 5 * r:normal { n, 1 }, 2 * math.pi * r:uniform { n, 1 }
      return opt.elastic * (fx * x + fy * y + phase):sin()
    end
    u, v = u + wave "elastic x", v + wave "elastic y"
  end
  return u + 0.5, v + 0.5
end

local function draw(n, class, rng, opt)
  local px, py = bent_grid(n, rng, opt)
  local width = opt.width * pg.exp(0.25 * rng:stream("width"):normal { n, 1 })
  local ink = ((width - distance2(px, py, strokes[class]):sqrt()) * (28 / 1.2) + 0.5):clip(0, 1)
  return (ink + opt.noise * rng:stream("noise"):normal { n, 784 }):clip(0, 1):cast "f32"
end

--- Digits 28x28, f32 in 0..1, drawn from strokes with random position, slant, size, thickness and elastic distortion. In the place of
-- MNIST: classes 1..10 for the digits 0..9, in random order.
function data.digits(n, rng, opt)
  opt = pg.options("data.digits", opt, { rotation = 0.15, shear = 0.15, scaling = 0.12, shift = 0.04, elastic = 0.02, width = 0.045, noise = 0.05 })
  check_count("data.digits", "n", n)
  local y = rng:stream("classes"):integers({ n }, 1, 10)
  local x = pg.zeros({ n, 784 }, "f32")
  for class = 1, 10 do
    local at = y:eq(class):nonzero()
    for from = 1, #at, 500 do                                   -- in pieces, for the memory of the intermediate images
      local part = at[{ { from, math.min(from + 499, #at) } }]
      x:scatter_(part, draw(#part, class, rng:stream("class", class):stream("piece", from), opt))
    end
  end
  return { x = x:reshape { n, 28, 28 }, y = y }
end

-- Clicks and sales --------------------------------------------------------------------------------------------------------------

local criteo = require "perigee.data.criteo"
data.criteo_ctr, data.criteo_search, data.criteo_synthetic = criteo.ctr, criteo.search, criteo.synthetic

-- Public data sets --------------------------------------------------------------------------------------------------------------

-- The first of the names that can be opened below dir, plain or gzipped.
local function find(dir, ...)
  for _, name in ipairs { ... } do
    for _, ending in ipairs { "", ".gz" } do
      local path = ("%s/%s%s"):format(dir, name, ending)
      local f = io.open(path, "rb")
      if f then
        f:close()
        return path
      end
    end
  end
  error(("data: '%s' has no file %s"):format(dir, table.concat({ ... }, " or ")), 3)
end

--- MNIST from the IDX files in `dir`, gzipped or not: train and test set, x (n, 28, 28) f32 in 0..1, classes 1..10.
function data.mnist(dir)
  local function load(stem)
    local x = pg.io.load_idx(find(dir, stem .. "-images-idx3-ubyte", stem .. "-images.idx3-ubyte"), "f32")
    local y = pg.io.load_idx(find(dir, stem .. "-labels-idx1-ubyte", stem .. "-labels.idx1-ubyte"))
    if x:dim(1) ~= y:dim(1) then error(("data.mnist: %d images and %d labels"):format(x:dim(1), y:dim(1)), 3) end
    return { x = x:div_(255), y = y + 1 }
  end
  return load "train", load "t10k"
end

--- CIFAR-10 from the binary files in `dir`, gzipped or not, as many training files as there are: train and test set, x
-- (n, 3, 32, 32) f32 in 0..255, classes 1..10.
function data.cifar10(dir)
  local images, labels = {}, {}
  for k = 1, 5 do
    local ok, path = pcall(find, dir, ("data_batch_%d.bin"):format(k))
    if not ok and k == 1 then error(path, 2) end
    if ok then images[#images + 1], labels[#labels + 1] = pg.io.load_cifar(path) end
  end
  local x, y = pg.io.load_cifar(find(dir, "test_batch.bin"))
  return { x = pg.concatenate(images), y = pg.concatenate(labels) + 1 }, { x = x, y = y + 1 }
end

--- Writes a training and a test set as data.cifar10 gives them (x in 0..255, classes 1..10) into the folder `dir`, which is made if need be,
-- in the public form: data_batch_1.bin to data_batch_5.bin and test_batch.bin.
function data.save_cifar10(dir, train, test)
  pg.system.mkdir(dir)
  local n = #train.y
  for k = 1, 5 do
    local part = { { (k - 1) * n // 5 + 1, k * n // 5 } }
    pg.io.save_cifar(("%s/data_batch_%d.bin"):format(dir, k), train.x[part], train.y[part] - 1)
  end
  pg.io.save_cifar(dir .. "/test_batch.bin", test.x, test.y - 1)
end

return data
