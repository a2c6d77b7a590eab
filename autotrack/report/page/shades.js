// Shades from worse to better, sand to blue: told apart by the colour-blind, and in print.

import { isDark } from "./theme.js";

const light = [[214, 158, 78], [190, 190, 180], [23, 92, 145]];
const dark = [[166, 112, 44], [110, 118, 124], [140, 208, 255]];

/** Return the colour of a share from 0 (worse) to 1 (better); a grey for null. */
export function shade(share) {
  if (share === null) return isDark() ? "#4a5158" : "#c9ccce";
  const stops = isDark() ? dark : light;
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const first = Math.min(Math.floor(at), stops.length - 2);
  const parts = stops[first].map((part, place) => Math.round(part + (stops[first + 1][place] - part) * (at - first)));
  return `rgb(${parts.join(" ")})`;
}

/** Return how good an item is by a dimension, from 0 to 1, which way is better being known. */
export function goodness(dimension, item) {
  const share = dimension.share(item);
  return share === null || dimension.direction !== "min" ? share : 1 - share;
}
