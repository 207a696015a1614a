#!/bin/sh
# /usr/local/sbin/engine start|stop in a host: what Debian's service does, without systemd.
case $1 in
start)
    # The template's layers; an engine that ends unmounts what is mounted in its folder.
    for layer in /run/layers/*/diff; do
        mine=/var/lib/docker/overlay2/${layer#/run/layers/}
        [ -d "$mine" ] || continue # the host removed the image
        mountpoint -q "$mine" && continue
        mount --bind "$layer" "$mine"
        mount -o remount,ro,bind "$mine"
    done
    exec setsid --fork dockerd --bridge=none --iptables=false --cgroup-parent="/$(cat /etc/lab)/$(hostname)" \
        >> /var/log/docker.log 2>&1 < /dev/null
    ;;
stop)
    [ -e /run/docker.pid ] || exit 0
    pid=$(cat /run/docker.pid)
    kill "$pid" 2> /dev/null || exit 0 # it crashed
    timeout 60 tail --pid="$pid" --sleep-interval=0.1 --follow /dev/null
    ;;
esac
