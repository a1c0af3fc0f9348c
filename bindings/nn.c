/* nn.c - the primitives of networks; layers and models are in lua/nn.lua. */
#include "peri_lua.h"
#include <perigee/nn.h>

/* conv2d(x, w[, { stride = 1, padding = 0 }]) */
static int l_conv2d(lua_State *L) {
  static const char *const names[] = {"stride", "padding", NULL};
  peri_tensor *x = check_tensor(L, 1), *w = check_tensor(L, 2);
  check_options(L, 3, "nn.conv2d", names);
  peri_conv c = {opt_integer(L, 3, "nn.conv2d", "stride", 1), opt_integer(L, 3, "nn.conv2d", "padding", 0)};
  peri_tensor **box = new_box(L);
  *box = peri_conv2d(x, w, c);
  return finish(L, box);
}

/* max_pool2d(x, size[, { stride = size, padding = 0 }]) */
static int l_max_pool2d(lua_State *L) {
  static const char *const names[] = {"stride", "padding", NULL};
  peri_tensor *x = check_tensor(L, 1);
  int64_t size = check_integer(L, 2, "nn.max_pool2d", "size");
  check_options(L, 3, "nn.max_pool2d", names);
  peri_conv c = {opt_integer(L, 3, "nn.max_pool2d", "stride", size), opt_integer(L, 3, "nn.max_pool2d", "padding", 0)};
  peri_tensor **box = new_box(L);
  *box = peri_max_pool2d(x, size, c);
  return finish(L, box);
}

static const pri_row rows[] = {
    {"conv2d", l_conv2d, "nn.conv2d(x, w[, { stride = 1, padding = 0 }]) -> tensor", "Two-dimensional convolution of images (n, c, h, w) with filters (o, c, kh, kw)."},
    {"max_pool2d", l_max_pool2d, "nn.max_pool2d(x, size[, { stride = size, padding = 0 }]) -> tensor", "Maxima over windows of size x size of images (n, c, h, w)."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_nn(lua_State *L) { pri_register(L, "nn", rows, 0); }
