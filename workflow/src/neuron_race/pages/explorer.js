"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const runs = JSON.parse($("runs").textContent);
  $("runs").remove();
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const SNAPSHOTS_PER_SECOND = 12;
  const CLUSTER_COLOURS = 8;
  const KINDS = { i1: Int8Array, u2: Uint16Array, i2: Int16Array, f4: Float32Array };

  // --- Data: from base64 to typed arrays; time runs along the last axis. ---------------------------

  async function unpack(run) {
    if (run.arrays) return run;
    const bytes = Uint8Array.from(atob(run.data), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    const arrays = {};
    for (const { name, kind, shape, start, bytes: size, differences } of run.layout) {
      const values = new KINDS[kind](buffer.slice(start, start + size));
      // Sums wrap around as the differences did.
      const last = shape.at(-1);
      if (differences) for (let i = 0; i < values.length; i++) if (i % last) values[i] += values[i - 1];
      arrays[name] = values;
    }
    run.arrays = arrays;
    run.T = run.step.length;
    run.m = run.width;
    run.r = run.layout.find((a) => a.name === "directions").shape[0];
    const [low, high] = run.log_range;
    run.cos = Float32Array.from(arrays.cos_delta, (v) => (v / 65535) * 2 - 1);
    run.log = Float32Array.from(arrays.log_norm_product, (v) => low + (v / 65535) * (high - low));
    run.byRank = Array.from({ length: run.m }, (_, j) => j).sort((a, b) => arrays.final_rank[a] - arrays.final_rank[b]);
    // Clusters, largest first, then the neurons that are never active (-1); within them by final norm.
    const cluster = (j) => (arrays.cluster[j] < 0 ? run.m : arrays.cluster[j]);
    run.order = [...run.byRank].sort((a, b) => cluster(a) - cluster(b) || arrays.final_rank[a] - arrays.final_rank[b]);
    run.sizes = [];
    for (const c of arrays.cluster) if (c >= 0) run.sizes[c] = (run.sizes[c] || 0) + 1;
    delete run.data;
    return run;
  }

  // --- State. ---------------------------------------------------------------------------------------

  let run = null;
  let time = 0; // snapshot, with a fraction while playing
  let playing = false;
  let selected = -1;
  let hovered = -1;
  let frames = []; // milliseconds between the frames of the last play
  let drawn = { x: new Float32Array(0), y: new Float32Array(0), cos: [], log: [] };
  let matrixAt = -1;
  let gram = null;
  let colours = [];
  const snapshot = () => Math.min(Math.round(time), run.T - 1);

  // --- Colours. -------------------------------------------------------------------------------------

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
    theme = Object.fromEntries(["ink", "muted", "line", "grid", "mark", "surface", "others"].map((n) => [n, css(n)]));
    theme.sequential = ["low", "middle", "high"].map((n) => rgb(css(n)));
    theme.diverging = ["minus", "zero", "plus"].map((n) => rgb(css(n)));
    theme.clusters = Array.from({ length: CLUSTER_COLOURS }, (_, c) => css(`c${c}`));
  }
  const clusterColour = (c) => (c >= 0 && c < CLUSTER_COLOURS && run.sizes[c] > 1 ? theme.clusters[c] : theme.others);
  function colourNeurons() {
    const end = (j) => 10 ** run.log[j * run.T + run.T - 1];
    const most = end(run.byRank[0]);
    const byNorm = $("colour").value === "norm";
    colours = Array.from({ length: run.m }, (_, j) =>
      byNorm ? `rgb(${ramp(theme.sequential, end(j) / most).join()})` : clusterColour(run.arrays.cluster[j]));
    const legend = $("legend");
    legend.replaceChildren();
    const add = (text, colour) => {
      const item = document.createElement("span");
      if (colour) {
        const dot = document.createElement("i");
        dot.style.background = colour;
        item.append(dot);
      }
      item.append(text);
      legend.append(item);
    };
    if (byNorm) {
      const bar = document.createElement("i");
      bar.className = "ramp";
      const item = document.createElement("span");
      item.append("final ‖a‖‖w‖: 0", bar, most.toPrecision(3));
      legend.append(item);
    } else {
      const named = run.sizes.slice(0, CLUSTER_COLOURS).filter((n) => n > 1).length;
      for (let c = 0; c < named; c++) add(`${run.sizes[c]}`, theme.clusters[c]);
      add(named ? "neurons; grey: smaller clusters" : "no cluster has two neurons", theme.others);
    }
  }

  // --- Drawing. -------------------------------------------------------------------------------------

  function surface(canvas) {
    const scale = devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
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
  const superscript = (n) => [...String(n)].map((c) => ({ "-": "⁻" })[c] || "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");

  let axes = null; // of the race, fixed for a run
  function raceAxes(w, h) {
    const [low, high] = run.log_range;
    const [left, right, top, bottom] = [52, w - 10, 10, h - 40];
    const y0 = Math.floor(low), y1 = Math.ceil(high);
    return {
      left, right, top, bottom, y0, y1,
      x: (cos) => left + ((cos + 1.04) / 2.08) * (right - left),
      y: (log) => bottom - ((log - y0) / (y1 - y0)) * (bottom - top),
    };
  }

  function drawRace() {
    const { g, w, h } = surface($("race"));
    axes = raceAxes(w, h);
    const { left, right, top, bottom, y0, y1, x, y } = axes;
    g.strokeStyle = theme.grid;
    g.fillStyle = theme.muted;
    g.lineWidth = 1;
    g.textAlign = "center";
    for (const tick of [-1, -0.5, 0, 0.5, 1]) {
      g.beginPath(); g.moveTo(x(tick), top); g.lineTo(x(tick), bottom); g.stroke();
      g.fillText(String(tick).replace("-", "−"), x(tick), bottom + 16);
    }
    g.fillText("alignment cos δ", (left + right) / 2, bottom + 34);
    g.textAlign = "right";
    const every = Math.ceil((y1 - y0) / 7);
    for (let tick = y0; tick <= y1; tick += every) {
      g.beginPath(); g.moveTo(left, y(tick)); g.lineTo(right, y(tick)); g.stroke();
      g.fillText(`10${superscript(tick)}`, left - 6, y(tick) + 4);
    }
    g.save(); g.translate(13, (top + bottom) / 2); g.rotate(-Math.PI / 2); g.textAlign = "center";
    g.fillText("norm product ‖a‖‖w‖", 0, 0); g.restore();

    const { T, m } = run;
    const t = Math.min(Math.floor(time), T - 1);
    const f = t + 1 < T ? time - t : 0;
    if (drawn.x.length !== m) drawn = { x: new Float32Array(m), y: new Float32Array(m), cos: new Float32Array(m), log: new Float32Array(m) };
    const radius = w < 500 ? 3 : 3.8;
    // Losers first, so that the leaders are seen.
    for (let i = m - 1; i >= 0; i--) {
      const j = run.byRank[i];
      const at = j * T + t;
      drawn.cos[j] = run.cos[at] + (f && f * (run.cos[at + 1] - run.cos[at]));
      drawn.log[j] = run.log[at] + (f && f * (run.log[at + 1] - run.log[at]));
      drawn.x[j] = x(drawn.cos[j]);
      drawn.y[j] = y(drawn.log[j]);
      g.fillStyle = colours[j];
      g.beginPath();
      g.arc(drawn.x[j], drawn.y[j], radius, 0, 2 * Math.PI);
      g.fill();
    }
    for (const j of new Set([hovered, selected])) {
      if (j < 0) continue;
      g.strokeStyle = theme.mark;
      g.lineWidth = 1.5;
      g.beginPath(); // the way so far
      for (let s = 0; s <= t; s++) g.lineTo(x(run.cos[j * T + s]), y(run.log[j * T + s]));
      g.lineTo(drawn.x[j], drawn.y[j]);
      g.stroke();
      g.lineWidth = 2.5;
      g.beginPath(); g.arc(drawn.x[j], drawn.y[j], radius + 3, 0, 2 * Math.PI); g.stroke();
    }
  }

  const image = document.createElement("canvas");
  function drawMatrix(force) {
    const t = snapshot();
    const { T, m, r, order } = run;
    if (t !== matrixAt || force) {
      const U = new Float32Array(m * r);
      const codes = run.arrays.directions;
      for (let i = 0; i < m; i++) for (let k = 0; k < r; k++) U[i * r + k] = codes[(k * m + order[i]) * T + t] / 127;
      gram = new Float32Array(m * m);
      image.width = image.height = m;
      const pixels = image.getContext("2d").createImageData(m, m);
      const words = new Uint32Array(pixels.data.buffer);
      const table = Uint32Array.from({ length: 256 }, (_, i) => {
        const [red, green, blue] = ramp(theme.diverging, i / 255);
        return (255 << 24) | (blue << 16) | (green << 8) | red;
      });
      for (let i = 0; i < m; i++) {
        for (let j = 0; j <= i; j++) {
          let sum = 0;
          for (let k = 0, a = i * r, b = j * r; k < r; k++) sum += U[a + k] * U[b + k];
          if (i === j) sum = 1;
          gram[i * m + j] = gram[j * m + i] = sum;
          words[i * m + j] = words[j * m + i] = table[Math.min(255, Math.max(0, Math.round((sum + 1) * 127.5)))];
        }
      }
      image.getContext("2d").putImageData(pixels, 0, 0);
      matrixAt = t;
    }
    const { g, w, h } = surface($("matrix"));
    const edge = 9;
    g.imageSmoothingEnabled = m > w - edge;
    g.drawImage(image, edge, edge, w - edge, h - edge);
    const size = (w - edge) / m;
    for (let i = 0; i < m; i++) { // clusters along the edges
      g.fillStyle = clusterColour(run.arrays.cluster[order[i]]);
      g.fillRect(edge + i * size, 0, size + 0.5, edge - 3);
      g.fillRect(0, edge + i * size, edge - 3, size + 0.5);
    }
    if (selected >= 0) {
      g.fillStyle = theme.mark;
      const at = edge + (order.indexOf(selected) + 0.5) * size;
      for (const [px, py] of [[at, 0], [0, at]]) { g.beginPath(); g.arc(px || 4, py || 4, 4, 0, 2 * Math.PI); g.fill(); }
    }
  }

  let lossX = null;
  function drawLoss() {
    const { g, w, h } = surface($("loss"));
    const [left, right, top, bottom] = [46, w - 10, 12, h - 36];
    const T = run.T;
    const most = Math.max(...run.loss_curve);
    lossX = { left, right };
    const x = (t) => left + (t / (T - 1)) * (right - left);
    const y = (v) => bottom - (v / most) * (bottom - top);
    g.strokeStyle = theme.grid; g.fillStyle = theme.muted; g.lineWidth = 1;
    g.textAlign = "right";
    for (const part of [0, 0.5, 1]) {
      g.beginPath(); g.moveTo(left, y(part * most)); g.lineTo(right, y(part * most)); g.stroke();
      g.fillText((part * most).toPrecision(2), left - 6, y(part * most) + 4);
    }
    g.textAlign = "center";
    let free = -Infinity;
    run.step.forEach((step, t) => {
      if (!/^(0|1|2|5|10|20|50|100|200|500|1000|2000|5000)$/.test(step) && t !== T - 1) return;
      if (x(t) < free || (t !== T - 1 && x(t) > right - 30)) return;
      free = x(t) + 34;
      g.textAlign = t === T - 1 ? "right" : "center";
      g.fillText(step, x(t) + (t === T - 1 ? 6 : 0), bottom + 16);
    });
    g.textAlign = "center";
    g.fillText("step (log-spaced snapshots)", (left + right) / 2, bottom + 32);
    if (run.drop !== null) {
      const after = Math.max(run.step.findIndex((s) => s >= run.drop), 1);
      const [a, b] = [run.step[after - 1], run.step[after]];
      const at = x(after - 1 + (run.drop - a) / (b - a));
      g.setLineDash([4, 3]); g.strokeStyle = theme.muted;
      g.beginPath(); g.moveTo(at, top); g.lineTo(at, bottom); g.stroke(); g.setLineDash([]);
      g.textAlign = at > left + 70 ? "right" : "left";
      g.fillText("10 % lost", at + (g.textAlign === "left" ? 5 : -5), (top + bottom) / 2);
    }
    g.strokeStyle = theme.ink; g.lineWidth = 2;
    g.beginPath();
    run.loss_curve.forEach((v, t) => g.lineTo(x(t), y(v)));
    g.stroke();
    const t = Math.min(Math.floor(time), T - 1), f = t + 1 < T ? time - t : 0;
    const value = run.loss_curve[t] + (f && f * (run.loss_curve[t + 1] - run.loss_curve[t]));
    g.strokeStyle = theme.mark; g.fillStyle = theme.mark; g.lineWidth = 1.5;
    g.beginPath(); g.moveTo(x(time), top); g.lineTo(x(time), bottom); g.stroke();
    g.beginPath(); g.arc(x(time), y(value), 5, 0, 2 * Math.PI); g.fill();
  }

  function draw(force) {
    if (!run) return;
    drawRace();
    if (force || snapshot() !== matrixAt) drawMatrix(force);
    drawLoss();
    const t = snapshot();
    const text = `step ${run.step[t]}, t = ${(run.step[t] * run.learning_rate).toPrecision(3)}, loss ${run.loss_curve[t].toPrecision(3)}`;
    if ($("now").textContent !== text) {
      $("now").textContent = text;
      $("time").setAttribute("aria-valuetext", text);
    }
    if (Number($("time").value) !== t) $("time").value = t;
    if (selected >= 0) tellNow();
  }
  const later = (() => {
    let asked = false;
    return () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; if (!playing) draw(false); });
    };
  })();

  // --- One neuron. ----------------------------------------------------------------------------------

  const small = (v) => (Math.abs(v) >= 0.01 && Math.abs(v) < 1000 ? v.toFixed(3) : v.toExponential(2)).replace("-", "−");
  function facts(j) {
    const a = run.arrays;
    return {
      neuron: j,
      norm_w: a.norm_w[j], norm_a: a.norm_a[j], cos_delta: a.cos_delta_init[j], sign: a.sign[j],
      cluster: a.cluster[j], forecast_rank: a.forecast_rank[j] || null, final_rank: a.final_rank[j],
    };
  }
  function tell() {
    const list = $("details");
    list.replaceChildren();
    if (selected < 0) return;
    const f = facts(selected);
    const size = run.sizes[f.cluster];
    const rows = [
      ["neuron", `#${f.neuron}, ${f.sign > 0 ? "positive" : f.sign < 0 ? "negative" : "several"} head`],
      ["‖w‖ at init", small(f.norm_w)],
      ["‖a‖ at init", small(f.norm_a)],
      ["cos δ at init", small(f.cos_delta)],
      ["cluster", f.cluster < 0 ? "none: closed on all data" : `${f.cluster + 1}, of ${size} neuron${size > 1 ? "s" : ""}`],
      ["forecast rank", f.forecast_rank ? `${f.forecast_rank} of ${run.m}` : "no forecast here"],
      ["final rank", `${f.final_rank} of ${run.m}`],
    ];
    for (const [term, value] of rows) {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = term; dd.textContent = value;
      list.append(dt, dd);
    }
    for (const [id, term] of [["now-cos", "cos δ now"], ["now-norm", "‖a‖‖w‖ now"]]) {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = term; dd.id = id; dd.setAttribute("aria-live", "off");
      list.append(dt, dd);
    }
    tellNow();
  }
  function tellNow() {
    $("now-cos").textContent = small(drawn.cos[selected]);
    $("now-norm").textContent = small(10 ** drawn.log[selected]);
  }
  function select(j) {
    selected = j;
    $("neuron").value = j;
    tell();
    drawMatrix(true);
    later();
  }
  function listNeurons() {
    $("neuron").replaceChildren(...run.byRank.map((j) => {
      const f = facts(j);
      return new Option(`${f.final_rank}. #${j}${f.forecast_rank ? ` (forecast ${f.forecast_rank})` : ""}`, j);
    }));
  }

  // --- Time. ----------------------------------------------------------------------------------------

  function go(t) {
    time = Math.min(Math.max(t, 0), run.T - 1);
    later();
  }
  function play(on) {
    if (on && time >= run.T - 1) time = 0;
    playing = on;
    $("play").textContent = on ? "❚❚ Pause" : "▶ Play";
    $("play").setAttribute("aria-pressed", on);
    if (!on) {
      time = snapshot(); // only recorded moments while at rest
      later();
      return;
    }
    frames = [];
    let before = null, from = time, began = null;
    requestAnimationFrame(function frame(now) {
      if (!playing) return;
      if (began === null) began = now;
      if (before !== null) frames.push(now - before);
      before = now;
      const moved = from + ((now - began) / 1000) * SNAPSHOTS_PER_SECOND * Number($("speed").value);
      time = Math.min(still.matches ? Math.floor(moved) : moved, run.T - 1);
      draw(false);
      if (time >= run.T - 1) play(false);
      else requestAnimationFrame(frame);
    });
  }

  // --- Which run. -----------------------------------------------------------------------------------

  const FIELDS = { dataset: (r) => r.dataset, alpha: (r) => r.alpha, head: (r) => r.head, seed: (r) => r.seed };
  const label = { head: (r) => r.head_name, alpha: (r) => r.alpha.toExponential(0).replace("e-", "e−").replace("e+0", "") };
  async function show(next) {
    const unpacked = await unpack(next);
    const t = run ? time / (run.T - 1) : 0;
    run = unpacked;
    matrixAt = hovered = selected = -1;
    time = Math.round(t * (run.T - 1));
    // Each choice offers what there is, given the choices before it.
    let rest = runs;
    for (const [field, get] of Object.entries(FIELDS)) {
      const options = new Map(rest.map((r) => [String(get(r)), (label[field] || get)(r)]));
      $(field).replaceChildren(...[...options].map(([value, text]) => new Option(text, value)));
      $(field).value = String(get(run));
      rest = rest.filter((r) => get(r) === get(run));
    }
    $("time").max = run.T - 1;
    history.replaceState(null, "", `#${run.name}`);
    colourNeurons();
    listNeurons();
    draw(true);
    select(run.byRank[0]);
    describe();
  }
  function describe() {
    const name = `data set ${run.dataset}, α = ${run.alpha}, ${run.head_name} head, seed ${run.seed}`;
    $("race").setAttribute("aria-label", `Alignment against norm product of ${run.m} neurons; ${name}. The list of neurons gives the numbers.`);
    $("matrix").setAttribute("aria-label", `Cosines between the ${run.m} neurons, ordered by final cluster; ${run.sizes.length} clusters, the largest of ${run.sizes[0]} neurons.`);
    $("loss").setAttribute("aria-label", `Training loss from ${run.loss_curve[0].toPrecision(3)} to ${run.loss_curve.at(-1).toPrecision(3)}` +
      (run.drop === null ? "" : `; a tenth is lost at step ${run.drop}`));
  }
  for (const field of Object.keys(FIELDS)) {
    $(field).addEventListener("change", () => {
      // The run that keeps most of the other choices.
      const names = Object.keys(FIELDS);
      const score = (r) => names.reduce((sum, n, i) => sum + (String(FIELDS[n](r)) === $(n).value) * 2 ** -i, 0);
      const fitting = runs.filter((r) => String(FIELDS[field](r)) === $(field).value);
      show(fitting.reduce((best, r) => (score(r) > score(best) ? r : best)));
    });
  }

  // --- Events. --------------------------------------------------------------------------------------

  $("play").addEventListener("click", () => play(!playing));
  $("time").addEventListener("input", () => { if (playing) play(false); go(Number($("time").value)); });
  $("colour").addEventListener("change", () => { colourNeurons(); draw(false); });
  $("speed").addEventListener("change", () => { if (playing) { playing = false; requestAnimationFrame(() => play(true)); } });
  $("neuron").addEventListener("change", () => select(Number($("neuron").value)));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const on = event.target.closest("select, input, button, summary, a, pre");
    if (event.key === " " && !on) { event.preventDefault(); play(!playing); }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && !on) { event.preventDefault(); if (playing) play(false); go(snapshot() + step); }
  });
  function nearest(event) {
    const box = $("race").getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, least = 14 ** 2;
    for (let i = 0; i < run.m; i++) { // leaders win ties
      const j = run.byRank[i];
      const d = (drawn.x[j] - px) ** 2 + (drawn.y[j] - py) ** 2;
      if (d < least) { least = d; best = j; }
    }
    return best;
  }
  $("race").addEventListener("pointermove", (event) => {
    if (!run) return;
    hovered = nearest(event);
    const tip = $("tip");
    tip.hidden = hovered < 0;
    if (hovered >= 0) {
      const f = facts(hovered);
      tip.textContent = `#${hovered}: ‖w‖ ${small(f.norm_w)}, ‖a‖ ${small(f.norm_a)}, cos δ ${small(f.cos_delta)} at init, head ${f.sign < 0 ? "−" : "+"}; ` +
        `rank ${f.final_rank}${f.forecast_rank ? `, forecast ${f.forecast_rank}` : ""}`;
      const canvas = $("race");
      tip.style.top = `${canvas.offsetTop + Math.max(drawn.y[hovered] - 34, 0)}px`;
      tip.style.left = `${Math.max(4, Math.min(canvas.offsetLeft + drawn.x[hovered] + 8, canvas.offsetLeft + canvas.clientWidth - tip.offsetWidth))}px`;
    }
    later();
  });
  $("race").addEventListener("pointerleave", () => { hovered = -1; $("tip").hidden = true; later(); });
  $("race").addEventListener("click", (event) => { const j = nearest(event); if (j >= 0) select(j); });
  $("loss").addEventListener("click", (event) => {
    const at = (event.clientX - $("loss").getBoundingClientRect().left - lossX.left) / (lossX.right - lossX.left);
    if (playing) play(false);
    go(Math.round(at * (run.T - 1)));
  });
  $("matrix").addEventListener("pointermove", (event) => {
    const box = $("matrix").getBoundingClientRect();
    const [i, j] = [event.clientY - box.top, event.clientX - box.left].map((v) => Math.floor(((v - 9) / (box.width - 9)) * run.m));
    const inside = i >= 0 && j >= 0 && i < run.m && j < run.m;
    $("pair").textContent = inside ? ` · #${run.order[i]} and #${run.order[j]}: ${gram[i * run.m + j].toFixed(2).replace("-", "−")}` : "";
  });
  addEventListener("resize", () => draw(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); colourNeurons(); draw(true); });

  // What the page shows, for tests and for the console. `race.state()`: the run, the moment and the
  // choices; `race.points()`: of each neuron the numbers and the pixels at which it was last drawn;
  // `race.cosine(i, j)`: of two neurons, from the matrix as drawn; `race.neuron(j)`: its facts;
  // `race.frames()`: milliseconds between frames of the last play; `race.ready`: a promise.
  window.race = {
    state: () => ({
      run: run.name, time, snapshot: snapshot(), step: run.step[snapshot()], snapshots: run.T, playing, selected,
      colour: $("colour").value, matrix: matrixAt,
    }),
    points: () => Array.from(drawn.x, (x, j) => ({ cos_delta: drawn.cos[j], norm_product: 10 ** drawn.log[j], x, y: drawn.y[j] })),
    cosine: (i, j) => gram[run.order.indexOf(i) * run.m + run.order.indexOf(j)],
    neuron: facts,
    names: () => runs.map((r) => r.name),
    frames: () => frames,
  };
  readTheme();
  window.race.ready = show(runs.find((r) => `#${r.name}` === location.hash) || runs[0]);
})();
