#!/bin/sh
# Configures Dovecot's submission service in a system of its own and becomes it: run.sh PORT SUBMISSION
# SMTPS, all of them ports (PORT stays unused). Started by mta.sh; its standard input had the lines
# "user password", the relay's port and, in base64, the key that signs tokens.
# SPDX-License-Identifier: MIT
set -eu
submission=$2 smtps=$3

{
  echo 'dovecot:x:64995:64995::/nonexistent:/usr/sbin/nologin'
  echo 'dovenull:x:64996:64996::/nonexistent:/usr/sbin/nologin'
  echo 'dovemail:x:64994:64994::/nonexistent:/usr/sbin/nologin'
} >>/etc/passwd
printf 'dovecot:x:64995:\ndovenull:x:64996:\ndovemail:x:64994:\n' >>/etc/group

mkdir -p /etc/dovecot/keys/default/HS256 /run/dovecot /var/lib/dovecot
cp /srv/server/certificate.pem /etc/dovecot/certificate.pem
{
  read -r user password
  read -r relay
  read -r key
} </srv/server/login
printf '%s:{PLAIN}%s\n' "$user" "$password" >/etc/dovecot/users
printf '%s' "$key" >/etc/dovecot/keys/default/HS256/default
cat >/etc/dovecot/oauth2.conf <<'END'
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=/etc/dovecot/keys/
username_attribute = sub
username_format = %u
END
chown -R dovecot:dovecot /etc/dovecot/users /etc/dovecot/keys /etc/dovecot/oauth2.conf
chmod 600 /etc/dovecot/users /etc/dovecot/certificate.pem
sed "s/@SUBMISSION@/$submission/; s/@SMTPS@/$smtps/; s/@RELAY@/$relay/" \
  /srv/server/dovecot.conf >/etc/dovecot/dovecot.conf
chown dovemail:dovemail /srv/mail
: >/srv/log
exec dovecot -F -c /etc/dovecot/dovecot.conf
