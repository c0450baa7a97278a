#!/usr/bin/env node
// Reads every .eml file of a folder with npm's mailparser, and prints what it understood: one JSON
// object a line, see foreign_spec.lua. It tells no tree: text, html and attachments only.
// SPDX-License-Identifier: MIT
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const modules = path.resolve(process.argv[3]);
const { simpleParser } = require(path.join(modules, 'mailparser'));
const libmime = require(path.join(modules, 'libmime'));

const ADDRESS_HEADERS = ['from', 'sender', 'reply-to', 'to', 'cc'];

function item(entry) {
  if (entry.group) {
    return { group: entry.name, members: entry.group.map(item) };
  }
  return { name: entry.name, address: entry.address };
}

function addressesOf(mail) {
  const found = {};
  for (const name of ADDRESS_HEADERS) {
    const header = mail.headers.get(name);
    if (header) {
      found[name] = [].concat(...[].concat(header).map((one) => one.value.map(item)));
    }
  }
  return found;
}

function attachment(part) {
  return {
    type: part.contentType,
    disposition: part.contentDisposition || null,
    filename: part.filename === undefined ? null : part.filename,
    id: part.contentId || null,
    size: part.content.length,
    sha256: crypto.createHash('sha256').update(part.content).digest('hex'),
  };
}

async function read(file) {
  const mail = await simpleParser(fs.readFileSync(file), {
    skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, keepCidLinks: true,
  });
  const fields = {};
  for (const [name, value] of mail.headers) {
    if (typeof value === 'string') {
      // mailparser itself decodes the words of the fields that it knows only.
      fields[name] = name === 'subject' ? value : libmime.decodeWords(value);
    }
  }
  const parts = [];
  if (mail.text) { // it cannot tell an empty text from none
    parts.push({ type: 'text/plain', text: mail.text });
  }
  if (mail.html) {
    parts.push({ type: 'text/html', text: mail.html });
  }
  return {
    names: mail.headerLines.map((line) => line.key),
    fields,
    addresses: addressesOf(mail),
    parts: parts.concat(mail.attachments.map(attachment)),
    defects: [],
  };
}

async function main(folder) {
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.eml')).sort()) {
    let found;
    try {
      found = await read(path.join(folder, name));
    } catch (error) {
      found = { failed: String(error) };
    }
    found.file = name;
    process.stdout.write(JSON.stringify(found) + '\n');
  }
}

main(process.argv[2]);
