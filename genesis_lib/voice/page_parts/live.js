"use strict";
const RATE = 16000;
const HEADER_BYTES = 20;
const VOICES = 16;
const MOST_ROWS = 1000;
const MOST_BARS = 6000;
const LANE_SECONDS = 20;
const BAR = RATE / 10;
const STYLES = ["customer", "support", "third"];
const byId = (id) => document.getElementById(id);
const [stateOf, sound, hint, lanes, transcript] = ["state", "sound", "hint", "lanes", "transcript"].map(byId);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let people = new Map();
let utterances = new Map();
let rows = [];
let ended = null;
let connected = false;
let joining = false;
let audio = null;
let position = null;
let newest = 0;
let origin = null;

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function clock(samples) {
  const seconds = Math.max(0, Math.floor(samples / RATE));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const styleOf = (number) => STYLES[number % STYLES.length];
const nameOf = (number) => people.get(number)?.name ?? "";
const hearing = () => audio?.context.state === "running";

// The room's time as the page knows it: that of what is heard; without sound it passes by itself.
function reach(mediaTime) {
  newest = Math.max(newest, mediaTime);
  const began = performance.now() - (mediaTime * 1000) / RATE;
  origin = origin === null ? began : Math.min(origin, began);
}

function now() {
  const time = hearing() && position !== null ? position : ((performance.now() - (origin ?? performance.now())) * RATE) / 1000;
  return ended === null ? time : Math.min(time, newest);
}

// ---- what the server tells

const takes = {
  room({ news }) {
    people = new Map();
    utterances = new Map();
    rows = [];
    ended = position = origin = null;
    newest = 0;
    lanes.replaceChildren();
    transcript.replaceChildren();
    audio?.player.port.postMessage({ task: "reset" });
    joining = true;
    news.forEach(take);
    joining = false;
    showNewest();
  },
  participant({ number, name, present }) {
    const person = people.get(number) ?? enter(number);
    Object.assign(person, { name, present });
    person.label.firstChild.textContent = name;
    for (const { message, fill } of utterances.values()) if (message.speaker === number || message.heard.length) fill(message);
  },
  utterance(message) {
    reach(message.end ?? message.start);
    let row = utterances.get(message.number);
    if (!row) {
      row = utteranceRow(message);
      utterances.set(message.number, row);
    }
    row.message = message;
    row.fill(message);
    if (message.interrupted && message.spoken === null && audio) {
      audio.player.port.postMessage({ task: "cut", speaker: message.speaker, utterance: message.utterance, at: message.end });
    }
  },
  bus_call({ caller, target, start, duration, error }) {
    reach(start + duration);
    const what = make("span", "", `${nameOf(caller)} called `, make("b", "", target),
      make("time", "", clock(start)), make("time", "", `${(duration / RATE).toFixed(2)} s`));
    const row = make("div", "bus-call", what);
    if (error) row.append(make("span", "failed", error));
    place(make("li", styleOf(caller), row), start);
  },
  ended({ reason }) {
    ended = reason;
  },
};

function take(message) {
  takes[message.type](message);
}

function takeAudio(buffer) {
  const head = new DataView(buffer);
  const [at, utterance, speaker] = [head.getFloat64(0, true), head.getFloat64(8, true), head.getUint32(16, true)];
  const pcm = new Int16Array(buffer, HEADER_BYTES);
  reach(at + pcm.length);
  const person = people.get(speaker);
  const bar = Math.floor(at / BAR);
  person.peaks.set(bar, pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), person.peaks.get(bar) ?? 0));
  if (person.peaks.size > MOST_BARS) person.peaks.delete(person.peaks.keys().next().value);
  if (hearing()) audio.player.port.postMessage({ task: "frame", speaker, utterance, at, pcm }, [buffer]);
}

function connect() {
  const socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    connected = true;
    if (typeof data === "string") take(JSON.parse(data));
    else takeAudio(data);
    if (typeof data === "string") showState();
  };
  socket.onclose = () => {
    connected = false;
    showState();
    setTimeout(connect, 1000);
  };
}

// ---- what is shown

function enter(number) {
  const label = make("p", "", make("b"), make("small"));
  const canvas = make("canvas");
  canvas.setAttribute("aria-hidden", "true");
  const lane = make("div", `person ${styleOf(number)}`, label, canvas);
  lanes.append(lane);
  const person = { lane, label, canvas, peaks: new Map() };
  people.set(number, person);
  return person;
}

function place(row, start, number = null) {
  const follows = seesNewest();
  let index = rows.length;
  while (index && rows[index - 1].start > start) index -= 1;
  transcript.insertBefore(row, rows[index]?.row ?? null);
  rows.splice(index, 0, { row, start, number });
  if (rows.length > MOST_ROWS) {
    const oldest = rows.shift();
    oldest.row.remove();
    utterances.delete(oldest.number);
  }
  if (follows) showNewest();
}

// Asking where a row is costs a layout: a page that joins a long call does not ask for each.
function seesNewest() {
  const last = rows.at(-1)?.row;
  return !joining && (!last || last.getBoundingClientRect().top < innerHeight);
}

