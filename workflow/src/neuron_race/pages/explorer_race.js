
// --- The race and the matrix of cosines, of either run. --------------------------------------------

// A run with its canvases: what is drawn there, and for which moment.
function newView(run, suffix) {
  return {
    run, suffix,
    race: $(`race${suffix}`), matrix: $(`matrix${suffix}`), tip: $(`tip${suffix}`), pair: $(`pair${suffix}`),
    drawn: Object.fromEntries(["x", "y", "cos", "log"].map((name) => [name, new Float32Array(run.m)])),
    time: 0, colours: [], hovered: -1, matrixAt: -1, gram: null, axes: null,
  };
}
const snapshotOf = (view) => Math.min(Math.round(view.time), view.run.T - 1);
const fractionOf = (view) => {
  const t = Math.min(Math.floor(view.time), view.run.T - 1);
  return [t, t + 1 < view.run.T ? view.time - t : 0];
};

function raceAxes(run, w, h) {
  const [low, high] = run.log_range;
  const [left, right, top, bottom] = [52, w - 10, 10, h - 40];
  const y0 = Math.floor(low), y1 = Math.ceil(high);
  return {
    left, right, top, bottom, y0, y1,
    x: (cos) => left + ((cos + 1.04) / 2.08) * (right - left),
    y: (log) => bottom - ((log - y0) / (y1 - y0)) * (bottom - top),
  };
}
function paintAxes(g, { left, right, top, bottom, y0, y1, x, y }) {
  g.strokeStyle = theme.grid;
  g.fillStyle = theme.muted;
  g.textAlign = "center";
  for (const tick of [-1, -0.5, 0, 0.5, 1]) {
    line(g, x(tick), top, x(tick), bottom);
    g.fillText(String(tick).replace("-", "−"), x(tick), bottom + 16);
  }
  g.fillText("alignment cos δ", (left + right) / 2, bottom + 34);
  g.textAlign = "right";
  powers(g, y0, y1, 7, (tick, text) => {
    line(g, left, y(tick), right, y(tick));
    g.fillText(text, left - 6, y(tick) + 4);
  });
  upright(g, "norm product ‖a‖‖w‖", 13, (top + bottom) / 2);
}

function drawRace(view) {
  const { run, drawn, colours } = view;
  const { g, w, h } = surface(view.race);
  view.axes = raceAxes(run, w, h);
  const { x, y } = view.axes;
  backdrop(view.race, { g, w, h }, (own) => paintAxes(own, view.axes));
  const [t, f] = fractionOf(view);
  const radius = w < 500 ? 3 : 3.8;
  // Losers first, so that the leaders are seen.
  for (let i = run.m - 1; i >= 0; i--) {
    const j = run.byRank[i];
    const at = j * run.T + t;
    drawn.cos[j] = run.cos[at] + (f && f * (run.cos[at + 1] - run.cos[at]));
    drawn.log[j] = run.log[at] + (f && f * (run.log[at + 1] - run.log[at]));
    drawn.x[j] = x(drawn.cos[j]);
    drawn.y[j] = y(drawn.log[j]);
    g.fillStyle = colours[j];
    point(g, drawn.x[j], drawn.y[j], radius, run.arrays.late[j]);
  }
  for (const j of new Set([view.hovered, marked(view)])) if (j >= 0) drawWay(view, g, j, t, radius);
}
// The neuron that is marked: in the second run that of the same number, where it has the same start.
function marked(view) {
  if (!view.suffix) return state.selected;
  return sameStart(state.first.run, view.run) ? state.selected : -1;
}
const sameStart = (a, b) => a.name.split("/")[0] === b.name.split("/")[0] && a.seed === b.seed && a.width === b.width;
function drawWay({ run, drawn, axes: { x, y } }, g, j, t, radius) {
  g.strokeStyle = theme.mark;
  g.lineWidth = 1.5;
  g.beginPath(); // the way so far
  for (let s = 0; s <= t; s++) g.lineTo(x(run.cos[j * run.T + s]), y(run.log[j * run.T + s]));
  g.lineTo(drawn.x[j], drawn.y[j]);
  g.stroke();
  g.lineWidth = 2.5;
  g.beginPath(); g.arc(drawn.x[j], drawn.y[j], radius + 3, 0, 2 * Math.PI); g.stroke();
}

