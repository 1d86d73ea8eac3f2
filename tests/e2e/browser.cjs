// Drives headless Chromium for the end-to-end tests: one JSON command a line in, one JSON answer a line out.
"use strict";

const readline = require("node:readline");
const { chromium } = require("playwright-core");

const CARD = ".ac-adaptiveCard";
const TEXT_BOX = "[role=textbox][data-lexical-editor]";
const PATIENCE_MS = 20_000;
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost", // nothing leaves this machine
  ...(process.getuid() === 0 ? ["--no-sandbox"] : []), // Chromium has no sandbox for root
];

let browser;
let page;
const pages = new Map(); // by the name of the chat: several people are there at once

const commands = {
  async launch({ chromium: executablePath }) {
    browser = await chromium.launch({ executablePath, args: FLAGS });
  },

  // A window of its own: nothing of the chat before is left. Without a name it replaces all others.
  async open({ url, name }) {
    if (name === undefined) {
      for (const other of pages.values()) await other.context().close();
      pages.clear();
    }
    const context = await browser.newContext({ viewport: { width: 1280, height: 1300 }, deviceScaleFactor: 1.5 });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
    pages.set(name ?? "", page);
    await page.goto(url, { waitUntil: "domcontentloaded" });
    await page.locator(TEXT_BOX).waitFor();
    await page.getByText("Configuration file is loaded").first().waitFor();
    await page.getByTitle("Hide log panel").click();
  },

  // Turns to another person's window.
  async turn({ name }) {
    page = pages.get(name);
    await page.bringToFront();
  },

  async say({ text }) {
    await page.locator(TEXT_BOX).click();
    await page.keyboard.insertText(text);
    await page.getByLabel("Send Message").click();
  },

  // Waits until the last card shows a text.
  async see({ text }) {
    const last = page.locator(CARD).last();
    await last.filter({ hasText: text }).waitFor();
    return {
      cards: await page.locator(CARD).count(),
      text: await last.innerText(),
      buttons: await last.getByRole("button").allInnerTexts(),
    };
  },

  // Waits until any card shows a text, or one of several, and gives the last such card.
  async find({ text, patience }) {
    const found = page.locator(CARD).filter({ hasText: anyOf(text) }).last();
    await found.waitFor({ timeout: patience ?? PATIENCE_MS });
    return {
      cards: await page.locator(CARD).count(),
      text: await found.innerText(),
      buttons: await found.getByRole("button").allInnerTexts(),
    };
  },

  // Presses a button of the last card that has it and shows a text, after filling in its fields by their labels.
  async pressOn({ text, title, fields }) {
    const button = page.getByRole("button", { name: title, exact: true });
    const found = page.locator(CARD).filter({ hasText: text }).filter({ has: button }).last();
    for (const [label, value] of Object.entries(fields ?? {})) {
      await found.getByLabel(label).last().fill(value);
    }
    await found.getByRole("button", { name: title, exact: true }).last().click();
  },

  async shootCard({ text, card, window }) {
    const found = page.locator(CARD).filter({ hasText: text }).last();
    // Other cards may come at any time, and a card that moves is never "stable": then the window has to do.
    await found.evaluate((element) => element.scrollIntoView({ block: "center" }));
    await page.mouse.move(0, 0);
    if (window) await page.screenshot({ path: window });
    await found.screenshot({ path: card, timeout: 4000 }).catch(() => page.screenshot({ path: card }));
  },

  async press({ title }) {
    await page.locator(CARD).last().getByRole("button", { name: title, exact: true }).click();
  },

  async shoot({ card, window }) {
    const last = page.locator(CARD).last();
    await last.scrollIntoViewIfNeeded();
    await page.mouse.move(0, 0);
    await page.screenshot({ path: window });
    await last.screenshot({ path: card });
  },
};

function anyOf(text) {
  const plain = (one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return Array.isArray(text) ? new RegExp(text.map(plain).join("|")) : text;
}

async function answer(line) {
  const { do: name, ...parameters } = JSON.parse(line);
  try {
    return { answer: (await commands[name](parameters)) ?? null };
  } catch (error) {
    const shown = page ? await page.locator("body").innerText().catch(() => "") : "";
    return { error: `${name}: ${error.message}`, shown };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
  await browser?.close();
}

main();
