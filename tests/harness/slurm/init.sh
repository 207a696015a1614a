#!/bin/bash
# PID 1 of a host: NAME TREE GROUP, in the host's folder. Mounts the host's root, moves into it, starts what it runs.
set -e
umask 022
name=$1 tree=$2 group=$3

# A control group of its own in each hierarchy, which it takes for the root of them all.
if [ -z "$GROUPED" ]; then
    for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ -e "$root/cgroup.procs" ] || continue
        for directory in "$root/${group%/*}" "$root/$group"; do
            mkdir -p "$directory"
            for file in cpuset.cpus cpuset.mems; do
                if [ -e "$root/cgroup.clone_children" ] && [ -e "$directory/$file" ]; then
                    cat "${directory%/*}/$file" > "$directory/$file"
                fi
            done
        done
        echo 0 > "$root/$group/cgroup.procs"
    done
    GROUPED=yes exec unshare --cgroup bash "$0" "$@"
fi

mount --make-rprivate /
echo "$name" > /proc/sys/kernel/hostname
mkdir -p root work tmp
chmod 1777 tmp
mount -t overlay -o "lowerdir=$tree,upperdir=upper,workdir=work" overlay root
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
if [ -e /sys/fs/cgroup/freezer ]; then
    mount -t tmpfs -o mode=755 tmpfs root/sys/fs/cgroup
    for controller in freezer cpuset memory devices; do
        mkdir "root/sys/fs/cgroup/$controller"
        mount -t cgroup -o "$controller" cgroup "root/sys/fs/cgroup/$controller"
    done
else
    mount -t cgroup2 cgroup2 root/sys/fs/cgroup
    # Groups below have controllers only if no process is in this one itself.
    mkdir -p root/sys/fs/cgroup/init.scope
    echo 0 > root/sys/fs/cgroup/init.scope/cgroup.procs
fi
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=755 tmpfs root/dev
cp -a /dev/{null,zero,full,random,urandom,tty} root/dev/
mknod -m 666 root/dev/fuse c 10 229
if [ -e root/etc/slurm/gres.conf ]; then
    for device in $(sed -n "s,.* File=/dev/,,p" root/etc/slurm/gres.conf); do mknod -m 666 "root/dev/$device" c 1 3; done
fi
mkdir root/dev/{pts,shm,mqueue} root/run/{lock,sshd,munge}
mount -t devpts -o newinstance,ptmxmode=666,gid=5,mode=620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
mount -t mqueue mqueue root/dev/mqueue
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "root/dev/${number#*:}"; done

# Its own disk as it is: not all that a database asks of one is to be had of an overlay.
mount --bind tmp root/tmp
for link in shared/*; do
    at=${link#shared/} at=root/${at//%//}
    mkdir -p "$at"
    mount --rbind "$(readlink -f "$link")" "$at"
done
if mountpoint -q root/apps; then mount -o remount,ro,bind root/apps; fi

cd root
pivot_root . mnt
umount -l /mnt
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -c '
    cd /
    exec >> /var/log/boot.log 2>&1
    chown munge: /run/munge
    runuser --user munge -- munged
    if [ ! -e /etc/ssh/sshd_not_to_be_run ]; then /usr/sbin/sshd -E /var/log/sshd.log; fi
    if [ -e /etc/slurm/slurm.conf ]; then
        if [ "$(hostname)" = login ]; then slurmctld; else slurmd; fi
    fi
    exec tini -- sleep infinity'
