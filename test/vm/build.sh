#!/usr/bin/env bash
# Builds the virtual machine that the service tests run in: Debian with systemd as PID 1, a pure cgroup v2 hierarchy,
# Docker, Podman and systemd-nspawn. Leaves kernel, initrd and disk in the cache folder and, where the CPU is emulated, the state of
# the booted machine with its engines running. Prints the folder's path; does nothing when all is there and nothing has changed.
#
#   build.sh [--force]          cache: $TALLYMAN_VM_CACHE, default /var/cache/tallyman-vm
#
# Needs root on Debian (amd64) with its apt sources; host packages that are missing are installed.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

cache=${TALLYMAN_VM_CACHE:-/var/cache/tallyman-vm}
host_packages=(qemu-system-x86 mmdebstrap e2fsprogs)
guest_packages=(linux-image-cloud-amd64 initramfs-tools lz4 busybox-static systemd-sysv dbus udev kmod iproute2 procps
  ca-certificates curl iptables docker.io podman netavark uidmap dbus-user-session acl systemd-container)
unwanted_units=(apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
  fstrim.timer getty@tty1.service serial-getty@ttyS0.service podman-auto-update.timer podman-auto-update.service podman-restart.service
  systemd-update-utmp.service systemd-random-seed.service systemd-pstore.service)
on_demand_units=(docker.service containerd.service podman.service) # their sockets start them

fail() { echo "test/vm/build.sh: $*" >&2; exit 1; }
step() { echo "test/vm/build.sh: $*" >&2; }

[[ $EUID -eq 0 ]] || fail 'the virtual machine can only be built as root (mmdebstrap, apt-get): run as root'
command -v apt-get >/dev/null || fail 'no apt-get here: the virtual machine is built from Debian packages, use a Debian host'
[[ $(dpkg --print-architecture) == amd64 ]] || fail "only amd64 is supported, this is $(dpkg --print-architecture)"

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
machine=$(dirname "$0")/machine.mjs
# Another QEMU may not read the state.
stamp_of() { { cat "$0" "$machine" && qemu-system-x86_64 --version 2>&1; } | sha256sum | cut -d ' ' -f 1; }
stamp=$(stamp_of || true)
tools_present() { command -v qemu-system-x86_64 >/dev/null && command -v mke2fs >/dev/null; }
if [[ ${1:-} != --force && $(cat "$cache/stamp" 2>/dev/null || true) == "$stamp" ]] && tools_present; then
  echo "$cache"
  exit 0
fi

rm -rf "$cache/stamp" "$cache"/work.*
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
logged() { "$@" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "failed: $*"; }; }

apt=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
step 'reading the package lists'
logged "${apt[@]}" update
if ! tools_present || ! command -v mmdebstrap >/dev/null; then
  step "installing on this host: ${host_packages[*]}"
  logged "${apt[@]}" install -y --no-install-recommends "${host_packages[@]}"
fi

# The guest is the host's release, from the archives that the host itself uses.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
  sort -u >"$work/sources"
[[ -s $work/sources ]] || fail 'the apt sources of this host name no Debian archive'
apt-config dump --format '%F "%v";%n' Acquire::http Acquire::https >"$work/apt.conf"

# Before the packages are configured: the initrd shall hold what finds the disk and no more, quick to unpack.
cat >"$work/before" <<'HOOK'
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
printf 'MODULES=list\nCOMPRESS=lz4\n' >"$1/etc/initramfs-tools/conf.d/tallyman"
printf 'virtio_pci\nvirtio_blk\next4\n' >"$1/usr/share/initramfs-tools/modules.d/tallyman"
HOOK
step "installing in the guest, Debian $release: ${guest_packages[*]}"
root=$work/root
logged mmdebstrap --variant=minbase --mode=root --format=directory --aptopt="$work/apt.conf" \
  --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --essential-hook="sh $work/before \"\$1\"" \
  --include="$(IFS=, && echo "${guest_packages[*]}")" "$release" "$root" "$work/sources"

