#!/bin/bash
# PID 1 of a host: NAME TREE TEMPLATE, in the host's folder. Mounts the host's root, moves into it, starts what a host runs.
set -e
umask 022
name=$1 tree=$2 template=$3
mount --make-rprivate /
echo "$name" > /proc/sys/kernel/hostname

mkdir -p root work
if [ -d docker ]; then mkdir -p upper/var/lib/docker; fi
mount -t overlay -o "lowerdir=$tree,upperdir=upper,workdir=work" overlay root
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount --rbind /sys/fs/cgroup root/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=755 tmpfs root/dev
cp -a /dev/{null,zero,full,random,urandom,tty} root/dev/
mkdir root/dev/{pts,shm,mqueue} root/run/{lock,sshd}
mount -t devpts -o newinstance,ptmxmode=666,gid=5,mode=620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
mount -t mqueue mqueue root/dev/mqueue
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "root/dev/${number#*:}"; done

# Docker stacks overlays of its own, for which an overlay is no ground. A native host has no Docker.
if [ -d docker ]; then
    mount --bind docker root/var/lib/docker
    mkdir root/run/layers
fi
if [ -d docker ] && [ -d "$template" ]; then
    mount --bind "$template/overlay2" root/run/layers
    mount -o remount,ro,bind root/run/layers
fi

# A disk that other hosts have too, as an NFS home.
if [ -e shared ]; then mount --bind "$(readlink -f shared)" root/srv/mspass; fi

cd root
pivot_root . mnt
umount -l /mnt
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -c '
    cd /
    /usr/sbin/sshd -E /var/log/sshd.log
    if [ -x /usr/local/sbin/engine ]; then engine start; fi
    exec tini -- sleep infinity'
