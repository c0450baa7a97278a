#!/bin/sh
# Configures Postfix in a system of its own and becomes it: run.sh PORT. Started by mta.sh.
# SPDX-License-Identifier: MIT
set -eu
port=$1

# In place of the machine's own users: the overlay's copy.
echo 'postfix:x:64991:64991::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
echo 'postmail:x:64993:64993::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
printf 'postfix:x:64991:\npostdrop:x:64992:\npostmail:x:64993:\n' >>/etc/group

mkdir -p /etc/postfix /var/spool/postfix /var/lib/postfix
cp /srv/server/main.cf /etc/postfix/main.cf
sed "s/@PORT@/$port/" /srv/server/master.cf >/etc/postfix/master.cf
if [ -f /srv/server/certificate.pem ]; then
  cp /srv/server/certificate.pem /etc/postfix/certificate.pem
  chmod 600 /etc/postfix/certificate.pem
  printf 'smtpd_tls_chain_files = /etc/postfix/certificate.pem\nsmtpd_tls_security_level = may\n' \
    >>/etc/postfix/main.cf
fi
chgrp postdrop /usr/sbin/postqueue /usr/sbin/postdrop
chmod 2755 /usr/sbin/postqueue /usr/sbin/postdrop
chown postfix /var/lib/postfix
chown postmail:postmail /srv/mail
: >/srv/log
exec postfix start-fg
