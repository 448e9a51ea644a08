#!/bin/sh
# Boots this machine's own systemd in a machine of its own, over a copy of the root that nothing is written to.
#   unshare --mount --propagation private sh boot.sh FOLDER OPTION…
# FOLDER/upper is laid over the root, FOLDER/out is /mnt there; the machine runs the unit proof.target, and ends.
set -eu
folder=$1
shift
mount -t tmpfs tmpfs "$folder/machine"
mkdir "$folder/machine/upper" "$folder/machine/work" "$folder/machine/root"
cp -a "$folder/upper/." "$folder/machine/upper"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/machine/upper,workdir=$folder/machine/work" "$folder/machine/root"
exec systemd-nspawn --quiet --directory="$folder/machine/root" --register=no --keep-unit --private-network \
    --console=pipe --bind="$folder/out:/mnt" "$@" --boot -- --unit=proof.target
