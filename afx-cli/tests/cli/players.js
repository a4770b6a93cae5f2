// Drives the first player of a report. The page's AudioContext is an offline one, so that the browser's real audio engine renders what a listener would hear
// and every click falls on an exact frame. What was found stands as JSON in the last element when the page is dumped.
"use strict";
const found = { errors: [], rendered: false };
addEventListener("error", e => found.errors.push(String(e.message)));
addEventListener("unhandledrejection", e => found.errors.push("rejected: " + e.reason));
addEventListener("securitypolicyviolation", e => found.errors.push("policy: " + e.blockedURI));
const RATE = 48000, SECONDS = 3;
let offline = null;
window.AudioContext = class extends OfflineAudioContext {
  constructor() { super(1, RATE * SECONDS, RATE); offline = this; }
  resume() { return Promise.resolve(); }
  go() { return super.resume(); }
};
const samples = clip => {
  const text = atob(clip.src.slice(clip.src.indexOf(",") + 1));
  const view = new DataView(Uint8Array.from(text, c => c.charCodeAt(0)).buffer);
  return Float32Array.from({ length: view.getUint32(40, true) / 2 }, (_, n) => view.getInt16(44 + 2 * n, true) / 32768);
};
const report = () => {
  const out = document.body.appendChild(document.createElement("pre"));
  out.id = "found";
  out.textContent = JSON.stringify(found);
};
addEventListener("load", () => {
  const groups = Array.from(document.querySelectorAll(".players"));
  const group = groups[0], clips = Array.from(group.querySelectorAll("audio"));
  const buttons = Array.from(group.querySelectorAll(".bar button"));
  const [play, ...choose] = buttons, waves = clips.map(samples);
  const pressed = () => choose.map(b => b.getAttribute("aria-pressed") === "true");
  const seek = group.querySelector("input[type=range]");
  const key = k => group.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
  found.labels = choose.map(b => b.textContent);
  found.frames = waves.map(w => w.length);
  found.atFirst = pressed();
  play.click();
  found.playing = play.textContent;
  const at = (seconds, what) => offline.suspend(seconds).then(() => { what(); offline.go(); });
  // Frames are quantised to blocks of 128: these times are multiples.
  const times = [0.5, 1, 1.5, 2, 2.5].map(t => Math.ceil(t * RATE / 128) * 128 / RATE);
  at(times[0], () => { choose[2].click(); found.afterClick = pressed(); });
  at(times[1], () => { key("1"); found.afterKey = pressed(); });
  at(times[2], () => { key("2"); key("9"); found.afterOther = pressed(); });
  at(times[3], () => {
    play.click(); // pause
    found.paused = play.textContent;
    found.place = seek.value * waves[0].length / RATE;
  });
  at(times[4], () => { key(" "); found.again = play.textContent; });
  offline.startRendering().then(buffer => {
    const y = buffer.getChannelData(0);
    // The largest difference between what is heard and one clip at the position that a clock started at 0.02 s would have, over a stretch.
    const away = (clip, from, to, shift) => {
      let worst = 0;
      for (let n = Math.round(from * RATE); n < Math.round(to * RATE); n++) {
        worst = Math.max(worst, Math.abs(y[n] - waves[clip][(n - shift) % waves[clip].length]));
      }
      return worst;
    };
    const start = Math.round(0.02 * RATE), fade = 0.03;
    const heard = (from, to, shift) => waves.map((_, clip) => away(clip, from + fade, to, shift));
    found.stretches = [
      heard(0.02, times[0], start), heard(times[0], times[1], start), heard(times[1], times[2], start), heard(times[2], times[3], start)
    ];
    let quiet = 0;
    for (let n = Math.round((times[3] + 0.01) * RATE); n < Math.round(times[4] * RATE); n++) quiet = Math.max(quiet, Math.abs(y[n]));
    found.quiet = quiet;
    // Goes on where it stopped: paused at `place`, started again 0.02 s after times[4].
    const again = Math.round((times[4] + 0.02) * RATE) - Math.round((times[3] - 0.02) * RATE);
    found.resumed = waves.map((_, clip) => away(clip, times[4] + 0.02 + fade, SECONDS, again));
    if (groups.length > 1) {
      groups[1].querySelector(".play").click(); // another player takes over
      found.other = [play.textContent, groups[1].querySelector(".play").textContent];
    }
    found.rendered = true;
  }).catch(e => found.errors.push(String(e))).finally(report);
});
