
// --- Data: from base64 to typed arrays; time runs along the last axis. -----------------------------

// Scales at which numbers were packed: LEVELS of explorer.py, SCALE of trajectories.py.
const LEVELS = 8191, DIRECTIONS = 63;
const KINDS = { i1: Int8Array, u1: Uint8Array, u2: Uint16Array, i2: Int16Array, f4: Float32Array };

async function arraysOf({ data, layout }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const arrays = {};
  for (const { name, kind, shape, start, bytes: size, changes } of layout) {
    const count = shape.reduce((a, b) => a * b, 1), last = shape.at(-1), bits = changes ? Math.ceil(count / 8) : 0;
    const changed = new Uint8Array(buffer, start, bits), kept = new KINDS[kind](buffer.slice(start + bits, start + size));
    const values = changes ? new KINDS[kind](count) : kept;
    // Sums wrap around as the differences did.
    for (let i = 0, next = 0; changes && i < count; i++) {
      if ((changed[i >> 3] >> (7 - (i & 7))) & 1) values[i] = kept[next++];
      if (i % last) values[i] += values[i - 1];
    }
    arrays[name] = values;
  }
  return arrays;
}

async function unpack(run) {
  if (run.arrays) return run;
  const arrays = await arraysOf(run);
  run.arrays = arrays;
  run.T = run.step.length;
  run.m = run.width;
  run.r = run.layout.find((a) => a.name === "directions").shape[0];
  const [low, high] = run.log_range;
  run.cos = Float32Array.from(arrays.cos_delta, (v) => (v / LEVELS) * 2 - 1);
  run.log = Float32Array.from(arrays.log_norm_product, (v) => low + (v / LEVELS) * (high - low));
  run.byRank = Array.from({ length: run.m }, (_, j) => j).sort((a, b) => arrays.final_rank[a] - arrays.final_rank[b]);
  run.late = run.byRank.filter((j) => arrays.late[j]);
  // Clusters, largest first, then the neurons that are never active (-1); within them by final norm.
  const cluster = (j) => (arrays.cluster[j] < 0 ? run.m : arrays.cluster[j]);
  run.order = [...run.byRank].sort((a, b) => cluster(a) - cluster(b) || arrays.final_rank[a] - arrays.final_rank[b]);
  run.sizes = [];
  for (const c of arrays.cluster) if (c >= 0) run.sizes[c] = (run.sizes[c] || 0) + 1;
  run.pixels = arrays.inputs ? arrays.inputs.length / run.samples : 0;
  delete run.data;
  return run;
}

// Of a network that a user watched neither drop and phases nor gates are known, and perhaps no loss.
const watched = (run) => !run.phases.length;
const hasLoss = (run) => run.loss_curve.length > 0;
const normAt = (run, j, t) => 10 ** run.log[j * run.T + t];
const isOn = (run, j, i, t) => (run.arrays.gates[((i >> 3) * run.m + j) * run.T + t] >> (7 - (i & 7))) & 1;

function facts(run, j) {
  const a = run.arrays;
  return {
    neuron: j,
    norm_w: a.norm_w[j], norm_a: a.norm_a[j], cos_delta: a.cos_delta_init[j], sign: a.sign[j],
    cluster: a.cluster[j], late: Boolean(a.late[j]), forecast_rank: a.forecast_rank[j] || null, drop_rank: a.drop_rank[j] || null,
    final_rank: a.final_rank[j], lane_rank: a.lane_rank[j] || null, lane_size: run.sizes[a.cluster[j]] || 0,
  };
}

// Ranks of a neuron at a snapshot: among all, and within its lane.
function ranksNow(run, j, t) {
  const { cluster } = run.arrays;
  let [all, lane] = [1, 1];
  const own = run.log[j * run.T + t];
  for (let i = 0; i < run.m; i++) {
    if (run.log[i * run.T + t] <= own) continue;
    all++;
    if (cluster[i] === cluster[j]) lane++;
  }
  return { all, lane };
}
