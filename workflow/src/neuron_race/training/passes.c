/* Losses, outputs and gradients of S networks of many layers: forward and backward pass in one go.

   A network is a list of operations on arrays. Samples lie along the lanes of vectors, so that an array is
   a number of rows (features, times positions of an image or a text) of as many vectors as a block of
   samples has. Blocks are so small that all arrays of one network stay in cache: nothing but weights,
   inputs and outputs ever travels to memory. All weights are read as PyTorch keeps them.

   Bits: blocks and the order of every sum depend on the shapes of a network alone, neither on the others nor
   on the processor (see lanes.h): a row has as many vectors as fill whole ones of WIDE bytes. */

#include <stdint.h>
#include <stdlib.h>

#include "lanes.h"

#define SIDE 4 /* rows and columns of a tile of weight gradients */
enum { SPAN = 128 }; /* samples that are turned at a time */
enum kind { LINEAR, RELU, FILTERS, MEAN, SHIFT, ATTEND, LAYER, BATCH, AFFINE };

/* f features at h x w positions; where value and slope (gradient of the loss) begin, in rows. */
typedef struct {
    int64_t f, h, w, value, slope, learns;
} array;

/* From array x (and y, z) to array out; b: another array; w, w2: places of weights; n: a number. */
typedef struct {
    int64_t kind, x, y, z, out, b, w, w2, n;
} operation;

typedef struct {
    int64_t S, N, blocks, vectors, loss, frozen, learn, arrays, operations, weights, rows;
    const array *array;
    const operation *operation;
    const double *scale; /* of each operation */
    const int64_t *size; /* numbers of each weight in a network */
    const REAL *X;       /* (S, blocks, rows of array 0, vectors); the last block may fill fewer */
    const REAL *Y;       /* (S, N, k) */
    REAL **weight, **slope; /* (S, size) of each */
    double *losses;         /* (S,) */
    REAL *F;                /* (S, N, k) */
    vec *space;             /* room for `rows` rows, and one more */
} problem;

typedef struct {
    const problem *p;
    REAL **weight, **slope; /* of this network */
    vec *space;             /* rows of values and slopes */
    vec *valid;             /* 1 in lanes with a sample, 0 elsewhere */
    char *set;              /* arrays whose slopes have been begun */
    int64_t *list;          /* room for offsets */
    vec *turned;            /* ... and for what `outer` needs */
    long n;                 /* vectors of a row */
    long samples;           /* of this block */
} block;

INLINE vec *value(const block *b, int64_t i) { return b->space + b->p->array[i].value * b->n; }
INLINE vec *slope(const block *b, int64_t i) { return b->space + b->p->array[i].slope * b->n; }
INLINE REAL scale(const block *b, const operation *o) { return (REAL)b->p->scale[o - b->p->operation]; }
INLINE long rows(const array *a) { return a->f * a->h * a->w; }

/* --- Products ---------------------------------------------------------------------------------------- */

/* What a product is of: sum over q < K of w[at[q] + r wr] times the row H[from[q]]. */
typedef struct {
    long K, wr;
    const int64_t *at, *from;
    const REAL *w;
    const vec *H;
    const vec *base; /* is added to, or NULL */
    const vec *gate; /* where it is not positive, 0 comes out (it may be `out` itself); or NULL */
    vec *out;
    long row; /* between rows of out and base */
    REAL scale;
} product;

INLINE void tile(const int mr, const int nv, const product *p, long r0, long v0) {
    vec acc[MR][NV];
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) acc[r][v] = (vec){0};
    for (long q = 0; q < p->K; q++) {
        const vec *B = p->H + p->from[q] + v0;
        const REAL *a = p->w + p->at[q] + r0 * p->wr;
        vec bv[NV];
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) bv[v] = B[v];
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
            for (int v = 0; v < nv; v++)
                acc[r][v] = fused(spread(a[r * p->wr]), bv[v], acc[r][v]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) {
            long i = (r0 + r) * p->row + v0 + v;
            vec more = p->scale * acc[r][v];
            if (p->base) more += p->base[i];
            if (p->gate) more = gated(p->gate == p->out ? more : p->gate[i], more);
            p->out[i] = more;
        }
}

