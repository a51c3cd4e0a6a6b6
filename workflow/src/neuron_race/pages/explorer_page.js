
// --- The page: choices, time, events. --------------------------------------------------------------

const still = matchMedia("(prefers-reduced-motion: reduce)");
const SNAPSHOTS_PER_SECOND = 12;
let frames = []; // milliseconds between the frames of the last play
const views = () => [state.first, state.second].filter(Boolean);
const snapshotNow = () => snapshotOf(state.first);

// One clock for two runs: t, or t over the time to the drop where both have dropped.
const byDrop = () => state.clock === "drop" && views().every(({ run }) => run.drop > 0);
const clockOf = (run, s) => timeOf(run, s) / (byDrop() ? run.drop * run.learning_rate : 1);
function clockNow() {
  const [t, f] = fractionOf(state.first);
  const { run } = state.first;
  return clockOf(run, t) + (f && f * (clockOf(run, t + 1) - clockOf(run, t)));
}
// The snapshot, with a fraction, at which a run's clock shows this.
function snapshotAt(run, clock) {
  const next = run.step.findIndex((_, s) => clockOf(run, s) > clock);
  if (next <= 0) return next < 0 ? run.T - 1 : 0;
  const [a, b] = [clockOf(run, next - 1), clockOf(run, next)];
  return next - 1 + (clock - a) / (b - a);
}

function draw() {
  if (!state.first) return;
  state.first.time = state.time;
  if (state.second) {
    const at = snapshotAt(state.second.run, clockNow());
    state.second.time = state.playing && !still.matches ? at : Math.round(at);
  }
  for (const view of views()) drawRace(view);
  drawLoss();
  if (state.selected >= 0) tellNow();
  if (!state.playing || performance.now() > slow.next) drawSlow();
}
// What changes with the snapshot only. While the run plays it may take a tenth of the time, so that on a
// slow machine points go on moving, and the rest follows as often as it can.
const slow = { next: 0 };
function drawSlow() {
  const start = performance.now();
  for (const view of views()) if (snapshotOf(view) !== view.matrixAt) drawMatrix(view);
  if (state.drawnAt !== snapshotNow()) drawSnapshot();
  const end = performance.now();
  slow.next = end + 9 * (end - start);
}
function drawSnapshot() {
  const { run } = state.first;
  const t = (state.drawnAt = snapshotNow());
  const text = [
    `step ${run.step[t]}`,
    ...(watched(run) ? [] : [`t = ${timeOf(run, t).toPrecision(3)}`]),
    ...(hasLoss(run) ? [`loss ${run.loss_curve[t].toPrecision(3)}`] : []),
  ].join(", ");
  $("now").textContent = text;
  $("time").setAttribute("aria-valuetext", text);
  $("time").value = t;
  tellStory();
  if (state.selected < 0 || !run.arrays.gates) return;
  drawInputs();
  drawPicture();
  tellGates();
}
// Everything anew: another run, size, colour or theme.
function redraw() {
  forget();
  state.drawnAt = -1;
  for (const view of views()) {
    view.matrixAt = -1;
    view.colours = neuronColours(view.run);
    legend($(`legend${view.suffix}`), view.run);
    describe(view);
  }
  draw();
  drawForecast();
}
const later = (() => {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; if (!state.playing) draw(); });
  };
})();

function go(t) {
  state.time = Math.min(Math.max(t, 0), state.first.run.T - 1);
  later();
}
function moveTo(t) {
  if (state.playing) play(false);
  go(t);
  remember();
}
// The address follows the time once it rests.
const remember = (() => {
  let waiting = null;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => writeLink(true), 250);
  };
})();

function play(on) {
  const last = state.first.run.T - 1;
  if (on && state.time >= last) state.time = 0;
  state.playing = on;
  $("play").textContent = on ? "❚❚ Pause" : "▶ Play";
  $("play").setAttribute("aria-pressed", on);
  if (!on) {
    state.time = snapshotNow(); // only recorded moments while at rest
    later();
    remember();
    return;
  }
  frames = [];
  let before = null, from = state.time, began = null;
  requestAnimationFrame(function frame(now) {
    if (!state.playing) return;
    if (began === null) began = now;
    if (before !== null) frames.push(now - before);
    before = now;
    const moved = from + ((now - began) / 1000) * SNAPSHOTS_PER_SECOND * Number($("speed").value);
    state.time = Math.min(still.matches ? Math.floor(moved) : moved, last);
    draw();
    if (state.time >= last) play(false);
    else requestAnimationFrame(frame);
  });
}

