/* Networks that train on the page. A forward pass is a list of operations, each of which also goes
   backward: models/deep.py and models/stacked.py are the same in Python, training/any_model.py
   takes the same steps, and tests compare them. Arrays are of samples, positions and features, in
   this order; a weight is (outputs x inputs) by rows. Time is the sum of the rates of all steps. */
"use strict";
const networks = (() => {
  const DROP = 0.1;     // part of the initial loss that is lost at the drop
  const MEMORY = 0.9;   // of momentum
  const BETAS = [0.9, 0.999], EPSILON = 1e-8;  // of Adam, PyTorch's defaults

  // --- Data and random numbers ----------------------------------------------------------------

  /** A task from the page: X (N x d) as packed little-endian float32, targets y (N). */
  function task(packed) {
    const bytes = Uint8Array.from(atob(packed.X), c => c.charCodeAt(0));
    return { X: Float64Array.from(new Float32Array(bytes.buffer)), y: Float64Array.from(packed.y),
      N: packed.y.length, d: packed.dim };
  }

  /** The first samples of a task. */
  function first(data, N) { return { ...data, N, X: data.X.slice(0, N * data.d), y: data.y.slice(0, N) }; }

  /** Uniform numbers in (0, 1) from a seed (mulberry32). */
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
    };
  }

  function normal(next) { return Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()); }

  /** The numbers from 0 to n - 1 in a random order. */
  function shuffled(n, next) {
    const order = [...Array(n).keys()];
    for (let k = n - 1; k > 0; k--) {
      const other = Math.floor(next() * (k + 1));
      [order[k], order[other]] = [order[other], order[k]];
    }
    return order;
  }

  /** Gaussian weights, gain / sqrt(fan-in), drawn one after the other; gains by part of the name. */
  function gaussian(gain, seed) {
    const next = generator(seed);
    return (name, outputs, inputs) => {
      const scale = (gain[name.split(".")[0]] ?? gain.others) / Math.sqrt(name === "position" ? 1 : inputs);
      return Float64Array.from({ length: outputs * inputs }, () => scale * normal(next));
    };
  }

  // --- Operations -----------------------------------------------------------------------------

  function dot(U, u, V, v, d) {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += U[u + k] * V[v + k];
    return sum;
  }

  function add(scale, U, u, V, v, d) { for (let k = 0; k < d; k++) V[v + k] += scale * U[u + k]; }

  /** The operations on N samples, and what they fill: `draw(name, outputs, inputs)` gives weights. */
  function tape(data, draw) {
    const { N } = data, arrays = [], steps = [], weights = {}, slopes = {};

    function array(f, P) {
      arrays.push({ f, P, v: new Float64Array(N * P * f), g: new Float64Array(N * P * f) });
      return arrays[arrays.length - 1];
    }
    function step(out, forward, backward) {
      steps.push({ forward, backward });
      return out;
    }
    function weight(name, outputs, inputs) {
      weights[name] = draw(name, outputs, inputs);
      slopes[name] = new Float64Array(outputs * inputs);
      return [weights[name], slopes[name]];
    }
    /** The inputs, as features of P positions. */
    const inputs = (P = 1) => ({ f: data.d / P, P, v: data.X, g: null });

    /** `scale` times the weight times x, added to `onto` if there is one. */
    function linear(x, name, o, scale = 1, onto = null) {
      const out = array(o, x.P), { f } = x, [W, G] = weight(name, o, f);
      return step(out, () => {
        for (let r = 0, at = 0; r < N * x.P; r++)
          for (let k = 0; k < o; k++, at++)
            out.v[at] = (onto ? onto.v[at] : 0) + scale * dot(W, k * f, x.v, r * f, f);
      }, () => {
        for (let r = 0, at = 0; r < N * x.P; r++)
          for (let k = 0; k < o; k++, at++) {
            const g = out.g[at];
            if (g === 0) continue;
            if (onto && onto.g) onto.g[at] += g;
            add(scale * g, x.v, r * f, G, k * f, f);
            if (x.g) add(scale * g, W, k * f, x.g, r * f, f);
          }
      });
    }

    /** The positive part, in place. */
    function relu(x) {
      return step(x, () => { for (let k = 0; k < x.v.length; k++) if (!(x.v[k] > 0)) x.v[k] = 0; },
        () => { for (let k = 0; k < x.g.length; k++) if (x.v[k] === 0) x.g[k] = 0; });
    }

    /** What filters of 3 x 3 see, on square images with a rim of zeros: channels times taps. */
    function patches(x, stride) {
      const side = Math.sqrt(x.P), size = Math.floor((side - 1) / stride) + 1, { f } = x;
      const out = array(9 * f, size * size), to = [], from = [];  // places within a sample
      for (let p = 0; p < out.P; p++)
        for (let c = 0; c < f; c++)
          for (let tap = 0; tap < 9; tap++) {
            const row = stride * Math.floor(p / size) + Math.floor(tap / 3) - 1;
            const column = stride * (p % size) + (tap % 3) - 1;
            if (row < 0 || row >= side || column < 0 || column >= side) continue;
            to.push((p * f + c) * 9 + tap);
            from.push((row * side + column) * f + c);
          }
      const many = out.P * 9 * f, few = x.P * f;
      return step(out, () => {
        for (let i = 0; i < N; i++)
          for (let n = 0; n < to.length; n++) out.v[i * many + to[n]] = x.v[i * few + from[n]];
      }, () => {
        if (!x.g) return;
        for (let i = 0; i < N; i++)
          for (let n = 0; n < to.length; n++) x.g[i * few + from[n]] += out.g[i * many + to[n]];
      });
    }

    /** Mean over positions. */
    function mean(x) {
      const out = array(x.f, 1), { P, f } = x;
      return step(out, () => {
        out.v.fill(0);
        for (let r = 0; r < N * P; r++) add(1 / P, x.v, r * f, out.v, Math.floor(r / P) * f, f);
      }, () => {
        for (let r = 0; r < N * P; r++) add(1 / P, out.g, Math.floor(r / P) * f, x.g, r * f, f);
      });
    }

    /** A weight (positions x features) is added, in place. */
    function shift(x, name) {
      const size = x.P * x.f, [W, G] = weight(name, x.P, x.f);
      return step(x, () => { for (let i = 0; i < N; i++) add(1, W, 0, x.v, i * size, size); },
        () => { for (let i = 0; i < N; i++) add(1, x.g, i * size, G, 0, size); });
    }

    /** Softmax attention over positions. */
    function attend(query, key, value, heads) {
      const { f, P } = query, e = f / heads, root = Math.sqrt(e), out = array(f, P);
      const kept = new Float64Array(N * heads * P * P), own = new Float64Array(P);
      const rows = visit => {
        for (let i = 0, at = 0; i < N; i++)
          for (let h = 0; h < heads; h++)
            for (let p = 0; p < P; p++, at += P)
              visit(at, (i * P + p) * f + h * e, q => (i * P + q) * f + h * e);
      };
      return step(out, () => rows((at, here, there) => {
        let sum = 0;
        for (let q = 0; q < P; q++) own[q] = dot(query.v, here, key.v, there(q), e) / root;
        const top = Math.max(...own);
        for (let q = 0; q < P; q++) sum += kept[at + q] = Math.exp(own[q] - top);
        out.v.fill(0, here, here + e);
        for (let q = 0; q < P; q++) add(kept[at + q] /= sum, value.v, there(q), out.v, here, e);
      }), () => rows((at, here, there) => {
        let sum = 0;
        for (let q = 0; q < P; q++) {
          add(kept[at + q], out.g, here, value.g, there(q), e);
          sum += kept[at + q] * (own[q] = dot(out.g, here, value.v, there(q), e));
        }
        for (let q = 0; q < P; q++) {
          const slope = kept[at + q] * (own[q] - sum) / root;
          add(slope, key.v, there(q), query.g, here, e);
          add(slope, query.v, here, key.g, there(q), e);
        }
      }));
    }

    return { arrays, steps, weights, slopes, inputs, linear, relu, patches, mean, shift, attend };
  }

  // --- Models: each gives its output and its layers of units, with what they read and fill --------

  const MODELS = {
    /** Hidden layers of ReLU neurons without biases. */
    perceptron(to, { depth, width }) {
      const units = [];
      const names = [...Array(depth).keys()].map(layer => `hidden.${layer}.weight`);
      let x = to.inputs();
      names.forEach((incoming, layer) => {
        const hidden = to.relu(to.linear(x, incoming, width));
        units.push({ incoming, outgoing: names[layer + 1] || "head.weight", from: x, hidden });
        x = hidden;
      });
      const out = to.linear(x, "head.weight", 1);
      units.forEach((own, layer) => { own.to = units[layer + 1]?.hidden || out; });
      return { out, units };
    },
    /** Blocks x + scale A relu(W x), or without the skip path scale A relu(W x). */
    residual(to, { depth, width, skip, scaling }) {
      const units = [], start = to.inputs(), scale = scaling === "inverse_sqrt" ? depth ** -0.5 : 1;
      let x = start;
      for (let block = 0; block < depth; block++) {
        const names = [`incoming.${block}.weight`, `outgoing.${block}.weight`];
        const from = x, hidden = to.relu(to.linear(from, names[0], width));
        x = to.linear(hidden, names[1], start.f, scale, skip ? from : null);
        units.push({ incoming: names[0], outgoing: names[1], from, hidden, to: x });
      }
      return { out: to.linear(x, "head.weight", 1), units };
    },
    /** Two layers of 3 x 3 filters, the first with stride 2; mean over positions, linear head. */
    convolution(to, { width }) {
      const image = to.inputs(to.inputs().f);
      const one = to.relu(to.linear(to.patches(image, 2), "first.weight", width / 2));
      const two = to.relu(to.linear(to.patches(one, 1), "second.weight", width));
      return { out: to.linear(to.mean(two), "head.weight", 1), units: [
        { incoming: "first.weight", outgoing: "second.weight", hidden: one, taps: 9 },
        { incoming: "second.weight", outgoing: "head.weight", hidden: two }] };
    },
    /** One block, attention then MLP, over tokens; mean over them, linear head. */
    transformer(to, { width, tokens, embedding, heads, skip }) {
      const z = to.shift(to.linear(to.inputs(tokens), "embed.weight", embedding), "position");
      const [query, key, value] = ["query", "key", "value"].map(
        name => to.linear(z, `${name}.weight`, embedding));
      const x = to.linear(to.attend(query, key, value, heads), "mix.weight", embedding, 1, z);
      const hidden = to.relu(to.linear(x, "incoming.weight", width));
      const on = to.linear(hidden, "outgoing.weight", embedding, 1, skip ? x : null);
      return { out: to.linear(to.mean(on), "head.weight", 1),
        units: [{ incoming: "incoming.weight", outgoing: "outgoing.weight", hidden }] };
    },
  };

  /** A network on its data: weights by name, units of all layers in one row, passes. */
  function network(data, options, draw) {
    const to = tape(data, draw), { out, units } = MODELS[options.model](to, options), { N, y } = data;

    /** Fill all arrays; returns the loss. */
    function forward() {
      for (const step of to.steps) step.forward();
      let sum = 0;
      for (let i = 0; i < N; i++) sum += (y[i] - out.v[i]) ** 2;
      return sum / (2 * N);
    }
    /** Fill slopes: of the loss of some samples, of all if none are told; with a frozen residual
        those at f = 0. */
    function backward(frozen, some) {
      for (const array of to.arrays) array.g.fill(0);
      for (const slope of Object.values(to.slopes)) slope.fill(0);
      const chosen = some || y.keys(), count = some ? some.length : N;
      for (const i of chosen) out.g[i] = ((frozen ? 0 : out.v[i]) - y[i]) / count;
      for (let n = to.steps.length - 1; n >= 0; n--) to.steps[n].backward();
    }
    const where = places(units, to.weights);
    return { data, units, places: where, m: where.length, weights: to.weights, slopes: to.slopes,
      out: out.v, forward, backward };
  }

  /** One hidden layer with given weights W (m x d), A (m). */
  function shallow(data, { m, W, A }) {
    return network(data, { model: "perceptron", depth: 1, width: m },
      name => (name === "head.weight" ? A : W).slice());
  }

  /** Where the weights of each unit are, over all layers. */
  function places(units, weights) {
    return units.flatMap(({ incoming, outgoing, hidden, taps = 1 }, layer) => {
      const f = weights[incoming].length / hidden.f, size = weights[outgoing].length;
      return Array.from({ length: hidden.f }, (_, k) => {
        const out = [];
        for (let at = k * taps; at < size; at += hidden.f * taps)
          for (let tap = 0; tap < taps; tap++) out.push(at + tap);
        return { layer, unit: k, incoming, from: k * f, f, outgoing, out };
      });
    });
  }

  /** Norm products c (m), and cosines (m) between incoming weights and their pulls; 0 without one. */
  function read(net) {
    const c = new Float64Array(net.m), cos = new Float64Array(net.m);
    net.places.forEach(({ incoming, from, f, outgoing, out }, j) => {
      const W = net.weights[incoming], G = net.slopes[incoming], A = net.weights[outgoing];
      let square = 0;
      for (const at of out) square += A[at] ** 2;
      const size = Math.sqrt(dot(W, from, W, from, f)), pull = Math.sqrt(dot(G, from, G, from, f));
      c[j] = Math.sqrt(square) * size;
      cos[j] = size * pull > 0 ? -dot(W, from, G, from, f) / (size * pull) : 0;
    });
    return { c, cos };
  }

  // --- Descent --------------------------------------------------------------------------------

  // Part of the rate at a step of a budget, as in training/optimizers.py.
  const SCHEDULES = {
    constant: () => 1,
    warmup: (n, steps) => Math.min(1, (n + 1) / Math.max(1, Math.floor(steps / 10))),
    cosine: (n, steps) => 0.5 * (1 + Math.cos(Math.PI * (n / steps))),
    step_decay: (n, steps) => (n / steps >= 0.75 ? 0.01 : n / steps >= 0.5 ? 0.1 : 1),
  };
  // Each gives (weights, slopes, rate) => change in place, for one array of weights.
  const OPTIMIZERS = {
    gd: () => (W, G, rate) => add(-rate, G, 0, W, 0, W.length),
    momentum: size => {
      const V = new Float64Array(size);
      return (W, G, rate) => {
        for (let k = 0; k < size; k++) W[k] -= rate * (V[k] = MEMORY * V[k] + G[k]);
      };
    },
    adam: size => {
      const M = new Float64Array(size), V = new Float64Array(size);
      let n = 0;
      return (W, G, rate) => {
        n++;
        const [one, two] = BETAS.map(beta => 1 - beta ** n);
        for (let k = 0; k < size; k++) {
          M[k] = BETAS[0] * M[k] + (1 - BETAS[0]) * G[k];
          V[k] = BETAS[1] * V[k] + (1 - BETAS[1]) * G[k] ** 2;
          W[k] -= rate * M[k] / one / (Math.sqrt(V[k] / two) + EPSILON);
        }
      };
    },
  };

  function size(arrays) {
    return Math.sqrt(Object.values(arrays).reduce((sum, A) => sum + dot(A, 0, A, 0, A.length), 0));
  }

  /** Train; yields after each step. `keep` gets what is so before a step, and may say enough.

      The plan: `rate`, `steps`; `optimizer`, `schedule`, `decay` of weights; `batch`, samples of a
      step, drawn from a `seed`, 0 for all; `frozen`, with the residual as at f = 0; `stride`, by
      which a step moves the weights at least until the drop. */
  function* train(net, plan, keep) {
    const { optimizer = "gd", schedule = "constant", decay = 0, batch = 0, stride = 0, frozen = false } = plan;
    const names = Object.keys(net.weights), { y } = net.data, targets = dot(y, 0, y, 0, y.length);
    const move = names.map(name => OPTIMIZERS[optimizer](net.weights[name].length));
    const next = generator(plan.seed || 0);
    let initial = NaN, time = 0, dropped = false;
    for (let n = 0; n <= plan.steps; n++) {
      const loss = net.forward();
      net.backward(frozen);
      const whole = read(net);
      if (batch) net.backward(frozen, shuffled(y.length, next).slice(0, batch));
      if (n === 0) initial = loss;
      dropped ||= loss <= (1 - DROP) * initial && initial > 0;
      // Where no drop comes, a plateau ends as outputs reach the targets.
      dropped ||= frozen && dot(net.out, 0, net.out, 0, y.length) >= targets;
      if (keep({ n, time, loss, dropped, ...whole })) return;
      if (n < plan.steps) {
        let rate = plan.rate * SCHEDULES[schedule](n, plan.steps);
        const pull = stride && !dropped ? size(net.slopes) : 0;
        if (pull > 0) rate = Math.max(rate, stride * size(net.weights) / pull);
        names.forEach((name, k) => {
          const W = net.weights[name], G = net.slopes[name];
          if (decay) add(decay, W, 0, G, 0, W.length);
          move[k](W, G, rate);
        });
        time += rate;
      }
      yield;
    }
  }

  return { task, first, generator, normal, gaussian, shuffled, dot, add, network, shallow, train };
})();
