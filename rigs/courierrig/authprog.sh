#!/bin/bash
# Answers for Courier's authpipe: anybody may sign in with the one password. It makes
# the Maildir and enters it in the index of shared accounts.
# account says where a user's mail is; his options are the second word.
account() {
	local name=$1 home=$RIG_DIR/mail/$1
	case $name in '' | .* | */* | *$'\t'*)
		echo FAIL
		return
		;;
	esac
	(
		flock 9 # two may sign in for the first time at once
		if ! [ -d "$home/Maildir/cur" ]; then
			mkdir -p "$home/Maildir/"{tmp,new,cur}
			chown -R "${RIG_IDS/ /:}" "$home"
			printf '%s\t%s\t%s\tMaildir\n' "$name" "${RIG_IDS/ /$'\t'}" "$home" >>/etc/courier/shared/index
		fi
	) 9>"$RIG_DIR/homes.lock"
	printf 'UID=%s\nGID=%s\nHOME=%s\nADDRESS=%s\nMAILDIR=Maildir\nOPTIONS=%s\n.\n' ${RIG_IDS} "$home" "$name" "$2"
}
# check answers a sign-in with what the client sent: service, kind, user, password.
check() {
	local fields
	mapfile -t fields <<<"$1"
	case ${fields[1]}/${fields[2]}/${fields[3]} in
	"login/$RIG_ADMIN/$RIG_ADMIN_PASSWORD") account "${fields[2]}" group=administrators ;;
	"login/$RIG_ADMIN/"*) echo FAIL ;;
	"login/${fields[2]}/$RIG_PASSWORD") account "${fields[2]}" ;;
	*) echo FAIL ;;
	esac
}
while IFS=' ' read -r verb rest; do
	case $verb in
	AUTH)
		IFS= read -r -N "$rest" data
		check "$data"
		;;
	PRE) account "${rest##* }" ;;
	ENUMERATE) echo . ;;
	*) echo FAIL ;;
	esac
done
