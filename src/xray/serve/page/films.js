/** The films and their way to the service: one verdict and one picture are asked for at a time. */

import { Problem, explain, predict } from "./service.js";

/** Films whose pictures are kept in memory; those of others are asked for again. */
const MOST_PICTURES = 12;
const SETTLING_MS = 100;

let lastNumber = 0;

/**
 * The list.
 *
 * A film has a `state`: waiting, working, predicted, refused or failed. Where the connection or the token is to blame
 * nothing more is sent until `resume`, and `halted` says why.
 */
export class Films {
  /** `tell` is called after every change, with the film that has got its verdict, if one has. */
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
      id: `film-${++lastNumber}`,
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

  choose(film) {
    if (film === this.chosen) return;
    this.chosen = film;
    this.drawing?.abort();
    this.tell();
    // Whoever runs through the list with a key held down asks for the last film only.
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.draw(), SETTLING_MS);
  }

  remove(film) {
    const place = this.items.indexOf(film);
    film.control.abort();
    this.items.splice(place, 1);
    if (film === this.chosen) this.chosen = this.items[Math.min(place, this.items.length - 1)] ?? null;
    this.tell();
    this.draw();
  }

  /** Ask again for one film. */
  retry(film) {
    if (film.state === "failed") film.state = "waiting";
    film.problem = null;
    this.resume();
  }

  /** Go on after the connection or the token has been mended. */
  resume() {
    this.halted = null;
    for (const film of this.items) {
      if (film.state === "failed" && film.problem.kind === "gone") film.state = "waiting";
      for (const [method, picture] of film.pictures) if (picture instanceof Problem) film.pictures.delete(method);
    }
    this.tell();
    this.run();
    this.draw();
  }

  /** Send what waits, one film after the other. */
  async run() {
    if (this.isSending) return;
    this.isSending = true;
    try {
      for (;;) {
        const next = this.halted ? null : this.items.find((film) => film.state === "waiting");
        if (!next) break;
        await this.send(next);
      }
    } finally {
      this.isSending = false;
    }
  }

  async send(film) {
    Object.assign(film, { state: "working", problem: null });
    this.tell();
    try {
      const answer = await predict(film.file, film.control.signal, () => this.wait(film));
      const result = answer.results[0];
      Object.assign(film, { state: result.outcome, result, model: answer.model });
    } catch (problem) {
      if (film.control.signal.aborted) return;
      this.fail(film, problem);
    }
    film.isBusy = false;
    this.tell(film);
    if (film === this.chosen) this.draw();
  }

  wait(film) {
    film.isBusy = true;
    this.tell();
  }

  fail(film, problem) {
    if (!(problem instanceof Problem)) throw problem;
    Object.assign(film, { state: problem.kind === "token" ? "waiting" : "failed", problem });
    this.halt(problem);
  }

  halt(problem) {
    if (problem.kind === "gone" || problem.kind === "token") this.halted = problem;
  }

  /** Draw the chosen film with another method from now on. */
  drawWith(method) {
    this.method = method;
    this.tell();
    this.draw();
  }

  /** Ask for the picture of the chosen film, unless it is there; a question about another one is dropped. */
  async draw() {
    const [film, method] = [this.chosen, this.method];
    this.drawing?.abort();
    this.drawing = null;
    if (!film || !method || this.halted || film.pictures.has(method)) return;
    if (film.state !== "predicted" && film.state !== "refused") return;
    const control = new AbortController();
    this.drawing = control;
    try {
      film.pictures.set(method, await explain(film.file, method, control.signal));
      this.forget(film);
    } catch (problem) {
      if (control.signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      film.pictures.set(method, problem);
      this.halt(problem);
    }
    this.tell();
  }

  forget(latest) {
    const others = this.items.filter((film) => film !== latest && film.pictures.size);
    for (const film of others.slice(0, Math.max(0, others.length - MOST_PICTURES + 1))) film.pictures.clear();
  }
}
