#!/bin/sh
# /usr/local/sbin/engine start|stop in a host: what Debian's service does, without systemd.
case $1 in
start)
    exec setsid --fork dockerd --bridge=none --iptables=false --cgroup-parent="/mspass-lab/$(hostname)" \
        >> /var/log/docker.log 2>&1 < /dev/null
    ;;
stop)
    [ -e /run/docker.pid ] || exit 0
    pid=$(cat /run/docker.pid)
    kill "$pid" 2> /dev/null || exit 0 # it crashed
    timeout 60 tail --pid="$pid" --sleep-interval=0.1 --follow /dev/null
    ;;
esac
