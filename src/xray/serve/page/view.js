/** The selected image: its prediction as text and as a bar, and the heatmap over it. */

import { Problem } from "./service.js";
import { METHOD_NAMES, isClose, logit, performance, withDigits, prediction } from "./text.js";

const REJECTED =
  "A probability for such an image would mean nothing. Is it the right file: one frontal view of the chest, upright, " +
  "complete, bones light on dark? If so, the check is wrong; a rejection says nothing about illness or health.";
const CLOSE =
  "This is close to the threshold: another image of the same chest might well be predicted differently.";

const at = (id) => document.getElementById(id);

/** Draw the selected image. `card` is the model's card, or null until it is loaded. */
export function drawChosen(images, card) {
  const image = images.chosen;
  at("chosen").hidden = !image;
  at("empty").hidden = Boolean(image);
  if (!image) return;
  const explanation = image.explanations.get(images.method);
  at("name").textContent = image.name;
  at("again").hidden = image.state !== "failed" && !(explanation instanceof Problem);
  drawPrediction(image, card);
  drawPicture(image, images, explanation);
}

/** Blend the heatmap with the slider. */
export function listenToBlend() {
  const blend = () => {
    at("blend-value").textContent = `${at("blend").value}%`;
    // Fade the scale too, so that a colour means the same in both.
    for (const layer of [at("layer"), at("scale")]) layer.style.opacity = at("blend").value / 100;
  };
  at("blend").addEventListener("input", blend);
  blend();
}

/** Offer the explanation methods of the model. */
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

function drawPrediction(image, card) {
  const { result, state } = image;
  const isPredicted = state === "predicted";
  at("chosen").dataset.state = state;
  at("bar").hidden = !isPredicted;
  at("near").hidden = !(isPredicted && isClose(result));
  at("near").textContent = CLOSE;
  at("performance").textContent = "";
  if (isPredicted) {
    const names = image.model.class_names;
    at("predicted").textContent = `${result.decision}-like`;
    at("sentence").textContent = prediction(result, names);
    // The card may still be that of an earlier model, whose figures would be wrong here.
    const isKnown = card?.manifest.version === image.model.version;
    at("performance").textContent = isKnown ? performance(card.manifest.decision, names) : "";
    drawBar(result, names);
  } else if (state === "rejected") {
    at("predicted").textContent = "Rejected, without a probability";
    at("sentence").textContent =
      "This image does not look like the frontal chest X-rays that the model was trained on: " +
      `${result.reason}.`;
    at("performance").textContent = REJECTED;
  } else if (state === "failed") {
    at("predicted").textContent = "No result for this image";
    at("sentence").textContent = `${image.problem.message} The image stays in the list.`;
  } else {
    at("predicted").textContent = state === "waiting" ? "Waiting" : "In progress";
    at("sentence").textContent = state === "busy" ? "The service is busy; retrying in a moment." : "";
  }
}

function drawBar(result, names) {
  const [shown, point] = withDigits(result.probability, result.threshold);
  const bar = at("bar");
  bar.style.setProperty("--value", result.probability);
  bar.style.setProperty("--point", result.threshold);
  bar.ariaValueNow = result.probability.toFixed(3);
  bar.ariaValueText = `${shown}; threshold ${point}`;
  bar.ariaLabel = `Probability of ${names[1]}`;
  at("bar-title").textContent = `Probability of ${names[1]}: ${shown}`;
  at("bar-point").textContent = `threshold ${point}`;
}

function drawPicture(image, images, explanation) {
  // Until the map by another method has arrived, show the image without one.
  const shown = explanation?.image ? explanation : [...image.explanations.values()].find((other) => other.image);
  const heat = explanation?.heat;
  drawImage(at("image"), shown?.image, `${image.name} as the service reads it`);
  drawImage(at("layer"), heat?.layer, heat ? `Heatmap by ${METHOD_NAMES[heat.method]}, over the image` : "");
  at("stage").ariaBusy = String(Boolean(image.result) && !explanation && !images.halted);
  at("stage-text").textContent = stageText(image, images, explanation, shown);
  at("heat").hidden = image.state !== "predicted";
  at("heat").classList.toggle("pending", !heat);
  if (!heat) return;
  at("scale-negative").textContent = heat.towards_negative;
  at("scale-positive").textContent = heat.towards_positive;
  at("scale-low").textContent = `−${logit(heat.limit)}`;
  at("scale-high").textContent = `+${logit(heat.limit)} ${heat.unit}`;
  at("caveat").textContent = heat.caveat;
}

function stageText(image, images, explanation, shown) {
  if (image.state === "failed") return "No image without a result.";
  if (explanation instanceof Problem) return `No image: ${explanation.message}`;
  if (explanation) return "";
  if (image.state === "waiting" || images.halted) return "Waiting for the image.";
  return shown ? "Computing the heatmap." : "Loading the image.";
}

function drawImage(image, png, text) {
  image.hidden = !png;
  image.alt = text;
  const url = png ? `data:image/png;base64,${png}` : "";
  if (image.getAttribute("src") !== url) image.src = url;
}
