// SPDX-License-Identifier: Apache-2.0
// Scenarios of one VDEV's life: reset, pause, save, handles that change.
#include "scenarios.hpp"

namespace siov::test {

namespace {

coro::Task<> mmio64(port::DevicePort& vdev, port::Line line) {
  vdev.posted_write64(0, line);
  co_return;
}

/// On queue 0, saved, and going on on queue 1; its old interrupt entry is somebody else's.
struct Moved {
  explicit Moved(const MakeMistake& mistake) : rig(mistake), v(rig, 0) {
    old_handle = static_cast<std::uint16_t>(v.command(13, 1) >> 8);
    v.pause_now();
    next = &v.other(1);
    EXPECT_TRUE(next->restore(v.saved()).empty());
    rig.run(rig.vdcm.destroy_vdev(*v.vdev));
    other = std::make_unique<Paused>(rig, 2);
    zero = v.interrupts.count(0x50);
    one = v.interrupts.count(0x51);
    EXPECT_EQ(rig.run(resume_vdev(*next)), "");
  }
  std::uint64_t read(std::uint64_t offset, std::uint32_t size) {
    return rig.run(read_control(*next, offset, size));
  }
  std::uint32_t command(std::uint32_t code, std::uint32_t operand) {
    return rig.run(guest_command(*next, code, operand));
  }

  Audited rig;
  Paused v;
  std::unique_ptr<Paused> other;
  vdcm::Vdev* next = nullptr;
  std::uint16_t old_handle = 0;
  std::uint64_t zero = 0, one = 0;
};

}  // namespace

/// FLR, nothing of the VDEV runs; set up again, its DMA has its PASID.
void reset_and_start_again(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused v(rig, 0);
  v.config(0x58, 2, 0xA910);
  found.expect(rig.run(read_control(rig.device, 0x818, 4)) >> 30 == 0,
               "the physical queue is off after the reset");
  found.add(rig.audit);
  v.enable_pci(kAllPci);
  v.set_wq_pasid(7);
  found.expect(v.command(1, 0) == 0 && v.command(6, 0) == 0, "the VDEV starts again");
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  std::uint64_t foreign = 0;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    if (r.pasid != std::optional(host)) ++foreign;
  };
  v.vdev->posted_write64(0, v.copy());
  rig.run(pause(10'000));
  found.expect(foreign == 0 && v.done() == 1, "work runs with the restored PASID");
  found.add(rig.audit);
}

/// The guest's CPU has used the portal, so that it holds the translation; then the VDEV is reset.
void store_after_reset(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused v(rig, 0);
  rig.run(mmio64(*v.vdev, v.copy()));
  rig.run(pause(5000));
  rig.run(v.vdev->reset());
  v.enable_pci(kAllPci);
  rig.recorder.forget();
  rig.run(mmio64(*v.vdev, v.copy()));
  found.expect(rig.recorder.portals.empty(), "no store reaches the device after the reset");
  found.add(rig.audit);
}

void store_while_paused(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused v(rig, 0);
  rig.run(mmio64(*v.vdev, v.copy()));
  v.pause_now();
  rig.recorder.forget();
  rig.run(mmio64(*v.vdev, v.copy()));
  found.expect(rig.recorder.portals.empty(), "no store reaches the device while it is paused");
  found.add(rig.audit);
}

void save_under_load(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused v(rig, 0);
  for (int i = 0; i < 4; ++i) rig.run(mmio64(*v.vdev, v.copy(65536)));
  v.pause_now();
  static_cast<void>(v.saved());
  std::uint64_t late = 0;
  rig.tap.on_request = [&](const port::DmaRequest&, bool) { ++late; };
  found.expect(v.done() == 4, "what was accepted is complete when the state is saved");
  rig.run(pause(100'000));
  found.expect(late == 0, "no DMA after the state was saved");
  found.add(rig.audit);
}

void held_over_a_pause(const MakeMistake& mistake, Findings& found) {
  Audited rig(mistake);
  Paused v(rig, 0);
  v.pause_now();
  for (int i = 0; i < 3; ++i) rig.run(mmio64(*v.vdev, v.copy()));
  v.resume_now();
  rig.run(pause(10'000));
  found.expect(v.done() == 3, "what was submitted during the pause is done after it");
  found.add(rig.audit);
}

void handles_change(const MakeMistake& mistake, Findings& found) {
  Moved m(mistake);
  found.expect((m.read(0x98, 4) >> 31) == 1, "INTCAUSE says that handles were revoked");
  found.expect(m.v.interrupts.count(0x50) - m.zero == 1, "vector 0 says so");
  // A guest that was told asks again; one that was not uses what it has.
  const bool told = (m.read(0x98, 4) >> 31) == 1;
  const auto handle = told ? static_cast<std::uint16_t>(m.command(13, 1) >> 8) : m.old_handle;
  m.next->posted_write64(0, m.v.copy(64, handle));
  m.rig.run(pause(10'000));
  found.expect(m.v.status(0) == 1 && m.v.interrupts.count(0x51) - m.one == 1,
               "work after the move ends with its interrupt");
  found.expect(m.other->interrupts.count(0x51) == 0, "no guest gets another one's interrupt");
  found.add(m.rig.audit);
}

/// Work is under way when the guest acknowledges: the interrupt comes behind it.
void acknowledged_handles(const MakeMistake& mistake, Findings& found) {
  Moved m(mistake);
  m.next->posted_write64(0, m.v.copy(1 << 20));
  std::vector<std::uint8_t> at_interrupt;
  m.v.interrupts.connect(0x51, [&] { at_interrupt.push_back(m.v.status(0)); });
  found.expect(m.command(31, 0) == 0, "the acknowledgement succeeds");
  m.rig.run(pause(500'000));
  found.expect(at_interrupt.size() == 1, "each data vector is raised once");
  found.expect(at_interrupt.empty() || at_interrupt[0] == 1, "the interrupt comes after the drain");
  found.add(m.rig.audit);
}

}  // namespace siov::test
