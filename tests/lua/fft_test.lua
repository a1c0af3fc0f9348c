-- Transforms from Lua: laws, options, orders of frequencies, convolution; what is refused.
local pg = require "perigee"
local fft = pg.fft

local function noise(...) return pg.rng(5):normal { ... } end
local function complex(...) return noise(...):complex(pg.rng(6):normal { ... }) end
local function far(a, b) return (a - b):abs():max() end

test("a unit impulse at j gives the j-th root of unity", function(t)
  local n, j = 12, 5
  local x = pg.zeros { n }
  x[j + 1] = 1
  local y = fft.fft(x)
  for k = 0, n - 1 do
    local angle = -2 * math.pi * (j * k % n) / n
    t.near(y:real()[k + 1], math.cos(angle), 2e-15)
    t.near(y:imag()[k + 1], math.sin(angle), 2e-15)
  end
end)

test("transforms come back, whatever the norm", function(t)
  local x, r = complex(7, 30), noise(7, 30)
  for _, axis in ipairs { 1, 2, -1 } do
    t.ok(far(fft.ifft(fft.fft(x, axis), axis), x) < 2e-15)
    t.ok(far(fft.ifft(fft.fft(x, { axis = axis, norm = "ortho" }), { axis = axis, norm = "ortho" }), x) < 2e-15)
    local n = r:dim(axis)
    t.ok(far(fft.irfft(fft.rfft(r, axis), { axis = axis, n = n }), r) < 2e-15)
    t.ok(far(fft.ifft(fft.fft(x, { axis = axis, norm = "none" }), { axis = axis, norm = "none" }) / n, x) < 2e-15)
  end
  t.ok(far(fft.ifftn(fft.fftn(x)), x) < 2e-15)
  t.ok(far(fft.irfftn(fft.rfftn(r)), r) < 2e-15)
  t.ok(far(fft.irfftn(fft.rfftn(r, { axes = { 1 } }), { axes = 1, n = 7 }), r) < 2e-15)
end)

test("the transform along several axes is that along each", function(t)
  local x = complex(4, 5, 6)
  t.ok(far(fft.fftn(x), fft.fft(fft.fft(fft.fft(x, 1), 2), 3)) < 1e-13)
  t.ok(far(fft.fftn(x, { axes = { 3, 1 } }), fft.fft(fft.fft(x, 1), 3)) < 1e-13)
  local r = noise(4, 5, 6)
  t.ok(far(fft.rfftn(r), fft.fftn(r):narrow(3, 1, 4)) < 1e-13)
end)

test("n cuts off or fills up with zeros", function(t)
  local x = complex(3, 10)
  t.ok(far(fft.fft(x, { n = 6 }), fft.fft(x:narrow(2, 1, 6))) < 1e-14)
  t.ok(far(fft.fft(x, { n = 16 }), fft.fft(pg.concatenate({ x, pg.zeros({ 3, 6 }, "c128") }, 2))) < 1e-14)
  t.equal(fft.rfft(noise(10), { n = 7 }):dim(1), 4)
  t.equal(fft.irfft(fft.rfft(noise(9))):dim(1), 8)
end)

test("f32, integers and booleans are transformed in double precision", function(t)
  local x = pg.tensor({ 3, 1, 4, 1, 5 }, "i64")
  t.equal(fft.fft(x):dtype(), "c128")
  t.equal(far(fft.fft(x), fft.fft(x:cast "f64")), 0)
  t.equal(far(fft.rfft(x:cast "f32"), fft.rfft(x:cast "f64")), 0)
  t.equal(fft.fft(x:gt(2)):real()[1], 3)
end)