function showNewest() {
  rows.at(-1)?.row.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function utteranceRow({ speaker, start, number }) {
  const who = make("span", "who");
  const said = make("span", "said");
  const body = make("div", "utterance", who, said);
  place(make("li", styleOf(speaker), body), start, number);
  const fill = (message) => {
    who.replaceChildren(make("b", "", nameOf(speaker)), make("time", "", clock(start)));
    if (message.interrupted) who.append(make("span", "tag", "interrupted"));
    const differs = message.spoken?.some(([, other]) => other);
    const known = message.spoken ?? message.heard[0]?.words;
    said.replaceChildren(...(known ? words(known, "u") : [make("span", "dots", make("i"), make("i"), make("i"))]));
    body.querySelectorAll(".heard").forEach((note) => note.remove());
    for (const { by, words: heard } of message.heard) {
      body.append(make("span", "heard", ...heardNote(nameOf(by), message.spoken, differs, heard)));
    }
    if (rows.at(-1)?.row.contains(body) && seesNewest()) showNewest();
  };
  return { body, fill };
}

function heardNote(listener, spoken, differs, heard) {
  if (spoken === null) return [`${listener} heard this`];
  if (!heard.length) return [`${listener} heard nothing`];
  if (!differs && !heard.some(([, other]) => other)) return [`\u2713 ${listener} heard the same`];
  return [`${listener} heard: `, ...words(heard, "mark")];
}

function words(marked, element) {
  return marked.flatMap(([text, differs], index) => [index ? " " : "", differs ? make(element, "", text) : text]);
}

function state() {
  if (ended !== null) return ["Ended", ended, "unknown"];
  if (!connected) return ["No connection", "trying again", "bad"];
  const there = [...people.values()].filter((person) => person.present).map((person) => person.name);
  if (!people.size) return ["Waiting", "nobody is in this room yet", "unknown"];
  return ["Live", there.join(", "), "live"];
}

function showState() {
  const [title, detail, className] = state();
  stateOf.className = `outcome ${className}`;
  stateOf.firstElementChild.textContent = title;
  stateOf.lastElementChild.textContent = detail;
  document.title = `${title}: ${document.querySelector("h1").textContent}`;
  byId("nothing").hidden = rows.length > 0;
  const speaking = new Set();
  for (const { body, message } of utterances.values()) {
    const going = ended === null && connected && message.end === null;
    body.classList.toggle("now", going);
    if (going) speaking.add(message.speaker);
  }
  for (const [number, { lane, label, present }] of people) {
    lane.classList.toggle("speaks", speaking.has(number));
    const listens = present && ended === null ? "listens" : "";
    label.lastChild.textContent = speaking.has(number) ? "speaks" : listens;
  }
}

function draw() {
  const time = now();
  byId("clock").textContent = clock(time);
  for (const { canvas, lane, peaks } of people.values()) {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.round(size * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = getComputedStyle(lane).getPropertyValue("--side");
    const first = Math.floor(time / BAR) - LANE_SECONDS * 10;
    const step = width / (LANE_SECONDS * 10);
    for (const [bar, peak] of peaks) {
      if (bar < first) peaks.delete(bar);
      const tall = Math.max(1, Math.sqrt(peak / 32768) * height * 0.94);
      if (bar * BAR <= time) pen.fillRect(width - (time / BAR - bar) * step, (height - tall) / 2, step * 0.7, tall);
    }
    pen.fillRect(0, height / 2, width, devicePixelRatio / 2);
  }
  requestAnimationFrame(draw);
}

// ---- sound

async function openSound() {
  const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  await context.audioWorklet.addModule("live_player.js");
  const player = new AudioWorkletNode(context, "room-player", {
    numberOfInputs: 0, numberOfOutputs: VOICES, outputChannelCount: Array(VOICES).fill(1),
  });
  const volume = context.createGain();
  volume.connect(context.destination);
  const voices = Array.from({ length: VOICES }, (_, number) => {
    const analyser = context.createAnalyser();
    const panner = new StereoPannerNode(context, { pan: [-0.35, 0.35, 0][number % 3] });
    player.connect(analyser, number);
    analyser.connect(panner).connect(volume);
    return analyser;
  });
  player.port.onmessage = ({ data }) => { position = data; };
  context.onstatechange = showSound;
  audio = { context, player, volume, voices };
  setVolume();
  context.resume().then(showSound);
  showSound();
}

function showSound() {
  sound.setAttribute("aria-pressed", String(hearing()));
  hint.textContent = hearing() ? "" : "Sound is off: press Space, or the button.";
}

async function toggleSound() {
  if (!hearing()) {
    await audio?.context.resume();
  } else {
    await audio.context.suspend();
    audio.player.port.postMessage({ task: "reset" });
    position = null;
  }
  showSound();
}

function setVolume() {
  if (audio) audio.volume.gain.value = Number(byId("volume").value) / 100;
}

function louder(by) {
  byId("volume").value = Number(byId("volume").value) + by;
  setVolume();
}

sound.addEventListener("click", toggleSound);
byId("volume").addEventListener("input", setVolume);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = {
    " ": event.target.closest("button") ? null : toggleSound,
    "+": () => louder(10),
    "-": () => louder(-10),
    n: showNewest,
  };
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});
showState();
showSound();
openSound().catch((error) => { hint.textContent = `This browser cannot play it: ${error.message}`; });
connect();
draw();
