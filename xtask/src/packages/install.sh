# Installs the packages given as arguments; no service starts now or at the next boot because of it.
set -e
export DEBIAN_FRONTEND=noninteractive

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi

apt-get update -qq
for package in "$@"; do
    if [ "$package" = postfix ]; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    fi
done
apt-get install -qq -y --no-install-recommends "$@"

if command -v systemctl > /dev/null; then
    for package in "$@"; do
        case $package in
            dovecot-imapd) systemctl disable dovecot.service dovecot.socket || true ;;
            postfix) systemctl disable postfix.service || true ;;
            cron) systemctl disable cron.service || true ;;
            microsocks) systemctl disable microsocks.service || true ;;
        esac
    done
fi
