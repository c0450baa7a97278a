#!/bin/sh
# Configures Postfix in a system of its own and becomes it: run.sh PORT SUBMISSION SMTPS,
# all of them ports. Started by mta.sh.
# SPDX-License-Identifier: MIT
set -eu
port=$1 submission=$2 smtps=$3

# In place of the machine's own users: the overlay's copy.
echo 'postfix:x:64991:64991::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
echo 'postmail:x:64993:64993::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
printf 'postfix:x:64991:\npostdrop:x:64992:\npostmail:x:64993:\n' >>/etc/group

mkdir -p /etc/postfix /var/spool/postfix /var/lib/postfix
cp /srv/server/main.cf /etc/postfix/main.cf
sed "s/@PORT@/$port/" /srv/server/master.cf >/etc/postfix/master.cf

offer_tls() {
  cp /srv/server/certificate.pem /etc/postfix/certificate.pem
  chmod 600 /etc/postfix/certificate.pem
  printf 'smtpd_tls_chain_files = /etc/postfix/certificate.pem\nsmtpd_tls_security_level = may\n' \
    >>/etc/postfix/main.cf
}

# A port for people with a password: service PORT PARAMETER...
service() {
  printf '%s inet n - n - - smtpd\n' "$1"
  shift
  printf '  -o %s\n' "$@" smtpd_sasl_auth_enable=yes \
    smtpd_recipient_restrictions=permit_sasl_authenticated,reject
}

let_in() { # let_in USER PASSWORD
  mkdir -p /etc/postfix/sasl
  printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' 'mech_list: PLAIN LOGIN' \
    'sasldb_path: /etc/postfix/sasl/users' >/etc/postfix/sasl/smtpd.conf
  printf '%s' "$2" | saslpasswd2 -p -c -f /etc/postfix/sasl/users -u example.test "$1"
  chown root:postfix /etc/postfix/sasl/users
  chmod 640 /etc/postfix/sasl/users
  service "$submission" smtpd_tls_security_level=encrypt >>/etc/postfix/master.cf
  service "$smtps" smtpd_tls_wrappermode=yes >>/etc/postfix/master.cf
}

if [ -f /srv/server/certificate.pem ]; then
  offer_tls
  if [ -s /srv/server/login ]; then
    read -r user password </srv/server/login
    let_in "$user" "$password"
  fi
fi
chgrp postdrop /usr/sbin/postqueue /usr/sbin/postdrop
chmod 2755 /usr/sbin/postqueue /usr/sbin/postdrop
chown postfix /var/lib/postfix
chown postmail:postmail /srv/mail
: >/srv/log
exec postfix start-fg