#define ROWS(NVECS)                                      \
    switch (mr) {                                        \
    case 1: tile(1, NVECS, p, r0, v0); return;           \
    case 2: tile(2, NVECS, p, r0, v0); return;           \
    case 3: tile(3, NVECS, p, r0, v0); return;           \
    case 4: tile(4, NVECS, p, r0, v0); return;           \
    case 5: tile(5, NVECS, p, r0, v0); return;           \
    default: tile(6, NVECS, p, r0, v0); return;          \
    }
static void any_tile(long mr, long nv, const product *p, long r0, long v0) {
    switch (nv) {
    case 1: ROWS(1)
    case 2: ROWS(2)
    case 3: ROWS(NV < 3 ? NV : 3)
    default: ROWS(NV)
    }
}

/* The product, m rows of n vectors. */
static void multiply(const product *p, long m, long n) {
    long across = ceiling(n, NV), down = ceiling(m, MR);
    for (long c = 0; c < across; c++) {
        long v0 = part(c, across, n), nv = part(c + 1, across, n) - v0;
        for (long t = 0; t < down; t++) {
            long r0 = part(t, down, m);
            any_tile(part(t + 1, down, m) - r0, nv, p, r0, v0);
        }
    }
}

#if defined(__GNUC__) && !defined(__clang__)
/* Halves of the groups of 2 `width` lanes added, a's before b's: as many sums in half as many vectors. */
INLINE vec fold(vec a, vec b, const int width) {
    mask low = {0}, high = {0};
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++) {
        low[l] = l / width * 2 * width + l % width;
        high[l] = low[l] + width;
    }
    return __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
}

/* Sums of the lanes of LANES vectors, which are overwritten. */
#define HALVE(width)                                                                           \
    _Pragma("GCC unroll 8") for (int i = 0; i < width; i++)                                    \
        acc[i] = fold(acc[2 * i], acc[2 * i + 1], width);
INLINE vec totals(vec *acc) {
    if (LANES >= 16) HALVE(8)
    if (LANES >= 8) HALVE(4)
    if (LANES >= 4) HALVE(2)
    HALVE(1)
    return acc[0];
}
#else
INLINE vec totals(vec *acc) {
    vec sums = {0};
    for (int l = 0; l < LANES; l++) sums[l] = across(acc[l]);
    return sums;
}
#endif

/* out[r or + c oc] += scale times the sum over segments of D[r dr + at[s] ...] H[c hr + from[s] ...],
   products of `length` vectors each, for m rows and n columns. */
typedef struct {
    long segments, length, dr, hr, or, oc;
    const int64_t *at, *from;
    const vec *D, *H;
    REAL *out;
    REAL scale;
} inner;

