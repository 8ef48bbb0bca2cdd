# shellcheck shell=sh
# What the scripts beside this share; they read it with `. scripts/common.sh` from the project's folder.

log=var/set-up.log

# Debian keeps programs that tests start (postfix, rabbitmq-server) where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# step TEXT COMMAND...: one line on the screen, what the command says in the log; if it fails, its last words on the screen too.
step() {
    step_text=$1
    shift
    mkdir -p var
    step_began=$(date +%s)
    printf '%s ... ' "$step_text"
    if "$@" >"$log" 2>&1 </dev/null; then
        say "$(($(date +%s) - step_began)) s"
    else
        say 'failed'
        tail -n 40 "$log" >&2
        fail '' "This failed: $step_text" "All that it said: $(pwd)/$log"
    fi
}
