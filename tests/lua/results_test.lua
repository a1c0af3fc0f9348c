-- Stored results: what is written is read back to the bit, a write that fails leaves what was there, damage is named.
local pg = require "perigee"
local failure = require "perigee.experiment.failure"
local files = require "files"
local jobs = require "perigee.experiment.jobs"
local json = require "perigee.json"
local results = require "perigee.results"
local sha256 = require "perigee.experiment.sha256"
local table_file = require "perigee.results.table"

test("SHA-256 as published, at every padding", function(t)
  t.equal(sha256 "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  t.equal(sha256 "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  t.equal(sha256(("a"):rep(1000000)), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  t.equal(sha256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
end)

test("JSON: values come back with their types, in bytes that do not depend on the order of insertion", function(t)
  local v = { a = { 1, 2.5, 1e-300, 0.1, 1 / 3, -0.0 }, b = { x = "q\"\\\n\1é", yes = true, no = false, e = {} }, whole = 1.0, big = math.maxinteger, none = json.array {} }
  local text = json.encode(v)
  local back = json.decode(text)
  t.equal(back, v)
  t.equal({ math.type(back.whole), math.type(back.a[1]) }, { "float", "integer" })
  t.equal(json.encode { z = 1, a = 2, m = 3 }, '{\n  "a": 2,\n  "m": 3,\n  "z": 1\n}\n')
  t.equal(json.decode '{"u": "\\u00e9", "n": null, "l": []}', { u = "é", l = {} })
  for _, bad in ipairs { "", "{", "[1,]", '{"a" 1}', '"abc', '"\\q"', "nul", "1 2", "[1", ("["):rep(100), '{"a":1,}', "\n\n[1 2]" } do
    t.fails(function() json.decode(bad) end, "^line %d: ")
  end
  t.fails(function() json.decode "\n\n[1 2]" end, "^line 3: expected , or %]")
  t.fails(function() json.encode { f = print } end, "cannot write a function")
end)

test("tables: 17 digits, quotes where needed, and back", function(t)
  local columns = { { 1, 2, 3 }, { 0.1, 1 / 3, 1e300 }, { 0 / 0, math.huge, -math.huge }, { 'a,"b"', "line\nbreak", "12" }, { "", "nan", "plain" } }
  local text = table_file.write({ "i", "f", "odd", "text", "word" }, columns)
  t.equal(text:match "^[^\n]*\n[^\n]*", 'i,f,odd,text,word\n1,0.10000000000000001,nan,"a,""b""",""')
  local names, back = table_file.read(text)
  t.equal(names, { "i", "f", "odd", "text", "word" })
  for k, name in ipairs(names) do t.equal(back[name], columns[k]) end
  t.fails(function() table_file.read "a,b\n1,2\n3\n" end, "line 3: 1 cells, expected 2")
  t.fails(function() table_file.read "a,b\n1,2" end, "line 2: cut in the middle")
  t.fails(function() table_file.read 'a\n"x' end, "line 2: a quote is never closed")
end)

local function sample()
  local points = { { H = 0.1, n = 3, kind = "x", list = { 1, 2 } }, { H = 0.2, n = 5, kind = "x", list = { 3 } } }
  local run = function(p, rng)
    local curve, plain = pg.series { "gap", "bound" }, pg.series()
    for k = 1, p.n do
      curve:add(k / 3, rng:uniform {} / 3, 1 / k)
      plain:add(k, rng:normal {})
    end
    return { u = rng:uniform {}, i = rng:integers({}, 1, 9), odd = pg.full({ p.replicas }, 0 / 0), curve = curve, plain = plain,
             array = rng:normal { 2, 2 }, two = 2.0, word = 'a "b",\n' }
  end
  return jobs.execute({ name = "toys/store", run = run }, { name = "toys/store", points = points, seed = 3, seeds = 4, batched = true }, 1)
end

local function same_rows(t, a, b)
  t.equal({ #a, a.swept }, { #b, b.swept })
  for _, name in ipairs { "u", "i", "odd", "two", "word", "array", "H", "n", "kind" } do t.equal(a[name], b[name]) end
  t.equal(a.i:dtype(), b.i:dtype())
  t.equal(a.two:dtype(), b.two:dtype())
  for p, part in a:each() do
    local other = b:where { H = p.H }
    for _, column in ipairs { "x", "gap", "bound" } do t.equal(part.curve[column], other.curve[column]) end
    t.equal(part.plain.value, other.plain.value)
  end
end

test("what is written is read back to the bit, and written again to the byte", function(t)
  local dir, again = files.free_path(), files.free_path()
  local rows = sample()
  results.prepare(dir)
  results.write(dir, rows, { name = "toys/store", seed = 3 }, { seconds = 1 })
  local back, record = results.read(dir)
  t.equal({ record.name, record.seed, #record.jobs }, { "toys/store", 3, 2 })
  same_rows(t, rows, back)
  results.prepare(again)
  results.write(again, back, { name = "toys/store", seed = 3 }, { seconds = 2 })
  for _, name in ipairs(record.files) do t.equal(files.read(dir .. "/" .. name), files.read(again .. "/" .. name)) end
  t.equal(files.read(dir .. "/run.json"), files.read(again .. "/run.json"))
  t.equal(files.read(dir .. "/rows.csv"):match "^[^\n]*", "job,replica,H,list,n,i,odd,two,u,word")
  t.equal(files.read(dir .. "/curve.csv"):match "^[^\n]*", "H,list,n,x,gap_mean,gap_stderr,gap_q10,gap_q50,gap_q90,bound")
  t.equal(pg.load(dir .. "/plain.npy"):dims(), { 8, 4 })
  t.equal(pg.load(dir .. "/array.npy"):dims(), { 8, 2, 2 })
  files.remove(dir)
  files.remove(again)
end)

test("new results replace the old as a whole; files of a run before that this one lacks go, those of others stay", function(t)
  local dir = files.free_path()
  results.prepare(dir)
  results.write(dir, sample(), {}, {})
  files.write(dir .. "/notes.txt", "mine")
  local run = function() return { x = 1 } end
  results.write(dir, jobs.execute({ name = "n", run = run }, { name = "n", points = { {} }, seed = 1, seeds = 1 }, 1), {}, {})
  t.equal(files.read(dir .. "/rows.csv"), "job,replica,x\n1,1,1\n")
  t.ok(not io.open(dir .. "/curve.csv") and not io.open(dir .. "/plain.npy"), "the old series are gone")
  t.equal(files.read(dir .. "/notes.txt"), "mine")
  local listing = io.popen(("ls -A '%s'"):format(dir)):read "a"
  t.equal(listing, "notes.txt\nrows.csv\nrun.json\ntiming.json\n")
  files.remove(dir)
end)

test("a write that fails in the middle leaves the results that were there", function(t)
  local dir = files.free_path()
  local rows = sample()
  results.prepare(dir)
  results.write(dir, rows, { name = "old" }, {})
  local before = files.read(dir .. "/run.json")
  pg.system.mkdir(("%s/.partial-%d/plain.npy"):format(dir, pg.system.pid()))      -- a folder where the file must go
  local ok, object = pcall(results.write, dir, rows, { name = "new" }, {})
  t.ok(not ok and failure.is(object) and object.status == 4, "out of resources: %s", tostring(object))
  t.ok(tostring(object):find "^results: cannot write '.*plain%.npy': ", "%s", tostring(object))
  t.equal(files.read(dir .. "/run.json"), before)
  same_rows(t, rows, (results.read(dir)))
  files.remove(dir)
end)

test("a place that cannot be written is refused with status 4", function(t)
  for _, place in ipairs { "/proc/nowhere", "/dev/null/x" } do
    local ok, object = pcall(results.prepare, place)
    t.ok(not ok and object.status == 4, "%s", place)
    t.ok(tostring(object):find "^results: cannot make the folder '/", "%s", tostring(object))
  end
end)

test("damaged results are a usage failure that says where", function(t)
  local dir = files.free_path()
  local ok, object = pcall(results.read, dir)
  t.ok(not ok and object.status == 2 and tostring(object):find "cannot read '.*run%.json': No such file", "%s", tostring(object))
  results.prepare(dir)
  results.write(dir, sample(), {}, {})
  for _, file in ipairs { "rows.csv", "run.json", "curve.csv", "plain.npy" } do
    local whole = files.read(dir .. "/" .. file)
    for _, size in ipairs { 0, #whole // 2, #whole - 2 } do
      files.write(dir .. "/" .. file, whole:sub(1, size))
      ok, object = pcall(results.read, dir)
      t.ok(not ok and failure.is(object) and object.status == 2, "%s cut to %d bytes: %s", file, size, tostring(object))
    end
    files.write(dir .. "/" .. file, whole)
  end
  t.ok(pcall(results.read, dir), "whole again")
  for _, file in ipairs { "rows.csv", "curve.csv" } do                     -- cut between two lines
    local whole = files.read(dir .. "/" .. file)
    files.write(dir .. "/" .. file, file == "rows.csv" and whole:match "^[^\n]*\n" or whole:gsub("[^\n]*\n$", ""))
    ok, object = pcall(results.read, dir)
    t.ok(not ok and tostring(object):find(file .. " has %d+ lines, run.json says %d+"), "%s: %s", file, tostring(object))
    files.write(dir .. "/" .. file, whole)
  end
  files.remove(dir)
end)
