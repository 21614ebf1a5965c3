// Lighthouse on pages of a running demo: node measure.js, asked in JSON on standard input
// ({chromium, url, email, password}), answers in JSON [{name, form, scores, failed}].
import { readFileSync } from "node:fs";
import lighthouse, { desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";

const { chromium, url, email, password } = JSON.parse(readFileSync(0));
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const PAGES = { home: "/", settings: "/t/kestrel-group/settings/", history: "/audit/" };
const flags = { disableStorageReset: true, onlyCategories: CATEGORIES };

function summarize(name, form, { lhr }) {
  const weighed = Object.values(lhr.categories).flatMap((category) => category.auditRefs.filter((one) => one.weight));
  const failed = weighed.map((one) => lhr.audits[one.id]).filter((audit) => audit.score !== null && audit.score < 0.9);
  const scores = Object.values(lhr.categories).map(({ id, score }) => [id, score === null ? null : Math.round(score * 100)]);
  return { name, form, scores: Object.fromEntries(scores), failed: failed.map((audit) => `${audit.id} ${audit.displayValue ?? ""}`.trim()) };
}

async function signIn(page) {
  await page.goto(`${url}/accounts/login/`);
  await page.type("[name=login]", email);
  await page.type("[name=password]", password);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
}

// The review is the answer to a form: Lighthouse takes the time from the moment the form is sent.
async function readyToReview(page) {
  await page.goto(url + PAGES.settings);
  await page.select("[name=startActiveHour]", "7");
  return () => page.$eval("form:has([name=startActiveHour])", (form) => form.requestSubmit());
}

const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await puppeteer.launch({ executablePath: chromium, args });
const page = await browser.newPage();
const found = [];
await signIn(page);
for (const [form, config] of Object.entries({ desktop: desktopConfig, mobile: undefined })) {
  for (const [name, path] of Object.entries(PAGES)) {
    found.push(summarize(name, form, await lighthouse(url + path, flags, config, page)));
  }
  found.push(summarize("review", form, await lighthouse(await readyToReview(page), flags, config, page)));
}
await browser.close();
process.stdout.write(JSON.stringify(found));
