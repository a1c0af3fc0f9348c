-- npy_test.lua: F01 to F06 of the catalogue of hostile files, each made here from a few lines.
local pg = require "perigee"

local path = os.tmpname()
local function file(bytes)
  local f = assert(io.open(path, "wb"))
  f:write(bytes)
  f:close()
  return path
end

-- A version 1 file with this dictionary and these data.
local function npy(dictionary, data)
  local header = dictionary .. "\n"
  return file("\x93NUMPY\1\0" .. string.pack("<I2", #header) .. header .. (data or ""))
end

local function array(descr, shape, data, fortran)
  return npy(("{'descr': %s, 'fortran_order': %s, 'shape': %s, }"):format(descr, fortran and "True" or "False", shape), data)
end

test("F01: a header of 4 GiB in a file of 12 bytes", function(t)
  local used = pg.memory()
  local _, before = pg.memory()
  t.fails(function() pg.load(file("\x93NUMPY\2\0\xff\xff\xff\xff")) end, "a header of 4294967295 bytes is announced; the file is shorter")
  local _, peak = pg.memory()
  t.ok(peak <= math.max(before, used + 2^20), "peak memory")
end)

test("F02: headers cut, unended, or no dictionary", function(t)
  local good = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
  t.fails(function() pg.io.load_npy(file("\x93NUMPY\1\0\xff\x7f" .. good .. "\n")) end, "a header of 32767 bytes is announced; the file is shorter")
  t.fails(function() pg.io.load_npy(file("\x93NUMPY\1\0" .. string.pack("<I2", #good) .. good .. ("\0"):rep(8))) end, "does not end with a newline")
  for n = 0, #good - 1 do
    t.fails(function() pg.io.load_npy(npy(good:sub(1, n), ("\0"):rep(8))) end, "io.load_npy: '.*': ")
  end
  for n = 0, 9 do
    t.fails(function() pg.io.load_npy(file(("\x93NUMPY\1\0\x10\0"):sub(1, n))) end, "no NPY file")
  end
  t.fails(function() pg.io.load_npy(file("\x93NUMPY\4\0\2\0{}")) end, "version 4.0 of the NPY format is unknown")
  t.fails(function() pg.io.load_npy(file("\x93NUMPY\2\0\1\0")) end, "the file ends in its header")
  for _, bad in ipairs { "{}", "[]", "{'descr': '<f8'}", good .. good, "{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}", "{'a': 1}",
    "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f8' 'fortran_order': False, 'shape': (1,)}",
    "{descr: '<f8', 'fortran_order': False, 'shape': (1,)}", "{'descr': '<f\\x38', 'fortran_order': False, 'shape': (1,)}" } do
    t.fails(function() pg.io.load_npy(npy(bad, ("\0"):rep(8))) end, "header")
  end
end)

test("F03: impossible shapes are refused before memory is asked for", function(t)
  local _, before = pg.memory()
  for shape, why in pairs { ["(4294967296, 4294967296)"] = "larger than any memory", ["(9223372036854775808,)"] = "larger than any memory",
    ["(9223372036854775807,)"] = "larger than any memory", ["(-1,)"] = "whole numbers", ["(1.0,)"] = "whole numbers", ["(3)"] = "is no tuple",
    ["(1, 1, 1, 1, 1, 1, 1)"] = "at most 6 dimensions", ["(0, 4294967296, 4294967296)"] = "larger than any memory", ["(1,,2)"] = "whole numbers",
    ["(1 2)"] = "whole numbers", ["(,)"] = "whole numbers" } do
    t.fails(function() pg.io.load_npy(array("'<f8'", shape, ("\0"):rep(8))) end, "shape %(.*" .. why)
  end
  t.fails(function() pg.io.load_npy(array("'<f8'", "(100000000,)", ("\0"):rep(8))) end, "800000000 bytes of data are announced; the file is shorter")
  local _, peak = pg.memory()
  t.ok(peak <= before + 2^20)
end)

test("F04: other descriptors are refused, quoted", function(t)
  for _, descr in ipairs { "|O", "<f16", "<M8", "<U5", "|S3", "<i3", "<f08", "<f", "<", "", "f8", "|f8", "|i2", "?", "<q8", "<f8x", "<c32" } do
    local plain = descr:gsub("%p", "%%%0")
    t.fails(function() pg.io.load_npy(array("'" .. descr .. "'", "(1,)", ("\0"):rep(16))) end, "descriptor '" .. plain .. "' is not supported")
  end
  t.fails(function() pg.io.load_npy(array("[('a', '<f8'), ('b', '<i4')]", "(1,)", ("\0"):rep(16))) end,
    "descriptor '%[%('a', '<f8'%), %('b', '<i4'%)%]' is not supported")
end)

test("F05: foreign but sound files are accepted", function(t)
  t.equal(pg.load(array("'>f8'", "(2,)", string.pack(">dd", 1.5, -2))):tolist(), { 1.5, -2.0 })
  t.equal(pg.load(array("'<f4'", "(2,)", string.pack("<ff", 1.5, -2))):dtype(), "f32")
  t.equal(pg.load(array("'|b1'", "(2,)", "\1\0")):tolist(), { true, false })
  t.equal(pg.load(array("'<i8'", "(2,)", string.pack("<i8i8", -1, math.maxinteger))):tolist(), { -1, math.maxinteger })
  t.equal(pg.load(array("'<u2'", "(2,)", string.pack("<I2I2", 65535, 1))):tolist(), { 65535, 1 })
  t.equal(pg.load(array("'<i8'", "(2, 3)", string.pack("<i8i8i8i8i8i8", 1, 2, 3, 4, 5, 6), true)):tolist(), { { 1, 3, 5 }, { 2, 4, 6 } })
  t.equal(pg.load(array("'<f8'", "()", string.pack("<d", 7))):item(), 7.0)
  t.equal(pg.load(array("'<f8'", "(0, 5)", "")):dims(), { 0, 5 })
  t.equal(pg.load(array('"<f8"', "(2L,)", string.pack("<dd", 1, 2))):tolist(), { 1.0, 2.0 })
  t.equal(pg.load(npy("{'shape':(1,),'descr':'<f8','fortran_order':False}   ", string.pack("<d", 3))):tolist(), { 3.0 })
end)

test("F06: data a byte short are refused, trailing bytes reported", function(t)
  t.fails(function() pg.load(array("'<f8'", "(2,)", ("\0"):rep(15))) end, "16 bytes of data are announced; the file is shorter")
  local x, warning = pg.load(array("'<f8'", "(2,)", string.pack("<dd", 1, 2) .. "abc"))
  t.equal(x:tolist(), { 1.0, 2.0 })
  t.ok(warning:find "3 bytes behind the data were ignored")
  local _, none = pg.load(array("'<f8'", "(1,)", string.pack("<d", 1)))
  t.equal(none, nil)
  os.remove(path)
end)