/* Sums for the tile at (r, c) over every PARTS-th vector from `first` on, lane by lane. */
INLINE void correlated(const inner *p, long first, long r, long c, long dr, long hr, vec *sums) {
    vec acc[SIDE * SIDE];
#pragma GCC unroll 16
    for (int i = 0; i < SIDE * SIDE; i++) acc[i] = (vec){0};
    for (long s = 0; s < p->segments; s++) {
        const vec *D = p->D + r * p->dr + p->at[s] + first, *H = p->H + c * p->hr + p->from[s] + first;
        for (long v = 0; v < p->length; v += PARTS, D += PARTS, H += PARTS) {
            vec h[SIDE];
#pragma GCC unroll 4
            for (int i = 0; i < SIDE; i++) h[i] = H[i * hr];
#pragma GCC unroll 4
            for (int j = 0; j < SIDE; j++)
#pragma GCC unroll 4
                for (int i = 0; i < SIDE; i++)
                    acc[j * SIDE + i] = fused(D[j * dr], h[i], acc[j * SIDE + i]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < SIDE * SIDE; i++) sums[i] = acc[i];
}

static void correlate(const inner *p, long m, long n) {
    /* The last tile begins early enough to be whole; of fewer rows than a tile has, one is taken at a time. */
    long tall = m < SIDE ? 1 : SIDE, wide = n < SIDE ? 1 : SIDE;
    long dr = tall > 1 ? p->dr : 0, hr = wide > 1 ? p->hr : 0, or = p->or, oc = p->oc;
    REAL scale = p->scale;
    for (long r0 = 0; r0 < m; r0 += tall)
        for (long c0 = 0; c0 < n; c0 += wide) {
            long r1 = r0 + tall > m ? m - tall : r0, c1 = c0 + wide > n ? n - wide : c0;
            vec acc[SIDE * SIDE], part[PARTS][SIDE * SIDE];
            for (int i = 0; i < PARTS; i++) {
                correlated(p, i, r1, c1, dr, hr, acc);
                if (PARTS > 1) memcpy(part[i], acc, sizeof acc);
            }
            if (PARTS > 1)
                for (int i = 0; i < SIDE * SIDE; i++) {
                    acc[i] = part[0][i] + part[PARTS / 2][i];
                    if (PARTS == 4) acc[i] += part[1][i] + part[3][i];
                }
            REAL sums[SIDE * SIDE];
#pragma GCC unroll 8
            for (int i = 0; i < SIDE * SIDE; i += LANES) {
                vec some = totals(acc + i);
                memcpy(sums + i, &some, sizeof some);
            }
            REAL *out = p->out + r1 * or + c1 * oc;
            if (r0 == r1 && c0 == c1 && tall == SIDE && wide == SIDE) {
#pragma GCC unroll 4
                for (long r = 0; r < SIDE; r++)
#pragma GCC unroll 4
                    for (long c = 0; c < SIDE; c++) out[r * or + c * oc] += scale * sums[r * SIDE + c];
            } else
                for (long r = r0 - r1; r < tall; r++)
                    for (long c = c0 - c1; c < wide; c++)
                        out[r * or + c * oc] += scale * sums[r * SIDE + c];
        }
}

#if defined(__GNUC__) && !defined(__clang__)
/* Blocks of width x width lanes off the diagonal change places. */
INLINE void exchange(vec *a, const int width) {
    mask low = {0}, high = {0};
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++) {
        low[l] = l & width ? LANES + l - width : l;
        high[l] = low[l] + width;
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (!(i & width)) {
            vec above = a[i], below = a[i + width];
            a[i] = __builtin_shuffle(above, below, low);
            a[i + width] = __builtin_shuffle(above, below, high);
        }
}

/* A square of LANES rows, one in a vector, turned about its diagonal. */
INLINE void turn(vec *a) {
    if (LANES >= 16) exchange(a, 8);
    if (LANES >= 8) exchange(a, 4);
    if (LANES >= 4) exchange(a, 2);
    exchange(a, 1);
}
#else
INLINE void turn(vec *a) {
    for (int i = 0; i < LANES; i++)
        for (int l = 0; l < i; l++) {
            REAL other = a[i][l];
            a[i][l] = a[l][i];
            a[l][i] = other;
        }
}
#endif

/* The row's next LANES samples of `f` of LANES units at most, turned; other units are 0. */
INLINE void turned(const vec *row, long n, long f, vec *out, long wide) {
    vec square[LANES];
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++) square[l] = l < f ? row[l * n] : (vec){0};
    turn(square);
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++) out[l * wide] = square[l];
}

/* out[r or + c oc] += scale times the sum over samples of A's row r times B's row c, for m and f rows.
   B is turned, so that its rows lie along vectors: sums are over samples in sequence, not over lanes. */
