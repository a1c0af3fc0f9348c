/* perigee/io.h - tables and arrays in files: CSV, NPY, NPZ.
**
** Reading: only regular files are opened (no pipe, device or directory, so nothing can block or be endless); gzip is
** recognised by its first bytes whatever the name; what a header announces is compared with what the file can hold
** before memory is asked for, and memory counts against the context. Malformed input is PERI_ERR_FORMAT, saying
** where; PERI_ERR_IO is the system's refusal. What is odd but harmless is accepted and described in a notice: the
** library never prints.
**
** Writing: to a file aside that is synced and renamed at the end, so that a full disk or an interrupt leaves the old
** file or none, never half a one. Symbolic links are followed. A character device (/dev/stdout on a terminal,
** /dev/full) is written directly. The bytes depend on the values alone: no times, no names of users.
*/
#ifndef PERIGEE_IO_H
#define PERIGEE_IO_H

#include <perigee/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char text[256];
} peri_notice; /* "" if there is nothing to say; where one is taken, NULL is fine */

typedef enum { PERI_FILE_TEXT, PERI_FILE_NPY, PERI_FILE_NPZ } peri_file_kind;
/* What the first bytes (behind gzip, if any) say; anything unknown is text. PERI_ERR_IO if the file cannot be read. */
PERI_API peri_status peri_file_sniff(peri_ctx *cx, const char *path, peri_file_kind *kind);

/* ---- NPY: one array, as numpy.save writes it ---- */

/* Versions 1 to 3; either byte order; C or Fortran order (then a view of transposed strides). Elements keep their
** values: b1 -> bool; i1 i2 i4 i8 u1 u2 u4 u8 -> i64 (u8 from 2^63 on is refused); f2 f4 -> f32; f8 -> f64; c8 c16
** -> c128. f4, f8 and c16 keep their bits, NaN payloads included. Other descriptors are refused by name. Bytes
** behind the data are a notice. */
PERI_API peri_tensor *peri_npy_read(peri_ctx *cx, const char *path, peri_notice *notice);

/* The bytes of numpy.save (1.24): Fortran order if the memory lies so, else C order. */
PERI_API peri_status peri_npy_write(peri_tensor *t, const char *path);

/* ---- NPZ: named arrays in a ZIP archive, as numpy.savez and savez_compressed write it ---- */

typedef struct peri_npz peri_npz;

/* Stored and deflated members, ZIP64. Refused: encrypted or otherwise compressed members, members that overlap or
** lie outside the file, two of one name, names that are absolute, contain "..", a backslash or a control character,
** or exceed 255 bytes. Members that are no .npy are left out, with a notice. The file stays open until
** peri_npz_close. */
PERI_API peri_npz *peri_npz_open(peri_ctx *cx, const char *path, peri_notice *notice);
PERI_API int64_t peri_npz_count(const peri_npz *z);
PERI_API const char *peri_npz_name(const peri_npz *z, int64_t i);    /* without ".npy"; lives as long as z */
PERI_API int64_t peri_npz_find(const peri_npz *z, const char *name); /* -1 if there is none */
PERI_API peri_tensor *peri_npz_read(peri_npz *z, int64_t i, peri_notice *notice); /* checks the member's size and CRC */
PERI_API void peri_npz_close(peri_npz *z);                                        /* NULL is fine */

/* n arrays under different names, in the order given, all stored or all deflated. The same arrays give the same
** bytes. */
PERI_API peri_status peri_npz_write(peri_ctx *cx, const char *path, int64_t n, const char *const *names,
                                    peri_tensor *const *arrays, bool compress);

/* ---- CSV: a table of numbers ---- */

typedef enum { PERI_HEADER_FIND, PERI_HEADER_YES, PERI_HEADER_NO } peri_header;

typedef struct {
  char separator; /* 0: the first of tab, semicolon, comma, blanks found in the first line. ' ': any run of blanks */
  char comment;   /* lines starting with it are skipped; 0: '#' */
  peri_header header;         /* FIND: the first line is one if a field of it is neither a number nor empty */
  bool missing;               /* empty fields are NaN; otherwise an error */
  int64_t count;              /* columns wanted, in this order; 0: all. The others need not be numbers */
  const char *const *columns; /* their names in the header, or NULL: */
  const int64_t *numbers;     /* their numbers, from 0 */
} peri_csv_options;

