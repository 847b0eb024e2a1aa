#!/usr/bin/env bash
# Runs `npm ci && npm test` of the last commit in a Debian tree that has Node, npm and git and nothing else: as root from
# a home that only root can enter, and as an ordinary user from another. There is no right to make cgroups, unless
# --cgroups gives it. Prints how long each took; fails when one failed or left something in /tmp.
#
#   run.sh [--cgroups] [USER...]          USER: root, or any other name (default: root and developer)
#
# Needs root, mmdebstrap and the apt sources of a Debian host. Node and npm are those that run here.
set -euo pipefail
export LC_ALL=C

fail() { echo "test/bare/run.sh: $*" >&2; exit 1; }
[[ $EUID -eq 0 ]] || fail 'run as root: a tree for chroot is made'
command -v mmdebstrap >/dev/null || fail 'mmdebstrap is missing: apt-get install --no-install-recommends mmdebstrap'
sys_mode=ro
[[ ${1:-} != --cgroups ]] || { sys_mode=rw; shift; }
users=("$@")
[[ $# -gt 0 ]] || users=(root developer)

project=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
tree=$work/tree

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
  sort -u >"$work/sources"
apt-config dump --format '%F "%v";%n' Acquire::http Acquire::https >"$work/apt.conf"
mmdebstrap --quiet --variant=minbase --mode=root --format=directory --aptopt="$work/apt.conf" \
  --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --include=git,libstdc++6 "$release" "$tree" "$work/sources"

# Node, npm, and the way to the registry, as this host has them.
cp -L "$(command -v node)" "$tree/usr/bin/node"
mkdir -p "$tree/usr/lib/node_modules"
cp -a "$(npm root --global)/npm" "$tree/usr/lib/node_modules/"
for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$tree/usr/bin/$name"; done
cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
settings=()
for key in registry proxy https-proxy noproxy; do
  value=$(npm config get "$key")
  [[ -z $value || $value == null ]] || settings+=("npm_config_${key//-/_}=$value")
done
authorities=$(npm config get cafile)
if [[ -f $authorities ]]; then
  cp -L "$authorities" "$tree/etc/npm-authorities.pem"
  settings+=(npm_config_cafile=/etc/npm-authorities.pem)
fi

# Runs a command in the tree, in namespaces that end with it.
within() {
  export tree sys_mode user=$1
  shift
  unshare --mount --pid --fork --uts --ipc --kill-child bash -c '
    set -e
    mount --make-rprivate /
    mount -t proc proc "$tree/proc"
    mount --rbind /sys "$tree/sys"
    if [[ $sys_mode == ro ]]; then
      awk -v top="$tree/sys" "index(\$2, top) == 1 { print \$2 }" /proc/self/mounts |
        while read -r path; do mount -o remount,bind,ro "$path"; done
    fi
    mount -t tmpfs -o mode=755 dev "$tree/dev"
    for name in null zero full random urandom tty; do
      touch "$tree/dev/$name"
      mount --bind "/dev/$name" "$tree/dev/$name"
    done
    mkdir "$tree/dev/shm"
    mount -t tmpfs shm "$tree/dev/shm"
    ln -s /proc/self/fd "$tree/dev/fd"
    for number in 0 1 2; do ln -s "fd/$number" "$tree/dev/$(echo stdin stdout stderr | cut -d " " -f $((number + 1)))"; done
    chroot --userspec="$user:$user" "$tree" /usr/bin/env -i "$@"
  ' bash PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "${settings[@]}" "$@"
}

status=0
for user in "${users[@]}"; do
  home=/root
  if [[ $user != root ]]; then
    home=/home/$user
    chroot "$tree" useradd --create-home "$user"
  fi
  chmod 700 "$tree$home"
  git clone --quiet --no-hardlinks "$project" "$tree$home/tallyman"
  chroot "$tree" chown -R "$user:$user" "$home"
  for command in 'npm ci' 'npm test'; do
    printf '\n== %s as %s in %s/tallyman\n' "$command" "$user" "$home"
    started=$SECONDS
    within "$user" HOME="$home" sh -c "cd $home/tallyman && $command" || { status=1; echo "FAILED: $command"; }
    echo "== $((SECONDS - started)) s"
  done
  left=$(ls -A "$tree/tmp")
  [[ -z $left ]] || { status=1; printf 'FAILED: left in /tmp:\n%s\n' "$left"; }
  rm -rf "$tree$home/tallyman" "$tree/tmp/"*
done
exit "$status"