step 'configuring the guest'
etc=$root/etc
for unit in "${unwanted_units[@]}"; do ln -sf /dev/null "$etc/systemd/system/$unit"; done
chroot "$root" systemctl --quiet disable "${on_demand_units[@]}"
chroot "$root" systemctl --quiet set-default multi-user.target
mkdir -p "$etc/systemd/system.conf.d" "$etc/docker"
printf '[Manager]\nDefaultCPUAccounting=yes\nDefaultIOAccounting=yes\n' >"$etc/systemd/system.conf.d/accounting.conf"
echo '{ "iptables": false, "ip6tables": false }' >"$etc/docker/daemon.json" # half of dockerd's start-up time under emulation
rm -f "$etc"/cni/net.d/*.conflist # for podman's other network backend, whose plugins are not there
echo tallyman-vm >"$etc/hostname"
tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id" # an empty one would mean a first boot, with its extra work
touch "$etc/.updated" "$root/var/.updated"               # the same for sysusers, ldconfig and the like

# The one program of an image for `docker import`, without a network.
mkdir -p "$work/image/bin" "$work/image/tmp"
cp "$root/bin/busybox" "$work/image/bin/"
"$work/image/bin/busybox" --install -s "$work/image/bin"
find "$work/image/bin" -type l -exec ln -sf busybox {} \;
tar -C "$work/image" --owner=0 --group=0 -cf "$root/usr/local/share/busybox.tar" .

# kubelet's way: the systemd driver, and an image for the pauses of pods that needs no registry.
mkdir -p "$etc/containerd"
cat >"$etc/containerd/config.toml" <<'CONFIG'
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/tallyman-test/busybox:1"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
CONFIG

# Starts the engines, and gives each the image under the names that the tests use.
cat >"$root/usr/local/sbin/prepare" <<'PREPARE'
#!/bin/bash
set -e
systemctl start containerd docker podman.socket
tar=/usr/local/share/busybox.tar
docker import --change 'CMD ["sleep", "100000"]' --change 'ENV PATH=/bin' "$tar" busybox
docker tag busybox busybox:1
docker tag busybox tallyman-test/busybox:1
podman import --quiet "$tar" busybox
podman tag busybox busybox:1
docker save tallyman-test/busybox:1 >/tmp/image
for namespace in k8s.io depot; do ctr --namespace "$namespace" images import /tmp/image; done
rm /tmp/image
PREPARE
chmod 755 "$root/usr/local/sbin/prepare"

# Disks, in the order that run.mjs attaches them: vda this root, vdb the folder of the job, vdc its results as a tar.
cat >"$root/usr/local/sbin/job" <<'JOB'
#!/bin/bash
export HOME=/root LANG=C.UTF-8 PATH=/job/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /job /output /run/job
prepare >/dev/ttyS0 2>&1 || { echo 'job: the engines cannot be started' >/dev/ttyS0; exit; }
# A saved machine continues here. The results disk says when a job is there, and what time it is.
echo 'job: waiting' >/dev/ttyS0
until order=$(dd if=/dev/vdc bs=512 count=1 iflag=direct status=none | tr -d '\0') && [[ $order == run\ * ]]; do sleep 0.2; done
date --set "@${order#run }" >/dev/null
mount -o noatime /dev/vdb /job && cd /job || exit
bash .bin/command &> >(tee /run/job/log >/dev/ttyS0)
echo $? >/run/job/status
cp -a /output /run/job/
tar -C /run/job -cf /dev/vdc .
JOB
chmod 755 "$root/usr/local/sbin/job"
cat >"$etc/systemd/system/job.service" <<'UNIT'
[Unit]
Description=The command given to the virtual machine
After=multi-user.target

[Service]
Type=exec
ExecStart=/usr/local/sbin/job
ExecStopPost=/bin/systemctl poweroff --force --force
OOMPolicy=continue
TasksMax=infinity

[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl --quiet enable job.service

step 'writing the disk'
cp "$root"/boot/vmlinuz-* "$work/kernel"
cp "$root"/boot/initrd.img-* "$work/initrd"
rm -rf "$root"/boot/* "$root"/var/cache/apt/*
truncate -s 6G "$work/disk" # sparse
logged mke2fs -q -F -t ext4 -O ^has_journal -d "$root" "$work/disk"
step 'starting the engines'
node "$machine" "$work" || fail 'the machine did not start'
rm -f "$cache/state"
for part in kernel initrd disk state; do [[ ! -e $work/$part ]] || mv "$work/$part" "$cache/"; done
stamp_of >"$cache/stamp" # QEMU may not have been there before
step "done in $SECONDS s: $(du -ch "$cache"/{kernel,initrd,disk,state} 2>/dev/null | tail -n 1 | cut -f 1) in $cache"
echo "$cache"
