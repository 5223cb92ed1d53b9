// One page of a table of pictures: a press on a heading sorts it, a press on a picture opens it.

const el = (tag, given = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name in node && name !== "role") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

function heading(column, data, tell) {
  const sorted = column.key === data.sort;
  const direction = sorted ? (data.down ? "descending" : "ascending") : "none";
  const button = el("button", { type: "button", title: column.help || column.title });
  button.dataset.at = `sort ${column.key}`;
  button.append(column.title, el("span", { "aria-hidden": "true" }, sorted ? (data.down ? " ▼" : " ▲") : ""));
  button.onclick = () => tell("sort", column.key);
  return el("th", { scope: "col", "aria-sort": direction }, button);
}

function verdict(cell) {
  const bar = el("i", { "aria-hidden": "true" });
  bar.style.setProperty("--at", `${cell.at}%`);
  const words = [cell.text, cell.flagged ? " ⚑" : "", cell.foreign ? " ?" : ""].join("");
  const said = [cell.flagged ? "flagged" : "", cell.foreign ? "not its kind" : "", cell.score].filter(Boolean).join(", ");
  const node = el("td", { title: said, className: cell.flagged ? "flagged" : "" }, bar, words);
  if (said) node.append(el("span", { className: "unseen" }, `, ${said}`));
  return node;
}

function row(line, tell) {
  const picture = el("img", { src: line.picture, alt: "", loading: "lazy" });
  const open = el("button", { type: "button", className: "open", title: line.name }, picture, el("span", {}, line.name));
  open.setAttribute("aria-label", `Look at ${line.name}`);
  open.dataset.at = `open ${line.n}`;
  open.onclick = () => tell("open", line.n);
  const count = el("td", { className: "count" }, line.count);
  return el("tr", {}, el("th", { scope: "row" }, open), count, ...line.cells.map(verdict));
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement;
  const tell = (what, value) => setTriggerValue("told", { what, value });
  const box = root.querySelector(".box") ?? root.appendChild(el("div", { className: "box", tabIndex: 0, role: "region" }));
  const at = (root.activeElement ?? root.getRootNode().activeElement)?.dataset?.at;
  box.setAttribute("aria-label", data.label);
  const heads = el("thead", {}, el("tr", {}, ...data.columns.map((column) => heading(column, data, tell))));
  const body = el("tbody", {}, ...data.rows.map((line) => row(line, tell)));
  box.replaceChildren(el("table", { "aria-label": data.label }, heads, body));
  if (at) [...box.querySelectorAll("button")].find((button) => button.dataset.at === at)?.focus({ preventScroll: true });
}
