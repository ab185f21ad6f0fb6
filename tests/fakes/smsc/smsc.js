// An SMSC for tests: the server and the codec of the npm package `smpp`, told over standard input what to do.
//
// One JSON object a line comes in, `{"id", "do", …}`, and one goes out for each, `{"id", "answer"}`; the first line
// out is `{"port"}`. What the codec made of each unit that came in is kept in `history`; the password is compared
// here and not kept. `wait` answers once there are so many units of a command, so that no test has to guess a time.
"use strict";
const fs = require("node:fs");
const readline = require("node:readline");
const smpp = require("smpp");

const options = JSON.parse(process.argv[2] || "{}");
const sessions = new Set();
const history = [];
const waiting = [];
const answers = []; // for the next submits, in order: {status}, {silent}, {drop}, {hold}, {nack}, {id}
const held = [];
let answersLinks = true;
let bindStatus = 0;
let mostBound = Infinity;
let taken = 0;

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

function note(unit) {
  const { password, short_message, ...kept } = unit;
  for (const [name, value] of Object.entries(kept)) {
    if (value instanceof Date) kept[name] = value.toISOString();
    if (Buffer.isBuffer(value)) kept[name] = value.toString("hex");
  }
  if (short_message !== undefined) {
    kept.text = Buffer.isBuffer(short_message.message) ? null : short_message.message;
    kept.udh = (short_message.udh || []).map((each) => each.toString("hex"));
  }
  if (password !== undefined) kept.password_is_right = password === options.password;
  history.push(kept);
  for (const each of [...waiting]) {
    if (count(each.command) >= each.count) {
      waiting.splice(waiting.indexOf(each), 1);
      say({ id: each.id, answer: null });
    }
  }
}

const count = (command) => history.filter((unit) => unit.command === command).length;

function submitted(session, unit) {
  const how = answers.shift() || {};
  if (how.silent) return;
  if (how.drop) {
    session.destroy();
    return;
  }
  const fields = how.status
    ? { command_status: how.status }
    : { message_id: how.id === undefined ? `m-${++taken}` : how.id };
  const answer = () =>
    session.send(
      how.nack
        ? new smpp.PDU("generic_nack", { command_status: how.nack, sequence_number: unit.sequence_number })
        : unit.response(fields),
    );
  if (how.hold) held.push(answer);
  else answer();
}

function accepted(session) {
  sessions.add(session);
  session.on("close", () => sessions.delete(session));
  session.on("error", () => {});
  session.on("pdu", (unit) => {
    note({ ...unit });
    if (unit.command.startsWith("bind_") && !unit.isResponse()) {
      const right = unit.system_id === options.system_id && unit.password === options.password;
      const full = [...sessions].filter((each) => each.isBound).length >= mostBound;
      const status = bindStatus || (!right ? smpp.ESME_RINVPASWD : full ? smpp.ESME_RALYBND : 0);
      session.isBound = status === 0;
      session.send(unit.response(status ? { command_status: status } : { system_id: "smsc" }));
      if (status) session.close();
    } else if (unit.command === "submit_sm") submitted(session, unit);
    else if (unit.command === "enquire_link" && answersLinks) session.send(unit.response());
    else if (unit.command === "unbind") {
      session.send(unit.response());
      session.close();
    }
  });
}

const bound = () => [...sessions].filter((session) => session.isBound).pop();

function reset() {
  sessions.forEach((session) => session.destroy());
  sessions.clear();
  for (const list of [history, waiting, answers, held]) list.length = 0;
  answersLinks = true;
  bindStatus = 0;
  mostBound = Infinity;
  taken = 0;
}

const verbs = {
  reset,
  history: () => history,
  answer: ({ with: next }) => void answers.push(...next),
  release: () => void held.splice(0).forEach((answer) => answer()),
  links: ({ answered }) => void (answersLinks = answered),
  binds: ({ status }) => void (bindStatus = status),
  room: ({ most }) => void (mostBound = most),
  drop: () => void sessions.forEach((session) => session.destroy()),
  unbind: () => void bound().unbind(),
  enquire: () => void bound().enquire_link(),
  raw: ({ hex }) => void bound().socket.write(Buffer.from(hex, "hex")),
};

function told(line) {
  const { id, do: verb, ...rest } = JSON.parse(line);
  if (verb === "wait") {
    if (count(rest.command) >= rest.count) say({ id, answer: null });
    else waiting.push({ id, command: rest.command, count: rest.count });
  } else if (verb === "deliver") {
    // Answered with what the client answered the deliver_sm with.
    const fields = { ...rest.fields };
    if (fields.receipted_message_id) fields.receipted_message_id = String(fields.receipted_message_id);
    bound().deliver_sm(fields, (unit) => say({ id, answer: unit.command_status }));
  } else say({ id, answer: verbs[verb](rest) ?? null });
}

const tls = options.pem ? { key: fs.readFileSync(options.pem), cert: fs.readFileSync(options.pem) } : {};
const server = smpp.createServer(tls, accepted);
server.on("error", (error) => {
  process.stderr.write(`${error.code}\n`);
  process.exit(1);
});
server.on("tlsClientError", () => {});
server.listen(options.port || 0, "127.0.0.1", () => say({ port: server.address().port }));
const input = readline.createInterface({ input: process.stdin });
input.on("line", told);
input.on("close", () => process.exit(0)); // whoever started it is gone
