/** The list of images and its requests: one prediction and one explanation at a time. */

import { Problem, explain, predict } from "./service.js";

/** Number of images whose explanations are kept in memory; others are requested again. */
const MAX_EXPLAINED = 12;
const DEBOUNCE_MS = 100;

let lastNumber = 0;

/**
 * The images and their states: waiting, working, predicted, rejected or failed.
 *
 * After a lost connection or a rejected token nothing is sent until `resume`; `halted` is the reason.
 */
export class Images {
  /** `onChange` is called after every change, with the image whose prediction arrived, if one did. */
  constructor(onChange) {
    this.items = [];
    this.chosen = null;
    this.halted = null;
    this.onChange = onChange;
    this.isSending = false;
    this.drawing = null;
    this.method = null;
    this.pausing = 0;
  }

  add(files) {
    const added = files.map((file) => ({
      id: `image-${++lastNumber}`,
      file,
      name: file.name || "pasted image",
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
    this.onChange();
    this.run();
  }

  choose(image) {
    if (image === this.chosen) return;
    this.chosen = image;
    this.drawing?.abort();
    this.onChange();
    // With an arrow key held down, only the last image is requested.
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.draw(), DEBOUNCE_MS);
  }

  remove(image) {
    const position = this.items.indexOf(image);
    image.control.abort();
    this.items.splice(position, 1);
    if (image === this.chosen) this.chosen = this.items[Math.min(position, this.items.length - 1)] ?? null;
    this.onChange();
    this.draw();
  }

  /** Send one image again. */
  retry(image) {
    if (image.state === "failed") image.state = "waiting";
    image.problem = null;
    this.resume();
  }

  /** Continue after the connection or the token was fixed. */
  resume() {
    this.halted = null;
    for (const image of this.items) {
      if (image.state === "failed" && image.problem.kind === "gone") image.state = "waiting";
      for (const [method, picture] of image.pictures) if (picture instanceof Problem) image.pictures.delete(method);
    }
    this.onChange();
    this.run();
    this.draw();
  }

  /** Send waiting images, one after the other. */
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
    this.onChange();
    try {
      const answer = await predict(image.file, image.control.signal, () => this.wait(image));
      const result = answer.results[0];
      Object.assign(image, { state: result.outcome, result, model: answer.model });
    } catch (problem) {
      if (image.control.signal.aborted) return;
      this.fail(image, problem);
    }
    image.isBusy = false;
    this.onChange(image);
    if (image === this.chosen) this.draw();
  }

  wait(image) {
    image.isBusy = true;
    this.onChange();
  }

  fail(image, problem) {
    if (!(problem instanceof Problem)) throw problem;
    Object.assign(image, { state: problem.kind === "token" ? "waiting" : "failed", problem });
    this.halt(problem);
  }

  halt(problem) {
    if (problem.kind === "gone" || problem.kind === "token") this.halted = problem;
  }

  /** Explain with another method from now on. */
  drawWith(method) {
    this.method = method;
    this.onChange();
    this.draw();
  }

  /** Request the explanation of the selected image unless it is there; drop a request for another image. */
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
    this.onChange();
  }

  forget(latest) {
    const others = this.items.filter((image) => image !== latest && image.pictures.size);
    for (const image of others.slice(0, Math.max(0, others.length - MAX_EXPLAINED + 1))) image.pictures.clear();
  }
}
