/** The list of images: a listbox with one selected item. */

import { short } from "./text.js";

const SIGNS = { waiting: "○", working: "◌", predicted: "●", rejected: "⊘", failed: "!" };

/** Draw the list; existing items are updated in place, so focus and scroll position stay. */
export function drawList(list, images) {
  const known = new Map([...list.children].map((item) => [item.id, item]));
  images.items.forEach((image, position) => {
    const item = known.get(image.id) ?? makeItem(image);
    known.delete(image.id);
    if (list.children[position] !== item) list.insertBefore(item, list.children[position] ?? null);
    const isChosen = image === images.chosen;
    if (isChosen && item.ariaSelected !== "true") reveal(list, item);
    item.ariaSelected = String(isChosen);
    item.dataset.state = image.state;
    item.querySelector(".sign").textContent = SIGNS[image.state];
    item.querySelector(".state").textContent = stateOf(image);
  });
  for (const item of known.values()) item.remove();
  list.hidden = !images.items.length;
  if (images.chosen) list.setAttribute("aria-activedescendant", images.chosen.id);
  else list.removeAttribute("aria-activedescendant");
}

/** Select and remove with keyboard, mouse and touch; `open` is called for an image to look at. */
export function listenToList(list, images, open) {
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    const image = images.items.find((other) => other.id === item?.id);
    if (!image) return;
    images.choose(image);
    open(image, false);
  });
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !images.chosen) return;
    const last = images.items.length - 1;
    const position = images.items.indexOf(images.chosen);
    const [next, previous] = [Math.min(position + 1, last), Math.max(position - 1, 0)];
    const goal = { ArrowDown: next, ArrowUp: previous, Home: 0, End: last }[event.key];
    if (goal !== undefined) images.choose(images.items[goal]);
    else if (event.key === "Delete") images.remove(images.chosen);
    else if (event.key === "Enter") open(images.chosen, true);
    else return;
    event.preventDefault();
  });
}

/** The state of an image, in a few words. */
export function stateOf(image) {
  switch (image.state) {
    case "predicted":
      return short(image.result);
    case "rejected":
      return `rejected: ${image.result.reason}`;
    case "failed":
      return `failed: ${image.problem.message}`;
    case "working":
      return image.isBusy ? "service busy; retrying" : "in progress";
    default:
      return "waiting";
  }
}

function makeItem(image) {
  const item = document.createElement("li");
  item.id = image.id;
  item.role = "option";
  const [sign, name, state] = ["sign", "name", "state"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  sign.ariaHidden = "true";
  name.title = image.name;
  // Long names may wrap between their parts.
  name.append(...image.name.split(/(?<=[_.-])/).flatMap((part) => [part, document.createElement("wbr")]));
  item.append(sign, name, state);
  return item;
}

function reveal(list, item) {
  // Scroll the list only, not the page.
  const [top, bottom] = [item.offsetTop - list.offsetTop, item.offsetTop - list.offsetTop + item.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}
