#!/bin/sh
# Configures Exim in a system of its own and becomes it: run.sh PORT ... . Started by mta.sh.
# SPDX-License-Identifier: MIT
set -eu
port=$1

# In place of the machine's own user: the overlay's copy.
echo 'Debian-exim:x:64995:64995::/var/spool/exim4:/usr/sbin/nologin' >>/etc/passwd
echo 'Debian-exim:x:64995:' >>/etc/group
mkdir -p /etc/exim4 /var/spool/exim4
sed "s/@PORT@/$port/" /srv/server/exim.conf >/etc/exim4/exim4.conf
chmod 644 /etc/exim4/exim4.conf
chown -R Debian-exim:Debian-exim /var/spool/exim4 /srv/mail
ln -sf mail/mainlog /srv/log
exec /usr/sbin/exim4 -bdf
