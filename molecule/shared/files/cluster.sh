#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a lab node a working one, and a working one again. The nodes of corosync.conf stand in a ring: /dev/md0 of each is a RAID1 of its
# own slot "data" and of the slot "lent" of the next one, which exports it by NVMe over TCP. After the last node comes the first.
#
#   cluster.sh up RATE   makes mirror and file system, then does all below; on all nodes at once, since each waits for the others
#   cluster.sh mend      after any fault: does all below, in this order, whatever of it fails; status 0 only if nothing did
#   cluster.sh export    lends the slot "lent"
#   cluster.sh connect   to what the next node lends, and reads a block of it
#   cluster.sh mirror    assembles /dev/md0, adds its missing legs again, and waits until both have all data
#   cluster.sh quorum    starts corosync and waits until the node is quorate
#   cluster.sh work      mounts the file system and starts the verified workload, unless it has failed: what it saw is not to be lost
#   cluster.sh check     compares both legs and prints, as JSON, what became of the mirror since the node was started
#
# What stands is left alone; what is done is told, a line each. A leg is not used alone while the other one may have newer data.
set -eu
conf=/root/corosync.conf
rate_file=/root/workload.rate
md=/sys/block/md0/md
own=/dev/twostep/data
tries_of_all=120 # a second each, and more in emulation
size_kib=98304   # of a leg: the workload's file and little else, since a check reads both
port=4420
# An emulated node may be late by many seconds: a connection is found dead late and then tried for ever, and I/O waits a while for its
# return before the mirror goes on without the leg. All of that is well below the two minutes after which the kernel reports a blocked
# task; the I/O timeout passes twice.
io_timeout_s=20 keep_alive_s=60 reconnect_s=2 hold_out_s=15

say() { echo "$here: $*"; }
die() {
    echo "$here: $*" >&2
    exit 1
}

# once_a_second WHAT COMMAND...: until the command succeeds. Neither tools nor sysfs offer anything to wait on.
once_a_second() {
    what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -le "$tries_of_all" ] || die "not after $tries_of_all tries: $what"
        sleep 1
    done
}

members() { awk '$1 == "name:" {name = $2} $1 == "nodeid:" {id = $2} $1 == "ring0_addr:" {print name, id, $2}' "$conf"; }
nqn() { echo "nqn.2026-01.org.example:lent-by-$1"; }
uuid() { printf '00000000-0000-4000-8000-%012d\n' "$1"; }

verb=${1:-} rate=${2:-}
here=$(uname -n)
read -r _ own_id own_address << END
$(members | grep "^$here ")
END
read -r next next_id next_address << END
$({ members; members; } | awk -v here="$here" 'found {print; exit} $1 == here {found = 1}')
END
[ -n "$next_address" ] || die "this node is not in $conf"
lent_by_next=/dev/disk/by-id/nvme-uuid.$(uuid "$next_id")

lend() {
    modprobe -a nvmet nvmet-tcp
    subsystem=/sys/kernel/config/nvmet/subsystems/$(nqn "$here")
    door=/sys/kernel/config/nvmet/ports/1
    [ ! -e "$door/subsystems/$(nqn "$here")" ] || return 0
    mkdir -p "$subsystem/namespaces/1" "$door"
    echo 1 > "$subsystem/attr_allow_any_host"
    if [ "$(cat "$subsystem/namespaces/1/enable")" = 0 ]; then
        uuid "$own_id" > "$subsystem/namespaces/1/device_uuid" # the same after a reset, or nobody takes it for the same disk
        printf /dev/twostep/lent > "$subsystem/namespaces/1/device_path"
        echo 1 > "$subsystem/namespaces/1/enable"
    fi
    echo tcp > "$door/addr_trtype"
    echo ipv4 > "$door/addr_adrfam"
    echo "$own_address" > "$door/addr_traddr"
    echo "$port" > "$door/addr_trsvcid"
    ln -s "$subsystem" "$door/subsystems/"
    say "lends /dev/twostep/lent at $own_address:$port"
}

# Prints the folder of the controller that leads to the next node, if there is one.
controller() {
    for told in /sys/class/nvme/nvme*/subsysnqn; do
        if [ "$(cat "$told" 2> /dev/null)" = "$(nqn "$next")" ]; then dirname "$told"; fi
    done
}

# A connection may be dead without anybody having noticed: only what can be read is there.
can_be_read() {
    if [ -z "$(controller)" ] && nvme connect --transport=tcp --traddr="$next_address" --trsvcid="$port" --nqn="$(nqn "$next")" \
        --keep-alive-tmo="$keep_alive_s" --reconnect-delay="$reconnect_s" --ctrl-loss-tmo=-1 > /dev/null 2>&1; then
        echo "$hold_out_s" > "$(controller)/fast_io_fail_tmo"
        say "is connected to what $next lends"
    fi
    [ -b "$lent_by_next" ] && dd if="$lent_by_next" of=/dev/null bs=4096 count=1 iflag=direct status=none 2> /dev/null
}

