/** What the model was trained on, and what it is not for. */

import { count, percent } from "./text.js";

const at = (id) => document.getElementById(id);

/** Draw the model's card as /model answers it. */
export function drawCard(card) {
  const { manifest } = card;
  const [negative, positive] = manifest.class_names;
  for (const part of document.querySelectorAll("[data-say]")) part.textContent = card[part.dataset.say];
  at("limits").textContent =
    `, each at most ${count(card.limits.file_bytes / 1e6)} MB and ${count(card.limits.pixels / 1e6)} million pixels`;
  at("classes-text").textContent =
    `It tells ${negative} from ${positive} and knows nothing else: any other finding gets one of these two answers.`;
  at("rejects-text").hidden = false;
  at("rejects-text").textContent = card.rejects
    ? "Pictures that do not look like a frontal chest X-ray are rejected; this check can err too."
    : "This model cannot tell what is no chest X-ray: any picture gets a probability, which then means nothing.";
  at("card").replaceChildren(...rowsOf(manifest).flatMap(([name, text]) => row(name, text)));
  at("card").hidden = false;
  at("card-text").hidden = true;
}

/** Say why there is no card. */
export function tellNoCard(text) {
  at("card-text").textContent = text;
  at("card-text").hidden = false;
  at("card").hidden = true;
}

function rowsOf(manifest) {
  const { training, decision } = manifest;
  const unknown = "not on record";
  const rule = decision?.description ?? decision?.rule ?? unknown;
  const byClass = Object.entries(training?.images_by_class ?? {}).map(([name, images]) => `${count(images)} ${name}`);
  return [
    ["Images", training ? `${count(training.images)} of ${count(training.patients)} patients` : unknown],
    ["By class", byClass.join(", ") || unknown],
    ["Folder", training?.folder ?? unknown],
    ["Operating point", `${manifest.threshold.toFixed(3)}, by the rule: ${rule}`],
    ["Checked on", decision ? checked(decision, manifest.class_names) : unknown],
    ["Model", `${manifest.model}${manifest.run ? ` of the run ${manifest.run}` : ""}, ${manifest.precision}`],
    ["Version", manifest.version],
    ["Licence", manifest.license],
  ];
}

function checked(decision, [negative, positive]) {
  return (
    `${count(decision.images)} validation images of ${count(decision.patients)} patients: ` +
    `found ${percent(decision.sensitivity)} of ${positive}, left ${percent(decision.specificity)} of ${negative} alone`
  );
}

function row(name, text) {
  const [term, value] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = name;
  value.textContent = text;
  return [term, value];
}
