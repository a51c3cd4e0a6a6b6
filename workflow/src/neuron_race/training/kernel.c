/* Full-batch gradient descent of S single-hidden-layer ReLU networks, one fused pass per step.

   Compiled for one REAL (float or double). A step of one network goes over its samples in
   blocks that stay in cache: activations, outputs, residual, gates and both gradients of a block are
   computed before the next block is touched, so that no array of N x m elements ever travels to memory.

   All products (activations X W^T, gated residuals R A^T, gradients X^T B and R^T H) are one tile
   computation: MR rows times NV vectors of neurons, accumulated in registers. Neurons lie along the
   lanes of vectors. The weights live in *panels* of up to NV vectors: panel p holds, for each input
   coordinate in turn, its vectors side by side, so that a tile reads memory in order.

   Bits: the partition into blocks and the order of every sum depend on the shape of a network alone:
   neither on the number of threads nor on the other networks, nor on the processor (see lanes.h). */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"

#define ALIGNMENT 64
#define CHUNK 1024        /* samples summed into one gradient; chunks of a network may run in parallel */
#define CACHE (512 << 10) /* bytes of activations that stay in cache */
enum freeze { GATES = 1, RESIDUAL = 2, HEAD = 4 };
enum status { RUNNING, CROSSED, DIVERGED };
enum kind { ACTIVATE, GATE, ADD };

typedef struct {
    long S, N, d, m, k;
    int loss, freeze;
    double rate;
    long vectors, panels; /* of neurons */
    long chunks, blocks;  /* of samples; blocks per chunk */
    long threads;
    uint64_t *words;
    struct network *net;     /* S */
    struct workspace *space; /* one per thread */
} networks;

typedef struct network {
    REAL *X, *XT;      /* inputs in tiles for the forward and for the backward pass (N d each) */
    REAL *Y;           /* targets (N, k) */
    REAL *V, *A;       /* weights in panels */
    REAL *dV, *dA;     /* minus the gradients, times N: one per chunk */
    REAL *marked;      /* weights to go back to */
    REAL *frozen;      /* frozen gates, laid out as activations, or NULL */
    unsigned char *first; /* gates at the first evaluation (N, vectors * LANES) */
    double *partial;   /* loss of each chunk */
    int64_t *open, *changed; /* gates open, gates that differ from the first ones; one row per chunk */
    uint64_t *pattern; /* sum of the words of the samples with an open gate; one row per chunk */
    long step, marked_step;
    int fresh; /* loss and gradients are those of the current weights */
} network;

typedef struct workspace {
    REAL *H;  /* activations of a block in panels, then gated residuals */
    vec *F;   /* outputs of a block, PARTS vectors of partial sums per sample and output */
    REAL *R, *RT; /* residuals (n, k) and (k, n) */
} workspace;

/* The first vector of panel p. No panel but the last ends within one of WIDE bytes, unless all do. */
INLINE long edge(const networks *all, long p) {
    long unit = NV < PARTS ? NV : PARTS, v = part(p, all->panels, ceiling(all->vectors, unit)) * unit;
    return v < all->vectors ? v : all->vectors;
}

/* --- Tiles ------------------------------------------------------------------------------------- */

/* What a tile's results are for. `out` is a panel with `nv` vectors per row. */
typedef struct {
    REAL *out;
    const REAL *frozen;
    const REAL *A; /* ACTIVATE: outgoing weights of the panel (k, nv vectors) */
    vec *F;        /* ... and the sums that it adds to, from the first of its parts on */
    long k;
} target;

