-- linalg_shapes_test.lua: every differentiable primitive of linear algebra held to finite differences, first and second order, over random
-- shapes: stacks that broadcast, strided and transposed operands, sizes 0 and 1.
local pg = require "perigee"
local ad, linalg = pg.ad, pg.linalg
local shapes_each = 24

local function T(a) return a:transpose(-1, -2) end

-- A little source of choices.
local function chooser(seed)
  local rng = pg.rng(seed)
  return {
    rng = rng,
    size = function() return rng:integers({ 1 }, 0, 4):item() end,
    one_in = function(n) return rng:integers({ 1 }, 1, n):item() == 1 end,
  }
end

local function joined(lead, ...) return table.move({ ... }, 1, select("#", ...), #lead + 1, table.move(lead, 1, #lead, 1, {})) end

-- Leading axes of one stack, and of one that broadcasts with it.
local function leads(c)
  local a, b = {}, {}
  for i = 1, c.rng:integers({ 1 }, 0, 2):item() do
    local n = c.size()
    a[i] = c.one_in(3) and 1 or n
    b[i] = a[i] ~= n and n or c.one_in(3) and 1 or n
  end
  if #b > 0 and c.one_in(2) then table.remove(b, 1) end
  return a, b
end

local function count(dims)
  local n = 1
  for _, d in ipairs(dims) do n = n * d end
  return n
end

-- A matrix stack of shape dims read from the vector v from element `at` on; laid out transposed or with a stride of 2.
local function read(c, v, at, dims)
  local n, layout = count(dims), c.rng:integers({ 1 }, 1, 3):item()
  if layout == 1 or #dims < 2 then return v:narrow(1, at + 1, n):reshape(dims), n end
  if layout == 2 then
    local flipped = table.move(dims, 1, #dims, 1, {})
    flipped[#dims], flipped[#dims - 1] = dims[#dims - 1], dims[#dims]
    return T(v:narrow(1, at + 1, n):reshape(flipped)), n
  end
  local wide = table.move(dims, 1, #dims, 1, {})
  wide[#dims] = 2 * dims[#dims]
  return v:narrow(1, at + 1, 2 * n):reshape(wide):slice(#dims, 1, -1, 2), 2 * n
end

-- f takes the operands; shapes(c) gives theirs; prepare makes the first operand fit for f.
local function hold(name, f, shapes, prepare)
  test(name .. " over random shapes", function(t)
    for seed = 1, shapes_each do
      local dims = shapes(chooser(seed))
      local room = 0
      for _, d in ipairs(dims) do room = room + 2 * count(d) end
      local w = pg.rng(100 + seed):uniform({ room }, -1, 1)
      local function loss(v)
        local c, at, operands = chooser(1000 + seed), 0, {}
        for i, d in ipairs(dims) do
          local used
          operands[i], used = read(c, v, at, d)
          at = at + used
        end
        if prepare then operands[1] = prepare(operands[1]) end
        local y = f(table.unpack(operands))
        if not pg.is_tensor(y) then y = pg.tensor(y) end
        return (y * pg.arange(y:size()):cast "f64":cos():reshape(y:dims())):sum() + (y * y):sum()
      end
      local text = {}
      for i, d in ipairs(dims) do text[i] = "(" .. table.concat(d, ", ") .. ")" end
      local ok, why = pcall(ad.check, loss, w)
      t.ok(ok, "%s of %s: %s", name, table.concat(text, " "), tostring(why))
    end
  end)
end

local function square_stack(c)
  local n = c.size()
  return { joined((leads(c)), n, n) }
end
local function rectangle_stack(c) return { joined((leads(c)), c.size(), c.size()) } end
local function system(c)
  local n, a, b = c.size(), leads(c)
  if c.one_in(3) then return { joined(a, n, n), { n } } end
  return { joined(a, n, n), joined(b, n, c.size()) }
end

-- Well away from singular, and with eigenvalues and singular values well apart.
local function dominant(a) return a + 6 * pg.eye(a:dim(-2), a:dim(-1)) end
local function apart(a)
  local ladder = (pg.arange(math.min(a:dim(-2), a:dim(-1))) * 4.0 + 5):diag()
  local full = ladder:pad { { 0, a:dim(-2) - ladder:dim(1) }, { 0, a:dim(-1) - ladder:dim(2) } }
  return a + full
end
local function symmetric(a) return apart((a + T(a)) / 2) end
local function definite(a) return a:bmm(T(a)) + 2 * pg.eye(a:dim(-1)) end

hold("mm", pg.mm, function(c)
  local k = c.size()
  return { { c.size(), k }, { k, c.size() } }
end)
hold("mv", pg.mv, function(c)
  local k = c.size()
  return { { c.size(), k }, { k } }
end)
hold("outer", pg.outer, function(c) return { { c.size() }, { c.size() } } end)
hold("bmm", pg.bmm, function(c)
  local k, a, b = c.size(), leads(c)
  return { joined(a, c.size(), k), joined(b, k, c.size()) }
end)
hold("solve", linalg.solve, system, dominant)
hold("inverse", linalg.inverse, square_stack, dominant)
for i = 0, 3 do
  local opt = { upper = i % 2 == 1, transposed = i > 1 }
  hold(("solve_triangular %s%s"):format(opt.upper and "upper" or "lower", opt.transposed and " transposed" or ""),
    function(a, b) return linalg.solve_triangular(a, b, opt) end, system, dominant)
end
hold("cholesky", linalg.cholesky, square_stack, definite)
hold("logdet", linalg.logdet, square_stack, definite)
hold("slogdet", function(a) return (select(2, linalg.slogdet(a))) end, square_stack, dominant)
hold("pack_tril", linalg.pack_tril, square_stack)
hold("unpack_tril", linalg.unpack_tril, function(c)
  local n = c.size()
  return { joined((leads(c)), n * (n + 1) // 2) }
end)
hold("eigvalsh", linalg.eigvalsh, square_stack, symmetric)
hold("eigh", function(a)
  local w, V = linalg.eigh(a)
  return (V * w:sin():unsqueeze(w:ndim())):bmm(T(V))
end, square_stack, symmetric)
hold("svdvals", linalg.svdvals, rectangle_stack, apart)
hold("svd", function(a)
  local u, s, vt = linalg.svd(a)
  return (u * s:sin():unsqueeze(s:ndim())):bmm(vt)
end, rectangle_stack, apart)
