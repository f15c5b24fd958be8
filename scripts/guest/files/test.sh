# SPDX-License-Identifier: Apache-2.0
# What the guest does with its device. Lines that begin with "SIOV:" are read by report.py:
#   SIOV: step NAME RC            something that has to end with 0
#   SIOV: op OPCODE NAME RC       dsa_test
#   SIOV: client OK BAD KINDS...  wq_client
#   SIOV: note TEXT               shown
word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^siov\.$1=//p"; }
mode=$(word mode)
task=$(word task)
copies=$(word copies)
device=dsa0
queue=$device/wq0.0
sysfs=/sys/bus/dsa/devices/$device

status() { [ ! -e $sysfs ] || echo "    last command of the device: $(cat $sysfs/cmd_status), queue: $(cat $sysfs/wq0.0/state)"; }
step() { # NAME command...: runs it, tells how it ended
  name=$1
  shift
  output=$("$@" 2>&1)
  rc=$?
  [ -z "$output" ] || echo "$output" | sed 's/^/    /'
  echo "SIOV: step $name $rc"
  [ $rc = 0 ] || status
  return $rc
}
# What the kernel says about the device or its unit with the level of a warning or worse. "No PMU support" is idxd's word for a device without
# performance monitoring, which is optional.
no_warnings() {
  ! dmesg -r | sed -n 's/^<\([0-4]\)>/\1 /p' | grep -i -E 'idxd|dsa[0-9]|0000:00:04.0|DMAR|iommu|BUG|WARNING|Oops' |
    grep -v -E 'setcpuid|Unknown kernel command line|No PMU support'
}
give_up() {
  echo "SIOV: note $(dmesg | tail -5 | tr '\n' '|')"
  exit 1
}

rebind() {
  echo 0000:00:04.0 >/sys/bus/pci/drivers/idxd/unbind
  echo 0000:00:04.0 >/sys/bus/pci/drivers/idxd/bind
}
configure() { # a disabled queue has forgotten what it was; an enabled device does not let its size be changed
  if [ "$(cat $sysfs/configurable)" = 1 ]; then
    size=
    [ "$(cat $sysfs/state)" = enabled ] || {
      size=--wq-size=16
      step config-engine accel-config config-engine $device/engine0.0 --group-id=0
    }
    step config-wq accel-config config-wq $queue --group-id=0 --mode=dedicated $size --priority=10 --type=user --name=siov \
      --driver-name=user --max-batch-size=32 --max-transfer-size=2097152
  else # a virtual device: its queue is what the host made of it; the driver reads that when it is bound, and forgets it with the queue
    [ "$(cat $sysfs/wq0.0/mode)" = dedicated ] || step rebind rebind
    step config-wq accel-config config-wq $queue --type=user --name=siov --driver-name=user
  fi
}
enable_device() { # NAME of the step. A virtual device may be enabled from the start
  if [ "$(cat $sysfs/state)" = enabled ]; then
    step "$1" true
  else
    step "$1" accel-config enable-device $device
  fi
}
client() { # COUNT SEED
  timeout 1200 wq_client /dev/dsa/wq0.0 "$1" "$2" "$(cat $sysfs/wq0.0/size)" "$(cat $sysfs/wq0.0/max_batch_size)"
  step client-$2 test $? = 0
}
operation() { # OPCODE NAME LENGTH [more options]
  opcode=$1 name=$2 length=$3
  shift 3
  output=$(LD_PRELOAD=/lib/movdir64b.so timeout 600 dsa_test -w 0 -l "$length" -f 0xa -o "$opcode" -n 4 -t 300000 "$@" 2>&1)
  rc=$?
  [ $rc = 0 ] || { echo "$output" | tail -8 | sed 's/^/    /'; status; }
  echo "SIOV: op $opcode $name $rc"
}
operations() {
  operation 0x0 no-op 4096
  operation 0x2 drain 4096
  operation 0x3 memmove 65536
  operation 0x4 fill 65536
  operation 0x5 compare 65536
  operation 0x6 compare-pattern 65536
  operation 0x7 create-delta 4096
  operation 0x8 apply-delta 4096
  operation 0x9 dualcast 65536
  operation 0x10 crc 65536
  operation 0x11 copy-crc 65536
  operation 0x12 dif-check 4096
  operation 0x13 dif-insert 4096
  operation 0x14 dif-strip 4096
  operation 0x15 dif-update 4096
  operation 0x20 cache-flush 65536
  for inner in 0x0:no-op 0x3:memmove 0x4:fill 0x5:compare 0x6:compare-pattern 0x7:create-delta 0x8:apply-delta 0x9:dualcast 0x10:crc \
    0x11:copy-crc 0x12:dif-check 0x13:dif-insert 0x14:dif-strip 0x15:dif-update 0x20:cache-flush; do
    operation 0x1 "batch-of-${inner#*:}" 4096 -b "${inner%:*}" -c 8
  done
}

step bus insmod /lib/idxd_bus.ko
step probe insmod /lib/idxd.ko || give_up
step bound test -e $sysfs || give_up
step no-warnings no_warnings
echo "SIOV: note $mode: version $(cat $sysfs/version), PASID $(cat $sysfs/pasid_enabled), configurable $(cat $sysfs/configurable), op_cap $(cat $sysfs/op_cap)"
configure || give_up
enable_device enable-device || give_up
step enable-wq accel-config enable-wq $queue || give_up
if [ "$task" = work ]; then # until somebody pulls the plug, or as often as asked
  echo "SIOV: working"
  client "${copies:-1000000}" 7
  exit
fi
client "${copies:-300}" 1
operations
# A process that dies in the middle of its work: the kernel takes its PASID back.
wq_client /dev/dsa/wq0.0 1000000 2 "$(cat $sysfs/wq0.0/size)" 0 >/dev/null &
sleep 1
kill -9 $!
wait $! 2>/dev/null
client 20 3
step disable-wq accel-config disable-wq $queue
configure
step enable-wq-again accel-config enable-wq $queue
client 20 4
step disable-wq-again accel-config disable-wq $queue
step disable-device accel-config disable-device $device
configure
enable_device enable-device-again
step enable-wq-third accel-config enable-wq $queue
client 20 5
step disable-wq-third accel-config disable-wq $queue
step disable-device-again accel-config disable-device $device
step unbind sh -c 'echo 0000:00:04.0 >/sys/bus/pci/drivers/idxd/unbind'
step no-warnings-at-the-end no_warnings
