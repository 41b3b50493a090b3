/** Figures in words; nothing of the page here. */

/** Odds that differ by less than this factor from those of the operating point are called close to it. */
const CLOSE_FACTOR = 2;
const MOST_DIGITS = 6;

/** A probability for people: never 0 or 1, which no model can know. */
export function probability(value, digits = 2) {
  const text = value.toFixed(digits);
  const step = 10 ** -digits;
  if (Number(text) >= 1) return `more than ${(1 - step).toFixed(digits)}`;
  if (Number(text) <= 0) return `less than ${step.toFixed(digits)}`;
  return text;
}

/** A probability and the operating point, with as many digits as tell them apart. */
export function told(value, point) {
  let digits = 2;
  while (digits < MOST_DIGITS && value !== point && value.toFixed(digits) === point.toFixed(digits)) digits++;
  return [probability(value, digits), point.toFixed(digits)];
}

/** A share as a percentage; only all of them are 100%, only none 0%. */
export function percent(share) {
  const text = (share * 100).toFixed(1);
  if (share < 1 && text === "100.0") return "more than 99.9%";
  if (share > 0 && text === "0.0") return "less than 0.1%";
  return `${text.replace(/\.0$/, "")}%`;
}

export function count(value) {
  return value.toLocaleString("en");
}

/** What an image resembles, and how surely: for the list. */
export function short(result) {
  return `${result.decision}-like, ${probability(result.probability)}`;
}

/** The prediction on an image in one sentence. */
export function prediction(result, classNames) {
  const [shown, point] = told(result.probability, result.threshold);
  const isAbove = result.decision === classNames[1];
  const side = result.probability === result.threshold ? "at" : isAbove ? "above" : "below";
  return `Probability of ${classNames[1]} ${shown}, ${side} the operating point ${point}: called ${result.decision}.`;
}

/** Whether the prediction hangs by little. */
export function isClose(result) {
  const logOdds = (value) => Math.log(value / (1 - value));
  return Math.abs(logOdds(result.probability) - logOdds(result.threshold)) < Math.log(CLOSE_FACTOR);
}

/** How good decisions at the operating point were where that was measured. */
export function performance(decision, classNames) {
  if (!decision) return "How well the model does at this point is not on record.";
  const [negative, positive] = classNames;
  return (
    `At this point the model found ${percent(decision.sensitivity)} of ${positive} images and left ` +
    `${percent(decision.specificity)} of ${negative} ones alone, on its ${count(decision.images)} validation images.`
  );
}

/** A limit of the colours, with two digits that count. */
export function logit(value) {
  return Number(value.toPrecision(2)).toString();
}

export const METHOD_NAMES = { gradcam: "Grad-CAM", occlusion: "occlusion" };
