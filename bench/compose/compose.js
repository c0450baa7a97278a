// compose.js FILE MODULES: Nodemailer's MailComposer composes a message with the file attached, into
// /dev/null.
const fs = require('fs')
const path = require('path')
const [file, modules] = process.argv.slice(2)
const find = require('module').createRequire(path.join(path.resolve(modules), 'x.js'))
const found = find('nodemailer/lib/mail-composer')
const MailComposer = found.default || found

const start = process.hrtime.bigint()
const composer = new MailComposer({
  from: 'a@example.org', to: 'b@example.org', subject: 'A large file', text: 'See the attachment.\n',
  attachments: [{ path: file, filename: 'attachment.bin', contentType: 'application/octet-stream' }]
})
let octets = 0
const stream = composer.compile().createReadStream()
stream.on('data', chunk => { octets += chunk.length })
stream.pipe(fs.createWriteStream('/dev/null')).on('finish', () => {
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  console.log('seconds ' + seconds.toFixed(6) + ' octets ' + octets)
})
