// Verifies what it reads, a message a line, with npm's standardwebhooks, and writes
// an answer a line: "ok", or why not. The first argument is the node_modules.
const path = require("node:path");
const lines = require("node:readline");
const { Webhook } = require(path.join(process.argv[2], "standardwebhooks"));

lines.createInterface({ input: process.stdin }).on("line", (line) => {
  const { secret, body, headers } = JSON.parse(line);
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
    console.log("ok");
  } catch (fault) {
    console.log(String(fault.message).replaceAll("\n", " "));
  }
});