static void outer(const block *b, const vec *A, long m, const vec *B, long f, REAL *out, long or, long oc,
                  REAL scale) {
    long n = b->n;
    int64_t *at = b->list, *from = at + SPAN;
    vec *some = b->turned, *sums = some + SPAN * NV;
    for (long c = 0; c < f; c += NV * LANES) {
        long units = f - c < NV * LANES ? f - c : NV * LANES, wide = ceiling(units, LANES);
        for (long q = 0; q < SPAN; q++) at[q] = q, from[q] = q * wide;
        for (long v = 0; v < n; v += SPAN / LANES) {
            long left = b->samples - v * LANES, samples = left < SPAN ? left : SPAN;
            for (long i = 0; i < ceiling(samples, LANES); i++)
                for (long u = 0; u < wide; u++) {
                    long row = c + u * LANES;
                    turned(B + row * n + v + i, n, f - row, some + i * LANES * wide + u, wide);
                }
            product p = {samples, n * LANES, at, from, (const REAL *)(A + v), some, v ? sums : NULL, NULL,
                         sums, wide, scale};
            multiply(&p, m, wide);
        }
        for (long r = 0; r < m; r++)
            for (long l = 0; l < units; l++)
                out[r * or + (c + l) * oc] += ((const REAL *)(sums + r * wide))[l];
    }
}

/* --- Operations, there and back ---------------------------------------------------------------------- */

/* Where the gradient by array i goes: it is added to what is there already, if anything is. */
static const vec *begun(block *b, int64_t i) {
    const vec *base = b->set[i] ? slope(b, i) : NULL;
    b->set[i] = 1;
    return base;
}

/* Products do the ReLU of what they give, and the way back through that of what they take. */
INLINE int products(const operation *o) { return o->kind == LINEAR || o->kind == FILTERS; }
INLINE int gives(const block *b, const operation *o) {
    const operation *next = o + 1, *end = b->p->operation + b->p->operations;
    return products(o) && next < end && next->kind == RELU && next->x == o->out;
}
INLINE int takes(const block *b, const operation *o) {
    const operation *last = o - 1;
    return products(o) && o > b->p->operation && last->kind == RELU && last->x == o->x;
}

static void linear(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x, *out = b->p->array + o->out;
    long f = x->f, m = out->f, n = x->h * x->w * b->n;
    int64_t *at = b->list, *from = at + (f > m ? f : m), zero = 0;
    if (!back) {
        for (long q = 0; q < f; q++) at[q] = q, from[q] = q * n;
        product p = {f, f, at, from, b->weight[o->w], value(b, o->x),
                     o->b < 0 ? NULL : value(b, o->b), gives(b, o) ? value(b, o->out) : NULL,
                     value(b, o->out), n, scale(b, o)};
        multiply(&p, m, n);
        return;
    }
    const vec *D = slope(b, o->out), *H = value(b, o->x);
    if (n > b->n || m < SIDE || f < SIDE) {
        inner g = {1, n, n, n, f, 1, &zero, &zero, D, H, b->slope[o->w], scale(b, o)};
        correlate(&g, m, f);
    } else if (ceiling(m, LANES) * f < ceiling(f, LANES) * m) /* fewer lanes stay empty */
        outer(b, H, f, D, m, b->slope[o->w], 1, f, scale(b, o));
    else
        outer(b, D, m, H, f, b->slope[o->w], f, 1, scale(b, o));
    if (x->learns) {
        for (long q = 0; q < m; q++) at[q] = q * f, from[q] = q * n;
        product p = {m, 1, at, from, b->weight[o->w], slope(b, o->out), begun(b, o->x),
                     takes(b, o) ? value(b, o->x) : NULL, slope(b, o->x), n, scale(b, o)};
        multiply(&p, f, n);
    }
    if (o->b >= 0) b->set[o->b] = 1; /* its slope is the same array */
}

static void relu(block *b, const operation *o, int back) {
    const operation *first = b->p->operation, *last = first + b->p->operations - 1;
    if (back ? o < last && takes(b, o + 1) : o > first && gives(b, o - 1)) return;
    long n = rows(b->p->array + o->x) * b->n;
    vec *H = value(b, o->x), *D = slope(b, o->x);
    for (long i = 0; i < n; i++)
        if (back) D[i] = gated(H[i], D[i]);
        else H[i] = gated(H[i], H[i]);
}

/* Rows or columns [from, until) of `size` outputs whose tap k (0 to 2) meets one of `inputs` at this stride. */
INLINE void reach(long k, long size, long inputs, long stride, long *from, long *until) {
    *from = k == 0 ? 1 : 0; /* stride * i + k - 1 >= 0 */
    *until = (inputs - k) / stride + 1;
    if (*until > size) *until = size;
}

