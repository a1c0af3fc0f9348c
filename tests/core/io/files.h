/* files.h - what the tests of files share: paths in a directory of the process's own, whole files to and from
** memory. */
#ifndef PERIGEE_TESTS_FILES_H
#define PERIGEE_TESTS_FILES_H

#include "support.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char files_dir[64];

static inline int make_dir(void **state) {
  (void)state;
  strcpy(files_dir, "/tmp/perigee-test-XXXXXX");
  return mkdtemp(files_dir) ? 0 : -1;
}

static inline const char *path_of(const char *name) {
  static char paths[4][400];
  static int turn;
  char *p = paths[turn++ % 4];
  snprintf(p, sizeof paths[0], "%s/%s", files_dir, name);
  return p;
}

static inline int count_files(void) {
  DIR *d = opendir(files_dir);
  int n = 0;
  for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

static inline int remove_dir(void **state) {
  (void)state;
  DIR *d = opendir(files_dir);
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] != '.') unlink(path_of(e->d_name));
  closedir(d);
  return rmdir(files_dir);
}

static inline const char *write_file(const char *name, const void *bytes, size_t n) {
  const char *path = path_of(name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, n, f), n);
  fclose(f);
  return path;
}

/* The whole file; freed by the caller. */
static inline unsigned char *read_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  unsigned char *p = malloc(*n + 1);
  assert_int_equal(fread(p, 1, *n, f), *n);
  fclose(f);
  return p;
}

#define TEXT(name, text) write_file(name, text, sizeof text - 1)

#endif
