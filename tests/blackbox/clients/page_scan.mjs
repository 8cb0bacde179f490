// Logs in by a code that a phone scans, and by a cookie with a second factor; on a narrow dark screen.

import { createServer } from "node:http";

import { isSound, open, press, says, signIn, type } from "./browser.mjs";

const { url, far_end_port, pictures } = JSON.parse(process.argv[2]);
let isScanned = false;
const phone = createServer((request, response) => response.writeHead(isScanned ? 200 : 404).end()).listen(far_end_port, "127.0.0.1");

const { browser, page, complaints } = await open(url, { narrow: true, dark: true });
const picture = (name) => page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
const isDark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((part) => part < 60));

await signIn(page, "bob");
await says(page, "Hostile");
await isSound(page);
if (!(await isDark())) throw new Error("it is not dark");
await picture("scan-1-networks");

await press(page, "Log in: Phone (Hostile)");
await page.waitForSelector("svg.qr");
await says(page, "scan this code");
const code = () => page.getAttribute("svg.qr path", "d");
const first = await code();
await picture("scan-2-code");
await press(page, "I can't scan it");
await says(page, "harbor://link");
await isSound(page);
await page.waitForFunction((first) => document.querySelector("svg.qr path")?.getAttribute("d") !== first, first);
await says(page, "The code was renewed.");
isScanned = true;
await says(page, "Logged in to Hostile as Pier.");
await isSound(page);
await picture("scan-3-logged-in");

await press(page, "Log in: Browser (Hostile)");
await says(page, "in a private window");
await page.waitForSelector("#field-session");
await isSound(page);
await picture("scan-4-cookie");
await type(page, "session", "");
await page.keyboard.press("Enter");
await says(page, "copy the cookie's value");
await type(page, "session", "abc");
await page.keyboard.press("Enter");
await says(page, "second factor");
await type(page, "Code", "1");
await page.keyboard.press("Enter");
await says(page, "that is not it");
await isSound(page);
await picture("scan-5-code");
await type(page, "Code", "123456");
await page.keyboard.press("Enter");
await says(page, "Logged in to Hostile as Pier.");
if (complaints.length) throw new Error(complaints.join("\n"));
await browser.close();
phone.close();
