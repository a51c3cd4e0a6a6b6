
// --- Gates: the inputs that a neuron is on for; its weights as a picture. --------------------------

// Inputs by target, the positive first.
const groupsOf = (run) => [1, -1].map((sign) => [...run.arrays.sign_y.keys()].filter((i) => Math.sign(run.arrays.sign_y[i]) === sign));

// All inputs in a row of small grey pictures, made once a run.
function sheetOf(run) {
  if (run.sheet) return run.sheet;
  const side = Math.sqrt(run.pixels);
  const canvas = Object.assign(document.createElement("canvas"), { width: side * run.samples, height: side });
  const g = canvas.getContext("2d");
  const image = g.createImageData(canvas.width, side);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < run.samples; i++) {
    for (let p = 0; p < run.pixels; p++) {
      const grey = 127 + run.arrays.inputs[i * run.pixels + p];
      words[Math.floor(p / side) * canvas.width + i * side + (p % side)] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
    }
  }
  g.putImageData(image, 0, 0);
  return (run.sheet = canvas);
}

// Where each input is drawn: two blocks of tiles, as large as fits.
function tiles(run, w, h) {
  const groups = groupsOf(run);
  let size = 30;
  const rows = (group) => Math.ceil(group.length / Math.max(Math.floor(w / size), 1));
  while (size > 4 && (rows(groups[0]) + rows(groups[1])) * size > h - 40) size--;
  const columns = Math.max(Math.floor(w / size), 1);
  let top = 16;
  return groups.map((group) => {
    const start = top;
    top += rows(group) * size + 22;
    return { size, label: start - 4, at: group.map((i, n) => [i, (n % columns) * size, start + Math.floor(n / columns) * size]) };
  });
}
function drawInputs() {
  const { run } = state.first;
  const { g, w, h } = surface($("inputs"));
  if (state.selected < 0 || !run.arrays.sign_y.some(Boolean)) return;
  const t = snapshotNow();
  g.imageSmoothingEnabled = false;
  tiles(run, w, h).forEach(({ size, label, at }, group) => {
    const colour = theme.clusters[group];
    let on = 0;
    for (const [i, x, y] of at) {
      const open = isOn(run, state.selected, i, t);
      on += open;
      drawTile(g, run, i, x, y, size, open, colour);
    }
    g.fillStyle = theme.muted;
    g.textAlign = "left";
    g.fillText(`target ${group ? "−1" : "+1"}: on for ${on} of ${at.length}`, 0, label);
  });
}
function drawTile(g, run, i, x, y, size, open, colour) {
  g.fillStyle = colour;
  g.globalAlpha = open ? 1 : 0.16;
  if (run.pixels) {
    const side = Math.sqrt(run.pixels);
    g.drawImage(sheetOf(run), i * side, 0, side, side, x + 1, y + 1, size - 2, size - 4);
    g.fillRect(x + 1, y + size - 3, size - 2, 2);
  } else g.fillRect(x + 1, y + 1, size - 2, size - 2);
  g.globalAlpha = 1;
}

// Total weight vector, head times incoming weights, of a neuron at a snapshot: a direction in pixels.
function weightsOf(run, j, t) {
  const { directions, principal } = run.arrays;
  const found = new Float32Array(run.pixels);
  for (let k = 0; k < run.r; k++) {
    const code = directions[(k * run.m + j) * run.T + t];
    for (let p = 0; p < run.pixels; p++) found[p] += code * principal[k * run.pixels + p];
  }
  const most = Math.max(...found.map(Math.abs)) || 1;
  return found.map((v) => v / most);
}
function drawPicture() {
  const { run } = state.first;
  if (!run.arrays.principal || state.selected < 0) return;
  const { g, w, h } = surface($("picture"));
  g.imageSmoothingEnabled = false;
  g.drawImage(pixelsOf(weightsOf(run, state.selected, snapshotNow()), Math.sqrt(run.pixels)), 0, 0, w, h);
}
