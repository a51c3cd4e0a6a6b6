/* What live parts draw: axes, losses, courses of norm products, forecasts against what came. */
"use strict";
const plots = (() => {
  const root = document.getElementById("live");
  const STOPS = [[87, 93, 109], [124, 123, 120], [188, 174, 108], [255, 233, 69]];
  const { dashes } = JSON.parse(document.getElementById("live-data").textContent);
  const RANKS = { from: 0, to: 1 };

  // --- Numbers --------------------------------------------------------------------------------

  function power(x) {
    const exponent = Math.log10(x);
    return Math.abs(exponent - Math.round(exponent)) < 1e-9 ? `10${superscript(Math.round(exponent))}`
      : number(x);
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

  // --- Axes -----------------------------------------------------------------------------------

  const ink = name => getComputedStyle(root).getPropertyValue(name).trim();

  /** From blue at -1 to yellow at 1; the blue is light on a dark page. */
  function palette() {
    const stops = [ink("--least").split(" ").map(Number), ...STOPS];
    return value => {
      const at = Math.min(Math.max((value + 1) / 2, 0), 1) * (stops.length - 1);
      const low = Math.min(Math.floor(at), stops.length - 2);
      const mix = stops[low].map((v, k) => Math.round(v + (stops[low + 1][k] - v) * (at - low)));
      return `rgb(${mix.join(",")})`;
    };
  }

  /** A canvas with axes: `x` and `y` are {from, to, log, title}; returns context and scales. */
  function axes(name, x, y) {
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
    c.fillText(x.title || "", (left + right) / 2, height - 4);
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

  function dot(c, x, y, radius, fill, edge) {
    c.fillStyle = fill;
    c.strokeStyle = edge;
    c.beginPath();
    c.arc(x, y, radius, 0, 2 * Math.PI);
    c.fill();
    if (edge) c.stroke();
  }

  // --- Pictures; `list` holds arms, of which each has what was recorded ---------------------------

  /** A line for each arm: `what` over steps or time (`key`); dashed where the drop was predicted. */
  function curves(name, list, what, key, axis, drop = NaN) {
    const high = Math.max(1.05, ...list.map(arm => arm[what][0] || 0));
    const { c, px, py, top, bottom } = axes(name, axis, { from: 0, to: high });
    if (!Number.isNaN(drop)) {
      c.strokeStyle = ink("--play");
      c.setLineDash([5, 4]);
      line(c, [[px(drop), top], [px(drop), bottom]]);
    }
    c.lineWidth = 2;
    list.forEach((arm, k) => {
      const there = arm[key].filter(x => x <= axis.to);
      c.strokeStyle = ink(list.length > 1 ? `--arm${k}` : "--text");
      c.setLineDash(dashes[k]);
      line(c, there.map((x, n) => [px(x), py(arm[what][n])]));
    });
    c.setLineDash([]);
  }

  /** Scale of an arm's norm products. */
  function range(arm) {
    const seen = arm.c.flatMap(c => Array.from(c)).filter(v => v > 0);
    const top = 10 ** Math.ceil(Math.log10(seen.reduce((a, b) => Math.max(a, b), 1e-1)));
    const low = Math.max(seen.reduce((a, b) => Math.min(a, b), top), top * 1e-16);
    return { from: 10 ** Math.floor(Math.log10(low * 0.999)), to: top, log: true };
  }

  /** Norm product of each unit, coloured by a value from -1 to 1. */
  function course(name, arm, key, axis, values) {
    const { c, px, py } = axes(name, axis, range(arm)), colour = palette();
    arm.c.at(0)?.forEach((_, j) => {
      c.strokeStyle = values ? colour(values[j]) : ink("--quiet");
      line(c, arm[key].map((x, n) => [px(x), py(arm.c[n][j])]));
    });
  }

  /** Final norm products against those predicted. */
  function forecast(name, arm, said, values) {
    const { to } = range(arm), axis = { from: to * 1e-8, to, log: true };
    const { c, px, py } = axes(name, { ...axis, title: "predicted before training" }, axis);
    const colour = palette(), final = arm.last || arm.c.at(-1) || said.map(() => NaN);
    c.strokeStyle = ink("--line");
    line(c, [[px(axis.from), py(axis.from)], [px(to), py(to)]]);
    said.forEach((value, j) => dot(c, px(value), py(final[j]), 3.2,
      values ? colour(values[j]) : ink("--quiet"), ink("--quiet")));
  }

  /** Ranks at the end against other ranks, each from 0 to 1 within its layer. */
  function order(name, list, other, title) {
    const { c, px, py } = axes(name, { ...RANKS, title }, RANKS);
    c.strokeStyle = ink("--line");
    line(c, [[px(0), py(0)], [px(1), py(1)]]);
    list.forEach((arm, k) => {
      const x = arm.last && other(arm, k), y = arm.last && ranks(arm.last, arm.layer);
      if (!x || x.some(Number.isNaN)) return;
      x.forEach((value, j) => dot(c, px(value), py(y[j]), 2.2, ink(`--arm${k}`)));
    });
  }

  /** Rank of each unit within its layer, from 0 to 1; NaN where a value is. */
  function ranks(value, layer) {
    const of = new Float64Array(value.length).fill(NaN);
    for (const l of new Set(layer)) {
      const own = [...of.keys()].filter(j => layer[j] === l);
      if (own.some(j => Number.isNaN(value[j]))) continue;
      own.sort((a, b) => value[a] - value[b]).forEach((j, n) => { of[j] = n / (own.length - 1); });
    }
    return of;
  }

  return { power, number, curves, course, forecast, order, ranks };
})();