/* C = sum over q of a[q][.]^T b[q][.], an (mr, nv vectors) tile, for the purpose `kind`. */
INLINE void tile(const int kind, const int mr, const int nv, long K, const REAL *a, long lda,
                 const REAL *b, long row, const target *t) {
    vec acc[MR][NV];
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) acc[r][v] = (vec){0};
    const vec *B = (const vec *)b;
    for (long q = 0; q < K; q++) {
        vec bv[NV];
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) bv[v] = B[v];
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
            for (int v = 0; v < nv; v++) acc[r][v] = fused(spread(a[r]), bv[v], acc[r][v]);
        a += lda;
        B += nv;
    }
    vec *out = (vec *)t->out + row * nv;
    if (kind == ADD) {
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
            for (int v = 0; v < nv; v++) out[r * nv + v] += acc[r][v];
        return;
    }
    const vec *g = t->frozen ? (const vec *)t->frozen + row * nv : NULL;
    if (kind == GATE) {
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
            for (int v = 0; v < nv; v++)
                out[r * nv + v] = gated(g ? g[r * nv + v] : out[r * nv + v], acc[r][v]);
        return;
    }
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) {
            acc[r][v] = gated(g ? g[r * nv + v] : acc[r][v], acc[r][v]);
            out[r * nv + v] = acc[r][v];
        }
    const vec *A = (const vec *)t->A;
    vec *F = t->F + row * t->k * PARTS;
    for (long q = 0, k = t->k; q < k; q++, F += PARTS) {
        vec av[NV];
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) av[v] = A[q * nv + v];
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
#pragma GCC unroll 8
            for (int part = 0; part < PARTS && part < nv; part++) {
                vec sum = F[r * k * PARTS + part];
#pragma GCC unroll 8
                for (int v = part; v < nv; v += PARTS) sum = fused(acc[r][v], av[v], sum);
                F[r * k * PARTS + part] = sum;
            }
    }
}

#define ROWS(KIND, NVECS)                                                                      \
    switch (mr) {                                                                              \
    case 1: tile(KIND, 1, NVECS, K, a, lda, b, row, t); return;                                \
    case 2: tile(KIND, 2, NVECS, K, a, lda, b, row, t); return;                                \
    case 3: tile(KIND, 3, NVECS, K, a, lda, b, row, t); return;                                \
    case 4: tile(KIND, 4, NVECS, K, a, lda, b, row, t); return;                                \
    case 5: tile(KIND, 5, NVECS, K, a, lda, b, row, t); return;                                \
    default: tile(KIND, 6, NVECS, K, a, lda, b, row, t); return;                               \
    }
#define TILES(NAME, KIND)                                                                      \
    static void NAME(long mr, long nv, long K, const REAL *a, long lda, const REAL *b, long row, \
                     const target *t) {                                                        \
        switch (nv) {                                                                          \
        case 1: ROWS(KIND, 1)                                                                  \
        case 2: ROWS(KIND, 2)                                                                  \
        case 3: ROWS(KIND, NV < 3 ? NV : 3)                                                    \
        default: ROWS(KIND, NV)                                                                \
        }                                                                                      \
    }
TILES(tile_activate, ACTIVATE)
TILES(tile_gate, GATE)
TILES(tile_add, ADD)

/* --- One evaluation: loss and both gradients of a block of samples -------------------------------- */

/* Activations of the n samples from i0 on, into H; partial sums of the outputs, into F. */
static void forward(const networks *all, const network *net, long i0, long n, REAL *H,
                    const REAL *frozen, vec *F) {
    memset(F, 0, (size_t)(n * all->k * PARTS) * sizeof(vec));
    long tiles = ceiling(n, MR);
    for (long p = 0; p < all->panels; p++) {
        long v0 = edge(all, p), nv = edge(all, p + 1) - v0;
        vec *sums = F + v0 % PARTS;
        v0 *= LANES;
        target t = {H + v0 * n, frozen ? frozen + v0 * n : NULL, net->A + v0 * all->k, sums, all->k};
        for (long i = 0; i < tiles; i++) {
            long row = part(i, tiles, n), rows = part(i + 1, tiles, n) - row;
            tile_activate(rows, nv, all->d, net->X + (i0 + row) * all->d, rows, net->V + v0 * all->d,
                          row, &t);
        }
    }
}

/* Residuals of a block, into R and RT; returns its loss, times N. */
static double residuals(const networks *all, const network *net, const workspace *w, long i0, long n) {
    long k = all->k;
    const REAL *y = net->Y + i0 * k;
    for (long i = 0; i < n * k; i++) w->R[i] = total(w->F + i * PARTS);
    double value = samples(all->loss, n, k, w->R, y);
    if (all->freeze & RESIDUAL) {
        memset(w->R, 0, (size_t)(n * k) * sizeof(REAL));
        samples(all->loss, n, k, w->R, y);
    }
    for (long i = 0; i < n; i++)
        for (long q = 0; q < k; q++) w->RT[q * n + i] = w->R[i * k + q];
    return value;
}

