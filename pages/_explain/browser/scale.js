// A colour scale in words: what stands at its ends, its colours from left to right, and where it
// begins, if that is not at zero.

// Of a map of one sign `below` says of which.
export function scaleSaid({ floor, end, unit, below }) {
  if (!floor) {
    const limit = Number(end.toPrecision(2));
    return {
      low: `−${limit}`,
      high: `+${limit} ${unit}`,
      colours: ["less", "none", "more"],
      said: `Blue: makes it less strange, down to −${limit}; orange: stranger, up to +${limit} ${unit}`,
      begins: "",
    };
  }
  const sign = below ? "−" : "+";
  const [begin, limit] = [floor, end].map((value) => sign + Number(value.toPrecision(3)));
  const begins = `No pixel of this map is ${below ? "above" : "below"} zero: its colours begin at ${begin}, not at zero.`;
  if (below) return { low: limit, high: `${begin} ${unit}`, colours: ["less", "none"], said: `Blue: makes it less strange, from ${begin} down to ${limit} ${unit}`, begins };
  return { low: begin, high: `${limit} ${unit}`, colours: ["none", "more"], said: `Orange: makes it stranger, from ${begin} up to ${limit} ${unit}`, begins };
}

// Why a map keeps a scale of its own beside those that share one: its end, in ends of theirs.
export function apartSaid(times) {
  if (!times) return "";
  const share = times > 1 ? `${Number(times.toPrecision(2))} times as strong as` : `${Number((1 / times).toPrecision(2))} times weaker than`;
  return `This map is ${share} the map that sets the scale: it has a scale of its own.`;
}
