/** The images and their requests: one prediction and one explanation at a time. */

import { Problem, explain, predict } from "./service.js";

/** Number of images whose explanations are kept in memory; others are requested again. */
const MAX_EXPLAINED = 12;
const DEBOUNCE_MS = 100;

/**
 * The images and their states: waiting, working, busy (the service is, and is asked again), predicted, rejected or
 * failed.
 *
 * After a lost connection or a rejected token nothing is sent until `resume`; `halted` is the reason.
 */
export class Images {
  /** `onChange` is called after every change, with the image whose prediction arrived, if one did. */
  constructor(onChange) {
    this.items = [];
    this.chosen = null;
    this.halted = null;
    this.method = null;
    this.onChange = onChange;
    this.isSending = false;
    this.explaining = null;
    this.debounce = 0;
  }

  add(files) {
    const added = files.map((file) => ({
      file,
      name: file.name || "pasted image",
      state: "waiting",
      result: null,
      model: null,
      problem: null,
      explanations: new Map(),
      control: new AbortController(),
    }));
    this.items.push(...added);
    this.chosen ??= added[0] ?? null;
    this.onChange();
    this.run();
  }

  choose(image) {
    if (image === this.chosen) return;
    this.chosen = image;
    this.explaining?.abort();
    this.onChange();
    // With an arrow key held down, only the last image is requested.
    clearTimeout(this.debounce);
    this.debounce = setTimeout(() => this.explain(), DEBOUNCE_MS);
  }

  remove(image) {
    const position = this.items.indexOf(image);
    image.control.abort();
    this.items.splice(position, 1);
    if (image === this.chosen) this.chosen = this.items[Math.min(position, this.items.length - 1)] ?? null;
    this.onChange();
    this.explain();
  }

  /** Send one image again. */
  retry(image) {
    if (image.state === "failed") image.state = "waiting";
    this.resume();
  }

  /** Continue after the connection or the token was fixed. */
  resume() {
    this.halted = null;
    for (const image of this.items) {
      if (image.state === "failed" && image.problem.kind === "gone") image.state = "waiting";
      for (const [method, answer] of image.explanations) {
        if (answer instanceof Problem) image.explanations.delete(method);
      }
    }
    this.onChange();
    this.run();
    this.explain();
  }

  /** Send waiting images, one after the other. */
  async run() {
    if (this.isSending) return;
    this.isSending = true;
    try {
      let next;
      while (!this.halted && (next = this.items.find((image) => image.state === "waiting"))) await this.send(next);
    } finally {
      this.isSending = false;
    }
  }

  async send(image) {
    const change = (state) => {
      image.state = state;
      this.onChange();
    };
    change("working");
    try {
      const answer = await predict(image.file, image.control.signal, () => change("busy"));
      const result = answer.results[0];
      Object.assign(image, { state: result.outcome, result, model: answer.model });
    } catch (problem) {
      if (image.control.signal.aborted) return;
      this.haltOn(problem);
      Object.assign(image, { state: problem.kind === "token" ? "waiting" : "failed", problem });
    }
    this.onChange(image);
    if (image === this.chosen) this.explain();
  }

  /** Stop sending if the connection or the token is the problem. */
  haltOn(problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.kind !== "answered") this.halted = problem;
  }

  /** Explain with this method from now on. */
  explainWith(method) {
    this.method = method;
    this.onChange();
    this.explain();
  }

  /** Request the explanation of the chosen image unless it is there; abort the request for another image. */
  async explain() {
    const [image, method] = [this.chosen, this.method];
    this.explaining?.abort();
    if (!image || !method || this.halted || image.explanations.has(method) || !image.result) return;
    const control = new AbortController();
    this.explaining = control;
    try {
      image.explanations.set(method, await explain(image.file, method, control.signal));
      const others = this.items.filter((other) => other !== image && other.explanations.size);
      if (others.length >= MAX_EXPLAINED) others[0].explanations.clear();
    } catch (problem) {
      if (control.signal.aborted) return;
      this.haltOn(problem);
      image.explanations.set(method, problem);
    }
    this.onChange();
  }
}
