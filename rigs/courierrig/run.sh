# The first process in the namespaces of a server. It ends, and so do all others, as
# soon as one of the servers ends.
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount --bind "$RIG_DIR/etc" /etc
mount --bind "$RIG_DIR/run" /run
mount --bind "$RIG_TREE/usr/libexec" /usr/libexec # the library names its gam_server so
set -a
. /etc/courier/authdaemonrc
set +a
"$RIG_TREE/usr/lib/courier/courier-authlib/authdaemond" &
until [ -S /run/courier/authdaemon/socket ]; do
	sleep 0.01
done
tcpd="$RIG_TREE/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=$RIG_CONNECTIONS -maxperip=$RIG_CONNECTIONS -nodnslookup -noidentlookup"
imap="$RIG_TREE/usr/lib/courier/courier/imaplogin $RIG_TREE/usr/bin/imapd Maildir"
IMAP_STARTTLS=YES $tcpd "$RIG_PORT" $imap &
IMAP_TLS=1 $tcpd "$RIG_TLS_PORT" "$COURIERTLS" -server -tcpd $imap &
wait -n
