"use strict";
const byId = (id) => document.getElementById(id);
const [audio, play, timeline, view] = ["audio", "play", "timeline", "window"].map(byId);
const duration = Number(timeline.dataset.duration);
const spans = (selector) => [...document.querySelectorAll(selector)].map((element) => ({
  element, start: Number(element.dataset.start), end: Number(element.dataset.end),
}));
const utterances = spans(".utterance");
const turns = spans(".turn");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let position = 0;
let zoom = 1;
let followed = null;

function clock(seconds, digits) {
  const rest = (seconds % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${Math.floor(seconds / 60)}:${rest}`;
}

// Who speaks now; between two utterances, who spoke last.
function current(all) {
  const begun = all.filter((one) => one.start <= position + 0.001);
  const speaking = begun.filter((one) => position < one.end);
  return speaking.length ? speaking : begun.slice(-1);
}

function show() {
  const share = duration ? Math.min(1, position / duration) : 0;
  timeline.style.setProperty("--played", `${share * 100}%`);
  timeline.setAttribute("aria-valuenow", position.toFixed(1));
  timeline.setAttribute("aria-valuetext", clock(position, 0));
  byId("now").textContent = clock(Math.floor(position * 10) / 10, 1);
  const now = current(utterances);
  for (const one of utterances) {
    const reading = now.includes(one);
    one.element.classList.toggle("now", reading);
    if (reading) one.element.setAttribute("aria-current", "true");
    else one.element.removeAttribute("aria-current");
    const progress = reading ? Math.min(1, (position - one.start) / Math.max(0.001, one.end - one.start)) : 0;
    one.element.style.setProperty("--progress", progress.toFixed(3));
  }
  const speaking = current(turns);
  for (const one of turns) one.element.classList.toggle("now", speaking.includes(one));
  follow(now.at(-1), share);
}

function follow(utterance, share) {
  if (audio.paused) return;
  if (utterance && utterance !== followed) {
    followed = utterance;
    utterance.element.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
  }
  const x = share * timeline.offsetWidth;
  if (x < view.scrollLeft || x > view.scrollLeft + view.clientWidth * 0.9) view.scrollLeft = x - view.clientWidth * 0.1;
}

function seek(seconds) {
  position = Math.max(0, Math.min(duration, seconds));
  if (audio.readyState) audio.currentTime = position;
  show();
}

function toggle() {
  if (audio.paused) audio.play().catch(() => { byId("trouble").hidden = false; });
  else audio.pause();
}

function step(by) {
  const begun = utterances.filter((one) => one.start <= position + 0.001).length - 1;
  const target = utterances[Math.max(0, Math.min(utterances.length - 1, begun + by))];
  if (!target) return;
  seek(target.start);
  target.element.focus({ preventScroll: true });
  target.element.scrollIntoView({ block: "nearest" });
}

function magnify(factor) {
  const middle = (view.scrollLeft + view.clientWidth / 2) / timeline.offsetWidth;
  zoom = Math.max(1, Math.min(32, zoom * factor));
  timeline.style.setProperty("--zoom", zoom);
  view.scrollLeft = middle * timeline.offsetWidth - view.clientWidth / 2;
}

function pointed(event) {
  const box = timeline.getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * duration;
}

function frame() {
  position = audio.currentTime;
  show();
  if (!audio.paused) requestAnimationFrame(frame);
}

audio.addEventListener("play", () => {
  play.classList.add("playing");
  play.setAttribute("aria-label", "Pause");
  frame();
});
audio.addEventListener("pause", () => {
  play.classList.remove("playing");
  play.setAttribute("aria-label", "Play");
});
audio.addEventListener("error", () => { byId("trouble").hidden = false; });
if (audio.error) byId("trouble").hidden = false;
play.addEventListener("click", toggle);
byId("speed").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
byId("closer").addEventListener("click", () => magnify(2));
byId("wider").addEventListener("click", () => magnify(0.5));
byId("transcript").addEventListener("click", (event) => {
  const row = event.target.closest("[data-start]");
  if (row) seek(Number(row.dataset.start));
});
timeline.addEventListener("pointerdown", (event) => {
  timeline.setPointerCapture(event.pointerId);
  seek(pointed(event));
});
timeline.addEventListener("pointermove", (event) => {
  if (timeline.hasPointerCapture(event.pointerId)) seek(pointed(event));
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
  const actions = {
    " ": event.target.closest("button") ? null : toggle,
    ArrowLeft: () => seek(position - 5),
    ArrowRight: () => seek(position + 5),
    Home: event.target === timeline ? () => seek(0) : null,
    End: event.target === timeline ? () => seek(duration) : null,
    j: () => step(1),
    k: () => step(-1),
    "+": () => magnify(2),
    "-": () => magnify(0.5),
  };
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});
show();