function select(j) {
  state.selected = j;
  $("neuron").value = j;
  state.drawnAt = -1;
  tellNeuron();
  draw();
  for (const view of views()) drawMatrix(view);
  drawForecast();
}
function choose(j) {
  select(j);
  writeLink();
}

// --- Which run. ------------------------------------------------------------------------------------

const FIELDS = { experiment: (r) => r.name.split("/")[0], alpha: (r) => r.alpha, head: (r) => r.head, seed: (r) => r.seed };
const LABELS = {
  experiment: (r) => watched(r) ? r.name : `${FIELDS.experiment(r)}: ${r.dataset}, rate ${plain(Math.max(...runs.filter((o) => FIELDS.experiment(o) === FIELDS.experiment(r)).map((o) => o.learning_rate)))}`,
  alpha: (r) => `${alphaText(r.alpha)} (rate ${plain(r.learning_rate)}, to t = ${plain(timeOf(r, r.step.length - 1))})`,
  head: (r) => r.head_name,
  seed: (r) => `${r.names.map(({ name }) => name).join(", ")} (seed ${r.seed})`,
};
// Each choice offers what there is, given the choices before it; numbers in their order.
function offerRuns(run) {
  let rest = runs;
  for (const [field, get] of Object.entries(FIELDS)) {
    const found = new Map(rest.map((r) => [String(get(r)), r]));
    const listed = field === "alpha" ? [...found].sort((a, b) => a[1].alpha - b[1].alpha) : [...found];
    $(field).replaceChildren(...listed.map(([value, r]) => new Option(LABELS[field](r), value)));
    $(field).value = String(get(run));
    rest = rest.filter((r) => get(r) === get(run));
  }
}
function offerSecond() {
  const groups = Object.groupBy(runs.filter((r) => r !== state.first.run), (r) => r.name.split("/").slice(0, 2).join("/"));
  $("second").replaceChildren(new Option("nothing", ""), ...Object.entries(groups).map(([label, own]) => {
    const group = Object.assign(document.createElement("optgroup"), { label });
    group.append(...own.map((r) => new Option(watched(r) ? r.name : `${label} α ${alphaText(r.alpha)}: ${LABELS.seed(r)}`, r.name)));
    return group;
  }));
  $("second").value = state.second ? state.second.run.name : "";
}

async function show(next, beside = null) {
  const before = state.first && state.first.run;
  const clock = before && timeOf(before, snapshotNow());
  const [run, second] = await Promise.all([unpack(next), beside && beside !== next ? unpack(beside) : null]);
  if (state.playing) play(false);
  Object.assign(state, { first: newView(run, ""), second: second && newView(second, "-second"), selected: -1 });
  state.time = before ? nearestSnapshot(run, clock) : 0;
  $("time").max = run.T - 1;
  for (const name of ["colour", "clock"]) $(name).value = state[name];
  $("log").checked = state.loss === "log";
  document.body.classList.toggle("comparing", Boolean(second));
  $("weights").hidden = !run.arrays.principal;
  $("story-second").hidden = !second;
  $("clocks").hidden = !second || watched(run);
  $("loss").closest("figure").hidden = !hasLoss(run);
  for (const figure of document.querySelectorAll(".beside")) figure.hidden = !second;
  $("beside-name").textContent = second ? [second.name, ...second.names.map(({ name }) => name)].join(", ") : "";
  offerRuns(run);
  offerSecond();
  listPhases();
  listNeurons();
  tellWhich();
  tellDifferences(before);
  tellForecast();
  redraw();
  select(run.byRank[0]);
}

