// All clips of a group run together, all but one muted: switching is instant and keeps the position.
"use strict";
for (const group of document.querySelectorAll(".players")) {
  const clips = Array.from(group.querySelectorAll("audio"));
  if (!clips.length) continue;
  let heard = 0;
  const make = (tag, parent, set) => parent.appendChild(Object.assign(document.createElement(tag), set));
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
  const length = () => Math.max(0, ...clips.map(clip => clip.duration || 0));
  const show = () => {
    const at = clips[heard].currentTime, end = length();
    seek.value = end ? at / end : 0;
    time.textContent = at.toFixed(1) + " / " + end.toFixed(1) + " s";
    play.textContent = clips[heard].paused ? "Play" : "Pause";
  };
  const hear = i => {
    const at = clips[heard].currentTime;
    if (Math.abs(clips[i].currentTime - at) > 0.02) clips[i].currentTime = at;
    heard = i;
    clips.forEach((clip, k) => { clip.muted = k !== i; });
    choose.forEach((button, k) => button.setAttribute("aria-pressed", k === i));
    show();
  };
  const start = () => {
    for (const other of document.querySelectorAll("audio")) if (!clips.includes(other)) other.pause();
    const at = clips[heard].ended ? 0 : clips[heard].currentTime;
    clips.forEach(clip => { clip.currentTime = at; clip.play().catch(() => {}); });
  };
  const stop = () => clips.forEach(clip => clip.pause());
  play.onclick = () => { if (clips[heard].paused) start(); else stop(); };
  seek.oninput = () => { clips.forEach(clip => { clip.currentTime = seek.value * length(); }); show(); };
  clips.forEach((clip, i) => {
    clip.onended = () => { if (i === heard) { if (loop.checked) { clips.forEach(c => { c.currentTime = 0; }); start(); } else { stop(); show(); } } };
    clip.ontimeupdate = clip.onplay = clip.onpause = clip.onloadedmetadata = () => { if (i === heard) show(); };
  });
  group.tabIndex = 0;
  group.addEventListener("keydown", event => {
    const i = Number(event.key) - 1;
    if (clips[i]) { hear(i); event.preventDefault(); }
    if (event.key === " " && event.target === group) { play.click(); event.preventDefault(); }
  });
  group.classList.add("live");
  hear(clips.length > 1 ? 1 : 0);
}
