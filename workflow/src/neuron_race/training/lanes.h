/* Vectors of REAL (float or double) as wide as the processor's, and what both kernels do with them. */

#include <math.h>
#include <string.h>

#ifndef REAL
#define REAL double
#define INTEGER long long /* as wide as REAL */
#endif
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES ((long)(BYTES / sizeof(REAL)))
#define MR 6 /* rows of a tile */
#if defined(__AVX512F__) || defined(__aarch64__)
#define NV 4 /* vectors of a tile: MR x NV accumulators fit into 32 registers */
#else
#define NV 2 /* ... into 16 */
#endif
#define INLINE static inline __attribute__((always_inline))


typedef REAL vec __attribute__((vector_size(BYTES), may_alias));
typedef INTEGER mask __attribute__((vector_size(BYTES))); /* a comparison of vectors: lanes of 0 or -1 */


enum loss { SQUARED, LOGISTIC, SOFTMAX };

/* Part i of n things dealt out evenly over `parts`: it starts here, and ends where the next starts. */
INLINE long part(long i, long parts, long n) { return i * n / parts; }
INLINE long ceiling(long a, long b) { return (a + b - 1) / b; }

/* `value` in the lanes where `gate` is positive, or NaN, which is to show; 0 elsewhere. */
INLINE vec gated(vec gate, vec value) { return (vec)((mask)value & ~(mask)(gate <= 0)); }

/* Sum of the lanes. */
INLINE REAL total(vec v) {
    REAL lane[LANES];
    memcpy(lane, &v, sizeof v);
#pragma GCC unroll 4
    for (long w = LANES / 2; w > 0; w /= 2)
#pragma GCC unroll 8
        for (long l = 0; l < w; l++) lane[l] += lane[l + w];
    return lane[0];
}

/* Loss of one sample with outputs f and targets y (k); its residual r = -dl/df. */
static double sample(int loss, long k, const REAL *f, const REAL *y, REAL *r) {
    double value = 0;
    if (loss == SQUARED) {
        for (long q = 0; q < k; q++) {
            r[q] = y[q] - f[q];
            value += 0.5 * (double)r[q] * r[q];
        }
    } else if (loss == LOGISTIC) {
        double margin = (double)y[0] * f[0], small = exp(-fabs(margin)); /* never overflows */
        r[0] = (REAL)(y[0] * (margin > 0 ? small : 1) / (1 + small));
        value = (margin > 0 ? 0 : -margin) + log1p(small);
    } else {
        REAL top = f[0];
        double sum = 0;
        for (long q = 1; q < k; q++) top = f[q] > top ? f[q] : top;
        for (long q = 0; q < k; q++) {
            double e = exp((double)(f[q] - top));
            r[q] = (REAL)e;
            sum += e;
        }
        for (long q = 0; q < k; q++) {
            value -= y[q] * ((double)(f[q] - top) - log(sum));
            r[q] = (REAL)(y[q] - r[q] / sum);
        }
    }
    return value;
}
