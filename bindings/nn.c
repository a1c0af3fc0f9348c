/* nn.c - the primitives of networks; layers and models are in lua/nn.lua. */
#include "peri_lua.h"
#include <perigee/nn.h>

/* affine(x, W[, b[, { rectify = false }]]) */
static int l_affine(lua_State *L) {
  static const char *const names[] = {"rectify", NULL};
  peri_tensor *x = check_tensor(L, 1), *w = check_tensor(L, 2), *b = lua_isnoneornil(L, 3) ? NULL : check_tensor(L, 3);
  check_options(L, 4, "nn.affine", names);
  bool rectify = opt_boolean(L, 4, "nn.affine", "rectify", false);
  peri_tensor **box = new_box(L);
  *box = peri_affine(x, w, b, rectify);
  return finish(L, box);
}

/* The option table of a convolution at argument i. */
static peri_conv conv_options(lua_State *L, int i, const char *who) {
  static const char *const names[] = {"stride", "padding", "dilation", "groups", NULL};
  check_options(L, i, who, names);
  peri_conv c = {opt_integer(L, i, who, "stride", 1), opt_integer(L, i, who, "padding", 0), opt_integer(L, i, who, "dilation", 1), opt_integer(L, i, who, "groups", 1)};
  if (c.dilation == 0 || c.groups == 0) c.dilation = c.groups = -1; /* zero is the C caller's shorthand, not the script's */
  return c;
}

/* conv2d(x, w[, options]) */
static int l_conv2d(lua_State *L) {
  peri_tensor *x = check_tensor(L, 1), *w = check_tensor(L, 2);
  peri_conv c = conv_options(L, 3, "nn.conv2d");
  peri_tensor **box = new_box(L);
  *box = peri_conv2d(x, w, c);
  return finish(L, box);
}

/* conv2d_transpose(y, w, height, width[, options]) */
static int l_conv2d_transpose(lua_State *L) {
  peri_tensor *y = check_tensor(L, 1), *w = check_tensor(L, 2);
  int64_t height = check_integer(L, 3, "nn.conv2d_transpose", "height"), width = check_integer(L, 4, "nn.conv2d_transpose", "width");
  peri_conv c = conv_options(L, 5, "nn.conv2d_transpose");
  peri_tensor **box = new_box(L);
  *box = peri_conv2d_transpose(y, w, height, width, c);
  return finish(L, box);
}

/* max_pool2d(x, size[, { stride = size, padding = 0 }]) */
static int l_max_pool2d(lua_State *L) {
  static const char *const names[] = {"stride", "padding", NULL};
  peri_tensor *x = check_tensor(L, 1);
  int64_t size = check_integer(L, 2, "nn.max_pool2d", "size");
  check_options(L, 3, "nn.max_pool2d", names);
  int64_t stride = opt_integer(L, 3, "nn.max_pool2d", "stride", size), padding = opt_integer(L, 3, "nn.max_pool2d", "padding", 0);
  peri_tensor **box = new_box(L);
  *box = peri_max_pool2d(x, size, stride, padding);
  return finish(L, box);
}

/* avg_pool2d(x, size[, { stride = size, padding = 0, count_padding = true }]) */
static int l_avg_pool2d(lua_State *L) {
  static const char *const names[] = {"stride", "padding", "count_padding", NULL};
  peri_tensor *x = check_tensor(L, 1);
  int64_t size = check_integer(L, 2, "nn.avg_pool2d", "size");
  check_options(L, 3, "nn.avg_pool2d", names);
  int64_t stride = opt_integer(L, 3, "nn.avg_pool2d", "stride", size), padding = opt_integer(L, 3, "nn.avg_pool2d", "padding", 0);
  bool counts = opt_boolean(L, 3, "nn.avg_pool2d", "count_padding", true);
  peri_tensor **box = new_box(L);
  *box = peri_avg_pool2d(x, size, stride, padding, counts);
  return finish(L, box);
}

/* group_norm2d(x, gamma, beta, groups[, { eps = 1e-5, rectify = false }]) */
static int l_group_norm2d(lua_State *L) {
  static const char *const names[] = {"eps", "rectify", NULL};
  peri_tensor *x = check_tensor(L, 1), *gamma = check_tensor(L, 2), *beta = check_tensor(L, 3);
  int64_t groups = check_integer(L, 4, "nn.group_norm2d", "groups");
  check_options(L, 5, "nn.group_norm2d", names);
  double eps = opt_number(L, 5, "nn.group_norm2d", "eps", 1e-5);
  bool rectify = opt_boolean(L, 5, "nn.group_norm2d", "rectify", false);
  peri_tensor **box = new_box(L);
  *box = peri_group_norm2d(x, gamma, beta, groups, eps, rectify);
  return finish(L, box);
}

/* softmax_loss(z, y[, { smoothing = 0 }]) */
static int l_softmax_loss(lua_State *L) {
  static const char *const names[] = {"smoothing", NULL};
  peri_tensor *z = check_tensor(L, 1), *y = check_tensor(L, 2);
  check_options(L, 3, "nn.softmax_loss", names);
  double smoothing = opt_number(L, 3, "nn.softmax_loss", "smoothing", 0);
  peri_tensor **box = new_box(L);
  *box = peri_softmax_loss(z, y, 1, smoothing);
  return finish(L, box);
}

static const pri_row rows[] = {
    {"affine", l_affine, "nn.affine(x, W[, b[, { rectify = false }]]) -> tensor", "x W + b of examples x (n, k), a matrix W (k, m) and a shift b (m), rectified if asked to."},
    {"conv2d", l_conv2d, "nn.conv2d(x, w[, { stride = 1, padding = 0, dilation = 1, groups = 1 }]) -> tensor",
     "Two-dimensional convolution of images (n, c, h, w) with filters (o, c / groups, kh, kw)."},
    {"conv2d_transpose", l_conv2d_transpose, "nn.conv2d_transpose(y, w, height, width[, { stride = 1, padding = 0, dilation = 1, groups = 1 }]) -> tensor",
     "The adjoint of nn.conv2d: y (n, o, h', w') spread by filters (o, c / groups, kh, kw) over images (n, c, height, width)."},
    {"max_pool2d", l_max_pool2d, "nn.max_pool2d(x, size[, { stride = size, padding = 0 }]) -> tensor", "Maxima over windows of size x size of images (n, c, h, w)."},
    {"avg_pool2d", l_avg_pool2d, "nn.avg_pool2d(x, size[, { stride = size, padding = 0, count_padding = true }]) -> tensor",
     "Means over windows of size x size of images (n, c, h, w); padded zeros count unless count_padding is false."},
    {"group_norm2d", l_group_norm2d, "nn.group_norm2d(x, gamma, beta, groups[, { eps = 1e-5, rectify = false }]) -> tensor",
     "Each example's channels (n, c, ...) normalised in groups, scaled by gamma (c), shifted by beta (c), and rectified if asked to."},
    {"softmax_loss", l_softmax_loss, "nn.softmax_loss(z, y[, { smoothing = 0 }]) -> tensor",
     "Softmax cross-entropy of scores (n, classes) with classes y (n; i64) from 1, example by example; nn.cross_entropy takes soft targets too."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_nn(lua_State *L) { pri_register(L, "nn", rows, 0); }
