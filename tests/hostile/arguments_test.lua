-- Every function and method of the C bindings, called with arguments it was not made for: an error or a result, in bounded memory,
-- never a crash. (Under the sanitizers this is where a missing check shows.)
local pg = require "perigee"

-- What these do with an argument is their purpose: writing files, ending workers, limits that the test itself relies on.
local left_alone = {
  ["testing.fail_allocation"] = true, ["testing.memory_limit"] = true, ["tensor.threads"] = true,
}
local modules_left_alone = { workers = true, system = true, perigee = true }

-- The table behind a dotted path of modules, "process.graph" say, or nil.
local function module_at(path)
  local at = pg
  for part in path:gmatch "[%w_]+" do at = type(at) == "table" and rawget(at, part) or nil end
  return at
end

local function functions()
  local found = {}
  for name in pairs(pg.documentation) do
    local module, field = name:match "^(.-)%.([%w_]+)$"
    local where = module == "tensor" and pg or module and module_at(module)
    local fn = type(where) == "table" and rawget(where, field)
    if type(fn) == "function" and not left_alone[name] and not modules_left_alone[module] then found[#found + 1] = { name, fn } end
  end
  local methods = pg.zeros { 1 }
  for name in pairs(pg.documentation) do
    local field = name:match "^tensor%.([%w_]+)$"
    if field and type(methods[field]) == "function" then found[#found + 1] = { "method " .. name, methods[field] } end
    if field and type(methods[field .. "_"]) == "function" then found[#found + 1] = { "method " .. name .. "_", methods[field .. "_"] } end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found
end

local function values()
  local closed
  do local x <close> = pg.ones { 3 }; closed = x end
  return {
    0, 1, -1, 2, 3.5, -0.0, 1e308, 1e15, 0 / 0, math.huge, math.mininteger, math.maxinteger, "", "x", "-1", true, {}, { 1 }, { 2, 3 }, { -1 }, { 1e9, 1e9 },
    { {} }, { n = 1 }, { axis = 99, axes = { 99 } }, print, io.stdout, coroutine.create(print), closed,
    pg.zeros { 0 }, pg.zeros {}, pg.ones { 3 }, pg.ones { 2, 3 }, pg.ones { 3, 3 }, pg.ones { 2, 0, 3 }, pg.ones({ 3 }, "f32"),
    pg.arange(3), pg.arange(-3, 0), pg.tensor { true, false, true }, pg.complex(1.0, pg.ones { 3 }), pg.ones({ 3 }, "c128"),
    pg.full({ 3, 3 }, 0 / 0), pg.full({ 2, 2 }, math.huge), pg.ones { 4, 4 }:transpose(1, 2), pg.full({ 3 }, math.maxinteger, "i64"), pg.rng(1),
  }
end

local function bounded(fn)
  pg.testing.memory_limit(256 << 20)
  local ok, err = pcall(fn)
  pg.testing.memory_limit(0)
  if not ok then error(err, 0) end
end

local function try(t, name, fn, ...)
  local ok, err = pcall(fn, ...)
  if not ok then t.ok(type(err) == "string" and #err > 10, "%s raises something useful, not %s", name, tostring(err)) end
end

test("no argument list crashes a function", function(t)
  bounded(function()
    for _, f in ipairs(functions()) do
      try(t, f[1], f[2])
      for i in ipairs(values()) do
        try(t, f[1], f[2], values()[i])
      end
    end
  end)
end)

test("no pair of arguments crashes a function", function(t)
  bounded(function()
    local first = { 0, 2, {}, pg.rng(1), pg.ones { 3 }, pg.ones { 2, 3 }, pg.ones { 3, 3 }, pg.arange(3), pg.tensor { true, false, true },
      pg.zeros { 0 }, pg.zeros {}, pg.ones({ 3 }, "c128") }
    for _, f in ipairs(functions()) do
      local seconds = values()
      for _, a in ipairs(first) do
        for _, b in ipairs(seconds) do
          try(t, f[1], f[2], a, b)
          try(t, f[1], f[2], a, b, 1)
        end
      end
    end
  end)
end)

test("a finalizer called by hand is harmless", function(t)
  local x = pg.ones { 3 }
  t.equal(getmetatable(x), false)
  if debug and debug.getmetatable then
    local gc = debug.getmetatable(x).__gc
    gc(x)
    gc(x)
    gc({})
    gc(io.stdout)
    t.fails(function() return x:sum() end, "closed")
  end
end)
