// Each group becomes one bar. All its clips run from one clock, sample by sample; buttons fade between them in 5 ms, so that switching keeps the position.
"use strict";
for (const group of window.AudioContext ? document.querySelectorAll(".players") : []) {
  const clips = Array.from(group.querySelectorAll("audio"));
  if (!clips.length) continue;
  let context = null, nodes = [], heard = 0, playing = false, looping = true, started = 0, position = 0, seconds = 0;
  const make = (tag, parent, set) => parent.appendChild(Object.assign(document.createElement(tag), set));

  // 16-bit WAV with a header of 44 bytes, as this page writes it.
  const wave = clip => {
    const text = atob(clip.src.slice(clip.src.indexOf(",") + 1));
    const view = new DataView(Uint8Array.from(text, c => c.charCodeAt(0)).buffer);
    const channels = view.getUint16(22, true);
    return { view, channels, rate: view.getUint32(24, true), frames: view.getUint32(40, true) / (2 * channels) };
  };
  const waves = clips.map(wave);
  if (waves.some(w => w.rate < 8000 || w.rate > 96000)) continue; // rates that every browser must take; else its own players stay
  const frames = Math.max(1, ...waves.map(w => w.frames));
  seconds = frames / waves[0].rate;
  const buffer = w => {
    const out = context.createBuffer(w.channels, frames, w.rate);
    for (let c = 0; c < w.channels; c++) {
      const x = out.getChannelData(c);
      for (let n = 0; n < w.frames; n++) x[n] = w.view.getInt16(44 + 2 * (n * w.channels + c), true) / 32768;
    }
    return out;
  };

  const bar = make("div", group, { className: "bar" });
  const play = make("button", bar, { type: "button", className: "play", textContent: "Play" });
  const choose = clips.map((clip, i) =>
    make("button", bar, { type: "button", textContent: clip.dataset.label, title: "Key " + (i + 1), onclick: () => hear(i) }));
  const seek = make("input", bar, { type: "range", min: 0, max: 1, step: 0.001, value: 0 });
  seek.setAttribute("aria-label", "Position");
  const time = make("span", bar, { className: "time" });
  const label = make("label", bar, {});
  const loop = make("input", label, { type: "checkbox", checked: true });
  label.append(" loop");

  const now = () => {
    if (!playing) return position;
    const at = position + Math.max(0, context.currentTime - started);
    return looping ? at % seconds : Math.min(at, seconds);
  };
  const show = () => {
    seek.value = now() / seconds;
    time.textContent = now().toFixed(1) + " / " + seconds.toFixed(1) + " s";
    play.textContent = playing ? "Pause" : "Play";
  };
  const frame = () => { if (playing) { show(); requestAnimationFrame(frame); } };
  const hear = i => {
    heard = i;
    nodes.forEach((node, k) => node.gain.gain.setTargetAtTime(k === i ? 1 : 0, context.currentTime, 0.0015));
    choose.forEach((button, k) => button.setAttribute("aria-pressed", k === i));
  };
  const stop = () => {
    position = now();
    playing = false;
    nodes.forEach(node => { node.source.onended = null; node.source.stop(); });
    nodes = [];
    show();
  };
  const start = () => {
    document.dispatchEvent(new CustomEvent("afx-play", { detail: group }));
    if (!context) {
      context = new AudioContext();
      waves.forEach(w => { w.buffer = buffer(w); });
    }
    context.resume();
    if (position >= seconds) position = 0;
    looping = loop.checked;
    started = context.currentTime + 0.02;
    nodes = waves.map((w, i) => {
      const source = context.createBufferSource(), gain = context.createGain();
      Object.assign(source, { buffer: w.buffer, loop: looping });
      gain.gain.value = i === heard ? 1 : 0;
      source.connect(gain).connect(context.destination);
      source.start(started, position);
      return { source, gain };
    });
    nodes[0].source.onended = () => { stop(); position = 0; show(); };
    playing = true;
    frame();
  };
  play.onclick = () => { if (playing) stop(); else start(); };
  loop.onchange = () => { if (playing) { stop(); start(); } };
  seek.oninput = () => {
    const again = playing, at = seek.value * seconds;
    if (again) stop();
    position = at;
    if (again) start(); else show();
  };
  document.addEventListener("afx-play", event => { if (event.detail !== group && playing) stop(); });
  group.tabIndex = 0;
  group.addEventListener("keydown", event => {
    const i = Number(event.key) - 1;
    if (clips[i]) { hear(i); event.preventDefault(); }
    if (event.key === " " && event.target === group) { play.click(); event.preventDefault(); }
  });
  group.classList.add("live");
  hear(clips.length > 1 ? 1 : 0);
  show();
}
