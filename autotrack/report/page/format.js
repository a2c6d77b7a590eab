// Numbers, durations, times and sizes for people.

/** Return a recorded number as a number: NaN and the infinities are texts in JSON. Null stays null. */
export function number(value) {
  if (typeof value === "number" || value === null || value === undefined) return value ?? null;
  if (value === "NaN") return NaN;
  if (value === "Infinity") return Infinity;
  return value === "-Infinity" ? -Infinity : Number(value);
}

/** Return a value in few characters; numbers get four significant digits. */
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value !== "number") return typeof value === "object" ? JSON.stringify(value) : String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return minus(String(value));
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e"));
  const text = value.toPrecision(digits);
  return minus(text.includes("e") ? String(Number(text)) : text.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

/** Return a value as it was recorded. */
export function exact(value) {
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds > 0 && seconds < 0.1) return `${Math.max(Math.round(seconds * 1000), 1)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Return a time in seconds since 1970 in the zone of whoever looks. */
export function moment(seconds, { withSeconds = false } = {}) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} s`;
  const two = (part) => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}${withSeconds ? `:${two(date.getSeconds())}` : ""}`;
}

export function bytes(size) {
  for (const [factor, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (Math.abs(size) >= factor) return `${(size / factor).toFixed(1)} ${unit}`;
  }
  return `${Math.round(size)} B`;
}

/** Return an amount of the system load, whose name ends in its unit. */
export function amount(name, value) {
  if (name.endsWith("_bytes")) return bytes(value);
  if (name.endsWith("_bytes_per_second")) return `${bytes(value)}/s`;
  return name.endsWith("_percent") ? `${short(value, 3)} %` : short(value);
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

const minus = (text) => text.replace(/-/g, "−");
