/** The page's entry point. It stores nothing in the browser and contacts only this service. */

import { drawCard, showNoCard } from "./about.js";
import { Images } from "./images.js";
import { drawList, stateOf } from "./list.js";
import { Problem, fetchModel, useToken } from "./service.js";
import { drawChosen, drawMethods, listenToBlend } from "./view.js";
import { prediction } from "./text.js";

const at = (id) => document.getElementById(id);

const images = new Images(draw);
let card = null;
let hasSentToken = false;
let drawnHalt = null;

function draw(finished) {
  drawList(at("list"), images, open, remove);
  at("list-help").hidden = !images.items.length;
  drawChosen(images, card);
  drawHalt();
  if (finished) {
    announce(finished);
    if (card && finished.model && finished.model.version !== card.manifest.version) loadCard();
  }
}

function announce(image) {
  const text = image.state === "predicted" ? prediction(image.result, image.model.class_names) : stateOf(image);
  at("announcer").textContent = `${image.name}: ${text}`;
}

function drawHalt() {
  const { halted } = images;
  const needsToken = halted?.kind === "token";
  at("token").hidden = !needsToken;
  at("halted").hidden = !halted || needsToken;
  if (needsToken && halted !== drawnHalt) {
    if (hasSentToken) {
      at("token-text").textContent = "That token was not accepted. Is it complete, and for this service?";
    }
    at("token-field").focus();
  } else if (halted) {
    at("halted-title").textContent = halted.message;
    at("halted-text").textContent = images.items.length
      ? "Your images stay in the list and continue when the service answers again."
      : "It may have been stopped, or the network connection is down.";
  }
  drawnHalt = halted;
}

async function loadCard() {
  try {
    card = await fetchModel();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    images.halted = problem;
    showNoCard(problem.kind === "token" ? "Enter the token to see it." : problem.message);
    draw();
    return;
  }
  drawCard(card);
  const method = card.methods.includes(images.method) ? images.method : card.methods[0];
  drawMethods(card.methods, method, (chosen) => images.explainWith(chosen));
  images.explainWith(method);
}

async function resume() {
  if (!card) {
    images.halted = null;
    await loadCard();
    if (images.halted) return;
  }
  images.resume();
}

function open(withFocus) {
  if (withFocus) at("name").focus({ preventScroll: true });
  // On a phone the image is below the list.
  if (at("chosen").getBoundingClientRect().top > window.innerHeight / 2) at("chosen").scrollIntoView();
}

function remove() {
  images.remove(images.chosen);
  (at("list").querySelector(":checked") ?? at("files")).focus();
}

function listenToDrops() {
  const isOver = (event, over) => {
    // Anywhere on the page: an image dropped next to the field must not replace the page.
    event.preventDefault();
    at("drop").classList.toggle("over", over);
  };
  window.addEventListener("dragover", (event) => isOver(event, true));
  window.addEventListener("dragleave", (event) => isOver(event, false));
  window.addEventListener("drop", (event) => {
    isOver(event, false);
    images.add([...event.dataTransfer.files]);
  });
  window.addEventListener("paste", (event) => images.add([...event.clipboardData.files]));
}

at("files").addEventListener("change", (event) => {
  images.add([...event.target.files]);
  // Allows the same file to be chosen again.
  event.target.value = "";
});
at("token").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("token-field").value.trim();
  // Other characters cannot be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(text)) {
    at("token-text").textContent = "A token has plain ASCII characters only, without spaces.";
    return;
  }
  useToken(text);
  hasSentToken = true;
  at("token-field").value = "";
  resume();
});
at("resume").addEventListener("click", resume);
at("again").addEventListener("click", () => images.retry(images.chosen));
at("remove").addEventListener("click", remove);
listenToBlend();
listenToDrops();
loadCard();
