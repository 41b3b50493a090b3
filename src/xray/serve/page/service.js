/** Requests to the service, and messages for those that fail. */

const MAX_TRIES = 6;
const MAX_WAIT_SECONDS = 30;
/** Longer than the service's own limits for receiving and answering. */
const TIMEOUT_MS = 120_000;

/** Kept in memory only. */
let token = "";

/** Send this token with every request until the page is closed. */
export function useToken(text) {
  token = text;
}

/** Why a request failed. `kind` is "gone" (no connection), "token" (missing or wrong) or "answered" (other reasons). */
export class Problem extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Return the answer of /model. */
export function fetchModel() {
  return ask("model");
}

/** Return the prediction for one image; `onWait` is called before each retry of a busy service. */
export async function predict(file, signal, onWait) {
  return ask("predict", await form("files", file), signal, onWait);
}

/** Return the image as PNG, with its heatmap by a method. */
export async function explain(file, method, signal) {
  const body = await form("file", file);
  body.append("method", method);
  return ask("explain", body, signal);
}

async function form(field, file) {
  const body = new FormData();
  try {
    // Read first: to fetch, a file that cannot be read looks like a lost connection.
    const content = new Blob([await file.arrayBuffer()]);
    // File names may identify a patient, so they are not sent.
    body.append(field, content, "image");
  } catch {
    throw new Problem("answered", "The file cannot be read: it was moved or changed, or is a folder. Choose it again.");
  }
  return body;
}

async function ask(path, body, signal, onWait = () => {}) {
  for (let tries = 1; ; tries++) {
    const [response, answer] = await send(path, body, signal);
    if (response.ok && answer) return answer;
    if (response.status !== 503 || tries === MAX_TRIES) throw problemOf(response.status, answer?.error);
    onWait();
    const seconds = Number.parseInt(response.headers.get("Retry-After"), 10) || 2;
    await new Promise((resolve) => setTimeout(resolve, Math.min(seconds, MAX_WAIT_SECONDS) * 1000));
  }
}

/** Return the response and its JSON, which is null where a proxy answered in another format. */
async function send(path, body, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response, text;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET",
      body,
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    throw signal?.aborted ? error : new Problem("gone", "The service does not answer.");
  }
  try {
    return [response, JSON.parse(text)];
  } catch {
    return [response, null];
  }
}

function problemOf(status, error) {
  const kind = status === 401 ? "token" : "answered";
  const reasons = (error?.files ?? []).map((bad) => bad.reason);
  if (reasons.length) return new Problem(kind, `The service cannot use this file: ${reasons.join("; ")}.`);
  if (error?.message) return new Problem(kind, error.message);
  // A proxy answered, not the service.
  if (status === 413) return new Problem(kind, "The file is too large for this service.");
  return new Problem(kind, `The service answered with status ${status}.`);
}
