// Lighthouse on pages of a running demo: node measure.js, asked in JSON on standard input
// ({chromium, url, email, password}), answers in JSON [{name, form, scores, failed}].
import { readFileSync } from "node:fs";
import lighthouse, { desktopConfig, snapshot } from "lighthouse";
import puppeteer from "puppeteer-core";

const { chromium, url, email, password } = JSON.parse(readFileSync(0));
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const PAGES = { home: "/", settings: "/t/kestrel-group/settings/", history: "/audit/" };
const flags = { disableStorageReset: true, onlyCategories: CATEGORIES };

function told(name, form, { lhr }) {
  const weighed = Object.values(lhr.categories).flatMap((category) => category.auditRefs.filter((one) => one.weight));
  const failed = weighed.map((one) => lhr.audits[one.id]).filter((audit) => audit.score !== null && audit.score < 0.9);
  const scores = Object.values(lhr.categories).map((one) => [one.id, scored(lhr, one)]);
  return { name, form, scores: Object.fromEntries(scores), failed: failed.map((audit) => `${audit.id} ${audit.displayValue ?? ""}`.trim()) };
}

// A page that is only looked at was not loaded: nothing can be said of how quick it is.
function scored(lhr, { id, score }) {
  return score === null || (id === "performance" && lhr.gatherMode === "snapshot") ? null : Math.round(score * 100);
}

async function signIn(page) {
  await page.goto(`${url}/accounts/login/`);
  await page.type("[name=login]", email);
  await page.type("[name=password]", password);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
}

// The review is the answer to a form: it cannot be loaded by its address, only looked at as it is.
async function openReview(page) {
  await page.goto(url + PAGES.settings);
  await page.select("[name=startActiveHour]", "7");
  await Promise.all([page.waitForNavigation(), page.$eval("form:has([name=startActiveHour])", (form) => form.requestSubmit())]);
}

const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await puppeteer.launch({ executablePath: chromium, args });
const page = await browser.newPage();
const found = [];
await signIn(page);
for (const [form, config] of Object.entries({ desktop: desktopConfig, mobile: undefined })) {
  for (const [name, path] of Object.entries(PAGES)) {
    found.push(told(name, form, await lighthouse(url + path, flags, config, page)));
  }
  await openReview(page);
  found.push(told("review", form, await snapshot(page, { flags, config })));
}
await browser.close();
process.stdout.write(JSON.stringify(found));