connect() {
    modprobe nvme-tcp
    echo "$io_timeout_s" > /sys/module/nvme_core/parameters/io_timeout
    once_a_second "$lent_by_next of $next can be read" can_be_read
}

make_mirror() {
    if [ -e "$md" ] || mdadm --examine "$own" > /dev/null 2>&1; then return; fi
    # Both disks are new and read as zeros: there is nothing to be copied.
    mdadm --quiet --create /dev/md0 --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 --bitmap=internal --size="$size_kib" \
        "$own" "$lent_by_next"
    mkfs.ext4 -q /dev/md0
    say "has made /dev/md0 of $own and what $next lends"
}

# Prints the folder of a leg in the array.
member() { echo "$md/dev-$(readlink -f "$1" | sed 's,^/dev/,,; s,/,!,g')"; }

is_rid_of_failed_legs() {
    mdadm --quiet /dev/md0 --fail detached --remove detached --remove failed
    ! grep -qs faulty "$md"/dev-*/state
}

has_all_data() { [ "$(cat "$md/degraded") $(cat "$md/resync_start") $(cat "$md/sync_action")" = "0 none idle" ]; }

mirror() {
    case $(cat "$md/array_state" 2> /dev/null) in
        "" | clear | inactive)
            mdadm --quiet --stop /dev/md0 2> /dev/null || true # there may be none
            legs=$own
            [ ! -b "$lent_by_next" ] || legs="$own $lent_by_next"
            # shellcheck disable=SC2086  # one word a leg
            mdadm --quiet --assemble /dev/md0 $legs || die "/dev/md0 does not start with $legs"
            mdadm --quiet --readwrite /dev/md0 # or what a lost power has left to be copied waits for the first write
            say "has assembled /dev/md0 of $legs"
            ;;
    esac
    once_a_second "failed legs are out of /dev/md0" is_rid_of_failed_legs
    for leg in "$own" "$lent_by_next"; do
        [ -e "$(member "$leg")" ] && continue
        [ -b "$leg" ] || die "/dev/md0 is without $leg"
        mdadm --quiet /dev/md0 --re-add "$leg" || die "$leg is not taken back into /dev/md0"
        say "has added $leg to /dev/md0 again"
    done
    has_all_data && return
    once_a_second "both legs of /dev/md0 have all data" has_all_data
    say "has all data of /dev/md0 on both legs"
}

is_quorate() { corosync-quorumtool -s > /dev/null 2>&1; }

quorum() {
    if ! systemctl --quiet is-active corosync; then
        install -m 0644 "$conf" /etc/corosync/corosync.conf
        systemctl start corosync
        say "has started corosync"
    fi
    once_a_second "the node is quorate" is_quorate
}

work() {
    mkdir -p /srv/data
    if ! mountpoint -q /srv/data; then
        mount /dev/md0 /srv/data
        say "has mounted /dev/md0"
    fi
    case $(systemctl is-active lab-workload) in
        active) ;;
        failed) die "the workload has failed: read /run/lab-workload.json. Next: systemctl reset-failed lab-workload lets it begin anew" ;;
        *)
            python3 /root/workload.py start /srv/data "$(cat "$rate_file")"
            say "has started the workload"
            ;;
    esac
}

mend() {
    failed=
    for part in export connect mirror quorum work; do
        sh "$0" "$part" || failed="$failed $part"
    done
    [ -z "$failed" ] || die "not mended:$failed"
    say "works"
}

is_checked() { [ "$(cat "$md/sync_action")" = idle ]; }

check() {
    sync -f /srv/data
    echo 1000000 > "$md/sync_speed_min" # as fast as it goes
    echo check > "$md/sync_action"
    once_a_second "both legs are compared" is_checked
    lost=$(dmesg | grep -cE 'md/raid1:md0: Disk failure|md: (recovery|resync) of RAID array md0' || true)
    reconnects=$(dmesg | grep -cE 'nvme nvme[0-9]+: Reconnecting in' || true)
    printf '{"degraded": %s, "lost": %s, "mismatches": %s, "reconnects": %s}\n' \
        "$(cat "$md/degraded")" "$lost" "$(cat "$md/mismatch_cnt")" "$reconnects"
}

case $verb in
    up)
        echo "${rate:?}" > "$rate_file"
        sh "$0" export
        sh "$0" connect
        make_mirror
        mend
        ;;
    export) lend ;;
    connect | mirror | quorum | work | mend | check) "$verb" ;;
    *) die "usage: cluster.sh up RATE | mend | export | connect | mirror | quorum | work | check" ;;
esac
