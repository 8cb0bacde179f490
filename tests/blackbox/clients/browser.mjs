// A person with a browser and no mouse: Chromium without a screen, moved by the keyboard alone.

import { chromium } from "playwright-core";

const LIMIT_MS = 60_000;

export async function open(url, { narrow = false, dark = false } = {}) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const viewport = narrow ? { width: 320, height: 640 } : { width: 900, height: 800 };
  const context = await browser.newContext({ viewport, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const complaints = [];
  // A refused request is reported there, too; what it says is shown on the page.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("Failed to load resource")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return { browser, page, complaints };
}

/** What has the focus, as a screen reader would name it, and whether one sees that it has it. */
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
  return { name: label.trim(), isSeen: getComputedStyle(element).outlineStyle !== "none", tag: element.tagName };
});

/** Presses Tab until the control of this name has the focus. */
export async function tabTo(page, name) {
  const seen = [];
  for (let count = 0; count < 40; count += 1) {
    const at = await focused(page);
    if (["INPUT", "SELECT", "BUTTON", "SUMMARY", "A"].includes(at.tag) && at.name === name) {
      if (!at.isSeen) throw new Error(`${name} has the focus, and nothing shows it`);
      return;
    }
    seen.push(at.name);
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${name}; it leads to ${JSON.stringify(seen)}`);
}

export async function press(page, name) {
  await tabTo(page, name);
  await page.keyboard.press("Enter");
}

export async function type(page, name, text) {
  await tabTo(page, name);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

/** Until the page says so. */
export const says = (page, text) =>
  page.waitForFunction((text) => document.body.innerText.includes(text), text).catch(async (error) => {
    throw new Error(`the page does not say ${JSON.stringify(text)}: ${await page.innerText("body")}`, { cause: error });
  });

export async function signIn(page, user) {
  await type(page, "Matrix user", user);
  await type(page, "Password", "secret");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#user-id");
}

/** Nothing is wider than the screen, and every control has a name. */
export async function isSound(page) {
  const faults = await page.evaluate(() => {
    const width = document.documentElement;
    const faults = width.scrollWidth > width.clientWidth ? [`${width.scrollWidth} wide on ${width.clientWidth}`] : [];
    for (const control of document.querySelectorAll("input, select, button, a, summary")) {
      const name = control.getAttribute("aria-label") ?? control.labels?.[0]?.textContent ?? control.textContent;
      if (!name?.trim()) faults.push(`without a name: ${control.outerHTML}`);
    }
    for (const described of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
      for (const id of `${described.getAttribute("aria-describedby") ?? ""} ${described.getAttribute("aria-labelledby") ?? ""}`.split(" ")) {
        if (id && !document.getElementById(id)) faults.push(`${id} is named and not there`);
      }
    }
    return faults;
  });
  if (faults.length) throw new Error(faults.join("\n"));
}
