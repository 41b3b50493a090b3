/** The list of images: radio buttons, of which the browser knows how to select one by mouse, touch and arrow keys. */

import { short } from "./text.js";

const SIGNS = { waiting: "○", working: "◌", busy: "◌", predicted: "●", rejected: "⊘", failed: "!" };
const labels = new Map();

/**
 * Draw the list; existing items are updated in place, so that focus and scroll position stay.
 *
 * `open` is called for an image to look at, `remove` to remove the chosen one.
 */
export function drawList(list, images, open, remove) {
  for (const [image, label] of labels) {
    if (images.items.includes(image)) continue;
    label.remove();
    labels.delete(image);
  }
  for (const image of images.items) {
    if (!labels.has(image)) {
      labels.set(image, makeLabel(image, images, open, remove));
      list.append(labels.get(image));
    }
    const label = labels.get(image);
    label.dataset.state = image.state;
    label.querySelector("input").checked = image === images.chosen;
    label.querySelector(".sign").textContent = SIGNS[image.state];
    label.querySelector(".state").textContent = stateOf(image);
  }
  list.hidden = !images.items.length;
}

/** The state of an image, in a few words. */
export function stateOf(image) {
  const texts = {
    waiting: () => "waiting",
    working: () => "in progress",
    busy: () => "service busy; retrying",
    predicted: () => short(image.result),
    rejected: () => `rejected: ${image.result.reason}`,
    failed: () => `failed: ${image.problem.message}`,
  };
  return texts[image.state]();
}

function makeLabel(image, images, open, remove) {
  const [label, input] = [document.createElement("label"), document.createElement("input")];
  Object.assign(input, { type: "radio", name: "image", className: "unseen" });
  input.addEventListener("change", () => images.choose(image));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Delete") remove();
    if (event.key === "Enter") open(true);
  });
  label.addEventListener("click", (event) => {
    // Arrow keys also cause a click, but on the radio button itself.
    if (event.target !== input) open(false);
  });
  const [sign, name, state] = ["sign", "name", "state"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  sign.ariaHidden = "true";
  name.title = image.name;
  // Long names may wrap between their parts.
  name.append(...image.name.split(/(?<=[_.-])/).flatMap((part) => [part, document.createElement("wbr")]));
  label.append(input, sign, name, state);
  return label;
}
