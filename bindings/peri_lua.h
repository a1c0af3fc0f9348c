/* peri_lua.h - what the glue files share.
**
** Every C function of the library is a closure over two upvalues: the metatable of tensors (1), so that an argument is checked by
** one pointer comparison, and the glue's state (2). Functions are listed in rows, which also are their documentation.
**
** A Lua call may raise at any time, and raising jumps past cleanup: so *box first, fill after*. A box is a userdata that owns one
** tensor reference; make it while nothing is owned, then call the core and store the result in it.
*/
#ifndef PRI_LUA_H
#define PRI_LUA_H

#include <lauxlib.h>
#include <lua.h>
#include <perigee/lua.h>
#include <perigee/op.h>
#include <perigee/tensor.h>

typedef struct {
  const char *name;       /* "normal" */
  lua_CFunction fn;
  const char *signature;  /* "rng:normal{dims} -> tensor" */
  const char *help;       /* one sentence */
} pri_row;                /* lists end with a NULL name */

typedef struct {
  peri_ctx *cx;
  lua_State *L;           /* the thread that runs now, for the collection that an exhausted budget asks for */
  size_t floor;           /* bytes in use after the last full collection */
  size_t trigger;         /* a collection is due above this */
  bool owns_context;      /* opened by luaopen_perigee */
} pri_glue;

static inline pri_glue *glue_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(2)); }

/* ---- registering (open.c); each expects the table `pg` on top of the stack ---- */
enum { PRI_METHODS = 1 };                 /* the rows are methods of tensors as well */
void pri_register(lua_State *L, const char *module, const pri_row *rows, int flags); /* into pg[module], or pg itself for "tensor" */
/* A class of userdata: its metatable goes into the registry as "perigee." name; rows starting with "__" are metamethods, the others
** methods. Documented as module.name. */
void pri_class(lua_State *L, const char *name, const pri_row *rows);
void pri_set_closure(lua_State *L, lua_CFunction fn, const void *extra); /* pushes fn with the two upvalues, extra as a third if not NULL */
void pri_bind_functions(lua_State *L, const char *module, const peri_op *const *ops); /* elementwise primitives as pg[module][name] (elementwise.c) */
void pri_document(lua_State *L, const char *name, const char *signature, const char *help);

/* ---- tensors (box.c) ---- */
peri_tensor *check_tensor(lua_State *L, int idx);            /* borrowed; raises unless a live tensor */
peri_tensor *test_tensor(lua_State *L, int idx);             /* NULL unless a live tensor */
peri_tensor **new_box(lua_State *L);                         /* pushes; may collect; *box is NULL */
int raise_core(lua_State *L, peri_ctx *cx);                  /* raises the context's message with the script's position in front */
static inline int finish(lua_State *L, peri_tensor *const *box) { return *box ? 1 : raise_core(L, glue_of(L)->cx); }

/* To be called by whatever writes into t: while gradients are being taken, remembers name ("tensor.add", the _ is added if
** missing) and the script's line for the error that follows if t had been recorded. */
void note_write(lua_State *L, peri_tensor *t, const char *name);

/* A tensor or number operand as a tensor reference that the caller releases. Numbers become weak scalars. Raises on another type
** and on lack of memory; call it while nothing else is owned. keep_operand puts it into a box on the stack instead, so several
** can be taken one after the other. */
peri_tensor *keep_operand(lua_State *L, int idx);
bool is_operand(lua_State *L, int idx);

void push_element(lua_State *L, const peri_tensor *t, int64_t k);  /* element k in C order: boolean, integer, float; c128: 0-d tensor */
/* Replaces the box on top by its number if it is 0-d and not recorded (c128 stays a tensor). Returns 1. */
int number_if_scalar(lua_State *L);

/* ---- arguments (args.c) ---- */
int check_dims(lua_State *L, int idx, const char *who, int64_t *dims);  /* {3, 4} or 3, 4 from idx on; returns the number */
peri_dtype check_dtype(lua_State *L, int idx, peri_dtype missing);      /* a dtype name, or `missing` for nil and none */
int64_t check_integer(lua_State *L, int idx, const char *who, const char *name);
/* Option tables: idx may be nil or none, meaning empty. */
void check_options(lua_State *L, int idx, const char *who, const char *const *names); /* unknown names: error with the nearest */
lua_Number opt_number(lua_State *L, int idx, const char *who, const char *name, lua_Number missing);
int64_t opt_integer(lua_State *L, int idx, const char *who, const char *name, int64_t missing);
bool opt_boolean(lua_State *L, int idx, const char *who, const char *name, bool missing);
const char *opt_string(lua_State *L, int idx, const char *who, const char *name, const char *missing);
const char *nearest_name(const char *given, const char *const *names);  /* NULL if none is near */

/* pg.tensor's reading of a nested table, number or tensor at idx, pushed as a tensor box. */
peri_tensor *to_tensor(lua_State *L, int idx, const char *who, int dtype); /* dtype < 0: found from the values */

/* ---- the modules ---- */
void pri_bind_tensor(lua_State *L);
void pri_bind_elementwise(lua_State *L);
void pri_bind_reduce(lua_State *L);
void pri_bind_shape(lua_State *L);
void pri_bind_index(lua_State *L);
void pri_bind_ad(lua_State *L);
void pri_bind_ad_examples(lua_State *L);
void pri_bind_ad_custom(lua_State *L);
void pri_bind_linalg(lua_State *L);
void pri_bind_fft(lua_State *L);
void pri_bind_random(lua_State *L);
void pri_bind_numeric(lua_State *L);
void pri_bind_process(lua_State *L);
void pri_bind_fgn(lua_State *L);
void pri_bind_graph(lua_State *L);
void pri_bind_gossip(lua_State *L);
void pri_bind_kesten(lua_State *L);
void pri_bind_diag(lua_State *L);
void pri_bind_tails(lua_State *L);
void pri_bind_optim(lua_State *L);
void pri_bind_nn(lua_State *L);
void pri_bind_sampler(lua_State *L);
void pri_bind_io(lua_State *L);
void pri_bind_workers(lua_State *L);
void pri_bind_testing(lua_State *L);
void pri_bind_system(lua_State *L);

bool pri_custom_error(lua_State *L, peri_ctx *cx); /* after a failed pass: pushes what an ad.custom backward raised, if it did (ad_custom.c) */

int l_index(lua_State *L);     /* t[key] where key is a table or a tensor, arguments (t, key) (index.c) */
int l_newindex(lua_State *L);  /* t[key] = value, arguments (t, key, value) (index.c) */

#endif
