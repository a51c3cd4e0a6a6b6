"use strict";
// The race explorer. Its files are put together in the order of SCRIPTS in explorer.py.
//
// Permanent links. Everything after the # is a list of name=value, joined by &, in any order:
//
//   race.html#run=pair/gaussian/1214&t=20.25&neuron=12&colour=lane&second=pair/lazy/1200
//
//   run     <experiment>/<condition>/<seed>, or without the seed: the typical run of the condition
//   t       time, rate × step (the nearest snapshot is shown); or a moment: start, turn, grow, drop,
//           second, after, end
//   neuron  its number; or `winner` (the largest at the end) or `late` (the largest late winner)
//   colour  norm, lane or forecast
//   second  a second run beside the first, named as `run` is
//   clock   t (both runs at the same t) or drop (at the same multiple of the time to the drop)
//   loss    linear or log
//
// Whatever is left out is as when the page opens; what is not understood is told, and left out.
// A choice of run, neuron, colour, clock or scale is a step for the back button, a change of time is not.

const $ = (id) => document.getElementById(id);
const runs = JSON.parse($("runs").textContent);
$("runs").remove();

const CHOICES = { colour: ["norm", "lane", "forecast"], clock: ["t", "drop"], loss: ["linear", "log"] };
const state = {
  first: null, // views, see newView
  second: null,
  time: 0, // snapshot of the first run, with a fraction while playing
  playing: false,
  selected: -1,
  colour: "norm",
  clock: "t",
  loss: "linear",
};

const timeOf = (run, snapshot) => run.step[snapshot] * run.learning_rate;
const isTypical = (run) => run.names.some(({ name }) => name === "typical");

// The run of a name, with or without the seed; undefined if there is none.
function runNamed(name) {
  return runs.find((run) => run.name === name) || runs.find((run) => isTypical(run) && run.name.startsWith(`${name}/`));
}

// First snapshot of a moment in words, or the snapshot nearest to a time; NaN if it is neither.
function snapshotNamed(run, text) {
  if (text === "start") return 0;
  if (text === "end") return run.step.length - 1;
  const phase = run.phases.find(({ name }) => name === text);
  if (phase) return phase.start;
  if (text.trim() === "" || !(Number(text) >= 0)) return NaN;
  return nearestSnapshot(run, Number(text));
}
function nearestSnapshot(run, t) {
  let best = 0;
  run.step.forEach((_, s) => { if (Math.abs(timeOf(run, s) - t) < Math.abs(timeOf(run, best) - t)) best = s; });
  return best;
}
function neuronNamed(run, text) {
  if (text === "winner") return run.byRank[0];
  if (text === "late") return run.late.length ? run.late[0] : NaN;
  return /^\d+$/.test(text) && Number(text) < run.m ? Number(text) : NaN;
}

function writeLink(replace) {
  const { run } = state.first;
  const parts = { run: run.name, t: Number(timeOf(run, snapshotNow()).toPrecision(6)), neuron: state.selected, colour: state.colour };
  if (state.second) Object.assign(parts, { second: state.second.run.name, clock: state.clock });
  if (state.loss !== "linear") parts.loss = state.loss;
  const hash = `#${Object.entries(parts).map((pair) => pair.join("=")).join("&")}`;
  if (hash !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
}

// Show what the address says; of what it does not understand it tells.
async function readLink() {
  const faults = [];
  const asked = Object.fromEntries(location.hash.slice(1).split("&").filter(Boolean).map((part) => {
    const [name, ...rest] = part.split("=");
    return [name, decodeURIComponent(rest.join("="))];
  }));
  const known = ["run", "t", "neuron", "second", ...Object.keys(CHOICES)];
  for (const name of Object.keys(asked)) if (!known.includes(name)) faults.push(`“${name}” is none of ${known.join(", ")}`);
  const run = asked.run === undefined ? runs[0] : runNamed(asked.run);
  if (!run) faults.push(`there is no run “${asked.run}” here`);
  const second = asked.second === undefined ? null : runNamed(asked.second);
  if (second === undefined) faults.push(`there is no run “${asked.second}” here`);
  for (const [name, values] of Object.entries(CHOICES)) {
    state[name] = values.includes(asked[name]) ? asked[name] : values[0];
    if (asked[name] !== undefined && !values.includes(asked[name])) faults.push(`${name} is one of ${values.join(", ")}`);
  }
  await show(run || runs[0], second || null);
  place(asked, faults);
  $("notice").hidden = !faults.length;
  $("notice").textContent = faults.length ? `The link was not understood in full: ${faults.join("; ")}.` : "";
  writeLink(true);
}
function place(asked, faults) {
  const { run } = state.first;
  const wanted = { t: [snapshotNamed, go, 0], neuron: [neuronNamed, select, run.byRank[0]] };
  for (const [name, [find, act, otherwise]] of Object.entries(wanted)) {
    const found = asked[name] === undefined ? otherwise : find(run, asked[name]);
    if (Number.isNaN(found)) faults.push(`this run has no ${name === "t" ? "moment" : "neuron"} “${asked[name]}”`);
    act(Number.isNaN(found) ? otherwise : found);
  }
}
