// Compiles WGSL with Dawn, Chrome's WebGPU, whose compiler is Tint, and tells what it says:
// `node judge_tint.mjs PACKAGE BACKEND < LIST`. PACKAGE is the folder of npm's `webgpu`; BACKEND is `null`, where Tint reads and
// checks but writes nothing, or `vulkan`. LIST and the answers are those of hlsl_judge.c, with a pipeline's constants
// (`-NAME=VALUE,...`) as a third word.
import fs from 'node:fs';

const [folder, backend] = process.argv.slice(2);
const { create, globals } = await import(`${folder}/index.js`);
Object.assign(globalThis, globals);
// Dawn prints each error besides handing it over.
console.error = console.warn = () => {};
// Named, for what is collected takes its devices along.
const gpu = create([`backend=${backend}`]);
const adapter = await gpu.requestAdapter();
if (!adapter) {
  process.stderr.write(`Dawn finds no adapter for ${backend}\n`);
  process.exit(2);
}
const device = await adapter.requestDevice();

for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
  const [path, entryPoint, told] = line.split('\t');
  const words = told.slice(1).split(',').filter(Boolean).map((word) => word.split('='));
  const constants = Object.fromEntries(words.map(([name, value]) => [name, Number(value)]));
  const messages = [];
  device.pushErrorScope('validation');
  device.pushErrorScope('internal');
  const module = device.createShaderModule({ code: fs.readFileSync(path, 'utf8') });
  for (const { type, lineNum, message } of (await module.getCompilationInfo()).messages) {
    if (type !== 'info') messages.push(`${type} in line ${lineNum}: ${message}`);
  }
  const failed = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint, constants } })
    .then(() => null, (error) => error);
  for (const error of [failed, await device.popErrorScope(), await device.popErrorScope()]) {
    if (error && !messages.length) messages.push(error.message);
  }
  const verdict = messages.length ? 'rejected' : 'ok';
  console.log(`${path}\t${verdict}\t${messages.join(' ').replaceAll(/\s+/g, ' ')}`);
}
process.exit(0);
