/* The live part on the page: controls, plots and words around what live.js computes. */
"use strict";
const playground = (() => {
  const root = document.getElementById("live");
  const packed = JSON.parse(document.getElementById("live-data").textContent);
  const tasks = Object.fromEntries(Object.entries(packed.tasks).map(([k, v]) => [k, live.task(v)]));
  const field = name => root.querySelector(`[name="${name}"]`);
  const shown = packed.shown.map(s => s.name);
  const STOPS = [[0, 32, 77], [87, 93, 109], [124, 123, 120], [188, 174, 108], [255, 233, 69]];
  let run = null;      // what is drawn: prediction, course, measurements
  let current = 0;     // number of the run in work; older ones stop
  let pieces = [];     // milliseconds of each piece of work between two frames of this run

  // --- Settings -------------------------------------------------------------------------------

  function settings() {
    const alpha = 10 ** Number(field("alpha").value);
    return { task: field("task").value, head: field("head").value, alpha,
      width: Number(field("width").value), seed: Number(field("seed").value),
      // Large inits have large curvature, and need smaller steps.
      rate: alpha < 0.1 ? 0.25 : 0.05, budget: alpha < 0.1 ? 600 : 800 };
  }

  function tellSettings(options) {
    root.querySelector("[data-of=alpha]").textContent = power(options.alpha);
    root.querySelector("[data-of=width]").textContent = options.width;
    root.querySelector("[data-of=seed]").textContent = options.seed;
  }

  // --- Work between frames --------------------------------------------------------------------

  function begin() {
    const mine = ++current, options = settings();
    tellSettings(options);
    const data = tasks[options.task];
    run = { options, zero: live.loss(data, new Float64Array(data.N)), said: null, found: null,
      time: [], loss: [], c: [], colour: null, last: null };
    root.dataset.state = "running";
    pieces = [];
    say(`Trains ${options.width} neurons, ${options.head} head, init scale ${power(options.alpha)}.`);
    const work = live.experiment(data, options, shown, {
      predicted(said) { run.said = said; table(); },
      step(n, seen) { record(n, seen); },
      measured(found, c) { run.found = found; run.last = c; table(); },
    });
    function frame() {
      if (mine !== current) return;
      const start = performance.now();
      let piece;
      do piece = work.next();
      while (!piece.done && performance.now() - start < live.SLICE);
      draw();
      pieces.push(performance.now() - start);
      if (!piece.done) { requestAnimationFrame(frame); return; }
      root.dataset.state = "done";
      say(words());
    }
    requestAnimationFrame(frame);
  }

  /** Keep about 150 moments of the course, and the early alignment, which colours neurons. */
  function record(n, seen) {
    if (n === run.said.early) run.colour = seen.cos;
    if (n % Math.ceil(run.said.steps / 150) && n < run.said.steps) return;
    run.time.push(n * run.options.rate);
    run.loss.push(seen.loss / run.zero);
    run.c.push(seen.c);
  }

  // --- Words ----------------------------------------------------------------------------------

  function power(x) {
    const exponent = Math.log10(x);
    return Number.isInteger(exponent) ? `10${superscript(exponent)}` : number(x);
  }

  function superscript(n) {
    return String(n).replace(/./g, c => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]));
  }

  function number(x) {
    if (x === undefined || Number.isNaN(x)) return "undefined";
    if (x !== 0 && Math.abs(x) < 1e-3) {
      const exponent = Math.floor(Math.log10(Math.abs(x)));
      return `${(x / 10 ** exponent).toFixed(1)} · 10${superscript(exponent)}`;
    }
    return Number(x.toPrecision(3)).toString().replace("-", "−");
  }

  function table() {
    for (const name of shown) {
      const row = root.querySelector(`tr[data-name="${name}"]`), [said, found] = row.querySelectorAll("td");
      said.textContent = run.said ? number(run.said[name]) : "…";
      found.textContent = run.found ? number(run.found[name]) : "…";
    }
  }

  function words() {
    const parts = packed.shown.map(s =>
      `${s.title}: predicted ${number(run.said[s.name])}, measured ${number(run.found[s.name])}.`);
    return `Trained for ${run.said.steps} steps. ${parts.join(" ")}`;
  }

  function say(text) { root.querySelector("[role=status]").textContent = text; }

  // --- Plots ----------------------------------------------------------------------------------

  const ink = name => getComputedStyle(root).getPropertyValue(name).trim();

  function colour(value) {
    const at = Math.min(Math.max((value + 1) / 2, 0), 1) * (STOPS.length - 1);
    const low = Math.min(Math.floor(at), STOPS.length - 2);
    const mix = STOPS[low].map((v, k) => Math.round(v + (STOPS[low + 1][k] - v) * (at - low)));
    return `rgb(${mix.join(",")})`;
  }

  /** A canvas with axes: `x` and `y` are {from, to, log, title}; returns context and scales. */
  function plot(name, x, y) {
    const canvas = root.querySelector(`canvas[data-plot="${name}"]`), ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const c = canvas.getContext("2d"), left = 40, right = width - 18, top = 8, bottom = height - 34;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    c.font = "11px system-ui, sans-serif";
    c.lineWidth = 1;
    const scale = (axis, from, to) => value => {
      const at = axis.log ? Math.log(Math.max(value, axis.from) / axis.from) / Math.log(axis.to / axis.from)
        : (value - axis.from) / (axis.to - axis.from);
      return from + Math.min(Math.max(at, -0.02), 1.02) * (to - from);
    };
    const px = scale(x, left, right), py = scale(y, bottom, top);
    c.strokeStyle = ink("--line");
    c.fillStyle = ink("--quiet");
    c.textAlign = "center";
    for (const tick of ticks(x)) {
      line(c, [[px(tick), bottom], [px(tick), bottom + 4]]);
      c.fillText(x.log ? power(tick) : number(tick), px(tick), bottom + 15);
    }
    c.fillText(x.title, (left + right) / 2, height - 4);
    c.textAlign = "right";
    for (const tick of ticks(y)) {
      line(c, [[left - 4, py(tick)], [left, py(tick)]]);
      c.fillText(y.log ? power(tick) : number(tick), left - 6, py(tick) + 4);
    }
    line(c, [[left, top], [left, bottom], [right, bottom]]);
    return { c, px, py, top, bottom };
  }

  function ticks(axis) {
    if (axis.log) {
      const low = Math.ceil(Math.log10(axis.from) - 1e-9), high = Math.floor(Math.log10(axis.to) + 1e-9);
      const every = Math.ceil((high - low + 1) / 5);
      return Array.from({ length: Math.max(0, high - low + 1) }, (_, k) => low + k)
        .filter(e => (high - e) % every === 0).map(e => 10 ** e);
    }
    const raw = (axis.to - axis.from) / 4, base = 10 ** Math.floor(Math.log10(raw));
    const every = [1, 2, 5, 10].map(f => f * base).find(f => f >= raw), found = [];
    for (let v = Math.ceil(axis.from / every) * every; v <= axis.to * 1.0001; v += every) found.push(v);
    return found;
  }

  function line(c, points) {
    c.beginPath();
    points.forEach(([a, b], n) => (n ? c.lineTo(a, b) : c.moveTo(a, b)));
    c.stroke();
  }

  function draw() {
    if (!run || !run.said) return;
    const { said, options, time } = run;
    const until = { from: 0, to: said.steps * options.rate, title: "time t = rate × step" };
    drawLoss(plot("loss", until, { from: 0, to: Math.max(1.05, ...run.loss.slice(0, 1)), title: "" }));
    const seen = run.c.flatMap(c => Array.from(c)).filter(v => v > 0);
    const top = 10 ** Math.ceil(Math.log10(seen.reduce((a, b) => Math.max(a, b), 1e-1)));
    const low = Math.max(seen.reduce((a, b) => Math.min(a, b), top), top * 1e-16);
    const products = { from: 10 ** Math.floor(Math.log10(low * 0.999)), to: top, log: true, title: "" };
    drawCourse(plot("course", until, products), time);
    const final = run.last || run.c[run.c.length - 1] || said.c.map(() => NaN);
    drawForecast(plot("forecast", { ...products, from: top * 1e-8, title: "predicted before training" },
      { ...products, from: top * 1e-8 }), said.c, final, products);
  }

  function drawLoss({ c, px, py, top, bottom }) {
    if (!Number.isNaN(run.said.drop)) {
      c.strokeStyle = ink("--play");
      c.setLineDash([5, 4]);
      line(c, [[px(run.said.drop), top], [px(run.said.drop), bottom]]);
      c.setLineDash([]);
    }
    c.strokeStyle = ink("--text");
    c.lineWidth = 2;
    line(c, run.time.map((t, n) => [px(t), py(run.loss[n])]));
  }

  function drawCourse({ c, px, py }, time) {
    const m = run.options.width;
    for (let j = 0; j < m; j++) {
      c.strokeStyle = run.colour ? colour(run.colour[j]) : ink("--quiet");
      line(c, time.map((t, n) => [px(t), py(run.c[n][j])]));
    }
  }

  function drawForecast({ c, px, py }, said, final, axis) {
    c.strokeStyle = ink("--line");
    line(c, [[px(axis.to * 1e-8), py(axis.to * 1e-8)], [px(axis.to), py(axis.to)]]);
    for (let j = 0; j < said.length; j++) {
      c.fillStyle = run.colour ? colour(run.colour[j]) : ink("--quiet");
      c.strokeStyle = ink("--quiet");
      c.beginPath();
      c.arc(px(said[j]), py(final[j]), 3.2, 0, 2 * Math.PI);
      c.fill();
      c.stroke();
    }
  }

  // --- Start ----------------------------------------------------------------------------------

  root.querySelector("form").addEventListener("submit", event => { event.preventDefault(); begin(); });
  for (const name of ["task", "head", "alpha", "width", "seed"]) {
    field(name).addEventListener("input", () => tellSettings(settings()));
    field(name).addEventListener("change", begin);
  }
  window.addEventListener("resize", draw);
  for (const query of ["print", "(prefers-color-scheme: dark)"])
    window.matchMedia(query).addEventListener("change", draw);
  root.hidden = false;
  begin();
  return { run: () => run, settings, tasks, pieces: () => pieces };
})();
