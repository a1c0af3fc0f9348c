/* npz.c - named arrays in a ZIP archive: each member NAME.npy is an NPY file. */
#include "io/npy.h"
#include "io/zip.h"
#include <stdio.h>
#include <stdlib.h>

enum { IGNORABLE = 1 << 20 };

struct peri_npz {
  pri_zip zip;
  char path[PRI_PATH_SHOWN + 64];
};

/* ---- reading ---- */

static bool is_npy(const char *name) {
  size_t n = strlen(name);
  return n > 4 && strcmp(name + n - 4, ".npy") == 0;
}

/* Leaves the arrays, their names without the suffix. */
static void keep_arrays(pri_zip *z, peri_notice *notice) {
  int64_t kept = 0;
  for (int64_t i = 0; i < z->n; i++) {
    if (!is_npy(z->members[i].name)) {
      pri_notice(notice, "%s: '%s': member '%.40s' is no array and was left out", z->file.who, z->file.name,
                 z->members[i].name);
      continue;
    }
    pri_member m = z->members[i];
    m.name[strlen(m.name) - 4] = 0;
    z->members[kept++] = m;
  }
  z->n = kept;
}

peri_npz *peri_npz_open(peri_ctx *cx, const char *path, peri_notice *notice) {
  if (notice) notice->text[0] = 0;
  peri_npz *z = peri_alloc(cx, sizeof *z);
  if (!z) return NULL;
  if (pri_zip_open(&z->zip, cx, "io.load_npz", path)) return peri_free(cx, z, sizeof *z), NULL;
  snprintf(z->path, sizeof z->path, "%s", z->zip.file.name);
  z->zip.file.path = z->path; /* the caller's string may go */
  keep_arrays(&z->zip, notice);
  return z;
}

int64_t peri_npz_count(const peri_npz *z) { return z->zip.n; }
const char *peri_npz_name(const peri_npz *z, int64_t i) { return z->zip.members[i].name; }

int64_t peri_npz_find(const peri_npz *z, const char *name) {
  for (int64_t i = 0; i < z->zip.n; i++)
    if (strcmp(z->zip.members[i].name, name) == 0) return i;
  return -1;
}

/* Reads what is left of the member, which must be what the directory says. */
static peri_status verify(pri_source *s, const pri_member *m, peri_notice *notice) {
  unsigned char scratch[4096];
  int64_t left = m->size - s->produced, got;
  if (left > IGNORABLE) return pri_malformed(s, "%lld bytes follow the array", (long long)left);
  if (left > 0)
    pri_notice(notice, "%s: '%s': %lld bytes behind the data were ignored", s->who, s->name, (long long)left);
  while ((got = pri_source_read(s, scratch, sizeof scratch)) > 0)
    if (s->produced > m->size) break;
  if (got < 0) return s->cx->code;
  if (s->produced != m->size)
    return pri_malformed(s, "it unpacks to %s bytes than the %lld announced", s->produced > m->size ? "more" : "fewer",
                         (long long)m->size);
  if (s->crc != m->crc) return pri_malformed(s, "its checksum is %08x, announced is %08x", s->crc, m->crc);
  return PERI_OK;
}

peri_tensor *peri_npz_read(peri_npz *z, int64_t i, peri_notice *notice) {
  const pri_member *m = &z->zip.members[i];
  pri_source s;
  if (notice) notice->text[0] = 0;
  if (pri_source_part(&s, &z->zip.file, m->name, m->data, m->data + m->packed, m->deflated ? PRI_DEFLATE : PRI_PLAIN))
    return NULL;
  s.most = m->size;
  peri_tensor *t = pri_npy_take(&s);
  if (t && verify(&s, m, notice)) peri_release(t), t = NULL;
  pri_source_close(&s);
  return t;
}

void peri_npz_close(peri_npz *z) {
  if (!z) return;
  peri_ctx *cx = z->zip.file.cx;
  pri_zip_close(&z->zip);
  peri_free(cx, z, sizeof *z);
}

/* ---- writing ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static peri_status check_distinct(peri_ctx *cx, const char *path, int64_t n, const char *const *names) {
  size_t size = (size_t)n * sizeof *names;
  const char **sorted = peri_alloc(cx, size);
  if (!sorted) return cx->code;
  if (n) memcpy(sorted, names, size);
  qsort(sorted, (size_t)n, sizeof *sorted, by_text);
  peri_status st = PERI_OK;
  for (int64_t i = 1; i < n && !st; i++)
    if (strcmp(sorted[i - 1], sorted[i]) == 0)
      st = peri_fail(cx, PERI_ERR_VALUE, "io.save_npz: '%.200s': two arrays are named '%.60s'", path, sorted[i]);
  peri_free(cx, sorted, size);
  return st;
}

static peri_status check_names(peri_ctx *cx, const char *path, int64_t n, const char *const *names) {
  for (int64_t i = 0; i < n; i++) {
    size_t length = strlen(names[i]);
    const char *bad =
        length > PRI_NAME - 4 ? "is longer than 251 bytes" : pri_zip_bad_name(names[i], length);
    if (bad)
      return peri_fail(cx, PERI_ERR_VALUE, "io.save_npz: '%.200s': the name '%.60s' %s", path, names[i], bad);
  }
  return check_distinct(cx, path, n, names);
}

static peri_status write_member(pri_zip_writer *w, const char *name, peri_tensor *t) {
  char member[PRI_NAME + 1];
  snprintf(member, sizeof member, "%s.npy", name);
  peri_status st = pri_zip_begin(w, member, pri_npy_size(t));
  if (!st) st = pri_npy_put(t, pri_zip_put, w);
  return pri_zip_end(w, st);
}

peri_status peri_npz_write(peri_ctx *cx, const char *path, int64_t n, const char *const *names,
                           peri_tensor *const *arrays, bool compress) {
  pri_sink s;
  pri_zip_writer w = {.sink = &s, .deflate = compress};
  for (int64_t i = 0; i < n; i++)
    if (arrays[i]->cx != cx)
      return peri_fail(cx, PERI_ERR_STATE, "io.save_npz: array %lld belongs to another context", (long long)i + 1);
  peri_status st = check_names(cx, path, n, names);
  if (st || (st = pri_sink_open(&s, cx, "io.save_npz", path))) return st;
  for (int64_t i = 0; i < n && !st; i++) st = write_member(&w, names[i], arrays[i]);
  if (!st) st = pri_zip_directory(&w);
  if (w.members) peri_free(cx, w.members, (size_t)w.room * sizeof *w.members);
  return pri_sink_close(&s, st);
}
