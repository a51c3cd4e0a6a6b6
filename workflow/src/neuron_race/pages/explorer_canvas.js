
// --- Canvases and colours. -------------------------------------------------------------------------

const CLUSTER_COLOURS = 8;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const mix = (a, b, f) => a.map((v, i) => Math.round(v + (b[i] - v) * f));
function ramp(stops, f) {
  const at = Math.min(Math.max(f, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  return mix(stops[i], stops[i + 1], at - i);
}

let theme = {};
function readTheme() {
  theme = Object.fromEntries(["ink", "muted", "line", "grid", "mark", "surface", "others", "accent"].map((n) => [n, css(n)]));
  theme.sequential = ["low", "middle", "high"].map((n) => rgb(css(n)));
  theme.diverging = ["minus", "zero", "plus"].map((n) => rgb(css(n)));
  theme.clusters = Array.from({ length: CLUSTER_COLOURS }, (_, c) => css(`c${c}`));
  // Words of pixels: red is lowest.
  theme.words = Uint32Array.from({ length: 256 }, (_, i) => {
    const [red, green, blue] = ramp(theme.diverging, i / 255);
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
}
const word = (v) => theme.words[Math.min(255, Math.max(0, Math.round((v + 1) * 127.5)))];

const clusterColour = (run, c) => (c >= 0 && c < CLUSTER_COLOURS && run.sizes[c] > 1 ? theme.clusters[c] : theme.others);
function neuronColours(run) {
  const most = normAt(run, run.byRank[0], run.T - 1);
  const forecast = run.arrays.forecast_rank;
  const shade = {
    norm: (j) => `rgb(${ramp(theme.sequential, normAt(run, j, run.T - 1) / most).join()})`,
    lane: (j) => clusterColour(run, run.arrays.cluster[j]),
    forecast: (j) => (forecast[j] ? `rgb(${ramp(theme.sequential, 1 - (forecast[j] - 1) / run.m).join()})` : theme.others),
  }[state.colour];
  return Array.from({ length: run.m }, (_, j) => shade(j));
}

function legend(element, run) {
  const item = (...content) => {
    const span = document.createElement("span");
    span.append(...content);
    return span;
  };
  const dot = (colour, name = "") => Object.assign(document.createElement("i"), { className: name, style: colour ? `background: ${colour}` : "" });
  const most = normAt(run, run.byRank[0], run.T - 1).toPrecision(3);
  const named = run.sizes.slice(0, CLUSTER_COLOURS).filter((n) => n > 1);
  const entries = {
    norm: () => [item("final ‖a‖‖w‖: 0", dot("", "ramp"), most)],
    forecast: () => [run.arrays.forecast_rank[0] ? item("forecast: last", dot("", "ramp"), "first") : item("no forecast for this init")],
    lane: () => [
      ...named.map((size, c) => item(dot(theme.clusters[c]), `${size}`)),
      item(dot(theme.others), named.length ? "neurons; grey: smaller lanes" : "no lane has two neurons"),
    ],
  }[state.colour]();
  if (run.late.length) entries.push(item(`◆ late winner${run.late.length > 1 ? "s" : ""}`));
  element.replaceChildren(...entries);
}

// A canvas at the screen's resolution, cleared; sizes are asked for once a layout, not once a frame.
const sizes = new Map();
function surface(canvas) {
  if (!sizes.has(canvas)) sizes.set(canvas, [canvas.clientWidth, canvas.clientHeight]);
  const [w, h] = sizes.get(canvas);
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(w * scale) || canvas.height !== Math.round(h * scale)) {
    canvas.width = Math.round(w * scale);
    canvas.height = Math.round(h * scale);
  }
  const g = canvas.getContext("2d");
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, w, h);
  g.font = "12px system-ui, sans-serif";
  return { g, w, h };
}

// What does not move is painted once, and kept under a canvas until `forget`.
const kept = new Map();
function backdrop(canvas, { g, w, h }, paint) {
  if (!canvas.width || !canvas.height) return; // not laid out
  if (!kept.has(canvas)) {
    const still = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const own = still.getContext("2d");
    own.setTransform(canvas.width / w, 0, 0, canvas.height / h, 0, 0);
    own.font = g.font;
    paint(own);
    kept.set(canvas, still);
  }
  g.drawImage(kept.get(canvas), 0, 0, w, h);
}
function forget() {
  kept.clear();
  sizes.clear();
}

const superscript = (n) => [...String(n)].map((c) => ({ "-": "⁻" })[c] || "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
function line(g, x0, y0, x1, y1) {
  g.beginPath();
  g.moveTo(x0, y0);
  g.lineTo(x1, y1);
  g.stroke();
}
function upright(g, text, x, y) {
  g.save();
  g.translate(x, y);
  g.rotate(-Math.PI / 2);
  g.textAlign = "center";
  g.fillText(text, 0, 0);
  g.restore();
}
function powers(g, low, high, most, at) {
  const every = Math.ceil((high - low) / most);
  for (let tick = Math.ceil(low); tick <= high; tick += every) at(tick, `10${superscript(tick)}`);
}
// Late winners are diamonds, others are discs.
function point(g, x, y, radius, late) {
  g.beginPath();
  if (late) {
    const r = radius * 1.7;
    g.moveTo(x, y - r); g.lineTo(x + r, y); g.lineTo(x, y + r); g.lineTo(x - r, y); g.closePath();
  } else g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fill();
}
