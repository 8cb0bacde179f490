// Logs in to Telegram on the page, by the keyboard alone: a wrong token, the right one, and out again.

import { isSound, open, press, says, signIn, tabTo, type } from "./browser.mjs";

const { url, token, pictures } = JSON.parse(process.argv[2]);
const { browser, page, complaints } = await open(url);
const picture = (name) => page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });

await says(page, "Sign in with your Matrix account");
await picture("form-1-sign-in");
await type(page, "Matrix user", "alice");
await type(page, "Password", "wrong");
await page.keyboard.press("Enter");
await says(page, "Invalid username or password");
await isSound(page);
await picture("form-2-refused");
await signIn(page, "alice");
await says(page, "Telegram");
await isSound(page);
await picture("form-3-networks");

await press(page, "Log in (Telegram)");
await says(page, "@BotFather");
await isSound(page);
await type(page, "Token", "nonsense");
await page.keyboard.press("Enter");
await says(page, "that is none; it looks like");
const invalid = await page.getAttribute("#field-token", "aria-invalid");
if (invalid !== "true") throw new Error("the field is not marked as wrong");
await tabTo(page, "Token");
await picture("form-4-wrong-token");

// What is under way is found again.
await page.reload();
await press(page, "Continue logging in");
await type(page, "Token", token);
await page.keyboard.press("Enter");
await says(page, "Logged in to Telegram as @harborbot.");
await says(page, "Connected");
await isSound(page);
await picture("form-5-logged-in");

await press(page, "Log out of Telegram as @harborbot");
await says(page, "Its chats get no more messages.");
await picture("form-6-log-out");
await press(page, "Stay logged in");
await press(page, "Log out of Telegram as @harborbot");
await press(page, "Log out");
await says(page, "Logged out: @harborbot.");
await says(page, "Not logged in");

await press(page, "Log in (Telegram)");
await says(page, "@BotFather");
await press(page, "Cancel");
await says(page, "Cancelled.");

await press(page, "Sign out");
await says(page, "Signed out.");
await page.reload();
await says(page, "Sign in with your Matrix account");
if ((await page.context().cookies()).length) throw new Error("the cookie is still there");
if (complaints.length) throw new Error(complaints.join("\n"));
await browser.close();
