/* Arms of a study: networks that train on the same data from the same seed, and differ in one thing.
   Each is forecast from its initial weights alone, trained, and measured, as in
   studies/architectures.py and its neighbours. Units of all layers are in one row. */
"use strict";
const arms = (() => {
  const KEPT = 0.2;   // of a layer's units, by the pruning
  const DRAWS = 3;    // of units kept at random
  const ROUNDS = 5;   // of a design, each as expensive as a step
  const PATIENCE = 4; // budgets that a forecast may take
  const AFTER = 3;    // at least so many times the predicted drop is trained
  const TURNS = 60;   // of a power iteration

  // --- Where an arm starts --------------------------------------------------------------------

  /** A function that gives the weights of a name: as drawn, or designed from the data. */
  function start(data, options) {
    const { gain, others = gain } = options;
    if (!options.head)
      return networks.gaussian({ incoming: gain, outgoing: gain, others }, options.seed);
    const drawn = live.initial(data, options);
    const { W, A } = options.design ? design(data, drawn, options) : drawn;
    return name => (name === "head.weight" ? A : W).slice();
  }

  /** Neurons turned to their target directions (E3), at their norms: each to its own (`aligned`), or
      dealt to all that are found, fastest first (`spread`), those within .99 of a faster one left
      out. `shuffled` targets mislead it. */
  function design(data, drawn, { design: kind, shuffled, seed }) {
    const { m, d, A } = drawn, next = networks.generator(seed + 2), { dot } = networks;
    const y = shuffled ? networks.shuffled(data.N, next).map(i => data.y[i]) : data.y;
    const size = (U, j) => Math.sqrt(dot(U, j * d, U, j * d, d)) || 1;
    const unit = U => U.map((u, k) => u / size(U, Math.floor(k / d)));
    const pulls = w => live.correlations(data, m, live.forward(data, { m, W: w, A }).Z, y)
      .map((D, k) => D * Math.sign(A[Math.floor(k / d)]));
    let w = unit(drawn.W);
    for (let n = 0; n < ROUNDS; n++) {
      const to = unit(pulls(w));  // the mean of both, lest gates flip to and fro
      w = unit(w.map((u, k) => u + to[k]));
    }
    if (kind === "spread") {
      const P = pulls(w), rate = A.map((_, j) => dot(w, j * d, P, j * d, d)), sign = A.map(Math.sign);
      const label = live.groups(w, sign, rate, d), best = [];
      live.order(rate).forEach(j => { if (label[j] >= 0) best[label[j]] ??= j; });
      const dealt = best.length ? A.map((_, j) => best[j % best.length]) : A.map((_, j) => j);
      return { W: turned(drawn, j => w.subarray(dealt[j] * d, (dealt[j] + 1) * d)),
        A: A.map((a, j) => Math.abs(a) * sign[dealt[j]]) };
    }
    return { W: turned(drawn, j => w.subarray(j * d, (j + 1) * d)), A };
  }

  /** Weights of the drawn norms in other directions. */
  function turned({ m, d, W }, direction) {
    const other = new Float64Array(m * d);
    for (let j = 0; j < m; j++) {
      const size = Math.sqrt(networks.dot(W, j * d, W, j * d, d)), own = direction(j);
      for (let k = 0; k < d; k++) other[j * d + k] = size * own[k];
    }
    return other;
  }

  /** Norm products at the end of the plateau, with the residual as at f = 0; NaN if it has no end. */
  function* forecast(data, options) {
    const net = networks.network(data, options, start(data, options));
    const rate = options.forecast_rate || options.rate, steps = PATIENCE * options.steps;
    let found = { n: NaN, c: new Float64Array(net.m).fill(NaN) };
    yield* networks.train(net, { rate, steps, stride: options.stride, frozen: true }, seen => {
      if (seen.dropped) found = seen;
      return seen.dropped;
    });
    return found;
  }

  /** Scores (m) by the race law (E5) of each layer by itself, its inputs and residual as at init:
      (u . a + v . w)^2, with the top singular pair u, v of the gated correlation of both. */
  function* alone(data, options) {
    const net = networks.network(data, options, start(data, options)), { dot } = networks;
    const score = new Float64Array(net.m), next = networks.generator(1);
    net.forward();
    net.backward(false);
    for (const [j, { layer, unit, incoming, from: at, f, outgoing, out }] of net.places.entries()) {
      const { from, hidden, to } = net.units[layer], W = net.weights[incoming], rows = [];
      for (let r = 0; r < data.N; r++) if (hidden.v[r * hidden.f + unit] > 0) rows.push(r);
      let v = Float64Array.from({ length: f }, () => networks.normal(next)), u = null;
      for (let n = 0; n < TURNS; n++) {
        u = new Float64Array(to.f);
        for (const r of rows) networks.add(-dot(v, 0, from.v, r * f, f), to.g, r * to.f, u, 0, to.f);
        v = new Float64Array(f);
        for (const r of rows) networks.add(-dot(u, 0, to.g, r * to.f, to.f), from.v, r * f, v, 0, f);
        const size = Math.sqrt(dot(v, 0, v, 0, f)) || 1;
        v = v.map(x => x / size);
      }
      const size = Math.sqrt(dot(u, 0, u, 0, to.f)) || 1;
      score[j] = (out.reduce((sum, k, n) => sum + net.weights[outgoing][k] * u[n] / size, 0)
        + dot(W, at, v, 0, f)) ** 2;
      yield;
    }
    return score;
  }

  // --- Tickets --------------------------------------------------------------------------------

  /** Scores (m) of the units at init, by which tickets are chosen; net has its slopes. */
  const SCORES = {
    forecast: (net, ahead) => ahead.c,
    losers: (net, ahead) => ahead.c.map(c => -c),
    magnitude: net => summed(net, (w, g) => Math.abs(w)),
    snip: net => summed(net, (w, g) => Math.abs(w * g)),
    random: (net, ahead, next) => ahead.c.map(() => next()),
  };

  /** Sum of the scores of each unit's weights. */
  function summed(net, score) {
    return Float64Array.from(net.places, ({ incoming, from, f, outgoing, out }) => {
      const at = (name, k) => score(net.weights[name][k], net.slopes[name][k]);
      let sum = out.reduce((total, k) => total + at(outgoing, k), 0);
      for (let k = from; k < from + f; k++) sum += at(incoming, k);
      return sum;
    });
  }

  /** Units that stay: the best of each layer, and of the others the best. */
  function ticket(net, score, share) {
    const raised = Float64Array.from(score);
    for (const own of layers(net)) raised[own.reduce((a, b) => (score[b] > score[a] ? b : a))] = Infinity;
    return live.largest(raised, share);
  }

  /** Units that go lose all their weights; their slopes are zero from then on. */
  function silence(net, kept) {
    net.places.forEach(({ incoming, from, f, outgoing, out }, j) => {
      if (kept[j]) return;
      net.weights[incoming].fill(0, from, from + f);
      for (const at of out) net.weights[outgoing][at] = 0;
    });
  }

  // --- Measurements ---------------------------------------------------------------------------

  /** Units of each layer. */
  function layers(net) {
    return net.units.map((_, l) => [...net.places.keys()].filter(j => net.places[j].layer === l));
  }

  /** Units that are open on a sample at least. */
  function active(net) {
    return net.units.flatMap(({ hidden: { f, v } }) => {
      const open = Array(f).fill(false);
      for (let at = 0; at < v.length; at++) if (v[at] > 0) open[at % f] = true;
      return open;
    });
  }

  /** Loss without some units. */
  function without(net, gone) {
    const before = net.places.map(({ outgoing, out }) => out.map(at => net.weights[outgoing][at]));
    const put = value => net.places.forEach(({ outgoing, out }, j) => {
      if (gone[j]) out.forEach((at, n) => { net.weights[outgoing][at] = value(j, n); });
    });
    put(() => 0);
    const loss = net.forward();
    put((j, n) => before[j][n]);
    return loss;
  }

  /** Share of what was learned that is lost if a fifth of a layer stays, the largest by a value. */
  function lost(net, own, value, learned, full) {
    const kept = live.largest(own.map(j => value[j]), KEPT), gone = Array(net.m).fill(false);
    own.forEach((j, n) => { gone[j] = !kept[n]; });
    return (without(net, gone) - full) / learned;
  }

  /** What a trained arm shows; of several layers the worst, and of random units the mean. */
  function measure(net, course, ahead, law, reference, next) {
    const { init, drop, end, initial, loss } = course, y = net.data.y, alive = active(net);
    const learned = networks.dot(y, 0, y, 0, y.length) / (2 * y.length) - loss;
    const all = layers(net), of = (own, value) => own.filter(j => alive[j]).map(j => value[j]);
    const agree = value => Math.min(...all.map(own => live.correlation(of(own, value), of(own, end))));
    const weighed = own => own.reduce((sum, j) => sum + drop.c[j] * drop.cos[j], 0)
      / own.reduce((sum, j) => sum + drop.c[j], 0);
    const draws = all.flatMap(own => Array.from({ length: DRAWS },
      () => lost(net, own, end.map(() => next()), learned, loss)));
    const sum = end.reduce((a, b) => a + b, 0);
    return {
      ranks: Number.isNaN(ahead.n) ? NaN : agree(ahead.c), start: agree(init), same: agree(reference),
      alone: law ? agree(law) : NaN,
      aligned: drop ? Math.min(...all.map(weighed)) : NaN,
      pruned: Math.max(...all.map(own => lost(net, own, end, learned, loss))),
      random: draws.reduce((a, b) => a + b, 0) / draws.length,
      winners: sum ** 2 / end.reduce((a, b) => a + b * b, 0) / net.m,
      left: loss / initial, course: course.sum / course.count / initial,
      step: drop ? drop.n + course.spent : NaN, time: drop ? drop.time : NaN,
    };
  }

  // --- The study ------------------------------------------------------------------------------

  /** Train all arms. `keep` is told of each: its `begun`, each `step`, and what is `measured`. */
  function* experiment(data, settings, list, keep) {
    const forecasts = new Map();
    let budget = 0, reference = null;
    for (const [k, arm] of list.entries()) {
      const options = { ...settings, ...arm }, spent = options.design ? ROUNDS : 0;
      const { optimizer, schedule, decay, batch, rate, score, longer, ...same } = options;
      const key = JSON.stringify({ ...same, rate: options.forecast_rate || rate });
      if (!forecasts.has(key)) forecasts.set(key, yield* forecast(data, options));
      const ahead = forecasts.get(key);
      budget ||= Math.max(options.steps, AFTER * ahead.n || 0);
      const net = networks.network(data, options, start(data, options));
      const next = networks.generator(options.seed + 1 + k);
      if (score) {
        net.forward();
        net.backward(false);
        silence(net, ticket(net, SCORES[score](net, ahead, next), options.kept));
      }
      const steps = Math.round(budget * (longer || 1)) - spent;
      keep.begun(k, { steps, layer: net.places.map(p => p.layer), forecast: ahead.c });
      const course = { spent, sum: 0, count: 0, drop: null };
      yield* networks.train(net, { ...options, steps }, seen => {
        if (seen.n === 0) Object.assign(course, { init: seen.c, initial: seen.loss });
        if (seen.dropped) course.drop ??= seen;
        Object.assign(course, { end: seen.c, loss: seen.loss, count: course.count + 1 });
        course.sum += seen.loss;
        keep.step(k, seen);
        return !(seen.loss <= 1e3 * course.initial);
      });
      reference ??= course.end;
      const law = options.law ? yield* alone(data, options) : null;
      const found = measure(net, course, ahead, law, reference, next);
      keep.measured(k, { ...found, said: ahead.n + spent }, course.end);
      yield;
    }
  }

  return { start, experiment };
})();
