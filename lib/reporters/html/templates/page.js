(() => {
  "use strict";
  const make = (tag, facts) => Object.assign(document.createElement(tag), facts);
  const number = text => {
    const found = /^[-+]?[\d,]*\.?\d+/.exec(text.replace(/^[✓✗–?]\s*/, ""));
    return found ? parseFloat(found[0].replaceAll(",", "")) : NaN;
  };
  const units = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86400, bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
  const weight = text => {
    const parts = [...text.matchAll(/([\d,]*\.?\d+)\s*(ms|s|min|h|d|bytes|kB|MB|GB)\b/g)];
    return parts.length ? parts.reduce((sum, [, many, unit]) => sum + parseFloat(many.replaceAll(",", "")) * units[unit], 0) : number(text);
  };
  const order = (a, b) => {
    const [x, y] = [weight(a), weight(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) return x - y;
    return a.localeCompare(b, "en", { numeric: true });
  };
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(code);
        const chosen = getSelection();
        chosen.removeAllRanges();
        chosen.addRange(range);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
  for (const table of document.querySelectorAll("main table")) {
    const body = table.tBodies[0];
    const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
    if (!body || table.tBodies.length > 1 || body.rows.length < 3 || !heads.length) continue;
    const rows = [...body.rows];
    if (rows.every(row => row.cells.length === heads.length)) {
      heads.forEach((head, place) => {
        const button = make("button", { type: "button", className: "sort", textContent: head.textContent });
        head.replaceChildren(button);
        button.addEventListener("click", () => {
          const up = head.getAttribute("aria-sort") !== "ascending";
          heads.forEach(one => one.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", up ? "ascending" : "descending");
          const text = row => row.cells[place].innerText.trim();
          body.append(...rows.sort((a, b) => (up ? 1 : -1) * order(text(a), text(b))));
        });
      });
    }
    if (rows.length < 9) continue;
    const caption = table.caption ? table.caption.textContent : "this table";
    const field = make("input", { type: "search", placeholder: "Search these rows" });
    field.setAttribute("aria-label", `Search the rows of: ${caption}`);
    const said = make("output", {});
    const box = make("div", { className: "find" });
    box.append(field, said);
    const frame = table.closest(".scroll") || table;
    frame.before(box);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
        left += !row.hidden;
      }
      said.textContent = words.length ? `${left} of ${rows.length}` : "";
    });
  }
  const open = () => {
    const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    for (let one = place; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    place.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => document.querySelectorAll("details.cut").forEach(one => { one.open = true; }));
})();
