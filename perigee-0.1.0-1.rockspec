rockspec_format = "3.0"
package = "perigee"
version = "0.1.0-1"
source = { url = "file://perigee-0.1.0.tar.gz" }      -- `luarocks make` in a clone builds the clone
description = {
  summary = "The theory of stochastic optimisation, in C and Lua",
  detailed = "Tensors, reproducible random streams, random processes, diagnostics and experiments whose scripts read like the paper.",
  license = "MIT",
}
dependencies = { "lua ~> 5.4" }
external_dependencies = { OPENBLAS = { library = "openblas" }, ZLIB = { header = "zlib.h" } }
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    PERIGEE_LUA_CMOD_DIR = "$(LIBDIR)",
    PERIGEE_TESTS = "OFF",
  },
}
