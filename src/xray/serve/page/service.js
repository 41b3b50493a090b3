/** Requests to the service, and messages for those that fail. */

const MAX_TRIES = 6;
const MAX_WAIT_SECONDS = 30;
/** Longer than the service's own limits for receiving and answering. */
const TIMEOUT_MS = 120_000;

const MEANINGS = {
  401: "The token is missing or wrong.",
  408: "The image did not arrive in time.",
  413: "The file is too large for this service.",
  415: "The file is neither JPEG, PNG nor DICOM.",
  422: "The file cannot be read as a chest X-ray.",
  503: "The service is busy.",
};

/** Kept in memory only. */
let token = "";

/** Send this token with every request until the page is closed. */
export function useToken(text) {
  token = text;
}

/**
 * Why a request failed.
 *
 * `kind` is "gone" (no connection), "token" (missing or wrong), "busy", or "answered" (the service gave a reason).
 */
export class Problem extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Return the model's card, see /model in the API documentation. */
export function fetchModel() {
  return ask("model");
}

/** Return the prediction for one image; `onWait` is called before each retry of a busy service. */
export function predict(file, signal, onWait) {
  return ask("predict", form("files", file), signal, onWait);
}

/** Return the image as PNG, with its heatmap by a method. */
export function explain(file, method, signal, onWait) {
  const body = form("file", file);
  body.append("method", method);
  return ask("explain", body, signal, onWait);
}

function form(field, file) {
  const body = new FormData();
  // File names may identify a patient, so they are not sent.
  body.append(field, file, "image");
  return body;
}

async function ask(path, body, signal, onWait = () => {}) {
  for (let tries = 1; ; tries++) {
    const response = await send(path, body, signal);
    if (response.ok) {
      return read(response, signal);
    }
    if (response.status !== 503 || tries === MAX_TRIES) {
      throw await problemOf(response);
    }
    onWait();
    await pause(secondsToWait(response.headers.get("Retry-After")), signal);
  }
}

async function send(path, body, signal) {
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
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
    // Browsers report a file that has vanished from the disk like a server that has vanished.
    if (value instanceof File && !(await isReadable(value))) {
      return new Problem("answered", "The file cannot be read: it was moved or changed, or is a folder. Choose it again.");
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
  const kind = { 401: "token", 503: "busy" }[response.status] ?? "answered";
  let error = null;
  try {
    error = (await response.json()).error;
  } catch {
    // A proxy answered, not the service.
  }
  const reasons = (error?.files ?? []).map((bad) => bad.reason).filter(Boolean);
  if (reasons.length) return new Problem(kind, `The service cannot use this file: ${reasons.join("; ")}.`);
  const known = MEANINGS[response.status] ?? `The service answered with status ${response.status}.`;
  return new Problem(kind, error?.message ?? known);
}

function secondsToWait(header) {
  const seconds = Number.parseInt(header ?? "", 10);
  return Math.min(MAX_WAIT_SECONDS, Number.isNaN(seconds) ? 2 : Math.max(1, seconds));
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
