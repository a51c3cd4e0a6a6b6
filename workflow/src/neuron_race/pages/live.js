/* What the race predicts of f(x) = sum_j a_j relu(w_j . x) from init and data alone (laws L1-L5 of
   paper_notes.md; theory/laws.py is the same in Python, and tests compare the two), and what was
   measured when it had trained. Weights: W (m x d) by rows, A (m). Time is rate times step. */
"use strict";
const live = (() => {
  const KEPT = 0.2;     // of the neurons, by the pruning and in a ticket
  const COSINE = 0.99;  // least cosine within a lane and a group
  const HEAVY = 0.01;   // groups count that hold this part of the largest one
  const DROP = 0.1;     // part of the loss of f = 0 that is lost at the drop
  const EARLY = 0.1;    // of the way to the predicted drop: alignment then gives the colour
  const TURNING = [26, 0.4], READING = [14, 0.1];  // refreshes of the gates, as in theory/laws.py
  const { dot } = networks;

  // --- Initial weights ------------------------------------------------------------------------

  /** Weights at scale alpha; heads as in models/shallow.py. */
  function initial(data, options) {
    const { width: m, head, alpha } = options, d = data.d, next = networks.generator(options.seed);
    const normal = () => networks.normal(next);
    const W = new Float64Array(m * d), A = new Float64Array(m);
    for (let k = 0; k < m * d; k++)
      W[k] = (head === "pytorch" ? 2 * next() - 1 : normal()) / Math.sqrt(d);
    for (let j = 0; j < m; j++) {
      A[j] = head === "pytorch" ? (2 * next() - 1) / Math.sqrt(m) : normal();
      if (head === "balanced") A[j] = Math.sign(A[j]) * norm(W, j, d);
    }
    return { m, d, W: W.map(w => alpha * w), A: A.map(a => alpha * a) };
  }

  // --- The network ----------------------------------------------------------------------------

  function norm(W, j, d) { return Math.sqrt(dot(W, j * d, W, j * d, d)); }

  /** Preactivations Z (m x N) and outputs f (N) of the neurons. */
  function forward(data, net) {
    const { N, d, X } = data, Z = new Float64Array(net.m * N), f = new Float64Array(N);
    for (let j = 0; j < net.m; j++) {
      for (let i = 0; i < N; i++) {
        const z = dot(net.W, j * d, X, i * d, d);
        Z[j * N + i] = z;
        if (z > 0) f[i] += net.A[j] * z;
      }
    }
    return { Z, f };
  }

  /** Gated residual correlations D (m x d) (E1). */
  function correlations(data, m, Z, residual) {
    const { N, d, X } = data, D = new Float64Array(m * d);
    for (let j = 0; j < m; j++)
      for (let i = 0; i < N; i++)
        if (Z[j * N + i] > 0) {
          const r = residual[i] / N;
          for (let k = 0, at = i * d, to = j * d; k < d; k++) D[to + k] += r * X[at + k];
        }
    return D;
  }

  function loss(data, f) {
    let sum = 0;
    for (let i = 0; i < data.N; i++) sum += (data.y[i] - f[i]) ** 2;
    return sum / (2 * data.N);
  }

  /** Norm products c (m). */
  function products(net) {
    return net.A.map((a, j) => Math.abs(a) * norm(net.W, j, net.d));
  }

  /** Cosines (m) between incoming weights and their pulls; 0 for a neuron that feels none. */
  function cosines(net, D) {
    return net.A.map((a, j) => {
      const size = norm(net.W, j, net.d) * norm(D, j, net.d);
      return size > 0 ? Math.sign(a) * dot(net.W, j * net.d, D, j * net.d, net.d) / size : 0;
    });
  }

  // --- Predictions ----------------------------------------------------------------------------

  /** Constant D for a time t (E5): moves one neuron, and returns its new head. */
  function move(W, a, D, j, d, t) {
    const size = norm(D, j, d);
    if (size === 0) return a;
    const q = dot(W, j * d, D, j * d, d) / size, tau = size * t;
    const to = q * Math.cosh(tau) + a * Math.sinh(tau);
    for (let k = 0; k < d; k++) W[j * d + k] += (to - q) * D[j * d + k] / size;
    return a * Math.cosh(tau) + q * Math.sinh(tau);
  }

  /** Follow neurons, from the init at scale 1, to their lanes; yields between refreshes. */
  function* settle(data, start) {
    const { m, d } = start, net = { m, d, W: start.W.slice(), A: start.A.slice() };
    const grown = new Float64Array(m), sizes = [];
    for (const [count, size] of [TURNING, READING]) for (let n = 0; n < count; n++) sizes.push(size);
    let before = grown.slice(), time = 0, since = 0;
    for (let n = 0; n < sizes.length; n++) {
      if (n === sizes.length - READING[0] / 2) { before = grown.slice(); since = time; }
      const D = correlations(data, m, forward(data, net).Z, data.y);
      let fastest = 0;
      for (let j = 0; j < m; j++) fastest = Math.max(fastest, norm(D, j, d));
      if (fastest === 0) break;
      const t = sizes[n] / fastest;
      for (let j = 0; j < m; j++) {
        net.A[j] = move(net.W, net.A[j], D, j, d, t);
        const size = Math.hypot(norm(net.W, j, d), net.A[j]);
        for (let k = 0; k < d; k++) net.W[j * d + k] /= size;
        net.A[j] /= size;
        grown[j] += Math.log(size);
      }
      time += t;
      yield;
    }
    const { Z } = forward(data, net), direction = new Float64Array(m * d), rate = grown.slice();
    const score = new Float64Array(m), sign = net.A.map(Math.sign);
    for (let j = 0; j < m; j++) {
      rate[j] = time > since ? Math.max((grown[j] - before[j]) / (time - since), 0) : 0;
      const length = norm(net.W, j, d);
      const alive = length > 0 && Z.subarray(j * data.N, (j + 1) * data.N).some(z => z > 0);
      if (!alive) continue;
      for (let k = 0; k < d; k++) direction[j * d + k] = net.W[j * d + k] / length;
      score[j] = 4 * length * Math.abs(net.A[j]) * Math.exp(2 * (grown[j] - rate[j] * time));
    }
    return { m, d, direction, sign, rate, score, lane: groups(direction, sign, score, d) };
  }

  /** Number (m) of the group of each neuron: it joins the first leader, by falling weight, that it
      is close to; -1 without weight. */
  function groups(direction, sign, weight, d) {
    const of = new Int32Array(weight.length).fill(-1), leaders = [];
    for (const j of order(weight)) {
      if (!(weight[j] > 0)) continue;
      const found = leaders.findIndex(
        l => sign[l] === sign[j] && dot(direction, l * d, direction, j * d, d) > COSINE);
      of[j] = found < 0 ? leaders.push(j) - 1 : found;
    }
    return of;
  }

  /** Neurons by falling value. */
  function order(value) { return [...value.keys()].sort((a, b) => value[b] - value[a] || a - b); }

  /** Lanes grow and compete for the residual (L5): step of the drop, final c (m), outputs. */
  function race(data, lanes, alpha, rate, steps, kept) {
    const { N, d } = data, count = Math.max(...lanes.lane) + 1;
    const score = lanes.score.map((s, j) => (kept && !kept[j] ? 0 : s * alpha ** 2));
    const total = new Float64Array(count), phi = new Float64Array(count * N);
    const out = new Float64Array(lanes.m * N);
    score.forEach((s, j) => { if (lanes.lane[j] >= 0) total[lanes.lane[j]] += s; });
    for (let j = 0; j < lanes.m; j++) {
      const l = lanes.lane[j];
      if (l < 0 || !(score[j] > 0)) continue;
      for (let i = 0; i < N; i++) {
        const z = Math.max(dot(lanes.direction, j * d, data.X, i * d, d), 0) * lanes.sign[j];
        out[j * N + i] = z;
        phi[l * N + i] += z * score[j] / total[l];
      }
    }
    const b = Float64Array.from(total, (_, l) => dot(phi, l * N, data.y, 0, N) / N);
    const gram = Float64Array.from({ length: count ** 2 }, (_, k) =>
      dot(phi, Math.floor(k / count) * N, phi, (k % count) * N, N) / N);
    const zero = dot(data.y, 0, data.y, 0, N) / (2 * N), C = total.map(t => t / 4);
    let drop = NaN;
    for (let n = 0; n <= steps; n++) {
      const pull = b.map((value, l) => value - dot(gram, l * count, C, 0, count));
      const left = zero - dot(C, 0, b, 0, count) / 2 - dot(C, 0, pull, 0, count) / 2;
      if (Number.isNaN(drop) && left <= (1 - DROP) * zero) drop = n;
      if (n < steps) for (let l = 0; l < count; l++) C[l] *= (1 + rate * pull[l]) ** 2;
    }
    const c = score.map((s, j) => (s > 0 ? s * C[lanes.lane[j]] / total[lanes.lane[j]] : 0));
    return { drop, c, total: C, out: out.map((z, k) => z * c[Math.floor(k / N)]) };
  }

  /** Growth rate of |w| and |a| under steps of this size, mean over neurons at a time (E6). */
  function growth(lanes, time, rate) {
    const rates = lanes.rate.map(r => Math.log1p(rate * r) / rate), top = Math.max(...rates);
    let sum = 0, weights = 0;
    rates.forEach((r, j) => {
      const weight = lanes.score[j] * Math.exp(2 * (r - top) * time);
      sum += weight * r;
      weights += weight;
    });
    return sum / weights;
  }

  /** Loss added when only some neurons stay, as a share of what all had learned; Z as outputs. */
  function lost(data, out, kept) {
    const sum = which => {
      const f = new Float64Array(data.N);
      for (let j = 0; j < which.length; j++)
        if (which[j]) for (let i = 0; i < data.N; i++) f[i] += out[j * data.N + i];
      return f;
    };
    const zero = loss(data, new Float64Array(data.N)), full = loss(data, sum(kept.map(() => true)));
    return (loss(data, sum(kept)) - full) / (zero - full);
  }

  function largest(value, share) {
    const first = new Set(order(value).slice(0, Math.max(1, Math.round(share * value.length))));
    return Array.from(value, (_, j) => first.has(j));
  }

  /** All that is said before training. Yields; returns predictions. */
  function* predict(data, options) {
    const base = initial(data, { ...options, alpha: 1 });
    const lanes = yield* settle(data, base);
    const { alpha, rate, budget } = options;
    const said = race(data, lanes, alpha, rate, budget);
    yield;
    // Without a drop within the budget all of it is trained.
    const steps = Number.isNaN(said.drop) ? budget : Math.min(budget, Math.max(200, 3 * said.drop));
    const end = race(data, lanes, alpha, rate, steps);
    yield;
    const D = correlations(data, base.m, forward(data, base).Z, data.y);
    const moved = { m: base.m, d: base.d, W: base.W.slice(), A: base.A.slice() };
    const at = Number.isNaN(said.drop) ? 0 : said.drop * rate;
    const against = Array.from(cosines(base, D), c => c < 0);
    for (let j = 0; j < base.m; j++) moved.A[j] = move(moved.W, moved.A[j], D, j, base.d, at);
    const cos = cosines(moved, D), number = Math.max(...lanes.lane) + 1;
    const tickets = {};
    const next = networks.generator(options.seed + 1), c = end.c;
    const arms = { winners: largest(c, KEPT), random: largest(c.map(() => next()), KEPT),
      half: Array.from(c, (_, j) => j < c.length / 2) };
    const lambda = growth(lanes, at, rate), sum = kept => lanes.score.reduce(
      (total, s, j) => total + (kept[j] ? s : 0), 0);
    for (const [arm, kept] of Object.entries(arms))
      tickets[arm] = { kept,
        delay: -Math.log(sum(kept) / sum(kept.map(() => true))) / (2 * lambda) };
    return { lanes, steps, c, tickets, early: Math.round(EARLY * (said.drop || 0)), against,
      drop: said.drop * rate, ranks: 1, merged: 0,
      pruned: lost(data, end.out, largest(c, KEPT)),
      groups: Array.from({ length: number }, (_, l) => end.total[l]).filter(
        (C, _, all) => C > HEAVY * Math.max(...all)).length,
      aligned: mean(cos, products(moved)), turned: share(against, cos), idle: idle(c),
      winners: tickets.winners.delay, random: tickets.random.delay, half: tickets.half.delay };
  }

  // --- Measurements ---------------------------------------------------------------------------

  function mean(value, weight) {
    let sum = 0, all = 0;
    value.forEach((v, j) => { sum += v * weight[j]; all += weight[j]; });
    return all > 0 ? sum / all : NaN;
  }

  /** Part of those against their pull at init that have turned. */
  function share(against, cos) {
    const first = against.filter(Boolean).length;
    return first ? against.filter((was, j) => was && cos[j] > 0).length / first : NaN;
  }

  /** Part of all norm products that the lower half of the neurons holds. */
  function idle(c) {
    const sorted = Array.from(c).sort((a, b) => a - b), sum = part => part.reduce((s, x) => s + x, 0);
    return sum(sorted.slice(0, Math.floor(c.length / 2))) / sum(sorted);
  }

  /** Spearman's rank correlation; ties do not occur. */
  function correlation(x, y) {
    const rank = value => {
      const of = new Float64Array(value.length);
      order(value).forEach((j, n) => { of[j] = n; });
      return of;
    };
    const n = x.length, a = rank(x), b = rank(y);
    if (n < 3) return NaN;
    return 1 - 6 * a.reduce((sum, r, j) => sum + (r - b[j]) ** 2, 0) / (n * (n * n - 1));
  }

  /** Each group as one neuron (E7): relative loss added, and how many groups are heavy. */
  function merge(data, net) {
    const { m, d } = net, c = products(net), direction = net.W.slice();
    for (let j = 0; j < m; j++) {
      const size = norm(net.W, j, d) || 1;
      for (let k = 0; k < d; k++) direction[j * d + k] /= size;
    }
    const of = groups(direction, net.A.map(Math.sign), c, d), count = Math.max(...of) + 1;
    const held = new Float64Array(count);
    const one = { m: count, d, W: new Float64Array(count * d), A: new Float64Array(count) };
    for (let j = 0; j < m; j++) {
      const g = of[j];
      if (g < 0) continue;
      held[g] += c[j];
      one.A[g] = Math.sign(net.A[j]);
      for (let k = 0; k < d; k++) one.W[g * d + k] += Math.abs(net.A[j]) * net.W[j * d + k];
    }
    const full = loss(data, forward(data, net).f), zero = loss(data, new Float64Array(data.N));
    const added = loss(data, forward(data, one).f) - full;
    return { merged: added / (zero - full),
      groups: held.filter(h => h > HEAVY * Math.max(...held)).length };
  }

  /** Time at which some of the neurons, trained alone, drop. */
  function* dropOf(data, start, kept, rate, steps) {
    const chosen = kept.flatMap((is, j) => (is ? [j] : [])), d = start.d;
    const some = { m: chosen.length, W: new Float64Array(chosen.length * d),
      A: Float64Array.from(chosen, j => start.A[j]) };
    chosen.forEach((j, n) => some.W.set(start.W.subarray(j * d, (j + 1) * d), n * d));
    const zero = loss(data, new Float64Array(data.N));
    let found = NaN;
    yield* networks.train(networks.shallow(data, some), { rate, steps }, seen => {
      if (seen.loss > (1 - DROP) * zero) return false;
      found = seen.n * rate;
      return true;
    });
    return found;
  }

  /** The run of the page: predicted, trained, measured. `keep` is told of each part as it comes. */
  function* experiment(data, options, shown, keep) {
    const said = yield* predict(data, options);
    keep.predicted(said);
    const start = initial(data, options), trained = networks.shallow(data, start);
    const zero = loss(data, new Float64Array(data.N)), found = {}, { rate } = options;
    yield* networks.train(trained, { rate, steps: said.steps }, seen => {
      if (found.drop === undefined && seen.loss <= (1 - DROP) * zero) {
        found.drop = seen.n * rate;
        found.aligned = mean(seen.cos, seen.c);
        found.turned = share(said.against, seen.cos);
      }
      keep.step(seen);
      return false;
    });
    const { "hidden.0.weight": W, "head.weight": A } = trained.weights, net = { ...start, W, A };
    const c = products(net), { Z } = forward(data, net), lane = fullest(said.lanes.lane);
    const out = Z.map((z, k) => Math.max(z, 0) * net.A[Math.floor(k / data.N)]);
    found.pruned = lost(data, out, largest(c, KEPT));
    found.ranks = correlation(lane.map(j => said.c[j]), lane.map(j => c[j]));
    found.idle = idle(c);
    Object.assign(found, merge(data, net));
    yield;
    for (const arm of Object.keys(said.tickets).filter(name => shown.includes(name))) {
      const kept = said.tickets[arm].kept;
      found[arm] = (yield* dropOf(data, start, kept, rate, 3 * said.steps)) - found.drop;
    }
    keep.measured(found, c);
    return found;
  }

  /** Neurons of the lane that has most. */
  function fullest(lane) {
    const sizes = new Map();
    for (const l of lane) if (l >= 0) sizes.set(l, (sizes.get(l) || 0) + 1);
    const [best] = [...sizes].sort((a, b) => b[1] - a[1])[0] || [-1];
    return [...lane.keys()].filter(j => lane[j] === best);
  }

  return { initial, forward, correlations, loss, groups, order, largest, mean, correlation, predict,
    experiment };
})();
