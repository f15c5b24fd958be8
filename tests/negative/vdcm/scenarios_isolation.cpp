// SPDX-License-Identifier: Apache-2.0
// Scenarios between tenants: portals, messages, PASIDs, errors.
#include "scenarios.hpp"

namespace siov::test {

namespace {
constexpr std::uint64_t kIms = 0x4000;  // of the reference device

std::uint16_t handle_of(Paused& v) { return static_cast<std::uint16_t>(v.command(13, 1) >> 8); }

std::uint64_t device_word(Audited& rig, std::uint64_t offset, std::uint32_t size = 8) {
  return rig.run(read_control(rig.device, offset, size));
}
}  // namespace

/// A dedicated and a shared queue, each with a completion and its interrupt.
void work_with_interrupts(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused own(rig, 0);
  Paused shared(rig, 2);
  const std::uint16_t first = handle_of(own);
  const std::uint16_t second = handle_of(shared);
  own.vdev->posted_write64(0, own.copy(64, first));
  const port::Line line = shared.copy(64, second);
  found.expect(rig.run(enqcmd(*shared.vdev, 0x1000, line)) == port::CompletionStatus::kSuccess,
               "the shared queue takes work");
  rig.run(pause(10'000));
  found.expect(own.done() == 1 && shared.done() == 1, "work completes");
  found.expect(own.interrupts.count(0x51) == 1 && shared.interrupts.count(0x51) == 1,
               "each guest gets its completion interrupt");
  found.add(rig.audit);
}

/// A guest writes another guest's remappable message, and one of no remapping, where it may.
void hostile_messages(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused victim(rig, 1);
  Paused guest(rig, 0);
  const std::uint16_t theirs = handle_of(victim);
  const std::uint16_t mine = handle_of(guest);
  const std::uint64_t before = device_word(rig, kIms + 16U * mine);
  guest.write(0x610, 8, device_word(rig, kIms + 16U * theirs));
  guest.write(0x618, 4, 0);
  rig.run(pause(100));
  found.expect(device_word(rig, kIms + 16U * mine) == before, "the entry keeps the host's message");
  guest.vdev->posted_write64(0, guest.copy(64, mine));
  rig.run(pause(10'000));
  // The remapping unit sees one requester (SIOV-P-09): nothing behind the device stops it.
  found.expect(victim.interrupts.total() == 0, "no guest gets another one's interrupt");
  found.expect(guest.status(0) == 1, "work completes");
  guest.write(0x610, 8, 0xFEEF'F000);
  guest.write(0x618, 4, 0x4123);
  rig.run(pause(100));
  found.expect(device_word(rig, kIms + 16U * mine) == before &&
                   device_word(rig, kIms + 16U * mine + 8, 4) == 0,
               "the entry keeps the host's message");
  found.add(rig.audit);
}

/// The guest never turns PASID on; its DMA is tagged with the default one all the same.
void guest_without_pasid(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  VdevRig v(rig, 0);
  v.enable_pci(kBme);
  v.write(0x508, 4, 1);
  found.expect(v.command(1, 0) == 0 && v.command(6, 0) == 0, "the queue is enabled");
  std::size_t untagged = 0;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    if (r.pasid != std::optional(v.vdev->default_pasid()) || !r.privileged) ++untagged;
  };
  const Iova record = v.space.allocate(32);
  v.vdev->posted_write64(0, v.copy_line(0, record));
  rig.run(pause(10'000));
  found.expect(untagged == 0, "all DMA carries the default PASID");
  found.expect(v.status(record) == 1, "work completes");
  found.add(rig.audit);
}

void abort_beside_a_neighbour(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused victim(rig, 2);
  Paused guest(rig, 2);
  for (int i = 0; i < 6; ++i) {
    const port::Line line = victim.copy(1 << 18);
    static_cast<void>(rig.run(enqcmd(*victim.vdev, 0x1000, line)));
  }
  found.expect(guest.command(9, 1) == 0, "the guest's Abort WQ succeeds");
  rig.run(pause(1'000'000));
  found.expect(victim.done() == 6, "the neighbour's work completes");
  found.add(rig.audit);
}

/// ENQCMD with the guest's own PASID, with one it does not have, and with the number of a victim.
void raw_pasids(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  VdevRig victim(rig, 3);
  victim.bring_up();
  VdevRig guest(rig, 2);
  guest.bring_up();
  const Pasid theirs = *rig.vdcm.host_pasid(victim.vm, Pasid{7});
  bool aimed = false;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    aimed = aimed || r.pasid == std::optional(theirs);
  };
  rig.recorder.forget();
  bool raw = false;
  for (const std::uint32_t pasid : {7u, 8u, theirs.value}) {
    const port::Line line = guest.copy_line(pasid, guest.space.allocate(32));
    static_cast<void>(rig.run(enqcmd(*guest.vdev, 0x1000, line)));
  }
  const Pasid host = *rig.vdcm.host_pasid(guest.vm, Pasid{7});
  for (const Recorder::Portal& p : rig.recorder.portals)
    raw = raw || (abi::load_le(p.line, 4) & 0xFFFFF) != host.value;
  rig.run(pause(10'000));
  found.expect(!raw, "no PASID leaves the CPU as the guest wrote it");
  found.expect(!aimed, "no DMA goes to another guest's memory");
  found.add(rig.audit);
}

void unbind_under_load(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused v(rig, 2);
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  for (int i = 0; i < 4; ++i) {
    const port::Line line = v.copy(1 << 16);
    static_cast<void>(rig.run(enqcmd(*v.vdev, 0x1000, line)));
  }
  std::uint64_t late = 0;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    if (r.pasid == std::optional(host) && rig.platform.pasids().references(host) == 0) ++late;
  };
  rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{7}));
  rig.run(pause(10'000));
  found.expect(late == 0, "a free PASID does no DMA");
  found.add(rig.audit);
}

/// A record off its grid is a software error of one of two guests on a queue.
void error_on_a_shared_queue(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  VdevRig victim(rig, 2);
  VdevRig guilty(rig, 2);
  victim.bring_up();
  guilty.bring_up();
  const Iova bad = guilty.space.allocate(64) + 8;
  static_cast<void>(rig.run(enqcmd(*guilty.vdev, 0x1000, guilty.copy_line(7, bad))));
  rig.run(pause(5000));
  found.expect(victim.read(0xC0, 8) == 0 && victim.read(0xD0, 8) == 0,
               "the neighbour is told nothing");
  found.expect((guilty.read(0xC0, 8) >> 40 & 0xFFFFF) == 7 &&
                   (guilty.read(0xC0, 8) >> 16 & 0xFF) == 0 && guilty.read(0xD0, 8) == bad.value,
               "the guilty guest is told in its own terms");
  found.add(rig.audit);
}

}  // namespace siov::test
