// SPDX-License-Identifier: GPL-3.0-or-later
// Debian's Chromium, driven by Playwright, kept from calling anywhere but loopback.
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from './harness.mjs';

const require = createRequire(path.join(root, 'tests/package.json'));
const { chromium } = require('playwright-core');

export async function browse(options = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-quic', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
    ...options,
  });
}
