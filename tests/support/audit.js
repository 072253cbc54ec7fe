// What is looked for in a page, as axe does: overflow, contrast, names, order of headings.
function luminance(color) {
  const [r, g, b] = color.map((v) => {
    v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const numbers = (color) => color.match(/[\d.]+/g).map(Number);

function background(w, element) {
  for (; element; element = element.parentElement) {
    const color = numbers(w.getComputedStyle(element).backgroundColor);
    if (color.length < 4 || color[3] > 0) return color.slice(0, 3);
  }
  return [255, 255, 255];
}

function contrast(w, element) {
  const a = luminance(numbers(w.getComputedStyle(element).color));
  const b = luminance(background(w, element));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function audit(frame) {
  const w = frame.contentWindow;
  const d = w.document;
  const faults = [];
  if (d.documentElement.scrollWidth > w.innerWidth) faults.push("overflow: " + d.documentElement.scrollWidth);
  if (!d.documentElement.lang) faults.push("no lang");
  if (!d.title) faults.push("no title");
  for (const e of d.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((node) => node.nodeType == 3 && node.textContent.trim());
    if (own && e.getClientRects().length && !e.closest("svg") && contrast(w, e) < 4.5)
      faults.push("contrast " + contrast(w, e).toFixed(2) + ": " + e.textContent.trim().slice(0, 40));
  }
  for (const e of d.querySelectorAll("svg, [role=img], [role=group], [role=region], section"))
    if (!e.getAttribute("aria-label") && e.getAttribute("aria-hidden") != "true")
      faults.push("no name: " + e.outerHTML.slice(0, 60));
  for (const e of d.querySelectorAll("a"))
    if (!e.textContent.trim() && !e.getAttribute("aria-label")) faults.push("empty link");
  let level = 0;
  for (const e of d.querySelectorAll("h1, h2, h3")) {
    const next = Number(e.tagName[1]);
    if (next > level + 1) faults.push("heading skipped: " + e.textContent);
    level = next;
  }
  if (d.querySelectorAll("h1").length != 1) faults.push("not one h1");
  if (d.querySelector("script, link, img, iframe")) faults.push("needs more than itself");
  const links = [...d.querySelectorAll("a")].map((e) => e.getAttribute("href"));
  const dark = w.matchMedia("(prefers-color-scheme: dark)").matches;
  return { width: w.innerWidth, dark, faults, links };
}

window.onload = () => {
  const found = [...document.querySelectorAll("iframe")].map(audit);
  document.getElementById("found").textContent = JSON.stringify(found);
};
