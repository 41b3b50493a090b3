/** The images and their way to the service: one prediction and one picture are asked for at a time. */

import { Problem, explain, predict } from "./service.js";

/** Images whose pictures are kept in memory; those of others are asked for again. */
const MOST_PICTURES = 12;
const SETTLING_MS = 100;

let lastNumber = 0;

/**
 * The list.
 *
 * An image has a `state`: waiting, working, predicted, rejected or failed. Where the connection or the token is to blame
 * nothing more is sent until `resume`, and `halted` says why.
 */
export class Images {
  /** `tell` is called after every change, with the image that has got its prediction, if one has. */
  constructor(tell) {
    this.items = [];
    this.chosen = null;
    this.halted = null;
    this.tell = tell;
    this.isSending = false;
    this.drawing = null;
    this.method = null;
    this.pausing = 0;
  }

  add(files) {
    const added = files.map((file) => ({
      id: `image-${++lastNumber}`,
      file,
      name: file.name || "pasted picture",
      state: "waiting",
      isBusy: false,
      result: null,
      model: null,
      problem: null,
      pictures: new Map(),
      control: new AbortController(),
    }));
    this.items.push(...added);
    if (!this.chosen && added.length) this.chosen = added[0];
    this.tell();
    this.run();
  }

  choose(image) {
    if (image === this.chosen) return;
    this.chosen = image;
    this.drawing?.abort();
    this.tell();
    // Whoever runs through the list with a key held down asks for the last image only.
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.draw(), SETTLING_MS);
  }

  remove(image) {
    const place = this.items.indexOf(image);
    image.control.abort();
    this.items.splice(place, 1);
    if (image === this.chosen) this.chosen = this.items[Math.min(place, this.items.length - 1)] ?? null;
    this.tell();
    this.draw();
  }

  /** Ask again for one image. */
  retry(image) {
    if (image.state === "failed") image.state = "waiting";
    image.problem = null;
    this.resume();
  }

  /** Go on after the connection or the token has been mended. */
  resume() {
    this.halted = null;
    for (const image of this.items) {
      if (image.state === "failed" && image.problem.kind === "gone") image.state = "waiting";
      for (const [method, picture] of image.pictures) if (picture instanceof Problem) image.pictures.delete(method);
    }
    this.tell();
    this.run();
    this.draw();
  }

  /** Send what waits, one image after the other. */
  async run() {
    if (this.isSending) return;
    this.isSending = true;
    try {
      for (;;) {
        const next = this.halted ? null : this.items.find((image) => image.state === "waiting");
        if (!next) break;
        await this.send(next);
      }
    } finally {
      this.isSending = false;
    }
  }

  async send(image) {
    Object.assign(image, { state: "working", problem: null });
    this.tell();
    try {
      const answer = await predict(image.file, image.control.signal, () => this.wait(image));
      const result = answer.results[0];
      Object.assign(image, { state: result.outcome, result, model: answer.model });
    } catch (problem) {
      if (image.control.signal.aborted) return;
      this.fail(image, problem);
    }
    image.isBusy = false;
    this.tell(image);
    if (image === this.chosen) this.draw();
  }

  wait(image) {
    image.isBusy = true;
    this.tell();
  }

  fail(image, problem) {
    if (!(problem instanceof Problem)) throw problem;
    Object.assign(image, { state: problem.kind === "token" ? "waiting" : "failed", problem });
    this.halt(problem);
  }

  halt(problem) {
    if (problem.kind === "gone" || problem.kind === "token") this.halted = problem;
  }

  /** Draw the chosen image with another method from now on. */
  drawWith(method) {
    this.method = method;
    this.tell();
    this.draw();
  }

  /** Ask for the picture of the chosen image, unless it is there; a question about another one is dropped. */
  async draw() {
    const [image, method] = [this.chosen, this.method];
    this.drawing?.abort();
    this.drawing = null;
    if (!image || !method || this.halted || image.pictures.has(method)) return;
    if (image.state !== "predicted" && image.state !== "rejected") return;
    const control = new AbortController();
    this.drawing = control;
    try {
      image.pictures.set(method, await explain(image.file, method, control.signal));
      this.forget(image);
    } catch (problem) {
      if (control.signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      image.pictures.set(method, problem);
      this.halt(problem);
    }
    this.tell();
  }

  forget(latest) {
    const others = this.items.filter((image) => image !== latest && image.pictures.size);
    for (const image of others.slice(0, Math.max(0, others.length - MOST_PICTURES + 1))) image.pictures.clear();
  }
}