typedef struct {
  peri_tensor *values; /* (rows, columns) f64, correctly rounded */
  int64_t columns;
  const char *const *names; /* NULL without a header */
  peri_ctx *cx;
  size_t names_size;
} peri_csv;

/* Lines end with LF or CRLF; a byte order mark, blank lines and comments are skipped; fields may be quoted ("" is a
** quote), not across lines. The decimal sign is a point whatever the locale; inf and nan are numbers. Refused with
** the line's number: rows of different length, an open quote, a NUL byte, a field that is no number, or too large
** for f64, or longer than 64 KiB. options may be NULL. The result is released by peri_csv_close. */
PERI_API peri_status peri_csv_read(peri_ctx *cx, const char *path, const peri_csv_options *options, peri_csv *table);
PERI_API void peri_csv_close(peri_csv *table);

/* Columns beside one another: each tensor is a vector or a matrix, all of one number of rows. names: one for each
** resulting column, or NULL. A float is written as the shortest of %.15g, %.16g, %.17g (f32: %.6g .. %.9g) that
** reads back as the same number. PERI_ERR_DTYPE for c128, PERI_ERR_SHAPE if rows or names do not match. */
PERI_API peri_status peri_csv_write(peri_ctx *cx, const char *path, int64_t n, peri_tensor *const *columns,
                                    int64_t named, const char *const *names, char separator);

/* ---- data sets in their public forms, gzipped or not ---- */

/* IDX, as MNIST comes: integers become i64, floats stay, or everything is cast to dtype if that is >= 0. */
PERI_API peri_tensor *peri_idx_read(peri_ctx *cx, const char *path, int dtype);

/* CIFAR-10, binary: images (n, 3, 32, 32) f32 in 0..255, labels (n) i64 in 0..9. */
PERI_API peri_status peri_cifar_read(peri_ctx *cx, const char *path, peri_tensor **images, peri_tensor **labels);

/* The same form: images (n, 3, 32, 32), rounded to bytes, labels (n) i64. PERI_ERR_VALUE for a value outside [0, 255] or a label outside 0..9. */
PERI_API peri_status peri_cifar_write(const char *path, peri_tensor *images, peri_tensor *labels);

/* libsvm: x (n, d) f64, y (n) f64. d = columns, or the largest index if columns is 0. Refused with the line's number: an index that is
** not in 1..2^24 or does not increase, a label or value that is no finite number. '#' starts a comment. */
PERI_API peri_status peri_libsvm_read(peri_ctx *cx, const char *path, int64_t columns, peri_tensor **x, peri_tensor **y);

/* Rows of numbers and categories, fields separated by tabs, plain or gzip. roles has a letter for each column: y the label, 0 or 1 (exactly one);
** i an integer, f a number, NaN where the field is `missing`; c a category, any text; h one of 8 lowercase hexadecimal digits, or empty;
** - a column that is not read. A line of another number of fields, or with a field that its role does not allow, is refused with its number
** (PERI_ERR_FORMAT), or left out and counted if skip_bad. A first line that begins with `header` is passed over. */
typedef struct {
  const char *roles;
  const char *missing;     /* text of a missing number, "" or "-1" */
  const char *header;      /* NULL: there is none */
  int64_t bits;            /* categories are hashed, with their column, into 2^bits bins; 1..30 */
  bool skip_bad;
  int64_t first, rows;     /* lines passed over behind the header; lines then read, 0: all */
} peri_hashed_options;

typedef struct {
  peri_tensor *x;          /* (n, columns i and f) f64 */
  peri_tensor *bins;       /* (n, columns c and h) i64, from 0 */
  peri_tensor *y;          /* (n) i64 */
  int64_t skipped;
} peri_hashed;

PERI_API peri_status peri_hashed_read(peri_ctx *cx, const char *path, const peri_hashed_options *options, peri_hashed *out);

#ifdef __cplusplus
}
#endif
#endif