/* 3 x 3 filters; each position's sum is over the taps that meet the image. */
static void filters(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x, *out = b->p->array + o->out;
    long c = x->f, m = out->f, n = b->n, stride = o->n, inside = x->h * x->w, outside = out->h * out->w;
    int64_t *at = b->list, *from = at + 9 * (c > m ? c : m) + outside;
    if (!back) {
        for (long i = 0; i < outside; i++) {
            long y = i / out->w * stride - 1, z = i % out->w * stride - 1, K = 0;
            for (long q = 0; q < c; q++)
                for (long t = 0; t < 9; t++) {
                    long yy = y + t / 3, zz = z + t % 3;
                    if (yy < 0 || zz < 0 || yy >= x->h || zz >= x->w) continue;
                    at[K] = q * 9 + t;
                    from[K++] = (q * inside + yy * x->w + zz) * n;
                }
            vec *to = value(b, o->out) + i * n;
            product p = {K, 9 * c, at, from, b->weight[o->w], value(b, o->x), NULL,
                         gives(b, o) ? to : NULL, to, outside * n, 1};
            multiply(&p, m, n);
        }
        return;
    }
    for (long t = 0; t < 9; t++) {
        long y0, y1, z0, z1, K = 0;
        reach(t / 3, out->h, x->h, stride, &y0, &y1);
        reach(t % 3, out->w, x->w, stride, &z0, &z1);
        for (long y = y0; y < y1; y++)
            for (long z = z0; z < z1; z++) {
                at[K] = (y * out->w + z) * n;
                from[K++] = ((y * stride + t / 3 - 1) * x->w + z * stride + t % 3 - 1) * n;
            }
        inner g = {K, n, outside * n, inside * n, 9 * c, 9, at, from, slope(b, o->out),
                   value(b, o->x), b->slope[o->w] + t, 1};
        correlate(&g, m, c);
    }
    if (!x->learns) return;
    const vec *base = begun(b, o->x);
    for (long i = 0; i < inside; i++) {
        long K = 0;
        for (long t = 0; t < 9; t++) {
            long y = i / x->w + 1 - t / 3, z = i % x->w + 1 - t % 3; /* stride times the output */
            if (y < 0 || z < 0 || y % stride || z % stride) continue;
            y /= stride, z /= stride;
            if (y >= out->h || z >= out->w) continue;
            for (long q = 0; q < m; q++) {
                at[K] = q * 9 * c + t;
                from[K++] = (q * outside + y * out->w + z) * n;
            }
        }
        product p = {K, 9, at, from, b->weight[o->w], slope(b, o->out), base ? base + i * n : NULL,
                     takes(b, o) ? value(b, o->x) + i * n : NULL, slope(b, o->x) + i * n, inside * n, 1};
        multiply(&p, c, n);
    }
}

/* Mean over positions. */
static void mean(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x;
    long P = x->h * x->w, n = b->n;
    REAL share = (REAL)1 / (REAL)P;
    const vec *base = back ? begun(b, o->x) : NULL;
    for (long j = 0; j < x->f; j++) {
        const vec *D = slope(b, o->out) + j * n;
        vec *H = value(b, o->x) + j * P * n, *out = value(b, o->out) + j * n;
        vec *E = back ? slope(b, o->x) + j * P * n : NULL;
        for (long v = 0; v < n; v++) {
            if (back) {
                for (long i = v; i < P * n; i += n) {
                    vec d = share * D[v];
                    if (base) d += E[i];
                    E[i] = d;
                }
            } else {
                vec sum = {0};
                for (long i = v; i < P * n; i += n) sum += H[i];
                out[v] = share * sum;
            }
        }
    }
}

/* A trained offset (positions, features) is added, in place. */
static void shift(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x;
    long P = x->h * x->w;
    for (long j = 0; j < x->f; j++)
        for (long i = 0; i < P; i++) {
            long k = i * x->f + j, row = (j * P + i) * b->n;
            vec sum[PARTS] = {{0}};
            for (long v = 0; v < b->n; v++)
                if (back) sum[v % PARTS] += slope(b, o->x)[row + v];
                else value(b, o->x)[row + v] += b->weight[o->w][k];
            if (back) b->slope[o->w][k] += total(sum);
        }
}

