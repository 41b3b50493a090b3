/** The list of films: a listbox with one choice. */

import { short } from "./words.js";

const SIGNS = { waiting: "○", working: "◌", predicted: "●", refused: "⊘", failed: "!" };

/** Draw the list; what it holds already is changed in place, so that focus and scrolling stay. */
export function drawList(list, films) {
  const known = new Map([...list.children].map((item) => [item.id, item]));
  films.items.forEach((film, place) => {
    const item = known.get(film.id) ?? makeItem(film);
    known.delete(film.id);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    const isChosen = film === films.chosen;
    if (isChosen && item.ariaSelected !== "true") reveal(list, item);
    item.ariaSelected = String(isChosen);
    item.dataset.state = film.state;
    item.querySelector(".sign").textContent = SIGNS[film.state];
    item.querySelector(".state").textContent = stateOf(film);
  });
  for (const item of known.values()) item.remove();
  list.hidden = !films.items.length;
  if (films.chosen) list.setAttribute("aria-activedescendant", films.chosen.id);
  else list.removeAttribute("aria-activedescendant");
}

/** Let keys, mouse and fingers choose and remove; `open` is called for a film that somebody wants to look at. */
export function listenToList(list, films, open) {
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    const film = films.items.find((other) => other.id === item?.id);
    if (!film) return;
    films.choose(film);
    open(film, false);
  });
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !films.chosen) return;
    const last = films.items.length - 1;
    const place = films.items.indexOf(films.chosen);
    const [next, previous] = [Math.min(place + 1, last), Math.max(place - 1, 0)];
    const goal = { ArrowDown: next, ArrowUp: previous, Home: 0, End: last }[event.key];
    if (goal !== undefined) films.choose(films.items[goal]);
    else if (event.key === "Delete") films.remove(films.chosen);
    else if (event.key === "Enter") open(films.chosen, true);
    else return;
    event.preventDefault();
  });
}

/** What has become of a film, in a few words. */
export function stateOf(film) {
  switch (film.state) {
    case "predicted":
      return short(film.result);
    case "refused":
      return `refused: ${film.result.reason}`;
    case "failed":
      return `failed: ${film.problem.message}`;
    case "working":
      return film.isBusy ? "the service is busy; asking again" : "being looked at";
    default:
      return "waiting";
  }
}

function makeItem(film) {
  const item = document.createElement("li");
  item.id = film.id;
  item.role = "option";
  const [sign, name, state] = ["sign", "name", "state"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  sign.ariaHidden = "true";
  name.title = film.name;
  // Long names break where their parts end.
  name.append(...film.name.split(/(?<=[_.-])/).flatMap((part) => [part, document.createElement("wbr")]));
  item.append(sign, name, state);
  return item;
}

function reveal(list, item) {
  // Within the list only: the page itself must not move.
  const [top, bottom] = [item.offsetTop - list.offsetTop, item.offsetTop - list.offsetTop + item.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}
