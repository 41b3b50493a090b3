/** Numbers as text (no DOM access). */

/** Odds within this factor of the odds at the threshold count as close to it. */
const CLOSE_FACTOR = 2;
const MAX_DIGITS = 6;

/** A probability for people: never exactly 0 or 1, since no model can be that sure. */
export function probability(value, digits = 2) {
  const text = value.toFixed(digits);
  const step = 10 ** -digits;
  if (Number(text) >= 1) return `more than ${(1 - step).toFixed(digits)}`;
  if (Number(text) <= 0) return `less than ${step.toFixed(digits)}`;
  return text;
}

/** A probability and the threshold, with enough digits to distinguish them. */
export function withDigits(value, point) {
  let digits = 2;
  while (digits < MAX_DIGITS && value !== point && value.toFixed(digits) === point.toFixed(digits)) digits++;
  return [probability(value, digits), point.toFixed(digits)];
}

/** A fraction as a percentage; 100% and 0% only where they are exact. */
export function percent(fraction) {
  const text = (fraction * 100).toFixed(1);
  if (fraction < 1 && text === "100.0") return "more than 99.9%";
  if (fraction > 0 && text === "0.0") return "less than 0.1%";
  return `${text.replace(/\.0$/, "")}%`;
}

export function count(value) {
  return value.toLocaleString("en");
}

/** Decision and probability of an image, for the list. */
export function short(result) {
  return `${result.decision}-like, ${probability(result.probability)}`;
}

/** The prediction for an image in one sentence. */
export function prediction(result, classNames) {
  const [shown, point] = withDigits(result.probability, result.threshold);
  const isAbove = result.decision === classNames[1];
  const side = result.probability === result.threshold ? "at" : isAbove ? "above" : "below";
  return `Probability of ${classNames[1]} ${shown}, ${side} the threshold ${point}: predicted ${result.decision}.`;
}

/** Whether the probability is close to the threshold. */
export function isClose(result) {
  const logOdds = (value) => Math.log(value / (1 - value));
  return Math.abs(logOdds(result.probability) - logOdds(result.threshold)) < Math.log(CLOSE_FACTOR);
}

/** Sensitivity and specificity at the threshold, on the test images where the model was tested. */
export function performance(decision, classNames) {
  if (!decision) return "The model's sensitivity and specificity at this threshold were not recorded.";
  const [negative, positive] = classNames;
  const { test } = decision;
  const images = test ? `${count(test.images)} test images` : `${count(decision.images)} validation images`;
  const share = (name) => (test ? withInterval(test[name]) : percent(decision[name]));
  return (
    `At this threshold, on ${images}: sensitivity ${share("sensitivity")} (${positive}), ` +
    `specificity ${share("specificity")} (${negative}).`
  );
}

/** A share with its 95% interval, if it has one. */
function withInterval({ value, low, high }) {
  return low === null ? percent(value) : `${percent(value)}, 95% interval ${percent(low)} to ${percent(high)}`;
}

/** A limit of the colour scale, with two significant digits. */
export function logit(value) {
  return Number(value.toPrecision(2)).toString();
}

export const METHOD_NAMES = { gradcam: "Grad-CAM", occlusion: "occlusion" };