/* e^x for x <= 0, by a power series about the nearest multiple of log 2. */
INLINE vec exponential(vec x) {
    const int bits = sizeof(REAL) == 4 ? 23 : 52, bias = sizeof(REAL) == 4 ? 127 : 1023;
    const REAL least = sizeof(REAL) == 4 ? -87 : -708, shifter = (REAL)(sizeof(REAL) == 4 ? 0x1.8p23 : 0x1.8p52);
    mask above = (mask)(x > least);
    x = (vec)((mask)x & above);
    vec k = x * (REAL)1.4426950408889634 + shifter - shifter; /* rounds to a whole number */
    vec r = x - k * (REAL)0x1.62e4p-1 - k * (REAL)1.4286068203094173e-06;
    vec sum = spread(1);
#pragma GCC unroll 16
    for (int i = sizeof(REAL) == 4 ? 7 : 13; i > 0; i--) sum = fused(r * (REAL)(1.0 / i), sum, spread(1));
    mask whole = __builtin_convertvector(k, mask);
    vec power = (vec)((whole + bias) << bits);
    return (vec)((mask)(sum * power) & above);
}

/* Attention over positions with n heads: queries x, keys y, values z; its weights are array b. */
static void attend(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x;
    long T = x->h * x->w, n = b->n, heads = o->n, e = x->f / heads, row = T * n;
    REAL share = (REAL)(1 / sqrt((double)e));
    if (back) /* three slopes that nothing else adds to */
        for (int i = 0; i < 3; i++) {
            int64_t which = i == 0 ? o->x : i == 1 ? o->y : o->z;
            memset(slope(b, which), 0, (size_t)(x->f * row) * sizeof(vec));
            b->set[which] = 1;
        }
    for (long h = 0; h < heads; h++)
        for (long t = 0; t < T; t++)
            for (long v = 0; v < n; v++) {
                long own = h * e * row + t * n + v, other = h * e * row + v;
                const vec *Q = value(b, o->x) + own, *K = value(b, o->y) + other, *V = value(b, o->z) + other;
                vec *P = value(b, o->b) + (h * T + t) * row + v, s[T];
                if (!back) {
                    vec top = {0}, sum = {0}, *out = value(b, o->out) + own;
                    for (long u = 0; u < T; u++) {
                        s[u] = (vec){0};
                        for (long d = 0; d < e; d++) s[u] = fused(Q[d * row], K[d * row + u * n], s[u]);
                        s[u] *= share;
                        mask higher = u ? (mask)(s[u] > top) : ~(mask){0};
                        top = (vec)(((mask)s[u] & higher) | ((mask)top & ~higher));
                    }
                    for (long u = 0; u < T; u++) sum += s[u] = exponential(s[u] - top);
                    for (long u = 0; u < T; u++) P[u * n] = s[u] /= sum;
                    for (long d = 0; d < e; d++) {
                        vec mixed = {0};
                        for (long u = 0; u < T; u++) mixed = fused(s[u], V[d * row + u * n], mixed);
                        out[d * row] = mixed;
                    }
                    continue;
                }
                const vec *D = slope(b, o->out) + own;
                vec *dQ = slope(b, o->x) + own, *dK = slope(b, o->y) + other, *dV = slope(b, o->z) + other;
                vec sum = {0};
                for (long u = 0; u < T; u++) {
                    s[u] = (vec){0};
                    for (long d = 0; d < e; d++) {
                        s[u] = fused(D[d * row], V[d * row + u * n], s[u]);
                        dV[d * row + u * n] = fused(P[u * n], D[d * row], dV[d * row + u * n]);
                    }
                    sum = fused(P[u * n], s[u], sum);
                }
                for (long u = 0; u < T; u++) {
                    vec ds = P[u * n] * (s[u] - sum) * share;
                    for (long d = 0; d < e; d++) {
                        dQ[d * row] = fused(ds, K[d * row + u * n], dQ[d * row]);
                        dK[d * row + u * n] = fused(ds, Q[d * row], dK[d * row + u * n]);
                    }
                }
            }
}

