"use strict";
// The page is whole without this: it only makes walking through it quicker.
const root = document.documentElement;
const turn = () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme || (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
};
document.getElementById("theme").addEventListener("click", turn);

// Shows the wires that a frame was on, in the picture above it.
const light = (frame) => {
  for (const wire of document.querySelectorAll("path.wire.lit")) wire.classList.remove("lit");
  if (!frame) return;
  const places = new Set(frame.dataset.places.split("\n"));
  for (const wire of frame.closest(".question").querySelectorAll("path.wire")) {
    if (places.has(wire.dataset.host + " " + wire.dataset.interface)) wire.classList.add("lit");
  }
};
const frames = [...document.querySelectorAll("details.frame")];
const current = () => frames.find((frame) => frame.contains(document.activeElement));
for (const frame of frames) {
  for (const event of ["pointerenter", "focusin"]) frame.addEventListener(event, () => light(frame));
  frame.addEventListener("pointerleave", () => light(current()));
  frame.addEventListener("focusout", () => light());
}
const step = (by) => {
  const here = frames.indexOf(current());
  const next = frames[here < 0 ? (by > 0 ? 0 : frames.length - 1) : here + by];
  if (!next) return;
  next.querySelector("summary").focus();
  light(next);
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const section = document.querySelectorAll("main > section")[Number(event.key) - 1];
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "t") turn();
  else if (section) section.scrollIntoView();
});
