// Compiles the published sources in the folder argv[3] with the compiler in the folder argv[2]; JSON on stdout.
// The settings are the ones Morpho was deployed with: via IR, 999999 runs, paris.
const fs = require("fs");
const path = require("path");

const compiler = require(path.join(process.argv[2], "soljson.js"));
const root = process.argv[3];
const sources = {};
const visit = (folder) => {
  for (const name of fs.readdirSync(path.join(root, folder))) {
    const inner = path.join(folder, name);
    if (fs.statSync(path.join(root, inner)).isDirectory()) visit(inner);
    else if (inner.endsWith(".sol")) sources[inner] = { content: fs.readFileSync(path.join(root, inner), "utf8") };
  }
};
visit("src");

const wanted = ["src/Morpho.sol", "src/mocks/OracleMock.sol", "src/mocks/IrmMock.sol", "src/mocks/ERC20Mock.sol"];
const outputSelection = Object.fromEntries(wanted.map((file) => [file, { "*": ["evm.bytecode.object"] }]));
const settings = { evmVersion: "paris", viaIR: true, optimizer: { enabled: true, runs: 999999 }, outputSelection };
const compile = compiler.cwrap("solidity_compile", "string", ["string", "number", "number"]);
const output = JSON.parse(compile(JSON.stringify({ language: "Solidity", sources, settings }), 0, 0));
const found = {};
for (const contracts of Object.values(output.contracts || {}))
  for (const [name, contract] of Object.entries(contracts)) found[name] = contract.evm.bytecode.object;
process.stdout.write(JSON.stringify({ errors: output.errors || [], bytecode: found }));