INLINE vec root(vec x) {
    for (long l = 0; l < LANES; l++) x[l] = (REAL)sqrt((double)x[l]);
    return x;
}

/* Their total in all lanes of PARTS vectors. */
INLINE void broadcast(vec *v) {
    REAL sum = total(v);
    for (int i = 0; i < PARTS; i++) v[i] = spread(sum);
}

/* Mean 0 and variance 1, as PyTorch's: over features (LAYER), or over positions and samples (BATCH). */
static void normal(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x;
    long P = x->h * x->w, n = b->n, batch = o->kind == BATCH, groups = batch ? x->f : P * n / PARTS;
    long count = batch ? P * n / PARTS : x->f, step = batch ? PARTS : P * n;
    REAL whole = (REAL)(batch ? P * b->samples : x->f);
    const vec *base = back ? begun(b, o->x) : NULL;
    for (long g = 0; g < groups; g++) {
        long first = g * (batch ? P * n : PARTS);
        vec *z = value(b, o->out) + first, *rate = value(b, o->b) + g * PARTS;
        vec sum[PARTS] = {{0}}, other[PARTS] = {{0}};
        const vec *H = (back ? slope(b, o->out) : value(b, o->x)) + first;
        for (long i = 0; i < count; i++)
            for (long c = 0; c < PARTS; c++) {
                vec one = H[i * step + c];
                if (batch) one *= b->valid[(i * PARTS + c) % n];
                sum[c] += one;
                if (back) other[c] = fused(one, z[i * step + c], other[c]);
            }
        if (batch) broadcast(sum), broadcast(other);
        for (long c = 0; c < PARTS; c++) sum[c] /= whole, other[c] /= whole;
        for (long i = 0; i < count; i++)
            for (long c = 0; c < PARTS; c++) {
                long at = i * step + c;
                vec d = H[at] - sum[c];
                if (back) d = (d - z[at] * other[c]) * rate[c];
                if (batch) d *= b->valid[(i * PARTS + c) % n];
                if (back) {
                    if (base) d += base[first + at];
                    slope(b, o->x)[first + at] = d;
                } else {
                    z[at] = d;
                    other[c] = fused(d, d, other[c]);
                }
            }
        if (back) continue;
        if (batch) broadcast(other);
        for (long c = 0; c < PARTS; c++) rate[c] = (REAL)1 / root(other[c] / whole + (REAL)1e-5);
        for (long i = 0; i < count; i++)
            for (long c = 0; c < PARTS; c++) z[i * step + c] *= rate[c];
    }
}

/* Trained gains and offsets of features. */
static void affine(block *b, const operation *o, int back) {
    const array *x = b->p->array + o->x;
    long n = x->h * x->w * b->n;
    b->set[o->x] = 1; /* nothing else uses what was normalised */
    for (long j = 0; j < x->f; j++) {
        REAL gain = b->weight[o->w][j], offset = b->weight[o->w2][j];
        vec *z = value(b, o->x) + j * n, sum[PARTS] = {{0}}, other[PARTS] = {{0}};
        for (long i = 0; i < n; i++)
            if (back) {
                vec D = slope(b, o->out)[j * n + i];
                sum[i % PARTS] += D;
                other[i % PARTS] = fused(D, z[i], other[i % PARTS]);
                slope(b, o->x)[j * n + i] = gain * D;
            } else value(b, o->out)[j * n + i] = gain * z[i] + offset;
        if (back) {
            b->slope[o->w][j] += total(other);
            b->slope[o->w2][j] += total(sum);
        }
    }
}

static void operate(block *b, const operation *o, int back) {
    switch (o->kind) {
    case LINEAR: linear(b, o, back); return;
    case RELU: relu(b, o, back); return;
    case FILTERS: filters(b, o, back); return;
    case MEAN: mean(b, o, back); return;
    case SHIFT: shift(b, o, back); return;
    case ATTEND: attend(b, o, back); return;
    case LAYER:
    case BATCH: normal(b, o, back); return;
    case AFFINE: affine(b, o, back); return;
    }
}

