#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots one guest of the lab against a vfio-user server. This is the command line to start from for guests of your own.
# Usage: scripts/guest/attach.sh LAB SOCKET QMP MODE [words for the kernel's command line]
#   SOCKET  where siov-cosim guest listens; QMP  socket that QEMU makes for --qmp; MODE  vdev or host, what test.sh in the guest does
# Console on stdout. SIOV_KERNEL, SIOV_INITRD: others than the lab's. SIOV_RAM: MiB of guest RAM, default 512.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=$1 socket=$2 qmp=$3 mode=$4
shift 4
ram=${SIOV_RAM:-512}

# What matters:
# - RAM of a shared memory file: the device reaches it without a message.
# - x-msg-timeout [ms]: how long a register access may take; the default of 5 s is too short for RTL with waves.
# - intel-iommu with first-stage tables and PASIDs, the device behind it with its own translation cache: what SVA needs. caching-mode: QEMU wants it.
# - la57=off: QEMU's unit walks four levels only. setcpuid=movdir64b: idxd asks for the instruction, which QEMU does not have; files/movdir64b.c stands in.
# - 04.0 is what siov-cosim takes for granted unless --function says something else.
exec "$here/qemu.sh" "$lab" -M q35,memory-backend=ram -object "memory-backend-memfd,id=ram,size=${ram}M,share=on" -m "$ram" \
  -accel tcg -cpu max,la57=off -display none -serial stdio -no-reboot -nic none -qmp "unix:$qmp,server=on,wait=off" \
  -kernel "${SIOV_KERNEL:-$lab/vmlinuz}" -initrd "${SIOV_INITRD:-$lab/initrd.gz}" \
  -append "console=ttyS0 quiet panic=-1 setcpuid=movdir64b intel_iommu=on,sm_on siov.mode=$mode $*" \
  -device intel-iommu,scalable-mode=on,fsts=on,svm=on,pasid-bits=20,device-iotlb=on,caching-mode=on \
  -device "{\"driver\":\"vfio-user-pci\",\"addr\":\"04.0\",\"x-msg-timeout\":600000,\"socket\":{\"path\":\"$socket\",\"type\":\"unix\"}}"