/* Count gates of a block, per neuron. */
static void count_gates(const networks *all, network *net, const REAL *H, long chunk, long i0, long n) {
    long width = all->vectors * LANES;
    int64_t *open = net->open + chunk * width, *changed = net->changed + chunk * width;
    uint64_t *pattern = net->pattern + chunk * width;
    for (long p = 0; p < all->panels; p++) {
        long j0 = edge(all, p) * LANES, j1 = edge(all, p + 1) * LANES;
        const REAL *h = H + j0 * n;
        for (long i = 0; i < n; i++, h += j1 - j0) {
            unsigned char *first = net->first + (i0 + i) * width;
            uint64_t word = all->words[i0 + i];
            if (net->step == 0)
                for (long j = j0; j < j1; j++) first[j] = h[j - j0] > 0;
            for (long j = j0; j < j1; j++) {
                int64_t gate = h[j - j0] > 0;
                open[j] += gate;
                changed[j] += gate ^ first[j];
                pattern[j] += word & (uint64_t)-gate;
            }
        }
    }
}

/* Loss and gradients of one chunk of samples; gates are counted if `observe`. */
static void evaluate(const networks *all, network *net, const workspace *w, long chunk, int observe) {
    long d = all->d, k = all->k, width = all->vectors * LANES;
    REAL *dV = net->dV + chunk * width * d, *dA = net->dA + chunk * width * k;
    memset(dV, 0, (size_t)(width * d) * sizeof(REAL));
    memset(dA, 0, (size_t)(width * k) * sizeof(REAL));
    if (observe) {
        memset(net->open + chunk * width, 0, (size_t)width * sizeof(int64_t));
        memset(net->changed + chunk * width, 0, (size_t)width * sizeof(int64_t));
        memset(net->pattern + chunk * width, 0, (size_t)width * sizeof(uint64_t));
    }
    double value = 0;
    long start = part(chunk, all->chunks, all->N), samples = part(chunk + 1, all->chunks, all->N) - start;
    for (long block = 0; block < all->blocks; block++) {
        long i0 = start + part(block, all->blocks, samples);
        long n = start + part(block + 1, all->blocks, samples) - i0, tiles = ceiling(n, MR);
        const REAL *frozen = net->frozen ? net->frozen + i0 * width : NULL;
        forward(all, net, i0, n, w->H, frozen, w->F);
        value += residuals(all, net, w, i0, n);
        if (observe) count_gates(all, net, frozen ? frozen : w->H, chunk, i0, n);
        for (long p = 0; p < all->panels; p++) {
            long v0 = edge(all, p), nv = edge(all, p + 1) - v0;
            v0 *= LANES;
            REAL *H = w->H + v0 * n;
            target heads = {.out = dA + v0 * k}, weights = {.out = dV + v0 * d};
            target gated = {.out = H, .frozen = frozen ? frozen + v0 * n : NULL};
            if (!(all->freeze & HEAD))
                for (long t = 0, parts = ceiling(k, MR); t < parts; t++) {
                    long row = part(t, parts, k), rows = part(t + 1, parts, k) - row;
                    tile_add(rows, nv, n, w->R + row, k, H, row, &heads);
                }
            for (long t = 0; t < tiles; t++) {
                long row = part(t, tiles, n), rows = part(t + 1, tiles, n) - row;
                tile_gate(rows, nv, k, w->RT + row, n, net->A + v0 * k, row, &gated);
            }
            for (long t = 0, parts = ceiling(d, MR); t < parts; t++) {
                long row = part(t, parts, d), rows = part(t + 1, parts, d) - row;
                tile_add(rows, nv, n, net->XT + i0 * d + row * n, rows, H, row, &weights);
            }
        }
    }
    net->partial[chunk] = value;
}

/* --- Many steps of many networks ------------------------------------------------------------------ */

typedef struct {
    networks *all;
    long until, from;
    const double *bound, *limit;
    double *losses;
    long stride; /* of a network's losses */
    int *status;
    atomic_long next;
    atomic_int team;
    pthread_barrier_t barrier;
} job;

/* Add `scale` times all chunks' gradients, in their order, to a share of the weights. */
static void apply(REAL *weights, const REAL *gradient, long size, long chunks, REAL scale, long member,
                  long team) {
    long vectors = size / LANES, end = part(member + 1, team, vectors);
    for (long v = part(member, team, vectors); v < end; v++) {
        vec sum = ((const vec *)gradient)[v];
        for (long c = 1; c < chunks; c++) sum += ((const vec *)gradient)[c * vectors + v];
        ((vec *)weights)[v] += scale * sum;
    }
}

