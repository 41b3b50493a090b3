/** The model's card below the images. */

import { count, percent } from "./text.js";

const at = (id) => document.getElementById(id);

/** Draw the model's card: training data, decision and limits, from the answer of /model. */
export function drawCard(card) {
  const { manifest } = card;
  const [negative, positive] = manifest.class_names;
  for (const part of document.querySelectorAll("[data-say]")) part.textContent = card[part.dataset.say];
  at("limits").textContent =
    `, each at most ${count(card.limits.file_bytes / 1e6)} MB and ${count(card.limits.pixels / 1e6)} million pixels`;
  at("classes-text").textContent =
    `It distinguishes ${negative} from ${positive} only: any other finding gets one of these two answers.`;
  at("rejects-text").hidden = false;
  at("rejects-text").textContent = card.rejects
    ? "Images that do not look like a frontal chest X-ray are rejected; this check can be wrong too."
    : "This model has no check for images that are not chest X-rays: they get a probability too, which means nothing.";
  at("card").replaceChildren(...rowsOf(manifest).flatMap(([name, text]) => row(name, text)));
  at("card").hidden = false;
  at("card-text").hidden = true;
}

/** Show why there is no card. */
export function showNoCard(text) {
  at("card-text").textContent = text;
  at("card-text").hidden = false;
  at("card").hidden = true;
}

function rowsOf(manifest) {
  const { training, decision } = manifest;
  const unknown = "not recorded";
  const rule = decision?.description ?? decision?.rule ?? unknown;
  const byClass = Object.entries(training?.images_by_class ?? {}).map(([name, images]) => `${count(images)} ${name}`);
  return [
    ["Images", training ? `${count(training.images)} of ${count(training.patients)} patients` : unknown],
    ["By class", byClass.join(", ") || unknown],
    ["Folder", training?.folder ?? unknown],
    ["Threshold", `${manifest.threshold.toFixed(3)}, rule: ${rule}`],
    ["Validated on", decision ? checked(decision, manifest.class_names) : unknown],
    ["Model", `${manifest.model}${manifest.run ? ` of the run ${manifest.run}` : ""}, ${manifest.precision}`],
    ["Version", manifest.version],
    ["Licence", manifest.license],
  ];
}

function checked(decision, [negative, positive]) {
  return (
    `${count(decision.images)} validation images of ${count(decision.patients)} patients: sensitivity ` +
    `${percent(decision.sensitivity)} (${positive}), specificity ${percent(decision.specificity)} (${negative})`
  );
}

function row(name, text) {
  const [term, value] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = name;
  value.textContent = text;
  return [term, value];
}
