"use strict";
// Frames of several voices, played at their media time, each voice at an output of its own. Times are in samples.
const DELAY = 1600;
const MOST_BEHIND = 8000;
const MOST_FRAMES = 15000;
const REPORT_EVERY = 4;

class RoomPlayer extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.voices = Array.from({ length: options.numberOfOutputs }, () => []);
    this.quanta = 0;
    this.reset();
    this.port.onmessage = ({ data }) => this[data.task](data);
  }

  reset() {
    this.voices.forEach((voice) => { voice.length = 0; });
    this.position = null;
    this.newest = 0;
  }

  // A frame that comes late moves playout back: the rest of what it belongs to is as late.
  frame({ speaker, utterance, at, pcm }) {
    const voice = this.voices[speaker];
    if (this.position === null || at < this.position) this.position = at - DELAY;
    if (voice.length === MOST_FRAMES) voice.shift();
    voice.push({ utterance, at, pcm });
    this.newest = Math.max(this.newest, at + pcm.length);
  }

  // An utterance was cut; what was sent of it beyond is not to be heard.
  cut({ speaker, utterance, at }) {
    this.voices[speaker] = this.voices[speaker].filter((frame) => frame.utterance !== utterance || frame.at < at);
  }

  process(inputs, outputs) {
    if (this.position === null) return true;
    const size = outputs[0][0].length;
    this.catchUp(size);
    outputs.forEach((output, speaker) => this.play(this.voices[speaker], output[0]));
    this.position += size;
    this.quanta += 1;
    if (this.quanta % REPORT_EVERY === 0) this.port.postMessage(this.position);
    return true;
  }

  // Leave out silence while playout is behind: after a stall, or in a room that is faster than real time.
  catchUp(size) {
    const starts = this.voices.filter((voice) => voice.length).map((voice) => voice[0].at);
    const next = Math.min(...starts);
    if (starts.length && next >= this.position + size && this.newest - this.position > MOST_BEHIND) this.position = next;
  }

  play(voice, output) {
    while (voice.length && voice[0].at + voice[0].pcm.length <= this.position) voice.shift();
    for (const { at, pcm } of voice) {
      if (at >= this.position + output.length) break;
      const from = Math.max(0, this.position - at);
      const to = Math.min(pcm.length, this.position + output.length - at);
      for (let index = from; index < to; index += 1) output[at + index - this.position] += pcm[index] / 32768;
    }
  }
}

registerProcessor("room-player", RoomPlayer);
