-- Every function that `require "perigee"` exports has a row that help prints, and every row names something that is there.
local pg = require "perigee"
local help = require "perigee.help"

local function functions()
  local names = {}
  for key, value in pairs(pg) do
    if type(value) == "function" then names["tensor." .. key] = value end
    if type(value) == "table" and key ~= "documentation" and not package.loaded["perigee." .. key] then
      for inner, v in pairs(value) do
        if type(v) == "function" then names[key .. "." .. inner] = v end
      end
    end
  end
  return names
end

test("every exported function is documented", function(t)
  local missing, count = {}, 0
  for name in pairs(functions()) do
    count = count + 1
    if not pg.documentation[name] then missing[#missing + 1] = name end
  end
  table.sort(missing)
  t.ok(count > 100, "%d functions found", count)
  t.equal(table.concat(missing, " "), "", "functions without a row")
end)

test("every row has a signature that names it and one sentence", function(t)
  for name, row in pairs(pg.documentation) do
    local short = name:match "[^.]*$"
    t.ok(#row == 2 and row[1] ~= "" and row[2] ~= "", "%s: row", name)
    t.ok(short:find "^__" or row[1]:find(short, 1, true), "%s: the signature '%s'", name, row[1])
    t.ok(row[2]:find "^[%w|`\"(-]" and row[2]:find "%.$", "%s: '%s' is no sentence", name, row[2])
  end
end)

test("the text of a row is its signature and sentence, under any of its names", function(t)
  local row = pg.documentation["tensor.exp"]
  local text = ("tensor.exp\n  %s\n  %s"):format(row[1], row[2])
  for _, name in ipairs { "tensor.exp", "tensor:exp", "pg.exp", "perigee.exp", "exp" } do t.equal(help.text(name), text, name) end
  t.equal(help.name(pg.exp), "tensor.exp")
  t.equal(help.name(pg.linalg.solve), "linalg.solve")
  t.equal(help.name(pg.linalg), "linalg")
end)

test("modules list their functions", function(t)
  local text = help.text "linalg"
  t.ok(text:find("\n  solve%s+" .. pg.documentation["linalg.solve"][2]:sub(1, 10)), text)
  t.ok(help.text():find "\n  tensor ", "the overview names the modules")
end)

test("an unknown name gets the nearest", function(t)
  for given, meant in pairs { ["tensor.exq"] = "tensor.e", sovle = "linalg.solve", linlag = "linalg", ["linalg.sovle"] = "linalg.solve" } do
    local text, why = help.text(given)
    t.equal(text, nil)
    t.ok(why:find(("help: nothing is called '%s' (did you mean '%s"):format(given, meant), 1, true), "%s", why)
  end
  t.fails(function() pg.help "zzzzzzzzz" end, "help: nothing is called 'zzzzzzzzz' %(`help` lists the modules%)")
end)
