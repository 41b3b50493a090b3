/** The chosen film: its verdict in words and as a bar, its picture and the heatmap over it. */

import { Problem } from "./service.js";
import { METHOD_NAMES, isClose, logit, performance, told, verdict } from "./words.js";

const REFUSED =
  "A number for such a picture would mean nothing. Is it the right file: one frontal view of the chest, upright, " +
  "whole, bones light on dark? If so, the check has erred; it is no sign of illness or health.";
const CLOSE =
  "This is close to the operating point: another film of the same chest might well be called the other way.";

const at = (id) => document.getElementById(id);

/** Draw the chosen film. `card` is the model's, or null while it is not known. */
export function drawChosen(films, card) {
  const film = films.chosen;
  at("chosen").hidden = !film;
  at("empty").hidden = Boolean(film);
  if (!film) return;
  const picture = film.pictures.get(films.method);
  at("name").textContent = film.name;
  at("again").hidden = film.state !== "failed" && !(picture instanceof Problem);
  drawVerdict(film, card);
  drawPicture(film, films, picture);
}

/** Let the slider blend the heatmap. */
export function listenToBlend() {
  const blend = () => {
    at("blend-value").textContent = `${at("blend").value}%`;
    // The scale fades too: a colour means the same in both.
    for (const layer of [at("layer"), at("scale")]) layer.style.opacity = at("blend").value / 100;
  };
  at("blend").addEventListener("input", blend);
  blend();
}

/** Offer the methods that the model has. */
export function drawMethods(methods, chosen, choose) {
  const choices = methods.map((method) => {
    const [label, input] = [document.createElement("label"), document.createElement("input")];
    Object.assign(input, { type: "radio", name: "method", value: method, checked: method === chosen });
    input.addEventListener("change", () => choose(method));
    label.append(input, ` ${METHOD_NAMES[method] ?? method}`);
    return label;
  });
  at("methods").replaceChildren(at("methods").querySelector("legend"), ...choices);
}

function drawVerdict(film, card) {
  const { result, state } = film;
  const isPredicted = state === "predicted";
  at("chosen").dataset.state = state;
  at("bar").hidden = !isPredicted;
  at("near").hidden = !(isPredicted && isClose(result));
  at("near").textContent = CLOSE;
  at("performance").textContent = "";
  if (isPredicted) {
    const names = film.model.class_names;
    at("call").textContent = `${result.decision}-like`;
    at("sentence").textContent = verdict(result, names);
    // Of another model's card the figures would be wrong.
    const isKnown = card?.manifest.version === film.model.version;
    at("performance").textContent = isKnown ? performance(card.manifest.decision, names) : "";
    drawBar(result, names);
  } else if (state === "refused") {
    at("call").textContent = "Refused, without a probability";
    at("sentence").textContent =
      "The service does not take this picture for a frontal chest film like those that its model knows: " +
      `${result.reason}.`;
    at("performance").textContent = REFUSED;
  } else if (state === "failed") {
    at("call").textContent = "No answer for this film";
    at("sentence").textContent = `${film.problem.message} The film keeps its place in the list.`;
  } else {
    at("call").textContent = state === "working" ? "Being looked at" : "Waiting";
    at("sentence").textContent = film.isBusy ? "The service is busy and is asked again in a moment." : "";
  }
}

function drawBar(result, names) {
  const [shown, point] = told(result.probability, result.threshold);
  const bar = at("bar");
  bar.style.setProperty("--value", result.probability);
  bar.style.setProperty("--point", result.threshold);
  bar.ariaValueNow = result.probability.toFixed(3);
  bar.ariaValueText = `${shown}; operating point ${point}`;
  bar.ariaLabel = `Calibrated probability of ${names[1]}`;
  at("bar-title").textContent = `Calibrated probability of ${names[1]}: ${shown}`;
  at("bar-point").textContent = `operating point ${point}`;
}

function drawPicture(film, films, picture) {
  const isDone = film.state === "predicted" || film.state === "refused";
  // Until the map by another method is there, the film is shown without one.
  const shown = picture?.film ? picture : [...film.pictures.values()].find((other) => other.film);
  const heat = picture?.heat ?? null;
  drawImage(at("film"), shown?.film, `${film.name} as the service reads it`);
  drawImage(at("layer"), heat?.layer, heat ? `Heatmap by ${METHOD_NAMES[heat.method]}, over the film` : "");
  at("stage").ariaBusy = String(isDone && !picture && !films.halted);
  at("stage-text").textContent = stageText(film, films, picture, shown);
  at("heat").hidden = film.state !== "predicted";
  at("heat").classList.toggle("pending", !heat);
  if (!heat) return;
  at("scale-negative").textContent = heat.towards_negative;
  at("scale-positive").textContent = heat.towards_positive;
  at("scale-low").textContent = `−${logit(heat.limit)}`;
  at("scale-high").textContent = `+${logit(heat.limit)} ${heat.unit}`;
  at("caveat").textContent = heat.caveat;
}

function stageText(film, films, picture, shown) {
  if (film.state === "failed") return "No picture without an answer.";
  if (picture instanceof Problem) return `No picture: ${picture.message}`;
  if (picture) return "";
  if (film.state === "waiting" || films.halted) return "The picture follows.";
  return shown ? "The heatmap is being made." : "The picture is being made.";
}

function drawImage(image, png, text) {
  image.hidden = !png;
  image.alt = text;
  if (!png) image.removeAttribute("src");
  else if (image.picture !== png) image.src = `data:image/png;base64,${png}`;
  image.picture = png;
}