/* Loss of a block, times N, its outputs into F, and the gradient by them. */
static double judge(block *b, long s, long i0) {
    const problem *p = b->p;
    int64_t end = p->arrays - 1;
    long k = p->array[end].f, width = b->n * LANES;
    REAL r[FEW * k], *F = (REAL *)value(b, end), *D = (REAL *)slope(b, end);
    memset(D, 0, (size_t)(k * width) * sizeof(REAL));
    b->set[end] = 1;
    double loss = 0;
    for (long i = 0; i < b->samples; i += FEW) {
        long some = b->samples - i < FEW ? b->samples - i : FEW, at = (s * p->N + i0 + i) * k;
        for (long j = 0; j < some; j++)
            for (long q = 0; q < k; q++) r[j * k + q] = p->F[at + j * k + q] = F[q * width + i + j];
        loss += samples((int)p->loss, some, k, r, p->Y + at);
        if (p->frozen) {
            memset(r, 0, (size_t)(some * k) * sizeof(REAL));
            samples((int)p->loss, some, k, r, p->Y + at);
        }
        for (long j = 0; j < some; j++)
            for (long q = 0; q < k; q++) D[q * width + i + j] = -r[j * k + q] / (REAL)p->N;
    }
    return loss;
}

/* Samples in a vector of WIDE bytes, of which `vectors` are meant. */
int64_t passes_lanes(void) { return PARTS * LANES; }

/* Losses, outputs and, if `learn`, gradients of all networks; 1 where memory ran out. */
int passes_run(const problem *p) {
    long most = p->vectors * PARTS, width = most * LANES, room = 2 * SPAN, units = 0;
    for (int64_t i = 0; i < p->arrays; i++) {
        const array *a = p->array + i;
        room += a->f * 18 + a->h * a->w * 2;
        units = a->f > units ? a->f : units;
    }
    size_t turned = (size_t)((SPAN + units) * NV) * sizeof(vec);
    void *owned[] = {calloc((size_t)room, sizeof(int64_t)), calloc((size_t)p->arrays, 1),
                     calloc((size_t)(2 * p->weights), sizeof(REAL *)), aligned_alloc(sizeof(vec), turned)};
    int failed = !owned[0] | !owned[1] | !owned[2] | !owned[3];
    for (long s = 0; !failed && s < p->S; s++) {
        block b = {p, owned[2], (REAL **)owned[2] + p->weights, p->space, p->space + p->rows * most,
                   owned[1], owned[0], owned[3], most, 0};
        for (int64_t i = 0; i < p->weights; i++) {
            b.weight[i] = p->weight[i] + s * p->size[i];
            b.slope[i] = p->slope[i] + s * p->size[i];
            if (p->learn) memset(b.slope[i], 0, (size_t)p->size[i] * sizeof(REAL));
        }
        double loss = 0;
        for (long c = 0; c < p->blocks; c++) {
            long i0 = c * width, inputs = rows(p->array);
            const REAL *X = p->X + (s * p->blocks + c) * inputs * width;
            b.samples = p->N - i0 < width ? p->N - i0 : width;
            b.n = ceiling(b.samples, PARTS * LANES) * PARTS;
            for (long i = 0; i < b.n * LANES; i++) ((REAL *)b.valid)[i] = i < b.samples;
            for (long r = 0; r < inputs; r++)
                memcpy(value(&b, 0) + r * b.n, X + r * width, (size_t)b.n * sizeof(vec));
            memset(b.set, 0, (size_t)p->arrays);
            for (int64_t i = 0; i < p->operations; i++) operate(&b, p->operation + i, 0);
            loss += judge(&b, s, i0);
            for (int64_t i = p->operations; p->learn && i-- > 0;) operate(&b, p->operation + i, 1);
        }
        p->losses[s] = loss / (double)p->N;
    }
    for (int i = 0; i < 4; i++) free(owned[i]);
    return failed;
}