/* Advance network s, alone (team of one) or with the others of a team, who call this too. */
static void advance(job *job, long s, const workspace *w, long member, long team) {
    networks *all = job->all;
    network *net = all->net + s;
    long width = all->vectors * LANES, step = net->step;
    REAL scale = (REAL)(all->rate / (double)all->N);
    int fresh = net->fresh, status = job->status[s] == DIVERGED ? DIVERGED : RUNNING;
    if (team > 1) pthread_barrier_wait(&job->barrier); /* all have read the state */
    while (status == RUNNING && !(fresh && step == job->until)) {
        if (fresh) {
            apply(net->V, net->dV, width * all->d, all->chunks, scale, member, team);
            if (!(all->freeze & HEAD))
                apply(net->A, net->dA, width * all->k, all->chunks, scale, member, team);
            step++;
        }
        if (member == 0) net->step = step;
        if (team > 1) pthread_barrier_wait(&job->barrier);
        for (long c = member; c < all->chunks; c += team)
            evaluate(all, net, w, c, step == job->until);
        if (team > 1) pthread_barrier_wait(&job->barrier);
        fresh = 1;
        double value = 0;
        for (long c = 0; c < all->chunks; c++) value += net->partial[c];
        value /= (double)all->N;
        if (!(value <= job->limit[s]))
            status = DIVERGED;
        else if (value <= job->bound[s])
            status = CROSSED;
        if (member == 0 && step >= job->from)
            job->losses[s * job->stride + step - job->from] = value;
    }
    if (member == 0) {
        net->fresh = fresh;
        job->status[s] = status;
    }
}

typedef struct {
    job *job;
    long member;
} worker;

static void *work(void *argument) {
    job *job = ((worker *)argument)->job;
    networks *all = job->all;
    long member = ((worker *)argument)->member, team;
    while ((team = atomic_load(&job->team)) == 0) sched_yield();
    /* One network at a time and thread, so that it stays in that core's cache; what is left over is
       shared by all threads. Who computes what changes no bit. */
    long alone = all->chunks > 1 ? all->S - all->S % team : all->S;
    for (long s; (s = atomic_fetch_add(&job->next, 1)) < alone;) advance(job, s, all->space + member, 0, 1);
    for (long s = alone; s < all->S; s++) advance(job, s, all->space + member, member, team);
    return NULL;
}

/* Advance all networks to step `until` (0: evaluate the initial weights). A network stops earlier
   where its loss is at or below bound[s] (status CROSSED: call again to go on) or not at or below
   limit[s] (DIVERGED: it stays there if called with that status). losses[s, step - from] receives the
   loss at each step that it evaluates. At `until` gates are counted too. */
void networks_advance(networks *all, long until, const double *bound, const double *limit, long from,
                      long stride, double *losses, int *status) {
    job job = {.all = all, .until = until, .from = from, .bound = bound, .limit = limit,
               .losses = losses, .stride = stride, .status = status};
    worker workers[all->threads];
    pthread_t ids[all->threads];
    long team = 1;
    while (team < all->threads) {
        workers[team] = (worker){&job, team};
        if (pthread_create(ids + team, NULL, work, workers + team)) break; /* with fewer, then */
        team++;
    }
    pthread_barrier_init(&job.barrier, NULL, (unsigned)team);
    atomic_store(&job.team, (int)team);
    workers[0] = (worker){&job, 0};
    work(workers);
    for (long t = 1; t < team; t++) pthread_join(ids[t], NULL);
    pthread_barrier_destroy(&job.barrier);
}

/* --- Weights and gradients in and out of panels ---------------------------------------------------- */

/* From `plain` (m, rows) in C order into panels. */
static void pack(const networks *all, long rows, const REAL *plain, REAL *panels) {
    for (long p = 0; p < all->panels; p++) {
        long j0 = edge(all, p) * LANES, j1 = edge(all, p + 1) * LANES;
        REAL *panel = panels + j0 * rows;
        for (long j = j0; j < j1 && j < all->m; j++)
            for (long c = 0; c < rows; c++) panel[c * (j1 - j0) + j - j0] = plain[j * rows + c];
    }
}

/* The sum of `chunks` arrays of panels, times `scale`, into `plain` (m, rows). */
static void unpack(const networks *all, long rows, const REAL *panels, long chunks, REAL scale,
                   REAL *plain) {
    long size = all->vectors * LANES * rows;
    for (long p = 0; p < all->panels; p++) {
        long j0 = edge(all, p) * LANES, j1 = edge(all, p + 1) * LANES;
        for (long j = j0; j < j1 && j < all->m; j++)
            for (long c = 0; c < rows; c++) {
                const REAL *value = panels + j0 * rows + c * (j1 - j0) + j - j0;
                REAL sum = value[0];
                for (long q = 1; q < chunks; q++) sum += value[q * size];
                plain[j * rows + c] = scale * sum;
            }
    }
}