// The run that keeps most of the other choices.
function bestFit(field) {
  const names = Object.keys(FIELDS);
  const score = (r) => names.reduce((sum, n, i) => sum + (String(FIELDS[n](r)) === $(n).value) * 2 ** -i, 0) + isTypical(r) * 2 ** -8;
  const fitting = runs.filter((r) => String(FIELDS[field](r)) === $(field).value);
  return fitting.reduce((best, r) => (score(r) > score(best) ? r : best));
}
function listen() {
  for (const field of Object.keys(FIELDS)) {
    $(field).addEventListener("change", () => show(bestFit(field), state.second && state.second.run).then(() => writeLink()));
  }
  $("second").addEventListener("change", () => show(state.first.run, runNamed($("second").value)).then(() => writeLink()));
  const settle = (name, value) => { state[name] = value; redraw(); tellDifferences(); writeLink(); };
  $("colour").addEventListener("change", () => settle("colour", $("colour").value));
  $("clock").addEventListener("change", () => settle("clock", $("clock").value));
  $("log").addEventListener("change", () => settle("loss", $("log").checked ? "log" : "linear"));
  $("play").addEventListener("click", () => play(!state.playing));
  $("time").addEventListener("input", () => moveTo(Number($("time").value)));
  $("speed").addEventListener("change", () => { if (state.playing) { state.playing = false; requestAnimationFrame(() => play(true)); } });
  $("neuron").addEventListener("change", () => choose(Number($("neuron").value)));
  $("png").addEventListener("click", () => savePicture($("png-of").value));
  $("csv").addEventListener("click", () => save(fileName($("csv-of").value, "csv"), new Blob([tableText($("csv-of").value)], { type: "text/csv" })));
  $("loss").addEventListener("click", (event) => moveTo(Math.round(snapshotAt(state.first.run, state.lossAxes.clock(event.offsetX)))));
  $("forecast").addEventListener("click", clickForecast);
  watch(() => state.first, "");
  watch(() => state.second, "-second");
  document.addEventListener("keydown", press);
  addEventListener("resize", redraw);
  addEventListener("beforeprint", redraw);
  addEventListener("hashchange", readLink);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); redraw(); });
}
function clickForecast({ offsetX, offsetY }) {
  const { known } = state.forecastAxes;
  const distance = (j) => Math.hypot(...state.forecastAxes.at(j).map((v, i) => v - [offsetX, offsetY][i]));
  const best = known.reduce((a, b) => (distance(b) < distance(a) ? b : a), known[0]);
  if (known.length && distance(best) < 14) choose(best);
}
// Keys move the time, unless what has the focus takes them for itself: buttons take no arrows.
function press(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || !state.first) return;
  const busy = event.target.closest("select, input, pre");
  if (event.key === " " && !busy && !event.target.closest("button, summary, a")) {
    event.preventDefault();
    play(!state.playing);
  }
  const goal = { ArrowLeft: snapshotNow() - 1, ArrowRight: snapshotNow() + 1, Home: 0, End: state.first.run.T - 1 }[event.key];
  if (goal === undefined || busy) return;
  event.preventDefault();
  moveTo(goal);
}

// What the page shows, for tests and for the console. `race.state()`: the runs, the moment and the
// choices; `race.points()`: of each neuron the numbers and the pixels at which it was last drawn, and of
// `race.points("second")` those of the second run; `race.cosine(i, j)`: of two neurons, from the matrix
// as drawn; `race.neuron(j)`: its facts; `race.gates(j)`: the inputs it is on for; `race.weights(j)`: its
// picture; `race.frames()`: milliseconds between frames of the last play; `race.ready`: a promise.
window.race = {
  state: () => {
    const { first: { run, matrixAt }, second, time, playing, selected, colour } = state;
    const beside = second && { run: second.run.name, snapshot: snapshotOf(second), t: timeOf(second.run, snapshotOf(second)) };
    const t = snapshotNow();
    return {
      run: run.name, time, snapshot: t, step: run.step[t], t: timeOf(run, t), snapshots: run.T, playing, selected, colour,
      matrix: matrixAt, phase: phaseAt(run, t), late: run.late, beside,
    };
  },
  points: (which = "first") => {
    const { drawn } = state[which];
    return Array.from(drawn.x, (x, j) => ({ cos_delta: drawn.cos[j], norm_product: 10 ** drawn.log[j], x, y: drawn.y[j] }));
  },
  cosine: (i, j) => state.first.gram[state.first.run.order.indexOf(i) * state.first.run.m + state.first.run.order.indexOf(j)],
  neuron: (j) => facts(state.first.run, j),
  gates: (j) => Array.from({ length: state.first.run.samples }, (_, i) => isOn(state.first.run, j, i, snapshotNow())),
  weights: (j) => Array.from(weightsOf(state.first.run, j, snapshotNow())),
  names: () => runs.map((r) => r.name),
  frames: () => frames,
};
readTheme();
listen();
window.race.ready = readLink();
