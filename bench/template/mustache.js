// mustache.js SECONDS JSON: renders the cases and writes "case way nanoseconds" lines.
const fs = require("fs");
const Mustache = require("mustache");

const seconds = Number(process.argv[2]);
const cases = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const asItIs = (text) => String(text);

function time(call) {
  let count = 1, taken = 0;
  while (taken < seconds) {
    count *= 2;
    const started = process.hrtime.bigint();
    for (let i = 0; i < count; i++) call();
    taken = Number(process.hrtime.bigint() - started) / 1e9;
  }
  return (taken / count) * 1e9;
}

for (const item of cases) {
  const config = item.escape === "text" ? { escape: asItIs } : undefined;
  const render = () => Mustache.render(item.template, item.data, {}, config);
  if (render() !== item.expected) throw new Error(item.name + ": not the same text");
  console.log(`${item.name} mustache.js ${time(render).toFixed(0)}`);
}