/* Weights W (m, d) and A (m, k) of network s. */
void networks_weights(const networks *all, long s, REAL *W, REAL *A) {
    unpack(all, all->d, all->net[s].V, 1, 1, W);
    unpack(all, all->k, all->net[s].A, 1, 1, A);
}

/* Minus the gradients at these weights. */
void networks_gradients(const networks *all, long s, REAL *dW, REAL *dA) {
    REAL scale = (REAL)(1 / (double)all->N);
    unpack(all, all->d, all->net[s].dV, all->chunks, scale, dW);
    unpack(all, all->k, all->net[s].dA, all->chunks, scale, dA);
}

/* Gates of network s as counted last: open ones, those that differ from step 0, sums of words (m). */
void networks_gates(const networks *all, long s, int64_t *open, int64_t *changed, uint64_t *pattern) {
    const network *net = all->net + s;
    long width = all->vectors * LANES;
    for (long j = 0; j < all->m; j++) {
        open[j] = changed[j] = 0;
        pattern[j] = 0;
        for (long c = 0; c < all->chunks; c++) {
            open[j] += net->open[c * width + j];
            changed[j] += net->changed[c * width + j];
            pattern[j] += net->pattern[c * width + j];
        }
    }
}

/* Remember the weights of all networks, or go back to those remembered (which takes an evaluation). */
void networks_mark(networks *all) {
    for (long s = 0; s < all->S; s++) {
        network *net = all->net + s;
        memcpy(net->marked, net->V, (size_t)(all->vectors * LANES * all->d) * sizeof(REAL));
        memcpy(net->marked + all->vectors * LANES * all->d, net->A,
               (size_t)(all->vectors * LANES * all->k) * sizeof(REAL));
        net->marked_step = net->step;
    }
}

void networks_rewind(networks *all) {
    for (long s = 0; s < all->S; s++) {
        network *net = all->net + s;
        memcpy(net->V, net->marked, (size_t)(all->vectors * LANES * all->d) * sizeof(REAL));
        memcpy(net->A, net->marked + all->vectors * LANES * all->d,
               (size_t)(all->vectors * LANES * all->k) * sizeof(REAL));
        net->step = net->marked_step;
        net->fresh = 0;
    }
}

/* Put network s at `step`, with weights W (m, d) and A (m, k). */
void networks_place(networks *all, long s, long step, const REAL *W, const REAL *A) {
    pack(all, all->d, W, all->net[s].V);
    pack(all, all->k, A, all->net[s].A);
    all->net[s].step = step;
    all->net[s].fresh = 0;
}

/* --- Making and freeing ----------------------------------------------------------------------------- */

static void *zeros(size_t bytes) {
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, bytes ? bytes : ALIGNMENT);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

void networks_free(networks *all) {
    if (!all) return;
    for (long s = 0; all->net && s < all->S; s++) {
        network *net = all->net + s;
        void *owned[] = {net->X, net->XT, net->Y, net->V, net->A, net->dV, net->dA, net->marked, net->frozen,
                         net->first, net->partial, net->open, net->changed, net->pattern};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    }
    for (long t = 0; all->space && t < all->threads; t++) {
        free(all->space[t].H);
        free(all->space[t].F);
        free(all->space[t].R);
        free(all->space[t].RT);
    }
    free(all->net);
    free(all->space);
    free(all->words);
    free(all);
}

/* Inputs x (N, d) in tiles of samples (for the forward pass) and of coordinates (for the backward). */
static void pack_inputs(const networks *all, network *net, const REAL *x) {
    long d = all->d;
    for (long c = 0; c < all->chunks; c++) {
        long start = part(c, all->chunks, all->N), samples = part(c + 1, all->chunks, all->N) - start;
        for (long b = 0; b < all->blocks; b++) {
            long i0 = start + part(b, all->blocks, samples);
            long n = start + part(b + 1, all->blocks, samples) - i0;
            for (long t = 0, parts = ceiling(n, MR); t < parts; t++) {
                long row = part(t, parts, n), rows = part(t + 1, parts, n) - row;
                for (long i = 0; i < rows; i++)
                    for (long q = 0; q < d; q++)
                        net->X[(i0 + row) * d + q * rows + i] = x[(i0 + row + i) * d + q];
            }
            for (long t = 0, parts = ceiling(d, MR); t < parts; t++) {
                long row = part(t, parts, d), rows = part(t + 1, parts, d) - row;
                for (long i = 0; i < n; i++)
                    for (long q = 0; q < rows; q++)
                        net->XT[i0 * d + row * n + i * rows + q] = x[(i0 + i) * d + row + q];
            }
        }
    }
}

