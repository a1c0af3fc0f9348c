std = "lua54"
max_line_length = false
self = false
ignore = { "581" }                          -- `not (x > y)` is how a NaN is refused
files["tests"] = { read_globals = { "test" } }
files["tests/harness.lua"] = { globals = { "test" } }
