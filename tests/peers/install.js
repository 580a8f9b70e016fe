// install.js - the packages of package.json, into FOLDER/node_modules, once.
//
// Without their optional packages (other platforms, graphics cards) and without running
// their scripts (which would fetch or compile more); what we need is in what npm brings.
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { output } from './engine.js';

const wanted = new URL('package.json', import.meta.url);

// An error's sentence, or null if all is there.
export function installPeers(folder) {
  const here = `${folder}/package.json`;
  const isDone = existsSync(here) && existsSync(`${folder}/node_modules`) &&
    readFileSync(here, 'utf8') === readFileSync(wanted, 'utf8');
  if (isDone) return null;
  copyFileSync(wanted, here);
  try {
    output('npm', ['install', '--omit=optional', '--ignore-scripts', '--no-package-lock',
      '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, timeout: 240000 });
    return null;
  } catch (e) {
    rmSync(here);
    return e.message;
  }
}
