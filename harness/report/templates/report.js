// What a script adds: tables sort by a click on their head, and a button changes light and dark. All works without.
(() => {
  const number = text => {
    const found = text.replace(/,/g, "").match(/-?\d+(\.\d+)?/);
    if (!found) return text.trim() ? text.toLowerCase() : "";
    const units = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, B: 1, KiB: 1024, MiB: 1048576, GiB: 1073741824 };
    const unit = text.replace(/,/g, "").slice(found.index + found[0].length).match(/^\s*([a-zµ]+)/i);
    return Number(found[0]) * ((unit && units[unit[1]]) || 1);
  };
  const compare = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.querySelectorAll("thead th")];
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) continue;
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(each => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const key = row => number(row.cells[column].firstChild ? row.cells[column].textContent : "");
        const rows = [...body.rows].map(row => [key(row), row]);
        rows.sort((a, b) => (rising ? 1 : -1) * compare(a[0], b[0]));
        body.append(...rows.map(each => each[1]));
      });
    });
  }
  const theme = document.createElement("button");
  theme.type = "button";
  theme.className = "theme";
  const root = document.documentElement;
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const tell = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; tell(); });
  tell();
  document.querySelector(".eyebrow").append(theme);
})();