/* S networks with inputs X (S, N, d), targets Y (S, N, k), weights W (S, m, d) and A (S, m, k), all in
   C order, at step 0; `words` (N) identify samples in gate patterns. NULL where memory ran out. */
networks *networks_new(long S, long N, long d, long m, long k, const REAL *X, const REAL *Y,
                       const REAL *W, const REAL *A, const uint64_t *words, int loss, int freeze,
                       double rate, long threads) {
    networks *all = zeros(sizeof *all);
    if (!all) return NULL;
    long vectors = ceiling(m, LANES), width = vectors * LANES, chunks = ceiling(N, CHUNK);
    long samples = ceiling(N, chunks), wanted = CACHE / (ceiling(m, PARTS * LANES) * WIDE);
    long most = wanted < 8 * MR ? 8 * MR : wanted, blocks = ceiling(samples, most);
    *all = (networks){.S = S, .N = N, .d = d, .m = m, .k = k, .loss = loss, .freeze = freeze,
                      .rate = rate, .vectors = vectors, .panels = ceiling(vectors, NV),
                      .chunks = chunks, .blocks = blocks, .threads = threads};
    long n = ceiling(samples, blocks);
    size_t real = sizeof(REAL);
    int failed = !(all->net = zeros((size_t)S * sizeof(network))) |
                 !(all->space = zeros((size_t)threads * sizeof(workspace))) |
                 !(all->words = zeros((size_t)N * sizeof(uint64_t)));
    for (long t = 0; !failed && t < threads; t++) {
        workspace *w = all->space + t;
        failed |= !(w->H = zeros((size_t)(n * width) * real)) | !(w->R = zeros((size_t)(n * k) * real)) |
                  !(w->RT = zeros((size_t)(n * k) * real)) | !(w->F = zeros((size_t)(n * k * PARTS) * sizeof(vec)));
    }
    for (long s = 0; !failed && s < S; s++) {
        network *net = all->net + s;
        size_t counts = (size_t)(chunks * width) * 8;
        failed |= !(net->X = zeros((size_t)(N * d) * real)) | !(net->XT = zeros((size_t)(N * d) * real)) |
                  !(net->Y = zeros((size_t)(N * k) * real)) | !(net->V = zeros((size_t)(width * d) * real)) |
                  !(net->A = zeros((size_t)(width * k) * real)) |
                  !(net->dV = zeros((size_t)(chunks * width * d) * real)) |
                  !(net->dA = zeros((size_t)(chunks * width * k) * real)) |
                  !(net->marked = zeros((size_t)(width * (d + k)) * real)) |
                  !(net->first = zeros((size_t)(N * width))) |
                  !(net->partial = zeros((size_t)chunks * sizeof(double))) |
                  !(net->open = zeros(counts)) | !(net->changed = zeros(counts)) |
                  !(net->pattern = zeros(counts));
        if (freeze & GATES) failed |= !(net->frozen = zeros((size_t)(N * width) * real));
    }
    if (failed) {
        networks_free(all);
        return NULL;
    }
    memcpy(all->words, words, (size_t)N * sizeof(uint64_t));
    for (long s = 0; s < S; s++) {
        network *net = all->net + s;
        pack_inputs(all, net, X + s * N * d);
        memcpy(net->Y, Y + s * N * k, (size_t)(N * k) * real);
        pack(all, d, W + s * m * d, net->V);
        pack(all, k, A + s * m * k, net->A);
        if (freeze & GATES) /* activations are positive where gates are open: that is all it takes */
            for (long c = 0; c < chunks; c++) {
                long start = part(c, chunks, N), size = part(c + 1, chunks, N) - start;
                for (long b = 0; b < blocks; b++) {
                    long i0 = start + part(b, blocks, size), end = start + part(b + 1, blocks, size);
                    forward(all, net, i0, end - i0, net->frozen + i0 * width, NULL, all->space->F);
                }
            }
    }
    return all;
}
