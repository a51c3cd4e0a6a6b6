/* Vectors of REAL (float or double), and what both kernels do with them.

   Bits: the same on all processors that multiply and add with one rounding (x86-64 since 2013, ARM), however
   wide their vectors. Sums over lanes are those of WIDE bytes: where vectors are narrower, PARTS of them
   stand for one. Only what says `fused` is fused (-ffp-contract=off), and exp and log are our own. Processors
   without fused operations round twice: their bits are others. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef REAL
#define REAL double
#define INTEGER long long /* as wide as REAL */
#endif
#define WIDE 64
#ifndef BYTES
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#endif
#define PARTS (WIDE / BYTES)
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


enum { FEW = 64 }; /* samples at a time */
enum loss { SQUARED, LOGISTIC, SOFTMAX };

/* Part i of n things dealt out evenly over `parts`: it starts here, and ends where the next starts. */
INLINE long part(long i, long parts, long n) { return i * n / parts; }
INLINE long ceiling(long a, long b) { return (a + b - 1) / b; }

/* `value` in the lanes where `gate` is positive, or NaN, which is to show; 0 elsewhere. */
INLINE vec gated(vec gate, vec value) { return (vec)((mask)value & ~(mask)(gate <= 0)); }

INLINE vec spread(REAL x) { return x - (vec){0}; }

/* a b + c with one rounding, where the processor can. */
INLINE vec fused(vec a, vec b, vec c) {
#if defined(__FMA__) && BYTES == 64
    return _Generic((REAL)0, float: _mm512_fmadd_ps, default: _mm512_fmadd_pd)(a, b, c);
#elif defined(__FMA__) && BYTES == 32
    return _Generic((REAL)0, float: _mm256_fmadd_ps, default: _mm256_fmadd_pd)(a, b, c);
#elif defined(__FMA__)
    return _Generic((REAL)0, float: _mm_fmadd_ps, default: _mm_fmadd_pd)(a, b, c);
#elif defined(__aarch64__)
    return _Generic((REAL)0, float: vfmaq_f32, default: vfmaq_f64)(c, a, b);
#else
    return a * b + c;
#endif
}
INLINE double fused_one(double a, double b, double c) {
#ifdef __FP_FAST_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* Sum of the lanes: halves are added first, then quarters, and so on. */
INLINE REAL across(vec v) {
    REAL lane[LANES];
    memcpy(lane, &v, sizeof v);
#pragma GCC unroll 4
    for (long w = LANES / 2; w > 0; w /= 2)
#pragma GCC unroll 8
        for (long l = 0; l < w; l++) lane[l] += lane[l + w];
    return lane[0];
}
/* ... of PARTS vectors, as of one of WIDE bytes. */
INLINE REAL total(const vec *v) {
    vec sum = v[0];
    if (PARTS == 2) sum += v[1];
    if (PARTS == 4) sum = (sum + v[2]) + (v[1] + v[3]);
    return across(sum);
}

/* e^x for x <= 0 (0 below -708) to 2 units in the last place: a power series about a multiple of log 2. */
INLINE double exponential_one(double x) {
    double shifted = x * 1.4426950408889634 + 0x1.8p52, k = shifted - 0x1.8p52; /* a whole number */
    double r = x - k * 0x1.62e4p-1 - k * 1.4286068203094173e-06, sum = 1, power;
#pragma GCC unroll 16
    for (int i = 13; i > 0; i--) sum = fused_one(r * (1.0 / i), sum, 1);
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits); /* ends in k */
    bits = (int64_t)((uint64_t)(bits + 1023) << 52);
    memcpy(&power, &bits, sizeof power);
    return x < -708 ? 0 : sum * power;
}

/* log(1 + x) for 0 <= x <= 1 to 2 units in the last place: 2 artanh(x / (2 + x)) as a power series. */
INLINE double logarithm_one(double x) {
    double s = x / (2 + x), sum = 0;
#pragma GCC unroll 32
    for (int i = 33; i > 0; i -= 2) sum = fused_one(s * s, sum, 1.0 / i);
    return 2 * s * sum;
}

/* Loss of one sample with outputs f and targets y (k); f becomes the residual -dl/df. */
INLINE double squared(long k, REAL *f, const REAL *y) {
    double value = 0;
    for (long q = 0; q < k; q++) {
        f[q] = y[q] - f[q];
        value += 0.5 * (double)f[q] * f[q];
    }
    return value;
}
INLINE double logistic(REAL *f, const REAL *y) {
    double margin = (double)y[0] * f[0], small = exponential_one(-fabs(margin)); /* never overflows */
    f[0] = (REAL)(y[0] * (margin > 0 ? small : 1) / (1 + small));
    return (margin > 0 ? 0 : -margin) + logarithm_one(small);
}
INLINE double softmax(long k, REAL *f, const REAL *y) {
    REAL top = f[0];
    double sum = 0, value = 0, log_sum = 0, e[k];
    for (long q = 1; q < k; q++) top = f[q] > top ? f[q] : top;
    for (long q = 0; q < k; q++) e[q] = exponential_one((double)(f[q] - top));
    for (long q = 0; q < k; q++) sum += e[q];
    double rest = sum;
    for (; rest >= 2; rest /= 2) log_sum += 0.6931471805599453;
    log_sum += logarithm_one(rest - 1);
    for (long q = 0; q < k; q++) {
        value -= y[q] * ((double)(f[q] - top) - log_sum);
        f[q] = (REAL)(y[q] - e[q] / sum);
    }
    return value;
}

/* Losses of n samples, summed in their order; outputs f (n, k) become residuals. */
static double samples(int loss, long n, long k, REAL *f, const REAL *y) {
    double value = 0, each[FEW]; /* so that losses are found side by side in vectors */
    for (long i = 0; i < n; i += FEW) {
        long some = n - i < FEW ? n - i : FEW;
        if (loss == LOGISTIC)
            for (long j = 0; j < some; j++) each[j] = logistic(f + i + j, y + i + j);
        else
            for (long j = 0; j < some; j++) {
                long at = (i + j) * k;
                each[j] = loss == SQUARED ? squared(k, f + at, y + at) : softmax(k, f + at, y + at);
            }
        for (long j = 0; j < some; j++) value += each[j];
    }
    return value;
}
