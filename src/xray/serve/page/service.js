/** What the service is asked, and in which words it is told that it did not answer. */

const MOST_TRIES = 6;
const LONGEST_WAIT_SECONDS = 30;
/** Longer than the service's own limits for receiving and answering. */
const PATIENCE_MS = 120_000;

const MEANINGS = {
  401: "The token is missing or wrong.",
  408: "The image did not arrive in time.",
  413: "The file is too large for this service.",
  415: "The file is neither JPEG, PNG nor DICOM.",
  422: "The file cannot be read as a chest X-ray.",
  503: "The service is busy.",
};

/** In memory only. */
let token = "";

/** Show this token from now on; it is forgotten with the page. */
export function useToken(text) {
  token = text;
}

/**
 * Why something was not answered.
 *
 * `kind` is "gone" (no connection), "token" (it is missing or wrong), "busy", or "told" (the service said why).
 */
export class Problem extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** The card of the model: see the service's description of /model. */
export function askModel() {
  return ask("model");
}

/** The prediction on one image; `onWait` is called when the service is busy and asked again later. */
export function predict(file, signal, onWait) {
  return ask("predict", form("files", file), signal, onWait);
}

/** The image as a picture, with its map by a method. */
export function explain(file, method, signal, onWait) {
  const body = form("file", file);
  body.append("method", method);
  return ask("explain", body, signal, onWait);
}

function form(field, file) {
  const body = new FormData();
  // Names of images may tell a patient: they stay here.
  body.append(field, file, "image");
  return body;
}

async function ask(path, body, signal, onWait = () => {}) {
  for (let tries = 1; ; tries++) {
    const response = await send(path, body, signal);
    if (response.ok) {
      return read(response, signal);
    }
    if (response.status !== 503 || tries === MOST_TRIES) {
      throw await problemOf(response);
    }
    onWait();
    await pause(secondsToWait(response.headers.get("Retry-After")), signal);
  }
}

async function send(path, body, signal) {
  const signals = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  try {
    return await fetch(path, {
      method: body ? "POST" : "GET",
      body,
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      cache: "no-store",
      signal: AbortSignal.any(signals),
    });
  } catch (error) {
    throw signal?.aborted ? error : await lost(body);
  }
}

async function read(response, signal) {
  try {
    return await response.json();
  } catch (error) {
    throw signal?.aborted ? error : await lost();
  }
}

async function lost(body) {
  for (const value of body?.values() ?? []) {
    // A browser tells a file that has gone from the disk in the same words as a server that has gone.
    if (value instanceof File && !(await isReadable(value))) {
      return new Problem("told", "The file cannot be read: it was moved or changed, or is a folder. Choose it anew.");
    }
  }
  return new Problem("gone", "The service does not answer.");
}

async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function problemOf(response) {
  const kind = { 401: "token", 503: "busy" }[response.status] ?? "told";
  let told = null;
  try {
    told = (await response.json()).error;
  } catch {
    // A proxy between has answered in its own way.
  }
  const reasons = (told?.files ?? []).map((bad) => bad.reason).filter(Boolean);
  if (reasons.length) return new Problem(kind, `The service cannot use this file: ${reasons.join("; ")}.`);
  const known = MEANINGS[response.status] ?? `The service answered with status ${response.status}.`;
  return new Problem(kind, told?.message ?? known);
}

function secondsToWait(header) {
  const seconds = Number.parseInt(header ?? "", 10);
  return Math.min(LONGEST_WAIT_SECONDS, Number.isNaN(seconds) ? 2 : Math.max(1, seconds));
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