// Cosines at a snapshot: inner products of directions, in the order of the lanes.
function cosines(run, t) {
  const { m, r, T, order } = run;
  const U = new Float32Array((m + 3) * r); // rows of zeros at the end, for four columns at a time
  const codes = run.arrays.directions;
  for (let i = 0; i < m; i++) for (let k = 0; k < r; k++) U[i * r + k] = codes[(k * m + order[i]) * T + t] / DIRECTIONS;
  const gram = new Float32Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < i; j += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0; // sums that don't wait for one another
      for (let a = i * r, b = j * r, end = a + r; a < end; a++, b++) {
        s0 += U[a] * U[b];
        s1 += U[a] * U[b + r];
        s2 += U[a] * U[b + 2 * r];
        s3 += U[a] * U[b + 3 * r];
      }
      // What goes beyond the diagonal is as right; what goes beyond the row, the next one overwrites.
      const [row, column] = [i * m + j, j * m + i];
      gram[row] = gram[column] = s0;
      gram[row + 1] = gram[column + m] = s1;
      gram[row + 2] = gram[column + 2 * m] = s2;
      gram[row + 3] = gram[column + 3 * m] = s3;
    }
    gram[i * m + i] = 1;
  }
  return gram;
}
const EDGE = 9; // pixels of the colours of clusters, along the matrix
const squares = new Map(); // width -> a canvas of that size, and its pixels
function pixelsOf(values, width) {
  if (!squares.has(width)) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height: width });
    const image = canvas.getContext("2d").createImageData(width, width);
    squares.set(width, { canvas, image, words: new Uint32Array(image.data.buffer) });
  }
  const { canvas, image, words } = squares.get(width);
  for (let i = 0; i < words.length; i++) words[i] = word(values[i]);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
function drawMatrix(view) {
  const { run } = view;
  const { m, order } = run;
  const t = snapshotOf(view);
  if (t !== view.matrixAt) {
    view.gram = cosines(run, t);
    view.matrixAt = t;
  }
  const { g, w, h } = surface(view.matrix);
  g.imageSmoothingEnabled = m > w - EDGE;
  g.drawImage(pixelsOf(view.gram, m), EDGE, EDGE, w - EDGE, h - EDGE);
  const size = (w - EDGE) / m;
  backdrop(view.matrix, { g, w, h }, (own) => {
    for (let i = 0; i < m; i++) {
      own.fillStyle = clusterColour(run, run.arrays.cluster[order[i]]);
      own.fillRect(EDGE + i * size, 0, size + 0.5, EDGE - 3);
      own.fillRect(0, EDGE + i * size, EDGE - 3, size + 0.5);
    }
  });
  const at = EDGE + (order.indexOf(marked(view)) + 0.5) * size;
  if (at < EDGE) return;
  g.fillStyle = theme.mark;
  for (const [px, py] of [[at, 4], [4, at]]) { g.beginPath(); g.arc(px, py, 4, 0, 2 * Math.PI); g.fill(); }
}

function nearest({ run, drawn }, px, py) {
  let best = -1, least = 14 ** 2;
  for (const j of run.byRank) { // leaders win ties
    const d = (drawn.x[j] - px) ** 2 + (drawn.y[j] - py) ** 2;
    if (d < least) { least = d; best = j; }
  }
  return best;
}
function hover(view, event) {
  view.hovered = nearest(view, event.offsetX, event.offsetY);
  const { run, hovered: j, tip, race, drawn } = view;
  tip.hidden = j < 0;
  if (j >= 0) {
    const f = facts(run, j);
    tip.textContent = `#${j}: ‖w‖ ${small(f.norm_w)}, ‖a‖ ${small(f.norm_a)}, cos δ ${small(f.cos_delta)} at init, ${f.sign ? `head ${f.sign < 0 ? "−" : "+"}` : "several heads"}; ` +
      `rank ${f.final_rank}${f.forecast_rank ? `, forecast ${f.forecast_rank}` : ""}${f.late ? ", late winner" : ""}`;
    tip.style.top = `${race.offsetTop + Math.max(drawn.y[j] - 34, 0)}px`;
    tip.style.left = `${Math.max(4, Math.min(race.offsetLeft + drawn.x[j] + 8, race.offsetLeft + race.clientWidth - tip.offsetWidth))}px`;
  }
  later();
}
function overMatrix({ run, gram, matrix, pair }, event) {
  const [i, j] = [event.offsetY, event.offsetX].map((v) => Math.floor(((v - EDGE) / (matrix.clientWidth - EDGE)) * run.m));
  const inside = i >= 0 && j >= 0 && i < run.m && j < run.m;
  pair.textContent = inside ? ` · #${run.order[i]} and #${run.order[j]}: ${signed(gram[i * run.m + j])}` : "";
}
function watch(find, suffix) {
  const on = (id, type, act) => $(id + suffix).addEventListener(type, (event) => { const view = find(); if (view) act(view, event); });
  on("race", "pointermove", hover);
  on("race", "pointerleave", (view) => { view.hovered = -1; view.tip.hidden = true; later(); });
  on("race", "click", (view, event) => {
    const j = nearest(view, event.offsetX, event.offsetY);
    if (j >= 0 && (!suffix || marked(view) >= 0)) choose(j);
  });
  on("matrix", "pointermove", overMatrix);
}