test("shifts put frequency 0 into the middle", function(t)
  for _, n in ipairs { 1, 4, 5 } do
    local f = fft.fftfreq(n)
    local s = fft.fftshift(f)
    t.equal(s[n // 2 + 1], 0)
    for i = 2, n do t.near(s[i] - s[i - 1], 1 / n, 1e-15) end
    t.equal(far(fft.ifftshift(s), f), 0)
  end
  t.near(fft.fftfreq(6, 0.5)[4], -1, 0)
  t.near(fft.rfftfreq(6, 0.5)[4], 1, 0)
  local x = noise(3, 4)
  t.equal(far(fft.fftshift(x), fft.fftshift(fft.fftshift(x, 1), { 2 })), 0)
end)

test("convolution is the product of polynomials", function(t)
  local c = fft.convolve(pg.tensor { 1, 2, 3 }, pg.tensor { 4, 5 })
  t.ok(far(c, pg.tensor { 4, 13, 22, 15 }) < 1e-14)
  local a, b = complex(2, 1, 50), noise(3, 20)
  local got, want = fft.convolve(a, b), pg.zeros({ 2, 3, 69 }, "c128")
  for j = 1, 20 do
    local at = want:narrow(3, j, 50)
    at:copy_(at + a * b:narrow(2, j, 1))
  end
  t.ok(far(got, want) < 1e-13)
end)

test("what is refused says why", function(t)
  t.fails(function() fft.fft(pg.zeros { 0 }) end, "fft.fft: axis 1 of shape %(0%) gives a transform of length 0; at least 1 is needed")
  t.fails(function() fft.fft(pg.zeros { 3 }, 2) end, "fft.fft: axis 2")
  t.fails(function() fft.fft(pg.zeros { 3 }, { n = 0 }) end, "fft.fft: n must be positive, got 0")
  t.fails(function() fft.fft(pg.zeros { 3 }, { norm = "unitary" }) end, "fft.fft: norm must be 'backward', 'ortho' or 'none', got 'unitary'")
  t.fails(function() fft.fft(pg.zeros { 3 }, { axes = 1 }) end, "unknown option 'axes' %(did you mean 'axis'%?%)")
  t.fails(function() fft.rfft(pg.zeros({ 3 }, "c128")) end, "fft.rfft: takes real tensors, got c128")
  t.fails(function() fft.fftn(pg.zeros { 3 }, { axes = { 1, 1 } }) end, "fft.fftn: axis 1 is given twice")
  t.fails(function() fft.irfft(pg.zeros { 1 }) end, "fft.irfft: .* length 0")
  t.fails(function() fft.convolve(1, 2) end, "fft.convolve: argument 1 must be a tensor")
  t.fails(function() fft.fftfreq(0) end, "fft.fftfreq: n must be an integer >= 1, got 0")
  t.fails(function() pg.ad.grad(function(x) return fft.fft(x):abs():sum() end)(pg.ones { 4 }) end, "fft.fft gives a complex result of a recorded operand")
end)

test("empty tensors have empty transforms", function(t)
  local y = fft.fft(pg.zeros { 0, 4 })
  t.equal(y:dim(1), 0)
  t.equal(fft.rfft(pg.zeros { 0, 4 }):dim(2), 3)
end)

test("every instruction set gives the same bits", function(t)
  local program = [[
    local function noise(...) return pg.rng(1):normal { ... } end
    for _, n in ipairs { 7, 12, 60, 64, 101, 1000, 4096 } do
      local z = noise(9, n):complex(noise(9, n) + 1)
      for _, y in ipairs { pg.fft.fft(z), pg.fft.fft(z, 1), pg.fft.rfft(noise(9, n)), pg.fft.rfft(noise(n, 9), 1), pg.fft.irfft(z) } do
        print(("%a"):format((y:abs():square():sum())))
      end
    end]]
  local seen
  for _, isa in ipairs { "baseline", "avx2", "avx512" } do
    local pipe <close> = io.popen(("PERIGEE_ISA=%s %s -e 'pg = require \"perigee\" %s' 2>&1"):format(isa, arg[-1], program:gsub("\n", " ")))
    local text = pipe:read "a"
    if not text:find "PERIGEE_ISA" then                    -- a set that this processor lacks is refused
      t.ok(select(2, text:gsub("\n", "")) == 35, "%s", text)
      seen = seen or text
      t.equal(text, seen)
    end
  end
end)
