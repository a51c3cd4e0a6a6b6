
// --- Loss and forecast. ----------------------------------------------------------------------------

// The clock runs along as log(1 + clock / first step), so that the plateau is seen as well as the end.
function lossAxes(w, h) {
  const { run } = state.first;
  const both = views().map((view) => view.run);
  const [left, right, top, bottom] = [52, w - 10, 12, h - 40];
  const curves = both.flatMap((one) => one.loss_curve);
  const most = Math.max(...curves);
  const least = Math.max(Math.min(...curves), most * 1e-8);
  const end = Math.max(...both.map((one) => clockOf(one, one.T - 1)));
  const unit = clockOf(run, 1);
  const scaled = (clock) => Math.log1p(clock / unit) / Math.log1p(end / unit);
  const y0 = Math.floor(Math.log10(least)), y1 = Math.log10(most);
  return {
    left, right, top, bottom, most, y0, y1, end,
    x: (clock) => left + scaled(clock) * (right - left),
    clock: (x) => unit * Math.expm1(((x - left) / (right - left)) * Math.log1p(end / unit)),
    y: (v) => bottom - (state.loss === "log" ? (Math.log10(Math.max(v, 10 ** y0)) - y0) / (y1 - y0) : v / most) * (bottom - top),
  };
}
function paintLoss(g, axes) {
  const { left, right, top, bottom, most, y0, y1, x, y, end } = axes;
  g.strokeStyle = theme.grid;
  g.fillStyle = theme.muted;
  g.textAlign = "right";
  const rule = (value, text) => { line(g, left, y(value), right, y(value)); g.fillText(text, left - 6, y(value) + 4); };
  if (state.loss === "log") powers(g, y0, y1, 5, (tick, text) => rule(10 ** tick, text));
  else for (const part of [0, 0.5, 1]) rule(part * most, (part * most).toPrecision(2));
  g.textAlign = "center";
  let free = left + 16;
  g.fillText("0", left, bottom + 16);
  for (let power = -3; power < 6; power++) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (tick > end || x(tick) < free + 12 || x(tick) > right - 6) continue;
      free = x(tick) + 18;
      g.fillText(String(Number(tick.toPrecision(1))), x(tick), bottom + 16);
    }
  }
  g.fillText(watched(state.first.run) ? "step" : state.second && state.clock === "drop" ? "time over time to the drop" : "time t = rate × step", (left + right) / 2, bottom + 34);
  paintPhases(g, axes);
  views().forEach((view, i) => paintCurve(g, axes, view.run, i));
}
// Phases of the first run: their names where there is room, and where each begins.
function paintPhases(g, { x, top, bottom, right }) {
  const { run } = state.first;
  g.textAlign = "left";
  run.phases.forEach(({ name, start }, i) => {
    const at = x(clockOf(run, start));
    const next = i + 1 < run.phases.length ? x(clockOf(run, run.phases[i + 1].start)) : right;
    g.setLineDash([4, 3]); g.strokeStyle = theme.muted; g.lineWidth = 1;
    if (start) line(g, at, top, at, bottom);
    g.setLineDash([]);
    g.fillStyle = theme.muted;
    if (next - at > g.measureText(PHASES[name]).width + 6) g.fillText(PHASES[name], at + 4, bottom - 6);
  });
}
function paintCurve(g, { x, y, right, top }, run, i) {
  const colour = i ? theme.clusters[1] : theme.ink;
  g.strokeStyle = g.fillStyle = colour;
  g.lineWidth = 2;
  g.setLineDash(i ? [6, 4] : []);
  g.beginPath();
  run.loss_curve.forEach((v, t) => g.lineTo(x(clockOf(run, t)), y(v)));
  g.stroke();
  g.setLineDash([]);
  g.textAlign = "right";
  if (state.second) g.fillText(`${i ? "- -" : "—"} ${run.name}`, right, top + 12 + 16 * i);
}
function drawLoss() {
  if (!views().every(({ run }) => hasLoss(run))) return;
  const frame = surface($("loss"));
  const { g, w, h } = frame;
  const axes = (state.lossAxes = lossAxes(w, h));
  backdrop($("loss"), frame, (own) => paintLoss(own, axes));
  g.strokeStyle = g.fillStyle = theme.mark;
  g.lineWidth = 1.5;
  views().forEach((view, i) => {
    const [t, f] = fractionOf(view);
    const { run } = view;
    const between = (at) => at(t) + (f && f * (at(t + 1) - at(t)));
    const [x, y] = [axes.x(between((s) => clockOf(run, s))), axes.y(between((s) => run.loss_curve[s]))];
    if (!i) line(g, x, axes.top, x, axes.bottom);
    g.beginPath(); g.arc(x, y, 5, 0, 2 * Math.PI); g.fill();
  });
}

// Forecast against final norm products, as logarithms.
function forecastAxes(run, w, h) {
  const [left, right, top, bottom] = [52, w - 10, 10, h - 40];
  const known = run.byRank.filter((j) => run.arrays.forecast[j] > 0);
  const span = (values) => [Math.min(...values), Math.max(...values)].map((v, i) => v + (i ? 0.1 : -0.1));
  const log = { x: (j) => Math.log10(run.arrays.forecast[j]), y: (j) => run.log[j * run.T + run.T - 1] };
  const [x0, x1] = span(known.map(log.x)), [y0, y1] = span(known.map(log.y));
  return {
    left, right, top, bottom, known, x0, x1, y0, y1,
    x: (v) => left + ((v - x0) / (x1 - x0)) * (right - left),
    y: (v) => bottom - ((v - y0) / (y1 - y0)) * (bottom - top),
    at(j) { return [this.x(log.x(j)), this.y(log.y(j))]; },
  };
}
function paintForecast(g, axes, { run, colours }) {
  const { left, right, top, bottom, x0, x1, y0, y1, x, y, known } = axes;
  g.strokeStyle = theme.grid;
  g.fillStyle = theme.muted;
  g.textAlign = "center";
  powers(g, x0, x1, 5, (tick, text) => { line(g, x(tick), top, x(tick), bottom); g.fillText(text, x(tick), bottom + 16); });
  g.fillText("norm product forecast from init", (left + right) / 2, bottom + 34);
  g.textAlign = "right";
  powers(g, y0, y1, 6, (tick, text) => { line(g, left, y(tick), right, y(tick)); g.fillText(text, left - 6, y(tick) + 4); });
  upright(g, "final norm product", 13, (top + bottom) / 2);
  for (const j of [...known].reverse()) {
    g.fillStyle = colours[j];
    point(g, ...axes.at(j), 3.2, run.arrays.late[j]);
  }
}
function drawForecast() {
  const view = state.first;
  const { run } = view;
  const frame = surface($("forecast"));
  const { g, w, h } = frame;
  const axes = (state.forecastAxes = forecastAxes(run, w, h));
  if (!axes.known.length) {
    g.fillStyle = theme.muted;
    g.fillText("no forecast for this init", 20, 30);
    return;
  }
  backdrop($("forecast"), frame, (own) => paintForecast(own, axes, view));
  if (!axes.known.includes(state.selected)) return;
  g.strokeStyle = theme.mark;
  g.lineWidth = 2.5;
  g.beginPath(); g.arc(...axes.at(state.selected), 6.5, 0, 2 * Math.PI); g.stroke();
}
