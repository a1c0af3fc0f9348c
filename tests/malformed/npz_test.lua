-- npz_test.lua: F07 to F09 of the catalogue of hostile files: ZIP archives put together by hand, sound but for one thing.
local pg = require "perigee"

local path = os.tmpname()

local function crc32(s)
  local crc = 0xffffffff
  for i = 1, #s do
    crc = crc ~ s:byte(i)
    for _ = 1, 8 do crc = crc & 1 == 1 and crc >> 1 ~ 0xedb88320 or crc >> 1 end
  end
  return crc ~ 0xffffffff
end

local header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n"
local npy = "\x93NUMPY\1\0" .. string.pack("<I2", #header) .. header .. string.pack("<dd", 1, 2)

-- Members { name, data, [method], [flags], [crc], [size], [packed], [local_name], [offset] }; what is not given is right.
local function archive(members, opt)
  opt = opt or {}
  local out, at, entries = {}, 0, {}
  for _, m in ipairs(members) do
    local data, size, packed = m.data, m.size or #m.data, m.packed or #m.data
    local name = m.local_name or m.name
    local fixed = string.pack("<I2I2I2I2I2I4I4I4", 20, m.flags or 0, m.method or 0, 0, 33, m.crc or crc32(data), packed, size)
    local head = "PK\3\4" .. fixed .. string.pack("<I2I2", #name, 0) .. name
    entries[#entries + 1] = "PK\1\2" .. string.pack("<I2", 20) .. fixed .. string.pack("<I2I2I2I2I2I4I4", #m.name, 0, 0, 0, 0, 0, m.offset or at) .. m.name
    out[#out + 1] = head .. data
    at = at + #head + #data
  end
  local directory = table.concat(entries)
  local finish = "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, opt.count or #members, opt.count or #members, opt.size or #directory, opt.at or at, 0)
  local f = assert(io.open(path, "wb"))
  f:write(table.concat(out), directory, finish)
  f:close()
  return path
end

local function refused(t, members, pattern, opt)
  local file = archive(members, opt)
  t.fails(function() pg.load(file) end, pattern)
end

-- Stored blocks are deflate too: one final block of at most 65535 bytes.
local function deflated(s) return "\1" .. string.pack("<I2I2", #s, #s ~ 0xffff) .. s end

test("a sound archive is read, stored and deflated", function(t)
  local z = pg.load(archive { { name = "a.npy", data = npy }, { name = "b/c.npy", data = npy } })
  t.equal(z.a:tolist(), { 1.0, 2.0 })
  t.equal(z["b/c"]:tolist(), { 1.0, 2.0 })
  z = pg.load(archive { { name = "a.npy", data = deflated(npy), method = 8, crc = crc32(npy), size = #npy } })
  t.equal(z.a:tolist(), { 1.0, 2.0 })
  t.equal(pg.io.load_npz(path, "a"):tolist(), { 1.0, 2.0 })
  t.fails(function() pg.io.load_npz(path, "b") end, "has no array 'b'")
end)

test("members that are no arrays are left out, with a warning", function(t)
  local z, warning = pg.load(archive { { name = "a.npy", data = npy }, { name = "README", data = "text" } })
  t.equal(z.a:tolist(), { 1.0, 2.0 })
  t.equal(z.README, nil)
  t.ok(warning:find "member 'README' is no array and was left out")
  local _, trailing = pg.load(archive { { name = "a.npy", data = npy .. "xy" } })
  t.ok(trailing:find "member a.*2 bytes behind the data were ignored")
end)

-- One stored member whose sizes and offset are in ZIP64 fields; what `opt` gives replaces what is right.
local function zip64(opt)
  local name = "a.npy"
  local fixed = string.pack("<I2I2I2I2I2I4", 45, 0, 0, 0, 33, crc32(npy)) .. string.pack("<I4I4", 0xffffffff, 0xffffffff)
  local sizes = string.pack("<I8I8", opt.size or #npy, opt.packed or #npy)
  local head = "PK\3\4" .. fixed .. string.pack("<I2I2", #name, 20) .. name .. string.pack("<I2I2", 1, 16) .. sizes
  local extra = opt.extra or string.pack("<I2I2", 1, 24) .. sizes .. string.pack("<I8", opt.offset or 0)
  local entry = "PK\1\2" .. string.pack("<I2", 45) .. fixed .. string.pack("<I2I2I2I2I2I4I4", #name, #extra, 0, 0, 0, 0, 0xffffffff) .. name .. extra
  local at = #head + #npy
  local end64 = "PK\6\6" .. string.pack("<I8I2I2I4I4I8I8I8I8", 44, 45, 45, 0, 0, opt.count or 1, opt.count or 1, #entry, opt.at or at)
  local locator = (opt.magic or "PK\6\7") .. string.pack("<I4I8I4", 0, opt.locator or at + #entry, 1)
  local f = assert(io.open(path, "wb"))
  f:write(head, npy, entry, end64, locator, "PK\5\6", string.pack("<I2I2I2I2I4I4I2", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0))
  f:close()
  return path
end

test("ZIP64: sizes beyond 32 bits are read, and checked like the others", function(t)
  t.equal(pg.load(zip64 {}).a:tolist(), { 1.0, 2.0 })
  for _, row in ipairs { { { size = 1 << 62 }, "lies outside the file" }, { { size = -1 }, "lies outside the file" }, { { packed = 1 << 40 }, "lies outside the file" },
    { { offset = 1 << 62 }, "lies outside the file" }, { { offset = -1 }, "lies outside the file" }, { { extra = string.pack("<I2I2I8", 1, 8, #npy) }, "damaged ZIP64 field" },
    { { extra = string.pack("<I2I2", 1, 100) }, "damaged ZIP64 field" }, { { extra = "" }, "lies outside the file" }, { { count = 1 << 60 }, "do not fit" },
    { { count = -1 }, "end record is damaged" }, { { at = 1 << 62 }, "does not lie before" }, { { locator = 1 << 62 }, "locator is damaged" }, { { locator = -1 }, "locator is damaged" },
    { { locator = 0 }, "end record is damaged" }, { { magic = "PK\6\8" }, "locator is damaged" } } do
    t.fails(function() pg.load(zip64(row[1])) end, row[2])
  end
end)

test("F07: sizes that lie, checksums that differ, bombs", function(t)
  refused(t, { { name = "a.npy", data = npy, crc = 1 } }, "its checksum is %x+, announced is 00000001")
  local packed = deflated(npy)
  refused(t, { { name = "a.npy", data = packed, method = 8, crc = crc32(npy), size = #npy - 1 } }, "the file is shorter")
  refused(t, { { name = "a.npy", data = packed, method = 8, crc = crc32(npy), size = #npy + 1 } }, "fewer bytes than the %d+ announced")
  refused(t, { { name = "a.npy", data = deflated(npy .. "zz"), method = 8, crc = crc32(npy), size = #npy } }, "more bytes than the %d+ announced")
  refused(t, { { name = "a.npy", data = packed .. "zz", method = 8, crc = crc32(npy), size = #npy } }, "end before their announced size")
  refused(t, { { name = "a.npy", data = packed:sub(1, -2), method = 8, crc = crc32(npy), size = #npy } }, "compressed data end early")
  refused(t, { { name = "a.npy", data = npy, size = #npy + 1 } }, "cannot unpack from")
  refused(t, { { name = "a.npy", data = packed, method = 8, size = 0xfffffff0 } }, "cannot unpack from")
  refused(t, { { name = "a.npy", data = "\7" .. packed, method = 8, crc = crc32(npy), size = #npy } }, "compressed data are damaged")
end)

test("F08: names that lead elsewhere, or lie, or occur twice", function(t)
  for name, why in pairs { ["../../x.npy"] = "leads upwards", ["a/../x.npy"] = "leads upwards", [".."] = "leads upwards", ["/etc/x.npy"] = "is absolute",
    ["a\0b.npy"] = "control character", ["a\nb.npy"] = "control character", ["a\\b.npy"] = "backslash", [("x"):rep(65535)] = "longer than 255 bytes",
    [""] = "is empty" } do
    refused(t, { { name = name, data = npy } }, "the member name '.*' .*" .. why)
  end
  t.equal(pg.load(archive { { name = "..a.npy", data = npy } })["..a"]:tolist(), { 1.0, 2.0 })
  refused(t, { { name = "a.npy", data = npy }, { name = "b.npy", data = npy }, { name = "a.npy", data = npy } }, "two members are named 'a.npy'")
  refused(t, { { name = "a.npy", local_name = "b.npy", data = npy } }, "differs between the directory and its own header")
end)

test("F09: directories that point outside, members that overlap, what we cannot unpack", function(t)
  local one = { { name = "a.npy", data = npy } }
  refused(t, one, "does not lie before its end record", { at = 0x7fffffff })
  refused(t, one, "does not lie before its end record", { size = 1 })
  refused(t, one, "do not fit into a directory", { count = 60000 })
  refused(t, one, "the directory has more members than announced", { count = 0 })
  refused(t, { { name = "a.npy", data = npy, offset = 0xfffffff } }, "lies outside the file")
  refused(t, { { name = "a.npy", data = npy }, { name = "b.npy", data = npy, offset = 0 } }, "differs between the directory and its own header")
  local inner = "PK\3\4" .. string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, 0, 0, 33, crc32(npy), #npy, #npy, 5, 0) .. "b.npy" .. npy
  refused(t, { { name = "a.npy", data = inner }, { name = "b.npy", data = npy, offset = 35 } }, "'a.npy' and 'b.npy' overlap")
  refused(t, { { name = "a.npy", data = npy, flags = 1 } }, "is encrypted")
  refused(t, { { name = "a.npy", data = npy, method = 12 } }, "compressed by method 12; 0 %(stored%) and 8 %(deflate%) are supported")
  refused(t, { { name = "a.npy", data = "not an array" } }, "member a.*no NPY file")
  local f = assert(io.open(path, "wb"))
  f:write("PK\3\4", ("\0"):rep(100))
  f:close()
  t.fails(function() pg.load(path) end, "has no end record; it may be cut short")
  os.remove(path)
end)
